#pragma once
/* What a summary of repairs comes to: for the lines at the end and for the page. */

#include <jansson.h>

#include "client/view/progress.h"

struct figures {
        uint64_t by[N_SOURCES], n_repaired, n_total, n_manual, n_review;
        uint64_t n_unverified; /* in place, but the command fails */
        uint64_t per_minute; /* findings repaired, by the clock of the job; 0: too short to tell */
        uint64_t nanousd_each;                           /* per finding repaired */
        uint64_t hundredths_files;                       /* files asked for per call */
        uint64_t input, cache_read, cache_write, output; /* tokens */
};

void figures_of(const json_t *summary, struct figures *ret);
extern const char *const figures_source_words[N_SOURCES];
/* What of an analysis was set aside, and why: fields of `findings` with their words. */
struct figures_aside {
        const char *field, *words;
};
extern const struct figures_aside figures_aside[];
extern const size_t figures_n_aside;
/* How many; each finding once: what needs no change is no person's, though `manual` has it. */
uint64_t figures_aside_count(const json_t *findings, size_t i);
