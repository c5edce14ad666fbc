#include "client/view/figures.h"

#include "common/json.h"

#define RATE_MIN_MS 1000 /* of less, a rate by the minute says nothing */

const char *const figures_source_words[N_SOURCES] = {"kept", "reused", "by template", "mechanical",
                                                     "by model"};

const struct figures_aside figures_aside[] = {{"build", "in build outputs"},
                                              {"dependency", "in dependencies"},
                                              {"gone", "in files that are not there, or no text"},
                                              {"elsewhere", "elsewhere"},
                                              {"filtered", "not asked for"},
                                              {"repeated", "told twice"},
                                              {"there", "repaired before"},
                                              {"completed", "completed before"},
                                              {"false", "false alarms"},
                                              {"no_change", "need no change, says the model"},
                                              {"review", "to be looked at"},
                                              {"not_written", "not written"},
                                              {"manual", "left to you"}};
const size_t figures_n_aside = N_ELEMENTS(figures_aside);

uint64_t figures_aside_count(const json_t *findings, size_t i)
{
        uint64_t n = progress_number(findings, figures_aside[i].field);

        if (strcmp(figures_aside[i].field, "manual") != 0)
                return n;
        return n - MIN2(n, progress_number(findings, "no_change"));
}

void figures_of(const json_t *summary, struct figures *ret)
{
        const json_t *findings = json_object_get(summary, "findings"),
                     *repaired = json_object_get(findings, "repaired"),
                     *unverified = json_object_get(findings, "unverified"),
                     *files = json_object_get(summary, "files"),
                     *tokens = json_object_get(summary, "tokens");
        uint64_t ms = progress_number(summary, "ms"), calls = progress_number(summary, "calls");

        *ret = (struct figures){.n_total = progress_number(findings, "total"),
                                .n_manual = progress_number(findings, "manual"),
                                .n_review = progress_number(findings, "review"),
                                .input = progress_number(tokens, "input"),
                                .cache_read = progress_number(tokens, "cache_read"),
                                .cache_write = progress_number(tokens, "cache_write"),
                                .output = progress_number(tokens, "output")};
        for (size_t i = 0; i < N_SOURCES; i++) {
                ret->by[i] = progress_number(repaired, progress_source_names[i]);
                ret->n_repaired += ret->by[i];
                ret->n_unverified += progress_number(unverified, progress_source_names[i]);
        }
        if (ret->n_repaired > 0) {
                ret->per_minute = ms >= RATE_MIN_MS ? ret->n_repaired * 60000 / ms : 0;
                ret->nanousd_each = progress_number(summary, "nanousd") / ret->n_repaired;
        }
        if (calls > 0)
                ret->hundredths_files =
                        progress_number(files, progress_source_names[SOURCE_CALL]) * 100 / calls;
}
