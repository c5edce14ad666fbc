#pragma once
/* Repairs: what is particular to a task that mends a file of the user's where an analyser found
 * something (input/fix-tasks.h makes them, exec/ makes them true). */

#include <jansson.h>

#include "common/hash.h"
#include "common/macros.h"

/* What a repair may do to a tree besides changing the text of its file, where a finding asks for
 * it. */
enum tree_change { TREE_DELETE = 1, TREE_MOVE = 2, TREE_MAKE = 4 };
static inline const char *tree_change_name(enum tree_change c)
{
        return c == TREE_DELETE ? "delete" : c == TREE_MOVE ? "move" : "create";
}

/* The user's files, as a job was told of them; sorted by path. */
struct standing_tree {
        char **paths; /* owned, as what they point to */
        struct hash *hashes;
        size_t n;
};

/* The part of a text that is shown where it is too long to be shown whole (edit/excerpt.h). */
struct excerpt {
        char *above, *region; /* owned: between its head and the region; the region */
        size_t n_above, n_region;
        char *whole; /* owned: the text itself, where no task before gives it; or NULL */
        size_t n_whole;
};

/* Where in a file the repair of a finding may lie, besides where it stands. */
enum repair_reach { REACH_LINE, REACH_IMPORTS, REACH_FILE };

/* A finding, as whoever looks at its repair needs to know it. */
struct spot {
        uint32_t line; /* in the task's base; 0: it is about the whole */
        char *rule;    /* owned */
        char *code;    /* owned: what stands in the line; NULL: not told */
        char *words;   /* owned: what the rule names in backticks, each with an LF; or NULL */
        char *wanted;  /* owned: what it says is to stand there instead; or NULL */
        enum repair_reach reach;
};

/* A task that repairs findings of an analyser in a file of the user's (input/fix-tasks.h). */
struct repair {
        struct hash stands; /* the file's content, in place of which the result is to be put */
        bool follows;       /* it edits what its dependency makes of the file; the task's base is a
                               guess of that */
        char *given; /* owned: the result, where nobody need be asked for it: findings spell it
                        out, or it is noted; or NULL */
        size_t n_given;
        bool is_noted; /* an earlier job made it, and its edits fit */
        double score;  /* of what is noted */
        uint32_t n_findings;
        unsigned may;            /* enum tree_change */
        int effort;              /* the largest of its findings, 0 to 10; below 0: not told */
        struct hash *identities; /* owned: of the findings, n_findings */
        struct hash *alike;      /* owned: likewise; what tells each from those that look like it */
        struct hash *standing;   /* owned: of the file's first task, pairs of both: findings that
                                    earlier jobs repaired */
        size_t n_standing;
        uint32_t *places;   /* owned: their lines in the file as it stood; 0: in the whole */
        struct spot *spots; /* owned: of the findings, n_findings */
        json_t *findings;   /* owned: [{rule, line}] as they stood, for who reads of the change */
        struct excerpt *excerpt; /* owned: the task's base is this part of the file; or NULL */
};

/* What is noted when findings were repaired: that one of this identity was at all (content NULL);
 * which of those that look alike, and what their file became by it. An identity is what was found,
 * wherever it stands. */
void repair_note_key(const struct hash *identity, const struct hash *content,
                     const struct hash *alike, struct hash *ret);
/* That it needs no change: hashes of the lines around it, or of the whole file (edit/trace.h). */
void repair_kept_key(const struct hash *identity, struct hash *ret);
/* How it was done (edit/again.h): under the first lies the hash under which that lies. */
void repair_again_key(const struct hash *identity, struct hash *ret);
