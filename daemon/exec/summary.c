/* What a run came to: the summary of a `done` event, its failures, its tasks; and its sums as kept
 * with the job. */

#include "common/json.h"
#include "daemon/exec/findings.h"

static json_t *integer(uint64_t n)
{
        return json_integer((json_int_t)n);
}

static json_t *tokens_json(const struct tokens *t)
{
        return json_pack("{s:I,s:I,s:I,s:I}", "input", (json_int_t)t->input, "cache_read",
                         (json_int_t)t->cache_read, "cache_write", (json_int_t)t->cache_write,
                         "output", (json_int_t)t->output);
}

static json_t *files_json(const struct run_totals *t)
{
        json_t *files = json_object();
        int k = files ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_SOURCES && k == 0; i++)
                k = json_put(files, source_names[i], integer(t->files[i]));
        k = k ? k : json_put(files, "batched", integer(MIN2(t->n_batched, t->files[SOURCE_CALL])));
        k = k ? k : json_put(files, "joined", integer(t->n_joined));
        k = k ? k : json_put(files, "failed", integer(t->n_failed + t->n_skipped));
        if (k == 0)
                return files;
        json_decref(files);
        return NULL;
}

static json_t *shares_json(const struct run_totals *t)
{
        json_t *shares = json_object();

        for (size_t i = 0; shares && i < t->n_providers; i++) {
                const struct tokens *p = &t->providers[i].tokens;
                uint64_t all = p->input + p->cache_read + p->cache_write;

                if (json_put(shares, t->providers[i].name,
                             json_real(all ? (double)p->cache_read / (double)all : 0)) < 0)
                        break;
        }
        return shares;
}

static json_t *naive_json(const struct estimate *e)
{
        return json_pack("{s:I,s:o,s:I,s:I}", "calls", (json_int_t)e->calls, "tokens",
                         tokens_json(&e->tokens), "nanousd", (json_int_t)e->nanousd, "ms",
                         (json_int_t)e->ms);
}

static int put_resume(const struct run *r, json_t *summary)
{
        json_t *o = NULL;
        int k = run_rest(r, &o);

        return k ? k : json_put(summary, "resume", o);
}

int run_summary(struct run *r, json_t **ret)
{
        const struct run_totals *t = &r->totals;
        json_t *o = json_pack(
                "{s:o,s:I,s:I,s:o,s:o,s:{s:I,s:I,s:I},s:I,s:I,s:o}", "files", files_json(t),
                "calls", (json_int_t)t->n_calls, "retries", (json_int_t)t->n_retries, "tokens",
                tokens_json(&t->tokens), "cache_share", shares_json(t), "checks", "confident",
                (json_int_t)t->n_confident, "judged", (json_int_t)t->n_judged, "rejected",
                (json_int_t)t->n_rejected, "nanousd", (json_int_t)t->nanousd, "ms",
                (json_int_t)t->ms, "naive", naive_json(&r->setup.plan->naive));

        if (o && r->work->findings && findings_put(r, o) < 0) {
                json_decref(o);
                o = NULL;
        }
        if (o && r->was_verified && json_put(o, "verified", json_boolean(r->is_verified)) < 0) {
                json_decref(o);
                o = NULL;
        }
        if (o && t->n_calls > 0 && plan_put_unpriced(r->setup.plan, o) < 0) {
                json_decref(o);
                o = NULL;
        }
        if (o && t->n_failed + t->n_skipped > 0 && put_resume(r, o) < 0) {
                json_decref(o);
                o = NULL;
        }
        if (!o)
                return -ENOMEM;
        *ret = o;
        return 0;
}

static int failure_row(struct run *r, uint32_t task, json_t *list)
{
        const struct run_task *t = &r->tasks[task];
        _cleanup_json_ json_t *o = json_object();
        json_t *error = NULL;
        int k = o ? 0 : -ENOMEM;

        k = k ? k : json_put(o, "task", integer(task));
        if (r->work->tasks[task].path)
                k = k ? k : json_put(o, "path", json_string(r->work->tasks[task].path));
        k = k ? k : failure_to_json(t->failure, &error);
        k = k ? k : json_put(o, "error", error);
        k = k ? k : json_put(o, "remedy", json_string(failure_remedy(t->failure)));
        return k ? k : json_add(list, take(o));
}

int run_failures(struct run *r, json_t **ret)
{
        _cleanup_json_ json_t *list = json_array();
        int k = list ? 0 : -ENOMEM;

        for (uint32_t i = 0; i < r->work->n_tasks && k == 0; i++)
                if ((r->tasks[i].state == TASK_FAILED || r->tasks[i].state == TASK_SKIPPED ||
                     r->tasks[i].is_withdrawn) &&
                    r->tasks[i].failure)
                        k = failure_row(r, i, list);
        if (k == 0)
                *ret = take(list);
        return k;
}

struct task_look {
        enum task_state state;
        enum source source;
        unsigned attempts;
        bool is_joined; /* another job makes it, or did */
        json_t *error;  /* owned or NULL */
};

struct run_look {
        struct work_hold *hold; /* counted: titles and paths */
        struct loop *loop;
        struct task_look *tasks; /* owned */
};

int run_look(struct run *r, struct run_look **ret)
{
        struct run_look *l = calloc(1, sizeof(*l));
        int k = 0;

        if (!l)
                return -ENOMEM;
        *l = (struct run_look){r->hold, r->setup.loop,
                               calloc(r->work->n_tasks + 1, sizeof(*l->tasks))};
        r->hold->n_refs++;
        if (!l->tasks)
                k = -ENOMEM;
        for (size_t i = 0; i < r->work->n_tasks && k == 0; i++) {
                const struct run_task *t = &r->tasks[i];

                l->tasks[i] = (struct task_look){.state = t->is_withdrawn ? TASK_FAILED : t->state,
                                                 .source = t->source,
                                                 .attempts = t->evidence.attempts,
                                                 .is_joined = t->is_elsewhere || t->is_joined};
                if (t->failure)
                        k = failure_to_json(t->failure, &l->tasks[i].error);
        }
        if (k < 0) {
                run_look_free(l);
                return k;
        }
        *ret = l;
        return 0;
}

struct run_look *run_look_free(struct run_look *l)
{
        if (!l)
                return NULL;
        for (size_t i = 0; l->tasks && i < l->hold->work->n_tasks; i++)
                json_decref(l->tasks[i].error);
        release_hold(l->hold, l->loop);
        free(l->tasks);
        free(l);
        return NULL;
}

static json_t *task_row(const struct run_look *l, size_t task)
{
        const struct task_look *t = &l->tasks[task];
        bool was_called = t->state == TASK_DONE && t->source == SOURCE_CALL;
        _cleanup_json_ json_t *o =
                json_pack("{s:I,s:s?,s:s,s:I}", "task", (json_int_t)task, "path",
                          l->hold->work->tasks[task].path, "state", task_state_names[t->state],
                          "attempts", (json_int_t)(t->attempts + was_called));

        if (!o)
                return NULL;
        if (t->state == TASK_DONE &&
            json_put(o, "source", json_string(source_names[t->source])) < 0)
                return NULL;
        if (t->is_joined && json_put(o, "joined", json_true()) < 0)
                return NULL;
        if (t->error && json_put(o, "error", json_deep_copy(t->error)) < 0)
                return NULL;
        return take(o);
}

int run_look_rows(const struct run_look *l, json_t **ret)
{
        _cleanup_json_ json_t *list = json_array();
        int k = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < l->hold->work->n_tasks && k == 0; i++)
                k = json_add(list, task_row(l, i));
        if (k == 0)
                *ret = take(list);
        return k;
}

/* Sums with a plain number each: one table for both ways. */
static const struct {
        const char *key;
        size_t offset;
} sums[] = {
        {"batched", offsetof(struct run_totals, n_batched)},
        {"joined", offsetof(struct run_totals, n_joined)},
        {"calls", offsetof(struct run_totals, n_calls)},
        {"retries", offsetof(struct run_totals, n_retries)},
        {"input", offsetof(struct run_totals, tokens.input)},
        {"cache_read", offsetof(struct run_totals, tokens.cache_read)},
        {"cache_write", offsetof(struct run_totals, tokens.cache_write)},
        {"output", offsetof(struct run_totals, tokens.output)},
        {"confident", offsetof(struct run_totals, n_confident)},
        {"judged", offsetof(struct run_totals, n_judged)},
        {"rejected", offsetof(struct run_totals, n_rejected)},
        {"nanousd", offsetof(struct run_totals, nanousd)},
        {"ms", offsetof(struct run_totals, ms)},
        {"last_call", offsetof(struct run_totals, last_call)},
};

int run_totals_to_json(const struct run_totals *t, json_t **ret)
{
        _cleanup_json_ json_t *o = json_object(), *providers = json_object();
        int k = o && providers ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_ELEMENTS(sums) && k == 0; i++)
                k = json_put(o, sums[i].key,
                             integer(*(const uint64_t *)((const char *)t + sums[i].offset)));
        k = k ? k : json_put(o, "files", files_json(t));
        for (size_t i = 0; i < t->n_providers && k == 0; i++)
                k = json_put(providers, t->providers[i].name, tokens_json(&t->providers[i].tokens));
        k = k ? k : json_put(o, "providers", json_incref(providers));
        if (k == 0)
                *ret = take(o);
        return k;
}

static void tokens_from_json(struct tokens *t, const json_t *o)
{
        (void)json_get_u64(o, "input", &t->input);
        (void)json_get_u64(o, "cache_read", &t->cache_read);
        (void)json_get_u64(o, "cache_write", &t->cache_write);
        (void)json_get_u64(o, "output", &t->output);
}

void run_totals_from_json(struct run_totals *t, const json_t *value)
{
        const json_t *files = json_object_get(value, "files");
        const char *name;
        json_t *tokens;

        *t = (struct run_totals){0};
        for (size_t i = 0; i < N_ELEMENTS(sums); i++)
                (void)json_get_u64(value, sums[i].key, (uint64_t *)((char *)t + sums[i].offset));
        for (size_t i = 0; i < N_SOURCES; i++)
                (void)json_get_u64(files, source_names[i], &t->files[i]);
        (void)json_get_u64(files, "failed", &t->n_failed);
        json_object_foreach (json_object_get(value, "providers"), name, tokens) {
                if (t->n_providers == N_ELEMENTS(t->providers) ||
                    strlen(name) >= sizeof(t->providers[0].name))
                        break;
                memcpy(t->providers[t->n_providers].name, name, strlen(name) + 1);
                tokens_from_json(&t->providers[t->n_providers++].tokens, tokens);
        }
}
