#pragma once
/* Writes one file from what a prompt says of it. Whatever fact the file itself does not show stands
 * in comments at its end. */

#include "tests/sim/facts.h"

int writer_write(const struct facts_view *v, const char *path, struct buf *b) _must_check_;
/* The facts that do not appear in what was written from `from` on, one a line after `prefix`, and a
 * digest of all. */
void writer_add_rest(const struct facts_view *v, const char *prefix, size_t from, struct buf *b);
/* What is not Go: lists the facts in the manner of the file's kind. */
void text_write_proto(const struct facts_view *v, struct buf *b);
void text_write_project(const struct facts_view *v, struct buf *b);
void text_write_compose(const struct facts_view *v, struct buf *b);
int text_write(const struct facts_view *v, const char *path, const char *role,
               struct buf *b) _must_check_;
