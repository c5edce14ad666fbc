/* The order in which calls leave: longest path first, and the readers of a prefix after its writer.
 *
 * A prefix of the plan is cold until a call that has it leaves (it is the writer, whichever came
 * first), warming until the first event of the answer (then the provider lets others read it), and
 * warm for as long as the provider keeps what was not used since. When the writer goes before that,
 * the prefix is cold again and the next one writes. Waiting is a matter of money, never of order:
 * nothing waits for a prefix that nobody is writing. */

#include "common/clock.h"
#include "daemon/calls/underway.h"
#include "daemon/exec/leaving.h"

/* Has its writer left, is it to be read? */
struct run_prefix {
        enum prefix_state { PREFIX_COLD, PREFIX_WARMING, PREFIX_ELSEWHERE, PREFIX_WARM } state;
        uint64_t until_ms;   /* providers' time: warm until then */
        struct stake *stake; /* owned by the table: a call of ours writes it, or another job's */
};

int ready_init(struct run *r)
{
        size_t n = r->work->n_tasks + 1;

        r->ready = calloc(n, sizeof(*r->ready));
        r->held = calloc(n, sizeof(*r->held));
        r->prefixes = calloc(r->setup.plan->n_prefixes + 1, sizeof(*r->prefixes));
        if (!r->ready || !r->held || !r->prefixes)
                return -ENOMEM;
        for (size_t i = 0; i < r->setup.plan->n_prefixes; i++)
                r->prefixes[i] = (struct run_prefix){
                        r->setup.plan->prefixes[i].warm_until_ms > 0 ? PREFIX_WARM : PREFIX_COLD,
                        r->setup.plan->prefixes[i].warm_until_ms, NULL};
        return 0;
}

void ready_done(struct run *r)
{
        for (size_t i = 0; r->prefixes && i < r->setup.plan->n_prefixes; i++)
                underway_leave(r->prefixes[i].stake);
        free(r->ready);
        free(r->held);
        free(r->prefixes);
}

static bool is_before(const struct ready *a, const struct ready *b)
{
        return a->path_ms != b->path_ms ? a->path_ms > b->path_ms : a->n < b->n;
}

void ready_add(struct run *r, uint32_t task, uint64_t path_ms)
{
        struct ready x = {path_ms, r->n_made_ready++, task};
        size_t i;

        if (run_task_of(r, task)->is_queued)
                return;
        run_task_of(r, task)->is_queued = true;
        i = r->n_ready++;
        while (i > 0 && is_before(&x, &r->ready[(i - 1) / 2])) {
                r->ready[i] = r->ready[(i - 1) / 2];
                i = (i - 1) / 2;
        }
        r->ready[i] = x;
}

uint32_t ready_take(struct run *r)
{
        uint32_t task = r->ready[0].task;
        struct ready last = r->ready[--r->n_ready];
        size_t i = 0;

        for (;;) {
                size_t k = 2 * i + 1;

                if (k + 1 < r->n_ready && is_before(&r->ready[k + 1], &r->ready[k]))
                        k++;
                if (k >= r->n_ready || !is_before(&r->ready[k], &last))
                        break;
                r->ready[i] = r->ready[k];
                i = k;
        }
        r->ready[i] = last;
        run_task_of(r, task)->is_queued = false;
        return task;
}

/* ---- prefixes ---- */

static void let_lapse(struct run *r, uint64_t now)
{
        for (size_t i = 0; i < r->setup.plan->n_prefixes; i++)
                if (r->prefixes[i].state == PREFIX_WARM && r->prefixes[i].until_ms <= now)
                        r->prefixes[i].state = PREFIX_COLD;
}

/* All of them are looked at again: who still has to wait is held again. */
static void release_held(struct run *r)
{
        size_t n = r->n_held;

        r->n_held = 0;
        for (size_t i = 0; i < n; i++) {
                run_task_of(r, r->held[i])->is_queued = false;
                ready_add(r, r->held[i],
                          r->setup.plan->steps[r->setup.plan->step_of_task[r->held[i]]].path_ms);
        }
        if (n > 0)
                run_pump(r);
}

/* Among all jobs: what this provider is to hold of it. False: no memory, it is not shared. */
static bool shared_key(const struct run *r, uint32_t task, uint32_t prefix, struct hash *ret)
{
        const struct plan *p = r->setup.plan;
        const char *provider =
                r->setup.planning.tiers[p->steps[p->step_of_task[task]].tier].provider;
        struct hasher *h;

        if (!provider || hasher_new(&h) < 0)
                return false;
        hasher_add(h, "beginning", sizeof("beginning"));
        hasher_add(h, provider, strlen(provider) + 1);
        hasher_add(h, p->prefixes[prefix].hash.at, HASH_BYTES);
        hasher_get(h, ret);
        hasher_free(h);
        return true;
}

static void on_written_elsewhere(void *owner, uint32_t prefix, bool is_made)
{
        struct run *r = owner;
        struct run_prefix *x = &r->prefixes[prefix];

        x->stake = NULL;
        x->state = is_made ? PREFIX_WARM : PREFIX_COLD;
        x->until_ms = clock_provider_ms() + r->setup.plan->prefixes[prefix].life_ms;
        release_held(r);
}

/* By a call of this run, or of another job: then this run waits for that. */
static bool is_being_written(struct run *r, uint32_t task, uint32_t prefix)
{
        struct run_prefix *x = &r->prefixes[prefix];
        struct hash key;

        if (x->state == PREFIX_COLD && shared_key(r, task, prefix, &key) &&
            underway_is_elsewhere(r->setup.underway, &key, r) &&
            underway_wait(r->setup.underway, &key, r, on_written_elsewhere, prefix, &x->stake) == 0)
                x->state = PREFIX_ELSEWHERE;
        return x->state == PREFIX_WARMING || x->state == PREFIX_ELSEWHERE;
}

static void write_prefix(struct run *r, uint32_t task, uint32_t prefix)
{
        struct run_prefix *x = &r->prefixes[prefix];
        struct hash key;

        x->state = PREFIX_WARMING;
        if (shared_key(r, task, prefix, &key))
                (void)!underway_make(r->setup.underway, &key, r, &x->stake);
}

bool prefixes_enter(struct run *r, uint32_t task, const uint32_t prefixes[N_BEGINNINGS])
{
        const struct plan *p = r->setup.plan;
        uint64_t now = clock_provider_ms();

        let_lapse(r, now);
        for (size_t i = 0; i < N_BEGINNINGS; i++)
                if (prefixes[i] != NO_PREFIX && p->prefixes[prefixes[i]].is_awaited &&
                    is_being_written(r, task, prefixes[i])) {
                        r->held[r->n_held++] = task;
                        run_task_of(r, task)->is_queued = true;
                        return false;
                }
        for (size_t i = 0; i < N_BEGINNINGS; i++) {
                if (prefixes[i] == NO_PREFIX)
                        continue;
                if (r->prefixes[prefixes[i]].state == PREFIX_COLD)
                        write_prefix(r, task, prefixes[i]);
                r->prefixes[prefixes[i]].until_ms = now + p->prefixes[prefixes[i]].life_ms;
        }
        return true;
}

void prefixes_leave(struct run *r, const uint32_t prefixes[N_BEGINNINGS], bool was_written)
{
        bool has_changed = false;

        for (size_t i = 0; i < N_BEGINNINGS; i++) {
                struct run_prefix *x = prefixes[i] == NO_PREFIX ? NULL : &r->prefixes[prefixes[i]];

                if (!x || x->state != PREFIX_WARMING)
                        continue;
                x->state = was_written ? PREFIX_WARM : PREFIX_COLD;
                if (x->stake)
                        x->stake = was_written ? underway_made(x->stake) : underway_leave(x->stake);
                has_changed = true;
        }
        if (has_changed)
                release_held(r);
}
