#pragma once
/* How many tokens a text will be, before a provider has counted it.
 *
 *     tokens = Σ over classes (bytes / bytes_per_token[model][class]) × correction[model]
 *
 * The ratios are data (models.yaml); the correction starts at 1 and follows each reply's own count
 * as an exponentially weighted mean (weight 1/n until n = 8, then 1/8), clamped to [1/4, 4].
 * Prompts of less than 200 tokens teach nothing: what a provider puts around a short question
 * weighs more than its text. A copy goes to the planning worker: it is small and has no pointers.
 */

#include <jansson.h>

#include "common/macros.h"
#include "daemon/plan/prices.h"

#define ESTIMATOR_MAX_MODELS                                                 \
        32 /* more than anybody configures; further models keep correction 1 \
            */
#define ESTIMATOR_MODEL_BYTES 64

struct estimator {
        struct {
                char model[ESTIMATOR_MODEL_BYTES];
                double correction;
                uint64_t n_replies;
        } rows[ESTIMATOR_MAX_MODELS];
        size_t n_rows;
};

struct text_bytes {
        uint64_t at[N_TEXT_CLASSES];
};

uint64_t estimator_tokens(const struct estimator *e, const struct model_facts *f, const char *model,
                          const struct text_bytes *bytes);
/* One reply: `predicted` is what estimator_tokens() said, `counted` what the provider did. */
void estimator_learn(struct estimator *e, const char *model, uint64_t predicted, uint64_t counted);
int estimator_to_json(const struct estimator *e, json_t **ret) _must_check_;
void estimator_from_json(struct estimator *e,
                         const json_t *value); /* what does not fit is left out */
