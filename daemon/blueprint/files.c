#include "daemon/blueprint/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/path.h"
#include "common/walk.h"
#include "daemon/blueprint/internal.h"

#define MAX_DEPTH 4
#define MAX_FILES (BLUEPRINT_MAX_FILES + 1) /* one more than allowed, so that it is told */

struct visit {
        int (*on_file)(const struct walk_file *f, void *arg);
        void *arg;
        size_t n;
};

static bool is_wanted(const char *name)
{
        return name[0] != '.' && !str_has_suffix(name, "~");
}

static int on_file(const struct walk_file *f, void *arg)
{
        struct visit *v = arg;

        return v->n++ >= MAX_FILES ? -E2BIG : v->on_file(f, v->arg);
}

static int visit(const char *folder, int (*fn)(const struct walk_file *f, void *arg), void *arg)
{
        _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct visit v = {.on_file = fn, .arg = arg};
        const struct walk w = {
                .max_depth = MAX_DEPTH, .is_wanted = is_wanted, .on_file = on_file, .arg = &v};

        return fd < 0 ? -errno : walk_files(fd, &w);
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

static int read_file(const struct walk_file *file, void *arg)
{
        _cleanup_buf_ struct buf b = {0};
        struct folder *f = arg;
        int r;

        if (f->n == f->room) {
                struct blueprint_file *grown =
                        reallocarray(f->files, f->room * 2 + 16, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                f->files = grown;
                f->room = f->room * 2 + 16;
        }
        r = path_read(file->dir_fd, file->name, BLUEPRINT_MAX_FILE_BYTES, &b);
        if (r < 0)
                return r;
        f->files[f->n] = (struct blueprint_file){.path = str_dup_span(span_of(file->path)),
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
        int r = visit(path, read_file, &f);

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
static int stamp_file(const struct walk_file *f, void *arg)
{
        const struct stat *st = f->st;
        _cleanup_free_ char *line =
                str_printf("%s %" PRIu64 " %" PRIu64 " %" PRId64 ".%ld %" PRId64 ".%ld", f->path,
                           (uint64_t)st->st_ino, (uint64_t)st->st_size, (int64_t)st->st_mtim.tv_sec,
                           st->st_mtim.tv_nsec, (int64_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);

        return line ? strlist_add(arg, line) : -ENOMEM;
}

int blueprint_files_stamp(const char *path, struct hash *ret, struct failure **ret_failure)
{
        _cleanup_(strlist_done) struct strlist lines = {0};
        _cleanup_(hasher_freep) struct hasher *h = NULL;
        int r = visit(path, stamp_file, &lines);

        r = r ? r : hasher_new(&h);
        if (r < 0)
                return blueprint_files_refuse(path, r, ret_failure);
        for (size_t i = 0; i < lines.n; i++)
                hasher_add(h, lines.at[i], strlen(lines.at[i]) + 1);
        hasher_get(h, ret);
        return 0;
}
