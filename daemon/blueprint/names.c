#include <ctype.h>
#include <strings.h>

#include "common/path.h"
#include "daemon/blueprint/layout.h"
#include "daemon/blueprint/types.h"
#include "daemon/template/template.h"
#include "daemon/template/unicode.h"

/* Final names: parameters, packages, entities, attributes. */

/* ---- parameters ---- */

static const char *model_field(const struct model *m, const char *field)
{
        const struct {
                const char *name, *value;
        } fields[] = {
                {"name", m->name},
                {"description", m->description},
                {"module", m->module},
                {"build.go_version", m->build.go_version},
                {"build.output_path", m->build.output_path},
                {"build.target_os", m->build.target_os},
                {"testing.coverage_target", m->testing.coverage_target},
        };

        for (size_t i = 0; field && i < N_ELEMENTS(fields); i++)
                if (strcmp(fields[i].name, field) == 0)
                        return fields[i].value;
        return NULL;
}

/* Dotted numbers, part by part; what is no number counts as 0. */
static int compare_versions(const char *a, const char *b)
{
        while (*a || *b) {
                unsigned long x = strtoul(a, NULL, 10), y = strtoul(b, NULL, 10);

                if (x != y)
                        return x < y ? -1 : 1;
                a += strcspn(a, ".");
                b += strcspn(b, ".");
                a += *a == '.';
                b += *b == '.';
        }
        return 0;
}

static int default_value(struct layout *l, const struct parameter *p, char **ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct variables v;
        char *value;
        int r;

        layout_variables(l, -1, -1, -1, &v);
        r = pattern_render(p->default_pattern, &v, &b);
        if (r < 0)
                return r;
        value = name_in_style(&l->b->naming.initialisms, b.at ? b.at : "", p->style);
        if (!value)
                return -ENOMEM;
        *ret = value;
        return 0;
}

/* The value that the specification gives, as the parameter wants it; NULL: it cannot be used. */
static int given_value(struct layout *l, const struct parameter *p, const char *text, char **ret)
{
        struct regex_match m;
        _cleanup_free_ char *value = NULL;

        if (p->take.code) {
                if (regex_match(&p->take, span_of(text), 0, &m) && m.from[1] <= m.to[1])
                        value = str_dup_span((struct span){text + m.from[1], m.to[1] - m.from[1]});
                else
                        return layout_warn(l, "%s `%.60s` cannot be read: the default is taken",
                                           p->name, text);
        } else {
                value = str_dup_span(span_of(text));
        }
        if (!value)
                return -ENOMEM;
        if (!regex_is_match(&p->match, span_of(value)))
                return layout_warn(l, "%s `%.60s` is not valid: the default is taken", p->name,
                                   text);
        *ret = take(value);
        return 0;
}

static int bound_value(struct layout *l, const struct parameter *p, const char *given, char **value)
{
        const char *bound = NULL;
        _cleanup_free_ char *old = NULL; /* may be what `given` says */

        if (p->at_most && compare_versions(*value, p->at_most) > 0)
                bound = p->at_most;
        else if (p->at_least && compare_versions(*value, p->at_least) < 0)
                bound = p->at_least;
        if (!bound)
                return 0;
        old = *value;
        *value = str_dup_span(span_of(bound));
        if (!*value)
                return -ENOMEM;
        return layout_warn(l, "%s `%.40s` becomes %s: blueprint %s supports %s to %s", p->name,
                           given, bound, l->b->name, p->at_least ? p->at_least : "any",
                           p->at_most ? p->at_most : "any");
}

static int parameter_value(struct layout *l, const struct parameter *p, char **ret)
{
        const char *given = model_field(l->m, p->from);
        _cleanup_free_ char *value = NULL;
        int r;

        r = given ? given_value(l, p, given, &value) : 0;
        if (r == 0 && !value) {
                given = NULL;
                r = default_value(l, p, &value);
        }
        if (r != 0)
                return r;
        if (!*value ||
            !regex_is_match(&p->match, span_of(value))) { /* a name without letters, say */
                free(value);
                value = str_dup_span(SPAN("app"));
        } else if (strlist_has(&p->reserved, value)) {
                char *longer = str_printf("%s%s", value, p->reserved_ending);

                free(value);
                value = longer;
        }
        if (!value)
                return -ENOMEM;
        r = bound_value(l, p, given ? given : value, &value);
        if (r == 0)
                *ret = take(value);
        return r;
}

int layout_parameters(struct layout *l)
{
        size_t n = l->b->n_parameters;

        l->parameters = calloc(n + 1, sizeof(*l->parameters));
        l->parameter_texts = calloc(n + 1, sizeof(char *));
        if (!l->parameters || !l->parameter_texts)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int r = parameter_value(l, &l->b->parameters[i], &l->parameter_texts[i]);

                if (r != 0)
                        return r;
                l->parameters[i] = l->parameter_texts[i];
        }
        return 0;
}

/* ---- packages ---- */

static int unreserve(char **name, const struct reserved *reserved)
{
        char *longer;

        if (!strlist_has(&reserved->words, *name))
                return 0;
        longer = str_printf("%s%s", *name, reserved->ending);
        if (!longer)
                return -ENOMEM;
        free(*name);
        *name = longer;
        return 0;
}

/* The name of the language's package for what the specification calls `name`, a path or a word. */
static int package_name(struct layout *l, const char *name, char **ret)
{
        const char *slash = strrchr(name, '/');
        _cleanup_free_ char *flat = NULL;
        size_t n = 0;
        int r;

        flat = name_in_style(NULL, slash && slash[1] ? slash + 1 : name, STYLE_FLAT);
        if (!flat)
                return -ENOMEM;
        for (size_t i = 0; flat[i]; i++) /* what no package name can hold */
                if (isalnum((unsigned char)flat[i]))
                        flat[n++] = flat[i];
        flat[n] = '\0';
        if (n == 0 || isdigit((unsigned char)flat[0])) {
                char *longer = str_printf("p%s", flat);

                if (!longer)
                        return -ENOMEM;
                free(flat);
                flat = longer;
        }
        r = unreserve(&flat, &l->b->naming.packages);
        if (r == 0)
                *ret = take(flat);
        return r;
}

/* "./internal/user/", "github.com/acme/shop/internal/user" in that module: "internal/user" */
static struct span clean_path(const char *path, const char *module)
{
        struct span s = span_of(path);

        while (s.n >= 2 && memcmp(s.at, "./", 2) == 0)
                s = (struct span){s.at + 2, s.n - 2};
        while (s.n > 0 && *s.at == '/')
                s = (struct span){s.at + 1, s.n - 1};
        while (s.n > 0 && s.at[s.n - 1] == '/')
                s.n--;
        if (module && s.n > strlen(module) + 1 && memcmp(s.at, module, strlen(module)) == 0 &&
            s.at[strlen(module)] == '/')
                s = (struct span){s.at + strlen(module) + 1, s.n - strlen(module) - 1};
        return s;
}

static const char *module_of(const struct layout *l)
{
        for (size_t i = 0; i < l->b->n_parameters; i++)
                if (strcmp(l->b->parameters[i].name, "module") == 0)
                        return l->parameters[i];
        return NULL;
}

/* Name first, then path: the default path is made from the name. */
static int package_path(struct layout *l, uint32_t index, const char *given)
{
        struct lay_package *p = &l->packages[index];
        struct span path = given ? clean_path(given, module_of(l)) : (struct span){"", 0};
        const char *module = module_of(l);
        _cleanup_buf_ struct buf b = {0};
        struct variables v;
        int r;

        if (path.n > 0 && path_is_relative(path) && regex_is_match(&l->b->naming.keep_path, path)) {
                p->path = str_dup_span(path);
        } else {
                layout_variables(l, -1, index, -1, &v);
                r = pattern_render(l->b->naming.package_path, &v, &b);
                if (r < 0)
                        return r;
                p->path = str_dup_span(buf_span(&b));
                if (given && p->path) {
                        r = layout_warn(l, "path `%.100s` cannot hold package %s: it stands in %s",
                                        given, p->name, p->path);
                        if (r < 0)
                                return r;
                }
        }
        if (!p->path)
                return -ENOMEM;
        p->import_path =
                module ? str_printf("%s/%s", module, p->path) : str_dup_span(span_of(p->path));
        return p->import_path ? 0 : -ENOMEM;
}

struct package_order {
        const struct lay_package *p;
        uint32_t index;
};

static int compare_paths(const void *a, const void *b)
{
        const struct package_order *x = a, *y = b;
        int r = strcmp(x->p->path, y->p->path);

        return r != 0 ? r : x->index < y->index ? -1 : x->index > y->index;
}

static int compare_package_names(const void *a, const void *b)
{
        const struct package_order *x = a, *y = b;
        int r = strcmp(x->p->name, y->p->name);

        return r != 0 ? r : x->index < y->index ? -1 : x->index > y->index;
}

/* One folder is one package: what stands in the second goes to the first. */
static int merge_folders(struct layout *l, struct package_order *order)
{
        size_t first = 0;

        qsort(order, l->n_packages, sizeof(*order), compare_paths);
        for (size_t i = 1; i < l->n_packages; i++) {
                struct lay_package *p = &l->packages[order[i].index],
                                   *home = &l->packages[order[first].index];

                if (strcmp(home->path, p->path) != 0) {
                        first = i;
                        continue;
                }
                free(p->name);
                p->name = str_dup_span(span_of(home->name));
                p->is_same_folder = true;
                if (!p->name)
                        return -ENOMEM;
                for (size_t k = 0; k < p->entities.n; k++) {
                        int r = refs_add(&home->entities, p->entities.at[k]);

                        if (r < 0)
                                return r;
                        l->entities[p->entities.at[k]].package = order[first].index;
                }
                p->entities.n = 0;
        }
        return 0;
}

/* Two packages of one name are told apart by a number, so that a file can import both. */
static int tell_packages_apart(struct layout *l)
{
        _cleanup_free_ struct package_order *order = calloc(l->n_packages + 1, sizeof(*order));
        const char *first = NULL;
        unsigned n = 1;
        int r;

        if (!order)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_packages; i++)
                order[i] = (struct package_order){&l->packages[i], (uint32_t)i};
        r = merge_folders(l, order);
        if (r < 0)
                return r;
        qsort(order, l->n_packages, sizeof(*order), compare_package_names);
        for (size_t i = 0; i < l->n_packages; i++) {
                struct lay_package *p = &l->packages[order[i].index];
                char *longer;

                if (p->is_same_folder)
                        continue;
                if (!first || strcmp(first, p->name) != 0) {
                        first = p->name;
                        n = 1;
                        continue;
                }
                longer = str_printf("%s%u", p->name, ++n);
                if (!longer)
                        return -ENOMEM;
                free(p->name);
                p->name = longer;
        }
        return 0;
}

/* Package of an entity that names none: the declared one that is called like it, else one of its
 * own. */
static int64_t package_of_entity(struct layout *l, const struct phrases *declared,
                                 const struct entity *e)
{
        uint32_t index;

        if (l->b->naming.single_package)
                return (int64_t)l->m->n_packages; /* behind the declared ones */
        if (e->package) {
                for (size_t i = 0; i < l->m->n_packages; i++)
                        if (strcmp(l->m->packages[i].name, e->package) == 0)
                                return (int64_t)i;
                return -1;
        }
        return phrases_get(declared, span_of(e->name), &index) == 0 ? (int64_t)index : -1;
}

/* The one that all entities stand in: a language whose files may refer to each other freely. */
static int single_package(struct layout *l)
{
        uint32_t index = (uint32_t)l->n_packages++;

        l->packages[index].name = str_dup_span(span_of(l->b->naming.single_package));
        return l->packages[index].name ? package_path(l, index, NULL) : -ENOMEM;
}

int layout_packages(struct layout *l)
{
        _cleanup_(phrases_freep) struct phrases *declared = phrases_new();
        const struct model *m = l->m;
        int r = 0;

        l->packages = calloc(m->n_packages + m->n_entities + 2, sizeof(*l->packages));
        l->entities = calloc(m->n_entities + 1, sizeof(*l->entities));
        if (!declared || !l->packages || !l->entities)
                return -ENOMEM;
        l->n_packages = m->n_packages;
        l->n_entities = m->n_entities;
        for (size_t i = 0; i < m->n_packages && r == 0; i++) {
                l->packages[i].source = &m->packages[i];
                r = phrases_add(declared, m->packages[i].name, (uint32_t)i);
                if (r == 0)
                        r = package_name(l, m->packages[i].name, &l->packages[i].name);
                if (r == 0)
                        r = package_path(l, (uint32_t)i, m->packages[i].path);
        }
        if (r == 0 && l->b->naming.single_package)
                r = single_package(l);
        for (size_t i = 0; i < m->n_entities && r == 0; i++) {
                int64_t p = package_of_entity(l, declared, &m->entities[i]);

                if (p < 0) {
                        p = (int64_t)l->n_packages++;
                        r = package_name(l, m->entities[i].name, &l->packages[p].name);
                        if (r == 0)
                                r = package_path(l, (uint32_t)p, NULL);
                }
                l->entities[i].package = (uint32_t)p;
                if (r == 0)
                        r = refs_add(&l->packages[p].entities, (uint32_t)i);
        }
        return r != 0 ? r : tell_packages_apart(l);
}

/* ---- entities ---- */

static bool is_exported_identifier(const char *name)
{
        if (!isupper((unsigned char)*name))
                return false;
        for (; *name; name++)
                if (!isalnum((unsigned char)*name))
                        return false;
        return true;
}

static bool is_kept(const struct spelling *s, const char *name)
{
        return s->keep.code ? regex_is_match(&s->keep, span_of(name))
                            : is_exported_identifier(name);
}

static bool begins_with_capital(const char *name)
{
        const char *next = name;

        return *name && unicode_is_upper(utf8_next(&next, name + strlen(name)));
}

/* An identifier that is good as it is stays; others are made from their words. */
static int identifier(struct layout *l, const struct spelling *s, const char *name, char **ret)
{
        _cleanup_free_ char *made = NULL;

        if (is_kept(s, name)) {
                *ret = str_dup_span(span_of(name));
                return *ret ? 0 : -ENOMEM;
        }
        made = name_in_style(&l->b->naming.initialisms, name, s->style);
        if (!made)
                return -ENOMEM;
        if (s->keep.code ? !is_kept(s, made) : !begins_with_capital(made)) {
                /* begins with a digit, or with a letter that has no capital here */
                *ret = str_printf("%s%s", s->prefix ? s->prefix : "X", made);
                return *ret ? 0 : -ENOMEM;
        }
        *ret = take(made);
        return 0;
}

/* order_linux would be built on one system only: the last word decides. */
static int file_name(struct layout *l, struct lay_entity *e)
{
        const char *last = strrchr(e->snake, '_');
        bool is_reserved = strlist_has(&l->b->naming.files.words, last ? last + 1 : e->snake);

        if (strlist_has(&l->b->naming.modules.words, e->snake)) {
                e->file = str_printf("%s%s", e->snake, l->b->naming.modules.ending);
                return e->file ? 0 : -ENOMEM;
        }

        /* where a module's name is an identifier, it is that of the class */
        if (l->b->naming.modules.words.n > 0 && isdigit((unsigned char)*e->snake)) {
                e->file = name_in_style(NULL, e->name, STYLE_SNAKE);
                return e->file ? 0 : -ENOMEM;
        }

        /* a lone word is an ending only behind another: user.go is fine, test.go as well */
        e->file = last && is_reserved ? str_printf("%s%s", e->snake, l->b->naming.files.ending)
                                      : str_dup_span(span_of(e->snake));
        return e->file ? 0 : -ENOMEM;
}

static int plural_of(const char *kebab, char **ret)
{
        _cleanup_buf_ struct buf b = {0};
        int r;

        r = template_filter_name("plural", span_of(kebab), &b);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        *ret = str_dup_span(buf_span(&b));
        return *ret ? 0 : -ENOMEM;
}

static int entity_names(struct layout *l, struct lay_entity *e)
{
        int r;

        r = identifier(l, &l->b->naming.entity_spelling, e->source->name, &e->name);
        if (r == 0)
                r = unreserve(&e->name, &l->b->naming.entities);
        if (r != 0)
                return r;
        e->snake = name_in_style(NULL, e->source->name, STYLE_SNAKE);
        e->kebab = name_in_style(NULL, e->source->name, STYLE_KEBAB);
        e->camel = name_in_style(&l->b->naming.initialisms, e->source->name, STYLE_CAMEL);
        if (!e->snake || !e->kebab || !e->camel)
                return -ENOMEM;
        r = file_name(l, e);
        return r != 0 ? r : plural_of(e->kebab, &e->plural);
}

static int attribute_name(struct layout *l, const char *name, char **ret)
{
        const struct naming *n = &l->b->naming;
        _cleanup_free_ char *made = NULL;
        int r;

        if (strcasecmp(name, n->identity) == 0) {
                *ret = str_dup_span(span_of(n->identity));
                return *ret ? 0 : -ENOMEM;
        }
        r = identifier(l, &n->field_spelling, name, &made);
        if (r == 0)
                r = unreserve(&made, &n->fields);
        if (r == 0)
                *ret = take(made);
        return r;
}

/* Only the identity, which stands first, may be the layout's own. */
static int refuse_attributes(struct layout *l, const struct lay_entity *e,
                             const struct lay_attribute *a, const struct lay_attribute *b)
{
        if (!a->source)
                return layout_refuse(l,
                                     "attribute `%s` of %s would be called %s, as what identifies "
                                     "it is: rename it",
                                     b->source ? b->source->name : b->name, e->source->name,
                                     b->name);
        return layout_refuse(
                l, "attributes `%s` and `%s` of %s would both be called %s: rename one",
                a->source->name, b->source ? b->source->name : b->name, e->source->name, b->name);
}

static int check_attributes(struct layout *l, const struct lay_entity *e)
{
        for (size_t i = 0; i < e->n_attributes; i++)
                for (size_t k = 0; k < i; k++)
                        if (strcmp(e->attributes[i].name, e->attributes[k].name) == 0)
                                return refuse_attributes(l, e, &e->attributes[k],
                                                         &e->attributes[i]);
        return 0;
}

static int identity_type(struct layout *l, struct lay_entity *e, struct lay_attribute *id)
{
        const struct naming *n = &l->b->naming;

        if (!strlist_has(&n->identity_types, id->skeleton)) {
                int r = layout_warn(
                        l, "%s.%s has type `%s`, which cannot identify: %s", e->name, id->name,
                        id->source && id->source->type ? id->source->type : "", n->identity_type);

                if (r < 0)
                        return r;
                id->skeleton = n->identity_type;
        }
        e->id_type = str_dup_span(span_of(id->skeleton));
        return e->id_type ? 0 : -ENOMEM;
}

static int attribute_type(struct layout *l, const struct lay_entity *e, struct lay_attribute *a)
{
        _cleanup_free_ char *of = str_printf("%s.%s", e->name, a->source->name);

        return of ? layout_type(l, a->source->type, of, &a->skeleton) : -ENOMEM;
}

/* Where data is kept under names, that of before is spelled as it was then: a column has no ending
 * for words that the language reserves. */
static int renamed(struct layout *l, const struct lay_entity *e, struct lay_attribute *a)
{
        if (!l->b->naming.has_renamed)
                return layout_note(l,
                                   "%s.%s was %s: blueprint %s moves no data, do it before the "
                                   "new program runs",
                                   e->name, a->name, a->source->was, l->b->name);
        return identifier(l, &l->b->naming.field_spelling, a->source->was, &a->was);
}

/* Every entity has an identity, which stands first where it is added. */
static int entity_attributes(struct layout *l, struct lay_entity *e)
{
        const struct entity *source = e->source;
        bool has_identity = false;
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < source->n_attributes; i++)
                has_identity = has_identity ||
                               strcasecmp(source->attributes[i].name, l->b->naming.identity) == 0;
        e->room += source->n_attributes + 1; /* and of its relationships: count_relations() */
        e->attributes = calloc(e->room, sizeof(*e->attributes));
        if (!e->attributes)
                return -ENOMEM;
        if (!has_identity) {
                e->attributes[0].name = str_dup_span(span_of(l->b->naming.identity));
                e->attributes[0].skeleton = l->b->naming.identity_type;
                e->n_attributes = n = 1;
                if (!e->attributes[0].name)
                        return -ENOMEM;
                r = layout_note(l, "%s has no %s: it is given one", e->name, l->b->naming.identity);
        }
        for (size_t i = 0; i < source->n_attributes && r == 0; i++, n++) {
                struct lay_attribute *a = &e->attributes[n];

                a->source = &source->attributes[i];
                e->n_attributes = n + 1;
                r = attribute_name(l, a->source->name, &a->name);
                if (r == 0 && a->source->was)
                        r = renamed(l, e, a);
                if (r == 0)
                        r = attribute_type(l, e, a);
        }
        for (size_t i = 0; i < e->n_attributes && r == 0 && !e->id_type; i++)
                if (strcmp(e->attributes[i].name, l->b->naming.identity) == 0)
                        r = identity_type(l, e, &e->attributes[i]);
        return r != 0 ? r : check_attributes(l, e);
}

/* A relationship becomes at most one field, of either side (links-fields.c). */
static void count_relations(struct layout *l)
{
        for (size_t i = 0; i < l->m->n_relations; i++) {
                const char *sides[] = {l->m->relations[i].from, l->m->relations[i].to};
                uint32_t entity;

                for (size_t k = 0; k < N_ELEMENTS(sides); k++)
                        if (phrases_get(l->phrases, span_of(sides[k]), &entity) == 0)
                                l->entities[entity].room++;
        }
}

/* Whoever serves entities finds them by their plurals: routes, tables. */
static int check_plurals(struct layout *l)
{
        for (size_t i = 0; i < l->n_entities && l->b->n_default_contracts > 0; i++)
                for (size_t k = 0; k < i; k++)
                        if (strcmp(l->entities[i].plural, l->entities[k].plural) == 0)
                                return layout_refuse(
                                        l,
                                        "entities `%s` and `%s` would both be served as `%s`, "
                                        "their plural: rename one",
                                        l->entities[k].source->name, l->entities[i].source->name,
                                        l->entities[i].plural);
        return 0;
}

/* A default is told to models in words; whoever has templates hears that they do not set it. */
static int tell_defaults(struct layout *l)
{
        bool has_templates = false;
        int r = 0;

        for (size_t i = 0; i < l->b->n_kinds; i++)
                has_templates = has_templates || l->b->kinds[i].template;
        for (size_t i = 0; i < l->m->n_entities && has_templates; i++)
                for (size_t k = 0; k < l->m->entities[i].n_attributes && r == 0; k++) {
                        const struct attribute *a = &l->m->entities[i].attributes[k];

                        if (a->otherwise)
                                r = layout_warn(l,
                                                "%s.%s has the default %.40s, which the templates "
                                                "of blueprint %s do not set: it stands in the "
                                                "description alone",
                                                l->m->entities[i].name, a->name, a->otherwise,
                                                l->b->name);
                }
        return r;
}

int layout_entities(struct layout *l)
{
        int r = 0;

        count_relations(l);
        for (size_t i = 0; i < l->n_entities && r == 0; i++) {
                l->entities[i].source = &l->m->entities[i];
                r = entity_names(l, &l->entities[i]);
        }
        if (r == 0)
                r = check_plurals(l);
        if (r == 0)
                r = tell_defaults(l);
        for (size_t i = 0; i < l->n_entities && r == 0; i++)
                r = entity_attributes(l, &l->entities[i]);
        return r;
}
