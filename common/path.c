#include "common/path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/clock.h"
#include "common/str.h"

#define COMPONENT_BYTES 255 /* NAME_MAX of every file system in use */
#define READ_BYTES 65536

static int openat2_is_missing; /* found out at the first refusal */

bool path_is_relative(struct span path)
{
        size_t from = 0;

        if (path.n == 0 || path.n > PATH_REL_BYTES || !str_is_utf8(path))
                return false;
        for (size_t i = 0; i < path.n; i++) {
                unsigned char c = (unsigned char)path.at[i];

                if (c < 0x20 || c == 0x7f || c == '\\')
                        return false;
        }
        while (from <= path.n) {
                const char *at = path.at + from;
                const char *slash = memchr(at, '/', path.n - from);
                size_t n = slash ? (size_t)(slash - at) : path.n - from;

                if (n == 0 || n > COMPONENT_BYTES || (n == 1 && at[0] == '.') ||
                    (n == 2 && at[0] == '.' && at[1] == '.'))
                        return false;
                from += n + 1;
        }
        return true;
}

bool path_is_reserved(const char *path)
{
        const char *end;

        for (const char *at = path; *at; at = *end ? end + 1 : end) {
                size_t n;

                end = strchrnul(at, '/');
                n = (size_t)(end - at);
                if ((n == 4 && strncasecmp(at, ".git", 4) == 0) ||
                    (n == 7 && strncasecmp(at, ".genopt", 7) == 0))
                        return true;
        }
        return false;
}

static int is_link(int dir_fd, const char *name)
{
        struct stat st;

        return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* One component, never through a link. */
static int open_component(int dir_fd, const char *name, int flags, mode_t mode)
{
        struct stat st;
        int fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);

        if (fd < 0) {
                int e = errno;

                /* O_DIRECTORY says ENOTDIR of a link */
                return e == ENOTDIR && is_link(dir_fd, name) ? -ELOOP : -e;
        }
        /* O_PATH opens the link itself */
        if ((flags & O_PATH) && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
                close(fd);
                return -ELOOP;
        }
        return fd;
}

int path_open_parent(int dir_fd, const char *path, bool is_made, int *ret_fd, const char **ret_name)
{
        _cleanup_close_ int fd = -1;
        const char *slash;

        if (!path_is_relative(span_of(path)))
                return -EINVAL;
        fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        for (; (slash = strchr(path, '/')); path = slash + 1) {
                char name[COMPONENT_BYTES + 1];
                int next;

                memcpy(name, path, (size_t)(slash - path));
                name[slash - path] = '\0';
                if (is_made && mkdirat(fd, name, 0777) < 0 && errno != EEXIST)
                        return -errno;
                next = open_component(fd, name, O_RDONLY | O_DIRECTORY, 0);
                if (next < 0)
                        return next;
                close(fd);
                fd = next;
        }
        *ret_fd = fd;
        *ret_name = path;
        fd = -1;
        return 0;
}

static int open_by_walk(int dir_fd, const char *path, int flags, mode_t mode)
{
        _cleanup_close_ int parent = -1;
        const char *name;
        int r;

        r = path_open_parent(dir_fd, path, false, &parent, &name);
        return r < 0 ? r : open_component(parent, name, flags, mode);
}

int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
        struct open_how how = {
                .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
                .mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
        };

        if (!path_is_relative(span_of(path)))
                return -EINVAL;
        while (!__atomic_load_n(&openat2_is_missing, __ATOMIC_RELAXED)) {
                long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

                if (fd >= 0)
                        return (int)fd;
                if (errno == EAGAIN || errno == EINTR) /* something was renamed meanwhile */
                        continue;
                /* A seccomp filter that does not know the call says EPERM, as a directory might. */
                if (errno == EPERM)
                        break;
                if (errno != ENOSYS)
                        return -errno;
                __atomic_store_n(&openat2_is_missing, 1, __ATOMIC_RELAXED);
        }
        return open_by_walk(dir_fd, path, flags, mode);
}

static int read_whole(int fd, size_t max_bytes, struct buf *b)
{
        size_t start = b->n;

        for (;;) {
                ssize_t got;

                if (b->room - b->n < 2 && buf_reserve(b, READ_BYTES) < 0)
                        return b->failed;
                got = read(fd, b->at + b->n, b->room - b->n - 1);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                b->n += (size_t)got;
                b->at[b->n] = '\0';
                if (b->n - start > max_bytes)
                        return -EFBIG;
                if (got == 0)
                        return 0;
        }
}

int path_read(int dir_fd, const char *path, size_t max_bytes, struct buf *b)
{
        _cleanup_close_ int fd = -1;
        size_t start = b->n;
        struct stat st;
        int r;

        /* O_NONBLOCK: a FIFO must not hold us */
        fd = path_open_beneath(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        if (st.st_size > 0 && (uint64_t)st.st_size > max_bytes)
                return -EFBIG;
        r = buf_reserve(b, (size_t)st.st_size + 1);
        if (r == 0)
                r = read_whole(fd, max_bytes, b);
        if (r < 0 && b->at) {
                b->n = start;
                b->at[start] = '\0';
        }
        return r;
}

int path_write_whole(int fd, struct span content)
{
        while (content.n > 0) {
                ssize_t put = write(fd, content.at, content.n);

                if (put < 0 && errno == EINTR)
                        continue;
                if (put < 0)
                        return -errno;
                content.at += put;
                content.n -= (size_t)put;
        }
        return 0;
}

/* Writes the content as `temporary`; what is half written is removed. */
static int write_temporary(int dir_fd, const char *temporary, struct span content, mode_t mode,
                           bool is_synced)
{
        _cleanup_close_ int fd = -1;
        int r;

        fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        r = path_write_whole(fd, content);
        if (r == 0 && is_synced && fsync(fd) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(dir_fd, temporary, 0);
        return r;
}

int path_write_atomic(int dir_fd, const char *path, struct span content, mode_t mode,
                      bool is_synced)
{
        _cleanup_close_ int parent = -1;
        char temporary[32];
        const char *name;
        uint64_t chance;
        int r;

        if (!path_is_relative(span_of(path)))
                return -EINVAL;
        r = path_open_parent(dir_fd, path, true, &parent, &name);
        if (r < 0)
                return r;
        /* rename() would replace a link by a file; the user made it a link for a reason. */
        if (is_link(parent, name))
                return -ELOOP;
        clock_random(&chance, sizeof(chance));
        snprintf(temporary, sizeof(temporary), ".genopt-%016llx", (unsigned long long)chance);
        r = write_temporary(parent, temporary, content, mode, is_synced);
        if (r < 0)
                return r;
        if (renameat(parent, temporary, parent, name) < 0) {
                r = -errno;
                unlinkat(parent, temporary, 0);
                return r;
        }
        if (is_synced && fsync(parent) < 0)
                return -errno;
        return 0;
}

void path_remove_empty_parents(int dir_fd, const char *path)
{
        char above[PATH_REL_BYTES + 1];
        char *slash;

        if (!path_is_relative(span_of(path)))
                return;
        memcpy(above, path, strlen(path) + 1);
        while ((slash = strrchr(above, '/'))) {
                _cleanup_close_ int parent = -1;
                const char *name;

                *slash = '\0';
                if (path_open_parent(dir_fd, above, false, &parent, &name) < 0 ||
                    unlinkat(parent, name, AT_REMOVEDIR) < 0)
                        return;
        }
}

int path_remove(int dir_fd, const char *path)
{
        _cleanup_close_ int parent = -1;
        const char *name;
        int r;

        if (!path_is_relative(span_of(path)))
                return -EINVAL;
        r = path_open_parent(dir_fd, path, false, &parent, &name);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (is_link(parent, name))
                return -ELOOP;
        if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
                return -errno;
        path_remove_empty_parents(dir_fd, path);
        return 0;
}

int path_make_dirs(const char *absolute, mode_t mode)
{
        _cleanup_free_ char *path = str_dup_span(span_of(absolute));
        struct stat st;

        if (!path)
                return -ENOMEM;
        if (path[0] != '/')
                return -EINVAL;
        for (char *at = path + 1;; at++) {
                char stop = *at;

                if (stop != '/' && stop != '\0')
                        continue;
                *at = '\0';
                /* What exists may be of any kind and need not be ours to write: EACCES, EROFS.
                 * Those above matter only if the next fails. */
                if (mkdir(path, mode) < 0 && errno != EEXIST) {
                        int e = errno;

                        if (stat(path, &st) < 0)
                                return -e;
                }
                *at = stop;
                if (stop == '\0')
                        break;
        }
        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

char *path_join(const char *a, const char *b)
{
        size_t n = strlen(a);

        if (n == 0 || b[0] == '/')
                return str_dup_span(span_of(b));
        return str_printf("%s%s%s", a, a[n - 1] == '/' ? "" : "/", b);
}

char *path_of_program(void)
{
        char path[4096];
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
        char *slash;

        if (n <= 0)
                return NULL;
        path[n] = '\0';
        slash = strrchr(path, '/');
        if (!slash)
                return NULL;
        return str_dup_span(slash == path ? SPAN("/")
                                          : (struct span){path, (size_t)(slash - path)});
}

#if GENOPT_TESTING
void path_test_force_walk(bool is_forced)
{
        __atomic_store_n(&openat2_is_missing, is_forced, __ATOMIC_RELAXED);
}
#endif
