/* What a plan needs to know: how files stand in the output directory (from the client), which
 * results exist (from the store). */

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what was to be added is NULL */
#include <uthash.h>

#include "common/json.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/exec/run.h"
#include "daemon/store/store.h"

struct row {
        const char *path; /* borrowed from the work */
        uint32_t task;
        UT_hash_handle hh;
};

static bool read_hash(const json_t *entry, const char *key, struct hash *ret)
{
        const char *hex = json_get_text(entry, key);

        return hex && hash_from_hex(span_of(hex), ret) == 0;
}

/* An entry that does not fit is left out: the file then counts as not ours. */
static void read_manifest_entry(const json_t *entry, struct stand *s)
{
        struct stand got = {.is_in_manifest = true};

        if (!read_hash(entry, "fingerprint", &got.fingerprint) ||
            !read_hash(entry, "sha256", &got.written))
                return;
        got.is_on_disk = read_hash(entry, "disk", &got.disk);
        *s = got;
}

static int index_paths(const struct work *w, struct row *rows, struct row **ret)
{
        struct row *table = NULL;

        for (uint32_t i = 0; i < w->n_tasks; i++) {
                struct row *row = &rows[i];

                if (!w->tasks[i].path)
                        continue;
                row->path = w->tasks[i].path;
                row->task = i;
                HASH_ADD_KEYPTR(hh, table, row->path, strlen(row->path), row);
                if (!row->hh.tbl) {
                        HASH_CLEAR(hh, table);
                        return -ENOMEM;
                }
        }
        *ret = table;
        return 0;
}

struct stands *stands_free(struct stands *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_orphans; i++)
                free(s->orphans[i].path);
        free(s->orphans);
        free(s->at);
        free(s);
        return NULL;
}

static int add_orphan(struct stands *s, const char *path, const json_t *entry)
{
        struct orphan o = {0};

        if (!read_hash(entry, "sha256", &o.written))
                return 0;
        o.path = strdup(path);
        if (!o.path)
                return -ENOMEM;
        s->orphans[s->n_orphans++] = o;
        return 0;
}

int stands_read(const struct work *w, const json_t *input, struct stands **ret)
{
        _cleanup_(stands_freep) struct stands *stands = calloc(1, sizeof(*stands));
        _cleanup_free_ struct row *rows = calloc(w->n_tasks + 1, sizeof(*rows));
        const json_t *manifest = json_object_get(input, "manifest"), *entry;
        struct row *table = NULL;
        int k = 0;
        size_t i;

        if (!stands || !rows)
                return -ENOMEM;
        stands->at = calloc(w->n_tasks + 1, sizeof(*stands->at));
        stands->orphans = calloc(json_array_size(manifest) + 1, sizeof(*stands->orphans));
        if (!stands->at || !stands->orphans || index_paths(w, rows, &table) < 0)
                return -ENOMEM;
        json_array_foreach ((json_t *)manifest, i, entry) {
                const char *path = json_get_text(entry, "path");
                struct row *row = NULL;

                if (path)
                        HASH_FIND(hh, table, path, strlen(path), row);
                if (row)
                        read_manifest_entry(entry, &stands->at[row->task]);
                else if (path && k == 0)
                        k = add_orphan(stands, path, entry);
        }
        HASH_CLEAR(hh, table);
        if (k == 0)
                *ret = take(stands);
        return k;
}

static int find_seen(struct store *s, const struct task *t, struct task_facts *f)
{
        _cleanup_buf_ struct buf value = {0};
        int k;

        buf_init(&value, 0);
        k = cache_get(s, CACHE_SEEN, &t->static_key, &value);
        if (k)
                return k == CONDITION_ABSENT ? 0 : k;
        for (size_t at = 0; at + 2 * HASH_BYTES <= value.n && f->n_seen < MAX_SEEN;
             at += 2 * HASH_BYTES) {
                struct seen_result *seen = &f->seen[f->n_seen++];

                memcpy(seen->key.at, value.at + at, HASH_BYTES);
                memcpy(seen->interface.at, value.at + at + HASH_BYTES, HASH_BYTES);
                seen->is_at_hand = cache_has(s, CACHE_RESULT, &seen->key);
        }
        return 0;
}

/* The interface of the file that stands: from the result that it is, else from its text, if the
 * client has sent it. */
static int find_standing_interface(struct store *s, const struct task *t, const struct stand *stand,
                                   uint32_t uid, struct task_facts *f)
{
        _cleanup_result_ struct result result = {0};
        _cleanup_buf_ struct buf value = {0}, interface = {0};
        int k;

        for (size_t i = 0; i < f->n_seen; i++)
                if (f->seen[i].is_at_hand && hash_is_equal(&f->seen[i].key, &stand->fingerprint)) {
                        f->has_standing_interface = true;
                        f->standing_interface = f->seen[i].interface;
                        return 0;
                }
        buf_init(&value, 0);
        buf_init(&interface, 0);
        k = cache_get(s, CACHE_RESULT, &stand->fingerprint, &value);
        if (k < 0)
                return k;
        if (k == 0 && result_decode(buf_span(&value), &result) == 0) {
                f->has_standing_interface = true;
                f->standing_interface = result.interface;
                return 0;
        }
        buf_clear(&value);
        k = store_blob_get(s, uid, &stand->written, 0, UINT64_MAX, &value);
        if (k)
                return k;
        k = extractor_run(t->extractor, buf_span(&value), &interface);
        if (k < 0)
                return k;
        hash_of(interface.at, interface.n, &f->standing_interface);
        f->has_standing_interface = true;
        return 0;
}

static int gather_task(struct store *s, const struct task *t, const struct stand *stand,
                       uint32_t uid, bool has_users, struct task_facts *f, struct strlist *ret_need)
{
        char hex[HASH_HEX_BYTES];
        int k = find_seen(s, t, f);

        if (k < 0 || !stand->is_in_manifest)
                return k;
        f->is_in_manifest = true;
        f->fingerprint = stand->fingerprint;
        f->is_standing = stand->is_on_disk && hash_is_equal(&stand->disk, &stand->written);
        f->is_edited = stand->is_on_disk && !f->is_standing;
        if (!has_users)
                return 0;
        k = find_standing_interface(s, t, stand, uid, f);
        if (k != CONDITION_ABSENT)
                return k;
        if (!f->is_standing)
                return 0;
        hash_to_hex(&stand->written, hex);
        return strlist_add(ret_need, hex);
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Several files may have the same content: it is asked for once. */
static void drop_repeated(struct strlist *list)
{
        size_t kept = 0;

        if (list->n > 0)
                qsort(list->at, list->n, sizeof(*list->at), compare_texts);
        for (size_t i = 0; i < list->n; i++)
                if (kept > 0 && str_is_equal(list->at[kept - 1], list->at[i]))
                        free(list->at[i]);
                else
                        list->at[kept++] = list->at[i];
        list->n = kept;
}

int facts_gather(struct store *s, const struct work *w, const struct stands *stands, uint32_t uid,
                 struct task_facts **ret, struct strlist *ret_need)
{
        _cleanup_free_ struct task_facts *facts = calloc(w->n_tasks + 1, sizeof(*facts));
        _cleanup_free_ bool *has_users = calloc(w->n_tasks + 1, sizeof(*has_users));

        if (!facts || !has_users)
                return -ENOMEM;
        for (size_t i = 0; i < w->n_tasks; i++)
                for (size_t k = 0; k < w->tasks[i].n_depends; k++)
                        has_users[w->tasks[i].depends[k]] = true;
        for (size_t i = 0; i < w->n_tasks; i++) {
                int k = gather_task(s, &w->tasks[i], &stands->at[i], uid, has_users[i], &facts[i],
                                    ret_need);

                if (k < 0)
                        return k;
        }
        drop_repeated(ret_need);
        *ret = take(facts);
        return 0;
}
