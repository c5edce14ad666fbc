#pragma once
/* Carries out one change of one path, and decides what becomes of an edit of the user's.
 *
 * What stands on disk decides. It is already the wanted content: recorded. It is what we wrote, as
 * the change expects it: replaced. Anything else is the user's:
 *
 *     EDITS_KEEP        it is left as it stands
 *     EDITS_MERGE       a three-way merge (merge.h); then the manifest names what was made, and
 *                       what stands there stays an edit, so that it is not merged a second time
 *     EDITS_OVERWRITE   it is saved (saved.h), then replaced
 *
 * A link, a directory and what is over 16 MiB are left alone whatever was chosen; so is what
 * changes while it is looked at. A file that the specification no longer describes is left, or with
 * is_pruning removed; an edited one then stays, and is no longer ours. Every change is announced in
 * pending first, so that a run that dies here never takes our own file for the user's. */

#include "client/files/changes.h"
#include "client/files/fates.h"
#include "client/files/outdir.h"

enum edits { EDITS_KEEP, EDITS_MERGE, EDITS_OVERWRITE };

/* Fetches content by its hash: appends to b. Condition or -errno end the run. */
typedef int deliver_fetch_fn(const struct hash *sha256, struct buf *b, void *arg,
                             struct failure **ret_failure);

struct delivery {
        const struct client *client; /* borrowed: for words */
        struct outdir *outdir;       /* borrowed; opened for writing */
        struct fates *fates;         /* borrowed */
        deliver_fetch_fn *fetch;
        void *arg;
        enum edits edits;
        bool is_pruning;
        bool is_editing;         /* the job was asked to change the user's files (fix) */
        struct changes *changes; /* borrowed: what was changed; or NULL */
};

/* A content that may stand on disk while a replay catches up: earlier events expected it, or wrote
 * it. */
struct known {
        struct hash sha256;
        bool is_ours;
};

struct change {
        const char *path, *fingerprint; /* borrowed */
        struct hash base, blob;
        bool has_base, is_write, is_orphan;
        bool is_back;              /* it takes back what was put in place */
        const struct known *known; /* borrowed */
        size_t n_known;
        bool may_be_absent; /* an earlier event expected no file */
        /* For who keeps changes: */
        const char *from, *of;  /* see changes.h */
        const json_t *findings; /* borrowed: with their task */
        json_int_t task;
        struct span moved; /* the content at `from` */
        bool is_half;      /* the removal that belongs to a move */
};

struct delivery_counts {
        unsigned n_written, n_same, n_removed;
        unsigned n_left;    /* what stands there is the user's: fates tell why */
        bool is_settle_due; /* the manifest changed, or pending has lines */
};

/* CONDITION_REFUSED with failure: the run cannot go on. */
int deliver(const struct delivery *d, const struct change *c, struct delivery_counts *counts,
            struct failure **ret_failure) _must_check_;
