#include "proto/variables.h"

#include "common/json.h"

#define ROW(variable, option)            \
        {                                \
                variable, option, option \
        }

const struct job_variable job_variables[] = {
        ROW("GENOPT_OBJECTIVE", "optimization.objective"),
        ROW("GENOPT_KEEP", "optimization.keep"),
        ROW("GENOPT_REUSE", "optimization.reuse"),
        ROW("GENOPT_TEMPLATE", "optimization.template"),
        ROW("GENOPT_MECHANICAL", "optimization.mechanical"),
        ROW("GENOPT_FRAME", "optimization.frame"),
        ROW("GENOPT_TIER", "optimization.tier"),
        ROW("GENOPT_BATCH", "optimization.batch.enabled"),
        ROW("GENOPT_BATCH_MAX_OUTPUT", "optimization.batch.max_output"),
        ROW("GENOPT_BATCH_MAX_FILES", "optimization.batch.max_files"),
        ROW("GENOPT_OPTIMIZE", "optimization.enabled"),
        ROW("GENOPT_CONTEXT", "optimization.context"),
        ROW("GENOPT_COMPRESS", "optimization.compress"),
        ROW("GENOPT_PREFIX", "optimization.prefix.enabled"),
        ROW("GENOPT_PREFIX_ANTHROPIC", "optimization.prefix.anthropic"),
        ROW("GENOPT_PREFIX_OPENAI", "optimization.prefix.openai"),
        ROW("GENOPT_PREFIX_LOCAL", "optimization.prefix.local"),
        ROW("GENOPT_SCHEDULE", "optimization.schedule"),
        ROW("GENOPT_RETRY_EVIDENCE", "retry.evidence"),
        ROW("GENOPT_CHECKS_CONFIDENCE", "checks.confidence"),
        ROW("GENOPT_PROGRESS", "progress.enabled"),
        ROW("GENOPT_CALLS", "limits.calls"),
        ROW("GENOPT_JOB_USD", "budget.job_usd"),
        ROW("GENOPT_WARN_AT", "budget.warn_at"),
        ROW("GENOPT_APPROVAL", "approval.when"),
        ROW("GENOPT_APPROVAL_TOKENS", "approval.tokens"),
        ROW("GENOPT_APPROVAL_USD", "approval.usd"),
        /* names that earlier systems used */
        ROW("ENABLE_TEMPLATES", "optimization.template"),
        ROW("ENABLE_RECOGNITION_CACHE", "optimization.reuse"),
        ROW("ENABLE_COMPRESSED_STANDARDS", "optimization.compress"),
        ROW("ENABLE_SMART_RETRY", "retry.evidence"),
        ROW("ENABLE_CONFIDENCE_VALIDATION", "checks.confidence"),
        {"ENABLE_PARALLEL_EXECUTION", "limits.calls", "ENABLE_PARALLEL_EXECUTION"},
        {NULL},
};

int job_variables_add(json_t *options)
{
        for (const struct job_variable *v = job_variables; v->variable; v++) {
                const char *text = getenv(v->variable);

                if (!text || !*text || json_object_get(options, v->option))
                        continue;
                if (json_put(options, v->sent_as, json_string(text)) < 0)
                        return -ENOMEM;
        }
        return 0;
}
