#pragma once
/* From an analysis and the files of a tree to tasks (kind-fix.c).
 *
 * All findings of one file are one chain of tasks: what findings spell out is one edit of the file
 * (mechanical.h), which asks nobody; what is left is asked of a model, in parts when it is much.
 * Each task edits what the one before it made of the file, so that there is one writer and one
 * base. */

#include "daemon/input/analysis.h"
#include "daemon/input/fix-place.h"
#include "daemon/input/fix-state.h"
#include "daemon/input/input.h"
#include "daemon/input/mechanical.h"

/* Which findings are wanted. Lists are of the submit; NULL: all. */
struct fix_filter {
        const json_t *categories, *rules, *files, *exclude; /* borrowed */
        int max_effort;                                     /* below 0: any */
        bool has_insights;
};

struct fix_counts {
        size_t n_places[N_PLACE_KINDS]; /* of all findings */
        size_t n_filtered, n_repeated;  /* not wanted; the same finding twice */
        size_t n_mechanical, n_there, n_false, n_asked, n_completed;
        size_t n_known;    /* of n_there: by an earlier job */
        size_t n_needless; /* an earlier answer says that they need no change */
        size_t n_again;    /* the edits of an earlier job fit once more */
        size_t n_standing; /* of n_completed: what was found stands there all the same */
};

struct fix_source {
        const struct input *in;
        const struct analysis *a;
        const struct fixes *fixes;
        struct span prompt;
        struct hash fixes_hash;
        const char *const *paths; /* of the tree, sorted; borrowed, as all above */
        const struct hash *hashes;
        size_t n_paths;
        const struct fix_filter *filter;
        const json_t *phases;  /* wanted; or NULL */
        const uint8_t *states; /* per incident (fix-state.h), or NULL */
        struct fix_state_counts state_counts;
        int command; /* of the client's, that is to accept repairs; or -1 */
};

/* in->need: files whose content is wanted first; then no work. */
int fix_tasks_make(const struct fix_source *s, struct work **ret,
                   struct failure **ret_failure) _must_check_;
/* Does the filter let it through? */
bool fix_filter_takes(const struct fix_filter *f, const struct analysis_rule *rule,
                      const char *path);
/* A pattern with a slash is about the whole path, another one about any part of its end. */
bool fix_filter_matches(const char *pattern, const char *text);
/* "java" for src/A.java, as check/language.h knows it. */
const char *fix_language(const char *path);
