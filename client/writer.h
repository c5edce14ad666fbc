#pragma once
/* Carries out `file` events in the output directory.
 *
 * What stands on disk decides: it is already the wanted content: recorded; it is what the event
 * expects (base) and what we wrote: replaced; anything else is the user's: kept, and reported as a
 * conflict. Content is fetched only when it is needed. Before each change a line is announced in
 * pending, so that a run that dies here never takes our own file for the user's.
 *
 * A job's journal may be replayed over files that it delivered before (attach, resume): events up
 * to `head` are therefore held back and only the last one of each path is carried out, with the
 * contents of the earlier ones as bases too. */

#include "client/outdir.h"

struct writer;

/* Fetches content by its hash: appends to b. Condition or -errno end the run. */
typedef int writer_fetch_fn(const struct hash *sha256, struct buf *b, void *arg,
                            struct failure **ret_failure);

struct writer_counts {
        unsigned n_written, n_same, n_removed, n_conflicts;
};

struct writer_config {
        const struct client *client; /* borrowed: for words */
        struct outdir *outdir;       /* borrowed; opened for writing */
        writer_fetch_fn *fetch;
        void *arg;
        void (*on_conflict)(const char *path, const char *why, void *arg);
        uint64_t head;   /* events with a seq up to this are replayed */
        bool is_editing; /* the job was asked to change the user's files (fix) */
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
/* Manifest on disk, pending gone. */
int writer_finish(struct writer *w) _must_check_;
const struct writer_counts *writer_counts(const struct writer *w);
/* May the daemon name this path at all? Relative and plain, and nothing of ours or of git. */
bool writer_is_path_allowed(const char *path);
