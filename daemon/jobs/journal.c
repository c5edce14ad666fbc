/* The journal: every event of a job that has a seq. A cursor reads it; replay and live are one
 * path.
 *
 * Key ulid|seq (big endian), value the params of the notification as they are sent:
 * {"job","seq","time","type",…}. An event is told to cursors when its commit is durable, never
 * before. */

#include "daemon/jobs/journal.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/life.h"
#include "daemon/jobs/record.h"
#include "daemon/store/store.h"
#include "proto/events.h"

#define EVENT_KEY_BYTES (ULID_BYTES + 8)

static void event_key(const struct ulid *id, uint64_t seq, uint8_t ret[EVENT_KEY_BYTES])
{
        memcpy(ret, id->at, ULID_BYTES);
        for (int i = 0; i < 8; i++)
                ret[ULID_BYTES + i] = (uint8_t)(seq >> (56 - 8 * i));
}

/* Who reads events trusts docs/protocol.md. */
static void check_event(const struct news *news)
{
        const struct event_type *t = event_find(news->type);
        const char *wrong = t ? event_check(t, news->fields) : news->type;

        if (!wrong && t->is_journalled)
                return;
        log_error("event %s: `%s` is otherwise in the table of events", news->type,
                  wrong ? wrong : "is_journalled");
        assert(!"events are as their table says");
}

/* Text into the object that ends there. */
static int add_plan(int k, struct span plan, struct buf *out)
{
        if (k < 0 || plan.n == 0)
                return k;
        out->n--; /* its brace */
        buf_add_text(out, ",\"plan\":");
        buf_add_span(out, plan);
        buf_add_char(out, '}');
        return out->failed;
}

/* Members of every event, then those of its type: text at once, not by way of one object more. */
static int write_event(const struct job *job, uint64_t seq, const struct news *news,
                       struct buf *out)
{
        char now[CLOCK_RFC3339_BYTES];
        int k;

        if (!news->fields)
                return -ENOMEM;
        if (GENOPT_TESTING)
                check_event(news);
        clock_format_rfc3339(clock_realtime_ms(), now);
        buf_add_text(out, "{\"job\":\"");
        buf_add(out, job->id_text, ULID_TEXT_BYTES - 1);
        buf_add_text(out, "\",\"seq\":");
        buf_add_u64(out, seq);
        buf_add_text(out, ",\"time\":\"");
        buf_add(out, now, CLOCK_RFC3339_BYTES - 1);
        buf_add_text(out, "\",\"type\":\"");
        buf_add_text(out, news->type);
        buf_add_char(out, '"');
        if (json_object_size(news->fields) == 0) {
                k = buf_add_char(out, '}');
        } else {
                size_t at = out->n;

                k = json_write(news->fields, out);
                if (k == 0)
                        out->at[at] = ','; /* its brace */
        }
        return add_plan(k, news->plan, out);
}

static int put_events(struct job *job, struct store_batch *b, const struct news *news, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_buf_ struct buf value = {0};
                uint8_t key[EVENT_KEY_BYTES];
                int k;

                event_key(&job->id, job->head + 1, key);
                buf_init(&value, 0);
                k = write_event(job, job->head + 1, &news[i], &value);
                k = k ? k
                      : store_batch_put(b, TABLE_EVENT, (struct span){(char *)key, sizeof(key)},
                                        buf_span(&value));
                if (k < 0)
                        return k;
                job->head++;
        }
        return 0;
}

/* ---- commits ---- */

struct commit {
        struct job *job; /* counted */
        uint64_t head;
        bool is_end; /* its last event tells that the job is done */
        void (*then)(struct job *job, int r, void *arg);
        void *arg;
};

static void wake_cursors(struct job *job)
{
        struct job_cursor *c;

        LIST_FOREACH (c, &job->cursors, entry)
                c->on_ready(c->arg);
}

/* An end tells of all that came before it. If some of that is lost, the end is not told: the job
 * goes on, and what it says next takes the place of that event. */
static void lose_end(struct job *job, const struct commit *c)
{
        job->durable = MAX2(job->durable, c->head - 1);
        if (job->head == c->head)
                job->head--;
        wake_cursors(job);
        job_suspend(job, -EIO);
        journal_commit_record(job); /* what stands says that it has ended */
}

static void on_committed(void *arg, int r)
{
        struct commit *c = arg;
        struct job *job = c->job;
        struct jobs *j = job->jobs;
        bool is_first = job->durable == 0;

        j->n_commits--;
        job->n_commits--;
        if (r < 0) {
                job->has_lost = job->is_queue_row_unsure = true;
                if (job->durable > 0) /* else it was never accepted */
                        job_suspend(job, r);
        } else if (c->is_end && job->has_lost) {
                lose_end(job, c);
        } else {
                job->durable = MAX2(job->durable, c->head);
                wake_cursors(job);
                if (is_first &&
                    job->has_lost) /* accepted only now, and something after it failed */
                        job_suspend(job, -EIO);
        }
        if (c->then)
                c->then(job, r, c->arg);
        free(c);
        job_unref(job);
        jobs_check_drained(j);
}

void journal_commit(struct job *job, struct store_batch *b, const struct news *news, size_t n_news,
                    void (*then)(struct job *job, int r, void *arg), void *arg)
{
        struct commit *c = calloc(1, sizeof(*c));
        int k = c && b ? 0 : -ENOMEM;

        k = k ? k : put_events(job, b, news, n_news);
        k = k ? k : job_record_put(job, b);
        if (k == 0) {
                if (job->tie)
                        store_batch_tie(b, job->tie);
                *c = (struct commit){.job = job_ref(job),
                                     .head = job->head,
                                     .is_end = n_news > 0 && job->state == JOB_DONE,
                                     .then = then,
                                     .arg = arg};
                k = store_commit(job->jobs->c.store, b, on_committed, c);
                if (k < 0)
                        job_unref(job);
        }
        if (k == 0) {
                job->jobs->n_commits++;
                job->n_commits++;
                return;
        }
        store_batch_free(b);
        free(c);
        job->has_lost = job->is_queue_row_unsure = true;
        if (job->durable > 0)
                job_suspend(job, k);
        if (then)
                then(job, k, arg);
}

void journal_say(struct job *job, const char *type, json_t *fields)
{
        struct store_batch *b = NULL;
        struct news news = {type, fields};

        if (store_batch_new(STORE_STATE, &b) < 0)
                b = NULL;
        journal_commit(job, b, &news, 1, NULL, NULL);
        json_decref(news.fields);
}

void journal_commit_record(struct job *job)
{
        struct store_batch *b = NULL;

        if (store_batch_new(STORE_STATE, &b) < 0)
                b = NULL;
        journal_commit(job, b, NULL, 0, NULL, NULL);
}

struct fence {
        struct job *job; /* counted */
        void (*fn)(struct job *job, int r, void *arg);
        void *arg;
};

static void on_fence(void *arg, int r)
{
        struct fence *f = arg;
        struct jobs *j = f->job->jobs;

        j->n_commits--;
        f->fn(f->job, r, f->arg);
        job_unref(f->job);
        free(f);
        jobs_check_drained(j);
}

void journal_commit_beside(struct job *job, struct store_batch *b,
                           void (*fn)(struct job *job, int r, void *arg), void *arg)
{
        struct fence *f = malloc(sizeof(*f));

        if (f && b) {
                *f = (struct fence){job_ref(job), fn, arg};
                job->jobs->n_commits++;
                if (store_commit(job->jobs->c.store, b, on_fence, f) == 0)
                        return;
                job->jobs->n_commits--;
                job_unref(job);
        }
        store_batch_free(b);
        free(f);
        fn(job, -ENOMEM, arg);
}

void journal_fence(struct job *job, void (*fn)(struct job *job, int r, void *arg), void *arg)
{
        struct store_batch *b = NULL;

        if (store_batch_new(STORE_STATE, &b) < 0)
                b = NULL;
        journal_commit_beside(job, b, fn, arg);
}

/* ---- cursors ---- */

static bool is_at_head(const struct job_cursor *c)
{
        return c->next > c->job->durable;
}

/* Text as it streams, for who stands at the head and asked for it. What does not fit is dropped:
 * `offset` shows the gap, and the event that tells of the result has it whole. */
void journal_delta(struct job *job, uint32_t task, struct span text)
{
        struct job_cursor *c;

        if (!job_options_get_bool(&job->options, OPTION_PROGRESS))
                return;
        LIST_FOREACH (c, &job->cursors, entry) {
                if (!c->has_deltas || !is_at_head(c) ||
                    c->delta.n + text.n > CURSOR_MAX_DELTA_BYTES ||
                    (c->delta.n && c->delta_task != task))
                        continue;
                if (c->delta.n == 0)
                        c->delta_offset = job->delta_offset;
                else if (c->delta_offset + c->delta.n != job->delta_offset)
                        continue;
                c->delta_task = task;
                if (buf_add_span(&c->delta, text) == 0)
                        c->on_ready(c->arg);
        }
        job->delta_offset += text.n;
}

int job_cursor_new(struct jobs *j, const struct peer *p, struct span id, uint64_t after,
                   bool has_deltas, void (*on_ready)(void *arg), void *arg, struct job_cursor **ret,
                   struct buf *ret_reply, struct failure **ret_failure)
{
        struct job_cursor *c;
        struct job *job = NULL;
        int k = job_find(j, p, id, &job, ret_failure);

        if (k)
                return k;
        c = calloc(1, sizeof(*c));
        if (!c) {
                job_unref(job);
                return -ENOMEM;
        }
        *c = (struct job_cursor){.job = job,
                                 .next = after + 1,
                                 .has_deltas = has_deltas,
                                 .on_ready = on_ready,
                                 .arg = arg};
        buf_init(&c->delta, CURSOR_MAX_DELTA_BYTES);
        LIST_INSERT_HEAD(&job->cursors, c, entry);
        buf_printf(ret_reply, "{\"job\":\"%s\",\"state\":\"%s\",\"head\":%llu}", job->id_text,
                   job_state_names[job->state], (unsigned long long)job->durable);
        *ret = c;
        return 0;
}

struct job_cursor *job_cursor_free(struct job_cursor *c)
{
        if (!c)
                return NULL;
        LIST_REMOVE(c, entry);
        buf_done(&c->delta);
        job_unref(c->job);
        free(c);
        return NULL;
}

static int next_delta(struct job_cursor *c, struct buf *out)
{
        char now[CLOCK_RFC3339_BYTES];
        int k;

        clock_format_rfc3339(clock_realtime_ms(), now);
        buf_printf(out,
                   "{\"job\":\"%s\",\"time\":\"%s\",\"type\":\"task.delta\",\"task\":%u,\"offset\":"
                   "%llu,\"text\":",
                   c->job->id_text, now, c->delta_task, (unsigned long long)c->delta_offset);
        k = json_write_string(out, buf_span(&c->delta));
        buf_add_char(out, '}');
        buf_clear(&c->delta);
        return k ? k : out->failed;
}

int job_cursor_next(struct job_cursor *c, struct buf *out)
{
        uint8_t key[EVENT_KEY_BYTES];
        int k;

        while (c->next <= c->job->durable) {
                event_key(&c->job->id, c->next++, key);
                k = store_get(c->job->jobs->c.store, TABLE_EVENT,
                              (struct span){(char *)key, sizeof(key)}, out);
                if (k != CONDITION_ABSENT) {
                        buf_clear(&c->delta); /* the journal is ahead of what was streamed */
                        return k;
                }
        }
        return c->delta.n ? next_delta(c, out) : CONDITION_ABSENT;
}

bool job_cursor_is_over(const struct job_cursor *c)
{
        return job_state_is_end(c->job->state) && c->job->head == c->job->durable && is_at_head(c);
}

void job_cursor_job(const struct job_cursor *c, struct ulid *ret)
{
        *ret = c->job->id;
}
