/* Publish: what is known now goes to state in one transaction, with the events that tell of it.
 *
 * All that is published in one turn of the loop shares one batch. The run does not wait for the
 * commit: batches of state are committed in order, and nobody hears of an event before it is
 * durable. */

#include "daemon/exec/publish.h"

#include "common/clock.h"
#include "common/log.h"
#include "daemon/exec/confidence.h"
#include "daemon/exec/learn.h"
#include "daemon/exec/left.h"
#include "daemon/exec/note.h"
#include "daemon/exec/tree.h"
#include "daemon/metrics/metrics.h"
#include "daemon/store/store.h"

#define ORPHANS_PER_TURN 200 /* a turn of the loop is short */

struct store_batch *publish_batch(struct run *r)
{
        if (!r->batch && store_batch_new(STORE_STATE, &r->batch) < 0)
                return NULL;
        return r->batch;
}

int publish_news(struct run *r, const char *type, json_t *fields)
{
        struct news *news;

        if (!fields)
                return -ENOMEM;
        news = realloc(r->news, (r->n_news + 1) * sizeof(*news));
        if (!news) {
                json_decref(fields);
                return -ENOMEM;
        }
        r->news = news;
        r->news[r->n_news++] = (struct news){type, fields};
        return 0;
}

static void add_progress(struct run *r)
{
        const struct run_totals *t = &r->totals;
        uint64_t spent = (clock_monotonic_usec() - r->started_usec) / 1000;
        size_t n = r->work->n_tasks;
        uint64_t eta =
                r->n_at_rest ? spent * (n - r->n_at_rest) / r->n_at_rest : r->setup.plan->totals.ms;

        publish_news(r, "progress",
                     json_pack("{s:I,s:I,s:I,s:I,s:I}", "done", (json_int_t)r->n_at_rest, "total",
                               (json_int_t)n, "eta_ms", (json_int_t)eta, "nanousd",
                               (json_int_t)t->nanousd, "tokens",
                               (json_int_t)(t->tokens.input + t->tokens.cache_read +
                                            t->tokens.cache_write + t->tokens.output)));
}

static void hand_over(struct run *r, bool is_end)
{
        struct store_batch *b = publish_batch(r); /* NULL: whoever is to commit it says so */
        struct news *news = NULL;
        size_t n = 0;

        if (r->is_flush_due)
                add_progress(r);
        r->is_flush_due = false;
        /* With each batch, so that a run which ends by force has taken its time. */
        if (r->started_usec > 0)
                r->totals.ms = r->earlier_ms + (clock_monotonic_usec() - r->started_usec) / 1000;
        /* Taken first: who is told may stop this run, which hands over what there is. */
        news = take(r->news);
        n = r->n_news;
        r->n_news = 0;
        r->batch = NULL;
        if (is_end)
                r->events.on_end(b, news, n, r->arg);
        else
                r->events.on_news(b, news, n, r->arg);
        for (size_t i = 0; i < n; i++)
                json_decref(news[i].fields);
        free(news);
}

void publish_flush(struct run *r)
{
        if (r->n_news > 0 || r->batch)
                hand_over(r, false);
}

void publish_end(struct run *r)
{
        hand_over(r, true);
}

static json_t *tokens_json(const struct tokens *t)
{
        return json_pack("{s:I,s:I,s:I,s:I}", "input", (json_int_t)t->input, "cache_read",
                         (json_int_t)t->cache_read, "cache_write", (json_int_t)t->cache_write,
                         "output", (json_int_t)t->output);
}

/* Calls that were asked for it: refused ones and the last. A rendering or a known result is none.
 */
static unsigned n_attempts(const struct run_task *t, const char *source)
{
        return t->evidence.attempts + (source && strcmp(source, source_names[SOURCE_CALL]) == 0);
}

static int say_done(struct run *r, uint32_t task, const char *source, const char *verdict)
{
        const struct run_task *t = run_task_of(r, task);
        uint64_t ms = t->started_usec ? (clock_monotonic_usec() - t->started_usec) / 1000 : 0;
        json_t *fields = json_pack("{s:I,s:s?,s:s,s:o,s:I,s:I,s:I}", "task", (json_int_t)task,
                                   "path", r->work->tasks[task].path, "verdict", verdict, "tokens",
                                   tokens_json(&t->tokens), "nanousd", (json_int_t)t->nanousd, "ms",
                                   (json_int_t)ms, "attempts", (json_int_t)n_attempts(t, source));
        json_t *error = NULL;

        if (fields && source && json_put(fields, "source", json_string(source)) < 0)
                log_error("task %u: out of memory", task);
        if (fields && t->was_edited && source && strcmp(source, source_names[SOURCE_CALL]) == 0 &&
            json_put(fields, "edits", json_true()) < 0)
                log_error("task %u: out of memory", task);
        if (fields && t->is_joined && source && json_put(fields, "joined", json_true()) < 0)
                log_error("task %u: out of memory", task);
        if (fields && t->mended && source && strcmp(source, source_names[SOURCE_CALL]) == 0)
                (void)!json_put(fields, "mended", json_string(t->mended));
        if (fields && source && r->work->tasks[task].repair && t->candidate_score > 0 &&
            json_put(fields, "confidence", json_real(t->candidate_score)) < 0)
                log_error("task %u: out of memory", task);
        if (fields && t->failure && failure_to_json(t->failure, &error) == 0)
                (void)!json_put(fields, "error", error);
        metrics_add(source ? METRIC_tasks_done : METRIC_tasks_failed, 1);
        r->is_flush_due = true;
        return publish_news(r, "task.done", fields);
}

static json_t *hash_json(const struct hash *h)
{
        char hex[HASH_HEX_BYTES];

        hash_to_hex(h, hex);
        return json_string(hex);
}

/* The content that a repair was made from. */
const struct hash *publish_before(struct run *r, uint32_t task)
{
        const struct task *t = &r->work->tasks[task];

        return t->repair->follows ? &run_task_of(r, t->depends[0])->content : &t->repair->stands;
}

/* What must stand on disk, else it is the user's: what we wrote there, or what a repair was made
 * from. */
json_t *publish_base(struct run *r, uint32_t task)
{
        const struct stand *s = &r->setup.stands->at[task];
        const struct task *t = &r->work->tasks[task];

        if (run_task_of(r, task)->was_delivered)
                return hash_json(&run_task_of(r, task)->delivered);
        if (t->repair)
                return hash_json(publish_before(r, task));
        return s->is_in_manifest && s->is_on_disk ? hash_json(&s->written) : json_null();
}

static int say_back(struct run *r, uint32_t task, const struct hash *stands)
{
        return publish_news(r, "file",
                            json_pack("{s:s,s:s,s:o,s:o,s:o,s:s,s:I}", "action", "write", "path",
                                      r->work->tasks[task].path, "base", hash_json(stands), "blob",
                                      hash_json(publish_before(r, task)), "fingerprint",
                                      hash_json(&run_task_of(r, task)->key), "reason", "reverted",
                                      "task", (json_int_t)task));
}

int publish_revert(struct run *r, uint32_t task, const struct result *result)
{
        struct run_task *t = run_task_of(r, task);

        if (!t->was_delivered)
                return 0;
        return result_changes_tree(result) ? tree_revert(r, task, result)
                                           : say_back(r, task, &t->delivered);
}

int publish_withdrawal(struct run *r, uint32_t task)
{
        const struct run_task *t = run_task_of(r, task);

        return hash_is_equal(&t->content, publish_before(r, task)) ? 0
                                                                   : say_back(r, task, &t->content);
}

bool publish_is_change(struct run *r, uint32_t task, const struct result *result)
{
        const struct run_task *t = run_task_of(r, task);

        if (!r->work->tasks[task].repair || result_changes_tree(result))
                return true;
        return !hash_is_equal(&result->content,
                              t->was_delivered ? &t->delivered : publish_before(r, task));
}

int publish_file(struct run *r, uint32_t task, const struct result *result, enum source source)
{
        const struct task *t = &r->work->tasks[task];

        if (!publish_is_change(r, task, result))
                return 0; /* all findings were left as they are */
        if (result_changes_tree(result))
                return tree_publish(r, task, result, source);
        return publish_news(
                r, "file",
                json_pack("{s:s,s:s,s:o,s:o,s:I,s:o,s:s,s:o*,s:o*}", "action", "write", "path",
                          t->path, "base", publish_base(r, task), "blob",
                          hash_json(&result->content), "size", (json_int_t)result->n_text,
                          "fingerprint", hash_json(&run_task_of(r, task)->key), "source",
                          source_names[source], "findings", left_without(t->repair, result), "task",
                          t->repair ? json_integer(task) : NULL));
}

/* Whether there are more. What no task makes any more is told when all that is wanted stands: a run
 * that failed in part may still need the old files. */
bool publish_orphans(struct run *r)
{
        const struct stands *s = r->setup.stands;

        if (r->totals.n_failed > 0 || r->totals.n_skipped > 0)
                return false;
        for (size_t n = 0; r->n_orphans_told < s->n_orphans; n++) {
                const struct orphan *o = &s->orphans[r->n_orphans_told];

                if (n == ORPHANS_PER_TURN)
                        return true;
                /* Without memory it is told by the next job. */
                (void)publish_news(r, "file",
                                   json_pack("{s:s,s:s,s:o,s:s}", "action", "remove", "path",
                                             o->path, "base", hash_json(&o->written), "reason",
                                             "orphan"));
                r->n_orphans_told++;
                r->has_warned = true;
        }
        return false;
}

static int put_result(struct run *r, uint32_t task, const struct result *result, uint8_t put)
{
        struct result head = *result;
        struct made_file made[RESULT_MADE_MAX];
        struct store_batch *b = publish_batch(r);
        _cleanup_buf_ struct buf value = {0};
        uint8_t key[ULID_BYTES + 4];
        int k;

        if (!b)
                return -ENOMEM;
        memcpy(key, r->setup.job.at, ULID_BYTES);
        for (int i = 0; i < 4; i++)
                key[ULID_BYTES + i] = (uint8_t)(task >> (24 - 8 * i));
        head.text = NULL; /* lies as a blob, once */
        head.n_text = 0;
        for (size_t i = 0; i < result->n_made; i++) {
                made[i] = result->made[i];
                made[i].text = NULL;
        }
        head.made = made;
        buf_init(&value, 0);
        buf_add(&value, run_task_of(r, task)->key.at, HASH_BYTES);
        buf_add_char(&value, (char)put);
        k = result_encode(&head, &value);
        if (k == 0 && result->text)
                k = store_blob_put(b, r->setup.uid, &result->content,
                                   (struct span){result->text, result->n_text},
                                   clock_realtime_ms());
        k = k ? k : tree_put_blobs(r, b, result);
        /* Last: a result that stands has its content, and is told of. */
        return k ? k
                 : store_batch_put(b, TABLE_RESULT, (struct span){(char *)key, sizeof(key)},
                                   buf_span(&value));
}

int publish_waiting(struct run *r, uint32_t task)
{
        const struct run_task *t = run_task_of(r, task);
        const struct result *result = &t->candidate->result;
        enum source source = t->is_reused ? SOURCE_REUSE : result->made_by;

        return put_result(r, task, result,
                          (uint8_t)(PUT_WAITING |
                                    MIN2(t->n_refused, PUT_REFUSED_MAX) << PUT_REFUSED_SHIFT |
                                    source));
}

/* For `why`: what it was made from. */
static void remember_inputs(struct run *r, uint32_t task)
{
        const struct task *t = &r->work->tasks[task];
        const struct run_task *rt = run_task_of(r, task);
        _cleanup_free_ struct hash *interfaces = calloc(t->n_depends + 1, sizeof(*interfaces));

        if (!interfaces || !t->path)
                return;
        for (size_t i = 0; i < t->n_depends; i++)
                interfaces[i] = run_task_of(r, t->depends[i])->interface_hash;
        inputs_remember(r->setup.store, &r->remembered, r->work, t, interfaces, &rt->key);
        if (rt->n_users > 0 && rt->interface)
                interface_remember(r->setup.store, &r->remembered, &rt->interface_hash,
                                   (struct span){rt->interface, rt->n_interface});
}

static void adopt_candidate(struct run *r, uint32_t task, struct candidate *c)
{
        struct run_task *t = run_task_of(r, task);

        t->interface_hash = c->result.interface;
        if (!c->interface)
                return; /* settle has set it */
        free(t->interface);
        t->interface = take(c->interface);
        t->n_interface = c->n_interface;
        learn_interface(r, task);
}

/* Events and result, or neither: a file that stands without its event would never reach the client.
 */
static int put_and_say(struct run *r, uint32_t task, const struct result *result,
                       enum source source)
{
        size_t n_before = r->n_news;
        int k = 0;

        if (r->work->tasks[task].path && source != SOURCE_KEEP)
                k = publish_file(r, task, result, source);
        k = k ? k : say_done(r, task, source_names[source], "accepted");
        k = k ? k : put_result(r, task, result, (uint8_t)source);
        while (k < 0 && r->n_news > n_before)
                json_decref(r->news[--r->n_news].fields);
        return k;
}

void publish_joined(struct run *r, uint32_t task)
{
        if (!run_task_of(r, task)->is_joined)
                return;
        r->totals.n_joined++;
        metrics_count(tasks_joined);
}

void publish_result(struct run *r, uint32_t task, enum source source)
{
        struct run_task *t = run_task_of(r, task);
        _cleanup_(candidate_freep) struct candidate *c = take(t->candidate);
        int k;

        t->failure = failure_free(t->failure);
        t->candidate_score = c->result.score;
        k = put_and_say(r, task, &c->result, source);
        if (k < 0) {
                run_task_fail(r, task, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
                return;
        }
        adopt_candidate(r, task, c);
        t->content = c->result.content;
        t->source = source;
        left_note(r, task, &c->result);
        left_tell(r, task, &c->result);
        if (share_is_for_others(&r->work->tasks[task])) {
                result_remember(r->setup.store, &r->work->tasks[task], &t->key, &t->interface_hash,
                                &c->result);
                run_log(r, task, LOG_LEVEL_DEBUG, "cache_write", "%s", r->work->tasks[task].title);
        }
        remember_inputs(r, task);
        if (r->work->tasks[task].repair)
                note_repaired(r, task, c);
        if (r->work->is_one_text) {
                result_done(&r->text);
                r->text = c->result;
                r->has_text = true;
                c->result = (struct result){0};
        }
        publish_joined(r, task);
        run_task_done(r, task);
}

void publish_kept(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);
        struct result head = {.content = r->setup.stands->at[task].written,
                              .interface = t->interface_hash};
        int k = put_and_say(r, task, &head, SOURCE_KEEP);

        if (k < 0) {
                run_task_fail(r, task, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
                return;
        }
        t->content = head.content;
        t->source = SOURCE_KEEP;
        run_task_done(r, task);
}

void publish_failure(struct run *r, uint32_t task)
{
        const struct run_task *t = run_task_of(r, task);

        (void)say_done(r, task, NULL, t->state == TASK_SKIPPED ? "skipped" : "failed");
}

static void add_tokens(struct tokens *sum, const struct tokens *t)
{
        sum->input += t->input;
        sum->cache_read += t->cache_read;
        sum->cache_write += t->cache_write;
        sum->output += t->output;
}

static void add_to_provider(struct run_totals *totals, const char *name, const struct tokens *t)
{
        size_t i;

        for (i = 0; i < totals->n_providers; i++)
                if (strcmp(totals->providers[i].name, name) == 0)
                        break;
        if (i == N_ELEMENTS(totals->providers) || strlen(name) >= sizeof(totals->providers[0].name))
                return;
        if (i == totals->n_providers) {
                totals->n_providers++;
                memcpy(totals->providers[i].name, name, strlen(name) + 1);
        }
        add_tokens(&totals->providers[i].tokens, t);
}

static void add_to_sums(struct run_call *c, const struct tokens *t)
{
        struct run *r = c->run;

        add_tokens(&r->totals.tokens, t);
        add_to_provider(&r->totals, c->provider, t);
        r->totals.nanousd += c->nanousd;
        r->totals.n_calls++;
        r->totals.n_batched += c->n_tasks > 1 ? c->n_tasks : 0;
        for (size_t i = 0; i < c->n_tasks; i++) {
                struct run_task *task = run_task_of(r, c->tasks[i]);

                task->nanousd += c->nanousd / c->n_tasks;
                if (c->n_tasks == 1)
                        add_tokens(&task->tokens, t);
        }
}

static struct tokens tokens_of(const struct usage *u)
{
        return (struct tokens){.input = u->input,
                               .cache_read = u->cache_read,
                               .cache_write = u->cache_write_5m + u->cache_write_1h,
                               .output = u->output};
}

static void say_call(struct run_call *c, const struct tokens *t, const char *state)
{
        json_t *tasks = json_array(), *tokens = tokens_json(t);

        if (c->is_payer && c->usage.cache_write_1h > 0)
                (void)!json_put(tokens, "cache_write_1h",
                                json_integer((json_int_t)c->usage.cache_write_1h));
        for (size_t i = 0; i < c->n_tasks; i++)
                (void)!json_add(tasks, json_integer(c->tasks[i]));
        publish_news(c->run, "call.done",
                     json_pack("{s:I,s:o,s:s,s:o,s:I,s:I,s:I,s:s,s:o*}", "call", (json_int_t)c->n,
                               "tasks", tasks, "model", c->model, "tokens", tokens, "nanousd",
                               (json_int_t)(c->is_payer ? c->nanousd : 0), "first_token_ms",
                               (json_int_t)c->first_token_ms, "ms", (json_int_t)c->ms, "state",
                               state, "joined", c->is_payer ? NULL : json_true()));
}

void publish_stopped(struct run_call *c)
{
        struct call_spent spent;
        struct tokens t;

        if (!c->call)
                return;
        spent = call_stop(take(c->call));
        if (!spent.is_booked)
                return;
        c->usage = spent.usage;
        c->nanousd = spent.nanousd;
        c->is_payer = true;
        t = tokens_of(&c->usage);
        add_tokens(&c->run->totals.tokens, &t);
        c->run->totals.nanousd += c->nanousd;
        c->run->totals.n_calls++;
        say_call(c, &t, "cancelled");
}

void publish_call(struct run_call *c)
{
        struct run *r = c->run;
        struct store_batch *b = publish_batch(r);
        struct tokens t = c->is_payer ? tokens_of(&c->usage) : (struct tokens){0};

        if (b && call_settle(c->call, b) == 0)
                c->call = NULL;
        else
                log_error("call %llu: not settled: out of memory", (unsigned long long)c->n);
        if (c->is_payer)
                add_to_sums(c, &t);
        learn_call(c);
        say_call(c, &t, c->failure ? "failed" : "ok");
        run_log(r, NO_TASK, LOG_LEVEL_INFO, "call_done", "call %llu%s%s: %s, %llu ms",
                (unsigned long long)c->n, c->request_id[0] ? " request " : "", c->request_id,
                c->failure ? failure_message(c->failure) : "ok", (unsigned long long)c->ms);
}
