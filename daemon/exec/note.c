#include "daemon/exec/note.h"

#include "daemon/edit/edits.h"
#include "daemon/edit/trace.h"
#include "daemon/store/store.h"

/* From the file as it was before the job to what it is now. NULL: that is not known, or no text. */
static struct traces *compare(const struct run *r, uint32_t task, const struct result *result)
{
        const struct task *t = &r->work->tasks[task];
        _cleanup_edit_base_ struct edit_base after = {0};
        struct traces *traces = NULL;
        struct span before;

        while (t->repair->follows)
                t = &r->work->tasks[t->depends[0]];
        before = t->repair->excerpt
                         ? (struct span){t->repair->excerpt->whole, t->repair->excerpt->n_whole}
                         : (struct span){t->base, t->n_base};
        if (!before.at || result->is_gone || result->moved_to ||
            edit_base_read((struct span){result->text, result->n_text}, &after) < 0)
                return NULL;
        return traces_new(before, (struct span){after.text, after.n}, &traces) == 0 ? traces : NULL;
}

/* Findings of one identity have one note: it grows with each. */
static void note_traces(struct run *r, const struct hash *key, const struct traces *traces,
                        uint32_t line)
{
        _cleanup_buf_ struct buf note = {0}, older = {0}, value = {0};

        buf_init(&older, 0);
        if (traces && traces_add(traces, line, &note) < 0)
                return;
        if (cache_get(r->setup.store, CACHE_SEEN, key, &older) == 0 && older.n > 1 &&
            traces_join((struct span){older.at + 1, older.n - 1}, &note) < 0)
                return;
        (void)buf_add_text(&value, "1");
        if (buf_add_span(&value, buf_span(&note)) == 0)
                cache_put(r->setup.store, CACHE_SEEN, key, buf_span(&value));
}

void note_repaired(struct run *r, uint32_t task, const struct result *result)
{
        const struct hash content = run_task_of(r, task)->content;
        _cleanup_(traces_freep) struct traces *traces = compare(r, task, result);

        for (;; task = r->work->tasks[task].depends[0]) {
                const struct repair *repair = r->work->tasks[task].repair;
                bool is_changed = !hash_is_equal(&content, &repair->stands);

                for (uint32_t i = 0; i < repair->n_findings; i++) {
                        struct hash key;

                        repair_note_key(&repair->identities[i], NULL, &key);
                        note_traces(r, &key, traces, repair->places[i]);
                        repair_note_key(&repair->identities[i], &content, &key);
                        if (is_changed)
                                cache_put(r->setup.store, CACHE_SEEN, &key, SPAN("1"));
                }
                if (!repair->follows)
                        return;
        }
}
