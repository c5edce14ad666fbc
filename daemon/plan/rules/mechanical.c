#include <stdio.h>

#include "daemon/plan/rules.h"

/* Repairs that their findings spell out: the text is there. */
static int apply(struct draft *d)
{
        for (size_t i = 0; i < d->plan->n_tasks; i++) {
                const struct task *t = &d->in->work->tasks[i];
                char reason[sizeof(d->plan->steps[i].reason)];

                if (d->settled[i] != STEP_CALL || !task_is_mechanical(t))
                        continue;
                snprintf(reason, sizeof(reason), "%u finding%s spell%s out %s edit",
                         t->repair->n_findings, t->repair->n_findings == 1 ? "" : "s",
                         t->repair->n_findings == 1 ? "s" : "",
                         t->repair->n_findings == 1 ? "its" : "their");
                draft_settle_task(d, (uint32_t)i, STEP_MECHANICAL, true, reason);
        }
        return 0;
}

const struct plan_rule rule_mechanical = {.name = "mechanical",
                                          .option = OPTION_MECHANICAL,
                                          .apply = apply,
                                          .settles = STEP_MECHANICAL,
                                          .measure = measure_by_source};
