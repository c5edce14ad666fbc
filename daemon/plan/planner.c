#include "daemon/plan/planner.h"

#include <stdio.h>

#include "common/json.h"
#include "daemon/plan/cost.h"
#include "daemon/plan/rules.h"

/* What a model may write beyond the expected text before it is cut: twice the guess, and room for
 * small files. */
#define MAX_TOKENS_FACTOR 3
#define MAX_TOKENS_FLOOR 4096

/* Keys and interfaces as far as they can be foretold, in topological order: a task whose key is
 * known has the interface of the result with that key; one that will be made anew probably keeps
 * the interface that it has now. */
static void predict(struct draft *d)
{
        const struct work *w = d->in->work;

        for (size_t i = 0; i < w->n_tasks; i++) {
                const struct task *t = &w->tasks[i];
                const struct task_facts *f = d->in->facts ? &d->in->facts[i] : NULL;
                struct prediction *p = &d->predictions[i];
                _cleanup_free_ struct hash *interfaces =
                        calloc(t->n_depends + 1, sizeof(*interfaces));

                p->has_key = interfaces != NULL;
                p->is_certain = true;
                for (size_t k = 0; k < t->n_depends && p->has_key; k++) {
                        const struct prediction *q = &d->predictions[t->depends[k]];

                        p->has_key = q->has_interface;
                        p->is_certain = p->is_certain && q->is_interface_certain;
                        interfaces[k] = q->interface;
                }
                if (p->has_key)
                        task_full_key(t, interfaces, &p->key);
                for (size_t k = 0; f && p->has_key && k < f->n_seen && !p->seen; k++)
                        if (hash_is_equal(&f->seen[k].key, &p->key))
                                p->seen = &f->seen[k];
                if (p->seen) {
                        p->has_interface = true;
                        p->is_interface_certain = p->is_certain;
                        p->interface = p->seen->interface;
                } else if (f && f->has_standing_interface) {
                        p->has_interface = true;
                        p->is_interface_certain = p->has_key && p->is_certain && f->is_standing &&
                                                  hash_is_equal(&f->fingerprint, &p->key);
                        p->interface = f->standing_interface;
                }
        }
}

static void keep_foretold(const struct draft *d)
{
        for (size_t i = 0; i < d->plan->n_tasks; i++) {
                const struct prediction *p = &d->predictions[i];

                d->plan->foretold[i] =
                        (struct foretold){.key = p->key,
                                          .interface = p->interface,
                                          .has_key = p->has_key,
                                          .is_certain = p->is_certain,
                                          .has_interface = p->has_interface,
                                          .is_interface_certain = p->is_interface_certain};
        }
}

static int add_item(struct recipe *r, enum recipe_kind kind, uint32_t index)
{
        struct recipe_item *items = realloc(r->items, (r->n_items + 1) * sizeof(*items));

        if (!items)
                return -ENOMEM;
        r->items = items;
        r->items[r->n_items++] = (struct recipe_item){.kind = kind, .index = index};
        return 0;
}

static bool has_item(const struct recipe *r, enum recipe_kind kind, uint32_t index)
{
        for (size_t i = 0; i < r->n_items; i++)
                if (r->items[i].kind == kind && r->items[i].index == index)
                        return true;
        return false;
}

/* Once for all tasks that have it. */
static int add_once(struct recipe *r, enum recipe_kind kind, uint32_t index, bool is_alone)
{
        return !is_alone && has_item(r, kind, index) ? 0 : add_item(r, kind, index);
}

/* Blocks of one class, then the next: stable text first. Interfaces stand where their class does.
 */
static int write_recipe(const struct work *w, const uint32_t *tasks, size_t n_tasks,
                        struct recipe *r)
{
        bool is_alone = n_tasks == 1;
        int k = 0;

        for (int class = 0; class < BLOCK_EVIDENCE && k == 0; class ++)
                for (size_t m = 0; m < n_tasks && k == 0; m++) {
                        const struct task *t = &w->tasks[tasks[m]];

                        for (size_t i = 0; i < t->n_blocks && k == 0; i++)
                                if ((int)w->blocks[t->blocks[i]].class == class)
                                        k = add_once(r, RECIPE_BLOCK, t->blocks[i], is_alone);
                        for (size_t i = 0; class == BLOCK_INTERFACE && i < t->n_depends && k == 0;
                             i++)
                                k = add_once(r, RECIPE_INTERFACE, t->depends[i], is_alone);
                }
        if (k == 0)
                k = add_item(r, RECIPE_EVIDENCE, 0);
        if (k == 0 && w->tasks[tasks[0]].path)
                k = add_item(r, RECIPE_ANSWER, 0);
        return k;
}

int plan_group_step(const struct planning *in, const uint32_t *tasks, size_t n_tasks,
                    enum tier tier, struct step *ret)
{
        struct step s = {.kind = STEP_CALL, .tier = tier, .is_certain = true};
        int k;

        s.tasks = malloc(n_tasks * sizeof(*s.tasks));
        if (!s.tasks)
                return -ENOMEM;
        memcpy(s.tasks, tasks, n_tasks * sizeof(*s.tasks));
        s.n_tasks = n_tasks;
        while (s.tier < TIER_QUALITY && !in->tiers[s.tier].model)
                s.tier++;
        k = write_recipe(in->work, tasks, n_tasks, &s.recipe);
        if (k < 0) {
                step_done(&s);
                return k;
        }
        snprintf(s.reason, sizeof(s.reason), "%s",
                 n_tasks == 1 ? "asked for alone" : "asked for together");
        cost_step(in, &s);
        *ret = s;
        return 0;
}

int plan_call_step(const struct planning *in, uint32_t task, enum tier tier, struct step *ret)
{
        return plan_group_step(in, &task, 1, tier, ret);
}

static int start_draft(struct draft *d)
{
        for (size_t i = 0; i < d->plan->n_tasks; i++) {
                int k = plan_call_step(d->in, (uint32_t)i, TIER_QUALITY, &d->plan->steps[i]);

                if (k < 0)
                        return k;
                d->plan->n_steps = i + 1;
                d->plan->step_of_task[i] = (uint32_t)i;
        }
        cost_plan(d->in, d->plan);
        return 0;
}

static void note_effect(struct plan *p, const char *name, const struct estimate *before)
{
        struct rule_effect *e = &p->effects[p->n_effects++];
        const struct estimate *after = &p->totals;

        *e = (struct rule_effect){
                .name = name,
                .calls = (int64_t)before->calls - (int64_t)after->calls,
                .input = (int64_t)before->tokens.input - (int64_t)after->tokens.input,
                .output = (int64_t)before->tokens.output - (int64_t)after->tokens.output,
                .nanousd = (int64_t)before->nanousd - (int64_t)after->nanousd,
                .ms = (int64_t)before->ms - (int64_t)after->ms,
        };
}

static int apply_rules(struct draft *d)
{
        for (size_t i = 0; i < N_PLAN_RULES; i++) {
                struct estimate before = d->plan->totals;
                int k;

                if (!d->in->is_on[i])
                        continue;
                k = plan_rules[i]->apply(d);
                if (k < 0)
                        return k;
                cost_plan(d->in, d->plan);
                note_effect(d->plan, plan_rules[i]->name, &before);
        }
        return 0;
}

int plan_make(const struct planning *in, struct plan **ret)
{
        _cleanup_(plan_freep) struct plan *p = plan_new(in->work->n_tasks);
        _cleanup_free_ struct prediction *predictions =
                calloc(in->work->n_tasks + 1, sizeof(*predictions));
        struct draft d = {.in = in, .plan = p, .predictions = predictions};
        int k;

        if (!p || !predictions)
                return -ENOMEM;
        predict(&d);
        keep_foretold(&d);
        k = start_draft(&d);
        if (k < 0)
                return k;
        cost_naive(in, &p->naive);
        /* What the declared inputs save before any rule: slices instead of the whole, calls side by
         * side. */
        note_effect(p, "context", &p->naive);
        k = apply_rules(&d);
        if (k < 0)
                return k;
        *ret = take(p);
        return 0;
}

uint64_t plan_max_tokens(const struct planning *in, const struct step *s)
{
        const struct model_facts *f = in->tiers[s->tier].facts;
        uint64_t asked = 0, n = MAX_TOKENS_FACTOR * s->estimate.tokens.output;

        for (size_t i = 0; i < s->n_tasks; i++)
                asked += in->work->tasks[s->tasks[i]].max_tokens;
        n = asked ? asked : MAX2(n, (uint64_t)MAX_TOKENS_FLOOR);
        return f ? MIN2(n, f->max_output) : n;
}

uint64_t plan_worst_nanousd(const struct planning *in, const struct step *s, uint64_t input_tokens,
                            uint64_t max_tokens)
{
        const struct model_facts *f = in->tiers[s->tier].facts;

        if (!f)
                return 0;
        return input_tokens * MAX2(f->price.input, f->price.cache_write_1h) +
               max_tokens * f->price.output;
}
