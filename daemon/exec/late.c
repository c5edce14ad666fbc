/* Late: a job is cancelled, or its run goes for another reason, while what came whole for it is
 * still judged, or waits for the end of its call. It is paid for. So it is judged to its end all
 * the same, and what is good of it is kept: in the cache, for the same job when it is resumed, and
 * for whoever asks for it next; who waits for it in another job waits on. Nothing is told of it and
 * nothing delivered: the job has ended. */

#include "common/log.h"
#include "daemon/calls/underway.h"
#include "daemon/exec/internal.h"

static void let_go(struct run *r, struct run_work_item *item)
{
        struct run_task *t = run_task_of(r, item->task);

        LIST_REMOVE(item, entry);
        r->n_items--;
        item->run = NULL;
        if (!item->call || !share_is_for_others(item->source))
                return;
        item->late = (struct late){.store = r->setup.store,
                                   .key = t->key,
                                   .model = strdup(item->call->model),
                                   .is_strict = r->setup.is_strict,
                                   .stake = t->stake};
        if (t->stake)
                underway_hand_over(t->stake, item);
        t->stake = NULL;
}

/* Its call would have had to come to its end. */
static bool is_judged(const struct run *r, uint32_t task)
{
        const struct run_task *t = &r->tasks[task];

        return t->state == TASK_CHECKING && t->candidate &&
               candidate_is_good(t->candidate, r->setup.is_strict) &&
               share_is_for_others(&r->work->tasks[task]);
}

static void keep(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);
        _cleanup_(candidate_freep) struct candidate *c = take(t->candidate);

        result_remember(r->setup.store, &r->work->tasks[task], &t->key, &c->result.interface,
                        &c->result);
        share_leave(r, task, true);
        run_log(r, task, LOG_LEVEL_INFO, "kept_late", "%s", r->work->tasks[task].title);
}

void late_let_go(struct run *r)
{
        struct run_work_item *item;

        while ((item = LIST_FIRST(&r->items)))
                let_go(r, item);
        for (uint32_t i = 0; i < r->work->n_tasks; i++)
                if (is_judged(r, i))
                        keep(r, i);
}

void late_finish(struct run_work_item *item)
{
        struct late *l = &item->late;
        struct candidate *c = item->candidate;

        if (!l->store)
                return;
        if (item->error == 0 && candidate_is_good(c, l->is_strict)) {
                c->result.model = take(l->model);
                result_remember(l->store, item->source, &l->key, &c->result.interface, &c->result);
                if (l->stake)
                        l->stake = underway_landed(l->stake);
                log_event(LOG_LEVEL_INFO, "kept_late", "%s", item->source->title);
        }
        l->stake = underway_leave(l->stake);
        free(l->model);
}
