/* The order in which calls leave: longest path first, and the readers of a prefix after its writer.
 *
 * A prefix of the plan is cold until a call that has it leaves (it is the writer, whichever came
 * first), warming until the first event of the answer (then the provider lets others read it), and
 * warm for as long as the provider keeps what was not used since. When the writer goes before that,
 * the prefix is cold again and the next one writes. Waiting is a matter of money, never of order:
 * nothing waits for a prefix that nobody is writing. */

#include "common/clock.h"
#include "daemon/exec/leaving.h"

/* Has its writer left, is it to be read? */
struct run_prefix {
        enum prefix_state { PREFIX_COLD, PREFIX_WARMING, PREFIX_WARM } state;
        uint64_t until_ms; /* providers' time: warm until then */
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
                        r->setup.plan->prefixes[i].warm_until_ms};
        return 0;
}

void ready_done(struct run *r)
{
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
        size_t i = r->n_ready++;

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
        return task;
}

/* ---- prefixes ---- */

static void let_lapse(struct run *r, uint64_t now)
{
        for (size_t i = 0; i < r->setup.plan->n_prefixes; i++)
                if (r->prefixes[i].state == PREFIX_WARM && r->prefixes[i].until_ms <= now)
                        r->prefixes[i].state = PREFIX_COLD;
}

bool prefixes_enter(struct run *r, uint32_t task, const uint32_t prefixes[N_BEGINNINGS])
{
        const struct plan *p = r->setup.plan;
        uint64_t now = clock_provider_ms();

        let_lapse(r, now);
        for (size_t i = 0; i < N_BEGINNINGS; i++)
                if (prefixes[i] != NO_PREFIX && p->prefixes[prefixes[i]].is_awaited &&
                    r->prefixes[prefixes[i]].state == PREFIX_WARMING) {
                        r->held[r->n_held++] = task;
                        return false;
                }
        for (size_t i = 0; i < N_BEGINNINGS; i++) {
                if (prefixes[i] == NO_PREFIX)
                        continue;
                if (r->prefixes[prefixes[i]].state == PREFIX_COLD)
                        r->prefixes[prefixes[i]].state = PREFIX_WARMING;
                r->prefixes[prefixes[i]].until_ms = now + p->prefixes[prefixes[i]].life_ms;
        }
        return true;
}

/* All of them are looked at again: who still has to wait is held again. */
static void release_held(struct run *r)
{
        size_t n = r->n_held;

        r->n_held = 0;
        for (size_t i = 0; i < n; i++)
                ready_add(r, r->held[i],
                          r->setup.plan->steps[r->setup.plan->step_of_task[r->held[i]]].path_ms);
        if (n > 0)
                run_pump(r);
}

void prefixes_leave(struct run *r, const uint32_t prefixes[N_BEGINNINGS], bool was_written)
{
        bool has_changed = false;

        for (size_t i = 0; i < N_BEGINNINGS; i++) {
                if (prefixes[i] == NO_PREFIX || r->prefixes[prefixes[i]].state != PREFIX_WARMING)
                        continue;
                r->prefixes[prefixes[i]].state = was_written ? PREFIX_WARM : PREFIX_COLD;
                has_changed = true;
        }
        if (has_changed)
                release_held(r);
}
