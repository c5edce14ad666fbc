#include "daemon/store/batch.h"

#include "daemon/store/env.h"
#include "daemon/store/value.h"

#define KEY_BYTES_MAX 511 /* LMDB's */

int store_batch_new(enum store_env env, struct store_batch **ret)
{
        struct store_batch *b = calloc(1, sizeof(*b));

        if (!b)
                return -ENOMEM;
        b->env = env;
        STAILQ_INIT(&b->ops);
        *ret = b;
        return 0;
}

struct store_batch *store_batch_free(struct store_batch *b)
{
        struct op *op;

        if (!b)
                return NULL;
        while ((op = STAILQ_FIRST(&b->ops))) {
                STAILQ_REMOVE_HEAD(&b->ops, next);
                free(op->packed);
                free(op);
        }
        store_tie_unref(b->tie);
        free(b);
        return NULL;
}

int store_tie_new(struct store_tie **ret)
{
        struct store_tie *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->n_refs = 1;
        *ret = t;
        return 0;
}

struct store_tie *store_tie_unref(struct store_tie *t)
{
        if (t && __atomic_sub_fetch(&t->n_refs, 1, __ATOMIC_ACQ_REL) == 0)
                free(t);
        return NULL;
}

void store_batch_tie(struct store_batch *b, struct store_tie *t)
{
        assert(!b->tie);
        (void)__atomic_add_fetch(&t->n_refs, 1, __ATOMIC_RELAXED);
        b->tie = t;
}

int batch_add(struct store_batch *b, enum op_kind kind, enum store_table t, struct span key,
              struct span prefix, struct span content)
{
        struct op *op;

        if (store_tables[t].env != b->env || key.n > KEY_BYTES_MAX ||
            (key.n == 0 && kind != OP_DELETE_PREFIX))
                return -EINVAL;
        if (content.n > VALUE_CONTENT_BYTES - prefix.n)
                return -EMSGSIZE;
        op = malloc(sizeof(*op) + key.n + prefix.n + content.n);
        if (!op)
                return -ENOMEM;
        *op = (struct op){
                .kind = kind,
                .table = t,
                .n_key = (uint16_t)key.n,
                .n_content = prefix.n + content.n,
        };
        if (key.n > 0)
                memcpy(op->bytes, key.at, key.n);
        if (prefix.n > 0)
                memcpy(op->bytes + key.n, prefix.at, prefix.n);
        if (content.n > 0)
                memcpy(op->bytes + key.n + prefix.n, content.at, content.n);
        STAILQ_INSERT_TAIL(&b->ops, op, next);
        b->n_bytes += key.n + op->n_content;
        return 0;
}

int store_batch_put(struct store_batch *b, enum store_table t, struct span key, struct span value)
{
        return batch_add(b, OP_PUT, t, key, SPAN(""), value);
}

int store_batch_delete(struct store_batch *b, enum store_table t, struct span key)
{
        return batch_add(b, OP_DELETE, t, key, SPAN(""), SPAN(""));
}

int store_batch_delete_prefix(struct store_batch *b, enum store_table t, struct span prefix)
{
        return batch_add(b, OP_DELETE_PREFIX, t, prefix, SPAN(""), SPAN(""));
}
