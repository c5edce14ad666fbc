#include "client/files/place.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "client/files/crash-point.h"
#include "common/clock.h"
#include "common/path.h"
#include "common/str.h"

#define FILE_MODE 0666
#define NAME_BYTES 256
#define SHOWN_BYTES 200 /* of the file's own name in ours, for whoever finds it later */

/* The directory of the target, the target's name in it, and our own directory. */
struct place {
        int parent_fd, tmp_fd;
        const char *name; /* borrowed: the path */
};

int place_open_tmp(int dir_fd, int *ret_fd)
{
        int fd;

        if (mkdirat(dir_fd, PLACE_TMP, 0777) < 0 && errno != EEXIST)
                return -errno;
        fd = path_open_beneath(dir_fd, PLACE_TMP, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd < 0)
                return fd;
        *ret_fd = fd;
        return 0;
}

static void place_done(struct place *p)
{
        cleanup_close(&p->parent_fd);
        cleanup_close(&p->tmp_fd);
}

static int place_init(struct place *p, int dir_fd, const char *path, bool is_made)
{
        int r;

        p->parent_fd = p->tmp_fd = -1;
        r = place_open_tmp(dir_fd, &p->tmp_fd);
        if (r == 0)
                r = path_open_parent(dir_fd, path, is_made, &p->parent_fd, &p->name);
        return r;
}

/* Whether a file has this content: 0, PLACE_CHANGED, -ENOMEM. */
static int compare(int dir_fd, const char *name, const struct hash *wanted)
{
        _cleanup_buf_ struct buf b = {0};
        struct hash h;
        int r = path_read(dir_fd, name, PLACE_FILE_BYTES, &b);

        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return PLACE_CHANGED; /* a link, a directory, gone, larger than ours ever are */
        hash_of(b.at ? b.at : "", b.n, &h);
        return hash_is_equal(&h, wanted) ? 0 : PLACE_CHANGED;
}

/* The bits that a user may have set, and the owner where root writes into another's tree. */
static int take_over_mode(int fd, const struct place *p)
{
        struct stat st;

        if (fstatat(p->parent_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return 0;
        if (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
                return -errno;
        return fchmod(fd, st.st_mode & 0777) < 0 ? -errno : 0;
}

static void make_name(const struct place *p, char ret[NAME_BYTES])
{
        uint64_t chance;

        clock_random(&chance, sizeof(chance));
        snprintf(ret, NAME_BYTES, "%016llx-%s", (unsigned long long)chance,
                 strlen(p->name) <= SHOWN_BYTES ? p->name : "file");
}

/* The content as a whole file in tmp. */
static int make_file(const struct place *p, struct span content, bool is_replacing,
                     char ret_name[NAME_BYTES])
{
        char part[NAME_BYTES + 8];
        _cleanup_close_ int fd = -1;
        int r;

        make_name(p, ret_name);
        snprintf(part, sizeof(part), "part-%s", ret_name);
        fd = openat(p->tmp_fd, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    FILE_MODE);
        if (fd < 0)
                return -errno;
        r = path_write_whole(fd, content);
        if (r == 0 && is_replacing)
                r = take_over_mode(fd, p);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == 0 && renameat(p->tmp_fd, part, p->tmp_fd, ret_name) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(p->tmp_fd, part, 0);
        crash_point();
        return r;
}

static int rename_by(const struct place *p, const char *tmp_name, unsigned how)
{
        return renameat2(p->tmp_fd, tmp_name, p->parent_fd, p->name, how) < 0 ? -errno : 0;
}

/* What came out is not what was seen. If what comes back is not ours either, it stays in tmp, from
 * where place_recover() hands it to its owner. */
static int exchange_back(const struct place *p, const char *tmp_name, const struct hash *ours)
{
        int r = rename_by(p, tmp_name, RENAME_EXCHANGE);

        if (r == -ENOENT) /* removed in this moment */
                r = rename_by(p, tmp_name, RENAME_NOREPLACE);
        if (r == 0 && compare(p->tmp_fd, tmp_name, ours) == 0)
                unlinkat(p->tmp_fd, tmp_name, 0);
        return r < 0 ? r : PLACE_CHANGED;
}

static int exchange(const struct place *p, const char *tmp_name, const struct hash *seen,
                    const struct hash *ours)
{
        int r = rename_by(p, tmp_name, RENAME_EXCHANGE);

        if (r < 0) {
                if (r != -EXDEV && r != -EINVAL)
                        unlinkat(p->tmp_fd, tmp_name, 0);
                return r == -ENOENT ? PLACE_CHANGED : r;
        }
        crash_point();
        r = compare(p->tmp_fd, tmp_name, seen);
        if (r != 0)
                return exchange_back(p, tmp_name, ours);
        return unlinkat(p->tmp_fd, tmp_name, 0) < 0 ? -errno : 0;
}

/* For file systems that know no exchange: a look, then at once the change. */
static int replace_plainly(const struct place *p, const char *tmp_name, const struct hash *seen,
                           struct span content)
{
        struct stat st;
        int r;

        if (seen)
                r = compare(p->parent_fd, p->name, seen);
        else
                r = fstatat(p->parent_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? PLACE_CHANGED
                                                                                  : 0;
        if (r == 0 && renameat(p->tmp_fd, tmp_name, p->parent_fd, p->name) < 0)
                r = -errno;
        if (r == -EXDEV) {
                mode_t mode = FILE_MODE;

                if (seen && fstatat(p->parent_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        mode = st.st_mode & 0777;
                r = path_write_atomic(p->parent_fd, p->name, content, mode, true);
        }
        if (r != 0 || faccessat(p->tmp_fd, tmp_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                unlinkat(p->tmp_fd, tmp_name, 0);
        return r;
}

int place_write(int dir_fd, const char *path, struct span content, const struct hash *seen)
{
        _cleanup_(place_done) struct place p;
        char tmp_name[NAME_BYTES];
        struct hash ours;
        int r;

        hash_of(content.at ? content.at : "", content.n, &ours);
        r = place_init(&p, dir_fd, path, true);
        if (r == 0)
                r = make_file(&p, content, seen != NULL, tmp_name);
        if (r < 0) {
                path_remove_empty_parents(dir_fd, path);
                return r;
        }
        if (seen) {
                r = exchange(&p, tmp_name, seen, &ours);
        } else {
                r = rename_by(&p, tmp_name, RENAME_NOREPLACE);
                if (r < 0 && r != -EXDEV && r != -EINVAL)
                        unlinkat(p.tmp_fd, tmp_name, 0);
                r = r == -EEXIST ? PLACE_CHANGED : r;
        }
        if (r == -EXDEV || r == -EINVAL)
                r = replace_plainly(&p, tmp_name, seen, content);
        if (r != 0) {
                path_remove_empty_parents(dir_fd, path);
                return r;
        }
        crash_point();
        return fsync(p.parent_fd) < 0 ? -errno : 0;
}

/* Back to where it was; if something stands there again, it stays in tmp. */
static int put_back(const struct place *p, const char *tmp_name)
{
        int r = rename_by(p, tmp_name, RENAME_NOREPLACE);

        if (r == -EINVAL)
                r = linkat(p->tmp_fd, tmp_name, p->parent_fd, p->name, 0) < 0 ? -errno : 0;
        if (r == 0)
                unlinkat(p->tmp_fd, tmp_name, 0);
        return r < 0 && r != -EEXIST ? r : PLACE_CHANGED;
}

static int remove_plainly(const struct place *p, const struct hash *seen)
{
        int r = compare(p->parent_fd, p->name, seen);

        if (r == 0 && unlinkat(p->parent_fd, p->name, 0) < 0)
                r = -errno;
        return r;
}

int place_remove(int dir_fd, const char *path, const struct hash *seen)
{
        _cleanup_(place_done) struct place p;
        char tmp_name[NAME_BYTES];
        int r;

        r = place_init(&p, dir_fd, path, false);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        make_name(&p, tmp_name);
        if (renameat(p.parent_fd, p.name, p.tmp_fd, tmp_name) == 0) {
                crash_point();
                r = compare(p.tmp_fd, tmp_name, seen);
                if (r != 0)
                        return r == PLACE_CHANGED ? put_back(&p, tmp_name) : r;
                r = unlinkat(p.tmp_fd, tmp_name, 0) < 0 ? -errno : 0;
        } else if (errno == EXDEV) {
                r = remove_plainly(&p, seen);
        } else {
                r = errno == ENOENT ? 0 : -errno;
        }
        crash_point();
        if (r == 0 && fsync(p.parent_fd) < 0)
                r = -errno;
        if (r == 0)
                path_remove_empty_parents(dir_fd, path);
        return r;
}

/* Copies made for a merge: one level of plain files. */
static int empty_dir(int tmp_fd, const char *name)
{
        int fd = openat(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct dirent *e;
        DIR *d;

        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                close(fd);
                return -ENOMEM;
        }
        while ((e = readdir(d)))
                (void)unlinkat(fd, e->d_name, 0);
        closedir(d);
        (void)unlinkat(tmp_fd, name, AT_REMOVEDIR);
        return 0;
}

static int recover_one(int tmp_fd, const char *name, place_left_fn *left, void *arg)
{
        _cleanup_buf_ struct buf content = {0};
        struct stat st;
        int r;

        if (fstatat(tmp_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (S_ISDIR(st.st_mode) && str_has_prefix(name, "merge-"))
                return empty_dir(tmp_fd, name);
        if (!S_ISREG(st.st_mode) || !path_is_relative(span_of(name)))
                return 0; /* something of the user's that is no file: it is left */
        if (!str_has_prefix(name, "part-")) {
                r = path_read(tmp_fd, name, PLACE_FILE_BYTES, &content);
                if (r == 0)
                        r = left(name, buf_span(&content), arg);
                if (r != 0)
                        return r == -ENOMEM ? r : 0;
        }
        return unlinkat(tmp_fd, name, 0) < 0 ? -errno : 0;
}

int place_recover(int dir_fd, place_left_fn *left, void *arg)
{
        int fd = path_open_beneath(dir_fd, PLACE_TMP, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        struct dirent *e;
        DIR *d;
        int r = 0;

        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        d = fdopendir(fd);
        if (!d) {
                close(fd);
                return -ENOMEM;
        }
        while (r == 0 && (e = readdir(d)))
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        r = recover_one(fd, e->d_name, left, arg);
        closedir(d);
        return r;
}
