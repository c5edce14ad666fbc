#include "tests/sim/journal.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"

#define STATUSES_MAX 1000
#define COSTS_KEPT 8192 /* the last ones: enough for a p99 */
#define MODELS_MAX 32

struct record {
        json_t *meta, *body; /* owned */
};

struct sums {
        uint64_t requests, nanousd;
        struct reply_usage usage;
};

struct journal {
        FILE *file;               /* owned; NULL: none */
        struct record *records;   /* owned: a ring of `keep` */
        uint64_t keep, n_records; /* n_records counts all that were added */
        uint64_t by_status[STATUSES_MAX];
        struct sums all, by_model[MODELS_MAX];
        char *model_names[MODELS_MAX]; /* owned */
        size_t n_models;
        json_t *outcomes; /* owned: name → count */
        uint32_t costs[COSTS_KEPT];
        uint64_t n_costs;
        size_t in_flight_max;
};

static void record_done(struct record *r)
{
        json_decref(r->meta);
        json_decref(r->body);
        r->meta = r->body = NULL;
}

int journal_new(const char *path, uint64_t keep, struct journal **ret)
{
        struct journal *j = calloc(1, sizeof(*j));

        if (!j)
                return -ENOMEM;
        j->keep = MAX2(keep, 1u);
        j->records = calloc(j->keep, sizeof(*j->records));
        j->outcomes = json_object();
        if (j->records && j->outcomes && path) {
                j->file = fopen(path, "ae");
                if (!j->file) {
                        int r = -errno;

                        journal_free(j);
                        return r;
                }
        }
        if (!j->records || !j->outcomes) {
                journal_free(j);
                return -ENOMEM;
        }
        *ret = j;
        return 0;
}

void journal_clear(struct journal *j)
{
        for (uint64_t i = 0; i < j->keep; i++)
                record_done(&j->records[i]);
        for (size_t i = 0; i < j->n_models; i++)
                free(j->model_names[i]);
        json_object_clear(j->outcomes);
        memset(j->by_status, 0, sizeof(j->by_status));
        memset(&j->all, 0, sizeof(j->all));
        memset(j->by_model, 0, sizeof(j->by_model));
        j->n_models = 0;
        j->n_records = j->n_costs = 0;
        j->in_flight_max = 0;
}

struct journal *journal_free(struct journal *j)
{
        if (!j)
                return NULL;
        if (j->records && j->outcomes)
                journal_clear(j);
        if (j->file)
                (void)fclose(j->file);
        json_decref(j->outcomes);
        free(j->records);
        free(j);
        return NULL;
}

uint64_t price_nanousd(const struct sim_model *m, const struct reply_usage *u)
{
        return u->in.input * m->input + u->in.read * m->read + u->in.write_5m * m->write_5m +
               u->in.write_1h * m->write_1h + u->output * m->output;
}

void journal_note_in_flight(struct journal *j, size_t n)
{
        j->in_flight_max = MAX2(j->in_flight_max, n);
}

json_t *journal_headers(const struct http_request *r)
{
        json_t *o = json_object();

        for (size_t i = 0; o && i < r->n_headers; i++) {
                const char *name = r->headers[i].name;
                bool is_secret = str_is_equal(name, "x-api-key") ||
                                 str_is_equal(name, "authorization") ||
                                 str_is_equal(name, "cookie");

                (void)json_object_set_new(o, name,
                                          is_secret ? json_string("(hidden)")
                                                    : json_string(r->headers[i].value));
        }
        return o;
}

static void sums_add(struct sums *s, const struct journal_entry *e)
{
        s->requests++;
        s->nanousd += e->nanousd;
        s->usage.in.input += e->usage.in.input;
        s->usage.in.read += e->usage.in.read;
        s->usage.in.write_5m += e->usage.in.write_5m;
        s->usage.in.write_1h += e->usage.in.write_1h;
        s->usage.output += e->usage.output;
}

static struct sums *model_sums(struct journal *j, const char *name)
{
        for (size_t i = 0; i < j->n_models; i++)
                if (str_is_equal(j->model_names[i], name))
                        return &j->by_model[i];
        if (j->n_models == MODELS_MAX)
                return NULL;
        j->model_names[j->n_models] = strdup(name);
        return j->model_names[j->n_models] ? &j->by_model[j->n_models++] : NULL;
}

static json_t *usage_to_json(const struct reply_usage *u)
{
        return json_pack("{s:I s:I s:I s:I s:I}", "input", (json_int_t)u->in.input, "cache_read",
                         (json_int_t)u->in.read, "cache_write_5m", (json_int_t)u->in.write_5m,
                         "cache_write_1h", (json_int_t)u->in.write_1h, "output",
                         (json_int_t)u->output);
}

static json_t *entry_meta(struct journal_entry *e)
{
        char hash[33], time[CLOCK_RFC3339_BYTES];
        json_t *o;

        (void)snprintf(hash, sizeof(hash), "%016llx%016llx", (unsigned long long)e->body_hash[1],
                       (unsigned long long)e->body_hash[0]);
        clock_format_rfc3339(e->realtime_ms, time);
        o = json_pack("{s:I s:s s:s s:s? s:s s:o* s:s s:i s:s s:s? s:s? s:o s:I s:o* s:I s:I s:I "
                      "s:I s:I}",
                      "n", (json_int_t)e->n, "time", time, "path", e->path, "request_id",
                      e->request_id, "body_hash", hash, "headers", take(e->headers), "workspace",
                      e->scope ? e->scope : "", "status", e->status, "outcome", e->outcome,
                      "stop_reason", e->stop_reason, "model",
                      e->prompt ? e->prompt->model_name : NULL, "usage", usage_to_json(&e->usage),
                      "nanousd", (json_int_t)e->nanousd, "faults", take(e->faults), "answer_bytes",
                      (json_int_t)e->n_answer_bytes, "start_us", (json_int_t)e->arrived_usec,
                      "first_us", (json_int_t)e->first_usec, "end_us", (json_int_t)e->ended_usec,
                      "cost_us", (json_int_t)e->cost_usec);
        if (o && e->prompt) {
                (void)json_object_set_new(o, "stream", json_boolean(e->prompt->is_stream));
                (void)json_object_set_new(o, "max_tokens",
                                          json_integer((json_int_t)e->prompt->max_tokens));
                (void)json_object_set_new(o, "class", json_string(e->prompt->model->class));
                (void)json_object_set_new(o, "charged", json_integer((json_int_t)e->n_charged));
        }
        if (o && e->told)
                told_write(e->told, o);
        return o;
}

static void write_blocks(json_t *list, const char *role, const json_t *content)
{
        if (json_is_string(content))
                (void)json_array_append_new(list,
                                            json_pack("{s:s s:O}", "role", role, "text", content));
        for (size_t i = 0; i < json_array_size(content); i++) {
                json_t *block = json_array_get(content, i), *copy = json_copy(block);

                if (!copy)
                        return;
                (void)json_object_set_new(copy, "role", json_string(role));
                (void)json_array_append_new(list, copy);
        }
}

/* A record as a JSON line: what is known of the request, and "prompt": its blocks, each with its
 * role. */
static int record_write(const struct record *r, struct buf *b)
{
        _cleanup_json_ json_t *whole = json_copy(r->meta);
        json_t *list = json_array(), *messages = json_object_get(r->body, "messages");

        if (!whole || !list || json_object_set_new(whole, "prompt", list) < 0)
                return -ENOMEM;
        write_blocks(list, "system", json_object_get(r->body, "system"));
        write_blocks(list, "user", json_object_get(r->body, "prompt"));
        for (size_t i = 0; i < json_array_size(messages); i++) {
                const json_t *m = json_array_get(messages, i);
                const char *role = json_get_text(m, "role");

                write_blocks(list, role ? role : "?", json_object_get(m, "content"));
        }
        _cleanup_free_ char *text = json_dumps(whole, JSON_COMPACT);
        if (!text)
                return -ENOMEM;
        buf_add_text(b, text);
        buf_add_char(b, '\n');
        return b->failed;
}

static void file_add(struct journal *j, const struct record *r)
{
        _cleanup_buf_ struct buf b = {0};

        if (j->file && record_write(r, &b) == 0 && b.n) {
                (void)fwrite(b.at, 1, b.n, j->file);
                (void)fflush(j->file);
        }
}

void journal_add(struct journal *j, struct journal_entry *e)
{
        struct record *r = &j->records[j->n_records % j->keep];
        struct sums *of_model = e->prompt ? model_sums(j, e->prompt->model_name) : NULL;
        json_t *count = json_object_get(j->outcomes, e->outcome);

        sums_add(&j->all, e);
        if (of_model)
                sums_add(of_model, e);
        if (e->status >= 0 && e->status < STATUSES_MAX)
                j->by_status[e->status]++;
        if (count)
                (void)json_integer_set(count, json_integer_value(count) + 1);
        else
                (void)json_object_set_new(j->outcomes, e->outcome, json_integer(1));
        j->costs[j->n_costs++ % COSTS_KEPT] = (uint32_t)MIN2(e->cost_usec, (uint64_t)UINT32_MAX);
        record_done(r);
        r->meta = entry_meta(e);
        r->body = json_incref(e->body);
        if (!r->meta)
                return;
        j->n_records++;
        file_add(j, r);
}

int journal_rows(struct journal *j, uint64_t from, json_t **ret)
{
        _cleanup_json_ json_t *rows = json_array();

        if (!rows)
                return -ENOMEM;
        if (j->n_records > j->keep && from < j->n_records - j->keep)
                return CONDITION_ABSENT;
        for (uint64_t i = from; i < j->n_records; i++)
                if (json_array_append(rows, j->records[i % j->keep].meta) < 0)
                        return -ENOMEM;
        *ret = take(rows);
        return 0;
}

int journal_write_log(struct journal *j, uint64_t from, struct buf *b)
{
        uint64_t first = j->n_records > j->keep ? j->n_records - j->keep : 0;
        int r = 0;

        for (uint64_t i = MAX2(first, from); i < j->n_records && !r; i++)
                r = record_write(&j->records[i % j->keep], b);
        return r;
}

static int compare_u32(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return x < y ? -1 : x > y;
}

static json_t *costs_to_json(const struct journal *j)
{
        size_t n = MIN2(j->n_costs, (uint64_t)COSTS_KEPT);
        _cleanup_free_ uint32_t *sorted = malloc((n + 1) * sizeof(*sorted));
        json_int_t sum = 0;

        if (!sorted)
                return NULL;
        memcpy(sorted, j->costs, n * sizeof(*sorted));
        qsort(sorted, n, sizeof(*sorted), compare_u32);
        for (size_t i = 0; i < n; i++)
                sum += sorted[i];
        return json_pack("{s:i s:i s:i s:i s:I}", "n", (int)n, "p50", n ? (int)sorted[n / 2] : 0,
                         "p99", n ? (int)sorted[n * 99 / 100] : 0, "max",
                         n ? (int)sorted[n - 1] : 0, "sum", sum);
}

static json_t *sums_to_json(const struct sums *s)
{
        return json_pack("{s:I s:o s:I}", "requests", (json_int_t)s->requests, "tokens",
                         usage_to_json(&s->usage), "nanousd", (json_int_t)s->nanousd);
}

json_t *journal_stats(const struct journal *j)
{
        json_t *o = sums_to_json(&j->all), *statuses = json_object(), *models = json_object();

        for (int i = 0; i < STATUSES_MAX; i++) {
                char name[16];

                if (!j->by_status[i])
                        continue;
                (void)snprintf(name, sizeof(name), "%d", i);
                (void)json_object_set_new(statuses, name,
                                          json_integer((json_int_t)j->by_status[i]));
        }
        for (size_t i = 0; i < j->n_models; i++)
                (void)json_object_set_new(models, j->model_names[i], sums_to_json(&j->by_model[i]));
        (void)json_object_set_new(o, "by_status", statuses);
        (void)json_object_set_new(o, "by_model", models);
        (void)json_object_set(o, "by_outcome", j->outcomes);
        (void)json_object_set_new(o, "in_flight_max", json_integer((json_int_t)j->in_flight_max));
        (void)json_object_set_new(o, "cost_us", costs_to_json(j));
        return o;
}
