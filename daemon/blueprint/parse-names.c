#include "daemon/blueprint/parse.h"
#include "daemon/template/names.h"

/* Sections parameters, names, types, actions, default_contracts. */

static const char *const model_fields[] = {"name",
                                           "description",
                                           "module",
                                           "build.go_version",
                                           "build.output_path",
                                           "build.target_os",
                                           "testing.coverage_target"};

char *name_in_style(const struct strlist *initialisms, const char *name, enum style style)
{
        static const enum name_style styles[N_STYLES] = {NAME_WORDS,  NAME_SNAKE, NAME_KEBAB,
                                                         NAME_PASCAL, NAME_CAMEL, NAME_SNAKE};
        struct span acronyms[128];
        size_t n = 0;
        _cleanup_buf_ struct buf b = {0};

        if (style == STYLE_NONE)
                return str_dup_span(span_of(name));
        for (; initialisms && n < initialisms->n && n < N_ELEMENTS(acronyms); n++)
                acronyms[n] = span_of(initialisms->at[n]);
        if (name_write(styles[style], span_of(name), acronyms, n, &b) != 0 ||
            buf_add(&b, "", 0) < 0)
                return NULL;
        if (style == STYLE_FLAT) {
                size_t kept = 0;

                for (size_t i = 0; i < b.n; i++)
                        if (b.at[i] != '_')
                                b.at[kept++] = b.at[i];
                b.n = kept;
        }
        return str_dup_span(buf_span(&b));
}

static void parse_parameter(struct parse *p, const struct yaml_node *key, struct yaml_node *n,
                            struct parameter *a)
{
        a->name = parse_dup(p, key->text);
        if (n->kind != YAML_MAP) {
                parse_fault(p, n, "parameter `%.60s` must be a map", key->text);
                return;
        }
        a->description = parse_text(p, n, "description", true);
        a->from = parse_text(p, n, "from", false);
        if (a->from)
                (void)parse_word(p, n, "from", model_fields, N_ELEMENTS(model_fields), 0);
        a->default_pattern = parse_pattern(p, n, "default", true);
        a->style = (enum style)parse_word(p, n, "style", style_names, N_STYLES, STYLE_NONE);
        parse_regex(p, n, "match", 0, &a->match);
        parse_regex(p, n, "take", 0, &a->take);
        a->at_least = parse_text(p, n, "at_least", false);
        a->at_most = parse_text(p, n, "at_most", false);
        parse_texts(p, n, "reserved", &a->reserved);
        a->reserved_ending = parse_text(p, n, "reserved_ending", a->reserved.n > 0);
}

static void parse_parameters(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *map = parse_get(p, top, "parameters", YAML_MAP, false);
        struct blueprint *b = p->b;

        if (!map || !(b->parameters = parse_array(p, map->n_items, sizeof(*b->parameters))))
                return;
        for (size_t i = 0; i < map->n_items; i++) {
                parse_parameter(p, map->keys[i], yaml_get(map, map->keys[i]->text),
                                &b->parameters[i]);
                b->n_parameters = i + 1; /* a default may use what stands before it */
        }
}

static void parse_reserved(struct parse *p, struct yaml_node *n, struct reserved *r)
{
        parse_texts(p, n, "reserved", &r->words);
        r->ending = parse_text(p, n, "ending", r->words.n > 0);
}

static void parse_spelling(struct parse *p, struct yaml_node *n, struct spelling *s)
{
        s->style = STYLE_PASCAL;
        if (!n)
                return;
        parse_regex(p, n, "keep", 0, &s->keep);
        s->prefix = parse_text(p, n, "prefix", false);
        s->style = (enum style)parse_word(p, n, "style", style_names, N_STYLES, STYLE_PASCAL);
}

static void parse_naming(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *names = parse_get(p, top, "names", YAML_MAP, true);
        struct yaml_node *packages = parse_get(p, names, "packages", YAML_MAP, true);
        struct yaml_node *fields = parse_get(p, names, "fields", YAML_MAP, false);
        struct yaml_node *entities = parse_get(p, names, "entities", YAML_MAP, false);
        struct yaml_node *identity = parse_get(p, names, "identity", YAML_MAP, true);
        struct yaml_node *by_id = parse_get(p, names, "by_id", YAML_MAP, true);
        struct naming *a = &p->b->naming;

        parse_texts(p, names, "initialisms", &a->initialisms);
        parse_reserved(p, packages, &a->packages);
        parse_reserved(p, parse_get(p, names, "files", YAML_MAP, false), &a->files);
        parse_reserved(p, parse_get(p, names, "modules", YAML_MAP, false), &a->modules);
        parse_reserved(p, fields, &a->fields);
        parse_reserved(p, entities, &a->entities);
        parse_spelling(p, fields, &a->field_spelling);
        parse_spelling(p, entities, &a->entity_spelling);
        a->single_package = parse_text(p, packages, "single", false);
        a->package_path = parse_pattern(p, packages, "default_path", true);
        parse_regex(p, packages, "keep_path", 0, &a->keep_path);
        a->identity = parse_text(p, identity, "name", true);
        a->identity_type = parse_text(p, identity, "type", true);
        parse_texts(p, identity, "types", &a->identity_types);
        a->has_relation_fields = parse_bool(p, names, "relation_fields");
        a->has_renamed = parse_bool(p, names, "renamed");
        a->has_json_names = parse_bool(p, names, "json_names");
        a->by_id_ending = parse_text(p, by_id, "ending", true);
        a->by_ids_ending = parse_text(p, by_id, "ending_of_many", true);
        a->by_id_strip = parse_text(p, by_id, "strip", false);
}

/* What is told to people is true. */
static void check_known(struct parse *p, struct yaml_node *types)
{
        const struct typing *t = &p->b->typing;
        struct yaml_node *list = yaml_get(types, "known");
        struct regex_match match;

        for (size_t i = 0; i < t->known.n && p->f->n == 0; i++) {
                size_t k = 0;

                while (k < t->n_rules &&
                       !regex_match(&t->rules[k].match, span_of(t->known.at[i]), 0, &match))
                        k++;
                if (k == t->n_rules)
                        parse_fault(p, list, "`known` names `%.100s`, which no rule matches",
                                    t->known.at[i]);
        }
}

static void parse_typing(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *types = parse_get(p, top, "types", YAML_MAP, true);
        struct yaml_node *rules = parse_get(p, types, "rules", YAML_LIST, false);
        struct typing *t = &p->b->typing;

        t->unknown = parse_text(p, types, "unknown", true);
        t->untyped = parse_text(p, types, "untyped", false);
        parse_texts(p, types, "known", &t->known);
        t->entity = parse_text(p, types, "entity", true);
        t->qualified = parse_text(p, types, "qualified", true);
        if (!rules || !(t->rules = parse_array(p, rules->n_items, sizeof(*t->rules))))
                return;
        t->n_rules = rules->n_items;
        for (size_t i = 0; i < rules->n_items; i++) {
                struct yaml_node *item = rules->items[i];

                if (item->kind != YAML_MAP) {
                        parse_fault(p, item, "a rule of types must be a map {match, type}");
                        continue;
                }
                (void)parse_get(p, item, "match", YAML_SCALAR, true);
                parse_regex(p, item, "match", PCRE2_CASELESS | PCRE2_DOTALL, &t->rules[i].match);
                t->rules[i].type = parse_text(p, item, "type", true);
                t->rules[i].loses = parse_text(p, item, "loses", false);
        }
        check_known(p, types);
}

static void parse_actions(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *map = parse_get(p, top, "actions", YAML_MAP, true);
        struct yaml_node *verbs = parse_get(p, map, "verbs", YAML_MAP, false);
        struct actions *a = &p->b->actions;

        a->create = parse_text(p, map, "create", true);
        a->list = parse_text(p, map, "list", true);
        a->get = parse_text(p, map, "get", true);
        a->update = parse_text(p, map, "update", true);
        a->delete = parse_text(p, map, "delete", true);
        a->list_by = parse_text(p, map, "list_by", true);
        a->create_for = parse_text(p, map, "create_for", true);
        if (!verbs || !(a->verbs = parse_array(p, verbs->n_items, sizeof(*a->verbs))))
                return;
        a->n_verbs = verbs->n_items;
        for (size_t i = 0; i < verbs->n_items; i++) {
                a->verbs[i].method = parse_dup(p, verbs->keys[i]->text);
                a->verbs[i].prefix = parse_text(p, verbs, verbs->keys[i]->text, true);
        }
}

static void parse_default_contracts(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *list = parse_get(p, top, "default_contracts", YAML_LIST, false);
        struct blueprint *b = p->b;

        if (!list ||
            !(b->default_contracts = parse_array(p, list->n_items, sizeof(*b->default_contracts))))
                return;
        b->n_default_contracts = list->n_items;
        for (size_t i = 0; i < list->n_items; i++) {
                struct yaml_node *item = list->items[i];
                struct default_contract *c = &b->default_contracts[i];

                if (item->kind != YAML_MAP) {
                        parse_fault(
                                p, item,
                                "a default contract must be a map {method, endpoint, description}");
                        continue;
                }
                c->method = parse_text(p, item, "method", true);
                c->endpoint = parse_pattern(p, item, "endpoint", true);
                c->description = parse_pattern(p, item, "description", false);
        }
}

void parse_names(struct parse *p, struct yaml_node *top)
{
        parse_parameters(p, top);
        parse_naming(p, top);
        parse_typing(p, top);
        parse_actions(p, top);
        parse_default_contracts(p, top);
}

static void parameter_done(struct parameter *a)
{
        free(a->name);
        free(a->description);
        free(a->from);
        pattern_free(a->default_pattern);
        regex_done(&a->match);
        regex_done(&a->take);
        free(a->at_least);
        free(a->at_most);
        strlist_done(&a->reserved);
        free(a->reserved_ending);
}

static void naming_done(struct naming *a)
{
        struct reserved *reserved[] = {&a->packages, &a->files, &a->fields, &a->entities,
                                       &a->modules};
        struct spelling *spellings[] = {&a->entity_spelling, &a->field_spelling};

        for (size_t i = 0; i < N_ELEMENTS(reserved); i++) {
                strlist_done(&reserved[i]->words);
                free(reserved[i]->ending);
        }
        for (size_t i = 0; i < N_ELEMENTS(spellings); i++) {
                regex_done(&spellings[i]->keep);
                free(spellings[i]->prefix);
        }
        free(a->single_package);
        strlist_done(&a->initialisms);
        pattern_free(a->package_path);
        regex_done(&a->keep_path);
        free(a->identity);
        free(a->identity_type);
        strlist_done(&a->identity_types);
        free(a->by_id_ending);
        free(a->by_ids_ending);
        free(a->by_id_strip);
}

static void actions_done(struct actions *a)
{
        char *const texts[] = {a->create, a->list,    a->get,       a->update,
                               a->delete, a->list_by, a->create_for};

        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                free(texts[i]);
        for (size_t i = 0; i < a->n_verbs; i++) {
                free(a->verbs[i].method);
                free(a->verbs[i].prefix);
        }
        free(a->verbs);
}

void blueprint_release_names(struct blueprint *b)
{
        for (size_t i = 0; i < b->n_choices; i++) {
                free(b->choices[i].reason);
                regex_done(&b->choices[i].says);
                regex_done(&b->choices[i].types);
        }
        free(b->choices);
        for (size_t i = 0; i < b->n_parameters; i++)
                parameter_done(&b->parameters[i]);
        free(b->parameters);
        naming_done(&b->naming);
        for (size_t i = 0; i < b->typing.n_rules; i++) {
                regex_done(&b->typing.rules[i].match);
                free(b->typing.rules[i].type);
                free(b->typing.rules[i].loses);
        }
        free(b->typing.rules);
        free(b->typing.unknown);
        free(b->typing.untyped);
        strlist_done(&b->typing.known);
        free(b->typing.entity);
        free(b->typing.qualified);
        actions_done(&b->actions);
        for (size_t i = 0; i < b->n_default_contracts; i++) {
                free(b->default_contracts[i].method);
                pattern_free(b->default_contracts[i].endpoint);
                pattern_free(b->default_contracts[i].description);
        }
        free(b->default_contracts);
}
