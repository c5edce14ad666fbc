#include "tests/sim/control.h"

#include <stdio.h>

#include "common/json.h"
#include "common/str.h"
#include "tests/sim/bound.h"
#include "tests/sim/cache.h"
#include "tests/sim/faults.h"
#include "tests/sim/journal.h"
#include "tests/sim/pace.h"

enum option_type { OPTION_U64, OPTION_REAL };

#define OPTION(name, member, type)                               \
        {                                                        \
                name, type, offsetof(struct sim_options, member) \
        }
static const struct {
        const char *name;
        enum option_type type;
        size_t offset;
} options[] = {
        OPTION("speed", speed, OPTION_REAL),
        OPTION("seed", seed, OPTION_U64),
        OPTION("miss-rate", miss_rate, OPTION_REAL),
        OPTION("visible-delay-ms", visible_delay_ms, OPTION_U64),
        OPTION("delta-tokens", delta_tokens, OPTION_U64),
        OPTION("first-ms", first_ms, OPTION_U64),
        OPTION("tokens-per-second", tokens_per_second, OPTION_U64),
        OPTION("keep", keep, OPTION_U64),
        OPTION("rpm", limits.per_minute[LIMIT_REQUESTS], OPTION_U64),
        OPTION("itpm", limits.per_minute[LIMIT_INPUT], OPTION_U64),
        OPTION("otpm", limits.per_minute[LIMIT_OUTPUT], OPTION_U64),
        OPTION("context", context, OPTION_U64),
        OPTION("load-ms", load_ms, OPTION_U64),
        OPTION("parallel", parallel, OPTION_U64),
        OPTION("queue", queue, OPTION_U64),
        OPTION("details", details, OPTION_U64),
};

static const struct {
        const char *name;
        uint64_t per_minute[N_LIMITS];
} tiers[] = {
        {"none", {0, 0, 0}},
        {"start", {1000, 2000000, 400000}},
        {"build", {5000, 5000000, 1000000}},
        {"scale", {10000, 10000000, 2000000}},
};

static int set_tier(struct sim *s, const char *value, struct buf *why)
{
        for (size_t i = 0; i < N_ELEMENTS(tiers); i++) {
                if (!str_is_equal(tiers[i].name, value))
                        continue;
                memcpy(s->options.limits.per_minute, tiers[i].per_minute,
                       sizeof(tiers[i].per_minute));
                return 0;
        }
        buf_printf(why, "'%s' is no tier: none, start, build, scale", value);
        return CONDITION_REFUSED;
}

static int set_flavour(struct sim *s, const char *value, struct buf *why)
{
        static const char *const names[N_FLAVOURS] = {
                [FLAVOUR_OPENAI] = "openai",     [FLAVOUR_OLLAMA] = "ollama",
                [FLAVOUR_LMSTUDIO] = "lmstudio", [FLAVOUR_LLAMACPP] = "llamacpp",
                [FLAVOUR_VLLM] = "vllm",
        };

        for (size_t i = 0; i < N_FLAVOURS; i++)
                if (str_is_equal(names[i], value)) {
                        s->options.flavour = (enum flavour)i;
                        return 0;
                }
        buf_printf(why, "'%s' is no flavour: openai, ollama, lmstudio, llamacpp, vllm", value);
        return CONDITION_REFUSED;
}

int control_set_option(struct sim *s, const char *name, const char *value, struct buf *why)
{
        int r = -EINVAL;

        if (str_is_equal(name, "tier"))
                return set_tier(s, value, why);
        if (str_is_equal(name, "flavour"))
                return set_flavour(s, value, why);
        for (size_t i = 0; i < N_ELEMENTS(options); i++) {
                void *at = (char *)&s->options + options[i].offset;

                if (!str_is_equal(options[i].name, name))
                        continue;
                r = options[i].type == OPTION_U64 ? str_to_u64(value, at)
                                                  : str_to_double(value, at);
                if (r < 0) {
                        buf_printf(why, "'%s' is no value for %s", value, name);
                        return CONDITION_REFUSED;
                }
                return 0;
        }
        buf_printf(why, "there is no option '%s'", name);
        return CONDITION_REFUSED;
}

static void reply_with(struct http_conn *c, int status, json_t *value)
{
        _cleanup_free_ char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;

        json_decref(value);
        http_reply(c, text ? status : 500, "application/json", span_of(text ? text : "{}"));
}

static void reply_json(struct http_conn *c, json_t *value)
{
        reply_with(c, 200, value);
}

static void reply_error(struct http_conn *c, int status, const char *text)
{
        reply_with(c, status, json_pack("{s:i s:s}", "status", status, "error", text));
}

static void serve_stats(struct sim *s, struct http_conn *c)
{
        json_t *o = journal_stats(s->journal);

        if (o) {
                (void)json_object_set_new(o, "in_flight", json_integer((json_int_t)s->n_in_flight));
                (void)json_object_set_new(
                        o, "connections",
                        json_integer((json_int_t)http_server_n_accepted(s->http)));
                (void)json_object_set_new(o, "cache_entries",
                                          json_integer((json_int_t)cache_n_entries(s->cache)));
                (void)json_object_set_new(o, "faults", faults_to_json(s->faults));
                (void)json_object_set_new(o, "speed", json_real(s->options.speed));
        }
        reply_json(c, o);
}

/* "name=N" in the query; not there: *ret stays as it is. */
static bool query_number(const struct http_request *r, const char *name, uint64_t *ret)
{
        const char *at = r->query;
        size_t n = strlen(name);

        while (at && *at) {
                char text[24] = "";
                const char *end = strchrnul(at, '&');

                if (strncmp(at, name, n) == 0 && at[n] == '=') {
                        (void)snprintf(text, sizeof(text), "%.*s",
                                       (int)MIN2(end - at - (ptrdiff_t)n - 1, 23), at + n + 1);
                        return str_to_u64(text, ret) == 0;
                }
                at = *end ? end + 1 : end;
        }
        return true;
}

static void serve_bound(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        _cleanup_json_ json_t *rows = NULL;
        uint64_t from = 0, n_calls = 0;
        char why[80];

        if (!query_number(r, "from", &from) || !query_number(r, "calls", &n_calls)) {
                http_reply(c, 400, "text/plain", SPAN("from=N&calls=N\n"));
                return;
        }
        if (journal_rows(s->journal, from, &rows) == CONDITION_ABSENT) {
                (void)snprintf(why, sizeof(why),
                               "only the last %llu requests are remembered: --keep N",
                               (unsigned long long)s->options.keep);
                reply_error(c, 409, why);
                return;
        }
        reply_json(c, rows ? bound_of_log(rows, n_calls, &s->options.limits) : NULL);
}

static void serve_log(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        _cleanup_buf_ struct buf b = {0};
        uint64_t from = 0;

        if (!query_number(r, "from", &from)) {
                http_reply(c, 400, "text/plain", SPAN("from=N\n"));
                return;
        }
        if (journal_write_log(s->journal, from, &b) < 0)
                http_reply(c, 500, "text/plain", SPAN("no memory\n"));
        else
                http_reply(c, 200, "application/x-ndjson", buf_span(&b));
}

static void serve_faults(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        _cleanup_json_ json_t *body = NULL;
        _cleanup_buf_ struct buf why = {0};

        if (str_is_equal(r->method, "GET")) {
                reply_json(c, faults_to_json(s->faults));
                return;
        }
        if (str_is_equal(r->method, "DELETE")) {
                faults_clear(s->faults);
                pace_release_all(s);
                reply_json(c, json_object());
                return;
        }
        body = json_loadb(r->body ? r->body : "", r->n_body, 0, NULL);
        if (!body || faults_add_json(s->faults, body, &why)) {
                http_reply(c, 400, "text/plain",
                           why.n ? buf_span(&why) : SPAN("not a JSON object or list of them"));
                return;
        }
        reply_json(c, faults_to_json(s->faults));
}

static void serve_options(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        _cleanup_json_ json_t *body = json_loadb(r->body ? r->body : "", r->n_body, 0, NULL);
        _cleanup_buf_ struct buf why = {0};
        uint64_t keep = s->options.keep;
        const char *name;
        json_t *value;

        json_object_foreach (body, name, value) {
                _cleanup_free_ char *text = json_is_string(value)
                                                    ? strdup(json_string_value(value))
                                                    : json_dumps(value, JSON_ENCODE_ANY);

                if (!text || control_set_option(s, name, text, &why)) {
                        http_reply(c, 400, "text/plain", buf_span(&why));
                        return;
                }
        }
        s->options.keep = keep; /* the ring has its size */
        s->options.delta_tokens = MAX2(s->options.delta_tokens, (uint64_t)1);
        limits_configure(s->limits, &s->options.limits);
        reply_json(c, json_object());
}

static void serve_advance(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        _cleanup_json_ json_t *body = json_loadb(r->body ? r->body : "", r->n_body, 0, NULL);
        double seconds = json_number_value(json_object_get(body, "seconds"));

        s->shifted_usec += seconds > 0 ? (uint64_t)(seconds * 1e6) : 0;
        reply_json(c, json_pack("{s:I}", "now_us", (json_int_t)sim_now_usec(s)));
}

void control_serve(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        bool is_post = str_is_equal(r->method, "POST");

        if (str_is_equal(r->path, "/sim/stats")) {
                serve_stats(s, c);
        } else if (str_is_equal(r->path, "/sim/log")) {
                serve_log(s, c, r);
        } else if (str_is_equal(r->path, "/sim/bound")) {
                serve_bound(s, c, r);
        } else if (str_is_equal(r->path, "/sim/faults")) {
                serve_faults(s, c, r);
        } else if (str_is_equal(r->path, "/sim/options") && is_post) {
                serve_options(s, c, r);
        } else if (str_is_equal(r->path, "/sim/advance") && is_post) {
                serve_advance(s, c, r);
        } else if (str_is_equal(r->path, "/sim/reset") && is_post) {
                sim_reset(s);
                reply_json(c, json_object());
        } else {
                reply_error(c, 404, "stats, log, bound, faults, options, advance, reset");
        }
}
