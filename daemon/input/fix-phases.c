#include "daemon/input/fix-phases.h"

#include <stdio.h>

#include "common/json.h"

#define SIMPLE_EFFORT 2
#define MODERATE_EFFORT 6

static const struct fix_phase own[N_OWN_PHASES] = {
        [PHASE_MECHANICAL] = {.name = "mechanical", .risk = "low"},
        [PHASE_SIMPLE] = {.name = "simple", .risk = "low"},
        [PHASE_MODERATE] = {.name = "moderate", .risk = "medium"},
        [PHASE_HARD] = {.name = "hard", .risk = "high"},
        [PHASE_OPTIONAL] = {.name = "optional", .risk = "low"},
};

/* Its place; n: there is none of that name. */
static size_t find(const struct fix_phases *p, const char *name)
{
        uint64_t number = 0;

        for (size_t i = 0; i < p->n; i++)
                if (str_is_equal(p->at[i].name, name))
                        return i;
        if (!name || str_to_u64(name, &number) < 0 || number == 0 || number > p->n)
                return p->n;
        return (size_t)number - 1;
}

static int refuse(const struct fix_phases *p, const char *name, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf b = {0};

        for (size_t i = 0; i < p->n && i < 20; i++)
                (void)buf_printf(&b, "%s%zu %s", i ? ", " : "", i + 1, p->at[i].name);
        if (b.failed)
                return b.failed;
        *ret_failure = failure_new_at(FAILURE_BAD_SPEC, "--phase", "there is no phase `%.60s`: %s",
                                      name ? name : "", b.at ? b.at : "there is none");
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static int choose(struct fix_phases *p, const json_t *wanted, struct failure **ret_failure)
{
        const json_t *item;
        size_t i;

        for (i = 0; i < p->n; i++)
                p->at[i].is_taken = false;
        json_array_foreach ((json_t *)wanted, i, item) {
                size_t at = find(p, json_string_value(item));

                if (at == p->n)
                        return refuse(p, json_string_value(item), ret_failure);
                p->at[at].is_taken = true;
        }
        return 0;
}

int fix_phases_init(struct fix_phases *p, const struct analysis *a, const json_t *wanted,
                    struct failure **ret_failure)
{
        *p = (struct fix_phases){.is_of_plan = a->n_phases > 0};
        p->n = p->is_of_plan ? a->n_phases : N_OWN_PHASES;
        p->at = calloc(p->n, sizeof(*p->at));
        if (!p->at)
                return -ENOMEM;
        for (size_t i = 0; i < p->n; i++) {
                if (p->is_of_plan)
                        p->at[i] = (struct fix_phase){.name = a->phases[i].id,
                                                      .risk = a->phases[i].risk,
                                                      .is_taken = !a->phases[i].is_deferred};
                else
                        p->at[i] = own[i];
                p->at[i].is_taken |= !p->is_of_plan;
                p->at[i].last_file = UINT32_MAX;
        }
        return wanted ? choose(p, wanted, ret_failure) : 0;
}

void fix_phases_done(struct fix_phases *p)
{
        free(p->at);
        *p = (struct fix_phases){0};
}

size_t fix_phase_of(const struct fix_phases *p, const struct analysis_rule *rule,
                    bool is_mechanical)
{
        if (p->is_of_plan)
                return rule->phase < p->n ? rule->phase : 0;
        if (is_mechanical)
                return PHASE_MECHANICAL;
        if (rule->is_insight || (rule->category && strcmp(rule->category, "mandatory") != 0))
                return PHASE_OPTIONAL;
        return rule->effort == EFFORT_UNKNOWN    ? PHASE_MODERATE
               : rule->effort <= SIMPLE_EFFORT   ? PHASE_SIMPLE
               : rule->effort <= MODERATE_EFFORT ? PHASE_MODERATE
                                                 : PHASE_HARD;
}

void fix_phase_count(struct fix_phases *p, size_t phase, uint32_t file)
{
        p->at[phase].n_findings++;
        p->at[phase].n_files += p->at[phase].last_file != file;
        p->at[phase].last_file = file;
}

json_t *fix_phases_json(const struct fix_phases *p)
{
        json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < p->n && r == 0; i++)
                r = json_add(list,
                             json_pack("{s:I,s:s,s:s*,s:I,s:I,s:b}", "phase", (json_int_t)i + 1,
                                       "name", p->at[i].name, "risk", p->at[i].risk, "findings",
                                       (json_int_t)p->at[i].n_findings, "files",
                                       (json_int_t)p->at[i].n_files, "taken", p->at[i].is_taken));
        if (r == 0)
                return list;
        json_decref(list);
        return NULL;
}
