/* Names: of the table, and those that earlier systems used. */

#include "daemon/options/internal.h"

static const struct alias {
        const char *name;
        enum option_id id;
        bool is_switch_of_number;
} aliases[] = {
        {"optimization.templates.enabled", OPTION_TEMPLATE},
        {"optimization.templates", OPTION_TEMPLATE},
        {"optimization.template.enabled", OPTION_TEMPLATE},
        {"templates", OPTION_TEMPLATE},
        {"optimization.incremental.enabled", OPTION_KEEP},
        {"optimization.incremental", OPTION_KEEP},
        {"incremental", OPTION_KEEP},
        {"optimization.batch", OPTION_BATCH_ENABLED},
        {"optimization.batching", OPTION_BATCH_ENABLED},
        {"optimization.batching.enabled", OPTION_BATCH_ENABLED},
        {"optimization.batching.max_batch_size", OPTION_BATCH_MAX_FILES},
        {"batching", OPTION_BATCH_ENABLED},
        {"optimization.batching.max_output", OPTION_BATCH_MAX_OUTPUT},
        {"optimization.prefix", OPTION_PREFIX},
        {"optimization.prompt_caching.enabled", OPTION_PREFIX},
        {"optimization.prompt_caching.provider_support.anthropic", OPTION_PREFIX_ANTHROPIC},
        {"optimization.prompt_caching.provider_support.openai", OPTION_PREFIX_OPENAI},
        {"optimization.prompt_caching.provider_support.local", OPTION_PREFIX_LOCAL},
        {"optimization.templates.template_dir", OPTION_TEMPLATE_DIR},
        {"optimization.compression", OPTION_COMPRESS},
        {"optimization.compression.enabled", OPTION_COMPRESS},
        {"optimization.progress", OPTION_PROGRESS},
        {"optimization.progress.enabled", OPTION_PROGRESS},
        {"progress", OPTION_PROGRESS},
        {"parallel", OPTION_CALLS, true},
        {"optimization.prompt_caching", OPTION_PREFIX},
        {"prompt_caching", OPTION_PREFIX},
        {"optimization.parallelization.max_workers", OPTION_CALLS},
        {"optimization.parallelization.max_concurrent_tasks", OPTION_CALLS},
        {"optimization.parallelization.enabled", OPTION_CALLS, true},
        {"optimization.parallelization", OPTION_CALLS, true},
        {"parallelization", OPTION_CALLS, true},
};

static const struct alias variables[] = {
        {"ENABLE_TEMPLATES", OPTION_TEMPLATE},
        {"ENABLE_RECOGNITION_CACHE", OPTION_REUSE},
        {"ENABLE_PARALLEL_EXECUTION", OPTION_CALLS, true},
        {"ENABLE_COMPRESSED_STANDARDS", OPTION_COMPRESS},
        {"ENABLE_SMART_RETRY", OPTION_EVIDENCE},
        {"ENABLE_CONFIDENCE_VALIDATION", OPTION_CONFIDENCE},
};

const char *const option_alias_variables[] = {
        "ENABLE_TEMPLATES",
        "ENABLE_RECOGNITION_CACHE",
        "ENABLE_PARALLEL_EXECUTION",
        "ENABLE_COMPRESSED_STANDARDS",
        "ENABLE_SMART_RETRY",
        "ENABLE_CONFIDENCE_VALIDATION",
        NULL,
};

static bool match_alias(const struct alias *list, size_t n, const char *name,
                        struct option_match *ret)
{
        for (size_t i = 0; i < n; i++) {
                if (!str_is_equal(list[i].name, name))
                        continue;
                *ret = (struct option_match){&option_table[list[i].id], list[i].is_switch_of_number,
                                             list[i].name};
                return true;
        }
        return false;
}

bool option_match(const char *name, struct option_match *ret)
{
        for (size_t i = 0; i < N_OPTIONS; i++) {
                if (!str_is_equal(option_table[i].name, name))
                        continue;
                *ret = (struct option_match){&option_table[i], false, option_table[i].name};
                return true;
        }
        return match_alias(aliases, N_ELEMENTS(aliases), name, ret) ||
               match_alias(variables, N_ELEMENTS(variables), name, ret);
}

bool option_match_variable(const char *variable, struct option_match *ret)
{
        for (size_t i = 0; i < N_OPTIONS; i++) {
                if (!str_is_equal(option_table[i].variable, variable))
                        continue;
                *ret = (struct option_match){&option_table[i], false, option_table[i].variable};
                return true;
        }
        return match_alias(variables, N_ELEMENTS(variables), variable, ret);
}

enum option_again option_take(struct option_taken *t, const struct option_match *m)
{
        const struct option_taken before = *t;

        if (before.as && before.is_switch == m->is_switch_of_number)
                return OPTION_TWICE;
        if (before.as && before.is_switch)
                return OPTION_INERT;
        *t = (struct option_taken){m->name, m->is_switch_of_number};
        return OPTION_FIRST;
}

const struct option *option_find(const char *name)
{
        struct option_match m;

        return option_match(name, &m) ? m.option : NULL;
}

static bool is_below(const char *name, const char *group)
{
        size_t n = strlen(group);

        return strncmp(name, group, n) == 0 && name[n] == '.';
}

bool option_is_group(const char *name)
{
        for (size_t i = 0; i < N_OPTIONS; i++)
                if (is_below(option_table[i].name, name))
                        return true;
        for (size_t i = 0; i < N_ELEMENTS(aliases); i++)
                if (is_below(aliases[i].name, name))
                        return true;
        return false;
}

/* Of a group that can be switched as a whole. */
static const char *switch_of(const char *group)
{
        for (size_t i = 0; i < N_OPTIONS; i++)
                if (is_below(option_table[i].name, group) &&
                    str_is_equal(option_table[i].name + strlen(group), ".enabled"))
                        return option_table[i].name;
        return NULL;
}

const char *option_suggest(const char *name)
{
        static const char *const groups[] = {"providers", "tiers", "optimization", "limits",
                                             "budget",    "cache", "retention",    "log"};
        const char *names[N_OPTIONS + N_ELEMENTS(aliases) + N_ELEMENTS(groups)];
        size_t n = 0;

        if (option_is_group(name))
                return switch_of(name);
        for (size_t i = 0; i < N_OPTIONS; i++)
                names[n++] = option_table[i].name;
        for (size_t i = 0; i < N_ELEMENTS(aliases); i++)
                names[n++] = aliases[i].name;
        for (size_t i = 0; i < N_ELEMENTS(groups); i++)
                names[n++] = groups[i];
        return str_nearest(name, names, n);
}
