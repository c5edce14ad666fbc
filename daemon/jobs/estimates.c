#include "daemon/jobs/estimates.h"

#include "common/clock.h"
#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/store/store.h"

#define SAVE_INTERVAL_USEC 1000000
#define KEY SPAN("estimator")

void estimates_load(struct jobs *j)
{
        _cleanup_buf_ struct buf value = {0};
        _cleanup_json_ json_t *o = NULL;
        struct diag diag;

        buf_init(&value, 0);
        if (store_get(j->c.store, TABLE_ESTIMATE, KEY, &value) == 0 &&
            json_read(buf_span(&value), &o, &diag) == 0)
                estimator_from_json(&j->estimates.now, o);
        j->estimates.n_saved = j->estimates.now.n_changes;
}

/* What cannot be kept is learned again. */
static void put(struct jobs *j, struct store_batch *b)
{
        _cleanup_json_ json_t *o = NULL;
        _cleanup_buf_ struct buf value = {0};

        buf_init(&value, 0);
        if (estimator_to_json(&j->estimates.now, &o) < 0 || json_write(o, &value) < 0 ||
            store_batch_put(b, TABLE_ESTIMATE, KEY, buf_span(&value)) < 0)
                return;
        j->estimates.n_saved = j->estimates.now.n_changes;
        j->estimates.saved_usec = clock_monotonic_usec();
}

void estimates_add(struct jobs *j, struct store_batch *b, bool is_urgent)
{
        if (!b || j->estimates.n_saved == j->estimates.now.n_changes)
                return;
        if (is_urgent || j->estimates.saved_usec == 0 ||
            clock_monotonic_usec() - j->estimates.saved_usec >= SAVE_INTERVAL_USEC)
                put(j, b);
}

void estimates_save(struct jobs *j)
{
        struct store_batch *b = NULL;

        if (j->estimates.n_saved == j->estimates.now.n_changes ||
            store_batch_new(STORE_STATE, &b) < 0)
                return;
        put(j, b);
        if (store_commit(j->c.store, b, NULL, NULL) < 0)
                store_batch_free(b);
}
