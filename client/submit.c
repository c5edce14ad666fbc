#include "client/submit.h"

#include <stdio.h>

#include "client/follow.h"
#include "client/link/environment.h"
#include "common/clock.h"
#include "proto/variables.h"

#define KEY_RANDOM_BYTES 16
#define LABEL_BYTES 256
#define ATTEMPTS                                                                        \
        2 /* a daemon that dies of the same request again will not be helped by a third \
           */

json_t *submit_options(const struct client *c)
{
        json_t *options = json_object();

        if (!options || job_variables_add(options) < 0 ||
            (c->options && json_object_update(options, c->options) < 0)) {
                json_decref(options);
                return NULL;
        }
        return options;
}

/* Shortened to what a label may be, at the end of a character. */
static json_t *make_label(const char *text)
{
        return json_stringn(text, str_head(span_of(text), LABEL_BYTES).n);
}

static int make_meta(const struct submission *s, json_t **ret)
{
        _cleanup_json_ json_t *meta = json_object();
        uint8_t random[KEY_RANDOM_BYTES];
        char key[2 * KEY_RANDOM_BYTES + 1];
        json_t *identity;
        int r = meta ? 0 : -ENOMEM;

        clock_random(random, sizeof(random));
        for (size_t i = 0; i < sizeof(random); i++)
                snprintf(key + 2 * i, 3, "%02x", random[i]);
        if (r == 0)
                r = json_put(meta, "key", json_string(key));
        if (r == 0 && s->label)
                r = json_put(meta, "label", make_label(s->label));
        if (r == 0)
                r = client_identity(&identity);
        if (r == 0 && s->can_ask && json_object_set_new(identity, "can_ask", json_true()) < 0) {
                json_decref(identity);
                r = -ENOMEM;
        }
        if (r == 0)
                r = json_put(meta, "client", identity);
        if (r == 0)
                *ret = take(meta);
        return r;
}

static int make_params(const struct client *c, const struct submission *s, json_t **ret)
{
        _cleanup_json_ json_t *params = json_object();
        json_t *options = submit_options(c), *meta = NULL;
        int r = params ? 0 : -ENOMEM;

        r = r < 0 ? r : json_put(params, "options", options);
        r = r < 0 ? r : json_put(params, "kind", json_string(s->kind));
        r = r < 0 ? r : json_put(params, "input", json_incref((json_t *)s->input));
        if (r == 0 && json_object_size(options) == 0)
                (void)json_object_del(params, "options");
        if (r == 0 && c->is_dry_run)
                r = json_put(params, "dry_run", json_true());
        if (r == 0 && s->is_fresh)
                r = json_put(params, "fresh", json_true());
        if (r == 0 && s->commands)
                r = json_put(params, "commands", json_incref((json_t *)s->commands));
        r = r < 0 ? r : make_meta(s, &meta);
        r = r < 0 ? r : json_put(params, "meta", meta);
        if (r == 0)
                *ret = take(params);
        return r;
}

/* A daemon of another user gets the text of our genopt.yaml: it opens no file of ours. */
static int add_config(json_t *params)
{
        _cleanup_buf_ struct buf text = {0};
        int r = environment_read_own_config(&text);

        if (r < 0 || text.n == 0)
                return r;
        return json_put(params, "config", json_stringn(text.at, text.n));
}

static int read_reply(struct connection *k, struct span text, struct offer *offer,
                      struct submit_reply *ret, struct failure **ret_failure)
{
        _cleanup_json_ json_t *result = NULL;
        const char *job;
        struct diag diag;
        int r;

        r = json_read(text, &result, &diag);
        if (r != 0)
                return r < 0 ? r : -EBADMSG;
        if (json_get_bool(result, "cached", false)) {
                ret->done = json_incref(json_object_get(result, "result"));
                return ret->done ? 0 : -EBADMSG;
        }
        job = json_get_text(result, "job");
        if (!job || !*job || strlen(job) >= sizeof(ret->job))
                return -EBADMSG;
        memcpy(ret->job, job, strlen(job) + 1);
        return offer ? offer_answer(offer, k, ret->job, json_object_get(result, "need"),
                                    ret_failure)
                     : 0;
}

static int submit_once(const struct client *c, json_t *params, struct offer *offer,
                       struct connection **ret_connection, struct submit_reply *ret,
                       struct failure **ret_failure)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        _cleanup_buf_ struct buf text = {0};
        struct span result;
        int r;

        r = connection_open(c, START_IF_NEEDED, &k, ret_failure);
        if (r == 0 && connection_is_foreign(k))
                r = add_config(params);
        if (r == 0)
                r = json_write(params, &text);
        if (r == 0) {
                follow_heed_signals();
                r = connection_call_text(k, "job/submit", buf_span(&text), &result, ret_failure);
        }
        if (r == 0)
                r = read_reply(k, result, offer, ret, ret_failure);
        if (r == 0)
                *ret_connection = take(k);
        return r;
}

int submit_job(const struct client *c, const struct submission *s, struct offer *offer,
               struct connection **ret_connection, struct submit_reply *ret,
               struct failure **ret_failure)
{
        _cleanup_json_ json_t *params = NULL;
        struct submit_reply reply = {0};
        int r;

        r = make_params(c, s, &params);
        if (r < 0)
                return r;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                r = submit_once(c, params, offer, ret_connection, &reply, ret_failure);
                if (r != -ECONNRESET && r != -EPIPE)
                        break;
        }
        if (r == 0)
                *ret = reply;
        return r;
}
