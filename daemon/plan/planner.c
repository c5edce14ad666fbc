#include "daemon/plan/planner.h"

#include <stdio.h>

#include "common/json.h"
#include "daemon/plan/cost.h"
#include "daemon/plan/recipe.h"
#include "daemon/plan/rules.h"
#include "daemon/plan/write.h"

/* What a model may write beyond the expected text before it is cut: twice the guess, and room for
 * small files. */
#define MAX_TOKENS_FACTOR 3
#define MAX_TOKENS_FLOOR 4096
#define FEWEST_BYTES_PER_TOKEN 2
#define KIND_HASH_DIGITS 12

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

/* Those that settle tasks without a call, or those that write the scheme. */
static int apply_rules(struct draft *d, bool is_settling)
{
        for (size_t i = 0; i < N_PLAN_RULES; i++) {
                const struct plan_rule *r = plan_rules[i];
                int k = 0;

                if (d->in->is_on[i] && (r->settles != STEP_CALL) == is_settling)
                        k = r->apply(d);
                if (k < 0)
                        return k;
        }
        return 0;
}

/* For what no rule settles: the rules write a scheme, the search makes it cheaper. */
int draft_write_scheme(struct draft *d)
{
        int k = units_new(d->in, d->settled, &d->units);

        k = k ? k : scheme_new(d->units, &d->scheme);
        k = k ? k : pricing_new(d->units, &d->pricing);
        if (k < 0)
                return k;
        scheme_reset(d->scheme, d->units);
        d->scheme->n_parallel = 1;
        k = apply_rules(d, false);
        return k ? k : search(d->units, d->pricing, d->scheme);
}

/* Calls fail upwards: models of the lowest tier that is asked, and of those above it. */
static enum tier lowest_tier(const struct plan *p)
{
        enum tier lowest = N_TIERS;

        for (size_t i = 0; i < p->n_steps; i++)
                if (p->steps[i].kind == STEP_CALL)
                        lowest = MIN2(lowest, p->steps[i].tier);
        return lowest;
}

/* Of each model that may be asked, once: sums and budgets do not count it. */
static int list_unpriced(const struct planning *in, struct plan *p)
{
        for (enum tier t = lowest_tier(p); t < N_TIERS; t++) {
                _cleanup_free_ char *text = NULL;
                const char *model = in->tiers[t].unpriced;

                if (!model || strlist_has(&p->unpriced, model))
                        continue;
                text = str_printf(
                        "the price of %s is not known: no estimate, approval or budget counts it; "
                        "say it in genopt.yaml: tiers: {%s: {…, price: {input: …, output: …}}}, in "
                        "dollars per million tokens",
                        model, tier_names[t]);
                if (!text || strlist_add(&p->warnings, text) < 0 ||
                    strlist_add(&p->unpriced, model) < 0)
                        return -ENOMEM;
        }
        return 0;
}

#define REPEAT_WORTH_WORDS 0.2 /* of the whole: above what every estimate may be off */

/* A model that errs often, and no other that is cheaper in the end. */
static int warn_of_repetitions(struct plan *p)
{
        _cleanup_free_ char *text = NULL;

        if ((double)p->repeat_nanousd < REPEAT_WORTH_WORDS * (double)p->totals.nanousd ||
            p->repeat_nanousd == 0)
                return 0;
        text = str_printf(
                "about $%.4f more than the plan's $%.4f is likely: so many answers of these "
                "kinds were refused, or lacked a file, before",
                (double)p->repeat_nanousd / 1e9, (double)p->totals.nanousd / 1e9);
        return text ? strlist_add(&p->warnings, text) : -ENOMEM;
}

/* What no model takes fails: that is worth knowing before others are paid for. */
static int warn_of_windows(const struct draft *d)
{
        const struct work *w = d->in->work;
        _cleanup_free_ char *text = NULL;
        const struct task *first = NULL;
        size_t n = 0;

        for (uint32_t i = 0; i < w->n_tasks; i++) {
                if (!d->units->at[i].is_call || units_fit(d->units, i))
                        continue;
                first = first ? first : &w->tasks[i];
                n++;
        }
        if (n == 0)
                return 0;
        text = str_printf(
                "%s%s: prompt and answer do not fit the window of %s, nor is there a model "
                "with a larger one; asking will fail%s",
                first->title, n > 1 ? " and others" : "",
                d->in->tiers[d->units->at[first->index].floor].model,
                n > 1 ? ", for each of them" : "");
        return text ? strlist_add(&d->plan->warnings, text) : -ENOMEM;
}

int plan_put_unpriced(const struct plan *p, json_t *o)
{
        _cleanup_json_ json_t *list = json_array();
        int k = list ? 0 : -ENOMEM;

        if (p->unpriced.n == 0)
                return 0;
        for (size_t i = 0; i < p->unpriced.n && k == 0; i++)
                k = json_add(list, json_string(p->unpriced.at[i]));
        return k ? k : json_put(o, "unpriced", json_incref(list));
}

int plan_make(const struct planning *in, struct plan **ret)
{
        _cleanup_(plan_freep) struct plan *p = plan_new(in->work->n_tasks);
        _cleanup_free_ struct prediction *predictions =
                calloc(in->work->n_tasks + 1, sizeof(*predictions));
        _cleanup_free_ enum step_kind *settled = calloc(in->work->n_tasks + 1, sizeof(*settled));
        struct draft d = {.in = in, .plan = p, .predictions = predictions, .settled = settled};
        int k;

        if (!p || !predictions || !settled)
                return -ENOMEM;
        predict(&d);
        keep_foretold(&d);
        for (size_t i = 0; i < p->n_tasks; i++) {
                settled[i] = STEP_CALL;
                step_init(&p->steps[i], STEP_CALL);
        }
        k = apply_rules(&d, true);
        k = k ? k : draft_write_scheme(&d);
        k = k ? k : plan_write(&d);
        k = k ? k : explain_effects(&d);
        k = k ? k : list_unpriced(in, p);
        k = k ? k : warn_of_windows(&d);
        k = k ? k : warn_of_repetitions(p);
        scheme_free(d.scheme);
        pricing_free(d.pricing);
        units_free(d.units);
        if (k == 0)
                *ret = take(p);
        return k;
}

void plan_kind_name(const struct work *w, const struct task *t, bool is_edits,
                    char ret[ESTIMATOR_KIND_BYTES])
{
        char hex[HASH_HEX_BYTES];
        struct hash hash;
        _cleanup_free_ char *whole = NULL;
        int n = snprintf(ret, ESTIMATOR_KIND_BYTES, "%s%s/%s", is_edits ? "edits:" : "",
                         w->blueprint ? w->blueprint : "", t->kind);

        if (n < ESTIMATOR_KIND_BYTES)
                return;
        /* Too long: what is cut off still tells it from others. */
        whole = str_printf("%s/%s", w->blueprint ? w->blueprint : "", t->kind);
        if (!whole)
                return;
        hash_of(whole, strlen(whole), &hash);
        hash_to_hex(&hash, hex);
        memcpy(ret + ESTIMATOR_KIND_BYTES - KIND_HASH_DIGITS - 1, hex, KIND_HASH_DIGITS);
}

const struct estimated_kind *plan_find_kind(const struct planning *in, const struct task *t,
                                            bool is_edits)
{
        char name[ESTIMATOR_KIND_BYTES];

        if (in->estimator.n_kinds == 0)
                return NULL;
        plan_kind_name(in->work, t, is_edits, name);
        return estimator_kind(&in->estimator, name);
}

unsigned plan_window_share(const struct planning *in, enum tier tier, uint64_t input_tokens,
                           uint64_t max_tokens)
{
        const struct model_facts *f = in->tiers[tier].facts;

        return f && f->window ? (unsigned)MIN2((input_tokens + max_tokens) * 1000 / f->window,
                                               (uint64_t)1000000)
                              : 0;
}

int plan_group_step(const struct planning *in, const struct plan *p, const struct step *planned,
                    const uint32_t *tasks, size_t n_tasks, enum tier tier, struct step *ret)
{
        struct step s;
        int k;

        step_init(&s, STEP_CALL);
        s.is_certain = true;
        s.tier = tier;
        s.tasks = malloc(n_tasks * sizeof(*s.tasks));
        if (!s.tasks)
                return -ENOMEM;
        memcpy(s.tasks, tasks, n_tasks * sizeof(*s.tasks));
        s.n_tasks = n_tasks;
        while (s.tier < TIER_QUALITY && !in->tiers[s.tier].model)
                s.tier++;
        if (planned && planned->kind == STEP_CALL) {
                s.presentation = planned->presentation;
                s.path_ms = planned->path_ms;
                /* A cache belongs to a model. */
                if (planned->tier == s.tier)
                        memcpy(s.prefixes, planned->prefixes, sizeof(s.prefixes));
        }
        k = recipe_write(in, p, &s);
        if (k < 0) {
                step_done(&s);
                return k;
        }
        snprintf(s.reason, sizeof(s.reason), "%s",
                 n_tasks == 1 ? "asked for alone" : "asked for together");
        cost_step(in, p, &s);
        *ret = s;
        return 0;
}

uint64_t plan_max_tokens(const struct planning *in, const struct plan *p, const struct step *s)
{
        const struct model_facts *f = in->tiers[s->tier].facts;
        uint64_t asked = 0, shown = 0, n = MAX_TOKENS_FACTOR * s->estimate.tokens.output;

        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct task *t = &in->work->tasks[s->tasks[i]];
                struct span base = {0};

                asked += t->max_tokens;
                if (plan_base(p, t, &base))
                        shown += base.n;
        }
        /* Instead of edits the whole text may come. */
        n += shown / FEWEST_BYTES_PER_TOKEN;
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
