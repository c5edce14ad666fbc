#include "daemon/input/fix-state.h"

#include <stdio.h>

#include "common/json.h"
#include "common/yaml.h"

#define PART "\x1f" /* stands in no id and no address */

struct reading {
        const struct analysis *a;
        const char *name;
        json_t *places; /* owned: "id uri" and "id uri:line" -> {first, count} as [i, n] */
        uint8_t *states;
        struct fix_state_counts *counts;
        struct failure **ret_failure;
};

static int refuse(const struct reading *r, unsigned line, unsigned column, const char *text)
{
        char where[200];

        snprintf(where, sizeof(where), "%.160s:%u:%u", r->name, line, column);
        *r->ret_failure = failure_new_at(FAILURE_BAD_SPEC, where, "%s", text);
        return *r->ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static int note_place(struct reading *r, const char *id, const char *uri, size_t incident)
{
        _cleanup_free_ char *key = str_printf("%s" PART "%s", id, uri);
        json_t *known = key ? json_object_get(r->places, key) : NULL;

        if (!key)
                return -ENOMEM;
        if (known)
                return json_array_set_new(
                               known, 1,
                               json_integer(json_integer_value(json_array_get(known, 1)) + 1)) < 0
                               ? -ENOMEM
                               : 0;
        return json_put(r->places, key, json_pack("[I,I]", (json_int_t)incident, (json_int_t)1));
}

static int note_places(struct reading *r)
{
        int k = 0;

        for (size_t i = 0; i < r->a->n_incidents && k == 0; i++) {
                const struct incident *x = &r->a->incidents[i];
                const char *id = r->a->rules[x->rule].id;
                _cleanup_free_ char *with_line = str_printf("%s:%u", x->uri, x->line);

                k = with_line ? note_place(r, id, x->uri, i) : -ENOMEM;
                k = k ? k : note_place(r, id, with_line, i);
        }
        return k;
}

static void note_state(struct reading *r, const char *id, const char *address, const char *status)
{
        _cleanup_free_ char *key = str_printf("%s" PART "%s", id, address);
        const json_t *known = key ? json_object_get(r->places, key) : NULL;
        enum incident_state state = str_is_equal(status, "completed") ? INCIDENT_COMPLETED
                                    : str_is_equal(status, "failed")  ? INCIDENT_FAILED
                                                                      : INCIDENT_OPEN;

        if (state == INCIDENT_OPEN)
                return;
        if (!known) {
                r->counts->n_unknown++;
        } else if (json_integer_value(json_array_get(known, 1)) > 1) {
                r->counts->n_unclear++;
        } else {
                r->states[json_integer_value(json_array_get(known, 0))] = (uint8_t)state;
                r->counts->n_completed += state == INCIDENT_COMPLETED;
                r->counts->n_failed += state == INCIDENT_FAILED;
        }
}

static int read_violation(struct reading *r, const char *id, struct yaml_node *v)
{
        struct yaml_node *incidents = v->kind == YAML_MAP ? yaml_get(v, "incidents") : NULL;

        if (!incidents || yaml_is_null(incidents))
                return 0;
        if (incidents->kind != YAML_MAP)
                return refuse(r, incidents->line, incidents->column,
                              "`incidents` of a state is a map from address to state");
        for (size_t i = 0; i < incidents->n_items; i++) {
                struct yaml_node *one = incidents->items[i],
                                 *status = one->kind == YAML_MAP ? yaml_get(one, "status") : NULL;

                if (status && status->kind == YAML_SCALAR)
                        note_state(r, id, incidents->keys[i]->text, status->text);
        }
        return 0;
}

static int read_violations(struct reading *r, struct yaml_node *top)
{
        struct yaml_node *map = top->kind == YAML_MAP ? yaml_get(top, "violations") : NULL;
        int k = 0;

        if (!map || (map->kind != YAML_MAP && !yaml_is_null(map)))
                return refuse(r, top->line, top->column,
                              "this is no state of kantra-ai: a map `violations` is wanted");
        for (size_t i = 0; map->kind == YAML_MAP && i < map->n_items && k == 0; i++)
                k = read_violation(r, map->keys[i]->text, map->items[i]);
        return k;
}

int fix_state_read(struct span text, const char *name, const struct analysis *a, uint8_t **ret,
                   struct fix_state_counts *ret_counts, struct failure **ret_failure)
{
        _cleanup_(yaml_freep) struct yaml_node *top = NULL;
        _cleanup_free_ uint8_t *states = calloc(a->n_incidents + 1, 1);
        _cleanup_json_ json_t *places = json_object();
        struct fix_state_counts counts = {0};
        struct reading r = {a, name, places, states, &counts, ret_failure};
        struct diag diag = {0};
        int k = states && places ? yaml_read(text, ANALYSIS_MAX_BYTES, &top, &diag) : -ENOMEM;

        if (k == CONDITION_REFUSED)
                return refuse(&r, diag.line, diag.column, diag.text);
        k = k ? k : note_places(&r);
        k = k ? k : read_violations(&r, top);
        if (k)
                return k;
        *ret = take(states);
        *ret_counts = counts;
        return 0;
}
