#include "client/files/deliver.h"

#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include "client/files/base.h"
#include "client/files/crash-point.h"
#include "client/files/merge.h"
#include "common/path.h"

/* One change under way: what is wanted, and what stands there. */
struct step {
        const struct delivery *d;
        const struct change *c;
        struct delivery_counts *counts;
        const struct manifest_entry *ours; /* NULL: we never wrote there. Until record() */
        struct buf content;                /* of the file */
        struct hash hash;
        bool is_there;
};

static int leave(const struct step *s, const char *why)
{
        s->counts->n_left++;
        return fates_add(s->d->fates, FATE_KEPT, s->c->path, why);
}

static int dir_fd(const struct step *s)
{
        return outdir_fd(s->d->outdir);
}

/* NULL: what stands there may be replaced or removed; else why not. */
static const char *find_conflict(const struct step *s)
{
        const struct change *c = s->c;
        bool is_expected, is_ours;

        if (!s->is_there) {
                /* Gone although content was expected: the user deleted it in this moment. */
                if (!c->has_base || !c->is_write || c->may_be_absent)
                        return NULL;
                return "it was deleted while genopt was at work";
        }
        is_expected = c->has_base && hash_is_equal(&c->base, &s->hash);
        is_ours = s->d->is_editing || (s->ours && hash_is_equal(&s->ours->sha256, &s->hash));
        for (size_t i = 0; i < c->n_known; i++)
                if (hash_is_equal(&c->known[i].sha256, &s->hash)) {
                        is_expected = true;
                        is_ours |= c->known[i].is_ours;
                }
        if (is_expected && is_ours)
                return NULL;
        if (s->d->is_editing && c->has_base)
                return c->is_back ? "it was changed after the repair, which was to be taken back"
                                  : "it was changed after it had been read for the repair";
        return s->ours || c->has_base ? "you edited it, and something new was made for it"
                                      : "genopt did not write it, and something was made for it";
}

static int refuse(struct failure **ret_failure, const char *what)
{
        *ret_failure = failure_new(FAILURE_INTERNAL, "%s", what);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static int fetch(const struct step *s, const struct hash *sha256, struct buf *b,
                 struct failure **ret_failure)
{
        struct hash got;
        int r;

        b->max_bytes = OUTDIR_FILE_BYTES;
        r = base_get(dir_fd(s), sha256, b);
        if (r != CONDITION_ABSENT)
                return r;
        r = s->d->fetch(sha256, b, s->d->arg, ret_failure);
        if (r != 0)
                return r;
        hash_of(b->at ? b->at : "", b->n, &got);
        return hash_is_equal(&got, sha256)
                       ? 0
                       : refuse(ret_failure, "genoptd sent a content that does not match its hash");
}

/* What is not written is delivered by the next run, at no cost. */
static int refuse_place(struct failure **ret_failure, const char *path, int r)
{
        struct failure *f =
                failure_new_at(r == -ENOSPC || r == -EDQUOT ? FAILURE_DISK_FULL : FAILURE_INTERNAL,
                               path, "it cannot be written: %s", strerror(-r));

        if (!f || r == -ENOMEM) {
                failure_free(f);
                return -ENOMEM;
        }
        if (failure_set_remedy(f, "mend that and run the command again: what was made is kept") <
            0) {
                failure_free(f);
                return -ENOMEM;
        }
        *ret_failure = f;
        return CONDITION_REFUSED;
}

/* What writing or removing came to. 0: it is done. CONDITION_ABSENT: it was left, and that is said.
 */
static int judge(const struct step *s, int r, struct failure **ret_failure)
{
        static const char *const link =
                "a link, or something that is no file, stands there or above it";
        const char *why =
                r == PLACE_CHANGED ? "it changed while genopt was at work"
                : r == -ELOOP || r == -ENOTDIR || r == -EXDEV || r == -EISDIR || r == -EEXIST ? link
                : r == -EACCES || r == -EPERM || r == -EROFS
                        ? "what stands there cannot be changed by you"
                        : NULL;

        if (why) {
                r = leave(s, why);
                return r < 0 ? r : CONDITION_ABSENT;
        }
        return r < 0 && r != -ENOMEM ? refuse_place(ret_failure, s->c->path, r) : r;
}

static int record(struct step *s)
{
        struct manifest *m = outdir_manifest(s->d->outdir);
        const struct manifest_entry *e = manifest_get(m, s->c->path);

        if (e && strcmp(e->fingerprint, s->c->fingerprint) == 0 &&
            hash_is_equal(&e->sha256, &s->c->blob))
                return 0;
        s->counts->is_settle_due = true;
        return manifest_set(m, s->c->path, s->c->fingerprint, &s->c->blob);
}

/* For the report, and for commits. */
static int note(const struct step *s, struct span before, struct span after, bool is_past)
{
        const struct change *c = s->c;

        if (!s->d->changes || c->is_half)
                return 0;
        return changes_note(s->d->changes,
                            &(struct change_note){.path = c->path,
                                                  .from = c->from,
                                                  .of = c->of,
                                                  .before = before,
                                                  .after = after,
                                                  .findings = c->findings,
                                                  .has_back = c->is_back,
                                                  .back = c->task,
                                                  .is_new = c->is_write && !c->has_base && !c->from,
                                                  .is_gone = !c->is_write,
                                                  .is_past = is_past});
}

/* Carried out by a client before us, which reported and committed nothing: its beginning is the
 * first content that was expected. */
static int note_past(const struct step *s, struct span after)
{
        const struct change *c = s->c;
        const struct hash *first = c->n_known > 0 ? &c->known[0].sha256
                                   : c->has_base  ? &c->base
                                                  : NULL;
        _cleanup_buf_ struct buf before = {0};
        struct failure *failure = NULL;

        if (!s->d->changes || (first && c->is_write && hash_is_equal(first, &c->blob)) ||
            (!c->is_write && c->may_be_absent))
                return 0;
        if (first && fetch(s, first, &before, &failure) != 0) {
                failure_free(failure); /* not kept any more: then it is not told of */
                return 0;
        }
        return note(s, buf_span(&before), after, true);
}

/* Announces and writes. content: what was made, or what a merge gave. */
static int put(struct step *s, struct span content, const struct hash *disk,
               struct failure **ret_failure)
{
        struct pending_line line = {.path = s->c->path,
                                    .fingerprint = s->c->fingerprint,
                                    .sha256 = &s->c->blob,
                                    .before = s->is_there ? &s->hash : NULL,
                                    .disk = disk};
        int r;

        s->counts->is_settle_due = true;
        r = outdir_announce(s->d->outdir, &line);
        if (r == 0)
                r = place_write(dir_fd(s), s->c->path, content, line.before);
        r = judge(s, r, ret_failure);
        if (r != 0)
                return r;
        crash_point();
        r = record(s);
        if (r == 0)
                s->counts->n_written++;
        return r < 0 ? r
                     : note(s, s->c->from ? s->c->moved : buf_span(&s->content), content, false);
}

/* What was made: from the copies for merging, or the daemon; and into the copies. */
static int get_made(struct step *s, struct buf *b, struct failure **ret_failure)
{
        int r = fetch(s, &s->c->blob, b, ret_failure);

        if (r != 0)
                return r;
        r = base_put(dir_fd(s), &s->c->blob, buf_span(b));
        return r < 0 ? refuse_place(ret_failure, s->c->path, r) : 0;
}

static int replace(struct step *s, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf made = {0};
        int r = get_made(s, &made, ret_failure);

        if (r != 0)
                return r;
        r = put(s, buf_span(&made), NULL, ret_failure);
        return r == CONDITION_ABSENT ? 0 : r;
}

/* The content that the user's edit began from; without it there is only what both have. */
static int get_ancestor(const struct step *s, struct buf *b, bool *ret_has)
{
        const struct change *c = s->c;
        const struct hash *from = s->d->is_editing && c->n_known > 0 ? &c->known[0].sha256
                                  : s->d->is_editing && c->has_base  ? &c->base
                                  : s->ours                          ? &s->ours->sha256
                                                                     : NULL;
        struct failure *failure = NULL;
        int r;

        *ret_has = false;
        if (!from)
                return 0;
        r = fetch(s, from, b, &failure);
        failure_free(failure); /* another clone wrote it, and this daemon does not know it */
        if (r == 0)
                *ret_has = true;
        return r < 0 ? r : 0;
}

static int put_merged(struct step *s, struct span merged, bool has_conflicts,
                      struct failure **ret_failure)
{
        struct hash disk;
        int r;

        hash_of(merged.at, merged.n, &disk);
        if (hash_is_equal(&disk, &s->hash)) { /* what is new stands there already */
                r = record(s);
                return r == 0 ? fates_add(s->d->fates, FATE_MERGED, s->c->path, NULL) : r;
        }
        /* Known by its content, should a crash leave it in our hands. */
        r = base_put(dir_fd(s), &disk, merged);
        if (r < 0)
                return refuse_place(ret_failure, s->c->path, r);
        r = put(s, merged, hash_is_equal(&disk, &s->c->blob) ? NULL : &disk, ret_failure);
        if (r != 0)
                return r == CONDITION_ABSENT ? 0 : r;
        return fates_add(s->d->fates, has_conflicts ? FATE_CONFLICT : FATE_MERGED, s->c->path,
                         NULL);
}

static int merge(struct step *s, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf made = {0}, ancestor = {0}, merged = {0};
        _cleanup_free_ char *why = NULL;
        struct span ancestor_span;
        struct merge m = {0};
        bool has_ancestor, has_conflicts = false;
        int r;

        if (merge_has_markers(buf_span(&s->content))) {
                s->counts->n_left++;
                return fates_add(s->d->fates, FATE_UNRESOLVED, s->c->path,
                                 "something new was made for it, and waits until they are settled");
        }
        r = get_made(s, &made, ret_failure);
        if (r == 0)
                r = get_ancestor(s, &ancestor, &has_ancestor);
        if (r != 0)
                return r;
        ancestor_span = buf_span(&ancestor);
        m = (struct merge){buf_span(&s->content), buf_span(&made),
                           has_ancestor ? &ancestor_span : NULL};
        r = merge_texts(dir_fd(s), &m, &merged, &has_conflicts, &why);
        if (r == CONDITION_REFUSED)
                return leave(s, why);
        if (r < 0)
                return refuse_place(ret_failure, s->c->path, r);
        return put_merged(s, buf_span(&merged), has_conflicts, ret_failure);
}

static int overwrite(struct step *s, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf made = {0};
        _cleanup_free_ char *where = NULL;
        struct stat st = {.st_mode = 0666};
        int r;

        r = get_made(s, &made, ret_failure);
        if (r != 0)
                return r;
        (void)!fstatat(dir_fd(s), s->c->path, &st, AT_SYMLINK_NOFOLLOW);
        r = saved_put(outdir_saved(s->d->outdir), dir_fd(s), s->c->path, buf_span(&s->content),
                      st.st_mode & 0777, &where);
        if (r == -ENAMETOOLONG)
                return leave(s, "its path is too long for a place to save it to");
        if (r < 0)
                return refuse_place(ret_failure, s->c->path, r);
        crash_point();
        r = put(s, buf_span(&made), NULL, ret_failure);
        if (r != 0)
                return r == CONDITION_ABSENT ? 0 : r;
        return fates_add(s->d->fates, FATE_SAVED, s->c->path, where);
}

/* Where a file system folds case, two of our paths may be one file. NULL: no. */
static const char *find_twin(const struct step *s)
{
        const struct manifest *m = outdir_manifest(s->d->outdir);
        struct stat here, there;

        if (s->ours || fstatat(dir_fd(s), s->c->path, &here, AT_SYMLINK_NOFOLLOW) < 0)
                return NULL;
        for (size_t i = 0; i < manifest_n(m); i++) {
                const char *path = manifest_at(m, i)->path;

                if (strcasecmp(path, s->c->path) == 0 &&
                    fstatat(dir_fd(s), path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                    here.st_dev == there.st_dev && here.st_ino == there.st_ino)
                        return path;
        }
        return NULL;
}

/* The file is the user's, and something else was made for its place. */
static int settle_edit(struct step *s, const char *why, struct failure **ret_failure)
{
        const char *twin = find_twin(s);

        if (twin) {
                _cleanup_free_ char *text =
                        str_printf("on this file system it is the same file as %s", twin);

                return text ? leave(s, text) : -ENOMEM;
        }
        /* Delivered before, and edited since: nothing newer is there. */
        if (s->is_there && s->ours && s->d->edits != EDITS_OVERWRITE &&
            strcmp(s->ours->fingerprint, s->c->fingerprint) == 0 &&
            hash_is_equal(&s->ours->sha256, &s->c->blob)) {
                s->counts->n_same++;
                return 0;
        }
        if (!s->is_there || s->d->edits == EDITS_KEEP)
                return leave(s, why);
        return s->d->edits == EDITS_MERGE ? merge(s, ret_failure) : overwrite(s, ret_failure);
}

static void forget(struct step *s)
{
        manifest_remove(outdir_manifest(s->d->outdir), s->c->path);
        s->ours = NULL;
        s->counts->is_settle_due = true;
}

/* CONDITION_ABSENT: it was left, and that is said. */
static int take_away(struct step *s, struct failure **ret_failure)
{
        struct pending_line line = {
                .path = s->c->path, .fingerprint = "removed", .before = &s->hash};
        int r = 0;

        if (s->is_there) {
                s->counts->is_settle_due = true;
                r = outdir_announce(s->d->outdir, &line);
                if (r == 0)
                        r = place_remove(dir_fd(s), s->c->path, &s->hash);
                r = judge(s, r, ret_failure);
        }
        if (r != 0)
                return r;
        forget(s);
        s->counts->n_removed++;
        if (s->is_there)
                return note(s, buf_span(&s->content), (struct span){0}, false);
        return s->c->is_orphan ? 0 : note_past(s, (struct span){0});
}

/* Only what we wrote and nobody edited is ever removed. */
static int settle_orphan(struct step *s, struct failure **ret_failure)
{
        bool is_edited = s->is_there && s->ours && !hash_is_equal(&s->ours->sha256, &s->hash);
        int r;

        if (!s->ours)
                return 0; /* removed or given away before */
        if (!s->is_there) {
                forget(s);
                return 0;
        }
        if (!s->d->is_pruning)
                return fates_add(s->d->fates, FATE_ORPHAN, s->c->path,
                                 is_edited ? "edited by you" : NULL);
        if (is_edited) {
                forget(s);
                return fates_add(s->d->fates, FATE_RELEASED, s->c->path, NULL);
        }
        r = take_away(s, ret_failure);
        if (r != 0)
                return r == CONDITION_ABSENT ? 0 : r;
        return fates_add(s->d->fates, FATE_PRUNED, s->c->path, NULL);
}

static int settle_step(struct step *s, struct failure **ret_failure)
{
        const struct change *c = s->c;
        const char *why;
        int r;

        if (c->is_orphan)
                return settle_orphan(s, ret_failure);
        if (c->is_write && s->is_there && hash_is_equal(&s->hash, &c->blob)) {
                s->counts->n_same++;
                r = base_put(dir_fd(s), &s->hash, buf_span(&s->content));
                r = r == -ENOMEM ? r : record(s);
                return r < 0 ? r : note_past(s, buf_span(&s->content));
        }
        why = find_conflict(s);
        if (why && c->is_write)
                return settle_edit(s, why, ret_failure);
        if (why)
                return leave(s, why);
        if (c->is_write)
                return replace(s, ret_failure);
        r = take_away(s, ret_failure);
        return r == CONDITION_ABSENT ? 0 : r;
}

int deliver(const struct delivery *d, const struct change *c, struct delivery_counts *counts,
            struct failure **ret_failure)
{
        struct step s = {.d = d, .c = c, .counts = counts};
        int r;

        s.ours = manifest_get(outdir_manifest(d->outdir), c->path);
        r = outdir_read(d->outdir, c->path, &s.content, &s.hash);
        s.is_there = r == 0;
        if (r == -ENOMEM) {
                /* below */
        } else if (r == -EFBIG) {
                r = leave(&s, "it is over 16 MiB");
        } else if (r < 0) {
                r = c->is_orphan && !s.ours
                            ? 0
                            : leave(&s, "a link, or something that is no plain file, stands there");
        } else {
                r = settle_step(&s, ret_failure);
        }
        buf_done(&s.content);
        return r;
}
