#include "client/writer.h"

#include <strings.h>

#include "common/path.h"
#include "common/str.h"

#define BASE_PREFIX ".genopt/base/"
#define FILE_MODE 0666

/* A content that may stand on disk while a replay catches up: earlier events expected it, or wrote
 * it. */
struct known {
        struct hash sha256;
        bool is_ours;
};

/* What the events held back said of one path. */
struct held {
        json_t *event;       /* owned: the last one */
        struct known *known; /* owned */
        size_t n_known;
        bool may_be_absent; /* one of them expected no file */
};

struct writer {
        struct writer_config config;
        struct writer_counts counts;
        struct held *held; /* owned; in order of first mention */
        size_t n_held, room_held;
        json_t *index; /* owned: path -> place in held */
        bool is_caught_up, is_changed;
};

int writer_new(const struct writer_config *config, struct writer **ret)
{
        struct writer *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->config = *config;
        w->index = json_object();
        if (!w->index) {
                free(w);
                return -ENOMEM;
        }
        *ret = w;
        return 0;
}

static void held_done(struct held *h)
{
        json_decref(h->event);
        free(h->known);
}

struct writer *writer_free(struct writer *w)
{
        if (!w)
                return NULL;
        for (size_t i = 0; i < w->n_held; i++)
                held_done(&w->held[i]);
        free(w->held);
        json_decref(w->index);
        free(w);
        return NULL;
}

void writer_set_head(struct writer *w, uint64_t head)
{
        w->config.head = head;
}

const struct writer_counts *writer_counts(const struct writer *w)
{
        return &w->counts;
}

bool writer_is_path_allowed(const char *path)
{
        const char *at = path, *end;

        if (!path || !path_is_relative(span_of(path)))
                return false;
        for (; *at; at = *end ? end + 1 : end) {
                size_t n;

                end = strchrnul(at, '/');
                n = (size_t)(end - at);
                /* A hook that git runs, or our own bookkeeping, in any case that a file system may
                 * fold. */
                if ((n == 4 && strncasecmp(at, ".git", 4) == 0) ||
                    (n == 7 && strncasecmp(at, ".genopt", 7) == 0))
                        return false;
        }
        return true;
}

/* A hash member: 0, CONDITION_ABSENT (null or not there), -EINVAL. */
static int get_hash(const json_t *event, const char *key, struct hash *ret)
{
        const json_t *value = json_object_get(event, key);

        if (!value || json_is_null(value))
                return CONDITION_ABSENT;
        return json_is_string(value) ? hash_from_hex(span_of(json_string_value(value)), ret)
                                     : -EINVAL;
}

/* One change of one path, read from an event. */
struct change {
        const char *path, *fingerprint;
        struct hash base, blob;
        bool has_base, is_write;
        const struct held *held; /* NULL: live */
};

static int refuse(struct failure **ret_failure, const char *what, const char *path)
{
        *ret_failure =
                failure_new(FAILURE_INTERNAL, "genoptd sent a file event that is refused: %s (%s)",
                            what, path ? path : "no path");
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static int read_change(const json_t *event, struct change *ret, struct failure **ret_failure)
{
        const char *action = json_get_text(event, "action");
        struct change c = {.path = json_get_text(event, "path"),
                           .fingerprint = json_get_text(event, "fingerprint")};
        int r;

        if (!writer_is_path_allowed(c.path))
                return refuse(ret_failure, "its path is not allowed", c.path);
        if (!action || (strcmp(action, "write") != 0 && strcmp(action, "remove") != 0 &&
                        strcmp(action, "rename") != 0))
                return refuse(ret_failure, "its action is unknown", c.path);
        c.is_write = strcmp(action, "remove") != 0;
        r = get_hash(event, "base", &c.base);
        if (r < 0)
                return refuse(ret_failure, "its base is no hash", c.path);
        c.has_base = r == 0;
        if (c.is_write && get_hash(event, "blob", &c.blob) != 0)
                return refuse(ret_failure, "its blob is no hash", c.path);
        if (c.is_write && (!c.fingerprint || !*c.fingerprint ||
                           strlen(c.fingerprint) > MANIFEST_FINGERPRINT_BYTES))
                return refuse(ret_failure, "its fingerprint is malformed", c.path);
        *ret = c;
        return 0;
}

static void report_conflict(struct writer *w, const char *path, const char *why)
{
        w->counts.n_conflicts++;
        if (w->config.on_conflict)
                w->config.on_conflict(path, why, w->config.arg);
        else
                client_warn(w->config.client, "%s: %s; it was kept", path, why);
}

/* NULL: what stands on disk (NULL: nothing) may be replaced; else why not. */
static const char *find_conflict(struct writer *w, const struct change *c, const struct hash *disk)
{
        const struct manifest_entry *ours =
                manifest_get(outdir_manifest(w->config.outdir), c->path);
        bool is_expected, is_ours;

        if (!disk) {
                /* Gone although content was expected: removing is done already; a deleted file of
                 * ours is the user's decision. */
                if (!c->has_base || !c->is_write || (c->held && c->held->may_be_absent))
                        return NULL;
                return "the file was removed meanwhile";
        }
        is_expected = c->has_base && hash_is_equal(&c->base, disk);
        is_ours = w->config.is_editing || (ours && hash_is_equal(&ours->sha256, disk));
        for (size_t i = 0; c->held && i < c->held->n_known; i++)
                if (hash_is_equal(&c->held->known[i].sha256, disk)) {
                        is_expected = true;
                        is_ours |= c->held->known[i].is_ours;
                }
        if (is_expected && is_ours)
                return NULL;
        return ours || c->has_base ? "the file was edited"
                                   : "a file that genopt did not write stands there";
}

static int fetch(struct writer *w, const struct hash *sha256, struct buf *b,
                 struct failure **ret_failure)
{
        struct hash got;
        int r;

        b->max_bytes = OUTDIR_FILE_BYTES;
        r = w->config.fetch(sha256, b, w->config.arg, ret_failure);
        if (r != 0)
                return r;
        hash_of(b->at ? b->at : "", b->n, &got);
        if (!hash_is_equal(&got, sha256))
                return refuse(ret_failure, "the content does not match its hash", NULL);
        return 0;
}

static int keep_base(struct writer *w, const char *path, struct span content)
{
        _cleanup_free_ char *base = str_printf(BASE_PREFIX "%s", path);

        if (!base)
                return -ENOMEM;
        if (!path_is_relative(span_of(base)))
                return 0; /* too long with its prefix: merging does without */
        return path_write_atomic(outdir_fd(w->config.outdir), base, content, FILE_MODE, false);
}

static int record(struct writer *w, const struct change *c)
{
        const struct manifest_entry *e = manifest_get(outdir_manifest(w->config.outdir), c->path);

        if (e && strcmp(e->fingerprint, c->fingerprint) == 0 && hash_is_equal(&e->sha256, &c->blob))
                return 0;
        w->is_changed = true;
        return manifest_set(outdir_manifest(w->config.outdir), c->path, c->fingerprint, &c->blob);
}

/* What is not written is delivered by the next run, at no cost. */
static int refuse_place(struct failure **ret_failure, const char *path, int r)
{
        struct failure *f =
                failure_new_at(r == -ENOSPC || r == -EDQUOT ? FAILURE_DISK_FULL : FAILURE_INTERNAL,
                               path, "it cannot be written: %s", strerror(-r));

        if (!f)
                return -ENOMEM;
        if (failure_set_remedy(f, "mend that and run the command again: what was made is kept") <
            0) {
                failure_free(f);
                return -ENOMEM;
        }
        *ret_failure = f;
        return CONDITION_REFUSED;
}

static int write_file(struct writer *w, const struct change *c, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf content = {0};
        int r;

        r = fetch(w, &c->blob, &content, ret_failure);
        if (r != 0)
                return r;
        r = outdir_announce(w->config.outdir, c->path, c->fingerprint, &c->blob);
        if (r == 0)
                r = path_write_atomic(outdir_fd(w->config.outdir), c->path, buf_span(&content),
                                      FILE_MODE, true);
        if (r == -ELOOP || r == -ENOTDIR || r == -EXDEV || r == -EISDIR) {
                report_conflict(w, c->path,
                                "a link or something that is no file stands in the way");
                return 0;
        }
        if (r == -EACCES || r == -EPERM || r == -EROFS) {
                report_conflict(w, c->path, "what stands there cannot be changed by you");
                return 0;
        }
        if (r < 0 && r != -ENOMEM)
                return refuse_place(ret_failure, c->path, r);
        if (r == 0)
                r = record(w, c);
        if (r == 0)
                r = keep_base(w, c->path, buf_span(&content));
        if (r == 0)
                w->counts.n_written++;
        return r;
}

static int remove_file(struct writer *w, const struct change *c)
{
        _cleanup_free_ char *base = str_printf(BASE_PREFIX "%s", c->path);
        int r;

        if (!base)
                return -ENOMEM;
        r = outdir_announce(w->config.outdir, c->path, "removed", NULL);
        if (r == 0)
                r = path_remove(outdir_fd(w->config.outdir), c->path);
        if (r < 0)
                return r;
        (void)!path_remove(outdir_fd(w->config.outdir), base); /* a copy too many does no harm */
        manifest_remove(outdir_manifest(w->config.outdir), c->path);
        w->is_changed = true;
        w->counts.n_removed++;
        return 0;
}

static int carry_out(struct writer *w, const struct change *c, struct failure **ret_failure)
{
        const char *why;
        struct hash disk;
        int found;

        found = outdir_hash(w->config.outdir, c->path, &disk);
        if (found == -ENOMEM)
                return found;
        if (found < 0) {
                report_conflict(w, c->path,
                                "a link or something that is no plain file stands there");
                return 0;
        }
        if (c->is_write && found == 0 && hash_is_equal(&disk, &c->blob)) {
                w->counts.n_same++;
                return record(w, c);
        }
        why = find_conflict(w, c, found == 0 ? &disk : NULL);
        if (why) {
                report_conflict(w, c->path, why);
                return 0;
        }
        return c->is_write ? write_file(w, c, ret_failure) : remove_file(w, c);
}

/* `from` of a rename goes away like any removed file; its content is known by the same base. */
static int carry_out_event(struct writer *w, const json_t *event, const struct held *held,
                           struct failure **ret_failure)
{
        const char *from = json_get_text(event, "from");
        struct change c, old;
        int r;

        r = read_change(event, &c, ret_failure);
        if (r != 0)
                return r;
        c.held = held;
        if (!str_is_equal(json_get_text(event, "action"), "rename"))
                return carry_out(w, &c, ret_failure);
        if (!writer_is_path_allowed(from))
                return refuse(ret_failure, "its path is not allowed", from);
        old = (struct change){.path = from, .base = c.base, .has_base = c.has_base};
        c.has_base = false; /* the new name must be free */
        r = carry_out(w, &c, ret_failure);
        return r == 0 && str_is_equal(from, c.path) == false ? carry_out(w, &old, ret_failure) : r;
}

static int get_held(struct writer *w, const char *path, struct held **ret)
{
        json_t *place = json_object_get(w->index, path);

        if (place) {
                *ret = &w->held[json_integer_value(place)];
                return 0;
        }
        if (w->n_held == w->room_held) {
                size_t room = w->room_held ? 2 * w->room_held : 64;
                struct held *more = realloc(w->held, room * sizeof(*more));

                if (!more)
                        return -ENOMEM;
                w->held = more;
                w->room_held = room;
        }
        if (json_object_set_new(w->index, path, json_integer((json_int_t)w->n_held)) < 0)
                return -ENOMEM;
        *ret = &w->held[w->n_held++];
        **ret = (struct held){0};
        return 0;
}

static int add_known(struct held *h, const struct hash *sha256, bool is_ours)
{
        struct known *more = realloc(h->known, (h->n_known + 1) * sizeof(*more));

        if (!more)
                return -ENOMEM;
        h->known = more;
        h->known[h->n_known++] = (struct known){*sha256, is_ours};
        return 0;
}

static int hold(struct writer *w, const json_t *event, struct failure **ret_failure)
{
        struct change c, before;
        struct held *h;
        int r;

        r = read_change(event, &c, ret_failure);
        if (r == 0)
                r = get_held(w, c.path, &h);
        if (r != 0)
                return r;
        if (c.has_base)
                r = add_known(h, &c.base, false);
        if (r == 0 && h->event) {
                r = read_change(h->event, &before, ret_failure);
                if (r == 0 && before.is_write)
                        r = add_known(h, &before.blob, true);
                else if (r == 0)
                        h->may_be_absent = true;
        }
        if (r != 0)
                return r;
        h->may_be_absent |= !c.has_base;
        json_decref(h->event);
        h->event = json_incref((json_t *)event);
        return 0;
}

int writer_catch_up(struct writer *w, struct failure **ret_failure)
{
        int r = 0;

        w->is_caught_up = true;
        for (size_t i = 0; r == 0 && i < w->n_held; i++)
                r = carry_out_event(w, w->held[i].event, &w->held[i], ret_failure);
        for (size_t i = 0; i < w->n_held; i++)
                held_done(&w->held[i]);
        w->n_held = 0;
        json_object_clear(w->index);
        return r;
}

int writer_apply(struct writer *w, const json_t *event, struct failure **ret_failure)
{
        uint64_t seq = 0;
        int r = 0;

        if (!w->is_caught_up && json_get_u64(event, "seq", &seq) && seq <= w->config.head)
                return hold(w, event, ret_failure);
        if (!w->is_caught_up)
                r = writer_catch_up(w, ret_failure);
        return r == 0 ? carry_out_event(w, event, NULL, ret_failure) : r;
}

int writer_finish(struct writer *w)
{
        return w->is_changed ? outdir_settle(w->config.outdir) : 0;
}
