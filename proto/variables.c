#include "proto/variables.h"

#include "common/json.h"

const char *const job_variables[] = {
        "GENOPT_OBJECTIVE",
        "GENOPT_KEEP",
        "GENOPT_REUSE",
        "GENOPT_TEMPLATE",
        "GENOPT_MECHANICAL",
        "GENOPT_FRAME",
        "GENOPT_TIER",
        "GENOPT_BATCH",
        "GENOPT_BATCH_MAX_OUTPUT",
        "GENOPT_BATCH_MAX_FILES",
        "GENOPT_OPTIMIZE",
        "GENOPT_CONTEXT",
        "GENOPT_COMPRESS",
        "GENOPT_PREFIX",
        "GENOPT_PREFIX_ANTHROPIC",
        "GENOPT_PREFIX_OPENAI",
        "GENOPT_PREFIX_LOCAL",
        "GENOPT_SCHEDULE",
        "GENOPT_RETRY_EVIDENCE",
        "GENOPT_CHECKS_CONFIDENCE",
        "GENOPT_PROGRESS",
        "GENOPT_CALLS",
        "GENOPT_JOB_USD",
        "GENOPT_WARN_AT",
        "GENOPT_UNPRICED",
        "GENOPT_APPROVAL",
        "GENOPT_APPROVAL_TOKENS",
        "GENOPT_APPROVAL_USD",
        /* names that earlier systems used */
        "ENABLE_TEMPLATES",
        "ENABLE_RECOGNITION_CACHE",
        "ENABLE_COMPRESSED_STANDARDS",
        "ENABLE_SMART_RETRY",
        "ENABLE_CONFIDENCE_VALIDATION",
        "ENABLE_PARALLEL_EXECUTION",
        NULL,
};

int job_variables_add(json_t *options)
{
        for (const char *const *v = job_variables; *v; v++) {
                const char *text = getenv(*v);
                int r;

                if (!text || !*text)
                        continue;
                r = json_put(options, *v, json_string(text));
                if (r < 0)
                        return r;
        }
        return 0;
}
