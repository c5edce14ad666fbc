#include "daemon/plan/rules.h"

/* What stands on disk as we wrote it, and would be made with the same key again, is left alone. */
static int apply(struct draft *d)
{
        for (size_t i = 0; i < d->plan->n_tasks; i++) {
                const struct task_facts *f = d->in->facts ? &d->in->facts[i] : NULL;
                const struct prediction *p = &d->predictions[i];

                if (!f || !f->is_in_manifest || !f->is_standing || !p->has_key ||
                    !hash_is_equal(&f->fingerprint, &p->key))
                        continue;
                draft_settle_task(
                        d, (uint32_t)i, STEP_KEEP, p->is_certain,
                        p->is_certain
                                ? "stands on disk as it would be made again"
                                : "stands on disk, if what it depends on keeps its interface");
        }
        return 0;
}

const struct plan_rule rule_keep = {.name = "keep",
                                    .option = OPTION_KEEP,
                                    .apply = apply,
                                    .settles = STEP_KEEP,
                                    .measure = measure_by_source};
