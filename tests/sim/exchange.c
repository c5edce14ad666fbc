#include "tests/sim/exchange.h"

#include <stdio.h>
#include <time.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"
#include "tests/sim/anthropic.h"
#include "tests/sim/body.h"
#include "tests/sim/journal.h"
#include "tests/sim/loaded.h"
#include "tests/sim/model.h"
#include "tests/sim/pace.h"
#include "tests/sim/tokens.h"

#define ID_BYTES 40

struct exchange {
        struct sim *sim; /* borrowed: outlives the loop's work */
        const struct sim_dialect *dialect;
        const char *path;       /* static: of the dialect */
        struct http_conn *conn; /* borrowed; NULL: the peer left */
        char message_id[ID_BYTES];
        char id[ID_BYTES];      /* of the request; the message's id has the same number */
        char scope[20];         /* workspace: made from the key */
        json_t *body, *headers; /* owned */
        uint64_t body_hash[2];
        uint64_t number, realtime_ms, arrived_usec, first_usec;
        uint64_t cost_usec;
        struct prompt prompt;
        uint64_t load_usec; /* model time until a local model is there */
        struct reply_usage usage;
        struct cache_ticket ticket;
        struct fault_set faults;
        struct buf text; /* the answer, cut to max_tokens */
        struct told told;
        uint64_t n_charged; /* tokens of input that the limit was charged with */
        const char *stop_reason;
        struct pace *pace; /* owned while the reply is under way */
};

static struct exchange *exchange_free(struct exchange *x)
{
        if (!x)
                return NULL;
        x->sim->n_in_flight--;
        pace_free(x->pace);
        fault_set_done(&x->faults);
        prompt_done(&x->prompt);
        buf_done(&x->text);
        told_done(&x->told);
        json_decref(x->body);
        json_decref(x->headers);
        free(x);
        return NULL;
}

static json_t *fault_names(const struct fault_set *s)
{
        json_t *list = json_array();

        if (list && s->reply)
                (void)json_array_append_new(list, json_string(fault_kind_name(s->reply->kind)));
        for (size_t i = 0; list && i < N_FAULTS; i++)
                if (s->at[i])
                        (void)json_array_append_new(
                                list, json_string(fault_kind_name((enum fault_kind)i)));
        return list;
}

/* What was asked for and shown, of a request that nobody answered. */
static void read_unanswered(struct exchange *x)
{
        _cleanup_(facts_freep) struct facts *f = NULL;

        if (x->prompt.model && !x->stop_reason && facts_read(&x->prompt, &f) == 0 &&
            told_read_facts(f, &x->told) < 0)
                told_done(&x->told);
}

/* Remembers the exchange; it is over. */
static void exchange_record(struct exchange *x, int status, const char *outcome)
{
        struct sim *s = x->sim;
        struct journal_entry e = {
                .n = x->number,
                .realtime_ms = x->realtime_ms,
                .headers = take(x->headers),
                .path = x->path,
                .request_id = x->id,
                .scope = x->scope,
                .body_hash = {x->body_hash[0], x->body_hash[1]},
                .prompt = x->prompt.model ? &x->prompt : NULL,
                .body = x->body,
                .status = status,
                .outcome = outcome,
                .stop_reason = x->stop_reason,
                .usage = x->usage,
                .nanousd = x->prompt.model ? price_nanousd(x->prompt.model, &x->usage) : 0,
                .faults = fault_names(&x->faults),
                .n_answer_bytes = x->text.n,
                .told = &x->told,
                .n_charged = x->n_charged,
                .arrived_usec = x->arrived_usec,
                .first_usec = x->first_usec,
                .ended_usec = sim_now_usec(s),
                .cost_usec = x->cost_usec,
        };

        read_unanswered(x);
        if (x->prompt.model && x->dialect == &sim_anthropic)
                limits_take_output(s->limits, x->prompt.model->class, x->usage.output,
                                   e.ended_usec);
        journal_add(s->journal, &e);
}

/* A client's clock knows nothing of model time. */
static uint64_t real_usec(const struct sim *s, uint64_t usec)
{
        return s->options.speed > 0 ? sim_to_real_usec(s, usec) : usec;
}

static void add_limit_headers(struct exchange *x)
{
        struct limits_state s;

        if (!limits_is_on(x->sim->limits))
                return;
        limits_get(x->sim->limits, x->prompt.model->class, sim_now_usec(x->sim), &s);
        for (size_t k = 0; k < N_LIMITS; k++)
                s.full_usec[k] = real_usec(x->sim, s.full_usec[k]);
        x->dialect->add_limits(x->conn, x->sim, &s);
}

/* Replies with an error; the exchange is over. */
static void exchange_refuse(struct exchange *x, const struct refusal *why, const char *outcome)
{
        _cleanup_buf_ struct buf b = {0};

        x->dialect->add_headers(x->conn, x->id, x->scope, why->status != 401);
        x->dialect->write_error(&b, x->sim, why, x->id);
        exchange_record(x, why->status, outcome);
        http_reply(x->conn, why->status, "application/json", buf_span(&b));
        exchange_free(x);
}

static void exchange_break(struct exchange *x)
{
        struct refusal why = {0};

        x->dialect->explain(x->sim, FAULT_SERVER_ERROR, &why);
        exchange_refuse(x, &why, "no_memory");
}

static void add_retry_headers(struct exchange *x, const struct fault *f)
{
        if (f->should_retry >= 0)
                http_add_header(x->conn, "x-should-retry", "%s",
                                f->should_retry ? "true" : "false");
        if (f->retry_after_ms < 0)
                return;
        if (f->is_date) {
                time_t when =
                        (time_t)((clock_realtime_ms() + (uint64_t)f->retry_after_ms + 999) / 1000);
                char date[40];
                struct tm tm;

                gmtime_r(&when, &tm);
                strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
                http_add_header(x->conn, "retry-after", "%s", date);
        } else if (f->retry_after_ms % 1000) {
                http_add_header(x->conn, "retry-after-ms", "%lld", (long long)f->retry_after_ms);
        } else {
                http_add_header(x->conn, "retry-after", "%lld",
                                (long long)f->retry_after_ms / 1000);
        }
}

/* What replaces a reply, other than an error of the dialect: by fault. */
static const struct {
        int status;
        const char *type, *body;
} pages[N_FAULTS] = {
        [FAULT_TOO_LARGE] = {413, "text/html",
                             "<html>\r\n<head><title>413 Request Entity Too "
                             "Large</title></head>\r\n<body>\r\n<center><h1>413 Request Entity Too "
                             "Large</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n"
                             "</html>\r\n"},
        [FAULT_ERROR_HTML] = {502, "text/html",
                              "<html><head><title>502 Bad Gateway</title></head><body><center><h1>"
                              "502 Bad Gateway</h1></center></body></html>\r\n"},
        [FAULT_ERROR_TEXT] = {500, "application/json", "{\"error\":\"the server failed\"}"},
        [FAULT_EMPTY_BODY] = {200, "application/json", ""},
        [FAULT_STATUS] = {500, "application/json", ""},
};

/* A reply fault: the exchange is over. */
static void exchange_fail(struct exchange *x, const struct fault *f)
{
        struct http_conn *c = x->conn;
        struct refusal why = {0};
        char outcome[64];
        int status;

        (void)snprintf(outcome, sizeof(outcome), "fault:%s", fault_kind_name(f->kind));
        if (f->kind == FAULT_DROP || f->kind == FAULT_RESET) {
                exchange_record(x, 0, outcome);
                http_abort(c, f->kind == FAULT_RESET);
                exchange_free(x);
                return;
        }
        add_retry_headers(x, f);
        x->dialect->explain(x->sim, f->kind, &why);
        status = f->status ? (int)f->status : why.status ? why.status : pages[f->kind].status;
        if (!f->body && why.status) {
                why.status = status;
                why.type = f->error ? f->error : why.type;
                exchange_refuse(x, &why, outcome);
                return;
        }
        x->dialect->add_headers(c, x->id, x->scope, true);
        exchange_record(x, status, outcome);
        http_reply(c, status, pages[f->kind].type ? pages[f->kind].type : "application/json",
                   span_of(f->body ? f->body : pages[f->kind].body));
        exchange_free(x);
}

static void on_first(void *arg)
{
        struct exchange *x = arg;

        x->first_usec = sim_now_usec(x->sim);
        cache_publish(x->sim->cache, &x->ticket,
                      x->first_usec + x->sim->options.visible_delay_ms * 1000);
}

static void on_text(size_t n_bytes, void *arg)
{
        struct exchange *x = arg;

        told_note_sent(&x->told, n_bytes, sim_now_usec(x->sim));
}

static void on_end(const char *outcome, uint64_t n_tokens, uint64_t cost_usec, void *arg)
{
        struct exchange *x = arg;

        x->usage.output = n_tokens;
        x->cost_usec += cost_usec;
        exchange_record(x, 200, outcome);
        exchange_free(x);
}

void exchange_gone(void *owner)
{
        struct exchange *x = owner;

        if (!x)
                return;
        x->conn = NULL;
        x->usage.output = x->pace ? pace_n_tokens(x->pace) : 0;
        exchange_record(x, 499, "client_gone");
        exchange_free(x);
}

/* Cuts the answer where max_tokens ends it. */
static uint64_t cut_answer(struct exchange *x)
{
        const struct fault *cut = x->faults.at[FAULT_TRUNCATE];
        bool is_dense = x->prompt.model->is_dense;
        struct span s = buf_span(&x->text);
        uint64_t n = 0, max = x->prompt.max_tokens;
        size_t at = 0;

        if (cut)
                max = MIN2(max, cut->tokens ? cut->tokens : tokens_count(s, is_dense) / 2);
        while (at < s.n && n < max) {
                at = token_end(s, at, is_dense);
                n++;
        }
        if (!x->prompt.is_load && (at < s.n || max == 0)) {
                x->text.n = at;
                x->stop_reason = "max_tokens";
        }
        return n;
}

/* Seconds to the first token: what the model has to read. */
static uint64_t first_usec(const struct exchange *x)
{
        const struct sim_model *m = x->prompt.model;
        uint64_t base =
                x->sim->options.first_ms == UINT64_MAX ? m->first_ms : x->sim->options.first_ms;
        uint64_t fresh = x->usage.in.input + x->usage.in.write_5m + x->usage.in.write_1h;

        if (x->sim->options.first_ms == 0)
                return x->load_usec;
        return x->load_usec + base * 1000 + fresh * 1000000 / m->fresh_per_s +
               x->usage.in.read * 1000000 / m->cached_per_s;
}

static bool exchange_is_over_limit(struct exchange *x)
{
        const char *class = x->prompt.model->class;
        enum limit_kind kind = LIMIT_REQUESTS;
        struct refusal why = {0};
        uint64_t wait, real_ms, n = x->dialect->charge(&x->prompt, &x->usage.in);

        if (limits_take(x->sim->limits, class, n, sim_now_usec(x->sim), &kind, &wait)) {
                x->n_charged = n;
                return false;
        }
        add_limit_headers(x);
        real_ms = (real_usec(x->sim, wait) + 999) / 1000;
        if (x->sim->options.speed > 1)
                http_add_header(x->conn, "retry-after-ms", "%llu", (unsigned long long)real_ms);
        else
                http_add_header(x->conn, "retry-after", "%llu",
                                (unsigned long long)((real_ms + 999) / 1000));
        x->dialect->say_limited(&x->prompt, kind, x->sim->options.limits.per_minute[kind], &why);
        memset(&x->usage, 0, sizeof(x->usage));
        exchange_refuse(x, &why, "limited");
        return true;
}

static void exchange_reply(struct exchange *x, uint64_t turn_usec)
{
        const struct sim_options *o = &x->sim->options;
        uint64_t rate = o->tokens_per_second ? o->tokens_per_second : x->prompt.model->output_per_s;
        struct pace_config c = {
                .sim = x->sim,
                .conn = x->conn,
                .dialect = x->dialect,
                .is_stream = x->prompt.is_stream,
                .is_dense = x->prompt.model->is_dense,
                .n_tokens = cut_answer(x),
                .first_usec = first_usec(x),
                .tokens_per_second = rate,
                .on_first = on_first,
                .on_text = on_text,
                .on_end = on_end,
                .arg = x,
        };

        c.reply = (struct sim_reply){
                .sim = x->sim,
                .id = x->message_id,
                .model = x->prompt.model_name,
                .prompt = &x->prompt,
                .text = buf_span(&x->text),
                .stop_reason = x->stop_reason,
                .usage = x->usage,
                .faults = &x->faults,
                .load_usec = x->load_usec,
                .prompt_usec = c.first_usec - x->load_usec,
                .output_usec = c.n_tokens * 1000000 / rate,
        };
        if (x->prompt.is_native)
                loaded_occupy(x->sim, x->arrived_usec + c.first_usec + c.reply.output_usec);
        x->dialect->add_headers(x->conn, x->id, x->scope, true);
        add_limit_headers(x);
        x->cost_usec = clock_monotonic_usec() - turn_usec;
        if (pace_start(&c, &x->pace) < 0)
                exchange_break(x);
}

static double chance_of(void *arg)
{
        return sim_chance(arg);
}

static int pick_faults(struct exchange *x)
{
        _cleanup_free_ struct span *texts = calloc(x->prompt.n_parts + 1, sizeof(*texts));
        struct fault_view view = {.path = x->path,
                                  .model = x->prompt.model_name,
                                  .texts = texts,
                                  .n_texts = x->prompt.n_parts};

        if (!texts)
                return -ENOMEM;
        for (size_t i = 0; i < x->prompt.n_parts; i++)
                texts[i] = x->prompt.parts[i].text;
        view.has_evidence = faults_want_evidence(x->sim->faults) && model_has_evidence(&x->prompt);
        faults_pick(x->sim->faults, &view, chance_of, x->sim, &x->faults);
        return 0;
}

static void account(struct exchange *x)
{
        struct sim *s = x->sim;
        bool is_missing = s->options.miss_rate > 0 && sim_chance(s) < s->options.miss_rate;

        x->dialect->account(s, &x->prompt, x->arrived_usec, is_missing, &x->usage.in, &x->ticket);
}

/* Body to answer. 0: the exchange goes on; else it is over. */
static int exchange_judge(struct exchange *x, const struct http_request *r, const char *key)
{
        struct refusal refusal = {0};
        const char *why;
        size_t at;
        int e;

        x->body = body_read((struct span){r->body ? r->body : "", r->n_body}, &why, &at);
        if (!x->body) {
                (void)refusal_set(&refusal, 400, "invalid_request_error",
                                  "The request body is not valid JSON: %s: byte %zu", why, at);
                exchange_refuse(x, &refusal, "refused");
                return 1;
        }
        XXH128_hash_t scope = XXH3_128bits(key, strlen(key));
        (void)snprintf(x->scope, sizeof(x->scope), "wrkspc_%08llx",
                       (unsigned long long)(scope.low64 & 0xffffffff));
        e = x->dialect->read(x->sim, x->path, x->body, x->scope, &x->prompt, &refusal);
        if (e > 0) {
                exchange_refuse(x, &refusal, "refused");
                return 1;
        }
        if (e < 0 || pick_faults(x) < 0) {
                exchange_break(x);
                return 1;
        }
        if (x->faults.reply) {
                exchange_fail(x, x->faults.reply);
                return 1;
        }
        if (loaded_need(x->sim, &x->prompt, &x->load_usec, &refusal) > 0) {
                exchange_refuse(x, &refusal, "refused");
                return 1;
        }
        account(x);
        return exchange_is_over_limit(x) ? 1 : 0;
}

static struct exchange *exchange_new(struct sim *s, struct http_conn *c,
                                     const struct http_request *r)
{
        struct exchange *x = calloc(1, sizeof(*x));
        XXH128_hash_t hash;

        if (!x)
                return NULL;
        hash = XXH3_128bits(r->body ? r->body : "", r->n_body);
        x->sim = s;
        x->conn = c;
        x->dialect = sim_dialect_find(r->path);
        for (const char *const *path = x->dialect->paths; *path; path++)
                if (str_is_equal(*path, r->path))
                        x->path = *path;
        x->body_hash[0] = hash.low64;
        x->body_hash[1] = hash.high64;
        x->number = ++s->n_exchanges;
        x->realtime_ms = clock_realtime_ms();
        x->arrived_usec = sim_now_usec(s);
        x->headers = journal_headers(r);
        (void)snprintf(x->id, sizeof(x->id), "req_sim%012llu", (unsigned long long)x->number);
        (void)snprintf(x->message_id, sizeof(x->message_id), "msg_sim%012llu",
                       (unsigned long long)x->number);
        journal_note_in_flight(s->journal, ++s->n_in_flight);
        http_set_owner(c, x);
        return x;
}

void exchange_start(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        struct exchange *x = exchange_new(s, c, r);
        struct refusal refusal = {0};
        const char *key;
        int e;

        if (!x) {
                http_abort(c, false);
                return;
        }
        if (r->is_too_large) {
                exchange_fail(x, &(struct fault){.kind = FAULT_TOO_LARGE,
                                                 .retry_after_ms = -1,
                                                 .should_retry = -1});
                return;
        }
        e = x->dialect->check_head(s, r, &key, &refusal);
        if (e > 0) {
                exchange_refuse(x, &refusal, "refused");
                return;
        }
        if (e < 0) {
                exchange_break(x);
                return;
        }
        if (exchange_judge(x, r, key))
                return;
        x->stop_reason = "load";
        if (!x->prompt.is_load &&
            model_answer(&x->prompt, &x->faults, &x->text, &x->told, &x->stop_reason) < 0) {
                exchange_break(x);
                return;
        }
        exchange_reply(x, r->woken_usec);
}

void exchange_count_tokens(struct sim *s, struct http_conn *c, const struct http_request *r)
{
        _cleanup_json_ json_t *body = json_loadb(r->body ? r->body : "", r->n_body, 0, NULL);
        _cleanup_buf_ struct buf b = {0};
        struct refusal refusal = {
                .status = 500, .type = "api_error", .message = "Internal server error"};
        struct prompt prompt = {0};
        const char *key;
        int e = anthropic_check_head(s, r, &key, &refusal);

        if (!e)
                e = anthropic_read(body, "", true, &prompt, &refusal);
        if (e)
                anthropic_write_error(&b, s, &refusal, "req_sim_count");
        else
                buf_printf(&b, "{\"input_tokens\":%llu}", (unsigned long long)prompt.n_tokens);
        http_add_header(c, "request-id", "%s", "req_sim_count");
        http_reply(c, e ? refusal.status : 200, "application/json", buf_span(&b));
        prompt_done(&prompt);
}
