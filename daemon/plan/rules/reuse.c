#include "daemon/plan/rules.h"

/* A result whose full key is known is taken from state or cache. */
static int apply(struct draft *d)
{
        for (size_t i = 0; i < d->plan->n_tasks; i++) {
                const struct prediction *p = &d->predictions[i];
                const struct task *t = &d->in->work->tasks[i];
                const struct step *s = &d->plan->steps[i];

                if (s->kind == STEP_CALL && task_is_given(t) && t->repair->is_noted) {
                        draft_settle_task(d, (uint32_t)i, STEP_REUSE, true,
                                          "an earlier job repaired it, and the same edits fit");
                        continue;
                }
                if (s->kind != STEP_CALL || !p->has_key || !p->seen || !p->seen->is_at_hand)
                        continue;
                draft_settle_task(
                        d, (uint32_t)i, STEP_REUSE, p->is_certain,
                        p->is_certain
                                ? "a result with the same key is stored"
                                : "a result is stored, if what it depends on keeps its interface");
        }
        return 0;
}

const struct plan_rule rule_reuse = {.name = "reuse",
                                     .option = OPTION_REUSE,
                                     .apply = apply,
                                     .settles = STEP_REUSE,
                                     .measure = measure_by_source};
