/* EXPLAIN: a plan as data, in the form of docs/protocol.md. */

#include "common/json.h"
#include "daemon/plan/planner.h"

static json_t *integer(uint64_t n)
{
        return json_integer((json_int_t)n);
}

int estimate_to_json(const struct estimate *e, json_t **ret)
{
        _cleanup_json_ json_t *o = json_object();
        int k = o ? 0 : -ENOMEM;

        k = k ? k : json_put(o, "input", integer(e->tokens.input));
        k = k ? k : json_put(o, "cache_read", integer(e->tokens.cache_read));
        k = k ? k : json_put(o, "cache_write", integer(e->tokens.cache_write));
        k = k ? k : json_put(o, "output", integer(e->tokens.output));
        k = k ? k : json_put(o, "nanousd", integer(e->nanousd));
        k = k ? k : json_put(o, "ms", integer(e->ms));
        if (k == 0)
                *ret = take(o);
        return k;
}

int totals_to_json(const struct estimate *e, json_t **ret)
{
        _cleanup_json_ json_t *o = NULL;
        int k = estimate_to_json(e, &o);

        k = k ? k : json_put(o, "calls", integer(e->calls));
        if (k == 0)
                *ret = take(o);
        return k;
}

/* With its model: what the `tier` rule is measured against. */
static int naive_to_json(const struct planning *in, const struct estimate *e, json_t **ret)
{
        const char *model = in->tiers[TIER_QUALITY].model;
        _cleanup_json_ json_t *o = NULL;
        int k = totals_to_json(e, &o);

        if (model)
                k = k ? k : json_put(o, "model", json_string(model));
        if (k == 0)
                *ret = take(o);
        return k;
}

/* Tasks that it asks for as edits of what their templates render. */
static size_t count_frames(const struct plan *p, const struct step *s)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n_tasks && s->kind == STEP_CALL; i++)
                n += p->frames[s->tasks[i]].text != NULL;
        return n;
}

static bool is_unpriced(const struct plan *p, const char *model)
{
        return model && strlist_has(&p->unpriced, model);
}

static json_t *step_to_json(const struct planning *in, const struct plan *p, const struct step *s)
{
        size_t n_frames = count_frames(p, s);
        _cleanup_json_ json_t *o = json_object(), *tasks = json_array();
        json_t *estimate = NULL;
        int k = o && tasks ? 0 : -ENOMEM;

        for (size_t i = 0; i < s->n_tasks && k == 0; i++) {
                const struct task *t = &in->work->tasks[s->tasks[i]];

                k = json_add(tasks, json_string(t->path ? t->path : t->title));
        }
        k = k ? k : json_put(o, "kind", json_string(step_kind_names[s->kind]));
        k = k ? k : json_put(o, "tasks", json_incref(tasks));
        if (s->kind == STEP_CALL) {
                const char *model = in->tiers[s->tier].model;

                k = k ? k : json_put(o, "tier", json_string(tier_names[s->tier]));
                k = k ? k : json_put(o, "model", model ? json_string(model) : json_null());
                if (n_frames > 0)
                        k = k ? k : json_put(o, "frames", integer(n_frames));
        }
        k = k ? k : json_put(o, "certain", json_boolean(s->is_certain));
        k = k ? k : json_put(o, "reason", json_words(s->reason));
        k = k ? k : estimate_to_json(&s->estimate, &estimate);
        k = k ? k : json_put(o, "estimate", estimate);
        if (s->kind == STEP_CALL) {
                k = k ? k : json_put(estimate, "output_p90", integer(s->output_p90));
                k = k ? k : json_put(estimate, "ms_p90", integer(s->ms_p90));
                if (is_unpriced(p, in->tiers[s->tier].model))
                        k = k ? k : json_put(estimate, "unpriced", json_true());
        }
        return k ? NULL : take(o);
}

static json_t *effect_to_json(const struct rule_effect *e)
{
        _cleanup_json_ json_t *o = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I}", "name", e->name, "calls",
                                             (json_int_t)e->calls, "input", (json_int_t)e->input,
                                             "output", (json_int_t)e->output, "nanousd",
                                             (json_int_t)e->nanousd, "ms", (json_int_t)e->ms);
        int k = o ? 0 : -ENOMEM;

        if (e->full > 0) {
                k = k ? k : json_put(o, "full", integer(e->full));
                k = k ? k : json_put(o, "compressed", integer(e->compressed));
        }
        return k ? NULL : take(o);
}

int plan_to_json(const struct planning *in, const struct plan *p, json_t **ret)
{
        _cleanup_json_ json_t *o = json_object(), *steps = json_array(), *rules = json_array();
        json_t *totals = NULL, *naive = NULL;
        int k = o && steps && rules ? 0 : -ENOMEM;

        for (size_t i = 0; i < p->n_steps && k == 0; i++)
                k = json_add(steps, step_to_json(in, p, &p->steps[i]));
        for (size_t i = 0; i < p->n_effects && k == 0; i++)
                k = json_add(rules, effect_to_json(&p->effects[i]));
        k = k ? k : json_put(o, "tasks", integer(p->n_tasks));
        k = k ? k : json_put(o, "steps", json_incref(steps));
        k = k ? k : totals_to_json(&p->totals, &totals);
        k = k ? k : json_put(o, "totals", totals);
        k = k ? k : naive_to_json(in, &p->naive, &naive);
        k = k ? k : json_put(o, "naive", naive);
        k = k ? k : json_put(o, "rules", json_incref(rules));
        k = k ? k : plan_put_unpriced(p, o);
        if (in->work->findings)
                k = k ? k : json_put(o, "findings", json_incref(in->work->findings));
        if (k == 0)
                *ret = take(o);
        return k;
}
