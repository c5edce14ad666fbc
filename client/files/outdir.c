#include "client/files/outdir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "client/files/base.h"
#include "client/files/crash-point.h"
#include "client/files/merge.h"
#include "common/path.h"
#include "common/walk.h"

static const struct {
        const char *manifest, *pending;
} names[] = {[OUTDIR_GENERATED] = {".genopt/manifest.json", ".genopt/pending"},
             [OUTDIR_REPAIRED] = {".genopt/repairs.json", ".genopt/repairs.pending"}};

#define LOCK_PATH ".genopt/lock"
#define JOB_PATH ".genopt/job"
#define REPAIRS_JOB_PATH ".genopt/repairs.job"
#define IGNORE_PATH ".genopt/.gitignore"

struct outdir {
        int fd;         /* the directory */
        int lock_fd;    /* -1: opened for reading */
        int pending_fd; /* -1: not yet needed */
        enum outdir_use use;
        struct manifest *manifest; /* owned */
        bool is_salvaged;          /* the manifest had conflicts */
        struct saved saved;
        struct strlist unresolved; /* paths */
};

struct outdir *outdir_free(struct outdir *o)
{
        if (!o)
                return NULL;
        cleanup_close(&o->pending_fd);
        cleanup_close(&o->lock_fd);
        cleanup_close(&o->fd);
        manifest_free(o->manifest);
        strlist_done(&o->unresolved);
        free(o);
        return NULL;
}

int outdir_fd(const struct outdir *o)
{
        return o->fd;
}

struct manifest *outdir_manifest(const struct outdir *o)
{
        return o->manifest;
}

const struct strlist *outdir_unresolved(const struct outdir *o)
{
        return &o->unresolved;
}

struct saved *outdir_saved(struct outdir *o)
{
        return &o->saved;
}

int outdir_read(const struct outdir *o, const char *path, struct buf *b, struct hash *ret)
{
        size_t start = b->n;
        int r = path_read(o->fd, path, OUTDIR_FILE_BYTES, b);

        if (r == -ENOENT || r == -ENOTDIR)
                return CONDITION_ABSENT;
        if (r < 0)
                return r;
        hash_of(b->at ? b->at + start : "", b->n - start, ret);
        return 0;
}

int outdir_hash(const struct outdir *o, const char *path, struct hash *ret)
{
        _cleanup_buf_ struct buf content = {0};

        return outdir_read(o, path, &content, ret);
}

static int disk_hash(const char *path, struct hash *ret, void *arg)
{
        return outdir_hash(arg, path, ret);
}

static int refuse(struct failure **ret_failure, enum failure_id id, const char *where,
                  const char *text)
{
        *ret_failure = failure_new_at(id, where, "%s", text);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

/* The lock's text is "PID JOB"; both are only a courtesy. */
static int refuse_locked(const struct outdir *o, const char *path, struct failure **ret_failure)
{
        char text[128], *job;
        ssize_t n = pread(o->lock_fd, text, sizeof(text) - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
        job = strchrnul(text, ' ');
        if (*job)
                *job++ = '\0';
        *ret_failure = failure_new_at(FAILURE_LOCKED, path,
                                      "another genopt (process %s%s%s) writes into this directory",
                                      *text ? text : "unknown", *job ? ", job " : "", job);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static int write_lock_text(const struct outdir *o, const char *job)
{
        char text[128];
        int n = snprintf(text, sizeof(text), "%d%s%s\n", (int)getpid(), job ? " " : "",
                         job ? job : "");

        if (ftruncate(o->lock_fd, 0) < 0 || pwrite(o->lock_fd, text, (size_t)n, 0) != n)
                return errno == ENOSPC ? -ENOSPC : 0;
        return 0;
}

/* The kernel gives the lock up with the process, however that ends: none is ever stale. */
static int take_lock(const struct client *c, struct outdir *o, const char *path,
                     struct failure **ret_failure)
{
        int r;

        if (mkdirat(o->fd, ".genopt", 0777) < 0 && errno != EEXIST)
                return refuse(ret_failure, FAILURE_BAD_SPEC, path, strerror(errno));
        o->lock_fd = path_open_beneath(o->fd, LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (o->lock_fd < 0)
                return refuse(ret_failure, FAILURE_BAD_SPEC, path, strerror(-o->lock_fd));
        if (flock(o->lock_fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno == EWOULDBLOCK)
                        return refuse_locked(o, path, ret_failure);
                client_warn(c,
                            "%s: its file system has no locks (%s): nothing keeps a second genopt "
                            "from writing here meanwhile",
                            path, strerror(errno));
        }
        r = write_lock_text(o, NULL);
        if (r < 0 || faccessat(o->fd, IGNORE_PATH, F_OK, 0) == 0)
                return r;
        return path_write_atomic(o->fd, IGNORE_PATH, SPAN("/*\n!/manifest.json\n"), 0666, false);
}

/* Two branches changed it: one entry a line, so that what both know can be read all the same. */
static int salvage_manifest(const struct client *c, struct outdir *o, const char *path,
                            struct span text)
{
        int r = manifest_salvage(o->manifest, text, disk_hash, o);

        if (r < 0)
                return r;
        client_say(c, "%s/%s had conflicts of a merge; %s", path, names[o->use].manifest,
                   o->lock_fd >= 0 ? "they are settled by what stands there"
                                   : "both sides are read");
        o->is_salvaged = true;
        return 0;
}

/* A damaged manifest is set aside: then what stands on disk counts as the user's, which costs
 * conflicts but no work of theirs. */
static int read_manifest(const struct client *c, struct outdir *o, const char *path)
{
        _cleanup_buf_ struct buf text = {0};
        struct diag diag = {0};
        char damaged[64];
        int r;

        r = path_read(o->fd, names[o->use].manifest, MANIFEST_BYTES, &text);
        if (r == -ENOENT)
                return 0;
        if (r == 0 && manifest_has_conflicts(buf_span(&text)))
                return salvage_manifest(c, o, path, buf_span(&text));
        if (r < 0 && r != -EFBIG && r != -ELOOP)
                return r;
        if (r == 0)
                r = manifest_read(o->manifest, buf_span(&text), &diag);
        else {
                snprintf(diag.text, sizeof(diag.text), "%s", strerror(-r));
                r = CONDITION_REFUSED;
        }
        if (r != CONDITION_REFUSED)
                return r;
        client_warn(c, "%s/%s:%u: %s; it is set aside as %s.damaged", path, names[o->use].manifest,
                    diag.line, diag.text, strrchr(names[o->use].manifest, '/') + 1);
        snprintf(damaged, sizeof(damaged), "%s.damaged", names[o->use].manifest);
        manifest_free(take(o->manifest));
        r = manifest_new(&o->manifest);
        if (r == 0 && o->lock_fd >= 0 &&
            renameat(o->fd, names[o->use].manifest, o->fd, damaged) < 0)
                r = -errno;
        return r;
}

static int fold_pending(struct outdir *o)
{
        _cleanup_buf_ struct buf text = {0};
        int r;

        r = path_read(o->fd, names[o->use].pending, MANIFEST_BYTES, &text);
        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = pending_fold(o->manifest, buf_span(&text), disk_hash, o);
        if (r == 0 && o->lock_fd >= 0)
                r = outdir_settle(o);
        return r;
}

struct recovery {
        const struct client *client;
        struct outdir *o;
        const char *path; /* of the directory */
};

/* What a crash left in our hands: a content that we made, or a file of the user's. */
static int take_left(const char *name, struct span content, void *arg)
{
        struct recovery *recovery = arg;
        struct outdir *o = recovery->o;
        _cleanup_free_ char *where = NULL;
        struct hash h;
        int r;

        hash_of(content.at, content.n, &h);
        if (base_has(o->fd, &h))
                return 0;
        r = saved_put(&o->saved, o->fd, name, content, 0666, &where);
        if (r == 0)
                client_warn(recovery->client,
                            "a run that was killed was about to look at an edit of yours; it is "
                            "saved as %s/%s",
                            recovery->path, where);
        return r;
}

static int recover(const struct client *c, struct outdir *o, const char *path)
{
        struct recovery recovery = {c, o, path};

        return place_recover(o->fd, take_left, &recovery);
}

static int make_dir(const char *path)
{
        _cleanup_free_ char *cwd = NULL, *absolute = NULL;

        if (*path == '/')
                return path_make_dirs(path, 0777);
        cwd = getcwd(NULL, 0);
        absolute = cwd ? path_join(cwd, path) : NULL;
        return absolute ? path_make_dirs(absolute, 0777) : -ENOMEM;
}

int outdir_open(const struct client *c, const char *path, enum outdir_use use, bool is_writing,
                struct outdir **ret, struct failure **ret_failure)
{
        _cleanup_(outdir_freep) struct outdir *o = calloc(1, sizeof(*o));
        int r;

        if (!o)
                return -ENOMEM;
        o->fd = o->lock_fd = o->pending_fd = -1;
        o->use = use;
        r = manifest_new(&o->manifest);
        if (r < 0)
                return r;
        r = is_writing ? make_dir(path) : 0;
        if (r < 0)
                return refuse(ret_failure, FAILURE_BAD_SPEC, path, strerror(-r));
        o->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (o->fd < 0 && errno == ENOENT &&
            !is_writing) { /* a dry run into a directory that is yet to be made */
                *ret = take(o);
                return 0;
        }
        if (o->fd < 0)
                return refuse(ret_failure, FAILURE_BAD_SPEC, path, strerror(errno));
        if (is_writing) {
                r = take_lock(c, o, path, ret_failure);
                if (r != 0)
                        return r;
        }
        r = read_manifest(c, o, path);
        if (r == 0)
                r = fold_pending(o);
        if (r == 0 && is_writing)
                r = recover(c, o, path);
        if (r == 0 && is_writing && o->is_salvaged)
                r = outdir_settle(o);
        if (r < 0)
                return r;
        *ret = take(o);
        return 0;
}

static json_t *json_of_hash(const struct hash *h)
{
        char hex[HASH_HEX_BYTES];

        hash_to_hex(h, hex);
        return json_string(hex);
}

/* What stands on disk for an entry, as job/submit says it. */
static int look_at_entry(struct outdir *o, const struct manifest_entry *e, bool is_edited_gone,
                         json_t **ret_disk)
{
        _cleanup_buf_ struct buf content = {0};
        struct hash h = {
                0}; /* something that is no plain file: not what we wrote, and not nothing */
        int r = 0, found = outdir_read(o, e->path, &content, &h);
        bool is_edited = found == 0 && !hash_is_equal(&h, &e->sha256);

        if (found == -ENOMEM)
                return found;
        if (is_edited && merge_has_markers(buf_span(&content)))
                r = strlist_add(&o->unresolved, e->path);
        /* Without the copy a later merge only has more conflicts: a full disk does not stop us. */
        if (found == 0 && !is_edited && o->lock_fd >= 0 && !base_has(o->fd, &h))
                r = base_put(o->fd, &h, buf_span(&content)) == -ENOMEM ? -ENOMEM : 0;
        *ret_disk = found == CONDITION_ABSENT || (is_edited && is_edited_gone) ? json_null()
                                                                               : json_of_hash(&h);
        return r;
}

int outdir_list_manifest(struct outdir *o, bool is_edited_gone, json_t **ret)
{
        _cleanup_json_ json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < manifest_n(o->manifest); i++) {
                const struct manifest_entry *e = manifest_at(o->manifest, i);
                json_t *entry = json_object(), *disk = NULL;

                r = look_at_entry(o, e, is_edited_gone, &disk);
                r = r < 0 ? r : json_add(list, entry);
                r = r < 0 ? r : json_put(entry, "path", json_string(e->path));
                r = r < 0 ? r : json_put(entry, "fingerprint", json_string(e->fingerprint));
                r = r < 0 ? r : json_put(entry, "sha256", json_of_hash(&e->sha256));
                r = r < 0 ? r : json_put(entry, "disk", disk);
        }
        if (r == 0)
                *ret = take(list);
        return r;
}

struct others {
        const struct outdir *o;
        json_t *list;
        uint64_t n_bytes;
};

bool outdir_is_looked_at(const char *name)
{
        static const char *const skipped[] = {".git", ".genopt", "node_modules"};

        for (size_t i = 0; i < N_ELEMENTS(skipped); i++)
                if (strcmp(name, skipped[i]) == 0)
                        return false;
        return true;
}

/* Ends the walk when the list is full. */
static int add_other(const struct walk_file *f, void *arg)
{
        struct others *w = arg;
        uint64_t n_bytes = (uint64_t)f->st->st_size;
        json_t *entry;
        struct hash h;
        int r;

        if (json_array_size(w->list) >= OUTDIR_OTHERS_MAX)
                return CONDITION_ABSENT;
        if (manifest_get(w->o->manifest, f->path) || n_bytes > OUTDIR_FILE_BYTES ||
            !path_is_relative(span_of(f->path)) || w->n_bytes + n_bytes > OUTDIR_OTHERS_BYTES)
                return 0;
        r = outdir_hash(w->o, f->path, &h);
        if (r != 0)
                return r == -ENOMEM ? r : 0; /* gone, unreadable or changing: not offered */
        w->n_bytes += n_bytes;
        entry = json_object();
        r = json_add(w->list, entry);
        r = r < 0 ? r : json_put(entry, "path", json_string(f->path));
        r = r < 0 ? r : json_put(entry, "size", json_integer((json_int_t)n_bytes));
        return r < 0 ? r : json_put(entry, "sha256", json_of_hash(&h));
}

int outdir_list_others(const struct outdir *o, json_t **ret)
{
        _cleanup_json_ json_t *list = json_array();
        struct others others = {.o = o, .list = list};
        const struct walk w = {.max_depth = OUTDIR_MAX_DEPTH,
                               .is_lenient = true,
                               .is_wanted = outdir_is_looked_at,
                               .on_file = add_other,
                               .arg = &others};
        int r = list ? 0 : -ENOMEM;

        if (r == 0 && o->fd >= 0)
                r = walk_files(o->fd, &w);
        if (r < 0)
                return r;
        *ret = take(list);
        return 0;
}

static int open_pending(struct outdir *o)
{
        _cleanup_close_ int dir = -1;

        o->pending_fd = path_open_beneath(o->fd, names[o->use].pending,
                                          O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (o->pending_fd < 0)
                return o->pending_fd;
        dir = path_open_beneath(o->fd, ".genopt", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        return dir < 0 ? dir : fsync(dir) < 0 ? -errno : 0; /* its name, too */
}

/* Half a line would spoil the one that follows. */
static int write_line(int fd, struct span line)
{
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return -errno;
        n = write(fd, line.at, line.n);
        if (n >= 0 && (size_t)n == line.n)
                return fdatasync(fd) < 0 ? -errno : 0;
        if (n >= 0) {
                (void)!ftruncate(fd, st.st_size);
                return -ENOSPC;
        }
        return -errno;
}

int outdir_announce(struct outdir *o, const struct pending_line *line)
{
        _cleanup_buf_ struct buf text = {0};
        int r;

        r = o->pending_fd < 0 ? open_pending(o) : 0;
        if (r == 0)
                r = pending_write(&text, line);
        crash_point();
        if (r == 0)
                r = write_line(o->pending_fd, buf_span(&text));
        crash_point();
        return r;
}

int outdir_settle(struct outdir *o)
{
        _cleanup_buf_ struct buf text = {0};
        int r;

        r = manifest_write(o->manifest, &text);
        crash_point();
        if (r == 0)
                r = path_write_atomic(o->fd, names[o->use].manifest, buf_span(&text), 0666, true);
        if (r < 0)
                return r;
        crash_point();
        cleanup_close(&o->pending_fd);
        o->pending_fd = -1;
        if (unlinkat(o->fd, names[o->use].pending, 0) < 0 && errno != ENOENT)
                return -errno;
        /* What was generated here has its copies in the same place: it is for it to sweep. */
        if (o->use == OUTDIR_REPAIRED &&
            faccessat(o->fd, names[OUTDIR_GENERATED].manifest, F_OK, 0) == 0)
                return 0;
        return base_sweep(o->fd, o->manifest);
}

int outdir_set_job(struct outdir *o, const char *job)
{
        _cleanup_free_ char *text = str_printf("{\"job\": \"%s\"}\n", job);
        int r = text ? 0 : -ENOMEM;

        if (o->lock_fd >= 0 && write_lock_text(o, job) < 0)
                return -ENOSPC;
        if (o->use == OUTDIR_REPAIRED)
                r = r ? r : path_write_atomic(o->fd, REPAIRS_JOB_PATH, span_of(text), 0666, false);
        return r ? r : path_write_atomic(o->fd, JOB_PATH, span_of(text), 0666, false);
}

static int read_job(const char *path, const char *name, char ret[OUTDIR_JOB_BYTES])
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_json_ json_t *entry = NULL;
        _cleanup_buf_ struct buf text = {0};
        struct diag diag;
        const char *job;

        if (fd < 0 || path_read(fd, name, 4096, &text) < 0 ||
            json_read(buf_span(&text), &entry, &diag) != 0)
                return CONDITION_ABSENT;
        job = json_get_text(entry, "job");
        if (!job || !*job || strlen(job) >= OUTDIR_JOB_BYTES)
                return CONDITION_ABSENT;
        memcpy(ret, job, strlen(job) + 1);
        return 0;
}

int outdir_read_job(const char *path, char ret[OUTDIR_JOB_BYTES])
{
        return read_job(path, JOB_PATH, ret);
}

int outdir_read_repairing_job(const char *path, char ret[OUTDIR_JOB_BYTES])
{
        int r = read_job(path, REPAIRS_JOB_PATH, ret);

        return r == CONDITION_ABSENT ? read_job(path, JOB_PATH, ret) : r;
}
