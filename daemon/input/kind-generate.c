#include "daemon/blueprint/blueprint.h"
#include "daemon/input/kinds.h"
#include "daemon/input/own-blueprints.h"
#include "daemon/work/model.h"

/* A project from a specification. Manifest and files are for planning; this room reads the
 * specification alone. */

static const struct input_field fields[] = {
        {"spec", JSON_OBJECT, true},
        {"blueprint", JSON_STRING, false},
        {"manifest", JSON_ARRAY, false},
        {"files", JSON_ARRAY, false},
        OWN_BLUEPRINT_FIELDS,
};

static int decode(const json_t *params, const json_t **ret_spec, const char **ret_blueprint,
                  struct failure **ret_failure)
{
        const json_t *input, *spec, *name;
        int r;

        r = kind_input(params, fields, N_ELEMENTS(fields), &input, ret_failure);
        if (r != 0)
                return r;
        spec = json_object_get(input, "spec");
        name = json_object_get(spec, "name");
        if (!json_is_string(name) || json_string_length(name) == 0 ||
            json_string_length(name) > 255 || strpbrk(json_string_value(name), "\n\r"))
                return kind_refuse(ret_failure, "/params/input/spec/name",
                                   "`name` must be the specification's file name");
        if (!json_is_string(json_object_get(spec, "text")))
                return kind_refuse(ret_failure, "/params/input/spec/text",
                                   "`text` must be the specification's text");
        if (json_object_size(spec) != 2)
                return kind_refuse(ret_failure, "/params/input/spec",
                                   "`spec` has `name` and `text` and nothing else");
        *ret_spec = spec;
        *ret_blueprint = json_get_text(input, "blueprint");
        return 0;
}

static int need(const json_t *params, struct strlist *ret_paths, struct failure **ret_failure)
{
        const char *blueprint = NULL;
        const json_t *spec;
        int r;

        r = decode(params, &spec, &blueprint, ret_failure);
        return r != 0 ? r
                      : own_blueprints_need(json_object_get(params, "input"), blueprint, ret_paths,
                                            ret_failure);
}

static int add_all(struct strlist *to, const struct strlist *from)
{
        int r = 0;

        for (size_t i = 0; i < from->n && r == 0; i++)
                r = strlist_add(to, from->at[i]);
        return r;
}

/* What reading and choosing found, beside what the blueprint did. */
static int tell(const struct input *in, const struct model *m, const char *reason,
                const struct strlist *warnings, struct work *w)
{
        _cleanup_free_ char *note = str_printf("blueprint %s: %s", w->blueprint, reason);
        int r = note ? add_all(&w->notes, &m->notes) : -ENOMEM;

        r = r ? r : strlist_add(&w->notes, note);
        r = r ? r : add_all(&w->warnings, &m->warnings);
        r = r ? r : add_all(&w->warnings, blueprint_shelf_strays(in->shelf));
        return r ? r : add_all(&w->warnings, warnings);
}

/* The blueprint that is taken, with templates before its own. */
static int find_blueprint(const struct input *in, const char *name, const struct model *m,
                          struct strlist *warnings, struct blueprint **ret, char **ret_reason,
                          struct failure **ret_failure)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *shelf = NULL;
        _cleanup_(blueprint_unrefp) struct blueprint *chosen = NULL;
        int r = own_blueprints_read(in, name, &shelf, ret_failure);

        if (r == 0)
                r = blueprint_choose(shelf, name, m, &chosen, ret_reason, ret_failure);
        return r ? r : own_templates_read(in, chosen, warnings, ret, ret_failure);
}

static int read_work(const struct input *in, struct work **ret, struct failure **ret_failure)
{
        _cleanup_(model_freep) struct model *m = NULL;
        _cleanup_(blueprint_unrefp) struct blueprint *b = NULL;
        _cleanup_(work_freep) struct work *w = NULL;
        _cleanup_free_ char *reason = NULL;
        struct strlist warnings = {0};
        const json_t *spec = NULL, *text;
        const char *blueprint = NULL;
        int r;

        r = decode(in->params, &spec, &blueprint, ret_failure);
        if (r != 0)
                return r;
        text = json_object_get(spec, "text");
        r = spec_read((struct span){json_string_value(text), json_string_length(text)},
                      json_get_text(spec, "name"), &m, ret_failure);
        if (r == 0)
                r = find_blueprint(in, blueprint, m, &warnings, &b, &reason, ret_failure);
        if (r == 0)
                r = blueprint_apply(b, m, &w, ret_failure);
        if (r == 0)
                r = tell(in, m, reason, &warnings, w);
        strlist_done(&warnings);
        if (r == 0)
                *ret = take(w);
        return r;
}

const struct job_kind job_kind_generate = {.name = "generate", .need = need, .read = read_work};
