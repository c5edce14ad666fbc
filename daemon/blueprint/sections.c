#include "daemon/blueprint/sections.h"

#include "common/json.h"
#include "daemon/blueprint/present.h"
#include "daemon/blueprint/slice.h"

const struct section_row sections[N_SECTIONS] = {
        [SECTION_PROJECT] = {"project", false, BIT(INPUT_PROJECT)},
        [SECTION_PARAMETERS] = {"parameters", false, 0},
        [SECTION_ENTITIES] = {"entities", true,
                              BIT(INPUT_ENTITY) | BIT(INPUT_CLOSURE) | BIT(INPUT_PACKAGE_ENTITIES) |
                                      BIT(INPUT_NAMED_ENTITIES) | BIT(INPUT_ALL_ENTITIES) |
                                      BIT(INPUT_ENTITIES) | BIT(INPUT_SERVED_ENTITIES) |
                                      BIT(INPUT_ENTITY_SUMMARIES) | BIT(INPUT_ENTITY_KEYS)},
        [SECTION_PACKAGES] = {"packages", true, BIT(INPUT_PACKAGE) | BIT(INPUT_PACKAGES)},
        [SECTION_RELATIONS] = {"relations", true, BIT(INPUT_RELATIONS)},
        [SECTION_CONTRACTS] = {"contracts", true,
                               BIT(INPUT_CONTRACT) | BIT(INPUT_CONTRACTS) |
                                       BIT(INPUT_ALL_CONTRACTS) | BIT(INPUT_FREE_CONTRACTS) |
                                       BIT(INPUT_ACTION_CONTRACTS)},
        [SECTION_RULES] = {"rules", true, BIT(INPUT_RULES)},
        [SECTION_REQUIREMENTS] = {"requirements", true,
                                  BIT(INPUT_REQUIREMENTS) | BIT(INPUT_ALL_REQUIREMENTS)},
        [SECTION_SCENARIOS] = {"scenarios", true, BIT(INPUT_SCENARIOS) | BIT(INPUT_ALL_SCENARIOS)},
        [SECTION_CRITERIA] = {"criteria", false, BIT(INPUT_CRITERIA)},
        [SECTION_PATTERNS] = {"patterns", false, BIT(INPUT_PATTERNS)},
        [SECTION_TESTING] = {"testing", false, BIT(INPUT_TESTING)},
        [SECTION_BUILD] = {"build", false, BIT(INPUT_BUILD)},
        [SECTION_LIBRARIES] = {"libraries", false, BIT(INPUT_LIBRARIES)},
        [SECTION_LINKS] = {"links", true, BIT(INPUT_LINKS)},
};

/* As the work names them. */
static const char *const section_keys[N_SECTIONS] = {
        "project",   "parameters", "entities",     "packages",  "relations",
        "contracts", "rules",      "requirements", "scenarios", "criteria",
        "patterns",  "testing",    "build",        "libraries", "links",
};

/* How prompts call an item. */
static int subject_of(const struct piece *p, struct buf *out)
{
        static const char *const keys[] = {"name", "id", "text", "title"};
        const char *from = json_get_text(p->data, "from"),
                   *method = json_get_text(p->data, "method"), *of = json_get_text(p->data, "of"),
                   *rule = json_get_text(p->data, "rule");

        buf_clear(out);
        if (of)
                return buf_printf(out, "%s.%s", of, json_get_text(p->data, "name"));
        if (rule)
                return buf_printf(out, "%s of %s.%s", rule, json_get_text(p->data, "entity"),
                                  json_get_text(p->data, "attribute"));
        if (from)
                return buf_printf(out, "%s to %s", from, json_get_text(p->data, "to"));
        if (method)
                return buf_printf(out, "%s %s", method, json_get_text(p->data, "endpoint"));
        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                if (json_get_text(p->data, keys[i]))
                        return buf_add_text(out, json_get_text(p->data, keys[i]));
        return buf_add_text(out, p->name);
}

int state_piece(struct layout *l, enum section section, struct piece *p, struct span text)
{
        struct spec_statement st = {
                .section = (uint8_t)section, .text = (char *)text.at, .n_text = text.n};
        int r = 0;

        if (p->statement)
                return 0;
        if (sections[section].is_list) {
                r = subject_of(p, &l->scratch_name);
                r = r ? r : buf_add(&l->scratch_name, "", 0);
                st.subject = l->scratch_name.at;
        }
        r = r ? r : work_add_statement(l->work, &st, &p->statement);
        if (r == 0)
                p->statement++; /* 0: not yet */
        return r;
}

/* One value of the whole model: what is empty is not stated. */
static int state_whole(struct layout *l, enum section section, struct piece *p)
{
        struct buf *text = &l->scratch_text;
        struct work *w = l->work;
        int r = 0;

        if (p->statement == 0 && sections[section].is_list) {
                r = piece_text(p, 2, true);
                r = r ? r : state_piece(l, section, p, (struct span){p->text, p->n_text});
        } else if (p->statement == 0) {
                if (json_is_array(p->data) && json_array_size(p->data) == 0)
                        return 0;
                buf_clear(text);
                r = present_key(section_keys[section], p->data, 0, text);
                if (r == 0 && text->n <= strlen(section_keys[section]) + 2)
                        return 0;
                r = r ? r : state_piece(l, section, p, buf_span(text));
        }
        if (r < 0)
                return r;
        w->whole[w->n_whole++] = p->statement - 1;
        w->whole_facts_bytes += w->statements[p->statement - 1].n_text;
        return 0;
}

/* An entity has four forms: by name, with its description, with its keys, whole. */
static int state_entity(struct layout *l, struct lay_entity *e)
{
        const struct piece *less[] = {&e->brief, &e->summary, &e->keys};
        int r = state_whole(l, SECTION_ENTITIES, &e->full);

        for (size_t i = 0; i < N_ELEMENTS(less) && r == 0; i++)
                if (less[i]->statement)
                        l->work->statements[less[i]->statement - 1].fullest = e->full.statement - 1;
        return r;
}

static int state_rules(struct layout *l)
{
        int r = 0;

        for (size_t i = 0; i < l->n_own_rules && r == 0; i++)
                r = state_whole(l, SECTION_RULES, &l->own_rules[i].piece);
        for (size_t i = 0; i < l->n_requirements; i++)
                for (size_t k = 0; k < l->requirements[i].n_rules && r == 0; k++)
                        r = state_whole(l, SECTION_RULES, &l->requirements[i].rules[k].piece);
        return r;
}

static int state_links(struct layout *l)
{
        int r = 0;

        for (size_t i = 0; i < l->n_entities; i++)
                for (size_t k = 0; k < l->entities[i].n_links && r == 0; k++)
                        r = state_whole(l, SECTION_LINKS, &l->entities[i].links[k]);
        return r;
}

static size_t count_whole(const struct layout *l)
{
        size_t n = 8 + l->n_entities + l->n_packages + l->n_relations + l->n_contracts +
                   l->n_requirements + l->n_scenarios + l->n_own_rules;

        for (size_t i = 0; i < l->n_requirements; i++)
                n += l->requirements[i].n_rules;
        for (size_t i = 0; i < l->n_entities; i++)
                n += l->entities[i].n_links;
        return n;
}

/* The whole model as statements, by section: what people send with every prompt today. */
int slice_whole(struct layout *l)
{
        struct work *w = l->work;
        int r;

        w->sections = section_keys;
        w->whole = calloc(count_whole(l), sizeof(*w->whole));
        if (!w->whole)
                return -ENOMEM;
        r = state_whole(l, SECTION_PROJECT, &l->project);
        for (size_t i = 0; i < l->n_entities && r == 0; i++)
                r = state_entity(l, &l->entities[i]);
        for (size_t i = 0; i < l->n_packages && r == 0; i++)
                r = state_whole(l, SECTION_PACKAGES, &l->packages[i].piece);
        for (size_t i = 0; i < l->n_relations && r == 0; i++)
                r = state_whole(l, SECTION_RELATIONS, &l->relations[i].piece);
        for (size_t i = 0; i < l->n_contracts && r == 0; i++)
                r = state_whole(l, SECTION_CONTRACTS, &l->contracts[i].piece);
        r = r ? r : state_rules(l);
        for (size_t i = 0; i < l->n_requirements && r == 0; i++)
                r = state_whole(l, SECTION_REQUIREMENTS, &l->requirements[i].piece);
        for (size_t i = 0; i < l->n_scenarios && r == 0; i++)
                r = state_whole(l, SECTION_SCENARIOS, &l->scenarios[i].piece);
        r = r ? r : state_whole(l, SECTION_CRITERIA, &l->criteria);
        r = r ? r : state_whole(l, SECTION_PATTERNS, &l->patterns);
        r = r ? r : state_whole(l, SECTION_TESTING, &l->testing);
        r = r ? r : state_whole(l, SECTION_BUILD, &l->build);
        r = r ? r : state_whole(l, SECTION_LIBRARIES, &l->libraries);
        return r ? r : state_links(l);
}
