#include "daemon/store/copy.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/clock.h"
#include "common/log.h"

#define COPY_PART ENV_COPY ".part"
#define COPY_STACK_BYTES ((size_t)256 << 10)

struct copier {
        struct env *env; /* borrowed: outlives it */
        pthread_t thread;
        bool is_started;         /* the thread is to be joined */
        _Atomic bool is_running; /* it has not ended yet */
        pthread_mutex_t lock;    /* what follows */
        int fd;                  /* what it writes, or -1 */
        bool is_stopping;
};

/* Shows c which descriptor is written; -1: none any more, after which it may be closed. */
static int copier_show(struct copier *c, int fd)
{
        int r;

        if (!c)
                return 0;
        (void)pthread_mutex_lock(&c->lock);
        c->fd = fd;
        r = c->is_stopping ? -ECANCELED : 0;
        (void)pthread_mutex_unlock(&c->lock);
        return r;
}

/* A copy must not be what fills the disk. */
static bool is_room_for(struct env *e, uint64_t n)
{
        struct statvfs fs;

        return fstatvfs(e->dir_fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize / 2 > n;
}

static int write_copy(struct env *e, int fd)
{
        MDB_txn *txn;
        uint64_t used = 0;
        int r;

        r = env_error(e, mdb_txn_begin(e->mdb, NULL, MDB_RDONLY,
                                       &txn)); /* may not be open to readers yet */
        if (r != 0)
                return r;
        used = env_used_bytes(e, txn);
        mdb_txn_abort(txn);
        if (!is_room_for(e, used))
                return -ENOSPC;
        r = env_error(e, mdb_env_copyfd2(e->mdb, fd, MDB_CP_COMPACT));
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        return r > 0 ? -EIO : r;
}

int copy_make(struct env *e, struct copier *c)
{
        int fd, r;

        fd = openat(e->dir_fd, COPY_PART, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);
        if (fd < 0)
                return -errno;
        r = copier_show(c, fd);
        if (r == 0)
                r = write_copy(e, fd);
        if (r == 0 && renameat(e->dir_fd, COPY_PART, e->dir_fd, ENV_COPY) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(e->dir_fd, COPY_PART, 0);
        else
                (void)fsync(e->dir_fd);
        (void)copier_show(c, -1);
        (void)close(fd);
        return r;
}

static int copy_bytes(int from, int to, uint64_t n)
{
        ssize_t m;

        while (n > 0) {
                m = sendfile(to, from, NULL, MIN2(n, (uint64_t)1 << 30));
                if (m <= 0)
                        return m < 0 ? -errno : -EIO;
                n -= (uint64_t)m;
        }
        return fsync(to) < 0 ? -errno : 0;
}

int copy_restore(struct env *e, uint64_t *ret_made_ms)
{
        _cleanup_close_ int from = openat(e->dir_fd, ENV_COPY, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_close_ int to = -1;
        struct stat st;
        int r;

        if (from < 0)
                return errno == ENOENT ? CONDITION_ABSENT : -errno;
        if (fstat(from, &st) < 0)
                return -errno;
        to = openat(e->dir_fd, COPY_PART, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);
        if (to < 0)
                return -errno;
        r = copy_bytes(from, to, (uint64_t)st.st_size);
        if (r < 0)
                return r;
        /* A second name first: a crash between the two must not leave the directory without a
         * data.mdb. */
        (void)unlinkat(e->dir_fd, ENV_DAMAGED, 0);
        if (linkat(e->dir_fd, ENV_DATA, e->dir_fd, ENV_DAMAGED, 0) < 0 && errno != ENOENT)
                return -errno;
        if (renameat(e->dir_fd, COPY_PART, e->dir_fd, ENV_DATA) < 0 || fsync(e->dir_fd) < 0)
                return -errno;
        *ret_made_ms = (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
        return 0;
}

uint64_t copy_age_ms(struct env *e)
{
        uint64_t now = clock_realtime_ms(), made;
        struct stat st;

        if (fstatat(e->dir_fd, ENV_COPY, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return UINT64_MAX;
        made = (uint64_t)st.st_mtim.tv_sec * 1000;
        return made > now ? 0 : now - made;
}

static void *copier_main(void *arg)
{
        struct copier *c = arg;
        int r;

        r = copy_make(c->env, c);
        if (r < 0 && r != -ECANCELED)
                log_warning("%s: no copy was made: %s", c->env->dir, strerrordesc_np(-r));
        c->is_running = false;
        return NULL;
}

int copier_new(struct env *e, struct copier **ret)
{
        struct copier *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->env = e;
        c->fd = -1;
        (void)pthread_mutex_init(&c->lock, NULL);
        *ret = c;
        return 0;
}

static void copier_join(struct copier *c)
{
        if (c->is_started)
                (void)pthread_join(c->thread, NULL);
        c->is_started = false;
}

int copier_start(struct copier *c)
{
        pthread_attr_t attr;
        int r;

        if (c->is_running)
                return 0;
        copier_join(c);
        c->is_running = true;
        (void)pthread_attr_init(&attr);
        (void)pthread_attr_setstacksize(&attr, COPY_STACK_BYTES);
        r = -pthread_create(&c->thread, &attr, copier_main, c);
        (void)pthread_attr_destroy(&attr);
        if (r == 0)
                (void)pthread_setname_np(c->thread, "copy");
        c->is_started = r == 0;
        c->is_running = r == 0;
        return r;
}

bool copier_is_running(struct copier *c)
{
        return c->is_running;
}

/* mdb_env_copyfd2() cannot be told to stop, but it does when the disk is full: so for this
 * descriptor it is. */
static void copier_break_off(struct copier *c)
{
        _cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

        (void)pthread_mutex_lock(&c->lock);
        c->is_stopping = true;
        if (full >= 0 && c->fd >= 0)
                (void)dup3(full, c->fd, O_CLOEXEC);
        (void)pthread_mutex_unlock(&c->lock);
}

struct copier *copier_free(struct copier *c)
{
        if (!c)
                return NULL;
        if (c->is_running)
                copier_break_off(c);
        copier_join(c);
        (void)pthread_mutex_destroy(&c->lock);
        free(c);
        return NULL;
}
