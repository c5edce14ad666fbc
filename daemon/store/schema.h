#pragma once
/* Schema numbers. They stand in the META table of each environment, as decimal text under "schema".
 *
 * State of an older schema is migrated in one write transaction, after a copy (data.mdb.copy); a
 * newer one is refused. A cache of another schema is dropped. A change of what a table holds raises
 * the number and adds a row to the table of migrations. */

#include "daemon/store/env.h"

#define STATE_SCHEMA 1u
#define CACHE_SCHEMA 2u

struct migration {
        unsigned from; /* to from + 1 */
        int (*run)(struct env *e, MDB_txn *txn);
};

/* Opens the tables of e, making what is missing. CONDITION_NEWER, CONDITION_OLDER. */
int schema_open(struct env *e) _must_check_;
/* The same for a given schema and table of migrations, in ascending order. */
int schema_open_as(struct env *e, unsigned schema, const struct migration *migrations,
                   size_t n_migrations) _must_check_;
