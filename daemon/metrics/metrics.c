#include "daemon/metrics/metrics.h"

#include "common/json.h"

#define PART_BITS 3 /* 8 parts of every power of two */
#define N_PARTS (1u << PART_BITS)
#define LAST_POWER 36
#define N_BUCKETS ((LAST_POWER - PART_BITS + 2) * N_PARTS)

enum metric_kind { COUNTER, GAUGE, HISTOGRAM };

struct metric {
        const char *name;
        enum metric_kind kind;
        const char *help;
};

static const struct metric table[N_METRICS] = {
#define X(name, kind, help) [METRIC_##name] = {#name, kind, help},
        METRIC_TABLE(X)
#undef X
};

enum {
#define HISTOGRAM_INDEX_COUNTER(name)
#define HISTOGRAM_INDEX_GAUGE(name)
#define HISTOGRAM_INDEX_HISTOGRAM(name) HISTOGRAM_##name,
#define X(name, kind, help) HISTOGRAM_INDEX_##kind(name)
        METRIC_TABLE(X)
#undef X
                N_HISTOGRAMS,
};

struct histogram {
        uint64_t sum, max;
        uint64_t buckets[N_BUCKETS];
};

static uint64_t values[N_METRICS]; /* of a histogram: the number of observations */
static struct histogram histograms[N_HISTOGRAMS];

static struct histogram *histogram_of(enum metric_id id)
{
        switch (id) {
#define CASE_COUNTER(name)
#define CASE_GAUGE(name)
#define CASE_HISTOGRAM(name) \
        case METRIC_##name:  \
                return &histograms[HISTOGRAM_##name];
#define X(name, kind, help) CASE_##kind(name)
                METRIC_TABLE(X)
#undef X
        default:
                assert(!"a histogram");
                return NULL;
        }
}

static uint64_t load(const uint64_t *at)
{
        return __atomic_load_n(at, __ATOMIC_RELAXED);
}

void metrics_add(enum metric_id id, uint64_t n)
{
        __atomic_fetch_add(&values[id], n, __ATOMIC_RELAXED);
}

void metrics_set(enum metric_id id, uint64_t value)
{
        __atomic_store_n(&values[id], value, __ATOMIC_RELAXED);
}

void metrics_move(enum metric_id id, int64_t by)
{
        __atomic_fetch_add(&values[id], (uint64_t)by, __ATOMIC_RELAXED);
}

/* Below 8 every value has its own bucket; above, the power of two and the three bits after the
 * first. */
static size_t bucket_of(uint64_t value)
{
        unsigned power;

        if (value < N_PARTS)
                return value;
        power = 63 - (unsigned)__builtin_clzll(value);
        if (power > LAST_POWER)
                return N_BUCKETS - 1;
        return (size_t)(power - PART_BITS + 1) * N_PARTS +
               (value >> (power - PART_BITS) & (N_PARTS - 1));
}

/* The smallest value of a bucket. */
static uint64_t bucket_start(size_t bucket)
{
        unsigned power;

        if (bucket < N_PARTS)
                return bucket;
        power = (unsigned)(bucket / N_PARTS) + PART_BITS - 1;
        return (UINT64_C(1) << power) + ((uint64_t)(bucket % N_PARTS) << (power - PART_BITS));
}

void metrics_observe(enum metric_id id, uint64_t value)
{
        struct histogram *h = histogram_of(id);
        uint64_t max = load(&h->max);

        __atomic_fetch_add(&h->buckets[bucket_of(value)], 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&h->sum, value, __ATOMIC_RELAXED);
        __atomic_fetch_add(&values[id], 1, __ATOMIC_RELAXED);
        while (value > max && !__atomic_compare_exchange_n(&h->max, &max, value, true,
                                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                ;
}

uint64_t metrics_get(enum metric_id id)
{
        return load(&values[id]);
}

uint64_t metrics_quantile(enum metric_id id, unsigned per_mille)
{
        const struct histogram *h = histogram_of(id);
        uint64_t n = 0, below = 0, rank;

        for (size_t i = 0; i < N_BUCKETS; i++)
                n += load(&h->buckets[i]);
        if (n == 0)
                return 0;
        rank = n * per_mille / 1000;
        rank = MIN2(rank, n - 1);
        for (size_t i = 0; i < N_BUCKETS; i++) {
                below += load(&h->buckets[i]);
                if (below > rank) {
                        uint64_t middle = (bucket_start(i) + bucket_start(i + 1) - 1) / 2;

                        return MIN2(middle, load(&h->max));
                }
        }
        return load(&h->max);
}

const char *metrics_name(enum metric_id id)
{
        return table[id].name;
}

const char *metrics_help(enum metric_id id)
{
        return table[id].help;
}

static json_t *histogram_to_json(enum metric_id id)
{
        const struct histogram *h = histogram_of(id);

        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)metrics_get(id),
                         "sum", (json_int_t)load(&h->sum), "p50",
                         (json_int_t)metrics_quantile(id, 500), "p90",
                         (json_int_t)metrics_quantile(id, 900), "p99",
                         (json_int_t)metrics_quantile(id, 990), "max", (json_int_t)load(&h->max));
}

int metrics_to_json(json_t **ret)
{
        _cleanup_json_ json_t *all = json_object();

        for (int id = 0; id < N_METRICS; id++) {
                int r = json_put(all, table[id].name,
                                 table[id].kind == HISTOGRAM
                                         ? histogram_to_json(id)
                                         : json_integer((json_int_t)metrics_get(id)));

                if (r < 0)
                        return r;
        }
        *ret = take(all);
        return 0;
}

/* Bounds at powers of two, always the same ones: rates are computed per bound. Values are whole, so
 * "< 2^k" is "<= 2^k - 1". */
static void write_histogram(struct buf *b, enum metric_id id)
{
        const struct histogram *h = histogram_of(id);
        const char *name = table[id].name;
        uint64_t below = 0;
        size_t bucket = 0;

        for (unsigned power = PART_BITS; power <= LAST_POWER; power++) {
                for (; bucket_start(bucket) < UINT64_C(1) << power; bucket++)
                        below += load(&h->buckets[bucket]);
                buf_printf(b, "genopt_%s_bucket{le=\"%llu\"} %llu\n", name, (1ULL << power) - 1,
                           (unsigned long long)below);
        }
        for (; bucket < N_BUCKETS; bucket++)
                below += load(&h->buckets[bucket]);
        buf_printf(b,
                   "genopt_%s_bucket{le=\"+Inf\"} %llu\ngenopt_%s_sum %llu\ngenopt_%s_count %llu\n",
                   name, (unsigned long long)below, name, (unsigned long long)load(&h->sum), name,
                   (unsigned long long)below);
}

int metrics_write_text(struct buf *b)
{
        static const char *const kinds[] = {
                [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};

        for (int id = 0; id < N_METRICS; id++) {
                const struct metric *m = &table[id];
                const char *suffix = m->kind == COUNTER ? "_total" : "";

                buf_printf(b, "# HELP genopt_%s%s %s\n# TYPE genopt_%s%s %s\n", m->name, suffix,
                           m->help, m->name, suffix, kinds[m->kind]);
                if (m->kind == HISTOGRAM)
                        write_histogram(b, id);
                else
                        buf_printf(b, "genopt_%s%s %llu\n", m->name, suffix,
                                   (unsigned long long)metrics_get(id));
        }
        return b->failed;
}

#if GENOPT_TESTING
void metrics_test_reset(void)
{
        memset(values, 0, sizeof(values));
        memset(histograms, 0, sizeof(histograms));
}
#endif
