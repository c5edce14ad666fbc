#include <stdio.h>

#include "common/path.h"
#include "daemon/blueprint/internal.h"
#include "daemon/template/template.h"

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

/* Texts are borrowed, the array is the caller's. */
static int lay_over(const char *name, const struct blueprint_file *files, size_t n,
                    const struct blueprint_file *more, size_t n_more, struct blueprint_file **ret,
                    size_t *ret_n, size_t *ret_n_used, struct failure **ret_failure)
{
        _cleanup_free_ struct blueprint_file *all = calloc(n + n_more + 1, sizeof(*all));
        size_t n_used = 0;

        if (!all)
                return -ENOMEM;
        if (n > 0)
                memcpy(all, files, n * sizeof(*all));
        for (size_t i = 0; i < n_more; i++) {
                const char *path = path_in(more[i].path, name);
                struct blueprint_file *old;

                if (!path)
                        continue;
                if (!str_has_prefix(path, TEMPLATES))
                        return refuse(more[i].path, ret_failure);
                old = find(all, n, path);
                old = old ? old : &all[n++];
                *old = (struct blueprint_file){
                        .path = (char *)path, .text = more[i].text, .n_text = more[i].n_text};
                n_used++;
        }
        *ret = take(all);
        *ret_n = n;
        *ret_n_used = n_used;
        return 0;
}

/* ---- what lies over nothing ---- */

static const char *nearest_template(const struct blueprint_file *files, size_t n, const char *path)
{
        const char *names[BLUEPRINT_MAX_FILES];
        size_t n_names = 0;

        for (size_t i = 0; i < n && n_names < N_ELEMENTS(names); i++)
                if (str_has_prefix(files[i].path, TEMPLATES))
                        names[n_names++] = files[i].path;
        return str_nearest(path, names, n_names);
}

/* A template that replaces none and that none leads to was meant to be another. */
static int warn_of_unused(struct blueprint *b, const struct blueprint_file *files, size_t n)
{
        int r = 0;

        for (size_t i = 0; i < b->unreached.n && r == 0; i++) {
                const char *path = b->unreached.at[i], *near;
                _cleanup_free_ char *line = NULL;

                if (find((struct blueprint_file *)files, n, path))
                        continue;
                near = nearest_template(files, n, path);
                line = str_printf("%s/%s is not used: the blueprint has no template of that name, "
                                  "and none leads to it%s%s%s",
                                  b->name, path, near ? "; did you mean " : "", near ? near : "",
                                  near ? "?" : "");
                r = line ? strlist_add(&b->warnings, line) : -ENOMEM;
        }
        return r;
}

static int new_over(const char *name, const struct blueprint_file *files, size_t n,
                    const struct blueprint_file *all, size_t n_all, struct blueprint **ret,
                    struct failure **ret_failure)
{
        _cleanup_(blueprint_unrefp) struct blueprint *b = NULL;
        int r = blueprint_new(name, all, n_all, &b, ret_failure);

        r = r ? r : warn_of_unused(b, files, n);
        if (r == 0)
                *ret = take(b);
        return r;
}

static int stray(const struct strlist *names, const char *path, struct strlist *ret)
{
        const char *end = strchr(path, '/'), *near;
        _cleanup_free_ char *name = NULL, *line = NULL;

        if (!end) {
                line = str_printf("template %s is not used: templates lie in BLUEPRINT/templates/",
                                  path);
        } else {
                name = str_dup_span((struct span){path, (size_t)(end - path)});
                if (!name)
                        return -ENOMEM;
                if (strlist_has(names, name))
                        return 0;
                near = str_nearest(name, (const char *const *)names->at, names->n);
                line = str_printf("the templates below %s/ are not used: no blueprint is called "
                                  "so%s%s%s",
                                  name, near ? "; did you mean " : "", near ? near : "",
                                  near ? "?" : "");
        }
        if (!line)
                return -ENOMEM;
        return strlist_has(ret, line) ? 0 : strlist_add(ret, line);
}

int blueprint_overlay_strays(const struct strlist *names, const struct strlist *paths,
                             struct strlist *ret)
{
        int r = paths->n > 0 ? 0 : strlist_add(ret, "the folder of templates holds none");

        for (size_t i = 0; i < paths->n && r == 0; i++)
                r = stray(names, paths->at[i], ret);
        return r;
}

/* ---- making it ---- */

int blueprint_new_over(const char *name, const struct blueprint_file *files, size_t n,
                       const struct blueprint_file *more, size_t n_more, struct blueprint **ret,
                       struct failure **ret_failure)
{
        _cleanup_free_ struct blueprint_file *all = NULL;
        size_t n_all = 0, n_used;
        int r = lay_over(name, files, n, more, n_more, &all, &n_all, &n_used, ret_failure);

        return r ? r : new_over(name, files, n, all, n_all, ret, ret_failure);
}

int blueprint_overlay(const struct blueprint *b, const struct blueprint_file *more, size_t n_more,
                      struct blueprint **ret, struct failure **ret_failure)
{
        _cleanup_free_ struct blueprint_file *all = NULL;
        size_t n = 0, n_used = 0;
        int r = lay_over(b->name, b->files, b->n_files, more, n_more, &all, &n, &n_used,
                         ret_failure);

        if (r == 0 && n_used > 0)
                return new_over(b->name, b->files, b->n_files, all, n, ret, ret_failure);
        if (r == 0)
                *ret = blueprint_ref((struct blueprint *)(uintptr_t)b);
        return r;
}

/* ---- for lists ---- */

static int kind_to_json(const struct kind *k, json_t *list)
{
        static const char *const each[] = {"project", "entity", "package", "service", "contract"};
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "kind", k->name, "each", each[k->each],
                              "path", pattern_text(k->path), "tier", k->tier, "template",
                              k->template_path);
        int r = o && k->template
                        ? json_put(o, "fixed_bytes",
                                   json_integer((json_int_t)template_fixed_bytes(k->template)))
                        : 0;

        if (r < 0)
                json_decref(o);
        return r < 0 ? r : json_add(list, o);
}

static int texts_to_json(const struct strlist *texts, json_t **ret)
{
        _cleanup_json_ json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < texts->n && r == 0; i++)
                r = json_add(list, json_string(texts->at[i]));
        if (r == 0)
                *ret = json_incref(list);
        return r;
}

int blueprint_to_json(const struct blueprint *b, json_t **ret)
{
        _cleanup_json_ json_t *kinds = json_array(), *parameters = json_array(), *unreached = NULL;
        int r = kinds && parameters ? 0 : -ENOMEM;

        for (size_t i = 0; i < b->n_kinds && r == 0; i++)
                r = kind_to_json(&b->kinds[i], kinds);
        for (size_t i = 0; i < b->n_parameters && r == 0; i++)
                r = json_add(parameters,
                             json_pack("{s:s, s:s?, s:s?}", "name", b->parameters[i].name, "from",
                                       b->parameters[i].from, "description",
                                       b->parameters[i].description));
        r = r ? r : texts_to_json(&b->unreached, &unreached);
        if (r < 0)
                return r;
        *ret = json_pack("{s:s, s:s, s:s, s:O, s:O, s:O}", "name", b->name, "description",
                         b->description, "language", b->language, "parameters", parameters, "files",
                         kinds, "unreached", unreached);
        return *ret ? 0 : -ENOMEM;
}
