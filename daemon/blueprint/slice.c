#include "daemon/blueprint/slice.h"

#include <stdio.h>

#include "daemon/blueprint/present.h"
#include "daemon/blueprint/sections.h"

/* The slice of the model that a task declares: as data for templates (context), as text for prompts
 * (facts), as declared inputs for its key. All three are made from the same pieces in one go, so
 * that what is sent is what was declared and hashed. The static key is made of the declared inputs
 * and of nothing else: what is not among them cannot make a file again, and `why` can name whatever
 * did. */

#define FACTS_HEAD "```yaml\n"
#define FACTS_END "```\n"

struct slice {
        struct layout *l;
        const struct kind *k;
        const struct subject *s;
        struct task *t;
        struct buf *facts; /* borrowed: the layout's scratch */
        size_t room;       /* of t->inputs */
        size_t room_statements;
        json_t *list; /* borrowed: the section's array in the context */
        enum section section;
        bool has_head;       /* the section's key stands in the facts */
        const char *unruled; /* borrowed: the first requirement that is no rule */
        size_t n_unruled;
};

/* Value: data, or JSON that the blueprint keeps. */
static int add_input(struct slice *s, const char *name, const struct hash *hash, json_t *data,
                     struct span json)
{
        struct task *t = s->t;
        struct task_input *in;

        if (t->n_inputs == s->room) {
                struct task_input *grown =
                        reallocarray(t->inputs, s->room * 2 + 16, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                t->inputs = grown;
                s->room = s->room * 2 + 16;
        }
        in = &t->inputs[t->n_inputs];
        *in = (struct task_input){.name = str_dup_span(span_of(name)), .hash = *hash, .json = json};
        if (!in->name)
                return -ENOMEM;
        in->data = json_incref(data);
        t->n_inputs++;
        return 0;
}

static int add_piece(struct slice *s, const struct piece *p)
{
        return add_input(s, p->name, &p->hash, p->data, (struct span){0});
}

/* What the slice says itself, which no piece holds. Takes the data. */
static int add_said(struct slice *s, const char *name, json_t *data)
{
        struct hash hash;
        int r = data ? piece_hash(data, &hash) : -ENOMEM;

        if (r == 0)
                r = add_input(s, name, &hash, data, (struct span){0});
        json_decref(data);
        return r;
}

static int add_statement(struct slice *s, struct piece *p, struct span text)
{
        struct task *t = s->t;
        int r = state_piece(s->l, s->section, p, text);

        if (r < 0)
                return r;
        if (t->n_statements == s->room_statements) {
                size_t n = s->room_statements * 2 + 16;
                uint32_t *grown = reallocarray(t->statements, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                t->statements = grown;
                s->room_statements = n;
        }
        t->statements[t->n_statements++] = p->statement - 1;
        return 0;
}

static int add_item(struct slice *s, const char *section, struct piece *p)
{
        int r;

        r = piece_text(p, 2, true);
        if (r < 0)
                return r;
        if (!s->has_head)
                (void)(buf_add_text(s->facts, section), buf_add_text(s->facts, ":\n"));
        s->has_head = true;
        (void)buf_add(s->facts, p->text, p->n_text);
        if (json_array_append(s->list, p->data) < 0)
                return -ENOMEM;
        r = add_statement(s, p, (struct span){p->text, p->n_text});
        if (r < 0)
                return r;
        return add_piece(s, p);
}

static int add_value(struct slice *s, const char *section, struct piece *p)
{
        bool is_empty = json_is_array(p->data) && json_array_size(p->data) == 0;
        size_t start = s->facts->n;
        int r;

        if (!is_empty) {
                r = present_key(section, p->data, 0, s->facts);
                if (r < 0)
                        return r;
                if (s->facts->n - start ==
                    strlen(section) + 2) /* nothing but the key: all of it was empty */
                        s->facts->n = start;
        }
        if (s->facts->n > start) {
                r = add_statement(s, p, (struct span){s->facts->at + start, s->facts->n - start});
                if (r < 0)
                        return r;
        }
        if (json_object_set(s->t->context, section, p->data) < 0)
                return -ENOMEM;
        return add_piece(s, p);
}

static bool declares(const struct slice *s, enum input_kind input)
{
        return s->k->inputs & BIT(input);
}

static int64_t entity_of(const struct slice *s)
{
        return s->s->contract >= 0 ? s->l->contracts[s->s->contract].entity : s->s->entity;
}

static int add_named_entities(struct slice *s)
{
        struct refs named = {0};
        int r = slice_references(s->l, s->k, s->s, &named);

        for (size_t i = 0; i < named.n && r == 0; i++)
                r = add_item(s, "entities", &s->l->entities[s->l->by_name[named.at[i]]].full);
        free(named.at);
        return r;
}

static int add_entity_keys(struct slice *s, struct lay_entity *e)
{
        int r = layout_entity_keys(e, s->l->b->naming.identity);

        return r < 0 ? r : add_item(s, "entities", &e->keys);
}

/* What tells something of every entity: a list for each file of a kind that is made once an entity
 * would take the square of their number. */
#define OF_EACH_ENTITY                                                                \
        (BIT(INPUT_ALL_ENTITIES) | BIT(INPUT_ENTITIES) | BIT(INPUT_SERVED_ENTITIES) | \
         BIT(INPUT_ENTITY_SUMMARIES) | BIT(INPUT_ENTITY_KEYS))

static int add_entities(struct slice *s)
{
        struct layout *l = s->l;
        int64_t own = entity_of(s);
        const struct refs *others;
        int r = 0;

        if (declares(s, INPUT_ENTITY) && own >= 0)
                r = add_item(s, "entities", &l->entities[own].full);
        if (r == 0 && declares(s, INPUT_CLOSURE) && own >= 0) {
                r = layout_closure(l, (uint32_t)own, &others);
                for (size_t i = 0; r == 0 && i < others->n; i++)
                        r = add_item(s, "entities", &l->entities[others->at[i]].full);
        }
        if (r == 0 && declares(s, INPUT_PACKAGE_ENTITIES)) {
                others = &l->packages[s->s->package].entities;
                for (size_t i = 0; i < others->n && r == 0; i++)
                        if (others->at[i] != own || !declares(s, INPUT_ENTITY))
                                r = add_item(s, "entities", &l->entities[others->at[i]].full);
        }
        if (r == 0 && declares(s, INPUT_NAMED_ENTITIES))
                r = add_named_entities(s);
        if (!(s->k->inputs & OF_EACH_ENTITY))
                return r;
        for (size_t i = 0; i < l->n_entities && r == 0; i++) {
                struct lay_entity *e = &l->entities[l->by_name[i]];

                if (declares(s, INPUT_ALL_ENTITIES))
                        r = add_item(s, "entities", &e->full);
                else if (declares(s, INPUT_ENTITY_KEYS))
                        r = add_entity_keys(s, e);
                else if (declares(s, INPUT_ENTITIES) ||
                         (declares(s, INPUT_SERVED_ENTITIES) && e->is_served))
                        r = add_item(s, "entities", &e->brief);
                else if (declares(s, INPUT_ENTITY_SUMMARIES))
                        r = add_item(s, "entities", &e->summary);
        }
        return r;
}

static int compare_packages(const void *a, const void *b)
{
        struct lay_package *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

/* By name: their order in the file makes no difference. */
static int add_packages(struct slice *s)
{
        struct layout *l = s->l;
        struct lay_package **sorted;
        size_t n = 0;
        int r = 0;

        if (declares(s, INPUT_PACKAGE))
                return add_item(s, "packages", &l->packages[s->s->package].piece);
        sorted = calloc(l->n_packages + 1, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_packages; i++)
                if (!l->packages[i].is_same_folder)
                        sorted[n++] = &l->packages[i];
        qsort(sorted, n, sizeof(*sorted), compare_packages);
        for (size_t i = 0; i < n && r == 0; i++)
                r = add_item(s, "packages", &sorted[i]->piece);
        free(sorted);
        return r;
}

static int add_relations(struct slice *s)
{
        struct layout *l = s->l;
        int r = 0;

        if (s->s->entity >= 0) {
                const struct refs *own = &l->entities[s->s->entity].relations;

                for (size_t i = 0; i < own->n && r == 0; i++)
                        r = add_item(s, "relations", &l->relations[own->at[i]].piece);
                return r;
        }
        for (size_t i = 0; i < l->packages[s->s->package].entities.n; i++) {
                const struct refs *own =
                        &l->entities[l->packages[s->s->package].entities.at[i]].relations;

                for (size_t k = 0; k < own->n && r == 0; k++)
                        r = add_item(s, "relations", &l->relations[own->at[k]].piece);
        }
        return r;
}

static int add_contracts(struct slice *s)
{
        struct layout *l = s->l;
        int r = 0;

        if (declares(s, INPUT_CONTRACT))
                return add_item(s, "contracts", &l->contracts[s->s->contract].piece);
        if (declares(s, INPUT_CONTRACTS) || declares(s, INPUT_ACTION_CONTRACTS)) {
                const struct refs *own = s->s->entity >= 0 ? &l->entities[s->s->entity].contracts
                                                           : &l->packages[s->s->package].contracts;

                for (size_t i = 0; i < own->n && r == 0; i++)
                        if (declares(s, INPUT_CONTRACTS) || !l->contracts[own->at[i]].is_verb)
                                r = add_item(s, "contracts", &l->contracts[own->at[i]].piece);
                return r;
        }
        for (size_t i = 0; i < l->n_contracts && r == 0; i++)
                if (declares(s, INPUT_ALL_CONTRACTS) || l->contracts[i].entity < 0)
                        r = add_item(s, "contracts", &l->contracts[i].piece);
        return r;
}

/* Does an item belong to a task that has no list of its own? */
static bool is_ours(const struct slice *s, const struct route *route)
{
        const struct layout *l = s->l;

        if (route->is_free)
                return s->k->is_logic && (s->k->each == EACH_PROJECT || l->n_entities == 1);
        for (size_t i = 0; i < route->contracts.n; i++) {
                uint32_t c = route->contracts.at[i];

                if ((declares(s, INPUT_FREE_CONTRACTS) && l->contracts[c].entity < 0) ||
                    (int64_t)c == s->s->contract)
                        return true;
        }
        return false;
}

static int add_one_item(struct slice *s, const char *section, struct lay_item *item)
{
        bool is_requirement = s->section == SECTION_REQUIREMENTS;

        if (is_requirement && !item->is_ruled && !s->n_unruled++)
                s->unruled = item->piece.name;
        return add_item(s, section, &item->piece);
}

/* Requirements or scenarios: own ones from the entity's or package's list, in the order of the
 * items; of a task that has no list, those that say themselves whose they are. */
static int add_items(struct slice *s, const char *section, struct lay_item *items, size_t n,
                     const struct refs *own, bool is_all)
{
        bool is_alone = s->k->each == EACH_PROJECT || s->k->each == EACH_CONTRACT ||
                        (s->k->is_logic && s->l->n_entities == 1);
        int r = 0;

        if (!is_all && !is_alone) {
                for (size_t i = 0; own && i < own->n && r == 0; i++)
                        r = add_one_item(s, section, &items[own->at[i]]);
                return r;
        }
        for (size_t i = 0; i < n && r == 0; i++)
                if (is_all || (own && refs_has(own, (uint32_t)i)) || is_ours(s, &items[i].route))
                        r = add_one_item(s, section, &items[i]);
        return r;
}

static const struct refs *own_requirements(const struct slice *s)
{
        int64_t entity = entity_of(s);

        if (entity >= 0)
                return &s->l->entities[entity].requirements;
        return s->s->package >= 0 ? &s->l->packages[s->s->package].requirements : NULL;
}

static int add_requirements(struct slice *s)
{
        return add_items(s, "requirements", s->l->requirements, s->l->n_requirements,
                         own_requirements(s), declares(s, INPUT_ALL_REQUIREMENTS));
}

/* Those that files of this kind make true: of the own entity, or of all. */
static int add_rule_list(struct slice *s, struct lay_rule *rules, size_t n)
{
        int64_t entity = entity_of(s);
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++)
                if ((entity < 0 || rules[i].entity == (uint32_t)entity) &&
                    strlist_has(&rules[i].row->in, s->k->name))
                        r = add_item(s, "rules", &rules[i].piece);
        return r;
}

static int add_rules(struct slice *s)
{
        int r = add_rule_list(s, s->l->own_rules, s->l->n_own_rules);

        for (size_t i = 0; i < s->l->n_requirements && r == 0; i++)
                if (s->l->requirements[i].is_ruled)
                        r = add_rule_list(s, s->l->requirements[i].rules,
                                          s->l->requirements[i].n_rules);
        return r;
}

static int add_scenarios(struct slice *s)
{
        const struct refs *own = NULL;
        int64_t entity = entity_of(s);

        if (entity >= 0)
                own = &s->l->entities[entity].scenarios;
        else if (s->s->package >= 0)
                own = &s->l->packages[s->s->package].scenarios;
        return add_items(s, "scenarios", s->l->scenarios, s->l->n_scenarios, own,
                         declares(s, INPUT_ALL_SCENARIOS));
}

/* What belongs to this kind of file alone. */
static int add_rest(struct slice *s, const char *key, const json_t *value)
{
        size_t start = s->facts->n;
        int r = present_key(key, value, 0, s->facts);

        return r < 0 ? r : buf_add(&s->l->scratch_rest, s->facts->at + start, s->facts->n - start);
}

static int add_parameters(struct slice *s)
{
        json_t *values;
        int r;

        if (s->k->n_parameters == 0)
                return 0;
        values = json_object();
        r = json_put(s->t->context, "parameters", values);
        for (size_t i = 0; i < s->k->n_parameters && r == 0; i++) {
                const struct piece *p = &s->l->parameter_pieces[s->k->parameters[i]];

                if (json_object_set(values, s->l->b->parameters[s->k->parameters[i]].name,
                                    p->data) < 0)
                        return -ENOMEM;
                r = add_piece(s, p);
        }
        return r < 0 ? r : add_rest(s, "parameters", values);
}

static int add_single(struct slice *s, enum section section)
{
        struct piece *pieces[N_SECTIONS] = {
                [SECTION_PROJECT] = &s->l->project,   [SECTION_CRITERIA] = &s->l->criteria,
                [SECTION_PATTERNS] = &s->l->patterns, [SECTION_TESTING] = &s->l->testing,
                [SECTION_BUILD] = &s->l->build,       [SECTION_LIBRARIES] = &s->l->libraries,
        };

        return add_value(s, sections[section].key, pieces[section]);
}

static int add_links(struct slice *s)
{
        int64_t entity = entity_of(s);
        int r = 0;

        for (size_t i = 0; entity >= 0 && i < s->l->entities[entity].n_links && r == 0; i++)
                r = add_item(s, "links", &s->l->entities[entity].links[i]);
        return r;
}

static int add_section(struct slice *s, enum section section)
{
        s->section = section;
        s->has_head = false;
        if (section == SECTION_PARAMETERS)
                return add_parameters(s);
        if (!(s->k->inputs & sections[section].inputs))
                return 0;
        if (!sections[section].is_list)
                return add_single(s, section);
        s->list = json_array();
        if (json_put(s->t->context, sections[section].key, s->list) < 0)
                return -ENOMEM;
        switch (section) {
        case SECTION_ENTITIES:
                return add_entities(s);
        case SECTION_PACKAGES:
                return add_packages(s);
        case SECTION_RELATIONS:
                return add_relations(s);
        case SECTION_LINKS:
                return add_links(s);
        case SECTION_CONTRACTS:
                return add_contracts(s);
        case SECTION_RULES:
                return add_rules(s);
        case SECTION_REQUIREMENTS:
                return add_requirements(s);
        default:
                return add_scenarios(s);
        }
}

/* Entities by rank (place in the order of names). */
int slice_references(struct layout *l, const struct kind *k, const struct subject *s,
                     struct refs *ret)
{
        int64_t entity = s->contract >= 0 ? l->contracts[s->contract].entity : s->entity;
        int r = 0;

        if (entity >= 0) {
                const struct refs *direct = &l->entities[entity].direct;

                for (size_t i = 0; i < direct->n && r == 0; i++)
                        r = refs_add(ret, l->rank[direct->at[i]]);
                return r;
        }
        for (size_t i = 0; i < l->n_contracts && r == 0; i++) {
                const struct lay_contract *c = &l->contracts[i];

                if (k->each != EACH_PROJECT || c->entity >= 0 ||
                    !(k->inputs & BIT(INPUT_FREE_CONTRACTS)))
                        continue;
                for (size_t j = 0; j < c->named.n && r == 0; j++)
                        r = refs_add(ret, l->rank[c->named.at[j]]);
        }
        return r;
}

static int add_facts(struct slice *s, const struct variables *v)
{
        for (size_t i = 0; i < s->k->n_facts; i++) {
                const struct fact *f = &s->k->facts[i];
                struct buf *b = &s->l->scratch_name;
                json_t *value;
                int r;

                if ((f->when.wanted & ~s->l->features) || (f->when.unwanted & s->l->features))
                        continue;
                buf_clear(b);
                r = pattern_render(f->value, v, b);
                if (r < 0)
                        return r;
                if (r != 0 || b->n == 0)
                        continue;
                value = json_string(b->at);
                r = json_put(s->t->context, f->name, value);
                if (r == 0)
                        r = add_rest(s, f->name, value);
                buf_clear(b);
                (void)(buf_add_text(b, "fact:"), buf_add_text(b, f->name));
                if (r == 0)
                        r = b->failed ? b->failed : add_said(s, b->at, json_incref(value));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_names(struct slice *s, json_t *to, struct pattern *const *patterns, size_t n,
                     const struct variables *v)
{
        struct buf *b = &s->l->scratch_name;

        for (size_t i = 0; i < n; i++) {
                int r;

                buf_clear(b);
                r = pattern_render(patterns[i], v, b);
                if (r < 0)
                        return r;
                if (r == 0 && b->n > 0 && json_add(to, json_stringn(b->at, b->n)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int put_text(json_t *o, const char *key, const char *value)
{
        return value ? json_put(o, key, json_string(value)) : 0;
}

/* The task itself, as block 5 shows it. */
static int make_task(struct slice *s, const struct variables *v, json_t **ret)
{
        const struct layout *l = s->l;
        _cleanup_json_ json_t *o = json_object();
        json_t *names = json_array();
        int r;

        r = put_text(o, "path", s->t->path);
        if (r == 0)
                r = put_text(o, "role", s->k->name);
        if (r == 0 && s->s->package >= 0 && !l->b->naming.single_package) {
                r = put_text(o, "package", l->packages[s->s->package].name);
                if (r == 0)
                        r = put_text(o, "import_path", l->packages[s->s->package].import_path);
        }
        if (r == 0 && entity_of(s) >= 0)
                r = put_text(o, "entity", l->entities[entity_of(s)].name);
        if (r == 0)
                r = put_text(o, "language", s->k->language);
        if (r < 0 || !names) {
                json_decref(names);
                return r < 0 ? r : -ENOMEM;
        }
        r = json_put(o, "declares", names);
        if (r == 0)
                r = add_names(s, names, s->k->declares, s->k->n_declares, v);
        if (r == 0)
                *ret = json_incref(o);
        return r;
}

static int add_block(struct slice *s, enum block_class class, struct span text)
{
        struct task *t = s->t;

        if (text.n == 0)
                return 0;
        return work_add_block(s->l->work, class, text, &t->blocks[t->n_blocks++]);
}

/* Standards and prompt are long and the same for every task of a kind: looked up once. */
static int add_shared(struct slice *s, enum block_class class, const struct blueprint_file *file,
                      uint32_t *at)
{
        struct task *t = s->t;
        int r;

        if (!file || file->n_text == 0)
                return 0;
        if (*at == 0) {
                r = work_add_block(s->l->work, class, (struct span){file->text, file->n_text}, at);
                if (r < 0)
                        return r;
                ++*at; /* 0: not yet */
        }
        t->blocks[t->n_blocks++] = *at - 1;
        return 0;
}

/* The standards in brief stand beside them: which of the two is sent is a matter of price. */
static int add_standards(struct slice *s, uint32_t *at)
{
        const struct blueprint_file *brief = s->k->compressed;
        bool is_first = *at == 0;
        uint32_t block;
        int r = add_shared(s, BLOCK_STANDARDS, s->k->standards, at);

        if (r < 0 || !is_first || *at == 0 || !brief || brief->n_text == 0)
                return r;
        r = work_add_block(s->l->work, BLOCK_STANDARDS, (struct span){brief->text, brief->n_text},
                           &block);
        if (r == 0 && block != *at - 1)
                s->l->work->blocks[*at - 1].compressed = block;
        return r;
}

static int add_blocks(struct slice *s, const json_t *task)
{
        const struct kind *k = s->k;
        struct buf *text = &s->l->scratch_text;
        int r = 0;

        s->t->blocks = calloc(N_BLOCK_CLASSES, sizeof(*s->t->blocks));
        if (!s->t->blocks)
                return -ENOMEM;
        r = add_standards(s, &s->l->kind_blocks[k - s->l->b->kinds].standards);
        if (r == 0)
                r = add_shared(s, BLOCK_PROMPT, k->prompt,
                               &s->l->kind_blocks[k - s->l->b->kinds].prompt);
        if (r == 0 && s->facts->n > strlen(FACTS_HEAD)) {
                (void)buf_add_text(s->facts, FACTS_END);
                r = s->facts->failed ? s->facts->failed
                                     : add_block(s, BLOCK_FACTS, buf_span(s->facts));
        }
        s->t->rest = NO_BLOCK;
        if (r == 0 && s->l->scratch_rest.n > 0)
                r = work_add_block(s->l->work, BLOCK_FACTS, buf_span(&s->l->scratch_rest),
                                   &s->t->rest);
        buf_clear(text);
        (void)buf_add_text(text, FACTS_HEAD "task:\n");
        if (r == 0)
                r = present_value(task, 2, text);
        (void)buf_add_text(text, FACTS_END);
        if (r == 0)
                r = text->failed ? text->failed : add_block(s, BLOCK_TASK, buf_span(text));
        return r;
}

/* What checks look for stands in the context alone: names that it declares and names that it must
 * use. */
static int finish_context(struct slice *s, json_t *task, const struct variables *v)
{
        json_t *expected = json_deep_copy(json_object_get(task, "declares"));
        const json_t *entities = json_object_get(s->t->context, "entities");
        int r;

        if (!expected)
                return -ENOMEM;
        r = add_names(s, expected, s->k->expects, s->k->n_expects, v);
        if (r < 0) {
                json_decref(expected);
                return r;
        }
        r = json_put(task, "expected", expected);
        if (r == 0 && declares(s, INPUT_ENTITY) && json_array_size(entities) > 0)
                r = json_put(s->t->context, "entity", json_incref(json_array_get(entities, 0)));
        return r < 0 ? r : json_put(s->t->context, "task", json_incref(task));
}

static int add_parts(struct slice *s)
{
        int r = 0;

        for (size_t i = 0; i < N_PARTS && r == 0; i++) {
                const struct part_value *p = &s->k->parts[i];

                if (!hash_is_zero(&p->hash))
                        r = add_input(s, part_names[i], &p->hash, NULL, buf_span(&p->json));
        }
        return r;
}

/* Other files' interfaces are no part of the static key, but whose they are is. */
static int add_depends(struct slice *s)
{
        const struct task *tasks = s->l->work->tasks;
        json_t *paths;

        if (s->t->n_depends == 0)
                return 0;
        paths = json_array();
        for (size_t i = 0; paths && i < s->t->n_depends; i++)
                if (json_add(paths, json_string(tasks[s->t->depends[i]].path)) < 0) {
                        json_decref(paths);
                        paths = NULL;
                }
        return add_said(s, "depends", paths);
}

/* Who writes the file, template or model, is decided by its inputs and the blueprint alone; a
 * blueprint that decides otherwise asks for another result. */
static int add_coverage(struct slice *s)
{
        struct shortfall found = {0};
        int r;

        if (!s->k->template)
                return 0;
        r = coverage_measure(s->l->b, s->k, s->t->context, s->unruled, s->n_unruled,
                             &s->l->seen_bounds, &found);
        s->t->uncovered = found.reason;
        s->t->n_changes = (uint32_t)MIN2(found.n, (size_t)UINT32_MAX);
        s->t->is_frame = found.reason && !found.is_misread;
        return r < 0 ? r
                     : add_said(s, "coverage", json_string(s->t->uncovered ? "model" : "template"));
}

static int fill(struct slice *s, const struct variables *v)
{
        _cleanup_json_ json_t *task = NULL;
        int r;

        s->t->context = json_object();
        if (!s->t->context)
                return -ENOMEM;
        r = add_facts(s, v);
        for (int section = 0; section < N_SECTIONS && r == 0; section++)
                r = add_section(s, (enum section)section);
        if (r == 0)
                r = make_task(s, v, &task);
        if (r == 0)
                r = add_blocks(s, task);
        if (r == 0)
                r = finish_context(s, task, v);
        if (r == 0)
                r = add_said(s, "task", take(task));
        if (r == 0)
                r = add_depends(s);
        if (r == 0)
                r = add_coverage(s);
        if (r == 0)
                r = add_parts(s);
        return r < 0 ? r : task_static_key(s->t);
}

int slice_make(struct layout *l, const struct kind *k, const struct subject *subject,
               const struct variables *v, struct task *t)
{
        struct slice s = {.l = l, .k = k, .s = subject, .t = t, .facts = &l->scratch_facts};

        buf_clear(s.facts);
        buf_clear(&l->scratch_rest);
        (void)buf_add_text(s.facts, FACTS_HEAD);
        return fill(&s, v);
}
