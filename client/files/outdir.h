#pragma once
/* The output directory and what we keep in it:
 *
 *     .genopt/manifest.json   what we wrote (manifest.h); the one file of ours to commit
 *     .genopt/pending         what we are writing (manifest.h)
 *     .genopt/repairs.json    likewise of what was repaired, whose files are the user's: nothing is
 *     .genopt/repairs.pending kept or pruned by it, and no generation takes them for its own
 *     .genopt/lock            held (flock) by the one genopt that writes here: "PID JOB", for words
 *     .genopt/job             {"job": id}: the job whose files go here, the last of any kind
 *     .genopt/repairs.job     likewise, the last that repaired
 *     .genopt/base/           contents that we wrote, for merging (base.h)
 *     .genopt/saved/          files of the user's that were replaced (saved.h)
 *     .genopt/tmp/            files on their way (place.h)
 *     .genopt/.gitignore      all but the manifest
 *
 * Opened for writing, the directory is made, locked and recovered: pending lines of a run that died
 * are folded into the manifest, and a file of the user's that it held in its hands is saved. Opened
 * for reading (a dry run) nothing is made or changed, and pending is folded in memory only. */

#include "client/client.h"
#include "client/files/manifest.h"
#include "client/files/place.h"
#include "client/files/saved.h"
#include "common/str.h"

#define OUTDIR_FILE_BYTES PLACE_FILE_BYTES
#define OUTDIR_JOB_BYTES 64
/* What is listed of other files: more would make a run in a large tree slow, and the writer checks
 * each file before it writes anyway. */
#define OUTDIR_OTHERS_MAX 10000
#define OUTDIR_OTHERS_BYTES ((uint64_t)64 << 20)
#define OUTDIR_MAX_DEPTH 64u

struct outdir;

enum outdir_use { OUTDIR_GENERATED, OUTDIR_REPAIRED };

/* CONDITION_REFUSED with a failure: LOCKED, or what cannot be opened. */
int outdir_open(const struct client *c, const char *path, enum outdir_use use, bool is_writing,
                struct outdir **ret, struct failure **ret_failure) _must_check_;
struct outdir *outdir_free(struct outdir *o); /* gives up the lock */
DEFINE_CLEANUP(struct outdir, outdir_free);
int outdir_fd(const struct outdir *o);
struct manifest *outdir_manifest(const struct outdir *o); /* borrowed */
/* SHA-256 of a regular file below the directory. CONDITION_ABSENT: nothing is there; -EFBIG,
 * -ELOOP, -EISDIR…: something else is. */
int outdir_hash(const struct outdir *o, const char *path, struct hash *ret) _must_check_;
/* The same, with the content; appends to b. */
int outdir_read(const struct outdir *o, const char *path, struct buf *b,
                struct hash *ret) _must_check_;
/* For job/submit: manifest [{path, fingerprint, sha256, disk}], files [{path, size, sha256}] of
 * others. Sorted by path. is_edited_gone: what the user edited is listed as if it were deleted, so
 * that it is made again. Notes on the way which files have conflicts that nobody resolved, and
 * makes copies for merging that are missing. */
int outdir_list_manifest(struct outdir *o, bool is_edited_gone, json_t **ret) _must_check_;
int outdir_list_others(const struct outdir *o, json_t **ret) _must_check_;
/* Names (of directories, too) that a walk over the user's files passes by are not: git's, ours, and
 * what a package manager put there. */
bool outdir_is_looked_at(const char *name);
const struct strlist *outdir_unresolved(const struct outdir *o); /* borrowed: see above */
struct saved *outdir_saved(struct outdir *o);                    /* borrowed */
/* Appends a line to pending and waits until it is on disk. */
int outdir_announce(struct outdir *o, const struct pending_line *line) _must_check_;
/* Writes the manifest, drops pending, and what need not be kept for merging. */
int outdir_settle(struct outdir *o) _must_check_;
int outdir_set_job(struct outdir *o, const char *job) _must_check_;
/* The last job of the directory at `path`, or the last that repaired; CONDITION_ABSENT. The latter
 * may be one of another kind where an older client noted it. */
int outdir_read_job(const char *path, char ret[OUTDIR_JOB_BYTES]) _must_check_;
int outdir_read_repairing_job(const char *path, char ret[OUTDIR_JOB_BYTES]) _must_check_;
