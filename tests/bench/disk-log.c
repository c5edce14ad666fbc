/* What a disk has seen of one file: preloaded into a program (LD_PRELOAD), it writes down each
 * write to the file DISK_LOG_FILE and each sync of it, in their order, to DISK_LOG. From that
 * tests/integration/power.py makes what the file may be after a power cut: all that was synced, and
 * of the rest nothing, or any part.
 *
 * With DISK_LOG_CUT=n the process ends at its n-th sync of the file: nothing since the one before
 * is on the disk.
 *
 *     log    = record*
 *     record = kind:u64 offset:u64 n:u64 bytes   kind 1: written, not on the disk before the next
 * sync kind 2: synced (n = 0) kind 3: written and on the disk (O_DSYNC)
 *
 * In native byte order. A record is written when the call it tells of has succeeded, by one writev
 * to a file opened for appending: the last may be cut off, no other. */

/* It would give pwrite and pwrite64 one name, and both are called. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITTEN = 1, SYNCED = 2, DURABLE = 3 };

struct record {
        uint64_t kind, offset, n;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;

static int is_watched(int fd)
{
        const char *path = getenv("DISK_LOG_FILE");
        struct stat it, its;

        return path && stat(path, &it) == 0 && fstat(fd, &its) == 0 && it.st_dev == its.st_dev &&
               it.st_ino == its.st_ino;
}

/* Whoever cannot write down what happened must not go on: the test would believe a wrong disk. */
static void note(enum kind kind, uint64_t offset, const void *bytes, size_t n)
{
        struct record r = {kind, offset, n};
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
        int error = errno, flags;

        if (n > 0 && is_watched(fd)) {
                flags = fcntl(fd, F_GETFL);
                note(flags & O_DSYNC ? DURABLE : WRITTEN, (uint64_t)offset, bytes, (size_t)n);
        }
        errno = error;
}

static void cut_power(int fd)
{
        static long left = -1;
        const char *cut = getenv("DISK_LOG_CUT");

        if (!cut || !is_watched(fd))
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
        int error = errno;

        if (result == 0 && is_watched(fd))
                note(SYNCED, 0, NULL, 0);
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
