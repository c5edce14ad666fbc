#pragma once
/* Names with variables, for paths and identifiers: text with `{{ object.field }}`, nothing else of
 * the template language, because a thousand tasks need five of them each. A variable that is not
 * known is a fault when the blueprint loads. */

#include "common/buf.h"
#include "common/json.h"
#include "common/macros.h"

enum variable {
        VAR_PROJECT_NAME,
        VAR_ENTITY_NAME,   /* OrderItem */
        VAR_ENTITY_FILE,   /* order_item, with the ending of reserved file names */
        VAR_ENTITY_SNAKE,  /* order_item */
        VAR_ENTITY_CAMEL,  /* orderItem */
        VAR_ENTITY_KEBAB,  /* order-item */
        VAR_ENTITY_PLURAL, /* order-items */
        VAR_PACKAGE_NAME,
        VAR_PACKAGE_PATH,
        VAR_PACKAGE_IMPORT,
        VAR_CONTRACT_ACTION,
        VAR_CONTRACT_METHOD,
        VAR_CONTRACT_ENTITY,
        N_VARIABLES
};

/* Values by variable, NULL where there is none in this place; and of the blueprint's parameters. */
struct variables {
        const char *at[N_VARIABLES];
        const char *const *parameters;
};

struct pattern;

/* parameters: names that `{{ parameters.NAME }}` may have. CONDITION_REFUSED with diag (column
 * within the pattern). */
int pattern_new(const char *text, const char *const *parameters, size_t n_parameters,
                struct pattern **ret, struct diag *ret_diag) _must_check_;
struct pattern *pattern_free(struct pattern *p);
DEFINE_CLEANUP(struct pattern, pattern_free);
const char *pattern_text(const struct pattern *p);
bool pattern_uses(const struct pattern *p, enum variable v);
/* Appends. CONDITION_ABSENT: a variable has no value here. */
int pattern_render(const struct pattern *p, const struct variables *v,
                   struct buf *out) _must_check_;
