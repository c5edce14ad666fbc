#pragma once
/* What a job changed in the user's files: shown as it comes, reported and committed at the end. */

#include "client/client.h"
#include "common/buf.h"

struct changes;

/* is_shown: each change is printed as a diff. */
int changes_new(const struct client *c, bool is_shown, struct changes **ret) _must_check_;
struct changes *changes_free(struct changes *l);
DEFINE_CLEANUP(struct changes, changes_free);
/* A file was written. Of several changes of a path the first `before` and the last `after` stand.
 */
int changes_note(struct changes *l, const char *path, struct span before,
                 struct span after) _must_check_;
size_t changes_n(const struct changes *l);
const char *changes_path(const struct changes *l, size_t i);
/* One page with all of them. CONDITION_REFUSED: it cannot be written. */
int changes_report(const struct changes *l, const char *file, const char *title,
                   const json_t *summary, struct failure **ret_failure) _must_check_;
/* With git, in the tree at dir. is_per_file: a commit for each; else one for all. What git says no
 * to is told, and no error of ours. */
int changes_commit(const struct changes *l, const char *dir, bool is_per_file,
                   const char *subject) _must_check_;
