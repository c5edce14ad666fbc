#pragma once
/* A repair to be made again where the same lines stand, wherever in the file: from a text and what
 * was made of it to edits (edits.h), and back onto a text that differs elsewhere.
 *
 *      note = score:f64 n:u32 0:u32 {identity:32} edits      of this machine, as they lie
 *
 * Identities are of the findings that all of it together repairs. */

#include "common/hash.h"
#include "daemon/edit/edits.h"
#include "daemon/edit/trace.h"

#define AGAIN_LINES 3u                     /* that must stand around each change as they stood */
#define AGAIN_MAX_BYTES ((size_t)64 << 10) /* of such edits: more is asked for again */
#define AGAIN_FINDINGS_MAX 4096u

/* A repair as it is noted. */
struct again {
        double score;
        const struct hash *identities; /* borrowed */
        size_t n;
        struct span edits; /* borrowed */
};

/* Appends the note; a->edits is not looked at. -EMSGSIZE: it is too long. */
int again_write(const struct again *a, const struct traces *t, struct span before,
                struct span after, struct buf *out) _must_check_;
/* identities: room for AGAIN_FINDINGS_MAX; ret borrows them and the note. CONDITION_ABSENT: the
 * bytes are no note. */
int again_read(struct span note, struct hash *identities, struct again *ret) _must_check_;
/* Appends the text with all edits; those that stand in it already are left. CONDITION_ABSENT: one
 * of them does not fit exactly, or there is nothing to do. */
int again_apply(const struct again *a, struct span text, struct buf *out) _must_check_;
