/* Shared: what another job makes now is not made again. Calls that are the same byte for byte are
 * one (calls/flight.c); a task that another job asks for otherwise, in another batch or of another
 * model, waits here until that one has it, and is then what the cache knows. When the other comes
 * to nothing, fails, leaves or has to wait for a person, it is asked for here.
 *
 * Who makes a task says so from the moment its call leaves until the task is at rest or parked,
 * refusals and repetitions included, and waits for nobody meanwhile: so two jobs may wait for each
 * other's tasks, and none waits for itself. */

#include "common/log.h"
#include "daemon/calls/underway.h"
#include "daemon/exec/leaving.h"
#include "daemon/metrics/metrics.h"

bool share_is_for_others(const struct task *t)
{
        return t->command < 0 || t->repair;
}

void share_make(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);

        t->is_joined = false;
        if (t->stake || !share_is_for_others(&r->work->tasks[task]))
                return;
        if (underway_make(r->setup.underway, &t->key, r, &t->stake) < 0)
                log_warning("task %u: it is not shared: out of memory", task);
}

void share_leave(struct run *r, uint32_t task, bool is_made)
{
        struct run_task *t = run_task_of(r, task);

        if (!t->stake)
                return;
        t->stake = is_made ? underway_landed(t->stake) : underway_leave(t->stake);
}

bool share_is_elsewhere(const struct run *r, uint32_t task)
{
        return may_reuse(r, task) &&
               underway_is_elsewhere(r->setup.underway, &r->tasks[task].key, r);
}

static void on_woken(void *owner, uint32_t task, bool is_made)
{
        struct run *r = owner;
        struct run_task *t = run_task_of(r, task);

        t->stake = NULL;
        t->is_elsewhere = false;
        t->is_joined = is_made;
        r->n_elsewhere--;
        run_task_woken(r, task);
}

bool share_wait(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);

        t->stake = underway_leave(t->stake);
        if (underway_wait(r->setup.underway, &t->key, r, on_woken, task, &t->stake) != 0)
                return false;
        t->is_elsewhere = true;
        r->n_elsewhere++;
        run_log(r, task, LOG_LEVEL_INFO, "joined", "%s: another job is making it",
                r->work->tasks[task].title);
        return true;
}

void share_woken(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);

        if (t->is_joined && is_made(r, task) && settle_again(r, task))
                return;
        t->is_joined = false;
        run_log(r, task, LOG_LEVEL_INFO, "not_joined", "%s: the other job did not make it",
                r->work->tasks[task].title);
        group_ask_again(r, task);
}

/* What was delivered while it streamed is counted here; the rest when it is published. */
void share_note(struct run_call *c)
{
        for (size_t i = 0; i < c->n_tasks && !c->is_payer; i++) {
                struct run_task *t = run_task_of(c->run, c->tasks[i]);

                t->is_joined = true;
                if (t->state == TASK_DONE)
                        publish_joined(c->run, c->tasks[i]);
        }
}
