#pragma once
/* What fix-tasks.c (which findings, file by file) and fix-task.c (one task) share. Not for other
 * files. */

#include "daemon/edit/edits.h"
#include "daemon/input/fix-checks.h"
#include "daemon/input/fix-phases.h"
#include "daemon/input/fix-tasks.h"

/* A finding of the file at hand. */
struct open {
        const struct incident *i;
        const struct analysis_rule *rule;
        const struct place *place;
        enum fix_outcome outcome;
        unsigned line; /* where it stands now; 0: nowhere, or in the whole */
};

struct making {
        const struct fix_source *s;
        struct work *w;
        size_t room;
        struct fix_counts counts;
        struct fix_phases phases;
        struct fix_checks *checks; /* borrowed: the work keeps them */
        struct strlist not_there;
};

struct fix_region;

/* Findings of one file that one task repairs. */
struct fix_part {
        const struct open *at;
        size_t n;
        const struct edit_base *base;    /* the text that it edits */
        const char *mechanical;          /* what comes of it; NULL: a model is asked */
        uint32_t before;                 /* the task whose result it edits; UINT32_MAX: the file */
        bool is_later;                   /* of several that are asked for: its lines have moved */
        const struct fix_region *region; /* what is shown of it; NULL: all */
        bool is_last;                    /* of its file: only then the file may go, or move */
};

/* What was found, wherever it stands: rule, file, message, variables, the line's text. */
int fix_identity(const struct open *x, const char *path, struct hash *ret) _must_check_;
/* Marks as known what an earlier job repaired where its repair still stands in the file, whatever
 * else was edited there since. */
int fix_find_kept(struct making *m, struct open *at, size_t n, struct span text) _must_check_;
/* Appends a task to the work. */
int fix_task_make(struct making *m, const struct fix_part *part) _must_check_;
