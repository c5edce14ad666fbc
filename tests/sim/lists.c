#include "tests/sim/lists.h"

#include "common/json.h"
#include "common/str.h"
#include "tests/sim/loaded.h"

static void reply(struct http_conn *c, int status, json_t *value)
{
        _cleanup_free_ char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

        json_decref(value);
        http_reply(c, text ? status : 500, "application/json", span_of(text ? text : ""));
}

static json_t *list_anthropic(void)
{
        json_t *list = json_array();

        for (size_t i = 0; sim_model_at(MAKER_ANTHROPIC, i); i++) {
                const struct sim_model *m = sim_model_at(MAKER_ANTHROPIC, i);

                (void)json_array_append_new(list,
                                            json_pack("{s:s s:s s:s s:I s:I}", "type", "model",
                                                      "id", m->prefix, "display_name", m->prefix,
                                                      "max_input_tokens", (json_int_t)m->window,
                                                      "max_tokens", (json_int_t)m->max_output));
        }
        return json_pack("{s:o s:b}", "data", list, "has_more", 0);
}

static json_t *list_openai(const struct sim *s)
{
        enum sim_maker maker = s->options.flavour == FLAVOUR_OPENAI ? MAKER_OPENAI : MAKER_LOCAL;
        json_t *list = json_array();

        for (size_t i = 0; sim_model_at(maker, i); i++)
                (void)json_array_append_new(
                        list, json_pack("{s:s s:s s:s}", "id", sim_model_at(maker, i)->prefix,
                                        "object", "model", "owned_by", "genopt-sim"));
        return json_pack("{s:s s:o}", "object", "list", "data", list);
}

static json_t *list_tags(void)
{
        json_t *list = json_array();

        for (size_t i = 0; sim_model_at(MAKER_LOCAL, i); i++) {
                const char *name = sim_model_at(MAKER_LOCAL, i)->prefix;

                (void)json_array_append_new(list, json_pack("{s:s+ s:s+ s:I}", "name", name,
                                                            ":latest", "model", name, ":latest",
                                                            "size", (json_int_t)5000000000));
        }
        return json_pack("{s:o}", "models", list);
}

/* Both makers have this path: who sends a version, or nothing at all, is Anthropic's. */
static void serve_models(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        bool is_openai =
                s->options.flavour != FLAVOUR_OPENAI || http_get_header(r, "authorization");

        reply(c, 200,
              is_openai && !http_get_header(r, "anthropic-version") ? list_openai(s)
                                                                    : list_anthropic());
}

static void serve_health(struct sim *s, struct http_conn *c)
{
        if (sim_now_usec(s) < s->options.load_ms * 1000)
                reply(c, 503,
                      json_pack("{s:{s:i s:s s:s}}", "error", "code", 503, "message",
                                "Loading model", "type", "unavailable_error"));
        else
                reply(c, 200, json_pack("{s:s}", "status", "ok"));
}

bool lists_serve(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        if (str_is_equal(r->path, "/v1/models"))
                serve_models(s, c, r);
        else if (str_is_equal(r->path, "/api/tags"))
                reply(c, 200, list_tags());
        else if (str_is_equal(r->path, "/api/ps"))
                reply(c, 200, loaded_to_json(s));
        else if (str_is_equal(r->path, "/api/version"))
                reply(c, 200, json_pack("{s:s}", "version", "0.30.0-sim"));
        else if (str_is_equal(r->path, "/health"))
                serve_health(s, c);
        else
                return false;
        return true;
}
