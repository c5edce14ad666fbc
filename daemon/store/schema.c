#include "daemon/store/schema.h"

#include <stdio.h>

#include "common/log.h"
#include "common/str.h"
#include "daemon/store/copy.h"

#define SCHEMA_KEY SPAN("schema")

/* No format of a released version has changed yet; the first change stands here as {1, name_of_it}.
 */
static const struct migration state_migrations[] = {{0, NULL}};
#define N_STATE_MIGRATIONS 0

static enum store_table meta_of(const struct env *e)
{
        return e->which == STORE_STATE ? TABLE_META : TABLE_CACHE_META;
}

/* *ret_missing: some table is not there. */
static int open_tables(struct env *e, MDB_txn *txn, unsigned flags, bool *ret_missing)
{
        int rc;

        for (unsigned t = 0; t < N_STORE_TABLES; t++) {
                if (store_tables[t].env != e->which)
                        continue;
                rc = mdb_dbi_open(txn, store_tables[t].name, flags, &e->dbi[t]);
                if (rc == MDB_NOTFOUND && ret_missing)
                        *ret_missing = true;
                else if (rc != 0)
                        return rc == MDB_NOTFOUND ? -EIO : env_error(e, rc);
        }
        return 0;
}

static int read_schema(struct env *e, MDB_txn *txn, unsigned *ret)
{
        _cleanup_buf_ struct buf text = {0};
        enum store_table meta = meta_of(e);
        struct value v;
        uint64_t n;
        int r;

        r = env_error(e, mdb_dbi_open(txn, store_tables[meta].name, 0, &e->dbi[meta]));
        if (r == 0)
                r = env_get(e, txn, meta, SCHEMA_KEY, &v);
        if (r == 0)
                r = value_unpack(&v, &text);
        if (r != 0)
                return r == CONDITION_BAD_VALUE ? CONDITION_DAMAGED : r;
        r = str_to_u64(text.at ? text.at : "", &n);
        if (r < 0 || n == 0 || n > UINT32_MAX)
                return CONDITION_DAMAGED;
        *ret = (unsigned)n;
        return 0;
}

/* What is there: *ret_schema 0 for an empty environment; *ret_missing some table is not open yet.
 */
static int look(struct env *e, unsigned *ret_schema, bool *ret_missing)
{
        MDB_stat st = {0};
        MDB_txn *txn;
        int r;

        *ret_schema = 0;
        *ret_missing = false;
        r = env_error(e, mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn));
        if (r != 0)
                return r;
        r = read_schema(e, txn, ret_schema);
        if (r == CONDITION_ABSENT)
                r = env_error(e, mdb_stat(txn, 1, &st));
        if (r == 0 && st.ms_entries > 0)
                r = CONDITION_NEWER; /* full, but not by us */
        if (r == 0)
                r = open_tables(e, txn, 0, ret_missing);
        if (r == 0)
                return env_error(e, mdb_txn_commit(txn)); /* an abort would close the tables */
        mdb_txn_abort(txn);
        return r;
}

static int write_schema(struct env *e, MDB_txn *txn, unsigned schema)
{
        char text[16];
        int n = snprintf(text, sizeof(text), "%u", schema);

        return env_put(e, txn, meta_of(e), SCHEMA_KEY, (struct span){text, (size_t)n});
}

static int migrate(struct env *e, MDB_txn *txn, unsigned from, unsigned to,
                   const struct migration *migrations, size_t n)
{
        int r = 0;

        for (size_t i = 0; i < n && r == 0 && from < to; i++) {
                if (migrations[i].from != from)
                        continue;
                r = migrations[i].run(e, txn);
                from++;
        }
        return r == 0 && from != to ? CONDITION_OLDER : r;
}

static int make_tables(struct env *e, unsigned from, unsigned schema,
                       const struct migration *migrations, size_t n_migrations)
{
        MDB_txn *txn;
        int r;

        r = env_write_begin(e, &txn);
        if (r != 0)
                return r;
        r = open_tables(e, txn, MDB_CREATE, NULL);
        if (r == 0 && from > 0)
                r = migrate(e, txn, from, schema, migrations, n_migrations);
        if (r == 0)
                r = write_schema(e, txn, schema);
        if (r == 0)
                return env_commit(e, txn);
        mdb_txn_abort(txn);
        return r;
}

int schema_open_as(struct env *e, unsigned schema, const struct migration *migrations,
                   size_t n_migrations)
{
        bool is_missing;
        unsigned from;
        int r;

        r = look(e, &from, &is_missing);
        if (r != 0)
                return r;
        if (from > schema)
                return CONDITION_NEWER;
        if (from == schema && !is_missing)
                return 0;
        if (from > 0 && from < schema) {
                if (e->which == STORE_CACHE)
                        return CONDITION_OLDER;
                log_notice("%s: from schema %u to %u, after a copy", e->dir, from, schema);
                r = copy_make(e, NULL);
                if (r < 0)
                        return r;
        }
        r = make_tables(e, from, schema, migrations, n_migrations);
        if (r == 0) {
                e->is_fresh = from == 0;
                e->from_schema = from < schema ? from : 0;
        }
        return r;
}

int schema_open(struct env *e)
{
        if (e->which == STORE_CACHE)
                return schema_open_as(e, CACHE_SCHEMA, NULL, 0);
        return schema_open_as(e, STATE_SCHEMA, state_migrations, N_STATE_MIGRATIONS);
}
