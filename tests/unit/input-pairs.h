#pragma once
/* A pair of specifications: a base of test-input-pairs.c, and the same with one change. */

#include <stddef.h>

enum { BUILDER, OPENAPI, FCS, SENTENCES };

#define YAML_ONLY 0x100 /* JSON has another way to say it, or none */
#define ALL "*"         /* every task there is */

struct pair {
        int base;
        const char *what, *with;
        const char *changed; /* paths; +path: is there now; -path: is gone */
};

extern const struct pair pairs[]; /* input-pairs.c */
extern const size_t n_pairs;
