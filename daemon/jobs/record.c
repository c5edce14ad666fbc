/* The record of a job: what must survive. JSON, because it is small, seldom read, and looked at by
 * people in trouble.
 *
 * {kind, uid, state, wait: {on, id, task, command, remedy, need: […]}?, label?, client, created,
 * ended?, options, input: sha256 of the params' blob, raw?, generation?, idem?, dry_run?, fresh?,
 * deaths, head, tasks, done, totals?, summary?, placed?, rest?, error?, failed_tasks?, can_ask?,
 * asked: {tokens, nanousd, approved}?} */

#include "daemon/jobs/record.h"

#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/query.h"
#include "daemon/store/store.h"

#define RECORD_BYTES 1500 /* most are shorter: one allocation */

static json_t *hash_json(const struct hash *h)
{
        char hex[HASH_HEX_BYTES];

        hash_to_hex(h, hex);
        return json_string(hex);
}

json_t *job_needs_json(const struct job *job)
{
        _cleanup_json_ json_t *list = json_array();

        for (size_t i = 0; list && i < job->n_needs; i++) {
                const struct need *n = &job->needs[i];
                json_t *o;

                if (n->is_met || n->is_storing)
                        continue;
                o = n->path ? json_pack("{s:s}", "path", n->path)
                            : json_pack("{s:o}", "sha256", hash_json(&n->hash));
                if (json_array_append_new(list, o) < 0)
                        return NULL;
        }
        return take(list);
}

/* Needs that are met are kept too: their content lies in state under their hash. */
static json_t *all_needs(const struct job *job)
{
        _cleanup_json_ json_t *list = json_array();

        for (size_t i = 0; list && i < job->n_needs; i++) {
                const struct need *n = &job->needs[i];

                if (json_array_append_new(list, json_pack("{s:s?,s:o,s:b,s:b}", "path", n->path,
                                                          "sha256", hash_json(&n->hash), "met",
                                                          n->is_met || n->is_storing, "absent",
                                                          n->is_absent)) < 0)
                        return NULL;
        }
        return take(list);
}

/* ---- writing: text at once, because it is written with every change of a job ---- */

static void add_key(struct buf *out, const char *key)
{
        buf_add(out, ",\"", 2);
        buf_add_text(out, key);
        buf_add(out, "\":", 2);
}

static void add_text(struct buf *out, const char *key, const char *plain)
{
        add_key(out, key);
        buf_add_char(out, '"');
        buf_add_text(out, plain);
        buf_add_char(out, '"');
}

static void add_number(struct buf *out, const char *key, uint64_t n)
{
        add_key(out, key);
        buf_add_u64(out, n);
}

static void add_bool(struct buf *out, const char *key, bool is_true)
{
        add_key(out, key);
        buf_add_text(out, is_true ? "true" : "false");
}

static void add_hash(struct buf *out, const char *key, const struct hash *h)
{
        char hex[HASH_HEX_BYTES];

        hash_to_hex(h, hex);
        add_key(out, key);
        buf_add_char(out, '"');
        buf_add(out, hex, HASH_HEX_BYTES - 1);
        buf_add_char(out, '"');
}

/* Takes value; NULL: there was no memory for it. */
static int add_json(struct buf *out, const char *key, json_t *value)
{
        int k;

        add_key(out, key);
        k = json_write(value, out);
        json_decref(value);
        return k;
}

static int add_wait(const struct job *job, struct buf *out)
{
        if (job->wait == WAIT_NONE)
                return 0;
        return add_json(out, "wait",
                        json_pack("{s:s,s:I,s:I,s:i,s:s?,s:o}", "on", job_wait_names[job->wait],
                                  "id", (json_int_t)job->wait_id, "task",
                                  (json_int_t)job->wait_task, "command", job->wait_command,
                                  "remedy", job->wait_remedy, "need", job_needs_json(job)));
}

static int add_outcome(const struct job *job, struct buf *out)
{
        json_t *error = NULL;
        int k = 0;

        if (job->ended_ms)
                add_number(out, "ended", job->ended_ms);
        if (job->summary)
                k = add_json(out, "summary", json_incref(job->summary));
        if (job->rest && k == 0)
                k = add_json(out, "rest", json_incref(job->rest));
        if (job->placed)
                k = k ? k : add_json(out, "placed", json_incref(job->placed));
        if (job->failure && k == 0) {
                k = failure_to_json(job->failure, &error);
                k = k ? k : add_json(out, "error", error);
        }
        return k;
}

static int add_optional(const struct job *job, struct buf *out)
{
        static const struct run_totals nothing;
        json_t *totals = NULL;
        int k = add_wait(job, out);

        if (job->label && k == 0) {
                add_key(out, "label");
                k = json_write_string(out, span_of(job->label));
        }
        if (job->has_raw_key) {
                add_hash(out, "raw", &job->raw_key);
                add_hash(out, "generation", &job->generation);
        }
        if (job->has_idem)
                add_hash(out, "idem", &job->idem);
        if (job->approval.can_ask)
                add_bool(out, "can_ask", true);
        if (job->approval.tokens > 0)
                k = k ? k
                      : add_json(out, "asked",
                                 json_pack("{s:I,s:I,s:b}", "tokens",
                                           (json_int_t)job->approval.tokens, "nanousd",
                                           (json_int_t)job->approval.nanousd, "approved",
                                           job->approval.is_given));
        if (job->n_needs)
                k = k ? k : add_json(out, "needs", all_needs(job));
        if (k == 0 && memcmp(&job->totals, &nothing, sizeof(nothing)) != 0) {
                k = run_totals_to_json(&job->totals, &totals);
                k = k ? k : add_json(out, "totals", totals);
        }
        return k ? k : add_outcome(job, out);
}

/* Half of a record, and the same for nearly all jobs. */
static int add_options(const struct job *job, struct buf *out)
{
        struct jobs *j = job->jobs;
        int k = 0;

        if (j->written_text.n == 0 ||
            memcmp(&j->written_options, &job->options, sizeof(job->options)) != 0) {
                buf_clear(&j->written_text);
                j->written_options = job->options;
                k = job_options_write(&job->options, &j->written_text);
                if (k < 0)
                        buf_clear(&j->written_text);
        }
        add_key(out, "options");
        return k ? k : buf_add_span(out, buf_span(&j->written_text));
}

int job_record_write(const struct job *job, struct buf *out)
{
        size_t at = out->n;
        int k;

        buf_reserve(out, RECORD_BYTES);
        add_text(out, "kind", job->kind->name);
        add_number(out, "uid", job->uid);
        add_text(out, "state", job_state_names[job->state]);
        add_number(out, "client", job->client);
        add_number(out, "created", job->created_ms);
        add_hash(out, "input", &job->params_hash);
        add_bool(out, "dry_run", job->is_dry_run);
        add_bool(out, "fresh", job->is_fresh);
        add_bool(out, "failed_tasks", job->has_failed_tasks);
        add_number(out, "deaths", job->deaths);
        add_number(out, "head", job->head);
        add_number(out, "tasks", job->n_tasks);
        add_number(out, "done", job->n_done);
        k = add_optional(job, out);
        k = k ? k : add_options(job, out);
        k = k ? k : buf_add_char(out, '}');
        if (k == 0)
                out->at[at] = '{'; /* the first comma */
        return k;
}

/* A live job has a row in the queue table: it is what recovery reads. Written when it changes. */
static int put_queue_row(struct job *job, struct store_batch *b)
{
        bool is_wanted = !job_state_is_end(job->state);
        uint8_t key[1 + 4 + ULID_BYTES];
        struct span k = {(char *)key, sizeof(key)};
        int r;

        if (job->has_queue_row == is_wanted && !job->is_queue_row_unsure)
                return 0;
        key[0] = job->kind->is_interactive ? 0 : 1;
        for (int i = 0; i < 4; i++)
                key[1 + i] = (uint8_t)(job->uid >> (24 - 8 * i));
        memcpy(key + 5, job->id.at, ULID_BYTES);
        r = is_wanted ? store_batch_put(b, TABLE_QUEUE, k, SPAN(""))
                      : store_batch_delete(b, TABLE_QUEUE, k);
        if (r == 0) {
                job->has_queue_row = is_wanted;
                job->is_queue_row_unsure = false;
        }
        return r;
}

int job_record_put(struct job *job, struct store_batch *b)
{
        _cleanup_buf_ struct buf value = {0};
        int k;

        buf_init(&value, 0);
        k = job_record_write(job, &value);
        k = k ? k : put_queue_row(job, b);
        return k ? k
                 : store_batch_put(b, TABLE_JOB,
                                   (struct span){(const char *)job->id.at, ULID_BYTES},
                                   buf_span(&value));
}

static bool read_hash(const json_t *o, const char *key, struct hash *ret)
{
        const char *hex = json_get_text(o, key);

        return hex && hash_from_hex(span_of(hex), ret) == 0;
}

static int index_of(const char *name, const char *const *names, size_t n)
{
        for (size_t i = 0; name && i < n; i++)
                if (str_is_equal(name, names[i]))
                        return (int)i;
        return -EBADMSG;
}

static int read_needs(struct job *job, const json_t *list)
{
        json_t *o;
        size_t i;

        json_array_foreach ((json_t *)list, i, o) {
                struct hash h = {0};
                int k;

                (void)read_hash(o, "sha256", &h);
                k = job_add_need(job, json_get_text(o, "path"), &h);
                if (k < 0)
                        return k;
                job->needs[job->n_needs - 1].is_met = json_get_bool(o, "met", false);
                job->needs[job->n_needs - 1].is_absent = json_get_bool(o, "absent", false);
        }
        return 0;
}

static int read_wait(struct job *job, const json_t *o)
{
        const char *remedy = json_get_text(o, "remedy");
        uint64_t task = 0, command = 0;
        int k;

        if (!o)
                return 0;
        k = index_of(json_get_text(o, "on"), job_wait_names, N_JOB_WAITS);
        if (k < 0)
                return k;
        job->wait = (enum job_wait)k;
        (void)json_get_u64(o, "id", &job->wait_id);
        (void)json_get_u64(o, "task", &task);
        job->wait_task = (uint32_t)task;
        job->wait_command = json_get_u64(o, "command", &command) ? (int)command : -1;
        if (remedy && !(job->wait_remedy = strdup(remedy)))
                return -ENOMEM;
        return 0;
}

static void read_asked(struct job *job, const json_t *o)
{
        const json_t *asked = json_object_get(o, "asked");

        job->approval.can_ask = json_get_bool(o, "can_ask", false);
        job->approval.is_given = json_get_bool(asked, "approved", false);
        (void)json_get_u64(asked, "tokens", &job->approval.tokens);
        (void)json_get_u64(asked, "nanousd", &job->approval.nanousd);
}

static int read_fields(struct job *job, const json_t *o)
{
        const char *label = json_get_text(o, "label");
        json_t *error = json_object_get(o, "error");
        uint64_t n = 0;
        int k;

        job->kind = job_kind_find(json_get_text(o, "kind") ? json_get_text(o, "kind") : "");
        k = index_of(json_get_text(o, "state"), job_state_names, N_JOB_STATES);
        if (!job->kind || k < 0 || !json_get_u64(o, "uid", &n) ||
            !read_hash(o, "input", &job->params_hash))
                return -EBADMSG;
        job->state = (enum job_state)k;
        job->has_queue_row = !job_state_is_end(job->state);
        job->uid = (uint32_t)n;
        (void)json_get_u64(o, "client", &job->client);
        (void)json_get_u64(o, "created", &job->created_ms);
        (void)json_get_u64(o, "ended", &job->ended_ms);
        (void)json_get_u64(o, "head", &job->head);
        (void)json_get_u64(o, "tasks", &job->n_tasks);
        (void)json_get_u64(o, "done", &job->n_done);
        job->durable = job->head;
        if (json_get_u64(o, "deaths", &n))
                job->deaths = (unsigned)n;
        job->is_dry_run = json_get_bool(o, "dry_run", false);
        job->is_fresh = json_get_bool(o, "fresh", false);
        job->has_failed_tasks = json_get_bool(o, "failed_tasks", false);
        read_asked(job, o);
        job->has_raw_key =
                read_hash(o, "raw", &job->raw_key) && read_hash(o, "generation", &job->generation);
        job->has_idem = read_hash(o, "idem", &job->idem);
        k = job_options_from_json(job->jobs->c.config, json_object_get(o, "options"),
                                  &job->options);
        if (k < 0)
                return k;
        job->summary = json_incref(json_object_get(o, "summary"));
        job->rest = json_incref(json_object_get(o, "rest"));
        job->placed = json_incref(json_object_get(o, "placed"));
        run_totals_from_json(&job->totals, json_object_get(o, "totals"));
        if (label && !(job->label = strdup(label)))
                return -ENOMEM;
        if (error && (k = failure_from_json(error, &job->failure)) < 0)
                return k;
        k = read_needs(job, json_object_get(o, "needs"));
        return k < 0 ? k : read_wait(job, json_object_get(o, "wait"));
}

int job_record_read(struct jobs *j, const struct ulid *id, struct span value, struct job **ret)
{
        _cleanup_json_ json_t *o = NULL;
        struct diag diag;
        struct job *job;
        int k = json_read(value, &o, &diag);

        if (k)
                return k < 0 ? k : -EBADMSG;
        job = job_new(j, id);
        if (!job)
                return -ENOMEM;
        k = read_fields(job, o);
        if (k < 0) {
                job_unref(job);
                return k;
        }
        *ret = job;
        return 0;
}

/* ---- beside the record ---- */

static void beside_key(const struct ulid *id, char what, char ret[ULID_BYTES + 1])
{
        memcpy(ret, id->at, ULID_BYTES);
        ret[ULID_BYTES] = what;
}

int job_put_beside(const struct job *job, struct store_batch *b, char what, struct span text)
{
        char key[ULID_BYTES + 1];

        beside_key(&job->id, what, key);
        return store_batch_put(b, TABLE_JOB, (struct span){key, sizeof(key)}, text);
}

bool job_has_plan_of_whole(const struct job *job, const struct work *work)
{
        return job->totals.n_calls > 0 && job->n_tasks == work->n_tasks && !job->has_new_options;
}

int job_put_plan(struct job *job, struct store_batch *b, const struct plan_texts *texts)
{
        int k = job_put_beside(job, b, JOB_BESIDE_PLAN, buf_span(&texts->plan));

        job->has_new_options = false;
        return k ? k : job_put_beside(job, b, JOB_BESIDE_WHY, buf_span(&texts->why));
}

int job_read_beside(struct store *s, const struct ulid *id, char what, struct buf *out)
{
        char key[ULID_BYTES + 1];

        beside_key(id, what, key);
        return store_get(s, TABLE_JOB, (struct span){key, sizeof(key)}, out);
}

int job_get_beside(const struct job *job, char what, struct buf *out)
{
        return job_read_beside(job->jobs->c.store, &job->id, what, out);
}

int job_delete_beside(const struct ulid *id, struct store_batch *b)
{
        static const char all[] = {JOB_BESIDE_PLAN, JOB_BESIDE_WHY};
        char key[ULID_BYTES + 1];
        int k = 0;

        for (size_t i = 0; i < N_ELEMENTS(all) && k == 0; i++) {
                beside_key(id, all[i], key);
                k = store_batch_delete(b, TABLE_JOB, (struct span){key, sizeof(key)});
        }
        return k;
}
