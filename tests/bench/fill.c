/* Fills the cache of a daemon that does not run, by the daemon's own store.
 *
 *     bench-fill STATE-DIR CACHE-DIR MEBIBYTES
 *
 * Entries of 8 KiB that cannot be compressed. */

#include <stdio.h>
#include <sys/random.h>

#include "bench.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

#define ENTRY_BYTES 8192
#define SLICE 512 /* entries between two fences: the store drops what waits beyond 16 MiB */

struct fill {
        struct loop *loop;
        struct store *store;
        uint64_t n_left;
};

static void put_slice(void *arg, int r)
{
        struct fill *f = arg;
        char entry[ENTRY_BYTES];
        struct store_batch *fence;
        struct hash key;

        if (r < 0)
                bench_die("the cache cannot be written: %s", strerror(-r));
        if (f->n_left == 0) {
                loop_stop(f->loop);
                return;
        }
        for (size_t i = 0; i < SLICE && f->n_left > 0; i++, f->n_left--) {
                if (getrandom(entry, sizeof(entry), 0) != (ssize_t)sizeof(entry))
                        bench_die("getrandom: %s", strerror(errno));
                hash_of(entry, sizeof(entry), &key);
                cache_put(f->store, CACHE_RESULT, &key, (struct span){entry, sizeof(entry)});
        }
        if (store_batch_new(STORE_CACHE, &fence) < 0 ||
            store_commit(f->store, fence, put_slice, f) < 0)
                bench_die("out of memory");
}

int main(int argc, char **argv)
{
        struct store_config config = {.cache_max_bytes = (uint64_t)4 << 30,
                                      .cache_memory_bytes = 1 << 20};
        struct store_report report;
        struct fill f = {0};

        if (argc != 4)
                bench_die("STATE-DIR CACHE-DIR MEBIBYTES");
        config.state_dir = argv[1];
        config.cache_dir = argv[2];
        f.n_left = (bench_number(argv[3]) << 20) / ENTRY_BYTES;
        if (loop_new(1, &f.loop) < 0 || store_open(f.loop, &config, &f.store, &report) < 0)
                bench_die("no store");
        put_slice(&f, 0);
        if (loop_run(f.loop) < 0)
                bench_die("the loop ended");
        f.store = store_close(f.store);
        f.loop = loop_free(f.loop);
        return 0;
}
