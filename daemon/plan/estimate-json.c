/* The estimator as JSON, as state keeps it. */

#include <math.h>
#include <stdio.h>

#include "common/json.h"
#include "daemon/plan/estimate.h"

#define FORMAT 3

/* The doubles of a row, in order: one table for both ways. */
struct doubles {
        const char *key;
        size_t offset, n;
};

#define DOUBLES(type, member)                                                                 \
        {                                                                                     \
#member, offsetof(type, member), sizeof(((type *)0)->member) / sizeof(double) \
        }

static const struct doubles model_doubles[] = {
        DOUBLES(struct estimated_model, prompt),
        DOUBLES(struct estimated_model, answer),
        DOUBLES(struct estimated_model, first),
        DOUBLES(struct estimated_model, writing),
        DOUBLES(struct estimated_model, first_spread),
        DOUBLES(struct estimated_model, writing_spread),
};

static const struct doubles kind_doubles[] = {
        DOUBLES(struct estimated_kind, bytes),     DOUBLES(struct estimated_kind, spread),
        DOUBLES(struct estimated_kind, interface), DOUBLES(struct estimated_kind, density),
        DOUBLES(struct estimated_kind, n_asked),   DOUBLES(struct estimated_kind, n_refused),
        DOUBLES(struct estimated_kind, n_batched), DOUBLES(struct estimated_kind, n_missing),
};

static json_t *numbers(const double *at, size_t n)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < n; i++)
                if (json_add(list, json_real(at[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

static json_t *row_to_json(const void *row, const struct doubles *d, size_t n, uint64_t count,
                           uint64_t seen)
{
        json_t *o = json_object();
        int k = o ? json_put(o, "n", json_integer((json_int_t)count)) : -ENOMEM;

        k = k ? k : json_put(o, "seen", json_integer((json_int_t)seen));
        for (size_t i = 0; i < n && k == 0; i++)
                k = json_put(o, d[i].key,
                             numbers((const double *)((const char *)row + d[i].offset), d[i].n));
        if (k == 0)
                return o;
        json_decref(o);
        return NULL;
}

/* All of it, or the row is left out: half a fit is none. */
static bool row_from_json(void *row, const struct doubles *d, size_t n, const json_t *o,
                          uint64_t *ret_count)
{
        if (!json_get_u64(o, "n", ret_count))
                return false;
        for (size_t i = 0; i < n; i++) {
                const json_t *list = json_object_get(o, d[i].key);

                if (json_array_size(list) != d[i].n)
                        return false;
                for (size_t k = 0; k < d[i].n; k++) {
                        double x = json_number_value(json_array_get(list, k));

                        if (!isfinite(x) || fabs(x) > 1e9)
                                return false;
                        ((double *)((char *)row + d[i].offset))[k] = x;
                }
        }
        return true;
}

static json_t *prefixes_to_json(const struct estimator *e)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < e->n_prefixes; i++) {
                char hex[HASH_HEX_BYTES];

                hash_to_hex(&e->prefixes[i].hash, hex);
                if (json_add(list, json_pack("[s,I,I]", hex, (json_int_t)e->prefixes[i].tokens,
                                             (json_int_t)e->prefixes[i].until_ms)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

int estimator_to_json(const struct estimator *e, json_t **ret)
{
        _cleanup_json_ json_t *o = json_object(), *models = json_object(), *kinds = json_object();
        int k = o && models && kinds ? json_put(o, "format", json_integer(FORMAT)) : -ENOMEM;

        for (size_t i = 0; i < e->n_models && k == 0; i++)
                k = json_put(models, e->models[i].name,
                             row_to_json(&e->models[i], model_doubles, N_ELEMENTS(model_doubles),
                                         e->models[i].n_replies, e->models[i].seen));
        for (size_t i = 0; i < e->n_kinds && k == 0; i++)
                k = json_put(kinds, e->kinds[i].name,
                             row_to_json(&e->kinds[i], kind_doubles, N_ELEMENTS(kind_doubles),
                                         e->kinds[i].n_files, e->kinds[i].seen));
        k = k ? k : json_put(o, "models", json_incref(models));
        k = k ? k : json_put(o, "kinds", json_incref(kinds));
        k = k ? k : json_put(o, "prefixes", prefixes_to_json(e));
        if (k == 0)
                *ret = take(o);
        return k;
}

static void prefixes_from_json(struct estimator *e, const json_t *list)
{
        json_t *row;
        size_t i;

        json_array_foreach ((json_t *)list, i, row) {
                const char *hex = json_string_value(json_array_get(row, 0));
                struct hash hash;

                if (hex && hash_from_hex(span_of(hex), &hash) == 0)
                        estimator_learn_prefix(
                                e, &hash, (uint64_t)json_integer_value(json_array_get(row, 1)),
                                (uint64_t)json_integer_value(json_array_get(row, 2)));
        }
}

/* Who was seen when, as before. */
static void read_seen(struct estimator *e, const json_t *row, uint64_t *ret)
{
        if (json_get_u64(row, "seen", ret))
                e->n_learned = MAX2(e->n_learned, *ret);
}

void estimator_from_json(struct estimator *e, const json_t *value)
{
        const char *name;
        json_t *row;
        uint64_t n;

        *e = (struct estimator){0};
        if (!json_get_u64(value, "format", &n) || n != FORMAT)
                return;
        json_object_foreach (json_object_get(value, "models"), name, row) {
                struct estimated_model *m = &e->models[e->n_models];

                if (e->n_models == ESTIMATOR_MAX_MODELS || strlen(name) >= ESTIMATOR_MODEL_BYTES)
                        continue;
                if (row_from_json(m, model_doubles, N_ELEMENTS(model_doubles), row, &n)) {
                        snprintf(m->name, sizeof(m->name), "%s", name);
                        m->n_replies = n;
                        read_seen(e, row, &m->seen);
                        e->n_models++;
                }
        }
        json_object_foreach (json_object_get(value, "kinds"), name, row) {
                struct estimated_kind *k = &e->kinds[e->n_kinds];

                if (e->n_kinds == ESTIMATOR_MAX_KINDS || strlen(name) >= ESTIMATOR_KIND_BYTES)
                        continue;
                if (row_from_json(k, kind_doubles, N_ELEMENTS(kind_doubles), row, &n)) {
                        snprintf(k->name, sizeof(k->name), "%s", name);
                        k->n_files = n;
                        read_seen(e, row, &k->seen);
                        e->n_kinds++;
                }
        }
        prefixes_from_json(e, json_object_get(value, "prefixes"));
}
