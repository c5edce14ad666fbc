#include "daemon/blueprint/rules.h"

#include <ctype.h>

#include "daemon/blueprint/layout.h"
#include "daemon/blueprint/links.h"
#include "daemon/blueprint/parse.h"
#include "daemon/template/template.h"

static const char *const field_names[N_RULE_FIELDS] = {"entity", "attribute", "min", "max",
                                                       "value"};

/* ---- reading ---- */

static void parse_rule(struct parse *p, struct yaml_node *n, struct rule_row *row)
{
        row->rule = parse_text(p, n, "rule", true);
        (void)parse_get(p, n, "match", YAML_SCALAR, true);
        parse_regex(p, n, "match", PCRE2_CASELESS | PCRE2_DOTALL, &row->match);
        parse_regex(p, n, "types", 0, &row->types);
        for (int i = 0; i < N_RULE_FIELDS; i++)
                row->fields[i] = parse_text(p, n, field_names[i], i == RULE_ATTRIBUTE);
        parse_texts(p, n, "in", &row->in);
        if (row->in.n == 0)
                parse_fault(p, n, "`in` must name the kinds of files that make the rule true");
}

void rules_parse(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *list = parse_get(p, top, "rules", YAML_LIST, false);
        struct blueprint *b = p->b;

        if (!list || !(b->rules = parse_array(p, list->n_items, sizeof(*b->rules))))
                return;
        b->n_rules = list->n_items;
        for (size_t i = 0; i < list->n_items; i++) {
                if (list->items[i]->kind == YAML_MAP)
                        parse_rule(p, list->items[i], &b->rules[i]);
                else
                        parse_fault(
                                p, list->items[i],
                                "an item of `rules` must be a map {rule, match, attribute, in}");
        }
}

static void check_kind(struct parse *p, const struct yaml_node *at, const struct rule_row *row,
                       const char *name)
{
        const struct kind *k = NULL;

        for (size_t i = 0; i < p->b->n_kinds && !k; i++)
                if (str_is_equal(p->b->kinds[i].name, name))
                        k = &p->b->kinds[i];
        if (!k)
                parse_fault(p, at, "there is no kind %.60s", name);
        else if (!(k->inputs & UINT64_C(1) << INPUT_RULES))
                parse_fault(p, at, "kind %.60s makes a rule true and has no input `rules`", name);
        else if (k->template && row->rule && !strlist_has(&k->coverage.keys, row->rule))
                parse_fault(p, at, "%.100s says nothing of the rule `%.60s`",
                            template_name(k->template), row->rule);
}

void rules_check(struct parse *p, struct yaml_node *top)
{
        const struct yaml_node *list = yaml_get(top, "rules");

        for (size_t i = 0; i < p->b->n_rules; i++)
                for (size_t j = 0; j < p->b->rules[i].in.n; j++)
                        check_kind(p, list->items[i], &p->b->rules[i], p->b->rules[i].in.at[j]);
}

void rules_release(struct blueprint *b)
{
        for (size_t i = 0; i < b->n_rules; i++) {
                struct rule_row *row = &b->rules[i];

                free(row->rule);
                regex_done(&row->match);
                regex_done(&row->types);
                for (int k = 0; k < N_RULE_FIELDS; k++)
                        free(row->fields[k]);
                strlist_done(&row->in);
        }
        free(b->rules);
}

/* ---- requirements ---- */

/* Letters and digits in lower case: "unit price", "UnitPrice" and "unit_price" are one. */
static int flatten(const char *text, char **ret)
{
        *ret = name_in_style(NULL, text, STYLE_FLAT);
        return *ret ? 0 : -ENOMEM;
}

static int is_attribute(const struct lay_attribute *a, const char *flat, bool *ret)
{
        static const char *const forms[] = {NULL, "plural", "singular"};
        const char *name = a->source ? a->source->name : a->name;

        *ret = false;
        for (size_t i = 0; i < N_ELEMENTS(forms) && !*ret; i++) {
                _cleanup_free_ char *own = NULL;
                _cleanup_buf_ struct buf b = {0};
                int r = forms[i] ? template_filter_name(forms[i], span_of(name), &b) : 0;

                r = r ? r : flatten(forms[i] ? b.at : name, &own);
                if (r < 0)
                        return r;
                *ret = own && strcmp(own, flat) == 0;
        }
        return 0;
}

static int find_attribute(const struct lay_entity *e, const char *name,
                          const struct lay_attribute **ret)
{
        _cleanup_free_ char *flat = NULL;
        int r = flatten(name, &flat);

        *ret = NULL;
        for (size_t i = 0; i < e->n_attributes && r == 0 && !*ret; i++) {
                bool is_it;

                r = is_attribute(&e->attributes[i], flat, &is_it);
                if (r == 0 && is_it)
                        *ret = &e->attributes[i];
        }
        return r;
}

static char *field_text(const struct rule_row *row, enum rule_field field, struct span text,
                        const struct regex_match *m)
{
        const char *source = row->fields[field];
        unsigned group;

        if (source[0] != '$' || !isdigit((unsigned char)source[1]))
                return str_dup_span(span_of(source));
        group = (unsigned)(source[1] - '0');
        if (m->from[group] > m->to[group])
                return str_dup_span(SPAN(""));
        return str_dup_span((struct span){text.at + m->from[group], m->to[group] - m->from[group]});
}

struct ruling {
        struct layout *l;
        struct lay_item *item;
        const struct requirement *source;
        struct span text; /* a sentence */
};

/* Whose it is: named by the rule, else the only entity that the requirement names. */
static int64_t entity_of(const struct ruling *u, const char *name)
{
        const struct refs *routed = &u->item->route.entities;
        uint32_t index;

        if (name && *name)
                return phrases_get(u->l->phrases, span_of(name), &index) == 0 ? (int64_t)index : -1;
        return routed->n == 1 ? (int64_t)routed->at[0] : -1;
}

static int add_rule(const struct layout *l, const struct rule_row *row, char *const fields[],
                    uint32_t entity, const struct lay_attribute *a, struct lay_rule **list,
                    size_t *n)
{
        struct lay_rule *grown = reallocarray(*list, *n + 1, sizeof(*grown)), *to;
        const struct lay_entity *e = &l->entities[entity];
        json_t *o = json_object();
        _cleanup_free_ char *id = NULL;
        int r;

        if (grown)
                *list = grown;
        if (!grown || !o) {
                json_decref(o);
                return -ENOMEM;
        }
        to = &grown[(*n)++];
        *to = (struct lay_rule){.row = row, .entity = entity};
        r = json_put(o, "rule", json_string(row->rule));
        if (r == 0)
                r = json_put(o, "entity", json_string(e->name));
        if (r == 0)
                r = json_put(o, "attribute", json_string(a->name));
        for (int i = RULE_MIN; i < N_RULE_FIELDS && r == 0; i++)
                if (fields[i] && *fields[i])
                        r = json_put(o, field_names[i], json_string(fields[i]));
        if (r < 0) {
                json_decref(o);
                return r;
        }
        id = str_printf("%s.%s.%s", e->name, a->name, row->rule);
        if (!id) {
                json_decref(o);
                return -ENOMEM;
        }
        return piece_set(&to->piece, o, "rule", id);
}

/* CONDITION_ABSENT: it matches, but means nothing here. */
static int try_fields(struct ruling *u, const struct rule_row *row, char *const fields[])
{
        int64_t entity = entity_of(u, fields[RULE_ENTITY]);
        const struct lay_attribute *a = NULL;
        int r;

        if (entity < 0 || !fields[RULE_ATTRIBUTE])
                return CONDITION_ABSENT;
        r = find_attribute(&u->l->entities[entity], fields[RULE_ATTRIBUTE], &a);
        if (r < 0)
                return r;
        if (!a || !regex_is_match(&row->types, span_of(a->skeleton)))
                return CONDITION_ABSENT;
        return add_rule(u->l, row, fields, (uint32_t)entity, a, &u->item->rules, &u->item->n_rules);
}

static int try_row(struct ruling *u, const struct rule_row *row)
{
        char *fields[N_RULE_FIELDS] = {NULL};
        struct regex_match m;
        int r = 0;

        if (!regex_match(&row->match, u->text, 0, &m))
                return CONDITION_ABSENT;
        for (int i = 0; i < N_RULE_FIELDS && r == 0; i++)
                if (row->fields[i] &&
                    !(fields[i] = field_text(row, (enum rule_field)i, u->text, &m)))
                        r = -ENOMEM;
        if (r == 0)
                r = try_fields(u, row, fields);
        for (int i = 0; i < N_RULE_FIELDS; i++)
                free(fields[i]);
        return r;
}

static int rule_sentence(struct ruling *u)
{
        for (size_t i = 0; i < u->l->b->n_rules; i++) {
                int r = try_row(u, &u->l->b->rules[i]);

                if (r != CONDITION_ABSENT)
                        return r;
        }
        return CONDITION_ABSENT;
}

static bool ends_sentence(const char *at)
{
        return (*at == '.' || *at == ';' || *at == '\n') &&
               (at[1] == '\0' || isspace((unsigned char)at[1]));
}

static int rule_text(struct ruling *u)
{
        const char *at = u->source->text ? u->source->text : "";
        size_t n_sentences = 0;

        while (*at) {
                size_t n = 0;
                int r;

                at += strspn(at, " \t\r\n");
                while (at[n] && !ends_sentence(at + n))
                        n++;
                u->text = (struct span){at, n};
                while (u->text.n > 0 && isspace((unsigned char)u->text.at[u->text.n - 1]))
                        u->text.n--;
                at += n + (at[n] ? 1 : 0);
                if (u->text.n == 0)
                        continue;
                n_sentences++;
                r = rule_sentence(u);
                if (r != 0)
                        return r;
        }
        return n_sentences > 0 ? 0 : CONDITION_ABSENT;
}

/* ---- attributes ---- */

/* What a requirement says already. */
static bool is_said(const struct layout *l, const char *rule, uint32_t entity,
                    const struct lay_attribute *a)
{
        for (size_t i = 0; i < l->n_requirements; i++)
                for (size_t k = 0; l->requirements[i].is_ruled && k < l->requirements[i].n_rules;
                     k++) {
                        const struct lay_rule *r = &l->requirements[i].rules[k];

                        if (r->entity == entity && strcmp(r->row->rule, rule) == 0 &&
                            str_is_equal(json_get_text(r->piece.data, "attribute"), a->name))
                                return true;
                }
        return false;
}

/* `unique: true` is what the sentence is, where the blueprint knows that of such a type; else the
 * attribute says it, and a template that does not read it does not do. */
static int rule_unique(struct layout *l, uint32_t entity, struct lay_attribute *a)
{
        char *const fields[N_RULE_FIELDS] = {NULL};

        for (size_t i = 0; i < l->b->n_rules; i++) {
                const struct rule_row *row = &l->b->rules[i];

                if (!str_is_equal(row->rule, "unique") ||
                    !regex_is_match(&row->types, span_of(a->skeleton)))
                        continue;
                a->is_ruled = true;
                return is_said(l, row->rule, entity, a) ? 0
                                                        : add_rule(l, row, fields, entity, a,
                                                                   &l->own_rules, &l->n_own_rules);
        }
        return 0;
}

/* One to one, where fields stand for relationships: no other has the same key. */
static int rule_links(struct layout *l)
{
        int r = 0;

        for (size_t i = 0; i < l->n_links && r == 0 && l->b->naming.has_relation_fields; i++) {
                const struct lay_link *k = &l->links[i];
                struct lay_entity *e = &l->entities[k->from];
                struct lay_attribute *a;

                if (k->kind != LINK_REFERENCE || !k->is_unique || !k->column_attribute)
                        continue;
                a = &e->attributes[k->column_attribute - e->attributes];
                if (a->reference && !(a->source && a->source->is_unique))
                        r = rule_unique(l, k->from, a);
        }
        return r;
}

static int rule_attributes(struct layout *l)
{
        int r = rule_links(l);

        for (uint32_t i = 0; i < l->n_entities && r == 0; i++)
                for (size_t k = 0; k < l->entities[i].n_attributes && r == 0; k++) {
                        struct lay_attribute *a = &l->entities[i].attributes[k];

                        if (!a->source || !a->source->is_unique || a->is_ruled)
                                continue;
                        if (strcmp(a->name, l->b->naming.identity) == 0)
                                a->is_ruled = true; /* by being what it is */
                        else
                                r = rule_unique(l, i, a);
                }
        return r;
}

int layout_rules(struct layout *l)
{
        for (size_t i = 0; i < l->n_requirements && l->b->n_rules > 0; i++) {
                struct lay_item *item = &l->requirements[i];
                struct ruling u = {l, item, l->requirement_sources[i], {0}};
                int r;

                if (u.source->threshold)
                        continue;
                r = rule_text(&u);
                if (r < 0)
                        return r;
                item->is_ruled = r == 0;
        }
        return rule_attributes(l);
}
