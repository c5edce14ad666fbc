#include <stdio.h>

#include "common/path.h"
#include "daemon/blueprint/internal.h"

/* A user's templates before those of a blueprint. An overlay is a folder with one folder for each
 * blueprint that it touches, called like it, and in that the files of the blueprint that it
 * replaces or adds, by their paths: go-service/templates/makefile.tmpl. Only templates: what else a
 * blueprint is made of holds together, and is changed by a blueprint of one's own. */

#define TEMPLATES "templates/"

/* The file's path in blueprint `name`, or NULL. */
static const char *path_in(const char *path, const char *name)
{
        size_t n = strlen(name);

        return str_has_prefix(path, name) && path[n] == '/' ? path + n + 1 : NULL;
}

static struct blueprint_file *find(struct blueprint_file *files, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(files[i].path, path) == 0)
                        return &files[i];
        return NULL;
}

static int refuse(const char *path, struct failure **ret_failure)
{
        *ret_failure = failure_new_at(FAILURE_BAD_BLUEPRINT, path,
                                      "only files below templates/ can be replaced; a whole "
                                      "blueprint of yours goes by --blueprint DIR");
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

int blueprint_overlay(const struct blueprint *b, const struct blueprint_file *more, size_t n_more,
                      struct blueprint **ret, struct failure **ret_failure)
{
        _cleanup_free_ struct blueprint_file *files =
                calloc(b->n_files + n_more + 1, sizeof(*files));
        size_t n = b->n_files, n_used = 0;

        if (!files)
                return -ENOMEM;
        memcpy(files, b->files, b->n_files * sizeof(*files)); /* texts are borrowed */
        for (size_t i = 0; i < n_more; i++) {
                const char *path = path_in(more[i].path, b->name);
                struct blueprint_file *old;

                if (!path)
                        continue;
                if (!str_has_prefix(path, TEMPLATES))
                        return refuse(more[i].path, ret_failure);
                old = find(files, n, path);
                old = old ? old : &files[n++];
                *old = (struct blueprint_file){
                        .path = (char *)path, .text = more[i].text, .n_text = more[i].n_text};
                n_used++;
        }
        if (n_used > 0)
                return blueprint_new(b->name, files, n, ret, ret_failure);
        *ret = blueprint_ref((struct blueprint *)(uintptr_t)b);
        return 0;
}

/* ---- for lists ---- */

static int kind_to_json(const struct blueprint *b, const struct kind *k, json_t *list)
{
        static const char *const each[] = {"project", "entity", "package", "service", "contract"};
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s?}", "kind", k->name, "each", each[k->each],
                              "path", pattern_text(k->path), "tier", k->tier, "template",
                              k->template_path);

        (void)b;
        return json_add(list, o);
}

int blueprint_to_json(const struct blueprint *b, json_t **ret)
{
        _cleanup_json_ json_t *kinds = json_array(), *parameters = json_array();
        int r = kinds && parameters ? 0 : -ENOMEM;

        for (size_t i = 0; i < b->n_kinds && r == 0; i++)
                r = kind_to_json(b, &b->kinds[i], kinds);
        for (size_t i = 0; i < b->n_parameters && r == 0; i++)
                r = json_add(parameters,
                             json_pack("{s:s, s:s?, s:s?}", "name", b->parameters[i].name, "from",
                                       b->parameters[i].from, "description",
                                       b->parameters[i].description));
        if (r < 0)
                return r;
        *ret = json_pack("{s:s, s:s, s:s, s:O, s:O}", "name", b->name, "description",
                         b->description, "language", b->language, "parameters", parameters, "files",
                         kinds);
        return *ret ? 0 : -ENOMEM;
}
