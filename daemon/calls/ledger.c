#include "daemon/calls/ledger.h"

#include <time.h>

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what was to be added is NULL */
#include <uthash.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/store/store.h"

#define DAY_MS 86400000
#define KEY_BYTES (4 + 4 + HASH_BYTES)

struct row {
        UT_hash_handle hh;
        uint8_t key[KEY_BYTES];
        uint64_t calls, lost, input, cache_read, cache_write, output, nanousd;
};

struct ledger {
        struct store *store; /* borrowed: outlives this room */
        uint32_t day;
        bool is_loaded;
        struct row *rows;         /* owned: of that day */
        uint64_t nanousd;         /* their sum */
        uint64_t earlier_nanousd; /* of the days before it, in its month */
};

static void put_u32(uint8_t *at, uint32_t value)
{
        for (int i = 0; i < 4; i++)
                at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void forget(struct ledger *l)
{
        struct row *row, *next;

        HASH_ITER (hh, l->rows, row, next) {
                HASH_DEL(l->rows, row);
                free(row);
        }
        l->nanousd = 0;
        l->is_loaded = false;
}

static struct row *add_row(struct ledger *l, const uint8_t *key)
{
        struct row *row = calloc(1, sizeof(*row));

        if (!row)
                return NULL;
        memcpy(row->key, key, KEY_BYTES);
        HASH_ADD(hh, l->rows, key, KEY_BYTES, row);
        if (!row->hh.tbl) {
                free(row);
                return NULL;
        }
        return row;
}

static int load_row(struct span key, struct span value, void *arg)
{
        struct ledger *l = arg;
        _cleanup_json_ json_t *o = NULL;
        struct diag diag;
        struct row *row;

        if (key.n != KEY_BYTES || json_read(value, &o, &diag) != 0)
                return 0;
        row = add_row(l, (const uint8_t *)key.at);
        if (!row)
                return -ENOMEM;
        (void)json_get_u64(o, "calls", &row->calls);
        (void)json_get_u64(o, "lost", &row->lost);
        (void)json_get_u64(o, "input", &row->input);
        (void)json_get_u64(o, "cache_read", &row->cache_read);
        (void)json_get_u64(o, "cache_write", &row->cache_write);
        (void)json_get_u64(o, "output", &row->output);
        (void)json_get_u64(o, "nanousd", &row->nanousd);
        l->nanousd += row->nanousd;
        return 0;
}

static int add_money(struct span key _unused_, struct span value, void *arg)
{
        struct ledger *l = arg;
        _cleanup_json_ json_t *o = NULL;
        uint64_t nanousd = 0;
        struct diag diag;

        if (json_read(value, &o, &diag) == 0 && json_get_u64(o, "nanousd", &nanousd))
                l->earlier_nanousd += nanousd;
        return 0;
}

static struct tm date_of(uint32_t day)
{
        time_t at = (time_t)day * (DAY_MS / 1000);
        struct tm tm = {.tm_mday = 1};

        gmtime_r(&at, &tm);
        return tm;
}

static int see_month(struct ledger *l)
{
        l->earlier_nanousd = 0;
        for (int i = 1; i < date_of(l->day).tm_mday; i++) {
                uint8_t prefix[4];
                int r;

                put_u32(prefix, l->day - (uint32_t)i);
                r = store_scan(l->store, TABLE_LEDGER,
                               (struct span){(const char *)prefix, sizeof(prefix)}, (struct span){},
                               add_money, l);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A day's rows are read once, at its first use, and those of its month before it. */
static int see_day(struct ledger *l)
{
        uint32_t day = (uint32_t)(clock_realtime_ms() / DAY_MS);
        uint8_t prefix[4];
        int r;

        if (l->is_loaded && l->day == day)
                return 0;
        forget(l);
        l->day = day;
        put_u32(prefix, day);
        r = store_scan(l->store, TABLE_LEDGER, (struct span){(const char *)prefix, sizeof(prefix)},
                       (struct span){}, load_row, l);
        if (r == 0)
                r = see_month(l);
        if (r < 0) {
                forget(l);
                return r;
        }
        l->is_loaded = true;
        return 0;
}

static int key_of(uint32_t day, const struct ledger_entry *e, uint8_t ret[KEY_BYTES])
{
        struct hasher *hasher;
        struct hash hash;
        int r = hasher_new(&hasher);

        if (r < 0)
                return r;
        hasher_add(hasher, e->provider, strlen(e->provider) + 1);
        hasher_add(hasher, e->model, strlen(e->model));
        hasher_get(hasher, &hash);
        hasher_free(hasher);
        put_u32(ret, day);
        put_u32(ret + 4, e->uid);
        memcpy(ret + 8, hash.at, HASH_BYTES);
        return 0;
}

static int write_row(const struct row *row, uint32_t day, const struct ledger_entry *e,
                     struct buf *out)
{
        _cleanup_json_ json_t *o = NULL;

        o = json_pack("{s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "day",
                      (json_int_t)day, "uid", (json_int_t)e->uid, "provider", e->provider, "model",
                      e->model, "calls", (json_int_t)row->calls, "lost", (json_int_t)row->lost,
                      "input", (json_int_t)row->input, "cache_read", (json_int_t)row->cache_read,
                      "cache_write", (json_int_t)row->cache_write, "output",
                      (json_int_t)row->output, "nanousd", (json_int_t)row->nanousd);
        return o ? json_write(o, out) : -ENOMEM;
}

int ledger_add(struct ledger *l, struct store_batch *b, const struct ledger_entry *e)
{
        _cleanup_buf_ struct buf value = {};
        uint8_t key[KEY_BYTES];
        struct row *row, next;
        int r;

        r = see_day(l);
        if (r == 0)
                r = key_of(l->day, e, key);
        if (r < 0)
                return r;
        HASH_FIND(hh, l->rows, key, KEY_BYTES, row);
        if (!row)
                row = add_row(l, key);
        if (!row)
                return -ENOMEM;
        next = *row;
        next.calls++;
        next.lost += e->is_lost;
        next.input += e->usage.input;
        next.cache_read += e->usage.cache_read;
        next.cache_write += e->usage.cache_write_5m + e->usage.cache_write_1h;
        next.output += e->usage.output;
        next.nanousd += e->nanousd;
        r = write_row(&next, l->day, e, &value);
        if (r == 0)
                r = store_batch_put(b, TABLE_LEDGER, (struct span){(const char *)key, sizeof(key)},
                                    buf_span(&value));
        if (r < 0)
                return r;
        next.hh = row->hh;
        *row = next;
        l->nanousd += e->nanousd;
        return 0;
}

uint64_t ledger_today(struct ledger *l)
{
        int r = see_day(l);

        if (r < 0)
                log_warning("the ledger of today cannot be read: %s", strerror(-r));
        return l->nanousd;
}

uint32_t ledger_period(struct ledger *l, bool is_month)
{
        struct tm tm;

        (void)ledger_today(l);
        tm = date_of(l->day);
        return is_month ? (uint32_t)(tm.tm_year * 12 + tm.tm_mon) : l->day;
}

uint64_t ledger_month(struct ledger *l)
{
        return ledger_today(l) + l->earlier_nanousd;
}

int ledger_new(struct store *store, struct ledger **ret)
{
        struct ledger *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->store = store;
        *ret = l;
        return 0;
}

struct ledger *ledger_free(struct ledger *l)
{
        if (!l)
                return NULL;
        forget(l);
        free(l);
        return NULL;
}
