#pragma once
/* The file names that a text speaks of: what stands behind a slash (behind a drive, behind a
 * backslash), as it is written, as JSON or YAML mean it, and as a URI has it. A name may hold
 * blanks and quotes, so every beginning up to one counts as well: too many names cost a look, one
 * too few a repair.
 *
 * Kept is a hash of each, because the beginnings in a long text are longer than itself. Two names
 * of one hash are both taken for mentioned. Time and memory grow with the text, whatever it is. */

#include "common/macros.h"

struct mentioned {
        uint64_t *slots; /* owned; hashes, 0: free. At most half of them are in use */
        size_t n, n_slots;
        uint64_t seed;
        uint64_t n_probes; /* slots looked at; for those who want to know what it costs */
};

int mentioned_read(struct mentioned *m, struct span text) _must_check_; /* into an empty one */
void mentioned_done(struct mentioned *m);
bool mentioned_has(const struct mentioned *m, const char *name);
