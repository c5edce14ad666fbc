/* What is on disk: recovery of intents that a crash left, and the records of a job. */

#include "common/json.h"
#include "common/log.h"
#include "daemon/calls/room.h"

/* ---- recovery ---- */

struct mark {
        struct ulid job;
        uint64_t n;
};

struct marks {
        struct mark *at; /* owned */
        size_t n, room;
};

static int add_mark(struct span key, struct span value _unused_, void *arg)
{
        struct marks *marks = arg;

        if (marks->n == marks->room) {
                size_t room = marks->room ? marks->room * 2 : 16;
                struct mark *at = realloc(marks->at, room * sizeof(*at));

                if (!at)
                        return -ENOMEM;
                marks->at = at;
                marks->room = room;
        }
        if (record_read_mark(key, &marks->at[marks->n].job, &marks->at[marks->n].n))
                marks->n++;
        return 0;
}

/* The record as it stands, with state lost; booked is the estimate, and what attempts before the
 * last cost. What has not left cost nothing and counts as cancelled. */
static int lose_record(struct calls *c, const struct mark *m, bool is_unsent, struct store_batch *b)
{
        _cleanup_buf_ struct buf stored = {}, changed = {};
        _cleanup_json_ json_t *o = NULL;
        struct record_key key;
        struct ledger_entry entry = {.is_lost = true};
        struct diag diag;
        uint64_t uid = 0, before = 0;
        int r;

        record_key_of(&m->job, m->n, &key);
        r = store_get(c->store, TABLE_CALL, record_key_span(&key), &stored);
        if (r == 0)
                r = json_read(buf_span(&stored), &o, &diag);
        if (r != 0)
                return r < 0 ? r : 0; /* the job's records are gone: nothing is left to book */
        entry.provider = json_get_text(o, "provider");
        entry.model = json_get_text(o, "model");
        if (!entry.provider || !entry.model)
                return 0;
        (void)json_get_u64(o, "uid", &uid);
        if (!is_unsent) {
                (void)json_get_u64(o, "estimate", &entry.nanousd);
                (void)json_get_u64(o, "nanousd", &before);
                entry.nanousd += before;
        }
        entry.uid = (uint32_t)uid;
        if (memcmp(&m->job, &record_keeping, sizeof(m->job)) == 0) {
                r = store_batch_delete(b, TABLE_CALL, record_key_span(&key));
                return r < 0 || is_unsent ? r : ledger_add(c->ledger, b, &entry);
        }
        r = json_put(o, "state", json_string(is_unsent ? "cancelled" : "lost"));
        if (r == 0)
                r = json_put(o, "nanousd", json_integer((json_int_t)entry.nanousd));
        if (r == 0)
                r = json_write(o, &changed);
        if (r == 0)
                r = store_batch_put(b, TABLE_CALL, record_key_span(&key), buf_span(&changed));
        if (r == 0 && !is_unsent)
                r = ledger_add(c->ledger, b, &entry);
        return r;
}

static int lose(struct calls *c, const struct mark *m, struct store_batch *b, size_t *n_unsent)
{
        struct record_key key;
        bool is_unsent = unsent_was(c->unsent, &m->job, m->n);
        int r = lose_record(c, m, is_unsent, b);

        *n_unsent += is_unsent;

        record_key_of_mark(&m->job, m->n, &key);
        return r < 0 ? r : store_batch_delete(b, TABLE_CALL, record_key_span(&key));
}

int calls_recover(struct calls *c)
{
        _cleanup_(store_batch_freep) struct store_batch *b = NULL;
        struct marks marks = {};
        size_t n_unsent = 0;
        int r;

        r = store_scan(c->store, TABLE_CALL, record_mark_prefix(), (struct span){}, add_mark,
                       &marks);
        if (r == 0 && marks.n > 0)
                r = store_batch_new(STORE_STATE, &b);
        for (size_t i = 0; r == 0 && i < marks.n; i++)
                r = lose(c, &marks.at[i], b, &n_unsent);
        free(marks.at);
        unsent_begin(c->unsent);
        if (r < 0 || marks.n == 0)
                return r;
        log_notice(
                "model calls under way when genoptd ended: %zu booked at their estimate, %zu had "
                "not left",
                marks.n - n_unsent, n_unsent);
        return calls_commit(c, take(b), NULL);
}

/* ---- records of a job ---- */

static struct span job_prefix(const struct ulid *job)
{
        return (struct span){(const char *)job->at, ULID_BYTES};
}

static int sum_record(struct span key, struct span value, void *arg)
{
        struct calls_sum *sum = arg;
        _cleanup_json_ json_t *o = NULL;
        uint64_t n = 0, nanousd = 0;
        struct diag diag;

        if (record_is_prompt(key))
                return CONDITION_REFUSED;
        if (json_read(value, &o, &diag) != 0)
                return 0;
        (void)json_get_u64(o, "call", &n);
        (void)json_get_u64(o, "nanousd", &nanousd);
        sum->n_last = MAX2(sum->n_last, n);
        sum->nanousd += nanousd;
        sum->n_calls++;
        return 0;
}

int calls_get_sum(struct calls *c, const struct ulid *job, struct calls_sum *ret)
{
        struct calls_sum sum = {};
        int r = store_scan(c->store, TABLE_CALL, job_prefix(job), (struct span){}, sum_record,
                           &sum);

        if (r == 0)
                *ret = sum;
        return r;
}

static int list_record(struct span key, struct span value, void *arg)
{
        json_t *list = arg, *o;
        struct diag diag;

        if (record_is_prompt(key))
                return CONDITION_REFUSED;
        return json_read(value, &o, &diag) == 0 ? json_add(list, o) : 0;
}

static int add_prompt(struct calls *c, const struct ulid *job, json_t *record)
{
        _cleanup_buf_ struct buf prompt = {};
        struct record_key key;
        uint64_t n;
        int r;

        if (!json_get_u64(record, "call", &n))
                return 0;
        record_key_of_prompt(job, n, &key);
        r = store_get(c->store, TABLE_CALL, record_key_span(&key), &prompt);
        if (r != 0)
                return r < 0 ? r : 0;
        return json_put(record, "prompt", json_stringn(prompt.at ?: "", prompt.n));
}

int calls_describe(struct calls *c, const struct ulid *job, bool has_prompts, struct json_t **ret)
{
        _cleanup_json_ json_t *list = json_array();
        json_t *record;
        size_t i;
        int r;

        if (!list)
                return -ENOMEM;
        r = store_scan(c->store, TABLE_CALL, job_prefix(job), (struct span){}, list_record, list);
        if (r < 0)
                return r;
        json_array_foreach (list, i, record) {
                /* Of no use to people, and not of the protocol. */
                (void)json_object_del(record, "uid");
                r = has_prompts ? add_prompt(c, job, record) : 0;
                if (r < 0)
                        return r;
        }
        *ret = take(list);
        return 0;
}
