/* Settle: the last dependency is done, so the full key is known. Is the result there already? */

#include "common/log.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/exec/learn.h"
#include "daemon/exec/leaving.h"
#include "daemon/exec/left.h"
#include "daemon/exec/tree.h"
#include "daemon/exec/verify.h"
#include "daemon/store/store.h"

struct state_key {
        uint8_t job[ULID_BYTES];
        uint8_t task[4];
};

/* What a command of the client's accepted is no longer known to be acceptable: the world it looked
 * at is no part of the key. A repair is judged again, in place. */
static bool may_take(const struct run *r, uint32_t task, enum plan_rule_id rule)
{
        return (r->work->tasks[task].command < 0 || r->work->tasks[task].repair) &&
               r->setup.planning.is_on[rule] && !r->setup.is_fresh;
}

static int full_key(struct run *r, uint32_t task, struct hash *ret)
{
        const struct task *t = &r->work->tasks[task];
        _cleanup_free_ struct hash *interfaces = calloc(t->n_depends + 1, sizeof(*interfaces));

        if (!interfaces)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_depends; i++)
                interfaces[i] = run_task_of(r, t->depends[i])->interface_hash;
        task_full_key(t, interfaces, ret);
        return 0;
}

/* Gives the task the interface of a text. */
static int adopt_interface(struct run *r, uint32_t task, struct span text, const struct hash *known)
{
        struct run_task *t = run_task_of(r, task);
        _cleanup_buf_ struct buf interface = {0};
        int k;

        if (known)
                t->interface_hash = *known;
        if (known && t->n_users == 0)
                return 0;
        buf_init(&interface, 0);
        k = extractor_run(r->work->tasks[task].extractor, text, &interface);
        if (k < 0)
                return k;
        hash_of(interface.at, interface.n, &t->interface_hash);
        free(t->interface);
        t->interface = buf_steal(&interface, &t->n_interface);
        if (!t->interface)
                return -ENOMEM;
        learn_interface(r, task);
        return 0;
}

/* What an earlier run of this job published: it is delivered and paid for, nothing is said again.
 */
static int find_published(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);
        _cleanup_buf_ struct buf value = {0}, text = {0};
        _cleanup_result_ struct result result = {0};
        struct state_key key;
        struct span bytes;
        const char *path;
        int k;

        memcpy(key.job, r->setup.job.at, ULID_BYTES);
        for (int i = 0; i < 4; i++)
                key.task[i] = (uint8_t)(task >> (24 - 8 * i));
        buf_init(&value, 0);
        buf_init(&text, 0);
        k = store_get(r->setup.store, TABLE_RESULT, (struct span){(char *)&key, sizeof(key)},
                      &value);
        if (k)
                return k;
        if (value.n < HASH_BYTES + 1 || memcmp(value.at, t->key.at, HASH_BYTES) != 0)
                return CONDITION_ABSENT;
        bytes = (struct span){value.at + HASH_BYTES + 1, value.n - HASH_BYTES - 1};
        k = result_decode(bytes, &result);
        if (k < 0)
                return k == -EBADMSG ? CONDITION_ABSENT : k;
        if ((uint8_t)value.at[HASH_BYTES] & PUT_WAITING) {
                k = tree_claim(r, task, &result, &path);
                return k < 0 ? k : verify_restore(r, task, &result, (uint8_t)value.at[HASH_BYTES]);
        }
        if (t->n_users > 0 || !r->work->tasks[task].path) {
                k = store_blob_get(r->setup.store, r->setup.uid, &result.content, 0, UINT64_MAX,
                                   &text);
                if (k)
                        return k;
        }
        k = adopt_interface(r, task, buf_span(&text), &result.interface);
        if (k < 0)
                return k;
        k = tree_claim(r, task, &result, &path); /* ours, whatever stands there by now */
        if (k < 0)
                return k;
        left_note(r, task, &result);
        t->content = result.content;
        t->source = (uint8_t)value.at[HASH_BYTES] < N_SOURCES ? (enum source)value.at[HASH_BYTES]
                                                              : SOURCE_REUSE;
        if (r->work->is_one_text) {
                result_done(&r->text);
                free(result.text);
                result.text = buf_steal(&text, &result.n_text);
                r->text = result;
                r->has_text = true;
                result = (struct result){0};
        }
        run_task_done(r, task);
        return 0;
}

static int find_cached(struct run *r, const struct hash *key, struct result *ret)
{
        _cleanup_buf_ struct buf value = {0};
        int k;

        buf_init(&value, 0);
        k = cache_get(r->setup.store, CACHE_RESULT, key, &value);
        if (k)
                return k;
        k = result_decode(buf_span(&value), ret);
        if (k == -EBADMSG) {
                cache_remove(r->setup.store, CACHE_RESULT, key);
                return CONDITION_ABSENT;
        }
        return k;
}

/* The plan looked it up already, under this key. */
static bool has_foretold_interface(const struct run *r, uint32_t task)
{
        const struct foretold *f = &r->setup.plan->foretold[task];

        return f->has_key && f->has_interface &&
               hash_is_equal(&f->key, &run_task_of((struct run *)r, task)->key);
}

/* The interface of a file that stands: of its result, or of what the client sent. */
static int read_standing(struct run *r, uint32_t task)
{
        const struct stand *s = &r->setup.stands->at[task];
        _cleanup_result_ struct result result = {0};
        _cleanup_buf_ struct buf text = {0};
        int k = find_cached(r, &run_task_of(r, task)->key, &result);

        buf_init(&text, 0);
        if (k == CONDITION_ABSENT)
                k = store_blob_get(r->setup.store, r->setup.uid, &s->written, 0, UINT64_MAX, &text);
        if (k)
                return k;
        return adopt_interface(
                r, task, result.text ? (struct span){result.text, result.n_text} : buf_span(&text),
                NULL);
}

int interface_load(struct run *r, uint32_t task)
{
        int k;

        if (run_task_of(r, task)->interface || run_task_of(r, task)->source != SOURCE_KEEP)
                return 0;
        k = read_standing(r, task);
        return k > 0 ? -ENODATA : k;
}

int base_load(struct run *r, uint32_t task, struct span *ret)
{
        const struct task *t = &r->work->tasks[task];
        const struct run_task *before;
        int k;

        if (!task_follows(t) && t->repair && t->repair->excerpt) {
                *ret = (struct span){t->repair->excerpt->whole, t->repair->excerpt->n_whole};
                return 0;
        }
        if (!task_follows(t))
                return plan_base(r->setup.plan, t, ret) ? 0 : CONDITION_ABSENT;
        k = interface_load(r, t->depends[0]);
        before = run_task_of(r, t->depends[0]);
        if (k == 0)
                *ret = (struct span){before->interface ? before->interface : "",
                                     before->n_interface};
        return k;
}

/* The file stands as we wrote it (or as the user edited it since) and would be made with the same
 * key. */
static int keep(struct run *r, uint32_t task)
{
        const struct stand *s = &r->setup.stands->at[task];
        struct run_task *t = run_task_of(r, task);
        int k = 0;

        if (!s->is_in_manifest || !s->is_on_disk || !hash_is_equal(&s->fingerprint, &t->key))
                return CONDITION_ABSENT;
        if (t->n_users > 0 && has_foretold_interface(r, task))
                t->interface_hash = r->setup.plan->foretold[task].interface;
        else if (t->n_users > 0)
                k = read_standing(r, task);
        if (k)
                return k;
        if (!hash_is_equal(&s->disk, &s->written)) {
                r->has_warned = true;
                publish_news(r, "warning",
                             json_pack("{s:s,s:s,s:s}", "text",
                                       "kept as you edited it; nothing new was made for it",
                                       "where", r->work->tasks[task].path, "level", "note"));
        }
        publish_kept(r, task);
        return 0;
}

static int reuse(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);
        _cleanup_(candidate_freep) struct candidate *c = calloc(1, sizeof(*c));
        const char *path;
        int k;

        if (!c)
                return -ENOMEM;
        k = find_cached(r, &t->key, &c->result);
        if (k == 0 && tree_claim(r, task, &c->result, &path) != 0)
                k = CONDITION_ABSENT; /* what it makes has no place any more */
        if (k) {
                if (k == CONDITION_ABSENT)
                        run_log(r, task, LOG_LEVEL_DEBUG, "cache_miss", "%s",
                                r->work->tasks[task].title);
                return k;
        }
        run_log(r, task, LOG_LEVEL_INFO, "cache_hit", "%s", r->work->tasks[task].title);
        k = adopt_interface(r, task, (struct span){c->result.text, c->result.n_text}, NULL);
        if (k < 0)
                return k;
        t->candidate = take(c);
        t->is_reused = true;
        if (r->work->tasks[task].command >= 0)
                verify_later(r, task);
        else
                publish_result(r, task, SOURCE_REUSE);
        return 0;
}

bool may_reuse(const struct run *r, uint32_t task)
{
        return may_take(r, task, RULE_REUSE);
}

bool is_made(const struct run *r, uint32_t task)
{
        return may_reuse(r, task) && cache_has(r->setup.store, CACHE_RESULT, &r->tasks[task].key);
}

bool settle_again(struct run *r, uint32_t task)
{
        return reuse(r, task) == 0;
}

void settle(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);
        int k;

        run_task_move(r, task, TASK_READY);
        k = full_key(r, task, &t->key);
        if (k == 0)
                k = find_published(r, task);
        if (k == CONDITION_ABSENT && may_take(r, task, RULE_KEEP))
                k = keep(r, task);
        if (k == CONDITION_ABSENT && may_take(r, task, RULE_REUSE))
                k = reuse(r, task);
        if (k == CONDITION_ABSENT)
                obtain(r, task);
        else if (k < 0)
                run_task_fail(r, task, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
        run_pump(r);
}
