#pragma once
/* A part of a text that is too long to be shown whole: its head (what a file declares to use) and a
 * region. Lines in between and after are told by a line of their own, which has to stay:
 *
 *      shown = head [gap] region [gap]
 *
 * A region is found by its very text, so that it is found again when others have edited the head,
 * or what stands below it. Edits of what is shown become edits of the whole. */

#include "common/buf.h"
#include "common/json.h"
#include "common/macros.h"
#include "daemon/work/task.h"

struct excerpt *excerpt_free(struct excerpt *e);
DEFINE_CLEANUP(struct excerpt, excerpt_free);
/* Lines [head, from) are `above`, [from, to) the region; counted from 0. Takes no whole. */
int excerpt_new(struct span text, size_t head, size_t from, size_t to,
                struct excerpt **ret) _must_check_;
/* Appends what is shown of a text. CONDITION_ABSENT: the region does not stand in it any more. */
int excerpt_show(const struct excerpt *e, struct span whole, struct buf *out) _must_check_;
/* Appends the whole with what became of the part that was shown. CONDITION_REFUSED: a line that
 * tells of a gap was changed. */
int excerpt_join(const struct excerpt *e, struct span whole, struct span shown, struct buf *out,
                 struct diag *ret_diag) _must_check_;
