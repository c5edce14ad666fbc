#include "store-fixture.h"

#include <event2/event.h>
#include <ftw.h>

#define MAIN_SECONDS 330 /* no test program runs for ever */

static int fixture_remove_one(const char *path, _unused_ const struct stat *st, _unused_ int type,
                              _unused_ struct FTW *at)
{
        return remove(path);
}

void fixture_remove_tree(const char *path)
{
        (void)nftw(path, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_prepare(struct fixture *f)
{
        memset(f, 0, sizeof(*f));
        (void)snprintf(f->dir, sizeof(f->dir), "%s/genopt-store-XXXXXX",
                       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(f->dir));
        (void)snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
        (void)snprintf(f->cache, sizeof(f->cache), "%s/cache", f->dir);
        f->config = (struct store_config){
                .state_dir = f->state,
                .cache_dir = f->cache,
                .cache_max_bytes = (uint64_t)64 << 20,
                .cache_memory_bytes = (uint64_t)1 << 20,
                .cache_max_age_ms = (uint64_t)30 * 24 * 3600 * 1000,
                .state_floor_bytes = 1,
        };
        assert_int_equal(loop_new(1, &f->loop), 0);
}

int fixture_try_open(struct fixture *f)
{
        return store_open(f->loop, &f->config, &f->store, &f->report);
}

void fixture_open(struct fixture *f)
{
        assert_int_equal(fixture_try_open(f), 0);
}

void fixture_close(struct fixture *f)
{
        f->store = store_close(f->store);
}

void fixture_reopen(struct fixture *f)
{
        fixture_close(f);
        fixture_open(f);
}

void fixture_discard(struct fixture *f)
{
        fixture_close(f);
        f->loop = loop_free(f->loop);
        fixture_remove_tree(f->dir);
}

int fixture_setup(void **state)
{
        struct fixture *f = malloc(sizeof(*f));

        assert_non_null(f);
        fixture_prepare(f);
        fixture_open(f);
        *state = f;
        return 0;
}

int fixture_setup_closed(void **state)
{
        struct fixture *f = malloc(sizeof(*f));

        assert_non_null(f);
        fixture_prepare(f);
        *state = f;
        return 0;
}

int fixture_teardown(void **state)
{
        struct fixture *f = *state;

        fixture_discard(f);
        free(f);
        return 0;
}

void fixture_await(struct fixture *f, const unsigned *n_done, unsigned n)
{
        while (*n_done < n)
                assert_true(event_base_loop(loop_base(f->loop), EVLOOP_ONCE) >= 0);
}

void fixture_on_done(void *arg, int r)
{
        struct outcome *o = arg;

        o->n_done++;
        o->result = r;
}

void fixture_on_counts(void *arg, int r, uint64_t n, uint64_t m)
{
        struct outcome *o = arg;

        *o = (struct outcome){.n_done = o->n_done + 1, .result = r, .n = n, .m = m};
}

int fixture_commit(struct fixture *f, struct store_batch *b)
{
        struct outcome o = {0};

        assert_int_equal(store_commit(f->store, b, fixture_on_done, &o), 0);
        fixture_await(f, &o.n_done, 1);
        return o.result;
}

void fixture_fence(struct fixture *f, enum store_env env)
{
        struct store_batch *b;

        assert_int_equal(store_batch_new(env, &b), 0);
        assert_int_equal(fixture_commit(f, b), 0);
}

void fixture_settle(struct fixture *f)
{
        fixture_fence(f, STORE_CACHE);
        fixture_fence(f, STORE_CACHE);
}

void fixture_put(struct fixture *f, enum store_table t, struct span key, struct span value)
{
        struct store_batch *b;

        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        assert_int_equal(store_batch_put(b, t, key, value), 0);
        assert_int_equal(fixture_commit(f, b), 0);
}

char *fixture_text(size_t n, unsigned seed)
{
        char *at = malloc(n + 48);

        assert_non_null(at);
        for (size_t i = 0; i < n; i += 16)
                (void)snprintf(at + i, 32, "func f%03u() %03u\n", seed % 1000,
                               (unsigned)(i / 16 % 7));
        return at;
}

char *fixture_noise(size_t n, unsigned seed)
{
        uint64_t x = seed * 2654435761u + 88172645463325252u;
        char *at = malloc(n + 8);

        assert_non_null(at);
        for (size_t i = 0; i < n; i += 8) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                memcpy(at + i, &x, 8);
        }
        return at;
}

struct hash fixture_hash(unsigned seed)
{
        struct hash h;
        _cleanup_free_ char *noise = fixture_noise(HASH_BYTES, seed + 1);

        memcpy(h.at, noise, HASH_BYTES);
        return h;
}

void fixture_write_file(const char *dir, const char *name, const char *text)
{
        char path[160];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

bool fixture_has_file(const char *dir, const char *name)
{
        char path[160];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        return access(path, F_OK) == 0;
}

void fixture_mark_other_boot(const char *dir)
{
        fixture_write_file(dir, "dirty", "00000000-0000-0000-0000-000000000000\n");
}

bool fixture_is_check(int argc, char **argv, int *ret_status)
{
        (void)alarm(MAIN_SECONDS);
        if (argc != 3 || strcmp(argv[1], "--check-store") != 0)
                return false;
        *ret_status = store_check_main(argv[2]);
        return true;
}
