#pragma once
/* Money by day, user and model: the state's table `ledger`.
 *
 *     key   = day u32 (days since 1970, UTC) | uid u32 | sha256 of provider, NUL, model
 *     value = {"day", "uid", "provider", "model", "calls", "lost", "input", "cache_read",
 *              "cache_write", "output", "nanousd"}
 *
 * The rows of today are in memory too, because a row is written whole and the writer may have older
 * versions on its way. */

#include "common/macros.h"
#include "daemon/calls/calls.h"

struct store;
struct store_batch;
struct ledger;

struct ledger_entry {
        uint32_t uid;
        const char *provider, *model; /* borrowed */
        struct usage usage;
        uint64_t nanousd;
        bool is_lost; /* booked at estimate: the outcome is not known */
};

int ledger_new(struct store *store, struct ledger **ret) _must_check_;
struct ledger *ledger_free(struct ledger *l);
/* Puts the row of today with the entry added into the batch. In memory it counts from now on, even
 * if the batch is lost. */
int ledger_add(struct ledger *l, struct store_batch *b, const struct ledger_entry *e) _must_check_;
uint64_t ledger_today(struct ledger *l); /* nano-dollars */
uint64_t ledger_month(struct ledger *l); /* today included */
/* A number of today, or of this month: another one tomorrow, or next month. */
uint32_t ledger_period(struct ledger *l, bool is_month);
