#pragma once
/* What we wrote into an output directory: path, fingerprint of the task, SHA-256 of the content.
 *
 *     manifest = {"version": 1, "files": [
 *     entry,                 one per line, sorted by path (byte order), no path twice
 *     ...
 *     ]}
 *     entry    = {"fingerprint": text, "path": relative path, "sha256": 64 hex digits}
 *
 *     pending  = line*       one JSON object per line, on disk before each change of the tree
 *     line     = {"before": hash | null (nothing stood there),
 *                 "disk": hash            what is to stand there, where that is not sha256: a merge
 *                 "fingerprint": text, "path": relative path,
 *                 "sha256": hash | null (removed)}
 *
 * The hash of an entry is that of what genopt made, not of what stands there: where both differ,
 * the user edited the file (or genopt merged an edit of theirs), and it is theirs.
 *
 * A pending line is carried into the manifest when what it announced stands on disk, or is gone;
 * and when something else stands where nothing did before: then the user edited what we had just
 * written. Any other line is of a change that did not happen. The last line may be torn and is then
 * ignored. Reading is strict and bounded: a manifest with any fault is no manifest.
 */

#include "common/hash.h"
#include "common/json.h"
#include "proto/failure.h"

/* Manifests travel with the project: another form is another version
 * (tests/unit/test-client-manifest.c holds what each looks like). */
#define MANIFEST_VERSION 1
#define MANIFEST_BYTES ((size_t)64 << 20)
#define MANIFEST_ENTRIES 200000
#define MANIFEST_FINGERPRINT_BYTES 128

struct manifest_entry {
        char *path;        /* owned */
        char *fingerprint; /* owned */
        struct hash sha256;
};

struct manifest; /* a map by path */

int manifest_new(struct manifest **ret) _must_check_;
struct manifest *manifest_free(struct manifest *m);
DEFINE_CLEANUP(struct manifest, manifest_free);
/* Into an empty manifest. CONDITION_REFUSED with diag. */
int manifest_read(struct manifest *m, struct span text, struct diag *ret_diag) _must_check_;
int manifest_write(const struct manifest *m, struct buf *b) _must_check_;
/* Whether git left the conflicts of a merge in it. */
bool manifest_has_conflicts(struct span text);
/* Borrowed until the entry changes; NULL: none. */
const struct manifest_entry *manifest_get(const struct manifest *m, const char *path);
int manifest_set(struct manifest *m, const char *path, const char *fingerprint,
                 const struct hash *sha256) _must_check_;
void manifest_remove(struct manifest *m, const char *path);
size_t manifest_n(const struct manifest *m);
/* Entries in order of path. */
const struct manifest_entry *manifest_at(const struct manifest *m, size_t i);

struct pending_line {
        const char *path, *fingerprint;
        const struct hash *sha256; /* NULL: removed */
        const struct hash *before; /* NULL: nothing stood there */
        const struct hash *disk;   /* NULL: sha256 */
};

int pending_write(struct buf *b, const struct pending_line *line) _must_check_;
/* Hash of what stands on disk: 0, CONDITION_ABSENT, -errno. */
typedef int pending_disk_fn(const char *path, struct hash *ret, void *arg);
/* What can be read of a manifest with conflicts: entries of both sides; where they differ, the one
 * that stands on disk, else the first. A wrong entry makes a file look edited, which is safe. */
int manifest_salvage(struct manifest *m, struct span text, pending_disk_fn *disk,
                     void *arg) _must_check_;
/* Folds pending lines into m. Lines that cannot be read are skipped: what they spoke of then counts
 * as not ours, which is safe. */
int pending_fold(struct manifest *m, struct span text, pending_disk_fn *disk,
                 void *arg) _must_check_;
