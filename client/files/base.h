#pragma once
/* Contents that genopt made, by their hash: what a merge starts from.
 *
 *     .genopt/base/SHA256     the content, 64 hex digits its name
 *
 * Named by content, they are right whatever branch is checked out, and order of writing does not
 * matter. Those that the manifest lists are kept; of others the newest, BASE_SPARE_BYTES in all,
 * for a branch that one comes back to. Not synced: a copy that a power failure tore does not match
 * its name, counts as absent, and a merge does without. */

#include "client/files/manifest.h"

#define BASE_SPARE_BYTES ((uint64_t)32 << 20)

int base_put(int dir_fd, const struct hash *sha256, struct span content) _must_check_;
bool base_has(int dir_fd, const struct hash *sha256);
/* Appends. CONDITION_ABSENT. */
int base_get(int dir_fd, const struct hash *sha256, struct buf *b) _must_check_;
/* Makes room: see above. What cannot be deleted stays. */
int base_sweep(int dir_fd, const struct manifest *m) _must_check_;
