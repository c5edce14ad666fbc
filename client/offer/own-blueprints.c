#include "client/offer/own-blueprints.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/path.h"
#include "common/str.h"

#define BLUEPRINT_FILE "blueprint.yaml"

char *own_blueprints_home(void)
{
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

        if (config && config[0] == '/')
                return str_printf("%s/genopt/blueprints", config);
        return home && *home ? str_printf("%s/.config/genopt/blueprints", home) : NULL;
}

static bool is_blueprint(const char *dir, const char *name)
{
        _cleanup_free_ char *path =
                str_printf("%s%s%s/" BLUEPRINT_FILE, dir, *dir ? "/" : "", name);
        struct stat st;

        return path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int add(struct own_blueprints *o, const char *path, struct failure **ret_failure)
{
        if (o->n == OWN_BLUEPRINTS_MAX)
                return 0;
        return folder_open(path, &o->at[o->n], ret_failure) == 0 ? (o->n++, 0)
               : *ret_failure                                    ? CONDITION_REFUSED
                                                                 : -ENOMEM;
}

static int add_home(struct own_blueprints *o, const char *only, struct failure **ret_failure)
{
        _cleanup_free_ char *home = own_blueprints_home();
        struct dirent **names = NULL;
        int n = home ? scandir(home, &names, NULL, alphasort) : 0, r = 0;

        for (int i = 0; i < n; i++) {
                const char *name = names[i]->d_name;

                if (r == 0 && name[0] != '.' && (!only || strcmp(name, only) == 0) &&
                    is_blueprint(home, name)) {
                        _cleanup_free_ char *path = path_join(home, name);

                        r = path ? add(o, path, ret_failure) : -ENOMEM;
                }
                free(names[i]);
        }
        free(names);
        return r;
}

static int refuse_folder(const char *path, struct failure **ret_failure)
{
        *ret_failure =
                failure_new_at(FAILURE_BAD_BLUEPRINT, path, "the folder has no " BLUEPRINT_FILE);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static bool is_folder(const char *word)
{
        return strchr(word, '/') || strcmp(word, ".") == 0 || strcmp(word, "..") == 0;
}

static int open_wanted(struct own_blueprints *o, const char *blueprint,
                       struct failure **ret_failure)
{
        int r;

        if (!is_folder(blueprint)) {
                r = add_home(o, blueprint, ret_failure);
                o->wanted = blueprint;
                if (r != 0 || o->n > 0 || !is_blueprint("", blueprint))
                        return r;
        } else if (!is_blueprint("", blueprint)) {
                return refuse_folder(blueprint, ret_failure);
        }
        r = add(o, blueprint, ret_failure);
        if (r == 0)
                o->wanted = folder_name(o->at[0]);
        return r;
}

int own_blueprints_open(const char *blueprint, const char *templates, struct own_blueprints *ret,
                        struct failure **ret_failure)
{
        struct own_blueprints o = {0};
        int r = 0;

        if (blueprint)
                r = open_wanted(&o, blueprint, ret_failure);
        else
                r = add_home(&o, NULL, ret_failure);
        if (r == 0 && templates)
                r = folder_open(templates, &o.templates, ret_failure);
        if (r != 0) {
                own_blueprints_done(&o);
                return r;
        }
        *ret = o;
        return 0;
}

void own_blueprints_done(struct own_blueprints *o)
{
        for (size_t i = 0; i < o->n; i++)
                folder_free(o->at[i]);
        folder_free(o->templates);
        *o = (struct own_blueprints){0};
}

int own_blueprints_list(const struct own_blueprints *o, json_t *input)
{
        json_t *list, *files;
        int r = 0;

        if (o->wanted)
                r = json_put(input, "blueprint", json_string(o->wanted));
        list = o->n > 0 ? json_array() : NULL;
        if (r == 0 && o->n > 0)
                r = json_put(input, "blueprints", list);
        for (size_t i = 0; i < o->n && r == 0; i++) {
                r = folder_list(o->at[i], &files);
                if (r == 0)
                        r = json_add(list, json_pack("{s:s, s:o}", "name", folder_name(o->at[i]),
                                                     "files", files));
        }
        if (r == 0 && o->templates) {
                r = folder_list(o->templates, &files);
                r = r < 0 ? r : json_put(input, "templates", files);
        }
        return r;
}

int own_blueprints_offer(const struct own_blueprints *o, struct offer *offer)
{
        int r = 0;

        for (size_t i = 0; i < o->n && r == 0; i++) {
                _cleanup_free_ char *prefix = str_printf("blueprints/%s", folder_name(o->at[i]));

                r = prefix ? folder_offer(o->at[i], prefix, offer) : -ENOMEM;
        }
        return r == 0 && o->templates ? folder_offer(o->templates, "templates", offer) : r;
}
