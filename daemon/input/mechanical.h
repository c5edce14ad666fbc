#pragma once
/* Mechanical fixes: edits that a finding spells out, by rules that are data
 * (blueprints/fix/fixes.yaml).
 *
 *     format: 1
 *     fixes:
 *       - name: import-package
 *         files: REGEX            the file's path
 *         rule: REGEX             the finding's rule; optional
 *         message: REGEX          of the finding's message; its groups are $1 … $9
 *         variables: {NAME: REGEX}   of what the finding says besides; optional, its groups go on
 *         unless: REGEX           of the line: then the finding is a false alarm, and it stays
 *         edits:
 *           - {where: line | root | file, find: REGEX, put: TEXT, optional: true}
 *     tree:
 *       - {may: delete | move | create, says: REGEX, files: REGEX}
 *     elsewhere:
 *       - {where: imports | file, says: REGEX, files: REGEX}
 *
 * `tree` says which findings ask a model for more than edits of their file: `says` is of the
 * rule's description or the finding's message, `files` (optional) of the file's path.
 *
 * `elsewhere` says whose repair may lie elsewhere than where the finding stands: among what the
 * file declares to use, or anywhere in it. `says` is optional here.
 *
 * `find` may name groups, which then stand for their text; `put` may name them, and the groups of
 * `find` as \1 … \9. `line` is the line of the finding (found again by its text when it moved),
 * `root` the start tag of the first element, `file` everything. Edits never change the number of
 * lines. */

#include "common/buf.h"
#include "common/json.h"
#include "common/macros.h"
#include "daemon/work/task.h"
#include "proto/failure.h"

struct fixes;
struct analysis_rule;
struct incident;

int fixes_read(struct span text, const char *name, struct fixes **ret,
               struct failure **ret_failure) _must_check_;
struct fixes *fixes_free(struct fixes *f);
DEFINE_CLEANUP(struct fixes, fixes_free);

enum fix_outcome {
        FIX_NONE,  /* no rule knows it, or its place was not found */
        FIX_DONE,  /* the text was changed */
        FIX_THERE, /* it stands there as it should */
        FIX_FALSE, /* a guard says that it is to stay */
        /* fix-tasks.c, of what is not looked at: */
        FIX_LEFT,      /* of a phase that is not asked for */
        FIX_KNOWN,     /* repaired by an earlier job, and the file shows it */
        FIX_COMPLETED, /* a state says that it is done */
        FIX_NEEDLESS,  /* an earlier answer says that it needs no change, and it stands as then */
        FIX_AGAIN,     /* repaired by an earlier job, taken back since; the same edits fit */
};

/* One finding, in the text as it is by now (lines end with LF). line: where it stands
 * (incident_find_line() of the text before any edit); 0: nowhere. *ret_rule: the name of the fix.
 */
int fixes_apply(const struct fixes *f, const char *path, const struct analysis_rule *rule,
                const struct incident *i, unsigned line, struct buf *text, enum fix_outcome *ret,
                const char **ret_rule) _must_check_;
/* What a repair of the finding may do to the tree: enum tree_change. */
unsigned fixes_may(const struct fixes *f, const char *path, const struct analysis_rule *rule,
                   const struct incident *i);
/* Where in the file a repair of the finding may lie. */
enum repair_reach fixes_reach(const struct fixes *f, const char *path,
                              const struct analysis_rule *rule, const struct incident *i);
/* Where the finding's line stands in a text: the line of its number if it says the same, else the
 * nearest one that does; 0: nowhere, or not told. */
unsigned incident_find_line(const struct incident *i, struct span text);
