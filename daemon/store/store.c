#include "daemon/store/store.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/clock.h"
#include "common/log.h"
#include "daemon/loop/loop.h"
#include "daemon/metrics/metrics.h"
#include "daemon/store/check.h"
#include "daemon/store/internal.h"
#include "daemon/store/pages.h"

#define FLOOR_BYTES ((uint64_t)64 << 20)
#define ASIDE_MS \
        ((uint64_t)7 * 24 * 3600 * 1000) /* a damaged cache is of use to its developers only */
#define ROOM_USEC 1000000u
#define CACHE_LOCK_MS 1000u /* whoever has the state let go gives the cache free next */
#define PACK_LEVEL_STATE 1  /* somebody waits */
#define PACK_LEVEL_CACHE 6  /* nobody does */

/* What is known of an environment before it is opened. */
struct finding {
        enum verdict verdict;
        bool is_empty, is_unclean, is_checking;
        struct check check;
};

static void say(struct store_report *report, const char *format, ...) _printf_(2, 3);

static void say(struct store_report *report, const char *format, ...)
{
        _cleanup_buf_ struct buf b = {0};
        va_list args;
        size_t n;

        if (report->text[0])
                (void)buf_add_text(&b, "; ");
        va_start(args, format);
        (void)buf_vprintf(&b, format, args);
        va_end(args);
        n = strlen(report->text);
        if (!b.failed && b.n < sizeof(report->text) - n)
                memcpy(report->text + n, b.at, b.n + 1);
}

static void examine(struct env *e, const struct store_config *c, struct finding *f)
{
        enum marker marker = marker_read(e->dir_fd, &e->n_bad_ends);
        int glance = pages_glance(e->dir_fd);

        *f = (struct finding){
                .is_empty = glance == CONDITION_EMPTY,
                .is_unclean = marker != MARKER_NONE,
                .verdict = glance == CONDITION_DAMAGED ? VERDICT_DAMAGED : VERDICT_WHOLE,
        };
        if (f->is_empty || f->verdict == VERDICT_DAMAGED)
                return;
        if (marker != MARKER_OTHER_BOOT && e->n_bad_ends < MARKER_ENDS_MAX &&
            glance != CONDITION_UNFINISHED)
                return;
        if (check_start(&f->check, c->check_argv, e->dir) < 0)
                f->verdict = VERDICT_UNKNOWN;
        else
                f->is_checking = true;
}

static void await_verdict(struct env *e, struct finding *f, uint64_t deadline_usec)
{
        if (f->is_checking)
                f->verdict = check_wait(&f->check, deadline_usec);
        if (f->is_checking && f->verdict == VERDICT_WHOLE)
                e->n_bad_ends = 0; /* not its fault */
        f->is_checking = false;
}

/* Damaged or missing state: the copy comes in its place, else an empty one. */
static int restore_state(struct env *e, bool is_missing, struct store_report *report)
{
        char made[CLOCK_RFC3339_BYTES];
        uint64_t made_ms;
        int r;

        r = copy_restore(e, &made_ms);
        if (r == 0) {
                e->n_bad_ends = 0; /* of another file */
                clock_format_rfc3339(made_ms, made);
                report->was_state_restored = true;
                say(report, "the state was %s: what came after its copy of %s is lost%s",
                    is_missing ? "missing" : "damaged", made,
                    is_missing ? "" : " (it is kept as " ENV_DAMAGED ")");
                return 0;
        }
        if (r < 0 || is_missing)
                return r < 0 ? r : 0;
        say(report,
            "the state was damaged and had no copy: all jobs are lost (it is kept as " ENV_DAMAGED
            ")");
        return env_set_aside(e);
}

static int open_state(struct env *e, const struct finding *f, struct store_report *report)
{
        int r = 0;

        if (f->verdict == VERDICT_DAMAGED || f->is_empty)
                r = restore_state(e, f->is_empty, report);
        e->is_suspect = f->verdict == VERDICT_UNKNOWN;
        if (e->is_suspect)
                say(report, "the state could not be checked in time");
        if (r == 0)
                r = env_open(e);
        if (r == CONDITION_DAMAGED) {
                r = restore_state(e, false, report);
                if (r == 0)
                        r = env_open(e);
        }
        if (r == CONDITION_NEWER || r == CONDITION_OLDER)
                return -EPROTO;
        report->is_state_fresh = e->is_fresh;
        return r > 0 ? -EIO : r;
}

static int set_cache_aside(struct env *e, struct store_report *report, const char *why)
{
        report->was_cache_set_aside = true;
        say(report, "the cache was %s and is set aside", why);
        return env_set_aside(e);
}

static int open_cache_env(struct env *e, const struct finding *f, struct store_report *report)
{
        int r = 0;

        if (f->verdict != VERDICT_WHOLE)
                r = set_cache_aside(e, report,
                                    f->verdict == VERDICT_DAMAGED ? "damaged"
                                                                  : "not checked in time");
        if (r == 0)
                r = env_open(e);
        if (r == CONDITION_DAMAGED) {
                r = set_cache_aside(e, report, "damaged");
        } else if (r == CONDITION_NEWER || r == CONDITION_OLDER) {
                say(report, "the cache was of another version and is dropped");
                r = unlinkat(e->dir_fd, ENV_DATA, 0) < 0 ? -errno : 0;
        } else {
                report->is_cache_fresh = e->is_fresh;
                return r;
        }
        if (r == 0)
                r = env_open(e);
        report->is_cache_fresh = e->is_fresh;
        return r > 0 ? -EIO : r;
}

/* Whether the cache's directory is there, ours alone and not the state's. */
static int lock_cache(struct store *s, const struct store_config *c, struct store_report *report)
{
        struct stat a, b;
        int r;

        if (!c->cache_dir || c->cache_max_bytes == 0)
                return -ENODEV; /* as asked for: nothing to say */
        if (fstat(s->state.dir_fd, &a) == 0 && stat(c->cache_dir, &b) == 0 &&
            a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
                say(report, "no cache: its directory is the state's");
                return -EINVAL;
        }
        r = env_await_lock(&s->cache_env, MIN2(c->lock_patience_ms, CACHE_LOCK_MS));
        if (r < 0)
                say(report, "no cache: %s: %s", c->cache_dir,
                    r == -EBUSY ? "in use by another genoptd" : strerrordesc_np(-r));
        return r;
}

static int make_cache(struct store *s, const struct store_config *c)
{
        return cache_new(&s->cache_env, c->cache_max_bytes, c->cache_memory_bytes,
                         c->cache_max_age_ms, &s->cache);
}

static int open_cache(struct store *s, const struct store_config *c, const struct finding *f,
                      struct store_report *report)
{
        struct writer_hooks hooks;
        int r;

        r = open_cache_env(&s->cache_env, f, report);
        if (r == 0)
                r = make_cache(s, c);
        if (r == -EIO) { /* damage that shows only where it is read */
                env_close(&s->cache_env, false);
                r = set_cache_aside(&s->cache_env, report, "damaged");
                if (r == 0)
                        r = env_open(&s->cache_env);
                report->is_cache_fresh = s->cache_env.is_fresh;
                r = r == 0 ? make_cache(s, c) : r > 0 ? -EIO : r;
        }
        if (r < 0)
                return r;
        env_drop_aside(&s->cache_env, ASIDE_MS);
        cache_get_hooks(s->cache, &hooks);
        r = writer_new(&s->cache_env, s->done, &hooks, PACK_LEVEL_CACHE, &s->writers[STORE_CACHE]);
        if (r < 0) {
                s->cache = cache_free(s->cache);
                return r;
        }
        s->cache->writer = s->writers[STORE_CACHE];
        return 0;
}

static void tell_loss(struct completion *c)
{
        struct store *s = container_of(c, struct store, loss.completion);

        if (s->loss.on_lost)
                s->loss.on_lost(s->loss.arg);
}

static void after_state(void *arg)
{
        struct store *s = arg;
        struct completion_list done = STAILQ_HEAD_INITIALIZER(done);

        s->is_copy_due = true;
        if (s->loss.is_told || env_is_in_place(&s->state))
                return;
        s->loss.is_told = true;
        s->loss.completion.run = tell_loss;
        STAILQ_INSERT_TAIL(&done, &s->loss.completion, next);
        completions_add(s->done, &done);
}

static bool rest_state(void *arg)
{
        struct store *s = arg;

        if (s->is_copy_due && copy_age_ms(&s->state) >= COPY_EVERY_MS &&
            copier_start(s->copier) == 0)
                s->is_copy_due = false;
        return s->is_copy_due;
}

static int start_state_writer(struct store *s)
{
        struct writer_hooks hooks = {.after = after_state, .rest = rest_state, .arg = s};
        int r;

        r = copier_new(&s->state, &s->copier);
        if (r < 0)
                return r;
        return writer_new(&s->state, s->done, &hooks, PACK_LEVEL_STATE, &s->writers[STORE_STATE]);
}

static int open_both(struct store *s, const struct store_config *c, struct store_report *report)
{
        struct finding state, cache;
        uint64_t deadline_usec;
        int r, r_cache;

        r = env_await_lock(&s->state, c->lock_patience_ms);
        if (r < 0)
                return r;
        r_cache = lock_cache(s, c, report);
        examine(&s->state, c, &state);
        if (r_cache == 0)
                examine(&s->cache_env, c, &cache);
        else
                cache = (struct finding){0};
        deadline_usec = clock_monotonic_usec() + (uint64_t)CHECK_PARENT_MS * 1000;
        await_verdict(&s->state, &state, deadline_usec);
        await_verdict(&s->cache_env, &cache, deadline_usec);
        report->was_unclean = state.is_unclean || cache.is_unclean;

        r = open_state(&s->state, &state, report);
        if (r == 0)
                r = start_state_writer(s);
        if (r < 0)
                return r;
        if (r_cache == 0) {
                r_cache = open_cache(s, c, &cache, report);
                if (r_cache < 0) {
                        say(report, "no cache: %s: %s", c->cache_dir, strerrordesc_np(-r_cache));
                        env_close(&s->cache_env, false);
                }
        }
        return 0;
}

/* What the loop submits before it waits again becomes one group: a job's plan, the start of its
 * task and the intent of its call are one sync instead of three. */
#define HOLD_USEC 2000 /* a long turn does not keep them longer */

static void release_held(void *arg)
{
        struct store *s = arg;

        if (s->held_usec == 0)
                return;
        s->held_usec = 0;
        if (s->writers[STORE_STATE])
                writer_wake(s->writers[STORE_STATE]);
}

int store_open(struct loop *loop, const struct store_config *c, struct store **ret,
               struct store_report *ret_report)
{
        struct store_report report = {0};
        struct store *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->loss.on_lost = c->on_lost;
        s->loss.arg = c->arg;
        s->floor_bytes = c->state_floor_bytes > 0 ? c->state_floor_bytes : FLOOR_BYTES;
        r = env_init(&s->state, STORE_STATE, c->state_dir, ENV_MAP_BYTES);
        if (r == 0)
                r = env_init(&s->cache_env, STORE_CACHE, c->cache_dir ? c->cache_dir : "",
                             MAX2(ENV_MAP_BYTES, c->cache_max_bytes * 2));
        if (r == 0)
                r = completions_new(loop, &s->done);
        if (r == 0)
                r = open_both(s, c, &report);
        if (ret_report)
                *ret_report = report;
        if (r < 0) {
                (void)store_close(s);
                return r;
        }
        if (loop_before_wait(loop, release_held, s) == 0)
                s->loop = loop; /* else every batch wakes its writer */
        *ret = s;
        return 0;
}

struct store *store_close(struct store *s)
{
        struct cache *cache;

        if (!s)
                return NULL;
        if (s->loop)
                loop_forget_before_wait(s->loop, s);
        s->loop = NULL;
        s->writers[STORE_STATE] = writer_free(s->writers[STORE_STATE]);
        s->writers[STORE_CACHE] = writer_free(s->writers[STORE_CACHE]);
        s->copier = copier_free(s->copier);
        cache = take(s->cache);
        s->done = completions_free(
                s->done); /* callbacks may still read, and find that nothing can be submitted */
        (void)cache_free(cache);
        env_close(&s->state, true);
        env_close(&s->cache_env, true);
        env_done(&s->state);
        env_done(&s->cache_env);
        free(s);
        return NULL;
}

int store_state_fd(const struct store *s)
{
        return s->state.dir_fd;
}

bool store_has_cache(const struct store *s)
{
        return s->cache && s->cache_env.is_open;
}

bool store_has_room(struct store *s)
{
        uint64_t now = clock_monotonic_usec();
        struct statvfs fs;

        /* A refusal is not remembered: who makes room and resumes at once is served at once. */
        if (!s->has_room || s->room_asked_usec == 0 || now - s->room_asked_usec >= ROOM_USEC) {
                s->room_asked_usec = now;
                /* A file system that does not say is taken at its word: the commit will tell. */
                s->has_room = fstatvfs(s->state.dir_fd, &fs) < 0 ||
                              (uint64_t)fs.f_bavail * fs.f_frsize >= s->floor_bytes;
        }
        return s->has_room;
}

int store_commit(struct store *s, struct store_batch *b, void (*on_done)(void *arg, int r),
                 void *arg)
{
        struct writer *w = s->writers[b->env];

        if (!w)
                return b->env == STORE_CACHE ? -ENODEV : -ESHUTDOWN;
        b->on_done = on_done;
        b->arg = arg;
        if (b->env == STORE_CACHE || !s->loop || !loop_is_turning(s->loop)) {
                writer_submit(w, b);
                return 0;
        }
        writer_add(w, b);
        if (s->held_usec == 0)
                s->held_usec = clock_monotonic_usec();
        else if (clock_monotonic_usec() - s->held_usec > HOLD_USEC)
                release_held(s);
        return 0;
}

size_t store_n_pending(const struct store *s, enum store_env env)
{
        return s->writers[env] ? writer_n_pending(s->writers[env]) : 0;
}

static struct env *env_of(struct store *s, enum store_table t)
{
        return store_tables[t].env == STORE_STATE ? &s->state : &s->cache_env;
}

/* Whoever reads finds nothing; the log says that there was something. */
static int report_bad(struct store *s, enum store_table t)
{
        log_warning("%s: a value of table %s does not match its checksum", env_of(s, t)->dir,
                    store_tables[t].name);
        return CONDITION_ABSENT;
}

int store_get(struct store *s, enum store_table t, struct span key, struct buf *out)
{
        struct env *e = env_of(s, t);
        struct value v;
        MDB_txn *txn;
        int r;

        if (key.n == 0)
                return -EINVAL;
        r = env_read_begin(e, &txn);
        if (r < 0)
                return r;
        r = env_get(e, txn, t, key, &v);
        if (r == 0)
                r = value_unpack(&v, out);
        env_read_end(e, txn);
        return r == CONDITION_BAD_VALUE ? report_bad(s, t) : r;
}

static bool begins_with(const MDB_val *key, struct span prefix)
{
        return key->mv_size >= prefix.n &&
               (prefix.n == 0 || memcmp(key->mv_data, prefix.at, prefix.n) == 0);
}

/* One entry for store_scan(). */
static int visit(struct store *s, enum store_table t, const MDB_val *key, const MDB_val *stored,
                 struct buf *unpacked, int (*fn)(struct span key, struct span value, void *arg),
                 void *arg)
{
        struct span k = {key->mv_data, key->mv_size};
        struct value v;
        int r;

        r = value_open(t, k, (struct span){stored->mv_data, stored->mv_size}, &v);
        if (r == 0 && v.codec == CODEC_PLAIN)
                return fn(k, v.payload, arg);
        if (r == 0) {
                buf_clear(unpacked);
                r = value_unpack(&v, unpacked);
        }
        if (r == 0)
                return fn(k, buf_span(unpacked), arg);
        if (r != CONDITION_BAD_VALUE)
                return r;
        env_of(s, t)->n_bad_values++;
        metrics_count(bad_entries);
        (void)report_bad(s, t);
        return 0;
}

static int scan(struct store *s, MDB_txn *txn, enum store_table t, struct span prefix,
                struct span from, int (*fn)(struct span key, struct span value, void *arg),
                void *arg)
{
        _cleanup_buf_ struct buf unpacked = {0};
        struct env *e = env_of(s, t);
        MDB_val key = {from.n, (void *)from.at}, value;
        MDB_cursor *cursor;
        int r;

        r = env_error(e, mdb_cursor_open(txn, e->dbi[t], &cursor));
        if (r != 0)
                return r;
        r = env_error(e,
                      mdb_cursor_get(cursor, &key, &value, from.n > 0 ? MDB_SET_RANGE : MDB_FIRST));
        while (r == 0 && begins_with(&key, prefix)) {
                r = visit(s, t, &key, &value, &unpacked, fn, arg);
                if (r == 0)
                        r = env_error(e, mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
        }
        mdb_cursor_close(cursor);
        return r < 0 ? r : 0;
}

static int scan_back(struct store *s, MDB_txn *txn, enum store_table t, struct span before,
                     int (*fn)(struct span key, struct span value, void *arg), void *arg)
{
        _cleanup_buf_ struct buf unpacked = {0};
        struct env *e = env_of(s, t);
        MDB_val key = {before.n, (void *)before.at}, value;
        MDB_cursor *cursor;
        int r;

        r = env_error(e, mdb_cursor_open(txn, e->dbi[t], &cursor));
        if (r != 0)
                return r;
        /* On the first that is not before it, or past all: the one before that is wanted. */
        if (before.n > 0 && mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE) == 0)
                r = env_error(e, mdb_cursor_get(cursor, &key, &value, MDB_PREV));
        else
                r = env_error(e, mdb_cursor_get(cursor, &key, &value, MDB_LAST));
        while (r == 0) {
                r = visit(s, t, &key, &value, &unpacked, fn, arg);
                if (r == 0)
                        r = env_error(e, mdb_cursor_get(cursor, &key, &value, MDB_PREV));
        }
        mdb_cursor_close(cursor);
        return r < 0 ? r : 0;
}

int store_scan_back(struct store *s, enum store_table t, struct span before,
                    int (*fn)(struct span key, struct span value, void *arg), void *arg)
{
        struct env *e = env_of(s, t);
        MDB_txn *txn;
        int r = env_read_begin(e, &txn);

        if (r < 0)
                return r;
        r = scan_back(s, txn, t, before, fn, arg);
        env_read_end(e, txn);
        return r;
}

int store_scan(struct store *s, enum store_table t, struct span prefix, struct span from,
               int (*fn)(struct span key, struct span value, void *arg), void *arg)
{
        struct env *e = env_of(s, t);
        MDB_txn *txn;
        int r;

        if (!from.at || from.n == 0)
                from = prefix;
        r = env_read_begin(e, &txn);
        if (r < 0)
                return r;
        r = scan(s, txn, t, prefix, from, fn, arg);
        env_read_end(e, txn);
        return r;
}

void store_get_counters(struct store *s, struct store_counters *ret)
{
        struct writer_counts state = {0}, cache = {0};

        if (s->writers[STORE_STATE])
                writer_get_counts(s->writers[STORE_STATE], &state);
        if (s->writers[STORE_CACHE])
                writer_get_counts(s->writers[STORE_CACHE], &cache);
        *ret = (struct store_counters){
                .state_batches = state.n_batches,
                .state_commits = state.n_commits,
                .state_failed = state.n_failed,
                .state_bad_values = s->state.n_bad_values,
                .cache_batches = cache.n_batches,
                .cache_commits = cache.n_commits,
                .cache_failed = cache.n_failed,
                .cache_bad_values = s->cache_env.n_bad_values,
                .state_readers = env_n_reading(&s->state),
                .cache_readers = s->cache ? env_n_reading(&s->cache_env) : 0,
        };
        if (s->cache)
                cache_get_counters(s->cache, &ret->cache_evicted, &ret->cache_dropped);
}
