#pragma once
/* Edits: an answer that says what changes in a text that stands, instead of the text again.
 *
 *      edits = [gone | move] {edit | kept} {made}
 *      gone  = "+++gone " tag LF                       the file is taken away: no edits
 *      move  = "+++to " path " " tag LF                the file's new path
 *      edit  = "<<<old " tag LF  {line}  "===new " tag LF  {line}
 *      kept  = "+++keep " line " " rule " " tag LF  {line}   this finding needs no change, and why
 *      made  = "+++new " path " " tag LF  {line}       another file, that does not exist yet
 *
 * A marker stands alone on its line, from column 1 (a CR before its LF is tolerated). The lines of
 * `old` are whole lines of the base, byte for byte, and stand there exactly once; those of `new`
 * come in their place. All edits are found in the base as it was, none in what another one wrote;
 * they may come in any order but not overlap. An answer that breaks any of this is refused as a
 * whole, with a reason for whoever wrote it: nothing is guessed.
 *
 * A base is a text as an editor of lines sees it: every line ends with LF. What a file had instead
 * (CRLF throughout, no break at its end) is remembered and given back. */

#include "common/buf.h"
#include "common/json.h"
#include "common/macros.h"
#include "daemon/work/task.h"

#define EDITS_MAX 512u                        /* of one text; more is a new text */
#define EDITS_MADE_MAX 8u                     /* new files beside it */
#define EDITS_KEPT_MAX 256u                   /* more findings than one task has, as a rule */
#define EDIT_BASE_MAX_BYTES ((size_t)4 << 20) /* above any window */

struct edit {
        struct span old, new; /* borrowed from the answer */
};

/* A new file: path and content. */
struct edit_made {
        struct span path, text; /* borrowed from the answer */
};

/* A finding that the answer leaves as it is: by its line (0: it has none) and rule, as listed. */
struct edit_kept {
        uint32_t line;
        struct span rule, why; /* borrowed from the answer */
};

struct edits {
        struct edit *at; /* owned */
        size_t n;
        struct span move; /* borrowed; empty: the file stays where it is */
        bool is_gone;
        struct edit_made made[EDITS_MADE_MAX];
        size_t n_made;
        struct edit_kept *kept; /* owned */
        size_t n_kept;
};

/* CONDITION_REFUSED: the answer has not this form; diag has the line in it, and why. */
int edits_read(struct span text, const char *tag, struct edits *ret,
               struct diag *ret_diag) _must_check_;
void edits_done(struct edits *e);
#define _cleanup_edits_ _cleanup_(edits_done)
/* The same answer, or the beginning of one, under another tag of the same length: in place. */
void edits_retag(char *text, size_t n, const char *from, const char *to);
/* Does it change more than the text of the file? */
static inline bool edits_change_tree(const struct edits *e)
{
        return e->is_gone || e->move.n > 0 || e->n_made > 0;
}

/* For a prompt: how that is written, as far as some file of the call may (enum tree_change). */
int edits_write_tree_forms(const char *tag, unsigned may, struct buf *out) _must_check_;
/* Likewise, how it is said that a finding needs no change. */
int edits_write_kept_form(const char *tag, struct buf *out) _must_check_;
/* Appends the base with all edits. CONDITION_REFUSED: one of them does not apply. */
int edits_apply(const struct edits *e, struct span base, struct buf *out,
                struct diag *ret_diag) _must_check_;
/* How many lines of the base the text has no more (blank ones do not count, nor where they stand),
 * and how many it had. */
int edits_removed(struct span base, struct span text, size_t *ret_removed,
                  size_t *ret_lines) _must_check_;

/* Does each edit touch what lies near one of these lines, or declarations of what a file uses
 * (imports)? CONDITION_REFUSED: diag names one that does not. No lines: all is near. */
int edits_check_near(const struct edits *e, struct span base, const uint32_t *lines, size_t n_lines,
                     unsigned distance, struct diag *ret_diag) _must_check_;

/* Nothing but declarations of what a file uses. */
bool edits_are_imports(struct span text);

struct edit_base {
        char *text; /* owned */
        size_t n;
        bool was_crlf, had_no_end;
        bool had_mark; /* U+FEFF at the beginning: no part of the first line, and never shown */
};

int edit_base_read(struct span file, struct edit_base *ret) _must_check_; /* -EMSGSIZE */
/* Appends a text that was made from the base, as the file has it. */
int edit_base_write(const struct edit_base *b, struct span text, struct buf *out) _must_check_;
void edit_base_done(struct edit_base *b);
#define _cleanup_edit_base_ _cleanup_(edit_base_done)
