#include "daemon/exec/note.h"

#include "daemon/edit/again.h"
#include "daemon/edit/edits.h"
#include "daemon/edit/trace.h"
#include "daemon/exec/left.h"
#include "daemon/store/store.h"

struct note {
        struct hash key;
        struct buf value;
        uint32_t task, finding;
        bool is_of_kept;  /* counts if the finding needs no change; else if it was repaired */
        bool is_standing; /* an earlier job repaired it */
        bool grows;       /* findings of one identity have one note: it grows with each */
};

struct notes {
        struct note *at; /* owned */
        size_t n, room;
};

struct notes *notes_free(struct notes *n)
{
        if (!n)
                return NULL;
        for (size_t i = 0; i < n->n; i++)
                buf_done(&n->at[i].value);
        free(n->at);
        free(n);
        return NULL;
}

/* ---- in a worker ---- */

/* The file as it was before the job, and as it is by now. */
struct compared {
        struct traces *traces; /* owned; NULL: they are not known, or no texts */
        struct edit_base after;
        struct hash content;
};

static void compared_done(struct compared *c)
{
        traces_free(c->traces);
        edit_base_done(&c->after);
}

static int compare(const struct work *w, const struct task *t, const struct result *result,
                   struct compared *ret)
{
        _cleanup_edit_base_ struct edit_base was = {0};
        struct span before;

        *ret = (struct compared){.content = result->content};
        while (t->repair->follows)
                t = &w->tasks[t->depends[0]];
        before = t->repair->excerpt
                         ? (struct span){t->repair->excerpt->whole, t->repair->excerpt->n_whole}
                         : (struct span){t->base, t->n_base};
        if (!before.at || result->is_gone || result->moved_to || edit_base_read(before, &was) < 0 ||
            edit_base_read((struct span){result->text, result->n_text}, &ret->after) < 0)
                return 0;
        return traces_new((struct span){was.text, was.n},
                          (struct span){ret->after.text, ret->after.n}, &ret->traces);
}

/* Takes the value. */
static void add(struct notes *n, struct note *note)
{
        struct note *grown = n->at;

        if (n->n == n->room) {
                grown = reallocarray(n->at, n->room * 2 + 16, sizeof(*grown));
                n->at = grown ? grown : n->at;
                n->room = grown ? n->room * 2 + 16 : n->room;
        }
        if (grown && !note->value.failed)
                n->at[n->n++] = *note;
        else
                buf_done(&note->value);
        note->value = (struct buf){0};
}

static void add_repaired(struct notes *n, const struct task *t, uint32_t i,
                         const struct compared *c)
{
        const struct repair *repair = t->repair;
        struct note note = {.task = t->index, .finding = i, .grows = true};

        (void)buf_add_text(&note.value, "1");
        if (c->traces && traces_add(c->traces, repair->places[i], &note.value) < 0)
                note.value.failed = -ENOMEM;
        repair_note_key(&repair->identities[i], NULL, NULL, &note.key);
        add(n, &note);
        if (hash_is_equal(&c->content, &repair->stands))
                return;
        note.grows = false;
        (void)buf_add_text(&note.value, "1");
        repair_note_key(&repair->identities[i], &c->content, &repair->alike[i], &note.key);
        add(n, &note);
}

/* What stood repaired does so in what the file is by now. */
static void add_standing(struct notes *n, const struct task *t, const struct compared *c)
{
        for (size_t i = 0; i < t->repair->n_standing; i++) {
                struct note note = {.task = t->index, .is_standing = true};

                (void)buf_add_text(&note.value, "1");
                repair_note_key(&t->repair->standing[2 * i], &c->content,
                                &t->repair->standing[2 * i + 1], &note.key);
                add(n, &note);
        }
}

static void add_kept(struct notes *n, const struct task *t, uint32_t i, const struct compared *c)
{
        const struct repair *repair = t->repair;
        struct note note = {.task = t->index, .finding = i, .is_of_kept = true};
        struct span text = {c->after.text, c->after.n};
        struct hash around;
        unsigned line;

        if (!c->traces)
                return;
        line = traces_line_after(c->traces, repair->places[i]);
        if ((line == 0 && repair->places[i] > 0) || around_hash(text, line, &around) < 0)
                return;
        (void)buf_add(&note.value, around.at, HASH_BYTES);
        repair_kept_key(&repair->identities[i], &note.key);
        add(n, &note);
}

/* Without those that the result leaves. */
static size_t repaired_identities(const struct repair *repair, const struct result *result,
                                  struct hash *ret, uint32_t *ret_first)
{
        size_t n = 0, left = 0;

        for (uint32_t i = 0; i < repair->n_findings; i++) {
                if (left < result->n_left && result->left[left].index == i) {
                        left++;
                        continue;
                }
                if (n == 0)
                        *ret_first = i;
                ret[n++] = repair->identities[i];
        }
        return n;
}

/* How it was made, if by a model: edits of the text that the task was about. */
static void add_again(struct notes *n, const struct task *t, struct span base,
                      const struct compared *c, const struct result *result)
{
        const struct repair *repair = t->repair;
        struct span after = {c->after.text, c->after.n};
        _cleanup_free_ struct hash *identities =
                calloc(repair->n_findings + 1, sizeof(*identities));
        _cleanup_(traces_freep) struct traces *traces = NULL;
        struct again again = {.score = result->score, .identities = identities};
        struct note how = {.task = t->index};

        if (!identities || !base.at || !c->traces || result_changes_tree(result) ||
            task_is_mechanical(t) || traces_new(base, after, &traces) < 0)
                return;
        again.n = repaired_identities(repair, result, identities, &how.finding);
        if (again.n == 0 || again_write(&again, traces, base, after, &how.value) < 0) {
                buf_done(&how.value);
                return;
        }
        hash_of(how.value.at, how.value.n, &how.key);
        for (uint32_t i = 0; i < repair->n_findings; i++) {
                struct note where = {.task = t->index, .finding = i};

                (void)buf_add(&where.value, how.key.at, HASH_BYTES);
                repair_again_key(&repair->identities[i], &where.key);
                add(n, &where);
        }
        add(n, &how);
}

void notes_make(const struct work *w, const struct task *t, struct span base, struct candidate *c)
{
        const struct result *result = &c->result;
        struct notes *n = calloc(1, sizeof(*n));
        _cleanup_(compared_done) struct compared compared = {0};

        if (!n || compare(w, t, result, &compared) < 0) {
                notes_free(n);
                return;
        }
        for (size_t i = 0; i < result->n_left; i++)
                if (result->left[i].is_kept && result->left[i].index < t->repair->n_findings)
                        add_kept(n, t, result->left[i].index, &compared);
        add_again(n, t, base, &compared, result);
        for (;; t = &w->tasks[t->depends[0]]) {
                for (uint32_t i = 0; i < t->repair->n_findings; i++)
                        add_repaired(n, t, i, &compared);
                add_standing(n, t, &compared);
                if (!t->repair->follows)
                        break;
        }
        notes_free(c->notes);
        c->notes = n;
}

/* ---- on the loop ---- */

#define KEPT_PLACES_MAX 16u /* of one identity */

static void put_kept(struct run *r, const struct note *note)
{
        _cleanup_buf_ struct buf value = {0}, older = {0};

        buf_init(&older, 0);
        (void)buf_add_span(&value, buf_span(&note->value));
        if (cache_get(r->setup.store, CACHE_REPAIR, &note->key, &older) == 0)
                for (size_t at = 0;
                     at + HASH_BYTES <= older.n && value.n < KEPT_PLACES_MAX * HASH_BYTES;
                     at += HASH_BYTES)
                        if (memcmp(older.at + at, note->value.at, HASH_BYTES) != 0)
                                (void)buf_add(&value, older.at + at, HASH_BYTES);
        if (!value.failed)
                cache_put(r->setup.store, CACHE_REPAIR, &note->key, buf_span(&value));
}

static void put(struct run *r, const struct note *note)
{
        _cleanup_buf_ struct buf traces = {0}, older = {0}, value = {0};
        struct span of = buf_span(&note->value);

        buf_init(&older, 0);
        if (!note->grows || cache_get(r->setup.store, CACHE_REPAIR, &note->key, &older) != 0 ||
            older.n <= 1) {
                cache_put(r->setup.store, CACHE_REPAIR, &note->key, of);
                return;
        }
        (void)buf_add(&traces, of.at + 1, of.n - 1);
        if (traces_join((struct span){older.at + 1, older.n - 1}, &traces) < 0)
                return;
        (void)buf_add_text(&value, "1");
        if (buf_add_span(&value, buf_span(&traces)) == 0)
                cache_put(r->setup.store, CACHE_REPAIR, &note->key, buf_span(&value));
}

/* What is noted of a known result was noted when it was made, unless the cache let it go. */
static bool is_noted(struct run *r, uint32_t task)
{
        const struct repair *repair = r->work->tasks[task].repair;
        struct hash key;

        if (!run_task_of(r, task)->is_reused || repair->n_findings == 0)
                return false;
        repair_note_key(&repair->identities[0], NULL, NULL, &key);
        return cache_has(r->setup.store, CACHE_REPAIR, &key);
}

void note_repaired(struct run *r, uint32_t task, const struct candidate *c)
{
        struct candidate again = {.result = c->result};
        const struct notes *n = c->notes;

        if (!n && !is_noted(r, task)) { /* after a crash, or long ago: rare */
                notes_make(r->work, &r->work->tasks[task], (struct span){0}, &again);
                n = again.notes;
        }
        for (size_t i = 0; n && i < n->n; i++) {
                enum finding_fate fate = left_fate(r, n->at[i].task, n->at[i].finding, NULL);

                if (n->at[i].is_standing)
                        put(r, &n->at[i]);
                else if (n->at[i].is_of_kept && fate == FATE_KEPT)
                        put_kept(r, &n->at[i]);
                else if (!n->at[i].is_of_kept && fate == FATE_REPAIRED)
                        put(r, &n->at[i]);
        }
        notes_free(again.notes);
}

void note_forget(struct run *r, uint32_t task)
{
        const struct repair *repair = r->work->tasks[task].repair;

        for (uint32_t i = 0; i < repair->n_findings; i++) {
                struct hash key;

                repair_again_key(&repair->identities[i], &key);
                cache_remove(r->setup.store, CACHE_REPAIR, &key);
        }
}
