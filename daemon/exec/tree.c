#include "daemon/exec/tree.h"

#include <stdio.h>
#include <strings.h>

#include "common/clock.h"
#include "common/path.h"
#include "daemon/exec/left.h"
#include "daemon/store/store.h"

/* ---- where something may be put ---- */

/* The first path that is not before `path`. */
static size_t find_place(const struct standing_tree *tree, struct span path)
{
        size_t from = 0, to = tree->n;

        while (from < to) {
                size_t middle = from + (to - from) / 2;
                struct span at = span_of(tree->paths[middle]);
                int order = memcmp(at.at, path.at, MIN2(at.n, path.n));

                if (order < 0 || (order == 0 && at.n < path.n))
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

static bool has_path(const struct standing_tree *tree, struct span path, size_t *ret)
{
        *ret = find_place(tree, path);
        return *ret < tree->n && span_is_equal(span_of(tree->paths[*ret]), path);
}

static bool is_folder(const struct standing_tree *tree, struct span path)
{
        char below[PATH_REL_BYTES + 2];
        size_t at;

        memcpy(below, path.at, path.n);
        below[path.n] = '/';
        at = find_place(tree, (struct span){below, path.n + 1});
        return at < tree->n && strncmp(tree->paths[at], below, path.n + 1) == 0;
}

/* A name with such marks is not what it seems. */
static bool has_turns(struct span s)
{
        for (size_t i = 0; i < s.n; i++)
                if (str_turn_length((struct span){s.at + i, s.n - i}) > 0)
                        return true;
        return false;
}

/* What git or a shell reads on its own, and what commands take for an option or a home. */
static bool is_risky(const char *path)
{
        static const char *const names[] = {".git", ".envrc"};

        for (const char *at = path; *at; at = *strchrnul(at, '/') ? strchrnul(at, '/') + 1 : "") {
                if (*at == '-' || *at == '~')
                        return true;
                for (size_t i = 0; i < N_ELEMENTS(names); i++)
                        if (strncasecmp(at, names[i], strlen(names[i])) == 0)
                                return true;
        }
        return has_turns(span_of(path));
}

/* NULL: nothing stands in the way. content: what is to stand there, which may do so already. */
static const char *find_obstacle(const struct standing_tree *tree, struct span path,
                                 const struct hash *content)
{
        char name[PATH_REL_BYTES + 1];
        size_t at;

        if (!path_is_relative(path))
                return "it is no plain path below the root of the source";
        memcpy(name, path.at, path.n);
        name[path.n] = '\0';
        if (path_is_reserved(name) || is_risky(name))
                return "that place is not for files of the source";
        if (!tree)
                return "nothing is known of the tree";
        if (has_path(tree, path, &at))
                return content && hash_is_equal(content, &tree->hashes[at])
                               ? NULL
                               : "a file stands there already";
        if (is_folder(tree, path))
                return "that is a folder";
        for (size_t i = 0; i < path.n; i++)
                if (path.at[i] == '/' && has_path(tree, (struct span){path.at, i}, &at))
                        return "a file stands where it needs a folder";
        return NULL;
}

/* ---- in a worker ---- */

static int refuse(struct run_work_item *item, struct span path, const char *why)
{
        item->diag = (struct diag){0};
        snprintf(item->diag.text, sizeof(item->diag.text), "`%.*s`: %s",
                 (int)MIN2(path.n, (size_t)120), path.at, why);
        return CONDITION_REFUSED;
}

static int check_asked(struct run_work_item *item, const struct edits *e)
{
        unsigned may = item->source->repair ? item->source->repair->may : 0;
        struct span own = span_of(item->source->path);

        if (e->is_gone && !(may & TREE_DELETE))
                return refuse(item, own, "no finding asks for the file to be taken away");
        if (e->move.n > 0 && !(may & TREE_MOVE))
                return refuse(item, own, "no finding asks for another path of the file");
        if (e->n_made > 0 && !(may & TREE_MAKE))
                return refuse(item, e->made[0].path, "no finding asks for a new file");
        return 0;
}

static int take_move(struct run_work_item *item, struct span to)
{
        struct result *r = &item->candidate->result;
        const char *why = span_is_equal(to, span_of(item->source->path))
                                  ? "it is there already"
                                  : find_obstacle(item->hold->work->tree, to, NULL);

        if (why)
                return refuse(item, to, why);
        free(r->moved_to);
        r->moved_to = str_dup_span(to);
        return r->moved_to ? 0 : -ENOMEM;
}

static int take_made(struct run_work_item *item, const struct edit_made *m, struct made_file *ret)
{
        bool has_end = m->text.n == 0 || m->text.at[m->text.n - 1] == '\n';
        _cleanup_buf_ struct buf b = {0};
        const char *why;
        size_t n = 0;

        (void)buf_add_span(&b, m->text);
        (void)buf_add_text(&b, has_end ? "" : "\n");
        if (b.failed)
                return b.failed;
        hash_of(b.at ? b.at : "", b.n, &ret->content);
        why = find_obstacle(item->hold->work->tree, m->path, &ret->content);
        if (why || !str_is_utf8(buf_span(&b)))
                return refuse(item, m->path, why ? why : "its content is no text");
        ret->path = str_dup_span(m->path);
        ret->text = b.n > 0 ? buf_steal(&b, &n) : strdup("");
        ret->n_text = n;
        return ret->path && ret->text ? 0 : -ENOMEM;
}

int tree_amend(struct run_work_item *item, const struct edits *e)
{
        struct result *r = &item->candidate->result;
        int k = check_asked(item, e);

        if (k == 0 && e->move.n > 0)
                k = take_move(item, e->move);
        if (k || e->n_made == 0) {
                r->is_gone = k == 0 && e->is_gone;
                return k;
        }
        r->made = calloc(e->n_made, sizeof(*r->made));
        if (!r->made)
                return -ENOMEM;
        while (r->n_made < e->n_made && k == 0) {
                k = take_made(item, &e->made[r->n_made], &r->made[r->n_made]);
                r->n_made++;
        }
        r->is_gone = e->is_gone;
        return k;
}

/* ---- on the loop ---- */

static bool is_taken(struct run *r, uint32_t task, const char *path, const struct hash *content)
{
        const json_t *claim = json_object_get(r->claims, path);

        return (claim && json_integer_value(claim) != (json_int_t)task) ||
               find_obstacle(r->work->tree, span_of(path), content) != NULL;
}

static int find_taken(struct run *r, uint32_t task, const struct result *result,
                      const char **ret_path)
{
        *ret_path = NULL;
        if (result->moved_to && is_taken(r, task, result->moved_to, NULL))
                *ret_path = result->moved_to;
        for (size_t i = 0; i < result->n_made && !*ret_path; i++)
                if (is_taken(r, task, result->made[i].path, &result->made[i].content))
                        *ret_path = result->made[i].path;
        return *ret_path ? CONDITION_REFUSED : 0;
}

int tree_claim(struct run *r, uint32_t task, const struct result *result, const char **ret_path)
{
        int k = 0;

        *ret_path = NULL;
        if (!result_changes_tree(result))
                return 0;
        if (!r->claims)
                r->claims = json_object();
        k = r->claims ? find_taken(r, task, result, ret_path) : -ENOMEM;
        if (k == 0 && result->moved_to)
                k = json_put(r->claims, result->moved_to, json_integer(task));
        for (size_t i = 0; i < result->n_made && k == 0; i++)
                k = json_put(r->claims, result->made[i].path, json_integer(task));
        return k;
}

int tree_put_blobs(struct run *r, struct store_batch *b, const struct result *result)
{
        int k = 0;

        for (size_t i = 0; i < result->n_made && k == 0; i++) {
                const struct made_file *m = &result->made[i];

                if (m->text)
                        k = store_blob_put(b, r->setup.uid, &m->content,
                                           (struct span){m->text, m->n_text}, clock_realtime_ms());
        }
        return k;
}

static json_t *hash_json(const struct hash *h)
{
        char hex[HASH_HEX_BYTES];

        hash_to_hex(h, hex);
        return json_string(hex);
}

/* Takes base. reason: NULL for the repair itself. */
static int say(struct run *r, uint32_t task, const char *action, const char *path, json_t *base,
               const struct hash *blob, json_t *more)
{
        json_t *o = json_pack("{s:s,s:s,s:o,s:o}", "action", action, "path", path, "base", base,
                              "fingerprint", hash_json(&run_task_of(r, task)->key));
        int k = o && more ? 0 : -ENOMEM;

        k = k ? k : json_put(o, "task", json_integer(task));
        if (k == 0 && blob)
                k = json_put(o, "blob", hash_json(blob));
        if (k == 0)
                k = json_object_update(o, more) < 0 ? -ENOMEM : 0;
        json_decref(more);
        if (k == 0)
                return publish_news(r, "file", o);
        json_decref(o);
        return k;
}

static json_t *about_repair(struct run *r, uint32_t task, const struct result *result,
                            const char *source)
{
        return json_pack("{s:s,s:o*}", "source", source, "findings",
                         left_without(r->work->tasks[task].repair, result));
}

static json_t *about_revert(void)
{
        return json_pack("{s:s}", "reason", "reverted");
}

int tree_publish(struct run *r, uint32_t task, const struct result *result, enum source source)
{
        const struct task *t = &r->work->tasks[task];
        const char *from = source_names[source];
        json_t *base = publish_base(r, task);
        int k;

        if (result->is_gone) {
                k = say(r, task, "remove", t->path, base, NULL,
                        about_repair(r, task, result, from));
        } else if (result->moved_to) {
                json_t *more = about_repair(r, task, result, from);

                if (more && json_put(more, "from", json_string(t->path)) < 0) {
                        json_decref(more);
                        more = NULL;
                }
                k = say(r, task, "rename", result->moved_to, base, &result->content, more);
        } else {
                k = say(r, task, "write", t->path, base, &result->content,
                        about_repair(r, task, result, from));
        }
        for (size_t i = 0; i < result->n_made && k == 0; i++) {
                json_t *more = about_repair(r, task, result, from);

                if (more && json_put(more, "of", json_string(t->path)) < 0) {
                        json_decref(more);
                        more = NULL;
                }
                k = say(r, task, "write", result->made[i].path, json_null(),
                        &result->made[i].content, more);
        }
        return k;
}

int tree_revert(struct run *r, uint32_t task, const struct result *result)
{
        const char *path = r->work->tasks[task].path;
        const struct hash *before = publish_before(r, task);
        int k = 0;

        for (size_t i = 0; i < result->n_made && k == 0; i++)
                k = say(r, task, "remove", result->made[i].path,
                        hash_json(&result->made[i].content), NULL, about_revert());
        if (k < 0)
                return k;
        if (result->moved_to) {
                json_t *more = about_revert();

                if (more && json_put(more, "from", json_string(result->moved_to)) < 0) {
                        json_decref(more);
                        more = NULL;
                }
                return say(r, task, "rename", path, hash_json(&result->content), before, more);
        }
        return say(r, task, "write", path,
                   result->is_gone ? json_null() : hash_json(&result->content), before,
                   about_revert());
}
