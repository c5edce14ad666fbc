#include "daemon/blueprint/layout.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/blueprint/links.h"
#include "daemon/blueprint/types.h"

static bool is_go_type(const char *type)
{
        static const char *const words[] = {"float64", "float32",   "int64",  "int32",
                                            "uint64",  "time.Time", "[]byte", "interface{}"};

        if (!type)
                return false;
        if (*type == '*' || str_has_prefix(type, "[]") || str_has_prefix(type, "map["))
                return true;
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (strcmp(type, words[i]) == 0)
                        return true;
        return false;
}

uint32_t model_features(const struct model *m)
{
        uint32_t f = 1u << FEATURE_ALWAYS;

        f |= (uint32_t)(m->n_entities > 0) << FEATURE_ENTITIES;
        f |= (uint32_t)(m->n_packages > 0) << FEATURE_PACKAGES;
        f |= (uint32_t)(m->n_contracts > 0) << FEATURE_CONTRACTS;
        f |= (uint32_t)(m->n_scenarios > 0) << FEATURE_SCENARIOS;
        f |= (uint32_t)(m->n_requirements > 0) << FEATURE_REQUIREMENTS;
        f |= (uint32_t)!str_is_equal(m->testing.unit_tests, "false") << FEATURE_UNIT_TESTS;
        f |= (uint32_t)(m->build.go_version != NULL) << FEATURE_GO_VERSION;
        for (size_t i = 0; i < m->n_contracts; i++)
                f |= (uint32_t)(strcmp(m->contracts[i].method, "RPC") == 0) << FEATURE_PROCEDURES;
        for (size_t i = 0; i < m->n_entities; i++)
                for (size_t k = 0; k < m->entities[i].n_attributes; k++)
                        if (is_go_type(m->entities[i].attributes[k].type))
                                f |= 1u << FEATURE_GO_TYPES;
        return f;
}

#define MAX_LINES 200 /* of notes and of warnings: nobody reads more */

static _printf_(3, 0) int add_line(struct strlist *to, size_t *n_more, const char *format,
                                   va_list args)
{
        char text[400];

        if (to->n >= MAX_LINES) {
                ++*n_more;
                return 0;
        }
        vsnprintf(text, sizeof(text), format, args);
        return strlist_add(to, text);
}

int layout_note(struct layout *l, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = add_line(&l->work->notes, &l->n_more_notes, format, args);
        va_end(args);
        return r;
}

int layout_warn(struct layout *l, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = add_line(&l->work->warnings, &l->n_more_warnings, format, args);
        va_end(args);
        return r;
}

int layout_refuse(struct layout *l, const char *format, ...)
{
        char text[500];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        l->failure = failure_new(FAILURE_BAD_SPEC, "%s", text);
        return l->failure ? CONDITION_REFUSED : -ENOMEM;
}

void layout_variables(const struct layout *l, int64_t entity, int64_t package, int64_t contract,
                      struct variables *ret)
{
        *ret = (struct variables){.parameters = l->parameters};
        ret->at[VAR_PROJECT_NAME] = l->m->name;
        if (entity >= 0) {
                const struct lay_entity *e = &l->entities[entity];

                ret->at[VAR_ENTITY_NAME] = e->name;
                ret->at[VAR_ENTITY_FILE] = e->file;
                ret->at[VAR_ENTITY_SNAKE] = e->snake;
                ret->at[VAR_ENTITY_CAMEL] = e->camel;
                ret->at[VAR_ENTITY_KEBAB] = e->kebab;
                ret->at[VAR_ENTITY_PLURAL] = e->plural;
        }
        if (package >= 0) {
                ret->at[VAR_PACKAGE_NAME] = l->packages[package].name;
                ret->at[VAR_PACKAGE_PATH] = l->packages[package].path;
                ret->at[VAR_PACKAGE_IMPORT] = l->packages[package].import_path;
        }
        if (contract >= 0) {
                const struct lay_contract *c = &l->contracts[contract];

                ret->at[VAR_CONTRACT_ACTION] = c->action;
                ret->at[VAR_CONTRACT_METHOD] = c->method;
                ret->at[VAR_CONTRACT_ENTITY] = c->entity >= 0 ? l->entities[c->entity].name : "";
        }
}

static int compare_names(const void *a, const void *b, void *arg)
{
        const struct layout *l = arg;

        return strcmp(l->entities[*(const uint32_t *)a].name,
                      l->entities[*(const uint32_t *)b].name);
}

static int sort_entities(struct layout *l)
{
        l->by_name = calloc(l->n_entities + 1, sizeof(*l->by_name));
        l->rank = calloc(l->n_entities + 1, sizeof(*l->rank));
        if (!l->by_name || !l->rank)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_entities; i++)
                l->by_name[i] = (uint32_t)i;
        qsort_r(l->by_name, l->n_entities, sizeof(*l->by_name), compare_names, l);
        for (size_t i = 0; i < l->n_entities; i++)
                l->rank[l->by_name[i]] = (uint32_t)i;
        return 0;
}

static int tell_more(struct strlist *to, size_t n_more)
{
        _cleanup_free_ char *line = NULL;

        if (n_more == 0)
                return 0;
        line = str_printf("… and %zu more", n_more);
        return line ? strlist_add(to, line) : -ENOMEM;
}

static int fill(struct layout *l)
{
        static int (*const steps[])(struct layout * l) = {
                layout_parameters, layout_packages, layout_entities,  sort_entities,
                layout_references, layout_links,    layout_contracts, layout_routes,
                layout_rules,      layout_pieces,
        };
        int r = 0;

        for (size_t i = 0; i < l->m->n_entities && r == 0; i++)
                r = phrases_add(l->phrases, l->m->entities[i].name, (uint32_t)i);
        for (size_t i = 0; i < N_ELEMENTS(steps) && r == 0; i++)
                r = steps[i](l);
        if (r == 0)
                for (size_t i = 0; i < l->m->n_libraries && r == 0; i++)
                        r = layout_note(l, "library %s is not used by blueprint %s",
                                        l->m->libraries[i].name, l->b->name);
        if (r == 0)
                r = tell_more(&l->work->notes, l->n_more_notes);
        return r != 0 ? r : tell_more(&l->work->warnings, l->n_more_warnings);
}

int layout_new(struct blueprint *b, const struct model *m, struct work *w, struct layout **ret,
               struct failure **ret_failure)
{
        _cleanup_(layout_freep) struct layout *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->b = b;
        l->m = m;
        l->work = w;
        l->phrases = phrases_new();
        l->kind_blocks = calloc(b->n_kinds + 1, sizeof(*l->kind_blocks));
        if (!l->phrases || !l->kind_blocks)
                return -ENOMEM;
        l->features = model_features(m);
        r = fill(l);
        if (r == CONDITION_REFUSED)
                *ret_failure = take(l->failure);
        if (r == 0)
                *ret = take(l);
        return r;
}

static void entity_done(struct lay_entity *e)
{
        struct refs *lists[] = {&e->types,     &e->direct,       &e->closure,   &e->named,
                                &e->contracts, &e->requirements, &e->scenarios, &e->relations};

        for (size_t i = 0; i < N_ELEMENTS(lists); i++)
                free(lists[i]->at);
        for (size_t i = 0; i < e->n_attributes; i++) {
                free(e->attributes[i].name);
                free(e->attributes[i].was);
        }
        free(e->attributes);
        free(e->name);
        free(e->file);
        free(e->snake);
        free(e->camel);
        free(e->kebab);
        free(e->plural);
        free(e->id_type);
        for (size_t i = 0; i < e->n_links; i++)
                piece_done(&e->links[i]);
        free(e->links);
        piece_done(&e->full);
        piece_done(&e->keys);
        piece_done(&e->brief);
        piece_done(&e->summary);
}

static void package_done(struct lay_package *p)
{
        free(p->name);
        free(p->path);
        free(p->import_path);
        free(p->entities.at);
        free(p->imports.at);
        free(p->contracts.at);
        free(p->requirements.at);
        free(p->scenarios.at);
        piece_done(&p->piece);
}

static void item_done(struct lay_item *i)
{
        free(i->route.entities.at);
        free(i->route.packages.at);
        free(i->route.contracts.at);
        json_decref(i->because);
        for (size_t k = 0; k < i->n_rules; k++)
                piece_done(&i->rules[k].piece);
        free(i->rules);
        piece_done(&i->piece);
}

static void contract_done(struct lay_contract *c)
{
        free(c->method);
        free(c->endpoint);
        free(c->description);
        free(c->action);
        free(c->named.at);
        piece_done(&c->piece);
}

struct layout *layout_free(struct layout *l)
{
        struct piece *single[] = {&l->project,   &l->testing,  &l->build,
                                  &l->libraries, &l->criteria, &l->patterns};

        for (size_t i = 0; i < l->n_entities; i++)
                entity_done(&l->entities[i]);
        for (size_t i = 0; i < l->n_packages; i++)
                package_done(&l->packages[i]);
        for (size_t i = 0; i < l->n_contracts; i++)
                contract_done(&l->contracts[i]);
        for (size_t i = 0; i < l->n_requirements; i++)
                item_done(&l->requirements[i]);
        for (size_t i = 0; i < l->n_scenarios; i++)
                item_done(&l->scenarios[i]);
        for (size_t i = 0; i < l->n_relations; i++)
                piece_done(&l->relations[i].piece);
        for (size_t i = 0; i < l->n_own_rules; i++)
                piece_done(&l->own_rules[i].piece);
        free(l->own_rules);
        for (size_t i = 0; i < N_ELEMENTS(single); i++)
                piece_done(single[i]);
        for (size_t i = 0; i < l->b->n_parameters; i++) {
                if (l->parameter_texts)
                        free(l->parameter_texts[i]);
                if (l->parameter_pieces)
                        piece_done(&l->parameter_pieces[i]);
        }
        layout_types_free(l);
        layout_links_free(l);
        free(l->kind_blocks);
        buf_done(&l->scratch_facts);
        buf_done(&l->scratch_text);
        buf_done(&l->scratch_rest);
        buf_done(&l->scratch_name);
        free(l->entities);
        free(l->packages);
        free(l->contracts);
        free(l->requirements);
        free(l->requirement_sources);
        free(l->scenarios);
        free(l->relations);
        free(l->parameters);
        free(l->parameter_texts);
        free(l->parameter_pieces);
        free(l->by_name);
        free(l->rank);
        free(l->closure_stack);
        free(l->closure_mark);
        phrases_free(l->phrases);
        failure_free(l->failure);
        free(l);
        return NULL;
}
