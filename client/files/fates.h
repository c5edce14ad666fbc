#pragma once
/* What became of files that the user had a hand in: said at once with --json, listed at the end
 * otherwise, with what to do. */

#include "client/client.h"
#include "client/view/view.h"

enum fate {
        FATE_KEPT,       /* an edit that stands in the way of what was made */
        FATE_CONFLICT,   /* merged, with conflicts */
        FATE_UNRESOLVED, /* an earlier merge left conflicts there */
        FATE_MERGED,     /* merged, without */
        FATE_SAVED,      /* replaced; the old file was saved */
        FATE_ORPHAN,     /* the specification describes it no more */
        FATE_PRUNED,     /* such a file was removed */
        FATE_RELEASED,   /* such a file was edited: it stays, as the user's own */
        N_FATES
};

struct fates;

/* job: borrowed, may be set later; with --json each fate is a line {"type", "job", "path", "text",
 * "remedy"}. */
int fates_new(const struct client *c, struct fates **ret) _must_check_;
struct fates *fates_free(struct fates *f);
DEFINE_CLEANUP(struct fates, fates_free);
void fates_set_job(struct fates *f, const char *job);
/* Of repairs: other advice, and the same of a path is said once. */
void fates_set_editing(struct fates *f);
/* text: more about it, or NULL. */
int fates_add(struct fates *f, enum fate fate, const char *path, const char *text) _must_check_;
/* What was said last of a path, until the next is added; NULL: nothing. */
const char *fates_text(const struct fates *f, const char *path);
bool fates_has_path(const struct fates *f, const char *path);
size_t fates_n(const struct fates *f, enum fate fate);
/* Something is left that a person has to decide: the exit code says so. */
bool fates_need_attention(const struct fates *f);
void fates_print(const struct fates *f, struct view *v);
