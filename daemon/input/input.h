#pragma once
/* From what a client submitted to work: one file per job kind (kind-*.c), one per input format
 * (read-*.c).
 *
 * A kind is a row of the table in kinds.c. `need` tells which of the client's files it wants before
 * it can read; `read` is pure, runs in a worker (or on the loop where is_small says that it is
 * cheap), and sees only what it is given. */

#include <jansson.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"
#include "daemon/work/task.h"
#include "proto/failure.h"

struct blueprint_shelf;
struct model;

/* A file of the client's that came by blob/put (or was found absent: text NULL). */
struct input_file {
        const char *path;
        struct span text;
        bool is_absent;
};

struct input {
        const json_t *params; /* of job/submit, already checked against the method table */
        const struct input_file *files; /* all that `need` asked for */
        size_t n_files;
        const struct blueprint_shelf *shelf;
        /* Content that the client was asked for by its hash; CONDITION_ABSENT: it has not come.
         * Then its hash in hex goes into `need`, and what is read is read again when all has come.
         */
        int (*content)(const struct hash *h, struct buf *ret, void *arg);
        /* Is it noted that an earlier job did this (work/task.h)? NULL: nothing is noted. */
        bool (*is_noted)(const struct hash *key, void *arg);
        /* Appends the note; CONDITION_ABSENT: there is none. NULL as above. */
        int (*get_note)(const struct hash *key, struct buf *ret, void *arg);
        void *arg;
        struct strlist *need;
        bool is_fresh;          /* what was done before is to be done again */
        uint64_t window_tokens; /* the largest of a model that may be asked; 0: not known */
};

struct job_kind {
        const char *name;
        bool is_small;       /* read() is cheap: answer a cached submit at once */
        bool is_interactive; /* goes before batch jobs */
        /* Checks params.input (CONDITION_REFUSED) and lists relative paths it needs. */
        int (*need)(const json_t *params, struct strlist *ret_paths, struct failure **ret_failure);
        /* 0 without a work: in->need says what is wanted first. */
        int (*read)(const struct input *in, struct work **ret, struct failure **ret_failure);
};

const struct job_kind *job_kind_find(const char *name); /* NULL: no such kind */
size_t job_kinds(const struct job_kind *const **ret);

/* A specification in any format that is known (formats.h), told apart by content. The file's name
 * says what content does not: its ending that Markdown is meant, its base what the project is
 * called. CONDITION_REFUSED. */
int spec_read(struct span text, const char *file_name, struct model **ret,
              struct failure **ret_failure) _must_check_;
