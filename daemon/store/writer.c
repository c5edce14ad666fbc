#include "daemon/store/writer.h"

#include <signal.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/metrics/metrics.h"

#define WRITER_STACK_BYTES ((size_t)256 << 10)

/* Test builds: die before or after the nth batch of state; 0: never. */
struct dying {
        uint64_t before, after, n;
};

struct writer {
        struct env *env;          /* borrowed: outlives the writer */
        struct completions *done; /* borrowed likewise */
        struct writer_hooks hooks;
        struct packer packer; /* this and what follows: its own thread only */
        struct dying dying;
        struct writer_counts own_counts;
        uint64_t rest_ms;
        uint64_t rest_at_ms, sync_at_ms; /* 0: not due */

        pthread_t thread;
        pthread_mutex_t lock; /* what follows */
        pthread_cond_t wanted;
        struct batch_list waiting;
        struct chore_list chores;
        bool is_poked, is_urgent, is_stopping;
        size_t n_pending, pending_bytes;
        struct writer_counts counts;
};

/* Not common/clock: what the thread waits by must be what pthread_cond_timedwait() waits by. */
static uint64_t now_ms(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

#if GENOPT_TESTING
static uint64_t test_number(const char *name)
{
        const char *text = getenv(name);
        uint64_t n;

        return text && str_to_u64(text, &n) == 0 ? n : 0;
}

static uint64_t rest_ms(void)
{
        uint64_t n = test_number("GENOPT_TEST_REST_MS");

        return n > 0 ? n : WRITER_REST_MS;
}

static void dying_init(struct dying *d, const struct env *e)
{
        if (e->which != STORE_STATE)
                return;
        d->before = test_number("GENOPT_TEST_DIE_BEFORE");
        d->after = test_number("GENOPT_TEST_DIE_AFTER");
}

static void die_if(bool is_time)
{
        if (is_time)
                (void)raise(SIGKILL);
}
#else
static uint64_t rest_ms(void)
{
        return WRITER_REST_MS;
}

static void dying_init(struct dying *d, const struct env *e)
{
        (void)d;
        (void)e;
}

static void die_if(bool is_time)
{
        (void)is_time;
}
#endif

static bool is_dying(const struct dying *d)
{
        return d->before > 0 || d->after > 0;
}

/* Compression happens before the transaction, so that it stays short. */
static void pack_batch(struct writer *w, struct store_batch *b)
{
        struct op *op;

        if (b->is_packed)
                return;
        STAILQ_FOREACH(op, &b->ops, next)
        if ((op->kind == OP_PUT || op->kind == OP_CACHE_PUT) &&
            op->n_content >= store_tables[op->table].pack_from)
                packer_pack(&w->packer, op_content(op), &op->packed, &op->n_packed);
        b->is_packed = true;
}

int op_put(struct env *e, MDB_txn *txn, const struct op *op)
{
        struct value v = {
                .codec = op->packed ? CODEC_ZLIB : CODEC_PLAIN,
                .payload = op->packed ? (struct span){op->packed, op->n_packed} : op_content(op),
                .n_content = op->n_content,
        };

        return env_put_value(e, txn, op->table, op_key(op), &v);
}

static int delete_prefix(struct env *e, MDB_txn *txn, const struct op *op)
{
        MDB_dbi dbi = e->dbi[op->table];
        struct span prefix = op_key(op);
        char copy[512];
        MDB_cursor *cursor;
        MDB_val key, value;
        int rc;

        rc = mdb_cursor_open(txn, dbi, &cursor);
        if (rc != 0)
                return env_error(e, rc);
        while (rc == 0) {
                key = (MDB_val){prefix.n, (void *)prefix.at};
                rc = mdb_cursor_get(cursor, &key, &value, prefix.n > 0 ? MDB_SET_RANGE : MDB_FIRST);
                if (rc != 0 || key.mv_size < prefix.n ||
                    (prefix.n > 0 && memcmp(key.mv_data, prefix.at, prefix.n) != 0))
                        break;
                /* By key, from a copy: 0.9.24's cursors cannot be trusted after a deletion. */
                memcpy(copy, key.mv_data, key.mv_size);
                key.mv_data = copy;
                rc = mdb_del(txn, dbi, &key, NULL);
        }
        mdb_cursor_close(cursor);
        return rc == MDB_NOTFOUND ? 0 : env_error(e, rc);
}

static int apply(struct writer *w, MDB_txn *txn, const struct op *op)
{
        MDB_val key = {op->n_key, (void *)op->bytes};
        int r;

        switch (op->kind) {
        case OP_PUT:
                return op_put(w->env, txn, op);
        case OP_DELETE:
                r = env_error(w->env, mdb_del(txn, w->env->dbi[op->table], &key, NULL));
                return r == CONDITION_ABSENT ? 0 : r;
        case OP_DELETE_PREFIX:
                return delete_prefix(w->env, txn, op);
        default:
                return w->hooks.apply ? w->hooks.apply(w->hooks.arg, txn, op) : -EINVAL;
        }
}

/* One transaction for all from first up to, not including, end. */
static int write_batches(struct writer *w, struct store_batch *first, const struct store_batch *end)
{
        MDB_txn *txn;
        struct op *op;
        int r;

        r = env_write_begin(w->env, &txn);
        if (r != 0)
                return r;
        for (struct store_batch *b = first; b != end && r == 0; b = STAILQ_NEXT(b, next))
                STAILQ_FOREACH(op, &b->ops, next)
                {
                        r = apply(w, txn, op);
                        if (r != 0)
                                break;
                }
        if (r == 0)
                return env_commit(w->env, txn);
        mdb_txn_abort(txn);
        return r > 0 ? -EIO : r;
}

static int commit(struct writer *w, struct store_batch *first, const struct store_batch *end)
{
        uint64_t start = clock_monotonic_usec();
        int r = write_batches(w, first, end);

        /* What was written to a file that nobody will find again was not kept. */
        if (r == 0 && w->env->which == STORE_STATE && !env_is_in_place(w->env))
                r = -ENOENT;
        if (r < 0)
                return r;
        if (w->env->which == STORE_CACHE) {
                metrics_count(commits_cache);
        } else {
                metrics_count(commits_state);
                metrics_observe(METRIC_commit_usec, clock_monotonic_usec() - start);
        }
        return 0;
}

static bool is_let_down(const struct store_batch *b)
{
        return b->tie && b->tie->is_broken;
}

static bool has_let_down(const struct batch_list *group)
{
        const struct store_batch *b;

        STAILQ_FOREACH(b, group, next)
        if (is_let_down(b))
                return true;
        return false;
}

static void commit_singly(struct writer *w, struct batch_list *group)
{
        struct store_batch *b;

        STAILQ_FOREACH(b, group, next)
        {
                die_if(++w->dying.n == w->dying.before);
                b->result = is_let_down(b) ? -ECANCELED : commit(w, b, STAILQ_NEXT(b, next));
                if (b->result < 0 && b->tie)
                        b->tie->is_broken = true;
                die_if(w->dying.n == w->dying.after);
                w->own_counts.n_commits += b->result == 0;
                w->own_counts.n_failed += b->result < 0;
        }
}

static void commit_group(struct writer *w, struct batch_list *group)
{
        struct store_batch *b;
        int r;

        STAILQ_FOREACH(b, group, next)
        pack_batch(w, b);
        packer_rest(&w->packer);
        if (is_dying(&w->dying) || has_let_down(group)) {
                commit_singly(w, group);
                return;
        }
        r = commit(w, STAILQ_FIRST(group), NULL);
        w->own_counts.n_commits += r == 0;
        w->own_counts.n_failed += r < 0;
        if (r < 0 && STAILQ_NEXT(STAILQ_FIRST(group), next)) {
                commit_singly(w, group);
                return;
        }
        STAILQ_FOREACH(b, group, next)
        {
                b->result = r;
                if (r < 0 && b->tie)
                        b->tie->is_broken = true;
        }
}

static void finish_batch(struct completion *c)
{
        struct store_batch *b = container_of(c, struct store_batch, completion);

        if (b->on_done)
                b->on_done(b->arg, b->result);
        (void)store_batch_free(b);
}

static void finish_group(struct writer *w, struct batch_list *group)
{
        struct completion_list done = STAILQ_HEAD_INITIALIZER(done);
        struct store_batch *b;
        size_t n = 0, n_bytes = 0;

        while ((b = STAILQ_FIRST(group))) {
                STAILQ_REMOVE_HEAD(group, next);
                n++;
                n_bytes += b->n_bytes;
                if (b->on_done)
                        STAILQ_INSERT_TAIL(&done, &b->completion, next);
                else
                        (void)store_batch_free(b);
        }
        w->own_counts.n_batches += n;
        (void)pthread_mutex_lock(&w->lock);
        w->n_pending -= n;
        w->pending_bytes -= n_bytes;
        w->counts = w->own_counts;
        (void)pthread_mutex_unlock(&w->lock);
        completions_add(w->done, &done);
}

/* With the lock held. */
static void take_group(struct writer *w, struct batch_list *group)
{
        size_t n_bytes = 0;
        struct store_batch *b;

        STAILQ_INIT(group);
        for (unsigned n = 0; n < WRITER_GROUP_BATCHES && (b = STAILQ_FIRST(&w->waiting)); n++) {
                if (n > 0 && n_bytes + b->n_bytes > WRITER_GROUP_BYTES)
                        break;
                n_bytes += b->n_bytes;
                STAILQ_REMOVE_HEAD(&w->waiting, next);
                STAILQ_INSERT_TAIL(group, b, next);
        }
}

static void write_group(struct writer *w, struct batch_list *group)
{
        commit_group(w, group);
        finish_group(w, group);
        if (w->hooks.after)
                w->hooks.after(w->hooks.arg);
        if (w->rest_at_ms == 0)
                w->rest_at_ms = now_ms() + w->rest_ms;
        if (w->sync_at_ms == 0 && w->env->which == STORE_CACHE)
                w->sync_at_ms = now_ms() + WRITER_SYNC_MS;
}

static void do_chore(struct writer *w, struct chore *c, bool is_stopping)
{
        struct completion_list done = STAILQ_HEAD_INITIALIZER(done);

        c->result = is_stopping ? -ECANCELED : c->step(c);
        if (c->result == 0) {
                (void)pthread_mutex_lock(&w->lock);
                STAILQ_INSERT_TAIL(&w->chores, c, next);
                (void)pthread_mutex_unlock(&w->lock);
                return;
        }
        if (c->result == CONDITION_CHORE_DONE)
                c->result = 0;
        STAILQ_INSERT_TAIL(&done, &c->completion, next);
        completions_add(w->done, &done);
}

/* What is due by the clock. Returns when the next is; 0: nothing is. */
static uint64_t keep_house(struct writer *w)
{
        uint64_t now = now_ms();
        int n_dead;

        if (w->sync_at_ms != 0 && now >= w->sync_at_ms) {
                w->sync_at_ms = 0;
                if (w->env->mdb && mdb_env_sync(w->env->mdb, 1) != 0)
                        log_warning("%s: cannot be synced", w->env->dir);
        }
        if (w->rest_at_ms != 0 && now >= w->rest_at_ms) {
                w->rest_at_ms = 0;
                if (w->env->mdb)
                        (void)mdb_reader_check(w->env->mdb, &n_dead);
                if (w->hooks.rest && w->hooks.rest(w->hooks.arg))
                        w->rest_at_ms = now_ms() + w->rest_ms;
        }
        if (w->sync_at_ms == 0 || w->rest_at_ms == 0)
                return MAX2(w->sync_at_ms, w->rest_at_ms);
        return MIN2(w->sync_at_ms, w->rest_at_ms);
}

/* With the lock held: returns when there is something to do, or it is due_ms. */
static void await(struct writer *w, uint64_t due_ms)
{
        struct timespec t = {.tv_sec = (time_t)(due_ms / 1000),
                             .tv_nsec = (long)(due_ms % 1000) * 1000000};

        while (STAILQ_EMPTY(&w->waiting) && STAILQ_EMPTY(&w->chores) && !w->is_poked &&
               !w->is_stopping) {
                if (due_ms == 0)
                        (void)pthread_cond_wait(&w->wanted, &w->lock);
                else if (pthread_cond_timedwait(&w->wanted, &w->lock, &t) == ETIMEDOUT)
                        return;
        }
}

static void *writer_main(void *arg)
{
        struct writer *w = arg;
        struct batch_list group;
        struct chore *chore;
        bool is_poked, is_urgent, is_stopping, is_over;
        uint64_t due_ms;

        do {
                due_ms = keep_house(w);
                (void)pthread_mutex_lock(&w->lock);
                await(w, due_ms);
                take_group(w, &group);
                chore = STAILQ_FIRST(&w->chores);
                if (chore)
                        STAILQ_REMOVE_HEAD(&w->chores, next);
                is_poked = w->is_poked;
                is_urgent = w->is_urgent;
                w->is_poked = w->is_urgent = false;
                is_stopping = w->is_stopping;
                is_over = is_stopping && STAILQ_EMPTY(&w->waiting) && STAILQ_EMPTY(&w->chores);
                (void)pthread_mutex_unlock(&w->lock);
                if (!STAILQ_EMPTY(&group))
                        write_group(w, &group);
                if (is_poked && w->rest_at_ms == 0)
                        w->rest_at_ms = now_ms() + w->rest_ms;
                if (is_urgent && w->hooks.after)
                        w->hooks.after(w->hooks.arg);
                if (chore)
                        do_chore(w, chore, is_stopping);
        } while (!is_over);
        return NULL;
}

static int writer_start(struct writer *w)
{
        sigset_t all, before;
        pthread_attr_t attr;
        int r;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        (void)pthread_attr_init(&attr);
        (void)pthread_attr_setstacksize(&attr, WRITER_STACK_BYTES);
        r = -pthread_create(&w->thread, &attr, writer_main, w);
        (void)pthread_attr_destroy(&attr);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r == 0)
                (void)pthread_setname_np(w->thread,
                                         w->env->which == STORE_STATE ? "state" : "cache");
        return r;
}

static void writer_dispose(struct writer *w)
{
        packer_rest(&w->packer);
        (void)pthread_cond_destroy(&w->wanted);
        (void)pthread_mutex_destroy(&w->lock);
        free(w);
}

int writer_new(struct env *e, struct completions *done, const struct writer_hooks *hooks,
               int pack_level, struct writer **ret)
{
        struct writer *w = calloc(1, sizeof(*w));
        pthread_condattr_t attr;
        int r;

        if (!w)
                return -ENOMEM;
        w->env = e;
        w->done = done;
        w->packer.level = pack_level;
        if (hooks)
                w->hooks = *hooks;
        w->rest_ms = rest_ms();
        dying_init(&w->dying, e);
        STAILQ_INIT(&w->waiting);
        STAILQ_INIT(&w->chores);
        (void)pthread_mutex_init(&w->lock, NULL);
        (void)pthread_condattr_init(&attr);
        (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&w->wanted, &attr);
        (void)pthread_condattr_destroy(&attr);
        r = writer_start(w);
        if (r < 0) {
                writer_dispose(w);
                return r;
        }
        *ret = w;
        return 0;
}

struct writer *writer_free(struct writer *w)
{
        if (!w)
                return NULL;
        (void)pthread_mutex_lock(&w->lock);
        w->is_stopping = true;
        (void)pthread_cond_signal(&w->wanted);
        (void)pthread_mutex_unlock(&w->lock);
        (void)pthread_join(w->thread, NULL);
        writer_dispose(w);
        return NULL;
}

void writer_add(struct writer *w, struct store_batch *b)
{
        b->completion.run = finish_batch;
        (void)pthread_mutex_lock(&w->lock);
        STAILQ_INSERT_TAIL(&w->waiting, b, next);
        w->n_pending++;
        w->pending_bytes += b->n_bytes;
        (void)pthread_mutex_unlock(&w->lock);
}

void writer_wake(struct writer *w)
{
        (void)pthread_mutex_lock(&w->lock);
        (void)pthread_cond_signal(&w->wanted);
        (void)pthread_mutex_unlock(&w->lock);
}

void writer_submit(struct writer *w, struct store_batch *b)
{
        writer_add(w, b);
        writer_wake(w);
}

void writer_submit_chore(struct writer *w, struct chore *c)
{
        (void)pthread_mutex_lock(&w->lock);
        STAILQ_INSERT_TAIL(&w->chores, c, next);
        (void)pthread_cond_signal(&w->wanted);
        (void)pthread_mutex_unlock(&w->lock);
}

void writer_poke(struct writer *w, bool is_urgent)
{
        (void)pthread_mutex_lock(&w->lock);
        w->is_poked = true;
        w->is_urgent |= is_urgent;
        (void)pthread_cond_signal(&w->wanted);
        (void)pthread_mutex_unlock(&w->lock);
}

size_t writer_n_pending(struct writer *w)
{
        size_t n;

        (void)pthread_mutex_lock(&w->lock);
        n = w->n_pending;
        (void)pthread_mutex_unlock(&w->lock);
        return n;
}

size_t writer_pending_bytes(struct writer *w)
{
        size_t n;

        (void)pthread_mutex_lock(&w->lock);
        n = w->pending_bytes;
        (void)pthread_mutex_unlock(&w->lock);
        return n;
}

void writer_get_counts(struct writer *w, struct writer_counts *ret)
{
        (void)pthread_mutex_lock(&w->lock);
        *ret = w->counts;
        (void)pthread_mutex_unlock(&w->lock);
}

bool writer_is_wanted(struct writer *w)
{
        bool is_wanted;

        (void)pthread_mutex_lock(&w->lock);
        is_wanted = !STAILQ_EMPTY(&w->waiting) || w->is_stopping;
        (void)pthread_mutex_unlock(&w->lock);
        return is_wanted;
}
