#pragma once
/* What a repair left in a text, found again when the text differs elsewhere. A trace is the lines
 * that it put near a finding, between the lines above and below; all by their hashes. Traces are
 * appended to each other: a note of several repairs is one run of bytes. */

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"

#define TRACE_NEAR_LINES 40u /* so far from a finding its repair may lie */
#define TRACES_MAX 64u       /* in one note: more are forgotten, the oldest first */
#define AROUND_LINES 3u      /* above and below */

struct traces;

/* Lines of before that lines of after took the place of; from 0, the ends are not part of it. */
struct hunk {
        size_t b0, b1, a0, a1;
};

/* From the text as it was to what a repair made of it. */
int traces_new(struct span before, struct span after, struct traces **ret) _must_check_;
struct traces *traces_free(struct traces *t);
DEFINE_CLEANUP(struct traces, traces_free);
/* What differs, from the top; t owns it. */
const struct hunk *traces_hunks(const struct traces *t, size_t *ret_n);
/* How far a line (from 1, of before) lies from what changed; 0: it is part of it, or stands beside
 * what was put between two lines. */
size_t hunk_distance(const struct hunk *h, unsigned line);
/* Where a line of before stands after; 0: it does not, or something else may stand for it. */
unsigned traces_line_after(const struct traces *t, unsigned line);
/* Likewise; where a line of before does not stand after, what came in its place, or stands there.
 */
unsigned traces_line_near(const struct traces *t, unsigned line);
/* Lines of a text, counted from 0, to without `to`. */
struct span text_lines(struct span text, size_t from, size_t to);
/* A line of a text with those around it; line 0: the whole. */
int around_hash(struct span text, unsigned line, struct hash *ret) _must_check_;
/* Appends that of a finding in this line of the text as it was; 0: in the whole. Nothing, where no
 * repair lies near, or what it wrote stood there before. */
int traces_add(const struct traces *t, unsigned line, struct buf *note) _must_check_;
/* Puts the traces of an older note behind, without those that are there already. */
int traces_join(struct span older, struct buf *note) _must_check_;

/* Where the traces of a note stand in a text: `at(line)`, with the line that the finding has there
 * if it still stands. */
int traces_find(struct span note, struct span text, int (*at)(unsigned line, void *arg),
                void *arg) _must_check_;
