/* `genopt blueprint list|show NAME|check DIR` */

#include <dirent.h>
#include <stdio.h>

#include "client/command.h"
#include "client/link/connection.h"
#include "client/offer/own-blueprints.h"
#include "client/view/format.h"
#include "client/view/progress.h"
#include "client/view/table.h"
#include "common/str.h"

/* What the daemon makes of a folder: by its own code, so that what passes here works there. */
static int check_folder(struct client *c, const struct folder *f, struct strlist *faults,
                        json_t **ret, struct failure **ret_failure)
{
        json_t *texts = NULL, *params;
        int r = folder_texts(f, &texts, faults);

        if (r < 0)
                return r;
        params = json_pack("{s:s, s:o}", "name", folder_name(f), "files", texts);
        return params ? connection_ask(c, START_IF_NEEDED, "blueprint/check", params, ret,
                                       ret_failure)
                      : -ENOMEM;
}

/* What does not travel as a text, beside what the daemon found. */
static int tell_faults(struct client *c, const struct strlist *faults, int r,
                       struct failure **ret_failure)
{
        size_t n_told = r == 0 ? faults->n - 1 : faults->n;

        for (size_t i = 0; i < n_told; i++)
                client_warn(c, "%s", faults->at[i]);
        if (r != 0)
                return r;
        *ret_failure = failure_new(FAILURE_BAD_BLUEPRINT, "%s", faults->at[n_told]);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static bool is_own(const struct own_blueprints *own, const char *name)
{
        for (size_t i = 0; i < own->n; i++)
                if (str_is_equal(folder_name(own->at[i]), name))
                        return true;
        return false;
}

/* The daemon's, with the user's before those of the same name; each says where it is from. */
static int gather(struct client *c, json_t **ret, struct failure **ret_failure)
{
        _cleanup_(own_blueprints_done) struct own_blueprints own = {0};
        _cleanup_json_ json_t *reply = NULL, *list = json_array();
        json_t *one;
        size_t i;
        int r = list ? connection_ask(c, START_IF_NEEDED, "blueprint/list", NULL, &reply,
                                      ret_failure)
                     : -ENOMEM;

        if (r == 0)
                r = own_blueprints_open(NULL, NULL, &own, ret_failure);
        for (i = 0; i < own.n && r == 0; i++) {
                struct failure *fault = NULL;
                struct strlist faults = {0};

                one = NULL;
                r = check_folder(c, own.at[i], &faults, &one, &fault);
                if (r >= 0 && faults.n > 0)
                        r = tell_faults(c, &faults, r, &fault);
                strlist_done(&faults);
                if (r == CONDITION_REFUSED) {
                        client_warn(c, "%s", failure_message(fault));
                        failure_free(fault);
                        json_decref(one);
                        r = 0;
                } else if (r == 0) {
                        r = json_put(one, "from", json_string("yours"));
                        r = r ? r : json_add(list, one);
                }
        }
        json_array_foreach (json_object_get(reply, "faults"), i, one)
                if (!is_own(&own, json_get_text(one, "name")))
                        client_warn(c, "%s", json_get_text(one, "message"));
        json_array_foreach (json_object_get(reply, "blueprints"), i, one) {
                bool is_hidden = is_own(&own, json_get_text(one, "name"));

                if (r == 0)
                        r = json_put(one, "from", json_string("genopt"));
                if (r == 0 && !is_hidden)
                        r = json_array_append(list, one) < 0 ? -ENOMEM : 0;
        }
        if (r == 0)
                *ret = json_incref(list);
        return r;
}

static int list(struct client *c, struct failure **ret_failure)
{
        static const char *const headings[] = {"blueprint", "from", ">files", ">by template",
                                               "what"};
        _cleanup_(table_freep) struct table *t = NULL;
        _cleanup_json_ json_t *all = NULL;
        json_t *b, *file;
        size_t i, k;
        int r = gather(c, &all, ret_failure);

        if (r == 0 && c->is_json)
                return client_put_json(all);
        if (r == 0)
                r = table_new(headings, N_ELEMENTS(headings), &t);
        json_array_foreach (all, i, b) {
                char n[24], n_templates[24];
                size_t with = 0;
                const char *const cells[] = {json_get_text(b, "name"), json_get_text(b, "from"), n,
                                             n_templates, json_get_text(b, "description")};

                json_array_foreach (json_object_get(b, "files"), k, file)
                        with += json_object_get(file, "template") != NULL;
                snprintf(n, sizeof(n), "%zu", json_array_size(json_object_get(b, "files")));
                snprintf(n_templates, sizeof(n_templates), "%zu", with);
                if (r == 0)
                        r = table_add(t, cells);
        }
        return r == 0 ? table_print(t) : r;
}

static int print_files(const json_t *b)
{
        static const char *const headings[] = {"kind", "for each", "file",
                                               "tier", "template", ">fixed text"};
        _cleanup_(table_freep) struct table *t = NULL;
        json_t *file;
        size_t i;
        int r = table_new(headings, N_ELEMENTS(headings), &t);

        json_array_foreach (json_object_get(b, "files"), i, file) {
                const char *template = json_get_text(file, "template");
                char fixed[FORMAT_BYTES] = "";
                const char *const cells[] = {
                        json_get_text(file, "kind"), json_get_text(file, "each"),
                        json_get_text(file, "path"), json_get_text(file, "tier"),
                        template ? template : "-",   fixed};

                if (template)
                        (void)format_bytes(progress_number(file, "fixed_bytes"), fixed);

                if (r == 0)
                        r = table_add(t, cells);
        }
        return r == 0 ? table_print(t) : r;
}

static int print_one(struct client *c, const json_t *b)
{
        json_t *p;
        size_t i;

        if (c->is_json)
                return client_put_json(b);
        printf("%s: %s\n\n", json_get_text(b, "name"), json_get_text(b, "description"));
        json_array_foreach (json_object_get(b, "parameters"), i, p) {
                const char *from = json_get_text(p, "from"),
                           *what = json_get_text(p, "description");

                printf("%s%s%s%s: %s\n", json_get_text(p, "name"), from ? " (from " : "",
                       from ? from : "", from ? " of the specification)" : "", what ? what : "");
        }
        if (i > 0)
                printf("\n");
        return print_files(b);
}

static int show(struct client *c, const char *name, struct failure **ret_failure)
{
        _cleanup_json_ json_t *all = NULL;
        const char *names[200], *asked;
        json_t *b;
        size_t i, n = 0;
        int r = gather(c, &all, ret_failure);

        if (r != 0)
                return r;
        json_array_foreach (all, i, b) {
                if (str_is_equal(json_get_text(b, "name"), name))
                        return print_one(c, b);
                if (n < N_ELEMENTS(names))
                        names[n++] = json_get_text(b, "name");
        }
        asked = name;
        name = n ? str_nearest(name, names, n) : NULL;
        *ret_failure = failure_new(
                FAILURE_BAD_BLUEPRINT, "there is no such blueprint: %.200s%s%s%s", asked,
                name ? "; did you mean " : "", name ? name : "", name ? "?" : "");
        if (*ret_failure &&
            failure_set_remedy(*ret_failure, "`genopt blueprint list` names them") < 0)
                *ret_failure = failure_free(*ret_failure);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static int check(struct client *c, const char *dir, struct failure **ret_failure)
{
        _cleanup_(folder_freep) struct folder *f = NULL;
        _cleanup_json_ json_t *b = NULL;
        struct strlist faults = {0};
        json_t *path;
        size_t i;
        int r = folder_open(dir, &f, ret_failure);

        if (r == 0)
                r = check_folder(c, f, &faults, &b, ret_failure);
        if (r >= 0 && faults.n > 0)
                r = tell_faults(c, &faults, r, ret_failure);
        strlist_done(&faults);
        if (r == 0 && c->is_json)
                return client_put_json(b);
        if (r != 0)
                return r;
        printf("%s: no faults, %zu kinds of files\n", json_get_text(b, "name"),
               json_array_size(json_object_get(b, "files")));
        json_array_foreach (json_object_get(b, "unreached"), i, path)
                client_warn(c,
                            "%s: no kind of files is made with it, and none of those leads to it",
                            json_string_value(path));
        return 0;
}

static int cmd_blueprint(struct client *c)
{
        static const char *const verbs[] = {"list", "show", "check"};
        const char *verb = c->args[0], *nearest;
        struct failure *failure = NULL;
        int r;

        if (strcmp(verb, "list") == 0 && c->n_args == 1)
                r = list(c, &failure);
        else if (strcmp(verb, "show") == 0 && c->n_args == 2)
                r = show(c, c->args[1], &failure);
        else if (strcmp(verb, "check") == 0 && c->n_args == 2)
                r = check(c, c->args[1], &failure);
        else {
                nearest = str_nearest(verb, verbs, N_ELEMENTS(verbs));
                return client_usage(c, "blueprint wants list, show NAME or check DIR%s%s%s",
                                    nearest && strcmp(nearest, verb) != 0 ? "; did you mean `" : "",
                                    nearest && strcmp(nearest, verb) != 0 ? nearest : "",
                                    nearest && strcmp(nearest, verb) != 0 ? "`?" : "");
        }
        return r == 0 ? EXIT_DONE : client_fail(c, r, failure);
}

const struct command command_blueprint = {
        .name = "blueprint",
        .args = "list|show NAME|check DIR",
        .sentence = "look at the blueprints that files are generated by",
        .detail = "list: those of genopt, and yours in $XDG_CONFIG_HOME/genopt/blueprints, which "
                  "go before them. show: what one makes, and which of its files have a template "
                  "and need no model. check: every fault of a blueprint that you write, each with "
                  "its place.",
        .options = no_options,
        .n_args_min = 1,
        .n_args_max = 2,
        .run = cmd_blueprint,
};
