#pragma once
/* One LMDB environment in one directory of its own, and the ways into it.
 *
 *     DIR/lock               held (flock) as long as the environment is ours
 *     DIR/dirty              see marker.h
 *     DIR/data.mdb           LMDB's
 *     DIR/lock.mdb           LMDB's; opening and closing it again here would drop LMDB's own locks
 *     DIR/data.mdb.damaged   what was set aside last
 *     DIR/data.mdb.copy      state only: the daily copy
 *
 * Readers may be in any thread: env_read_begin() renews one of a few idle transactions (MDB_NOTLS),
 * env_read_end() resets it. One thread writes: before the writer was started the one that opens,
 * then the writer. The cache's writer may swap the environment for an empty one; readers find
 * nothing meanwhile, and none of them waits. */

#include <lmdb.h>
#include <pthread.h>

#include "daemon/store/marker.h"
#include "daemon/store/store.h"
#include "daemon/store/value.h"

/* Sparse: address space, not disk or memory. Above any quota; the quota is ours to keep. */
#define ENV_MAP_BYTES ((size_t)1 << 36)
#define ENV_MAP_BYTES_MIN ((size_t)1 << 28) /* where address space is limited */
#define ENV_READERS_MAX 120                 /* LMDB's table has 126 slots */

#define ENV_DATA "data.mdb"
#define ENV_DAMAGED "data.mdb.damaged"
#define ENV_COPY "data.mdb.copy"

/* Conditions of env_open() */
#define CONDITION_DAMAGED 10
#define CONDITION_NEWER 11 /* of a newer schema */
#define CONDITION_OLDER 12 /* of a schema that nothing migrates from */

struct env {
        enum store_env which;
        char *dir; /* owned */
        size_t map_bytes;
        int dir_fd, lock_fd;
        bool is_marked;       /* writing thread: this run's marker is on disk */
        unsigned n_bad_ends;  /* runs before this one, in a row, that did not close it */
        bool is_suspect;      /* it was not: the marker stays, for the next start to check again */
        bool is_fresh;        /* env_open() made it */
        unsigned from_schema; /* env_open() migrated it from here; 0: it did not */
        MDB_dbi dbi[N_STORE_TABLES];

        MDB_env *mdb; /* owned; NULL: not open, or the cache was lost; changed only while is_open is
                         false */

        pthread_mutex_t lock;           /* what follows */
        pthread_cond_t is_quiet;        /* n_reading became 0 */
        MDB_txn *idle[ENV_READERS_MAX]; /* owned: reset */
        unsigned n_idle, n_reading;

        _Atomic bool is_open;   /* readers may come in; written under the lock */
        _Atomic bool is_broken; /* LMDB called it damaged */
        _Atomic uint64_t n_bad_values;
};

/* In the cache the content of an entry begins with when it was made (cache-index.h). */
#define ENTRY_HEAD_BYTES 8

struct store_table_row {
        const char *name;
        enum store_env env;
        size_t pack_from; /* contents of this many bytes are compressed where it pays */
};
extern const struct store_table_row store_tables[N_STORE_TABLES];

int env_init(struct env *e, enum store_env which, const char *dir, size_t map_bytes) _must_check_;
void env_done(struct env *e);
int env_lock(struct env *e) _must_check_; /* makes the directory; -EBUSY */
/* The same, and whoever has it may be about to end: waits so long. */
int env_await_lock(struct env *e, unsigned patience_ms) _must_check_;
int env_open(struct env *e) _must_check_;
void env_close(struct env *e, bool is_clean);
/* The open environment goes (is_aside: under another name; else for good) and an empty one comes. <
 * 0: there is none now. */
int env_swap(struct env *e, bool is_aside) _must_check_;
/* The file that is open is the one that stands at its path: nobody deleted or moved it. */
bool env_is_in_place(const struct env *e);
int env_set_aside(struct env *e)
        _must_check_; /* of the closed environment: data.mdb becomes data.mdb.damaged */
/* What was set aside longer ago goes. */
void env_drop_aside(struct env *e, uint64_t max_age_ms);
bool env_is_unlinked(struct env *e); /* somebody removed the file under us */

/* LMDB's codes in ours. MDB_NOTFOUND is CONDITION_ABSENT. */
int env_error(struct env *e, int rc);
/* -ENODEV: there is no environment. */
int env_read_begin(struct env *e, MDB_txn **ret) _must_check_;
void env_read_end(struct env *e, MDB_txn *txn);
unsigned env_n_reading(struct env *e); /* read transactions that are open now */
/* Marks the environment dirty first. End it with env_commit() or mdb_txn_abort(). */
int env_write_begin(struct env *e, MDB_txn **ret) _must_check_;
/* Tells a full disk from a broken one, and leaves it no fuller than it was. */
int env_commit(struct env *e, MDB_txn *txn) _must_check_;
/* Bytes of pages in use: what the trees hold. The file is larger by its free pages and never
 * shrinks. */
uint64_t env_used_bytes(struct env *e, MDB_txn *txn);
uint64_t env_table_bytes(struct env *e, MDB_txn *txn, enum store_table t, uint64_t *ret_entries);
/* Writes a value (only codec, payload and n_content are read), or content as a plain one. */
int env_put_value(struct env *e, MDB_txn *txn, enum store_table t, struct span key,
                  const struct value *v) _must_check_;
int env_put(struct env *e, MDB_txn *txn, enum store_table t, struct span key,
            struct span content) _must_check_;
/* The checked value under key; valid until the transaction ends. CONDITION_ABSENT,
 * CONDITION_BAD_VALUE (counted). */
int env_get(struct env *e, MDB_txn *txn, enum store_table t, struct span key,
            struct value *ret) _must_check_;
