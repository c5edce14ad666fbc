#include "run-bench.h"

#include "common/json.h"
#include "daemon/plan/cost.h"
#include "daemon/provider/provider.h"

struct bench *bench;

/* ---- in place of the calls room ---- */

static void find_tag(struct call *c)
{
        const char *mark = strstr(c->prompt, ">>>end ");

        if (mark)
                memcpy(c->tag, mark + strlen(">>>end "), 8);
}

int calls_start(struct calls *room, const struct call_spec *spec, const struct call_events *events,
                void *arg, struct call **ret, struct failure **ret_failure)
{
        struct call *c;
        size_t n = 0;

        (void)room;
        if (bench->refused_model && strcmp(spec->model, bench->refused_model) == 0) {
                *ret_failure = failure_new(bench->refuse_model_with, NULL);
                return CONDITION_REFUSED;
        }
        assert_true(bench->n_calls < BENCH_MAX_CALLS);
        c = &bench->calls[bench->n_calls++];
        *c = (struct call){.events = *events,
                           .arg = arg,
                           .n = spec->n,
                           .worst_nanousd = spec->worst_nanousd,
                           .max_tokens = spec->max_tokens,
                           .delay_ms = spec->delay_ms};
        snprintf(c->model, sizeof(c->model), "%s", spec->model);
        snprintf(c->tasks, sizeof(c->tasks), "%s", spec->tasks);
        for (size_t i = 0; i < spec->n_blocks; i++) {
                size_t more = MIN2(spec->blocks[i].text.n, sizeof(c->prompt) - 1 - n);

                memcpy(c->prompt + n, spec->blocks[i].text.at, more);
                n += more;
                if (spec->blocks[i].is_assistant)
                        snprintf(c->said, sizeof(c->said), "%.*s", (int)spec->blocks[i].text.n,
                                 spec->blocks[i].text.at);
        }
        find_tag(c);
        *ret = c;
        return 0;
}

bool calls_is_under_way(const struct calls *room, const struct call_spec *spec)
{
        (void)room, (void)spec;
        return bench->is_same_under_way;
}

int call_settle(struct call *c, struct store_batch *b)
{
        (void)b;
        assert_false(c->is_settled || c->is_cancelled);
        c->is_settled = true;
        return 0;
}

struct call_spent call_stop(struct call *c)
{
        call_cancel(c);
        return (struct call_spent){.is_booked = true, .nanousd = 7};
}

void call_cancel(struct call *c)
{
        assert_false(c->is_settled || c->is_cancelled);
        c->is_cancelled = true;
}

struct provider *provider_find(struct provider_room *r, const char *name)
{
        (void)r;
        return (struct provider *)name;
}

uint64_t calls_backoff_ms(const struct calls *c, unsigned n_failed)
{
        (void)c;
        return 1000U * n_failed;
}

bool provider_is_ready(struct provider *p, enum failure_id *ret_lack, const char **ret_reason)
{
        *ret_lack = FAILURE_KEY_MISSING;
        *ret_reason = "it is out";
        return strcmp((const char *)p, "out") != 0;
}

void provider_load(struct provider *p, const char *model, uint64_t n_bytes, uint64_t max_tokens)
{
        (void)p, (void)model, (void)n_bytes, (void)max_tokens;
}

/* ---- in place of the jobs room ---- */

/* arg of all: NULL, or that it is the other run's. */
static void keep_news(const void *arg, const struct news *news, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                json_t *o = json_copy(news[i].fields);

                assert_non_null(o);
                assert_int_equal(json_put(o, "type", json_string(news[i].type)), 0);
                assert_int_equal(json_add(arg ? bench->other_news : bench->news, o), 0);
        }
}

static void commit(struct store_batch *b)
{
        assert_non_null(b);
        bench->n_batches++;
        assert_int_equal(store_commit(bench->f.store, b, NULL, NULL), 0);
}

static void on_news(struct store_batch *b, const struct news *news, size_t n, void *arg)
{
        keep_news(arg, news, n);
        commit(b);
}

static void on_delta(uint32_t task, struct span text, void *arg)
{
        (void)task, (void)text, (void)arg;
}

static void on_wait(enum run_wait wait, uint32_t task, const struct failure *why, void *arg)
{
        (void)why, (void)arg;
        bench->n_waits++;
        bench->wait = wait;
        bench->wait_task = task;
}

static void on_end(struct store_batch *b, const struct news *news, size_t n, void *arg)
{
        bool *is_ended = arg ? &bench->is_other_ended : &bench->is_ended;

        assert_false(*is_ended);
        keep_news(arg, news, n);
        commit(b);
        bench->n_end_news = n;
        *is_ended = true;
}

/* ---- the bench ---- */

int bench_setup(void **state)
{
        bench = calloc(1, sizeof(*bench));
        assert_non_null(bench);
        fixture_prepare(&bench->f);
        fixture_open(&bench->f);
        bench->news = json_array();
        bench->other_news = json_array();
        assert_int_equal(underway_new(bench->f.store, &bench->underway), 0);
        *state = bench;
        return 0;
}

static void stop_loop(void *arg)
{
        loop_stop(arg);
}

void bench_turn(void)
{
        struct timer *timer;

        assert_int_equal(timer_new(bench->f.loop, stop_loop, bench->f.loop, &timer), 0);
        assert_int_equal(timer_start(timer, 1), 0);
        assert_int_equal(loop_run(bench->f.loop), 0);
        timer_free(timer);
}

void bench_stop(void)
{
        bench->run = run_free(bench->run);
        bench_turn();
}

void bench_stop_other(void)
{
        bench->other = run_free(bench->other);
        bench_turn();
}

int bench_teardown(void **state)
{
        (void)state;
        bench_stop();
        bench_stop_other();
        loop_end(bench->f.loop); /* what is still judged may hold on to it */
        bench->underway = underway_free(bench->underway);
        fixture_discard(&bench->f);
        json_decref(bench->news);
        json_decref(bench->other_news);
        free(bench);
        bench = NULL;
        return 0;
}

void bench_until(const bool *condition)
{
        while (!*condition) /* the program has a deadline */
                bench_turn();
}

void bench_await_calls(size_t n)
{
        while (bench->n_calls < n)
                bench_turn();
}

void bench_await_end(void)
{
        bench_until(&bench->is_ended);
}

void bench_await_wait(void)
{
        size_t n = bench->n_waits;

        while (bench->n_waits == n)
                bench_turn();
}

static size_t count_news(const json_t *news, const char *type)
{
        size_t i, n = 0;
        json_t *o;

        json_array_foreach ((json_t *)news, i, o)
                n += strcmp(json_get_text(o, "type"), type) == 0;
        return n;
}

size_t bench_n_news(const char *type)
{
        return count_news(bench->news, type);
}

size_t bench_n_other_news(const char *type)
{
        return count_news(bench->other_news, type);
}

static size_t count_waits(struct run *r)
{
        struct run_look *look;
        json_t *rows, *row;
        size_t i, n = 0;

        assert_int_equal(run_look(r, &look), 0);
        assert_int_equal(run_look_rows(look, &rows), 0);
        json_array_foreach (rows, i, row)
                n += json_is_true(json_object_get(row, "joined")) &&
                     strcmp(json_get_text(row, "state"), "done") != 0;
        json_decref(rows);
        run_look_free(look);
        return n;
}

void bench_await_other_waits(size_t n)
{
        while (count_waits(bench->other) != n)
                bench_turn();
}

uint64_t bench_sum(struct run *r, const char *object, const char *key)
{
        _cleanup_json_ json_t *summary = NULL;
        uint64_t n = 0;

        assert_int_equal(run_summary(r, &summary), 0);
        (void)json_get_u64(object ? json_object_get(summary, object) : summary, key, &n);
        return n;
}

const json_t *bench_news(const char *type, size_t at)
{
        size_t i;
        json_t *o;

        json_array_foreach (bench->news, i, o)
                if (strcmp(json_get_text(o, "type"), type) == 0 && at-- == 0)
                        return o;
        return NULL;
}

void bench_await_news(const char *type, size_t n)
{
        while (bench_n_news(type) < n)
                bench_turn();
}

struct work *bench_work(size_t n, bool is_chained)
{
        struct work *w = work_new();
        char text[40];

        assert_non_null(w);
        w->tasks = calloc(n, sizeof(*w->tasks));
        w->n_tasks = n;
        for (size_t i = 0; i < n; i++) {
                struct task *t = &w->tasks[i];
                uint32_t block;
                int n_text = snprintf(text, sizeof(text), "facts of %zu\n", i);

                assert_int_equal(
                        work_add_block(w, BLOCK_FACTS, (struct span){text, (size_t)n_text}, &block),
                        0);
                t->index = (uint32_t)i;
                t->kind = strdup("domain");
                t->tier = strdup("fast");
                snprintf(text, sizeof(text), "f%zu.json", i);
                t->path = strdup(text);
                t->title = strdup(text);
                t->context = json_object();
                t->command = -1;
                t->expected_output_bytes = 400;
                t->blocks = malloc(sizeof(*t->blocks));
                t->blocks[0] = block;
                t->n_blocks = 1;
                hash_of(text, strlen(text), &t->static_key);
                if (is_chained && i > 0) {
                        t->depends = malloc(sizeof(*t->depends));
                        t->depends[0] = (uint32_t)i - 1;
                        t->n_depends = 1;
                }
        }
        return w;
}

static const struct model_facts facts = {.name = (char *)"model",
                                         .price = {1000, 100, 1250, 2000, 5000},
                                         .window = 100000,
                                         .max_output = 8000,
                                         .first_token_ms = 100,
                                         .input_per_second = 1000,
                                         .output_per_second = 100,
                                         .bytes_per_token = {4, 4, 4}};
static const struct model_facts dear = {.name = (char *)"dear",
                                        .price = {9000, 900, 11250, 18000, 45000},
                                        .window = 100000,
                                        .max_output = 8000,
                                        .first_token_ms = 100,
                                        .input_per_second = 1000,
                                        .output_per_second = 100,
                                        .bytes_per_token = {4, 4, 4}};

/* The first n_together tasks in one step; the others as they are. */
static struct plan *merge(const struct planning *in, struct plan *p, size_t n_together)
{
        uint32_t tasks[BENCH_MAX_CALLS];
        struct step s;

        for (uint32_t i = 0; i < n_together; i++) {
                tasks[i] = i;
                step_done(&p->steps[i]);
                p->step_of_task[i] = 0;
        }
        assert_int_equal(plan_group_step(in, p, NULL, tasks, n_together, TIER_FAST, &s), 0);
        p->steps[0] = s;
        p->n_steps = p->n_steps - n_together + 1;
        memmove(&p->steps[1], &p->steps[n_together], (p->n_steps - 1) * sizeof(s));
        for (size_t i = n_together; i < p->n_tasks; i++)
                p->step_of_task[i] -= (uint32_t)n_together - 1;
        return p;
}

static void mark_prefix(struct plan *p)
{
        static const struct plan_prefix prefix = {
                .tokens = 5000, .is_awaited = true, .life_ms = 300000, .hash = {{1}}};

        free(p->prefixes);
        p->prefixes = malloc(sizeof(prefix));
        assert_non_null(p->prefixes);
        p->prefixes[0] = prefix;
        p->n_prefixes = 1;
        for (size_t i = 0; i < p->n_steps; i++)
                for (size_t k = 0; k < N_BEGINNINGS; k++)
                        p->steps[i].prefixes[k] = k == BEGIN_STANDARDS ? 0 : NO_PREFIX;
}

static void start(struct run_setup s, struct work *w, size_t n_together, const struct stand *stands,
                  void *arg, struct run **ret)
{
        static struct model_facts by_tier[N_TIERS];
        static const struct run_events events = {
                .on_news = on_news, .on_delta = on_delta, .on_wait = on_wait, .on_end = on_end};

        s.loop = bench->f.loop;
        s.store = bench->f.store;
        s.underway = bench->underway;
        s.work = w;
        s.n_calls_max = 4;
        s.budget_nanousd = UINT64_MAX;
        for (enum tier t = 0; t < N_TIERS; t++) {
                by_tier[t] = facts; /* a better tier is dearer */
                by_tier[t].price.input <<= t;
                by_tier[t].price.output <<= t;
                s.planning.tiers[t] =
                        (struct tier_model){"out", tier_names[t], &by_tier[t]}; /* as planned */
                s.routes[t].at[0].provider = "out";
                s.routes[t].at[0].model = "none";
                s.routes[t].at[0].facts = &facts;
                s.routes[t].at[1].provider = "there";
                s.routes[t].at[1].model = tier_names[t];
                s.routes[t].at[1].facts = &dear;
                s.routes[t].n = 2;
        }
        s.planning.work = w;
        s.planning.n_parallel = 4;
        for (size_t i = 0; i < N_PLAN_RULES; i++)
                s.planning.is_on[i] = true;
        assert_int_equal(stands_read(w, NULL, &s.stands), 0);
        if (stands)
                memcpy(s.stands->at, stands, w->n_tasks * sizeof(*stands));
        assert_int_equal(plan_make(&s.planning, &s.plan), 0);
        if (n_together > 1)
                s.plan = merge(&s.planning, s.plan, n_together);
        if (bench->has_prefix)
                mark_prefix(s.plan);
        assert_int_equal(run_new(&s, &events, arg, ret), 0);
        assert_int_equal(run_start(*ret), 0);
}

void bench_start(struct work *w, size_t n_together, const struct stand *stands,
                 const struct run_totals *totals)
{
        struct run_setup s = {.job = {{1, 2, 3}}, .uid = 7};

        if (totals)
                s.totals = *totals;
        bench->is_ended = false;
        start(s, w, n_together, stands, NULL, &bench->run);
}

void bench_start_other(struct work *w, size_t n_together, bool is_fresh)
{
        struct run_setup s = {.job = {{4, 5, 6}}, .uid = 8, .is_fresh = is_fresh};

        bench->is_other_ended = false;
        start(s, w, n_together, NULL, bench, &bench->other);
}

void bench_say(size_t i, const char *text)
{
        struct call *c = &bench->calls[i];

        strncat(c->text, text, sizeof(c->text) - strlen(c->text) - 1);
        c->events.on_text(c, (struct span){text, strlen(text)}, c->arg);
}

void bench_begin(size_t i)
{
        bench->calls[i].events.on_started(&bench->calls[i], bench->calls[i].arg);
}

void bench_say_file(size_t i, const char *path, const char *content)
{
        char text[2000];

        snprintf(text, sizeof(text), "<<<file %s %s\n%s\n>>>end %s\n", path, bench->calls[i].tag,
                 content, bench->calls[i].tag);
        bench_say(i, text);
}

void bench_retry(size_t i)
{
        struct call *c = &bench->calls[i];
        struct failure why = {.id = FAILURE_STREAM_BROKEN};

        c->events.on_retry(c, &why, 10, 2, c->arg);
}

static void end(size_t i, enum failure_id failure, enum stop_reason stop, bool is_broken)
{
        struct call *c = &bench->calls[i];
        struct failure why = {.id = failure};
        struct call_outcome o = {.stop = stop,
                                 .text = span_of(c->text),
                                 .is_broken = is_broken,
                                 .usage = {.input = 100, .output = 10, .is_known = true},
                                 .failure = failure == N_FAILURES ? NULL : &why,
                                 .nanousd = 1000,
                                 .ms = 5,
                                 .n_attempts = 1,
                                 .is_payer = true};

        c->events.on_end(c, &o, c->arg);
}

bool bench_break(size_t i)
{
        struct call *c = &bench->calls[i];

        if (!c->events.has_enough(c, c->arg))
                return false;
        end(i, FAILURE_STREAM_BROKEN, STOP_OTHER, true);
        return true;
}

void bench_cut(size_t i)
{
        end(i, N_FAILURES, STOP_LENGTH, false);
}

void bench_end(size_t i, enum failure_id failure)
{
        end(i, failure, STOP_END, false);
}
