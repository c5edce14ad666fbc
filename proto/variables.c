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
        ROW("GENOPT_TIER", "optimization.tier"),
        ROW("GENOPT_BATCH", "optimization.batch.enabled"),
        ROW("GENOPT_BATCH_MAX_OUTPUT", "optimization.batch.max_output"),
        ROW("GENOPT_BATCH_MAX_FILES", "optimization.batch.max_files"),
        ROW("GENOPT_PREFIX", "optimization.prefix"),
        ROW("GENOPT_CALLS", "limits.calls"),
        ROW("GENOPT_JOB_USD", "budget.job_usd"),
        ROW("GENOPT_WARN_AT", "budget.warn_at"),
        /* names that earlier systems used */
        ROW("ENABLE_TEMPLATES", "optimization.template"),
        ROW("ENABLE_RECOGNITION_CACHE", "optimization.reuse"),
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
