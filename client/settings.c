#include "client/settings.h"

#include <stdlib.h>

#include "common/json.h"

/* The names of earlier systems are options by themselves: their values do not always mean the same.
 */
const struct setting setting_table[] = {
        {"GENOPT_OBJECTIVE", "optimization.objective"},
        {"GENOPT_KEEP", "optimization.keep"},
        {"GENOPT_REUSE", "optimization.reuse"},
        {"GENOPT_TEMPLATE", "optimization.template"},
        {"GENOPT_TIER", "optimization.tier"},
        {"GENOPT_BATCH", "optimization.batch.enabled"},
        {"GENOPT_BATCH_MAX_OUTPUT", "optimization.batch.max_output"},
        {"GENOPT_BATCH_MAX_FILES", "optimization.batch.max_files"},
        {"GENOPT_OPTIMIZE", "optimization.enabled"},
        {"GENOPT_MECHANICAL", "optimization.mechanical"},
        {"GENOPT_FRAME", "optimization.frame"},
        {"GENOPT_CONTEXT", "optimization.context"},
        {"GENOPT_COMPRESS", "optimization.compress"},
        {"GENOPT_PREFIX", "optimization.prefix.enabled"},
        {"GENOPT_PREFIX_ANTHROPIC", "optimization.prefix.anthropic"},
        {"GENOPT_PREFIX_OPENAI", "optimization.prefix.openai"},
        {"GENOPT_PREFIX_LOCAL", "optimization.prefix.local"},
        {"GENOPT_SCHEDULE", "optimization.schedule"},
        {"GENOPT_RETRY_EVIDENCE", "retry.evidence"},
        {"GENOPT_CHECKS_CONFIDENCE", "checks.confidence"},
        {"GENOPT_PROGRESS", "progress.enabled"},
        {"GENOPT_CALLS", "limits.calls"},
        {"GENOPT_JOB_USD", "budget.job_usd"},
        {"GENOPT_WARN_AT", "budget.warn_at"},
        {"GENOPT_APPROVAL", "approval.when"},
        {"GENOPT_APPROVAL_TOKENS", "approval.tokens"},
        {"GENOPT_APPROVAL_USD", "approval.usd"},
        {"ENABLE_TEMPLATES", "ENABLE_TEMPLATES"},
        {"ENABLE_RECOGNITION_CACHE", "ENABLE_RECOGNITION_CACHE"},
        {"ENABLE_PARALLEL_EXECUTION", "ENABLE_PARALLEL_EXECUTION"},
        {"ENABLE_COMPRESSED_STANDARDS", "ENABLE_COMPRESSED_STANDARDS"},
        {"ENABLE_SMART_RETRY", "ENABLE_SMART_RETRY"},
        {"ENABLE_CONFIDENCE_VALIDATION", "ENABLE_CONFIDENCE_VALIDATION"},
};
const size_t n_settings = N_ELEMENTS(setting_table);

int settings_from_environment(json_t *options)
{
        for (size_t i = 0; i < n_settings; i++) {
                const char *value = getenv(setting_table[i].variable);
                int r;

                if (!value || !*value)
                        continue;
                r = json_put(options, setting_table[i].option, json_string(value));
                if (r < 0)
                        return r;
        }
        return 0;
}
