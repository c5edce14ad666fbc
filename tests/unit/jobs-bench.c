#include "jobs-bench.h"

#include "daemon/store/batch.h"

struct jobs_bench t;
const struct peer me = {.uid = 7};

/* ---- in place of the calls room ---- */

static void answer(void *arg)
{
        struct call *c = arg;
        struct call_outcome o = {.text = SPAN(ANSWER),
                                 .stop = STOP_END,
                                 .usage = {.input = 10, .output = 5, .is_known = true},
                                 .nanousd = 1000,
                                 .n_attempts = 1,
                                 .is_payer = true};

        if (!c->arg || c->is_ended)
                return;
        c->is_ended = true;
        c->events.on_text(c, o.text, c->arg);
        c->events.on_end(c, &o, c->arg);
}

int calls_start(struct calls *room, const struct call_spec *spec, const struct call_events *events,
                void *arg, struct call **ret, struct failure **ret_failure)
{
        struct call *c;

        (void)room, (void)spec;
        if (t.is_key_missing) {
                *ret_failure = failure_new(FAILURE_KEY_MISSING, NULL);
                return CONDITION_REFUSED;
        }
        assert_true(t.n_calls < N_ELEMENTS(t.calls));
        c = &t.calls[t.n_calls++];
        *c = (struct call){.events = *events, .arg = arg};
        t.earlier.n_last = spec->n;
        t.earlier.n_calls++;
        t.earlier.nanousd += 1000;
        assert_int_equal(loop_post(t.f.loop, answer, c), 0);
        *ret = c;
        return 0;
}

int call_settle(struct call *c, struct store_batch *b)
{
        (void)b;
        c->arg = NULL;
        return 0;
}

struct call_spent call_stop(struct call *c)
{
        call_cancel(c);
        return (struct call_spent){};
}

void call_cancel(struct call *c)
{
        c->arg = NULL;
}

int calls_get_sum(struct calls *c, const struct ulid *job, struct calls_sum *ret)
{
        (void)c, (void)job;
        *ret = t.earlier;
        return 0;
}

int calls_describe(struct calls *c, const struct ulid *job, bool has_prompts, json_t **ret)
{
        (void)c, (void)job, (void)has_prompts;
        *ret = json_array();
        return *ret ? 0 : -ENOMEM;
}

struct underway *calls_underway(struct calls *c)
{
        (void)c;
        return t.underway;
}

bool calls_is_under_way(const struct calls *c, const struct call_spec *spec)
{
        (void)c, (void)spec;
        return false;
}

void calls_drain(struct calls *c, void (*on_drained)(void *arg), void *arg)
{
        (void)c;
        on_drained(arg);
}

struct provider *provider_find(struct provider_room *r, const char *name)
{
        (void)r;
        return (struct provider *)name;
}

uint64_t calls_backoff_ms(const struct calls *c, unsigned n_failed)
{
        (void)c;
        return n_failed;
}

bool provider_is_ready(struct provider *p, enum failure_id *ret_lack, const char **ret_reason)
{
        (void)p, (void)ret_lack, (void)ret_reason;
        return true;
}

void provider_load(struct provider *p, const char *model, uint64_t n_bytes, uint64_t max_tokens)
{
        (void)p, (void)model, (void)n_bytes, (void)max_tokens;
}

void provider_warm(struct provider *p)
{
        (void)p;
}

/* ---- commits that fail, and no long waits ---- */

int __real_store_commit(struct store *s, struct store_batch *b, void (*on_done)(void *arg, int r),
                        void *arg);
int __wrap_store_commit(struct store *s, struct store_batch *b, void (*on_done)(void *arg, int r),
                        void *arg);
int __real_timer_start(struct timer *timer, uint64_t delay_ms);
int __wrap_timer_start(struct timer *timer, uint64_t delay_ms);

struct late {
        void (*on_done)(void *arg, int r);
        void *arg;
};

static void fail_late(void *arg, int r)
{
        struct late *l = arg;

        (void)r;
        if (l->on_done)
                l->on_done(l->arg, -ENOSPC);
        free(l);
}

/* What fails later does so in its place among the commits: an empty one takes it. */
int __wrap_store_commit(struct store *s, struct store_batch *b, void (*on_done)(void *arg, int r),
                        void *arg)
{
        bool is_faulty = t.fault != FAULT_NONE && t.n_commits >= t.fault_at &&
                         t.n_commits < t.fault_at + t.n_faults;
        struct store_batch *empty;
        struct late *l;

        t.n_commits++;
        if (!is_faulty)
                return __real_store_commit(s, b, on_done, arg);
        if (t.fault == FAULT_AT_ONCE)
                return -ENOMEM;
        l = malloc(sizeof(*l));
        assert_non_null(l);
        *l = (struct late){on_done, arg};
        assert_int_equal(store_batch_new(STORE_STATE, &empty), 0);
        if (b->tie && t.n_commits == 1)
                b->tie->is_broken = true; /* as the writer does; none of it is on its way */
        store_batch_free(b);
        return __real_store_commit(s, empty, fail_late, l);
}

int __wrap_timer_start(struct timer *timer, uint64_t delay_ms)
{
        return __real_timer_start(timer, MIN2(delay_ms, (uint64_t)2));
}

/* ---- the bench ---- */

void open_jobs(void)
{
        struct jobs_config c = {.loop = t.f.loop,
                                .store = t.f.store,
                                .config = t.config,
                                .shelf = t.shelf,
                                .prices = t.prices};

        assert_int_equal(underway_new(t.f.store, &t.underway), 0);
        assert_int_equal(jobs_new(&c, &t.jobs), 0);
        assert_int_equal(jobs_recover(t.jobs), 0);
}

static void stop_loop(void *arg)
{
        loop_stop(arg);
}

void turn(void)
{
        struct timer *timer;

        assert_int_equal(timer_new(t.f.loop, stop_loop, t.f.loop, &timer), 0);
        assert_int_equal(timer_start(timer, 1), 0);
        assert_int_equal(loop_run(t.f.loop), 0);
        timer_free(timer);
}

void close_jobs(void)
{
        jobs_stop(t.jobs);
        turn();
        while (t.jobs->n_commits > 0)
                turn();
        t.jobs = jobs_free(t.jobs);
        t.underway = underway_free(t.underway);
}

int set_up(void **state)
{
        struct failure *f = NULL;

        memset(&t, 0, sizeof(t));
        fixture_prepare(&t.f);
        fixture_open(&t.f);
        assert_int_equal(config_parse(SPAN("providers:\n"
                                           "  there: {dialect: anthropic, base_url: "
                                           "\"http://127.0.0.1:9\"}\n"
                                           "tiers:\n"
                                           "  fast: {provider: there, model: m}\n"
                                           "  balanced: {provider: there, model: m}\n"
                                           "  quality: {provider: there, model: m}\n"),
                                      "test", "/", &t.config, &f),
                         0);
        assert_int_equal(price_book_load(PRICE_BOOK, &t.prices, &f), 0);
        assert_int_equal(blueprint_shelf_open(BLUEPRINTS, NULL, &t.shelf, &f), 0);
        t.events = json_array();
        open_jobs();
        t.n_commits = 0; /* those of jobs count */
        *state = &t;
        return 0;
}

int tear_down(void **state)
{
        (void)state;
        t.fault = FAULT_NONE;
        close_jobs();
        fixture_discard(&t.f);
        config_unref(t.config);
        price_book_unref(t.prices);
        blueprint_shelf_unref(t.shelf);
        json_decref(t.events);
        free(t.reply);
        return 0;
}

static void on_reply(void *arg, struct span result, const struct failure *failure)
{
        (void)arg;
        t.n_replies++;
        free(t.reply);
        t.reply = failure ? NULL : str_dup_span(result);
        t.refusal = failure ? failure->id : N_FAILURES;
}

json_t *parse(const char *text)
{
        struct diag d;
        json_t *o = NULL;

        assert_int_equal(json_read(span_of(text), &o, &d), 0);
        return o;
}

void call(method *m, const char *params)
{
        _cleanup_json_ json_t *o = parse(params);
        unsigned n = t.n_replies;

        m(t.jobs, &me, o, on_reply, NULL);
        for (int i = 0; t.n_replies == n; i++, turn())
                assert_true(i < MAX_TURNS);
        assert_int_equal(t.n_replies, n + 1);
}

const struct hash raw_key = {{1}};

void submit_now(const char *params)
{
        _cleanup_json_ json_t *o = parse(params);

        jobs_submit(t.jobs, &me, &(struct jobs_request){.params = o, .raw_key = &raw_key}, on_reply,
                    NULL);
}

bool submit(const char *params, char ret_job[ULID_TEXT_BYTES])
{
        _cleanup_json_ json_t *o = NULL;
        unsigned n = t.n_replies;

        submit_now(params);
        for (int i = 0; t.n_replies == n; i++, turn())
                assert_true(i < MAX_TURNS);
        if (!t.reply)
                return false;
        o = parse(t.reply);
        if (!json_get_text(o, "job"))
                return false;
        snprintf(ret_job, ULID_TEXT_BYTES, "%s", json_get_text(o, "job"));
        return true;
}

static void on_ready(void *arg)
{
        (void)arg;
}

struct job_cursor *attach(const char *job)
{
        struct job_cursor *c = NULL;
        struct failure *f = NULL;
        struct buf reply;

        buf_init(&reply, 0);
        assert_int_equal(
                job_cursor_new(t.jobs, &me, span_of(job), 0, false, on_ready, NULL, &c, &reply, &f),
                0);
        buf_done(&reply);
        return c;
}

/* All there is to be read; true when an event of this type is among it. */
bool drain(struct job_cursor *c, const char *type)
{
        bool has = false;

        for (;;) {
                _cleanup_buf_ struct buf b = {0};
                json_t *o;

                buf_init(&b, 0);
                if (job_cursor_next(c, &b) != 0)
                        return has;
                o = parse(b.at);
                has = has || strcmp(json_get_text(o, "type"), type) == 0;
                assert_int_equal(json_add(t.events, o), 0);
        }
}

void await_event(struct job_cursor *c, const char *type)
{
        for (int i = 0; !drain(c, type); i++, turn())
                assert_true(i < MAX_TURNS);
}

size_t n_events(const char *type)
{
        size_t i, n = 0;
        json_t *o;

        json_array_foreach (t.events, i, o)
                n += strcmp(json_get_text(o, "type"), type) == 0;
        return n;
}

void check_seqs_grow(void)
{
        uint64_t last = 0, seq;
        size_t i;
        json_t *o;

        json_array_foreach (t.events, i, o) {
                assert_true(json_get_u64(o, "seq", &seq));
                assert_true(seq > last);
                last = seq;
        }
}

/* The test's own commit does not fail, nor count. */
static void fence(void)
{
        struct store_batch *b;
        struct outcome o = {0};

        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        assert_int_equal(__real_store_commit(t.f.store, b, fixture_on_done, &o), 0);
        fixture_await(&t.f, &o.n_done, 1);
}

static int count_row(struct span key, struct span value, void *arg)
{
        (void)key;
        (void)value;
        ++*(size_t *)arg;
        return 0;
}

void check_nothing_on_disk(void)
{
        static const enum store_table tables[] = {TABLE_JOB,    TABLE_QUEUE, TABLE_EVENT,
                                                  TABLE_RESULT, TABLE_IDEM,  TABLE_BLOB};

        fence();
        for (size_t i = 0; i < N_ELEMENTS(tables); i++) {
                size_t n = 0;

                assert_int_equal(store_scan(t.f.store, tables[i], (struct span){"", 0},
                                            (struct span){0}, count_row, &n),
                                 0);
                assert_int_equal(n, 0);
        }
}

/* What stands of it: the state, and whether the next start would go on with it. */
void check_on_disk(const char *job, const char *state, bool is_queued)
{
        _cleanup_buf_ struct buf value = {0};
        _cleanup_json_ json_t *o = NULL;
        uint8_t key[1 + 4 + ULID_BYTES] = {0, 0, 0, 0, 7};
        struct ulid id;

        fence();
        buf_init(&value, 0);
        assert_int_equal(ulid_from_text(span_of(job), &id), 0);
        assert_int_equal(
                store_get(t.f.store, TABLE_JOB, (struct span){(char *)id.at, ULID_BYTES}, &value),
                0);
        o = parse(value.at);
        assert_string_equal(json_get_text(o, "state"), state);
        buf_clear(&value);
        memcpy(key + 5, id.at, ULID_BYTES);
        assert_int_equal(
                store_get(t.f.store, TABLE_QUEUE, (struct span){(char *)key, sizeof(key)}, &value),
                is_queued ? 0 : CONDITION_ABSENT);
}
