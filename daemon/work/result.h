#pragma once
/* The result of a task, and the form in which state and cache keep it. */

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"

enum source {
        SOURCE_KEEP,
        SOURCE_REUSE,
        SOURCE_TEMPLATE,
        SOURCE_MECHANICAL,
        SOURCE_CALL,
        N_SOURCES
};
extern const char *const source_names[N_SOURCES];

/* A new file that a repair brings beside the one it repairs. */
struct made_file {
        char *path, *text; /* owned; text NULL: it lies elsewhere, by its hash */
        size_t n_text;
        struct hash content;
};

#define RESULT_MADE_MAX 8u

/* A finding that a repair leaves as it is. */
struct left_finding {
        uint32_t index; /* of the task's findings */
        bool is_kept;   /* the model says that it needs no change; else nothing touches it */
        char *why;      /* owned: what it says; "" where it says nothing */
};

void left_findings_free(struct left_finding *list, size_t n);
/* NULL: of none, or for lack of memory. */
struct left_finding *left_findings_copy(const struct left_finding *list, size_t n);

#define RESULT_LEFT_MAX 4096u /* more findings than that are of no task */
#define LEFT_WHY_BYTES 400u   /* a sentence or two */

struct result {
        char *text; /* owned */
        size_t n_text;
        struct hash content;   /* of the text */
        struct hash interface; /* of the interface text */
        enum source made_by;   /* how it was first obtained: template, mechanical or call */
        char *model;           /* owned; NULL unless a call made it */
        uint64_t nanousd;      /* what it cost then */
        double score;          /* of its checks */
        /* Of a repair: what it does to the tree besides. */
        char *moved_to;         /* owned: the file's new path; NULL: it stays where it is */
        bool is_gone;           /* the file is taken away; the text is empty */
        struct made_file *made; /* owned */
        size_t n_made;
        struct left_finding *left; /* owned; by index */
        size_t n_left;
};

static inline bool result_changes_tree(const struct result *r)
{
        return r->is_gone || r->moved_to || r->n_made > 0;
}

void result_done(struct result *r);
/* Little format of its own: version, then the fields, integers big endian, texts with their length;
 * at the end the text. */
int result_encode(const struct result *r, struct buf *out) _must_check_;
int result_decode(struct span bytes, struct result *ret)
        _must_check_; /* -EBADMSG, -ENOMEM; owned by the caller: result_done() */
#define _cleanup_result_ _cleanup_(result_done)
