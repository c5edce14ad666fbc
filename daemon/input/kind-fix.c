/* Findings of an analyser, repaired in the files of a tree (fix-tasks.h).
 *
 * The analysis comes by its path, the tree as a list of paths and hashes; the contents of the files
 * that have findings are asked for when they are known. */

#include "common/path.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/input/fix-tasks.h"
#include "daemon/input/kinds.h"

#define STATE_PATH "state"
#define ANALYSIS_PATH "analysis" /* what the client calls it, whatever its name is */

static const struct input_field fields[] = {
        {"analysis", JSON_OBJECT, true},   {"files", JSON_ARRAY, true},
        {"categories", JSON_ARRAY, false}, {"rules", JSON_ARRAY, false},
        {"phases", JSON_ARRAY, false},     {"include", JSON_ARRAY, false},
        {"exclude", JSON_ARRAY, false},    {"max_effort", JSON_INTEGER, false},
        {"insights", JSON_TRUE, false},    {"verify", JSON_INTEGER, false},
        {"state", JSON_OBJECT, false},
};

struct tree {
        const char **paths;
        struct hash *hashes;
        size_t n;
};

static void tree_done(struct tree *t)
{
        free(t->paths);
        free(t->hashes);
}

static bool are_texts(const json_t *list)
{
        const json_t *one;
        size_t i;

        json_array_foreach ((json_t *)list, i, one)
                if (!json_is_string(one))
                        return false;
        return true;
}

static int decode(const json_t *params, const json_t **ret, struct failure **ret_failure)
{
        static const char *const lists[] = {"categories", "rules", "phases", "include", "exclude"};
        const json_t *name, *verify, *effort;
        int r = kind_input(params, fields, N_ELEMENTS(fields), ret, ret_failure);

        if (r != 0)
                return r;
        name = json_object_get(json_object_get(*ret, "analysis"), "name");
        if (!json_is_string(name) || json_string_length(name) == 0 ||
            json_string_length(name) > 255)
                return kind_refuse(ret_failure, "/params/input/analysis/name",
                                   "`name` must be the analysis's file name");
        effort = json_object_get(*ret, "max_effort");
        if (effort && (json_integer_value(effort) < 0 || json_integer_value(effort) > 10))
                return kind_refuse(ret_failure, "/params/input/max_effort",
                                   "`max_effort` must be a number from 0 to 10");
        for (size_t i = 0; i < N_ELEMENTS(lists); i++)
                if (!are_texts(json_object_get(*ret, lists[i])))
                        return kind_refuse(ret_failure, "/params/input",
                                           "filters must be lists of texts");
        verify = json_object_get(*ret, "verify");
        if (verify && (json_integer_value(verify) < 0 ||
                       (size_t)json_integer_value(verify) >=
                               json_array_size(json_object_get(params, "commands"))))
                return kind_refuse(ret_failure, "/params/input/verify",
                                   "`verify` must be an index into `commands`");
        return 0;
}

static int need(const json_t *params, struct strlist *ret_paths, struct failure **ret_failure)
{
        const json_t *input;
        int r = decode(params, &input, ret_failure);

        r = r != 0 ? r : strlist_add(ret_paths, ANALYSIS_PATH);
        return r != 0 || !json_object_get(input, "state") ? r : strlist_add(ret_paths, STATE_PATH);
}

struct row {
        const char *path;
        struct hash hash;
};

static int compare_rows(const void *a, const void *b)
{
        return strcmp(((const struct row *)a)->path, ((const struct row *)b)->path);
}

static int read_rows(const json_t *list, struct row *rows, size_t *ret_n,
                     struct failure **ret_failure)
{
        const json_t *entry;
        size_t i, n = 0;

        json_array_foreach ((json_t *)list, i, entry) {
                const char *path = json_get_text(entry, "path"),
                           *hex = json_get_text(entry, "sha256");

                if (!path || !path_is_relative(span_of(path)) || !hex ||
                    hash_from_hex(span_of(hex), &rows[n].hash) != 0)
                        return kind_refuse(ret_failure, "/params/input/files",
                                           "each of `files` has a relative `path` and `sha256`");
                rows[n++].path = path;
        }
        qsort(rows, n, sizeof(*rows), compare_rows);
        *ret_n = n;
        return 0;
}

static int read_tree(const json_t *list, struct tree *ret, struct failure **ret_failure)
{
        _cleanup_free_ struct row *rows = calloc(json_array_size(list) + 1, sizeof(*rows));
        size_t n = 0;
        int r = rows ? read_rows(list, rows, &n, ret_failure) : -ENOMEM;

        if (r != 0)
                return r;
        ret->paths = calloc(n + 1, sizeof(*ret->paths));
        ret->hashes = calloc(n + 1, sizeof(*ret->hashes));
        if (!ret->paths || !ret->hashes)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                ret->paths[i] = rows[i].path;
                ret->hashes[i] = rows[i].hash;
        }
        ret->n = n;
        return 0;
}

static const json_t *filled(const json_t *input, const char *key)
{
        const json_t *list = json_object_get(input, key);

        return json_array_size(list) > 0 ? list : NULL;
}

static const struct input_file *find_file(const struct input *in, const char *path)
{
        for (size_t i = 0; i < in->n_files; i++)
                if (strcmp(in->files[i].path, path) == 0)
                        return &in->files[i];
        return NULL;
}

/* What was completed before stays so, unless all is asked for again. */
static int read_state(struct fix_source *s, const json_t *input, const struct analysis *a,
                      uint8_t **ret, struct failure **ret_failure)
{
        const json_t *state = json_object_get(input, "state");
        const char *name = json_get_text(state, "name");
        const struct input_file *file = find_file(s->in, STATE_PATH);
        int r;

        if (!state)
                return 0;
        if (!file || file->is_absent)
                return kind_refuse(ret_failure, "/params/input/state", "the state has not come");
        r = fix_state_read(file->text, name ? name : "state", a, ret, &s->state_counts,
                           ret_failure);
        s->states = r == 0 && !s->in->is_fresh ? *ret : NULL;
        return r;
}

static int read_source(struct fix_source *s, const json_t *input, struct buf *prompt,
                       struct analysis **ret_analysis, struct fixes **ret_fixes,
                       struct failure **ret_failure)
{
        const char *name = json_get_text(json_object_get(input, "analysis"), "name");
        const struct input_file *file = find_file(s->in, ANALYSIS_PATH);
        _cleanup_buf_ struct buf rules = {0};
        int r;

        if (!file || file->is_absent)
                return kind_refuse(ret_failure, "/params/input/analysis",
                                   "the analysis has not come");
        r = blueprint_shelf_fix(s->in->shelf, "fixes.yaml", &rules);
        r = r ? r : blueprint_shelf_fix(s->in->shelf, "prompt.md", prompt);
        if (r < 0)
                return r;
        if (r != 0) {
                *ret_failure = failure_new(FAILURE_BAD_BLUEPRINT,
                                           "there is no folder `fix` with fixes.yaml and prompt.md "
                                           "beside the blueprints");
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        s->prompt = buf_span(prompt);
        hash_of(rules.at, rules.n, &s->fixes_hash);
        r = analysis_read(file->text, name, ret_analysis, ret_failure);
        return r ? r : fixes_read(buf_span(&rules), "fix/fixes.yaml", ret_fixes, ret_failure);
}

static int read_work(const struct input *in, struct work **ret, struct failure **ret_failure)
{
        _cleanup_(analysis_freep) struct analysis *a = NULL;
        _cleanup_(fixes_freep) struct fixes *fixes = NULL;
        _cleanup_(tree_done) struct tree tree = {0};
        _cleanup_free_ uint8_t *states = NULL;
        _cleanup_buf_ struct buf prompt = {0};
        struct fix_filter filter;
        struct fix_source s = {.in = in, .filter = &filter};
        const json_t *input;
        int r = decode(in->params, &input, ret_failure);

        if (r != 0)
                return r;
        filter = (struct fix_filter){
                .categories = filled(input, "categories"),
                .rules = filled(input, "rules"),
                .files = filled(input, "include"),
                .exclude = filled(input, "exclude"),
                .has_insights = json_is_true(json_object_get(input, "insights")),
                .max_effort =
                        json_object_get(input, "max_effort")
                                ? (int)json_integer_value(json_object_get(input, "max_effort"))
                                : EFFORT_UNKNOWN};
        r = read_source(&s, input, &prompt, &a, &fixes, ret_failure);
        r = r ? r : read_tree(json_object_get(input, "files"), &tree, ret_failure);
        r = r ? r : read_state(&s, input, a, &states, ret_failure);
        if (r != 0)
                return r;
        s.a = a;
        s.phases = filled(input, "phases");
        s.command = json_object_get(input, "verify")
                            ? (int)json_integer_value(json_object_get(input, "verify"))
                            : -1;
        s.fixes = fixes;
        s.paths = tree.paths;
        s.hashes = tree.hashes;
        s.n_paths = tree.n;
        return fix_tasks_make(&s, ret, ret_failure);
}

const struct job_kind job_kind_fix = {.name = "fix", .need = need, .read = read_work};
