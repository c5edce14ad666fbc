#include "daemon/store/env.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/str.h"
#include "daemon/metrics/metrics.h"
#include "daemon/store/schema.h"

#define LOCK_NAME "lock" /* not LMDB's lock.mdb */
#define LOCK_LOOK_MS 20

/* Small values lie in the page of their key, which is written in any case: compressing them saves
 * nothing. */
#define INLINE_BYTES 2048
#define TEXT_BYTES 512
#define FULL_BYTES ((uint64_t)256 << 10) /* less free disk than this is none */
#define SENT_BYTES \
        (16384 + ENTRY_HEAD_BYTES + 1) /* what is sent as it lies stays plain up to here */

const struct store_table_row store_tables[N_STORE_TABLES] = {
        [TABLE_META] = {"meta", STORE_STATE, PACK_NEVER},
        [TABLE_JOB] = {"job", STORE_STATE, INLINE_BYTES},
        [TABLE_QUEUE] = {"queue", STORE_STATE, PACK_NEVER},
        [TABLE_EVENT] = {"event", STORE_STATE, INLINE_BYTES},
        [TABLE_RESULT] = {"result", STORE_STATE, TEXT_BYTES},
        [TABLE_BLOB] = {"blob", STORE_STATE, TEXT_BYTES},
        [TABLE_IDEM] = {"idem", STORE_STATE, PACK_NEVER},
        [TABLE_CALL] = {"call", STORE_STATE, INLINE_BYTES},
        [TABLE_LEDGER] = {"ledger", STORE_STATE, PACK_NEVER},
        [TABLE_ESTIMATE] = {"estimate", STORE_STATE, INLINE_BYTES},
        [TABLE_CACHE_META] = {"meta", STORE_CACHE, PACK_NEVER},
        [TABLE_CACHE_RESULT] = {"result", STORE_CACHE, TEXT_BYTES},
        [TABLE_CACHE_SEEN] = {"seen", STORE_CACHE, PACK_NEVER},
        [TABLE_CACHE_INPUTS] = {"inputs", STORE_CACHE, TEXT_BYTES},
        [TABLE_CACHE_RAW] = {"raw", STORE_CACHE, SENT_BYTES},
        [TABLE_CACHE_REPAIR] = {"repair", STORE_CACHE, TEXT_BYTES},
        [TABLE_CACHE_LRU] = {"lru", STORE_CACHE, PACK_NEVER},
        [TABLE_CACHE_STAMP] = {"stamp", STORE_CACHE, PACK_NEVER},
};

int env_error(struct env *e, int rc)
{
        switch (rc) {
        case MDB_SUCCESS:
                return 0;
        case MDB_NOTFOUND:
                return CONDITION_ABSENT;
        case MDB_MAP_FULL:
        case MDB_TXN_FULL:
        case EDQUOT:
                return -ENOSPC;
        case MDB_READERS_FULL:
                return -EAGAIN;
        case MDB_BAD_VALSIZE:
                return -EINVAL;
        case MDB_CORRUPTED:
        case MDB_PAGE_NOTFOUND:
        case MDB_INVALID:
        case MDB_VERSION_MISMATCH:
        case MDB_PANIC:
        case MDB_CURSOR_FULL:
        case MDB_INCOMPATIBLE: /* flags of a table, which we never change */
                if (!e->is_broken)
                        log_error("%s: %s", e->dir, mdb_strerror(rc));
                e->is_broken = true;
                return -EIO;
        default:
                return rc > 0 ? -rc : -EIO;
        }
}

int env_init(struct env *e, enum store_env which, const char *dir, size_t map_bytes)
{
        *e = (struct env){.which = which, .map_bytes = map_bytes, .dir_fd = -1, .lock_fd = -1};
        e->dir = str_dup_span(span_of(dir));
        if (!e->dir)
                return -ENOMEM;
        (void)pthread_mutex_init(&e->lock, NULL);
        (void)pthread_cond_init(&e->is_quiet, NULL);
        return 0;
}

static void release_dir(struct env *e)
{
        cleanup_close(&e->lock_fd);
        cleanup_close(&e->dir_fd);
        e->lock_fd = e->dir_fd = -1;
}

void env_done(struct env *e)
{
        if (!e->dir)
                return;
        env_close(e, false);
        release_dir(e);
        (void)pthread_cond_destroy(&e->is_quiet);
        (void)pthread_mutex_destroy(&e->lock);
        free(e->dir);
        e->dir = NULL;
}

int env_lock(struct env *e)
{
        int r;

        r = path_make_dirs(e->dir, 0700);
        if (r < 0)
                return r;
        e->dir_fd = open(e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (e->dir_fd < 0)
                return -errno;
        e->lock_fd = openat(e->dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (e->lock_fd < 0)
                r = -errno;
        else if (flock(e->lock_fd, LOCK_EX | LOCK_NB) < 0)
                r = errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (r < 0)
                release_dir(e);
        return r;
}

int env_await_lock(struct env *e, unsigned patience_ms)
{
        const struct timespec look = {.tv_nsec = LOCK_LOOK_MS * 1000000L};
        unsigned n = patience_ms / LOCK_LOOK_MS;
        int r = env_lock(e);

        if (r == -EBUSY && n > 0)
                log_notice("%s: another genoptd works on it; waiting for its end", e->dir);
        for (; r == -EBUSY && n > 0; n--) {
                (void)nanosleep(&look, NULL);
                r = env_lock(e);
        }
        return r;
}

/* LMDB 0.9.24 opens data.mdb (twice: the second time for its meta pages) without O_CLOEXEC. */
static void close_on_exec(struct env *e)
{
        struct stat data, st;
        struct dirent *entry;
        uint64_t fd;
        DIR *fds;
        int data_fd;

        if (mdb_env_get_fd(e->mdb, &data_fd) != 0 || fstat(data_fd, &data) < 0)
                return;
        (void)fcntl(data_fd, F_SETFD, FD_CLOEXEC);
        fds = opendir("/proc/self/fd");
        if (!fds)
                return;
        while ((entry = readdir(fds)))
                if (str_to_u64(entry->d_name, &fd) == 0 && fstat((int)fd, &st) == 0 &&
                    st.st_ino == data.st_ino && st.st_dev == data.st_dev)
                        (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
        (void)closedir(fds);
}

static int open_mdb(struct env *e, size_t map_bytes)
{
        unsigned flags = MDB_NOTLS | (e->which == STORE_CACHE ? MDB_NOSYNC : 0u);
        int rc;

        rc = mdb_env_create(&e->mdb);
        if (rc != 0) {
                e->mdb = NULL;
                return rc;
        }
        rc = mdb_env_set_mapsize(e->mdb, map_bytes);
        if (rc == 0)
                rc = mdb_env_set_maxdbs(e->mdb, N_STORE_TABLES);
        if (rc == 0)
                rc = mdb_env_open(e->mdb, e->dir, flags, 0600);
        if (rc != 0) {
                mdb_env_close(e->mdb);
                e->mdb = NULL;
        }
        return rc;
}

static void set_open(struct env *e, bool is_open)
{
        (void)pthread_mutex_lock(&e->lock);
        e->is_open = is_open;
        while (!is_open && e->n_reading > 0)
                (void)pthread_cond_wait(&e->is_quiet, &e->lock);
        (void)pthread_mutex_unlock(&e->lock);
}

/* Nobody reads any more. */
static void close_mdb(struct env *e)
{
        while (e->n_idle > 0)
                mdb_txn_abort(e->idle[--e->n_idle]);
        mdb_env_close(e->mdb);
        e->mdb = NULL;
        e->is_marked = false;
}

int env_open(struct env *e)
{
        size_t map_bytes = e->map_bytes;
        int rc, r, n_dead;

        do {
                rc = open_mdb(e, map_bytes);
                map_bytes /= 2;
        } while (rc == ENOMEM && map_bytes >= ENV_MAP_BYTES_MIN);
        e->is_fresh = false;
        e->is_broken = false;
        if (rc == MDB_INVALID || rc == MDB_CORRUPTED)
                return CONDITION_DAMAGED;
        if (rc == MDB_VERSION_MISMATCH)
                return CONDITION_NEWER;
        if (rc != 0)
                return env_error(e, rc);
        close_on_exec(e);
        (void)mdb_reader_check(e->mdb, &n_dead);
        r = schema_open(e);
        if (r != 0) {
                close_mdb(e);
                return e->is_broken ? CONDITION_DAMAGED : r;
        }
        /* Readers may end us too. It costs no sync, and a directory that is read-only has none. */
        if (!e->is_suspect)
                (void)!marker_write(e->dir_fd, e->n_bad_ends + 1, false);
        set_open(e, true);
        return 0;
}

void env_close(struct env *e, bool is_clean)
{
        if (!e->mdb)
                return;
        set_open(e, false);
        if (is_clean && !e->is_suspect && !e->is_broken && mdb_env_sync(e->mdb, 1) == 0)
                marker_remove(e->dir_fd);
        close_mdb(e);
}

int env_set_aside(struct env *e)
{
        if (renameat(e->dir_fd, ENV_DATA, e->dir_fd, ENV_DAMAGED) < 0 && errno != ENOENT)
                return -errno;
        e->n_bad_ends = 0; /* of another file */
        return 0;
}

void env_drop_aside(struct env *e, uint64_t max_age_ms)
{
        uint64_t now = clock_realtime_ms();
        struct stat st;

        if (fstatat(e->dir_fd, ENV_DAMAGED, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            (uint64_t)st.st_ctim.tv_sec * 1000 + max_age_ms < now)
                (void)unlinkat(e->dir_fd, ENV_DAMAGED, 0);
}

int env_swap(struct env *e, bool is_aside)
{
        int r = 0;

        env_close(e, false);
        if (e->dir_fd >= 0 && is_aside)
                r = env_set_aside(e);
        else if (e->dir_fd >= 0 && unlinkat(e->dir_fd, ENV_DATA, 0) < 0 && errno != ENOENT)
                r = -errno;
        if (r < 0)
                return r;
        /* The directory may have been removed and made again: take it as it is now. */
        release_dir(e);
        r = env_lock(e);
        if (r == 0)
                r = env_open(e);
        return r > 0 ? -EIO : r;
}

bool env_is_unlinked(struct env *e)
{
        struct stat st;
        int fd;

        return e->mdb && mdb_env_get_fd(e->mdb, &fd) == 0 && fstat(fd, &st) == 0 &&
               st.st_nlink == 0;
}

int env_read_begin(struct env *e, MDB_txn **ret)
{
        MDB_txn *txn = NULL;
        int rc;

        (void)pthread_mutex_lock(&e->lock);
        if (!e->is_open || e->n_reading >= ENV_READERS_MAX) {
                rc = e->is_open ? -EAGAIN : -ENODEV;
                (void)pthread_mutex_unlock(&e->lock);
                return rc;
        }
        if (e->n_idle > 0)
                txn = e->idle[--e->n_idle];
        e->n_reading++;
        (void)pthread_mutex_unlock(&e->lock);

        rc = txn ? mdb_txn_renew(txn) : mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn);
        if (rc == 0) {
                *ret = txn;
                return 0;
        }
        env_read_end(e, txn);
        return env_error(e, rc);
}

unsigned env_n_reading(struct env *e)
{
        unsigned n;

        (void)pthread_mutex_lock(&e->lock);
        n = e->n_reading;
        (void)pthread_mutex_unlock(&e->lock);
        return n;
}

void env_read_end(struct env *e, MDB_txn *txn)
{
        if (txn)
                mdb_txn_reset(txn);
        (void)pthread_mutex_lock(&e->lock);
        if (txn)
                e->idle[e->n_idle++] = txn;
        if (--e->n_reading == 0)
                (void)pthread_cond_signal(&e->is_quiet);
        (void)pthread_mutex_unlock(&e->lock);
}

int env_write_begin(struct env *e, MDB_txn **ret)
{
        int r;

        if (!e->mdb)
                return -ENODEV;
        if (!e->is_marked && !e->is_suspect) {
                r = marker_write(e->dir_fd, e->n_bad_ends + 1, true);
                if (r < 0)
                        return r;
                e->is_marked = true;
        }
        return env_error(e, mdb_txn_begin(e->mdb, NULL, 0, ret));
}

static bool is_disk_full(struct env *e)
{
        struct statvfs fs;

        return fstatvfs(e->dir_fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < FULL_BYTES;
}

/* What a failed commit wrote behind the last page: nothing refers to it, but it fills the disk. */
static void cut_tail(struct env *e)
{
        MDB_envinfo info;
        struct stat st;
        MDB_stat top;
        off_t n;
        int fd;

        if (mdb_env_info(e->mdb, &info) != 0 || mdb_env_stat(e->mdb, &top) != 0 ||
            mdb_env_get_fd(e->mdb, &fd) != 0 || fstat(fd, &st) < 0)
                return;
        n = (off_t)((info.me_last_pgno + 1) * top.ms_psize);
        if (st.st_size > n && ftruncate(fd, n) < 0)
                log_warning("%s: cannot be cut to its size: %s", e->dir, strerrordesc_np(errno));
}

int env_commit(struct env *e, MDB_txn *txn)
{
        int r = env_error(e, mdb_txn_commit(txn));

        /* LMDB 0.9.24 calls a short write EIO, and that is how a full disk shows first. */
        if (r == -EIO && !e->is_broken && is_disk_full(e))
                r = -ENOSPC;
        if (r == -ENOSPC)
                cut_tail(e);
        return r;
}

bool env_is_in_place(const struct env *e)
{
        _cleanup_free_ char *path = path_join(e->dir, ENV_DATA);
        struct stat ours, there;
        mdb_filehandle_t fd;

        if (!path || !e->mdb || mdb_env_get_fd(e->mdb, &fd) != 0 || fstat(fd, &ours) < 0)
                return true; /* not known to be otherwise */
        if (stat(path, &there) < 0)
                return errno != ENOENT && errno != ENOTDIR;
        return ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

static uint64_t stat_bytes(const MDB_stat *st)
{
        return (st->ms_branch_pages + st->ms_leaf_pages + st->ms_overflow_pages) *
               (uint64_t)st->ms_psize;
}

uint64_t env_table_bytes(struct env *e, MDB_txn *txn, enum store_table t, uint64_t *ret_entries)
{
        MDB_stat st;

        if (mdb_stat(txn, e->dbi[t], &st) != 0)
                return 0;
        if (ret_entries)
                *ret_entries = st.ms_entries;
        return stat_bytes(&st);
}

uint64_t env_used_bytes(struct env *e, MDB_txn *txn)
{
        uint64_t n = 0;
        MDB_stat st;

        for (MDB_dbi own = 0; own < 2; own++) /* LMDB's own trees: free pages and names */
                if (mdb_stat(txn, own, &st) == 0)
                        n += stat_bytes(&st) + st.ms_psize; /* and the meta pages */
        for (unsigned t = 0; t < N_STORE_TABLES; t++)
                if (store_tables[t].env == e->which)
                        n += env_table_bytes(e, txn, t, NULL);
        return n;
}

int env_put_value(struct env *e, MDB_txn *txn, enum store_table t, struct span key,
                  const struct value *v)
{
        MDB_val k = {key.n, (void *)key.at};
        MDB_val at = {VALUE_HEADER_BYTES + v->payload.n, NULL};
        int rc;

        rc = mdb_put(txn, e->dbi[t], &k, &at, MDB_RESERVE);
        if (rc != 0)
                return env_error(e, rc);
        value_write_head(at.mv_data, t, key, v);
        if (v->payload.n > 0)
                memcpy((char *)at.mv_data + VALUE_HEADER_BYTES, v->payload.at, v->payload.n);
        return 0;
}

int env_put(struct env *e, MDB_txn *txn, enum store_table t, struct span key, struct span content)
{
        struct value v = {.codec = CODEC_PLAIN, .payload = content, .n_content = content.n};

        return env_put_value(e, txn, t, key, &v);
}

int env_get(struct env *e, MDB_txn *txn, enum store_table t, struct span key, struct value *ret)
{
        MDB_val k = {key.n, (void *)key.at}, at;
        int r;

        r = env_error(e, mdb_get(txn, e->dbi[t], &k, &at));
        if (r != 0)
                return r;
        r = value_open(t, key, (struct span){at.mv_data, at.mv_size}, ret);
        if (r == CONDITION_BAD_VALUE) {
                e->n_bad_values++;
                metrics_count(bad_entries);
        }
        return r;
}
