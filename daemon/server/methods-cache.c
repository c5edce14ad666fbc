/* Methods of the cache. They concern what is shared by all uids: only the daemon's own user and
 * root may change it. */

#include "common/json.h"
#include "daemon/server/methods.h"
#include "daemon/store/store.h"

static struct store *store_of(const struct server_call *c)
{
        return server_rooms(server_call_server(c))->store;
}

static json_t *stats_row(const struct cache_stats *s)
{
        uint64_t looked = s->hits + s->misses;

        return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:f,s:I}", "name", s->name, "hits",
                         (json_int_t)s->hits, "misses", (json_int_t)s->misses, "size",
                         (json_int_t)s->size, "max_size", (json_int_t)s->max_size, "entries",
                         (json_int_t)s->entries, "hit_rate",
                         looked ? (double)s->hits / (double)looked : 0.0, "max_age_s",
                         (json_int_t)(s->max_age_ms / 1000));
}

int method_cache_stats(struct server_call *c, const json_t *params)
{
        struct cache_stats stats[N_CACHE_STATS];
        json_t *list = json_array();

        (void)params;
        cache_get_stats(store_of(c), stats);
        for (size_t i = 0; i < N_CACHE_STATS; i++)
                if (json_add(list, stats_row(&stats[i])) < 0)
                        break;
        server_call_reply_json(c, json_pack("{s:o}", "caches", list));
        return 0;
}

static void reply_counts(struct server_call *c, int r, const char *a, uint64_t n_a, const char *b,
                         uint64_t n_b)
{
        if (r < 0) {
                struct failure *f = failure_new(FAILURE_INTERNAL, "the cache cannot be changed: %s",
                                                strerror(-r));

                server_call_fail(c, f);
                failure_free(f);
                return;
        }
        server_call_reply_json(c, json_pack("{s:I,s:I}", a, (json_int_t)n_a, b, (json_int_t)n_b));
}

static void on_trimmed(void *arg, int r, uint64_t removed, uint64_t size)
{
        reply_counts(arg, r, "removed", removed, "size", size);
}

static void on_verified(void *arg, int r, uint64_t checked, uint64_t bad)
{
        reply_counts(arg, r, "checked", checked, "bad", bad);
}

static bool may_change(struct server_call *c)
{
        if (server_may_manage(c))
                return true;
        server_refuse_manage(c);
        return false;
}

int method_cache_trim(struct server_call *c, const json_t *params)
{
        uint64_t max_bytes = 0;

        (void)json_get_u64(params, "max_bytes", &max_bytes);
        return may_change(c) ? cache_trim(store_of(c), max_bytes, on_trimmed, c) : 0;
}

int method_cache_clear(struct server_call *c, const json_t *params)
{
        (void)params;
        return may_change(c) ? cache_clear(store_of(c), on_trimmed, c) : 0;
}

int method_cache_verify(struct server_call *c, const json_t *params)
{
        (void)params;
        return may_change(c) ? cache_verify(store_of(c), on_verified, c) : 0;
}
