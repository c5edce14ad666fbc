#pragma once
/* Reads `file` events and has them carried out in the output directory (deliver.h).
 *
 * A job's journal may be replayed over files that it delivered before (attach, resume): events up
 * to `head` are therefore held back and only the last one of each path is carried out, with the
 * contents of the earlier ones as bases too. */

#include "client/files/deliver.h"

struct writer;

struct writer_config {
        struct delivery delivery;
        uint64_t head; /* events with a seq up to this are replayed */
};

int writer_new(const struct writer_config *config, struct writer **ret) _must_check_;
struct writer *writer_free(struct writer *w);
DEFINE_CLEANUP(struct writer, writer_free);
void writer_set_head(struct writer *w, uint64_t head);
/* event: a `file` event. CONDITION_REFUSED with failure: the daemon said something that we do not
 * do. */
int writer_apply(struct writer *w, const json_t *event, struct failure **ret_failure) _must_check_;
/* To be called when the replay is over (an event beyond head came, or the job ended). Does nothing
 * the second time. */
int writer_catch_up(struct writer *w, struct failure **ret_failure) _must_check_;
/* In the `done` event of a job of repairs, what was not written does not count as repaired
 * (left.h).
 */
int writer_settle(struct writer *w, json_t *done) _must_check_;
/* Manifest on disk, pending gone. */
int writer_finish(struct writer *w) _must_check_;
const struct delivery_counts *writer_counts(const struct writer *w);
/* May the daemon name this path at all? Relative and plain, and nothing of ours or of git. */
bool writer_is_path_allowed(const char *path);
