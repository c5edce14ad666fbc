#include <stdio.h>

#include "daemon/plan/rules.h"
#include "daemon/template/template.h"

/* A task that a template of its blueprint covers is rendered. Where one stops short of what the
 * task asks for, the step says what that is. */
static int apply(struct draft *d)
{
        for (size_t i = 0; i < d->plan->n_tasks; i++) {
                const struct task *t = &d->in->work->tasks[i];
                struct step *s = &d->plan->steps[i];
                char reason[sizeof(s->reason)];

                if (s->kind != STEP_CALL || !t->template)
                        continue;
                if (t->uncovered) {
                        snprintf(s->reason, sizeof(s->reason), "%s", t->uncovered);
                        continue;
                }
                snprintf(reason, sizeof(reason), "template %s covers it",
                         template_name(t->template));
                draft_settle_task(d, (uint32_t)i, STEP_TEMPLATE, true, reason);
        }
        return 0;
}

const struct plan_rule rule_template = {.name = "template",
                                        .option = OPTION_TEMPLATE,
                                        .apply = apply,
                                        .settles = STEP_TEMPLATE,
                                        .measure = measure_by_source};
