#include "daemon/plan/cost.h"
#include "daemon/plan/rules.h"

/* A template that covers most of a task gives a frame: the call shows what it renders, and the
 * answer is edits of it. Tokens that are read are cheaper than those that are written, so that this
 * pays where little is missing; where much is, the whole file is asked for, as without the frame.
 * Only what the template passes over makes a frame: what it would say wrongly (`covers`) does not,
 * nor a template that is switched off or fails. */

struct choice {
        const struct planning *in;
        const struct task *t;
        const struct tier_model *model;
        enum tier tier;
        struct rates rates;
        uint64_t facts;
};

/* Of the answer, asked again where it is refused. */
static double price(const struct choice *c, bool is_edits, double shown_bytes)
{
        const struct estimated_kind *kind = plan_find_kind(c->in, c->t, is_edits);
        uint64_t expected = is_edits ? cost_edits_bytes(c->t) : cost_expected_bytes(c->t);
        double read = shown_bytes * c->rates.prompt[TEXT_CODE],
               written = estimator_file_bytes(kind, expected, c->facts).p50 * c->rates.answer *
                         estimator_density(kind);
        double nanousd = read * (double)c->model->facts->price.input +
                         written * (double)c->model->facts->price.output;
        double ms = read * c->rates.fresh_ms + written * c->rates.writing_ms;

        return (nanousd + ms * plan_nanousd_per_ms[c->in->objective]) *
               (1 + estimator_refusals(kind, c->tier, 0));
}

static bool set_choice(const struct planning *in, const struct task *t, struct choice *c)
{
        *c = (struct choice){.in = in, .t = t};
        if (tier_from_name(t->tier, &c->tier) < 0)
                c->tier = TIER_QUALITY;
        while (c->tier < TIER_QUALITY && !in->tiers[c->tier].model)
                c->tier++;
        c->model = &in->tiers[c->tier];
        if (!c->model->facts)
                return false;
        estimator_rates(&in->estimator, c->model->facts, c->model->model, &c->rates);
        c->facts = cost_facts_bytes(in->work, t);
        return true;
}

/* Nothing to read is worth it when even that much is dearer to write. */
static int frame_task(struct draft *d, const struct task *t)
{
        struct frame *f = &d->plan->frames[t->index];
        _cleanup_buf_ struct buf text = {0};
        struct choice c;
        struct diag diag;
        int k;

        if (!set_choice(d->in, t, &c) || price(&c, true, 0) >= price(&c, false, 0))
                return 0;
        buf_init(&text, 0);
        k = plan_render(t, &text, &diag);
        if (k)
                return k < 0 ? k : 0; /* the whole is asked for */
        if (text.n == 0 ||
            price(&c, true, (double)(text.n + COST_BASE_BYTES)) >= price(&c, false, 0))
                return 0;
        f->text = buf_steal(&text, &f->n);
        if (!f->text)
                return -ENOMEM;
        units_show_frame(d->units, t->index, f->n);
        return 0;
}

static int apply(struct draft *d)
{
        int k = 0;

        if (!d->in->is_on[RULE_TEMPLATE])
                return 0;
        for (size_t i = 0; i < d->plan->n_tasks && k == 0; i++) {
                const struct task *t = &d->in->work->tasks[i];

                if (d->settled[i] == STEP_CALL && t->template && t->uncovered && t->is_frame &&
                    t->n_blocks > 0)
                        k = frame_task(d, t);
        }
        return k;
}

/* Nothing of the scheme: what its units are has changed already. */
static void decide(struct scheme *s, const struct scheme *final, const struct units *u)
{
        (void)s;
        (void) final;
        (void)u;
}

/* The estimate, times the share of framed tasks that were answered by edits. */
static int measure(const struct measuring *in, const struct plan_rule *rule, const json_t *estimate,
                   json_t *out)
{
        double framed = (double)in->m->n_framed, edited = (double)in->m->n_edited;

        (void)rule;
        return measure_scale(estimate, framed > 0 ? edited / framed : 0, out);
}

const struct plan_rule rule_frame = {.name = "frame",
                                     .option = OPTION_FRAME,
                                     .apply = apply,
                                     .settles = STEP_CALL,
                                     .decide = decide,
                                     .measure = measure};
