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
        unsigned line;        /* where it stands now; 0: nowhere, or in the whole */
        unsigned in_base;     /* in the text that is asked about: after what nobody is asked for */
        struct hash identity; /* fix_identify() */
        struct hash alike;    /* which of those of one identity in its file; repair.h */
        bool is_alone;        /* of its identity */
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
        const char *given;               /* what comes of it; NULL: a model is asked */
        bool is_noted;                   /* by an earlier job; else findings spell it out */
        double score;                    /* then */
        uint32_t before;                 /* the task whose result it edits; UINT32_MAX: the file */
        const struct fix_region *region; /* what is shown of it; NULL: all */
        bool is_last;                    /* of its file: only then the file may go, or move */
};

/* Where each of a file's findings stands. */
int fix_find_lines(struct open *at, size_t n, struct span text) _must_check_;
/* Identities of all findings of a file. Those that look alike (an analysis often tells no line's
 * text) are told apart by their lines, together: another analysis, which tells fewer of them, tells
 * none of these. */
int fix_identify(const struct making *m, struct open *at, size_t n) _must_check_;
/* fix-undone.c: which lines each mechanical edit changed; and the findings of those that do not
 * stand in the end are open again. */
struct undone {
        struct changed_line *at; /* owned */
        size_t n, room;
};
int undone_note(struct undone *u, size_t finding, struct span before,
                struct span after) _must_check_;
int undone_open(const struct undone *u, struct open *at, size_t n, struct span before,
                struct span after) _must_check_;
void undone_free(struct undone *u);
/* What was found, wherever it stands: rule, file, message, variables, the line's text. */
int fix_identity(const struct open *x, const char *path, struct hash *ret) _must_check_;
/* Marks as known what an earlier job repaired where its repair still stands in the file, whatever
 * else was edited there since. */
int fix_find_kept(struct making *m, struct open *at, size_t n, struct span text) _must_check_;
/* Marks what an earlier answer says needs no change, where it stands as it stood. */
int fix_find_needless(struct making *m, struct open *at, size_t n, struct span text) _must_check_;
/* Makes of the text what earlier jobs made of it, where findings were taken back since and the
 * edits fit; marks them. */
int fix_find_again(struct making *m, struct open *at, size_t n, struct buf *text,
                   double *score) _must_check_;
/* The finding's line in the text as it is shown. */
unsigned fix_shown_line(const struct fix_part *p, const struct open *x);
/* What is to be known of the findings when their repair is looked at. */
int fix_spots_set(const struct making *m, struct repair *repair,
                  const struct fix_part *p) _must_check_;
/* Appends a task to the work. */
int fix_task_make(struct making *m, const struct fix_part *part) _must_check_;
