/* What a disk has seen of some files: preloaded into a program (LD_PRELOAD), it writes down each
 * write to the files DISK_LOG_FILES (paths, ":" between them) and each sync of them, in their
 * order, to DISK_LOG. From that tests/integration/power.py makes what the files may be after a
 * power cut: all that was synced, and of the rest nothing, or any part.
 *
 * With DISK_LOG_CUT=n the process ends at its n-th sync of the first file: nothing since the one
 * before is on the disk.
 *
 *     log    = record*
 *     record = file:u64 kind:u64 offset:u64 n:u64 bytes
 *     file   = its place in DISK_LOG_FILES, from 0
 *     kind   = 1: written, not on the disk before the next sync | 2: synced (n = 0) |
 *              3: written and on the disk (O_DSYNC) | 4: what follows is of another file at that
 *              path, which is empty (n = 0)
 *
 * In native byte order. A record is written when the call it tells of has succeeded, by one writev
 * to a file opened for appending: the last may be cut off, no other. */

/* It would give pwrite and pwrite64 one name, and both are called. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITTEN = 1, SYNCED = 2, DURABLE = 3, MADE = 4 };

#define FILES_MAX 4
#define NOT_WATCHED -1

struct record {
        uint64_t file, kind, offset, n;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;

/* Which of the files it is. */
static int file_of(int fd, struct stat *ret)
{
        const char *at = getenv("DISK_LOG_FILES");
        char path[PATH_MAX];
        struct stat there;

        if (!at || fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode))
                return NOT_WATCHED;
        for (int i = 0; i < FILES_MAX && *at; i++) {
                size_t n = strcspn(at, ":");

                if (n < sizeof(path)) {
                        memcpy(path, at, n);
                        path[n] = 0;
                        if (stat(path, &there) == 0 && there.st_dev == ret->st_dev &&
                            there.st_ino == ret->st_ino)
                                return i;
                }
                at += n + (at[n] == ':');
        }
        return NOT_WATCHED;
}

static int is_watched(int fd)
{
        struct stat st;

        return file_of(fd, &st) != NOT_WATCHED;
}

/* Whoever cannot write down what happened must not go on: the test would believe a wrong disk. */
static void note(int file, enum kind kind, uint64_t offset, const void *bytes, size_t n)
{
        struct record r = {(uint64_t)file, kind, offset, n};
        struct iovec v[] = {{&r, sizeof(r)}, {(void *)bytes, n}};

        pthread_mutex_lock(&lock);
        if (log_fd < 0 && getenv("DISK_LOG"))
                log_fd = open(getenv("DISK_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (log_fd < 0 || writev(log_fd, v, n > 0 ? 2 : 1) != (ssize_t)(sizeof(r) + n))
                abort();
        pthread_mutex_unlock(&lock);
}

static void note_write(int fd, const void *bytes, ssize_t n, off_t offset)
{
        int error = errno, flags, file = NOT_WATCHED;
        struct stat st;

        if (n > 0)
                file = file_of(fd, &st);
        if (file != NOT_WATCHED) {
                flags = fcntl(fd, F_GETFL);
                if (offset == 0 && st.st_size == n) /* it holds nothing else */
                        note(file, MADE, 0, NULL, 0);
                note(file, flags & O_DSYNC ? DURABLE : WRITTEN, (uint64_t)offset, bytes, (size_t)n);
        }
        errno = error;
}

static void cut_power(int fd)
{
        static long left = -1;
        const char *cut = getenv("DISK_LOG_CUT");
        struct stat st;

        if (!cut || file_of(fd, &st) != 0)
                return;
        pthread_mutex_lock(&lock);
        if (left < 0)
                left = strtol(cut, NULL, 10);
        if (--left == 0)
                (void)raise(SIGKILL);
        pthread_mutex_unlock(&lock);
}

static void note_sync(int fd, int result)
{
        int error = errno, file = NOT_WATCHED;
        struct stat st;

        if (result == 0)
                file = file_of(fd, &st);
        if (file != NOT_WATCHED)
                note(file, SYNCED, 0, NULL, 0);
        errno = error;
}

/* The function that stands behind ours. */
#define REAL(name) __extension__((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
        ssize_t r = REAL(pwrite)(fd, bytes, n, offset);

        note_write(fd, bytes, r, offset);
        return r;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t offset)
{
        ssize_t r = REAL(pwrite64)(fd, bytes, n, offset);

        note_write(fd, bytes, r, offset);
        return r;
}

/* The parts one by one, so that a short write is told as what it was. */
static ssize_t write_parts(int fd, const struct iovec *v, int n_v, off_t offset)
{
        ssize_t done = 0;

        for (int i = 0; i < n_v; i++) {
                ssize_t r = pwrite(fd, v[i].iov_base, v[i].iov_len, offset + done);

                if (r < 0)
                        return done > 0 ? done : r;
                done += r;
                if ((size_t)r < v[i].iov_len)
                        break;
        }
        return done;
}

ssize_t pwritev(int fd, const struct iovec *v, int n_v, off_t offset)
{
        return is_watched(fd) ? write_parts(fd, v, n_v, offset) : REAL(pwritev)(fd, v, n_v, offset);
}

ssize_t pwritev64(int fd, const struct iovec *v, int n_v, off64_t offset)
{
        return is_watched(fd) ? write_parts(fd, v, n_v, offset)
                              : REAL(pwritev64)(fd, v, n_v, offset);
}

/* LMDB writes pages so after a seek. */
ssize_t writev(int fd, const struct iovec *v, int n_v)
{
        off_t offset = is_watched(fd) ? lseek(fd, 0, SEEK_CUR) : -1;
        ssize_t done;

        if (offset < 0)
                return REAL(writev)(fd, v, n_v);
        done = write_parts(fd, v, n_v, offset);
        if (done > 0 && lseek(fd, offset + done, SEEK_SET) < 0)
                return -1;
        return done;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
        off_t offset = is_watched(fd) ? lseek(fd, 0, SEEK_CUR) : -1;
        ssize_t r = REAL(write)(fd, bytes, n);

        if (offset >= 0)
                note_write(fd, bytes, r, offset);
        return r;
}

int fdatasync(int fd)
{
        int r;

        cut_power(fd);
        r = REAL(fdatasync)(fd);

        note_sync(fd, r);
        return r;
}

int fsync(int fd)
{
        int r;

        cut_power(fd);
        r = REAL(fsync)(fd);

        note_sync(fd, r);
        return r;
}
