#pragma once
/* The output directory and what we keep in it:
 *
 *     .genopt/manifest.json   what we wrote (manifest.h)
 *     .genopt/pending         what we are writing (manifest.h)
 *     .genopt/lock            held (flock) by the one genopt that writes here; its text is the
 * writer's pid .genopt/job             {"job": id}: the job whose files go here .genopt/base/PATH
 * content that we wrote last, for merging .genopt/.gitignore      all but the manifest
 *
 * Opened for writing, the directory is made, locked and recovered: pending lines of a run that died
 * are folded into the manifest. Opened for reading (a dry run) nothing is made or changed, and
 * pending is folded in memory only. */

#include "client/client.h"
#include "client/manifest.h"

#define OUTDIR_FILE_BYTES ((size_t)16 << 20) /* a blob is at most this */
#define OUTDIR_JOB_BYTES 64
/* What is listed of other files: more would make a run in a large tree slow, and the writer checks
 * each file before it writes anyway. */
#define OUTDIR_OTHERS_MAX 10000
#define OUTDIR_OTHERS_BYTES ((uint64_t)64 << 20)

struct outdir;

/* CONDITION_REFUSED with a failure: LOCKED, or what cannot be opened. */
int outdir_open(const struct client *c, const char *path, bool is_writing, struct outdir **ret,
                struct failure **ret_failure) _must_check_;
struct outdir *outdir_free(struct outdir *o); /* gives up the lock */
DEFINE_CLEANUP(struct outdir, outdir_free);
int outdir_fd(const struct outdir *o);
struct manifest *outdir_manifest(const struct outdir *o); /* borrowed */
/* SHA-256 of a regular file below the directory. CONDITION_ABSENT: nothing is there; -EFBIG,
 * -ELOOP, -EISDIR…: something else is. */
int outdir_hash(const struct outdir *o, const char *path, struct hash *ret) _must_check_;
/* For job/submit: manifest [{path, fingerprint, sha256, disk}], files [{path, size, sha256}] of
 * others. Sorted by path. */
int outdir_list_manifest(const struct outdir *o, json_t **ret) _must_check_;
int outdir_list_others(const struct outdir *o, json_t **ret) _must_check_;
/* Appends a line to pending and waits until it is on disk. sha256 NULL: removed. */
int outdir_announce(struct outdir *o, const char *path, const char *fingerprint,
                    const struct hash *sha256) _must_check_;
/* Writes the manifest and drops pending. */
int outdir_settle(struct outdir *o) _must_check_;
int outdir_set_job(struct outdir *o, const char *job) _must_check_;
/* Job of .genopt/job in the directory at `path`; CONDITION_ABSENT. */
int outdir_read_job(const char *path, char ret[OUTDIR_JOB_BYTES]) _must_check_;
