#pragma once
/* What a job changed in the user's files: shown as it comes, reported (changes-page.c) and
 * committed (commits.c) at the end. */

#include "client/client.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/str.h"

struct changes;

/* One file, from what stood before the job to what stands now. */
struct change_of_file {
        char *path;           /* owned */
        char *from;           /* owned: where it stood before; NULL: there */
        char *of;             /* owned: the file whose repair made it; NULL: it is its own */
        char *before, *after; /* owned */
        size_t n_before, n_after;
        json_t *findings; /* owned: [{rule, line, task}], lines of `before` */
        bool is_new, is_gone;
};

/* A change that was carried out. Texts are borrowed. */
struct change_note {
        const char *path, *from, *of; /* as above */
        struct span before, after;
        const json_t *findings;
        bool has_back; /* it takes back what task `back` repaired */
        json_int_t back;
        bool is_new, is_gone;
        bool is_past; /* carried out before: it was shown then */
};

/* is_shown: each change is printed as a diff. */
int changes_new(const struct client *c, bool is_shown, struct changes **ret) _must_check_;
struct changes *changes_free(struct changes *l);
DEFINE_CLEANUP(struct changes, changes_free);
/* Of several changes of a file the first `before` and the last `after` stand. */
int changes_note(struct changes *l, const struct change_note *n) _must_check_;
/* It came to nothing: changed, and taken back. */
bool changes_is_void(const struct change_of_file *c);
/* Forgets what came to nothing: changed, and taken back. */
void changes_settle(struct changes *l);
size_t changes_n(const struct changes *l);
const struct change_of_file *changes_at(const struct changes *l, size_t i);
/* By where it stands, or stood; NULL: it was not changed. */
const struct change_of_file *changes_find(const struct changes *l, const char *path);
const struct client *changes_client(const struct changes *l);

/* changes-page.c: one page with all of them. done: the event that ended the job, or NULL.
 * CONDITION_REFUSED: it cannot be written. */
int changes_report(const struct changes *l, const char *file, const char *title, const json_t *done,
                   struct failure **ret_failure) _must_check_;
