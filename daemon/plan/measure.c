#include "daemon/plan/measure.h"

#include <math.h>
#include <stdlib.h>

#include "common/json.h"

struct measuring {
        struct measured *m;
        const struct price_book *prices;
        const char *naive_model; /* NULL: not known */
};

/* The fields of an effect, as in struct rule_effect. */
static const char *const fields[] = {"calls", "input", "output", "nanousd", "ms"};

static double estimate_of(const json_t *rule, const char *field)
{
        return json_number_value(json_object_get(rule, field));
}

static int put_number(json_t *o, const char *field, double n)
{
        return json_put(o, field, json_integer((json_int_t)llround(n)));
}

/* All of the estimate, in proportion. */
static int scale(const json_t *rule, double factor, json_t *out)
{
        int k = 0;

        for (size_t i = 0; i < N_ELEMENTS(fields) && k == 0; i++)
                k = put_number(out, fields[i], factor * estimate_of(rule, fields[i]));
        return k;
}

static int by_source(const struct measuring *in, const json_t *rule, enum step_kind kind,
                     json_t *out)
{
        double planned = (double)in->m->n_planned[kind], came = (double)in->m->n_came[kind];

        return scale(rule, planned > 0 ? came / planned : 0, out);
}

static int by_input(const struct measuring *in, const json_t *rule, enum step_kind kind,
                    json_t *out)
{
        double estimated = (double)in->m->estimated_input;

        (void)kind;
        return scale(rule, estimated > 0 ? (double)in->m->measured_input / estimated : 0, out);
}

static double price_of(const struct price *p, const struct tokens *t)
{
        return (double)p->input * (double)t->input + (double)p->cache_read * (double)t->cache_read +
               (double)p->cache_write_5m * (double)t->cache_write +
               (double)p->output * (double)t->output;
}

static int by_tier(const struct measuring *in, const json_t *rule, enum step_kind kind, json_t *out)
{
        const struct model_facts *naive;
        double saved = 0;

        (void)rule;
        (void)kind;
        if (!in->naive_model)
                return 0;
        naive = price_book_find(in->prices, in->naive_model);
        for (size_t i = 0; i < in->m->n_calls; i++) {
                const struct measured_call *c = &in->m->calls[i];
                const struct model_facts *used = price_book_find(in->prices, c->model);

                saved += price_of(&naive->price, &c->tokens) - price_of(&used->price, &c->tokens);
        }
        return put_number(out, "nanousd", saved);
}

static int by_batch(const struct measuring *in, const json_t *rule, enum step_kind kind,
                    json_t *out)
{
        double estimated = estimate_of(rule, "calls"), saved = 0;
        int k;

        (void)kind;
        for (size_t i = 0; i < in->m->n_calls; i++)
                if (in->m->calls[i].is_ok && in->m->calls[i].n_tasks > 0)
                        saved += (double)in->m->calls[i].n_tasks - 1;
        k = estimated > 0 ? scale(rule, saved / estimated, out) : 0;
        return k ? k : put_number(out, "calls", saved);
}

static int by_prefix(const struct measuring *in, const json_t *rule, enum step_kind kind,
                     json_t *out)
{
        double saved = 0;

        (void)rule;
        (void)kind;
        for (size_t i = 0; i < in->m->n_calls; i++) {
                const struct measured_call *c = &in->m->calls[i];
                const struct price *p = &price_book_find(in->prices, c->model)->price;

                saved += (double)c->tokens.cache_read * ((double)p->input - (double)p->cache_read);
                saved -= (double)c->tokens.cache_write *
                         ((double)p->cache_write_5m - (double)p->input);
        }
        return put_number(out, "nanousd", saved);
}

static int by_schedule(const struct measuring *in, const json_t *rule, enum step_kind kind,
                       json_t *out)
{
        double all = 0;

        (void)rule;
        (void)kind;
        for (size_t i = 0; i < in->m->n_calls; i++)
                all += (double)(in->m->calls[i].end_ms - in->m->calls[i].start_ms);
        return put_number(out, "ms", all - (double)measured_busy_ms(in->m));
}

static const struct {
        const char *rule;
        int (*measure)(const struct measuring *in, const json_t *rule, enum step_kind kind,
                       json_t *out);
        enum step_kind kind; /* by_source only */
} ways[] = {
        {"keep", by_source, STEP_KEEP},         {"reuse", by_source, STEP_REUSE},
        {"template", by_source, STEP_TEMPLATE}, {"mechanical", by_source, STEP_MECHANICAL},
        {"context", by_input, STEP_CALL},       {"compress", by_input, STEP_CALL},
        {"tier", by_tier, STEP_CALL},           {"batch", by_batch, STEP_CALL},
        {"prefix", by_prefix, STEP_CALL},       {"schedule", by_schedule, STEP_CALL},
};

static int compare_starts(const void *a, const void *b)
{
        const struct measured_call *x = a, *y = b;

        return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

uint64_t measured_busy_ms(struct measured *m)
{
        uint64_t busy = 0, until = 0;

        if (m->n_calls > 0)
                qsort(m->calls, m->n_calls, sizeof(*m->calls), compare_starts);
        for (size_t i = 0; i < m->n_calls; i++) {
                const struct measured_call *c = &m->calls[i];

                if (c->end_ms <= until)
                        continue;
                busy += c->end_ms - MAX2(c->start_ms, until);
                until = c->end_ms;
        }
        return busy;
}

int plan_measure_rules(json_t *plan, struct measured *m, const struct price_book *prices)
{
        struct measuring in = {m, prices, json_get_text(json_object_get(plan, "naive"), "model")};
        json_t *rule;
        size_t i;
        int k = 0;

        json_array_foreach (json_object_get(plan, "rules"), i, rule) {
                const char *name = json_get_text(rule, "name");

                for (size_t w = 0; name && w < N_ELEMENTS(ways) && k == 0; w++) {
                        json_t *out;

                        if (strcmp(ways[w].rule, name) != 0)
                                continue;
                        out = json_object();
                        k = json_put(rule, "measured", out);
                        k = k ? k : ways[w].measure(&in, rule, ways[w].kind, out);
                }
        }
        return k;
}
