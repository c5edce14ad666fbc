#include "daemon/work/plan.h"

const char *const tier_names[N_TIERS] = {"fast", "balanced", "quality"};
const char *const step_kind_names[N_STEP_KINDS] = {"keep", "reuse", "template", "mechanical",
                                                   "call"};

const char *const presentation_names[N_PRESENTATIONS] = {"own", "shared", "whole"};

int tier_from_name(const char *name, enum tier *ret)
{
        for (size_t i = 0; name && i < N_TIERS; i++)
                if (strcmp(name, tier_names[i]) == 0) {
                        *ret = (enum tier)i;
                        return 0;
                }
        return -EINVAL;
}

struct plan *plan_new(size_t n_tasks)
{
        _cleanup_(plan_freep) struct plan *p = calloc(1, sizeof(*p));

        if (!p)
                return NULL;
        p->n_tasks = n_tasks;
        p->steps = calloc(n_tasks + 1, sizeof(*p->steps));
        p->step_of_task = calloc(n_tasks + 1, sizeof(*p->step_of_task));
        p->foretold = calloc(n_tasks + 1, sizeof(*p->foretold));
        p->frames = calloc(n_tasks + 1, sizeof(*p->frames));
        return p->steps && p->step_of_task && p->foretold && p->frames ? take(p) : NULL;
}

void step_init(struct step *s, enum step_kind kind)
{
        *s = (struct step){.kind = kind, .prefixes = {NO_PREFIX, NO_PREFIX, NO_PREFIX}};
}

void step_done(struct step *s)
{
        free(s->tasks);
        free(s->recipe.items);
        *s = (struct step){0};
}

struct plan *plan_free(struct plan *p)
{
        if (!p)
                return NULL;
        for (size_t i = 0; p->steps && i < p->n_steps; i++)
                step_done(&p->steps[i]);
        free(p->steps);
        for (size_t i = 0; i < p->n_prefixes; i++)
                free(p->prefixes[i].provider);
        free(p->prefixes);
        free(p->shared);
        strlist_done(&p->warnings);
        strlist_done(&p->unpriced);
        free(p->step_of_task);
        free(p->foretold);
        for (size_t i = 0; p->frames && i < p->n_tasks; i++)
                free(p->frames[i].text);
        free(p->frames);
        free(p);
        return NULL;
}
