#pragma once
/* Allocations of ours that fail when the test says so. Linked with --wrap (see meson.build);
 * Jansson is given the same allocator where its own shall count. */

#include "unit.h"

#include <stdatomic.h>

extern atomic_long
        allowed; /* allocations, of all threads, until one fails; negative: all succeed */
extern atomic_bool has_failed;

void *__wrap_malloc(size_t n); /* for Jansson */

/* Runs the scenario with the first, second, … allocation failing until none does. It returns 0 or
 * -ENOMEM, and 0 only if nothing failed; or what `is_right` (NULL allowed) says of a failed one. */
void torture(int (*scenario)(void), bool (*is_right)(int r));

/* The scenario with the allocation after the first n failing. */
int torture_once(int (*scenario)(void), long n);
