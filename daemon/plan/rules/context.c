#include <math.h>
#include <stdio.h>

#include "daemon/plan/cost.h"
#include "daemon/plan/rules.h"

/* A slice that says more than this of the specification is worth a look: the kind declares too
 * much, or the task is two. */
#define LARGE_SHARE 0.4
#define SMALL_WHOLE 4000 /* bytes: of a small specification everything is a large part */

static int warn(struct draft *d, const struct task *t, double share)
{
        _cleanup_free_ char *text = str_printf(
                "%s declares %.0f %% of the specification: its kind may declare less, or it may be "
                "two files",
                t->title, 100 * share);

        return text ? strlist_add(&d->plan->warnings, text) : -ENOMEM;
}

/* Of each kind the first: a hundred files of one kind are one remark. Files of the whole project
 * are meant to see it. */
static int warn_of_large(struct draft *d)
{
        const struct work *w = d->in->work;
        const char *last = NULL;

        for (size_t i = 0; i < w->n_tasks && w->whole_facts_bytes > SMALL_WHOLE; i++) {
                const struct task *t = &w->tasks[i];
                double share = (double)cost_facts_bytes(w, t) / (double)w->whole_facts_bytes;
                int k;

                if (!d->units->at[i].is_call || !t->batch || share <= LARGE_SHARE ||
                    (last && strcmp(last, t->kind) == 0))
                        continue;
                last = t->kind;
                k = warn(d, t, share);
                if (k < 0)
                        return k;
        }
        return 0;
}

static void present(struct scheme *s, enum presentation p)
{
        for (size_t i = 0; i < s->n_lots; i++)
                s->lots[i].presentation = p;
}

/* What each task declared, and no more. Where calls share a prefix, facts of all of them as a part
 * of it may be cheaper: the search tries. */
static int apply(struct draft *d)
{
        present(d->scheme, PRESENT_OWN);
        return warn_of_large(d);
}

static void decide(struct scheme *s, const struct scheme *final, const struct units *u)
{
        for (size_t i = 0; i < u->n; i++)
                if (final->lot_of[i] != NO_LOT)
                        s->lots[i].presentation = final->lots[final->lot_of[i]].presentation;
}

const struct plan_rule rule_context = {.name = "context",
                                       .option = OPTION_CONTEXT,
                                       .apply = apply,
                                       .settles = STEP_CALL,
                                       .decide = decide,
                                       .measure = measure_by_input};
