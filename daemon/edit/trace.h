#pragma once
/* What a repair left in a text, found again when the text differs elsewhere. A trace is the lines
 * that it put near a finding, between the lines above and below; all by their hashes. Traces are
 * appended to each other: a note of several repairs is one run of bytes. */

#include "common/buf.h"
#include "common/macros.h"

#define TRACE_NEAR_LINES 40u /* so far from a finding its repair may lie */
#define TRACES_MAX 64u       /* in one note: more are forgotten, the oldest first */

struct traces;

/* From the text as it was to what a repair made of it. */
int traces_new(struct span before, struct span after, struct traces **ret) _must_check_;
struct traces *traces_free(struct traces *t);
DEFINE_CLEANUP(struct traces, traces_free);
/* Appends that of a finding in this line of the text as it was; 0: in the whole. Nothing, where no
 * repair lies near, or what it wrote stood there before. */
int traces_add(const struct traces *t, unsigned line, struct buf *note) _must_check_;
/* Puts the traces of an older note behind, without those that are there already. */
int traces_join(struct span older, struct buf *note) _must_check_;

/* Where the traces of a note stand in a text: `at(line)`, with the line that the finding has there
 * if it still stands. */
int traces_find(struct span note, struct span text, int (*at)(unsigned line, void *arg),
                void *arg) _must_check_;
