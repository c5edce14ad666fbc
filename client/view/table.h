#pragma once
/* Rows and columns for standard output: columns as wide as their widest cell, numbers to the right;
 * on a terminal the last column is cut. */

#include "common/buf.h"

#define TABLE_COLUMNS_MAX 12

struct table;

/* headings: one per column; one that begins with '>' is of numbers. */
int table_new(const char *const *headings, size_t n, struct table **ret) _must_check_;
struct table *table_free(struct table *t);
DEFINE_CLEANUP(struct table, table_free);
/* cells: n texts, copied; NULL counts as "". */
int table_add(struct table *t, const char *const *cells) _must_check_;
/* To standard output. */
int table_print(const struct table *t) _must_check_;
