#include "daemon/input/own-blueprints.h"

#include <ctype.h>

#include "common/hash.h"
#include "common/path.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/input/kinds.h"

#define MAX_BLUEPRINTS 50
#define MAX_FILES 500 /* of one blueprint, or of all templates */

static bool is_name(const char *name)
{
        size_t n = name ? strlen(name) : 0;

        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
                        return false;
        return n > 0 && n <= 60 && name[0] != '.';
}

/* The path under which a file is asked for: no file of the output directory can be meant. */
static char *place(const char *blueprint, const char *path)
{
        return blueprint ? str_printf("blueprints/%s/%s", blueprint, path)
                         : str_printf("templates/%s", path);
}

static int check_files(const json_t *files, const char *where, struct failure **ret_failure)
{
        const json_t *file;
        size_t i;

        if (!json_is_array(files) || json_array_size(files) > MAX_FILES)
                return kind_refuse(ret_failure, where, "a list of at most %d files is wanted",
                                   MAX_FILES);
        json_array_foreach ((json_t *)files, i, file) {
                const char *path = json_get_text(file, "path"),
                           *hex = json_get_text(file, "sha256");
                struct hash h;

                if (!path || !path_is_relative(span_of(path)) || !hex ||
                    hash_from_hex(span_of(hex), &h) < 0)
                        return kind_refuse(ret_failure, where,
                                           "a file is {path, sha256}, with a relative path");
        }
        return 0;
}

static int add_needs(const char *blueprint, const json_t *files, struct strlist *paths)
{
        const json_t *file;
        size_t i;

        json_array_foreach ((json_t *)files, i, file) {
                _cleanup_free_ char *path = place(blueprint, json_get_text(file, "path"));
                int r = path ? strlist_add(paths, path) : -ENOMEM;

                if (r < 0)
                        return r;
        }
        return 0;
}

int own_blueprints_need(const json_t *input, const char *name, struct strlist *ret_paths,
                        struct failure **ret_failure)
{
        const json_t *list = json_object_get(input, "blueprints"), *b,
                     *templates = json_object_get(input, "templates");
        size_t i;
        int r = 0;

        if (json_array_size(list) > MAX_BLUEPRINTS)
                return kind_refuse(ret_failure, "/params/input/blueprints",
                                   "more than %d blueprints", MAX_BLUEPRINTS);
        json_array_foreach ((json_t *)list, i, b) {
                const char *own = json_get_text(b, "name");

                if (!is_name(own))
                        return kind_refuse(
                                ret_failure, "/params/input/blueprints",
                                "a blueprint's name has letters, digits and - _ . alone");
                r = check_files(json_object_get(b, "files"), "/params/input/blueprints",
                                ret_failure);
                if (r == 0 && (!name || strcmp(own, name) == 0))
                        r = add_needs(own, json_object_get(b, "files"), ret_paths);
                if (r != 0)
                        return r;
        }
        if (templates)
                r = check_files(templates, "/params/input/templates", ret_failure);
        return r != 0 ? r : add_needs(NULL, templates, ret_paths);
}

static const struct input_file *find(const struct input *in, const char *path)
{
        for (size_t i = 0; i < in->n_files; i++)
                if (strcmp(in->files[i].path, path) == 0)
                        return &in->files[i];
        return NULL;
}

/* What came is what was listed: the key of the request speaks of that. */
static int read_file(const struct input *in, const char *blueprint, const json_t *listed,
                     struct blueprint_file *ret, struct failure **ret_failure)
{
        const char *path = json_get_text(listed, "path");
        _cleanup_free_ char *name = place(blueprint, path);
        const struct input_file *file = name ? find(in, name) : NULL;
        struct hash wanted, is;

        if (!name)
                return -ENOMEM;
        if (file && !file->is_absent) {
                hash_of(file->text.at, file->text.n, &is);
                if (hash_from_hex(span_of(json_get_text(listed, "sha256")), &wanted) < 0 ||
                    !hash_is_equal(&is, &wanted))
                        file = NULL;
        }
        if (!file || file->is_absent) {
                *ret_failure = failure_new_at(FAILURE_BAD_BLUEPRINT, name,
                                              "the file is not there, or changed on its way");
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        *ret = (struct blueprint_file){
                .path = (char *)path, .text = (char *)file->text.at, .n_text = file->text.n};
        return 0;
}

/* Borrowed texts; the array is the caller's. */
static int read_files(const struct input *in, const char *blueprint, const json_t *files,
                      struct blueprint_file **ret, struct failure **ret_failure)
{
        _cleanup_free_ struct blueprint_file *at = calloc(json_array_size(files) + 1, sizeof(*at));
        const json_t *file;
        size_t i;

        if (!at)
                return -ENOMEM;
        json_array_foreach ((json_t *)files, i, file) {
                int r = read_file(in, blueprint, file, &at[i], ret_failure);

                if (r != 0)
                        return r;
        }
        *ret = take(at);
        return 0;
}

static const json_t *input_of(const struct input *in)
{
        return json_object_get(in->params, "input");
}

int own_blueprints_read(const struct input *in, const char *name, struct blueprint_shelf **ret,
                        struct failure **ret_failure)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *shelf =
                blueprint_shelf_ref((struct blueprint_shelf *)(uintptr_t)in->shelf);
        const json_t *b;
        size_t i;
        int r = 0;

        json_array_foreach (json_object_get(input_of(in), "blueprints"), i, b) {
                _cleanup_free_ struct blueprint_file *files = NULL;
                _cleanup_(blueprint_unrefp) struct blueprint *own = NULL;
                struct blueprint_shelf *longer = NULL;
                const char *called = json_get_text(b, "name");
                const json_t *listed = json_object_get(b, "files");

                if (name && strcmp(called, name) != 0)
                        continue;
                r = read_files(in, called, listed, &files, ret_failure);
                if (r == 0)
                        r = blueprint_new(called, files, json_array_size(listed), &own,
                                          ret_failure);
                if (r == 0)
                        r = blueprint_shelf_with(shelf, own, &longer);
                if (r != 0)
                        return r;
                blueprint_shelf_unref(shelf);
                shelf = longer;
        }
        *ret = take(shelf);
        return 0;
}

/* By the names of all blueprints at hand, those of the user's too that were not asked for. */
static int find_strays(const struct input *in, const json_t *listed, struct strlist *ret)
{
        struct strlist names = {0}, paths = {0};
        const json_t *item;
        size_t i;
        int r = 0;

        for (i = 0; i < blueprint_shelf_count(in->shelf) && r == 0; i++)
                r = strlist_add(&names, blueprint_shelf_name(in->shelf, i));
        json_array_foreach (json_object_get(input_of(in), "blueprints"), i, item)
                r = r ? r : strlist_add(&names, json_get_text(item, "name"));
        json_array_foreach ((json_t *)(uintptr_t)listed, i, item)
                r = r ? r : strlist_add(&paths, json_get_text(item, "path"));
        r = r ? r : blueprint_overlay_strays(&names, &paths, ret);
        strlist_done(&names);
        strlist_done(&paths);
        return r;
}

int own_templates_read(const struct input *in, const struct blueprint *b, struct strlist *warnings,
                       struct blueprint **ret, struct failure **ret_failure)
{
        const json_t *listed = json_object_get(input_of(in), "templates");
        _cleanup_free_ struct blueprint_file *files = NULL;
        int r = read_files(in, NULL, listed, &files, ret_failure);

        if (r == 0 && listed)
                r = find_strays(in, listed, warnings);
        return r != 0 ? r : blueprint_overlay(b, files, json_array_size(listed), ret, ret_failure);
}
