#include "daemon/plan/measure.h"

#include <math.h>
#include <stdlib.h>

#include "common/json.h"
#include "daemon/plan/rules.h"

double measure_estimate(const json_t *estimate, const char *field)
{
        return json_number_value(json_object_get(estimate, field));
}

int measure_put(json_t *out, const char *field, double n)
{
        return json_put(out, field, json_integer((json_int_t)llround(n)));
}

int measure_scale(const json_t *estimate, double factor, json_t *out)
{
        static const char *const fields[] = {"calls", "input", "output", "nanousd", "ms"};
        int k = 0;

        for (size_t i = 0; i < N_ELEMENTS(fields) && k == 0; i++)
                k = measure_put(out, fields[i], factor * measure_estimate(estimate, fields[i]));
        return k;
}

int measure_by_source(const struct measuring *in, const struct plan_rule *rule,
                      const json_t *estimate, json_t *out)
{
        double planned = (double)in->m->n_planned[rule->settles],
               came = (double)in->m->n_came[rule->settles];

        return measure_scale(estimate, planned > 0 ? came / planned : 0, out);
}

int measure_by_input(const struct measuring *in, const struct plan_rule *rule,
                     const json_t *estimate, json_t *out)
{
        double estimated = (double)in->m->estimated_input;

        (void)rule;
        return measure_scale(estimate,
                             estimated > 0 ? (double)in->m->measured_input / estimated : 0, out);
}

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
        struct measuring in = {m, prices, json_get_text(json_object_get(plan, "naive"), "model"),
                               json_object_get(plan, "steps")};
        json_t *row;
        size_t i;
        int k = 0;

        json_array_foreach (json_object_get(plan, "rules"), i, row) {
                const char *name = json_get_text(row, "name");

                for (size_t r = 0; name && r < N_PLAN_RULES && k == 0; r++) {
                        json_t *out;

                        if (strcmp(plan_rules[r]->name, name) != 0)
                                continue;
                        out = json_object();
                        k = json_put(row, "measured", out);
                        k = k ? k : plan_rules[r]->measure(&in, plan_rules[r], row, out);
                }
        }
        return k;
}
