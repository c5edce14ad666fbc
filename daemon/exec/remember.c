#include "daemon/exec/remember.h"

#include "common/json.h"
#include "daemon/exec/run.h"
#include "daemon/store/store.h"

#define FIRST_ROOM 256

void result_remember(struct store *s, const struct task *t, const struct hash *key,
                     const struct hash *interface, const struct result *result)
{
        _cleanup_buf_ struct buf value = {0}, seen = {0}, old = {0};
        size_t kept = 1;

        if (result_encode(result, &value) < 0)
                return;
        cache_put(s, CACHE_RESULT, key, buf_span(&value));
        buf_add(&seen, key->at, HASH_BYTES);
        buf_add(&seen, interface->at, HASH_BYTES);
        if (cache_get(s, CACHE_SEEN, &t->static_key, &old) == 0)
                for (size_t at = 0; at + 2 * HASH_BYTES <= old.n && kept < MAX_SEEN;
                     at += 2 * HASH_BYTES)
                        if (memcmp(old.at + at, key->at, HASH_BYTES) != 0) {
                                buf_add(&seen, old.at + at, 2 * HASH_BYTES);
                                kept++;
                        }
        if (!seen.failed)
                cache_put(s, CACHE_SEEN, &t->static_key, buf_span(&seen));
}

void remembered_done(struct remembered *m)
{
        free(m->at);
        *m = (struct remembered){0};
}

static struct hash *slot_of(struct hash *at, size_t room, const struct hash *h)
{
        size_t i;

        memcpy(&i, h->at, sizeof(i));
        for (i &= room - 1; !hash_is_zero(&at[i]) && !hash_is_equal(&at[i], h);)
                i = (i + 1) & (room - 1);
        return &at[i];
}

static int grow(struct remembered *m)
{
        size_t room = m->room ? 2 * m->room : FIRST_ROOM;
        struct hash *at = calloc(room, sizeof(*at));

        if (!at)
                return -ENOMEM;
        for (size_t i = 0; i < m->room; i++)
                if (!hash_is_zero(&m->at[i]))
                        *slot_of(at, room, &m->at[i]) = m->at[i];
        free(m->at);
        m->at = at;
        m->room = room;
        return 0;
}

/* True the first time. Without memory each time is the first. */
static bool is_new(struct remembered *m, const struct hash *h)
{
        struct hash *slot;

        if (2 * m->n >= m->room && grow(m) < 0)
                return true;
        slot = slot_of(m->at, m->room, h);
        if (!hash_is_zero(slot))
                return false;
        *slot = *h;
        m->n++;
        return true;
}

static int nothing(struct span value, void *arg)
{
        (void)value;
        (void)arg;
        return 0;
}

static bool is_kept(struct store *s, const struct hash *h)
{
        return cache_get_with(s, CACHE_INPUTS, h, nothing, NULL) == 0;
}

static void remember_value(struct store *s, struct remembered *m, const struct task_input *in)
{
        _cleanup_buf_ struct buf b = {0};

        if ((!in->data && in->json.n == 0) || !is_new(m, &in->hash) || is_kept(s, &in->hash))
                return;
        buf_init(&b, 0);
        if (in->data && json_write(in->data, &b) < 0)
                return;
        cache_put(s, CACHE_INPUTS, &in->hash, in->data ? buf_span(&b) : in->json);
}

void inputs_remember(struct store *s, struct remembered *m, const struct work *w,
                     const struct task *t, const struct hash *interfaces, const struct hash *key)
{
        _cleanup_buf_ struct buf b = {0};

        if (is_kept(s, key))
                return;
        buf_init(&b, 0);
        if (inputs_encode(w, t, interfaces, &b) < 0)
                return;
        for (size_t i = 0; i < t->n_inputs; i++)
                remember_value(s, m, &t->inputs[i]);
        cache_put(s, CACHE_INPUTS, key, buf_span(&b));
}

void interface_remember(struct store *s, struct remembered *m, const struct hash *hash,
                        struct span text)
{
        _cleanup_buf_ struct buf b = {0};

        if (!is_new(m, hash) || is_kept(s, hash))
                return;
        buf_init(&b, 0);
        if (json_write_string(&b, text) == 0)
                cache_put(s, CACHE_INPUTS, hash, buf_span(&b));
}

/* ---- of a plan ---- */

static json_t *hash_json(const struct hash *h)
{
        char hex[HASH_HEX_BYTES];

        hash_to_hex(h, hex);
        return json_string(hex);
}

static int put_unsure(const struct work *w, const struct plan *p, const struct task *t, json_t *o)
{
        _cleanup_json_ json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < t->n_depends && r == 0; i++)
                if (!p->foretold[t->depends[i]].is_interface_certain)
                        r = json_add(list, json_string(w->tasks[t->depends[i]].title));
        return r < 0 || json_array_size(list) == 0 ? r : json_put(o, "unsure", json_incref(list));
}

static int put_row(const struct work *w, const struct stand *s, const struct plan *p, uint32_t i,
                   json_t *rows)
{
        const struct task *t = &w->tasks[i];
        const struct foretold *f = &p->foretold[i];
        json_t *o = json_object();
        int r = json_put(rows, t->path, o);

        if (r == 0 && f->has_key)
                r = json_put(o, "key", hash_json(&f->key));
        if (r == 0 && s->is_in_manifest)
                r = json_put(o, "old", hash_json(&s->fingerprint));
        if (r == 0 && s->is_in_manifest &&
            (!s->is_on_disk || !hash_is_equal(&s->disk, &s->written)))
                r = json_put(o, "disk", json_string(s->is_on_disk ? "edited" : "missing"));
        return r < 0 ? r : put_unsure(w, p, t, o);
}

static int remember_foretold(struct store *s, struct remembered *m, const struct work *w,
                             const struct plan *p, uint32_t i)
{
        const struct task *t = &w->tasks[i];
        _cleanup_free_ struct hash *interfaces = calloc(t->n_depends + 1, sizeof(*interfaces));

        if (!interfaces)
                return -ENOMEM;
        for (size_t k = 0; k < t->n_depends; k++)
                interfaces[k] = p->foretold[t->depends[k]].interface;
        inputs_remember(s, m, w, t, interfaces, &p->foretold[i].key);
        return 0;
}

int plan_remember(struct store *s, const struct work *w, const struct stand *stands,
                  const struct plan *p, json_t **ret)
{
        _cleanup_json_ json_t *rows = json_object();
        struct remembered m = {0};
        int r = rows ? 0 : -ENOMEM;

        for (uint32_t i = 0; i < w->n_tasks && r == 0; i++) {
                const struct step *step = &p->steps[p->step_of_task[i]];

                if (!w->tasks[i].path || !stands[i].is_in_manifest ||
                    (step->kind == STEP_KEEP && step->is_certain))
                        continue;
                r = put_row(w, &stands[i], p, i, rows);
                if (r == 0 && p->foretold[i].has_key)
                        r = remember_foretold(s, &m, w, p, i);
        }
        remembered_done(&m);
        if (r == 0)
                *ret = take(rows);
        return r;
}
