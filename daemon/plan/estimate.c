#include "daemon/plan/estimate.h"

#include <math.h>
#include <stdio.h>

#include "common/json.h"

#define LEARN_WINDOW 8.0 /* replies after which old ones fade */
#define CORRECTION_MAX 4.0
#define LEARN_TOKENS_MIN 200

static const double *find_correction(const struct estimator *e, const char *model)
{
        for (size_t i = 0; i < e->n_rows; i++)
                if (strcmp(e->rows[i].model, model) == 0)
                        return &e->rows[i].correction;
        return NULL;
}

uint64_t estimator_tokens(const struct estimator *e, const struct model_facts *f, const char *model,
                          const struct text_bytes *bytes)
{
        const double *correction = find_correction(e, model);
        double tokens = 0;

        for (size_t c = 0; c < N_TEXT_CLASSES; c++)
                tokens += (double)bytes->at[c] / f->bytes_per_token[c];
        return (uint64_t)llround(tokens * (correction ? *correction : 1.0));
}

void estimator_learn(struct estimator *e, const char *model, uint64_t predicted, uint64_t counted)
{
        double seen, weight;
        size_t i;

        if (predicted < LEARN_TOKENS_MIN || counted == 0 || strlen(model) >= ESTIMATOR_MODEL_BYTES)
                return;
        for (i = 0; i < e->n_rows && strcmp(e->rows[i].model, model) != 0; i++)
                ;
        if (i == ESTIMATOR_MAX_MODELS)
                return;
        if (i == e->n_rows) {
                e->n_rows++;
                e->rows[i].correction = 1.0;
                e->rows[i].n_replies = 0;
                snprintf(e->rows[i].model, sizeof(e->rows[i].model), "%s", model);
        }
        e->rows[i].n_replies++;
        seen = e->rows[i].correction * (double)counted / (double)predicted;
        weight = 1.0 / fmin((double)e->rows[i].n_replies, LEARN_WINDOW);
        seen = e->rows[i].correction + weight * (seen - e->rows[i].correction);
        e->rows[i].correction = fmin(fmax(seen, 1.0 / CORRECTION_MAX), CORRECTION_MAX);
}

int estimator_to_json(const struct estimator *e, json_t **ret)
{
        _cleanup_json_ json_t *models = json_object();

        if (!models)
                return -ENOMEM;
        for (size_t i = 0; i < e->n_rows; i++) {
                int k = json_put(models, e->rows[i].model,
                                 json_pack("{s:f,s:I}", "correction", e->rows[i].correction,
                                           "replies", (json_int_t)e->rows[i].n_replies));
                if (k < 0)
                        return k;
        }
        *ret = take(models);
        return 0;
}

void estimator_from_json(struct estimator *e, const json_t *value)
{
        const char *model;
        json_t *row;

        *e = (struct estimator){0};
        json_object_foreach ((json_t *)value, model, row) {
                const json_t *correction = json_object_get(row, "correction");
                uint64_t n = 0;

                if (e->n_rows == ESTIMATOR_MAX_MODELS || strlen(model) >= ESTIMATOR_MODEL_BYTES ||
                    !json_is_number(correction) || !json_get_u64(row, "replies", &n))
                        continue;
                snprintf(e->rows[e->n_rows].model, ESTIMATOR_MODEL_BYTES, "%s", model);
                e->rows[e->n_rows].correction = fmin(
                        fmax(json_number_value(correction), 1.0 / CORRECTION_MAX), CORRECTION_MAX);
                e->rows[e->n_rows].n_replies = n;
                e->n_rows++;
        }
}
