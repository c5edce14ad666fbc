#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/path.h"
#include "daemon/blueprint/internal.h"

/* The files of a folder: their texts, or only what the file system tells of them. */

#define MAX_DEPTH 4
#define MAX_FILES (BLUEPRINT_MAX_FILES + 1) /* one more than allowed, so that it is told */

typedef int visit_fn(int dir, const char *name, const char *path, const struct stat *st, void *arg);

struct walk {
        visit_fn *visit;
        void *arg;
        size_t n;
};

static int walk(struct walk *w, int parent, const char *name, const char *prefix, unsigned depth);

static int walk_entry(struct walk *w, int dir, const char *name, const char *prefix, unsigned depth)
{
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (name[0] == '.' || str_has_suffix(name, "~"))
                return 0;
        path = str_printf("%s%s%s", prefix, *prefix ? "/" : "", name);
        if (!path)
                return -ENOMEM;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH)
                return walk(w, dir, name, path, depth + 1);
        if (!S_ISREG(st.st_mode))
                return 0;
        return w->n++ >= MAX_FILES ? -E2BIG : w->visit(dir, name, path, &st, w->arg);
}

static int walk(struct walk *w, int parent, const char *name, const char *prefix, unsigned depth)
{
        int dir = openat(parent, name,
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0)),
            r = 0;
        struct dirent *entry;
        DIR *d;

        if (dir < 0)
                return -errno;
        d = fdopendir(dir);
        if (!d) {
                close(dir);
                return -ENOMEM;
        }
        while (r == 0 && (entry = readdir(d)))
                r = walk_entry(w, dir, entry->d_name, prefix, depth);
        closedir(d);
        return r;
}

int blueprint_files_refuse(const char *path, int error, struct failure **ret_failure)
{
        if (error == -ENOMEM)
                return error;
        *ret_failure = failure_new_at(FAILURE_BAD_BLUEPRINT, path, "it cannot be read: %s",
                                      strerror(-error));
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

/* ---- texts ---- */

struct folder {
        struct blueprint_file *files; /* owned */
        size_t n, room;
};

static int read_file(int dir, const char *name, const char *path, const struct stat *st, void *arg)
{
        _cleanup_buf_ struct buf b = {0};
        struct folder *f = arg;
        int r;

        (void)st;
        if (f->n == f->room) {
                struct blueprint_file *grown =
                        reallocarray(f->files, f->room * 2 + 16, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                f->files = grown;
                f->room = f->room * 2 + 16;
        }
        r = path_read(dir, name, BLUEPRINT_MAX_FILE_BYTES, &b);
        if (r < 0)
                return r;
        f->files[f->n] = (struct blueprint_file){.path = str_dup_span(span_of(path)),
                                                 .text = str_dup_span(buf_span(&b)),
                                                 .n_text = b.n};
        f->n++;
        return f->files[f->n - 1].path && f->files[f->n - 1].text ? 0 : -ENOMEM;
}

void blueprint_files_free(struct blueprint_file *files, size_t n)
{
        for (size_t i = 0; files && i < n; i++) {
                free(files[i].path);
                free(files[i].text);
        }
        free(files);
}

int blueprint_files_read(const char *path, struct blueprint_file **ret, size_t *ret_n,
                         struct failure **ret_failure)
{
        struct folder f = {0};
        struct walk w = {.visit = read_file, .arg = &f};
        int r = walk(&w, AT_FDCWD, path, "", 0);

        if (r == 0) {
                *ret = f.files;
                *ret_n = f.n;
                return 0;
        }
        blueprint_files_free(f.files, f.n);
        return blueprint_files_refuse(path, r, ret_failure);
}

/* ---- the stamp ---- */

/* A file that was changed, exchanged or touched has another time of change, which no program can
 * set; so a stamp does not come back. */
static int stamp_file(int dir, const char *name, const char *path, const struct stat *st, void *arg)
{
        _cleanup_free_ char *line =
                str_printf("%s %" PRIu64 " %" PRIu64 " %" PRId64 ".%ld %" PRId64 ".%ld", path,
                           (uint64_t)st->st_ino, (uint64_t)st->st_size, (int64_t)st->st_mtim.tv_sec,
                           st->st_mtim.tv_nsec, (int64_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);

        (void)dir;
        (void)name;
        return line ? strlist_add(arg, line) : -ENOMEM;
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int blueprint_files_stamp(const char *path, struct hash *ret, struct failure **ret_failure)
{
        _cleanup_(strlist_done) struct strlist lines = {0};
        _cleanup_(hasher_freep) struct hasher *h = NULL;
        struct walk w = {.visit = stamp_file, .arg = &lines};
        int r = walk(&w, AT_FDCWD, path, "", 0);

        r = r ? r : hasher_new(&h);
        if (r < 0)
                return blueprint_files_refuse(path, r, ret_failure);
        if (lines.n > 0) /* folders have no order */
                qsort(lines.at, lines.n, sizeof(char *), by_text);
        for (size_t i = 0; i < lines.n; i++)
                hasher_add(h, lines.at[i], strlen(lines.at[i]) + 1);
        hasher_get(h, ret);
        return 0;
}
