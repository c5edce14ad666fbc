#include "daemon/blueprint/tell-routes.h"

#include "daemon/blueprint/layout.h"

/* Written into the work once its tasks are there; what routing.c noted is the reason, the tasks'
 * declared inputs say where it went. */

#define ROUTED_TASKS_MAX 100 /* told by name; beyond that they are counted */

int route_note(struct lay_item *item, const char *by, const char *said, const char *kind,
               const char *name)
{
        json_t *o;
        int r;

        if (!item->because)
                item->because = json_array();
        o = name ? json_pack("{s:s, s:s, s:s}", "by", by, "kind", kind, "name", name)
                 : json_pack("{s:s}", "by", by);
        if (o && said && json_put(o, "said", json_string(said)) < 0) {
                json_decref(o);
                o = NULL;
        }
        for (size_t i = 0; o && i < json_array_size(item->because); i++)
                if (json_equal(json_array_get(item->because, i), o)) {
                        json_decref(o);
                        return 0;
                }
        r = o && item->because ? json_add(item->because, o) : -ENOMEM;
        if (!item->because)
                json_decref(o);
        return r;
}

/* What is told of: by the names of their inputs. A requirement's own text and reasons come with it;
 * the others are where they are by what they are. */
static const char *const told_prefixes[] = {
        "requirement:", "scenario:", "contract:", "relation:", "link:"};
static const char *const told_names[] = {"testing", "build", "criteria", "patterns"};

static bool is_told(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(told_prefixes); i++)
                if (str_has_prefix(name, told_prefixes[i]))
                        return true;
        for (size_t i = 0; i < N_ELEMENTS(told_names); i++)
                if (strcmp(name, told_names[i]) == 0)
                        return true;
        return false;
}

struct telling {
        struct layout *l;
        json_t *list, *index; /* borrowed; rows by input */
};

/* Steals because. Two of one name, as two relations between the same entities, are one row. */
static int add_row(struct telling *t, const struct piece *p, const char *text, json_t *because)
{
        json_t *row;
        int r;

        if (because && json_object_get(t->index, p->name)) {
                json_decref(because);
                return 0;
        }
        row = json_object();
        r = json_add(t->list, row);
        r = r < 0 ? r : json_put(row, "input", json_string(p->name));
        if (r == 0 && text)
                r = json_put(row, "text", json_string(text));
        if (r == 0)
                r = json_put(row, "because", because);
        else
                json_decref(because);
        r = r < 0 ? r : json_put(row, "n_tasks", json_integer(0));
        r = r < 0 ? r : json_put(row, "tasks", json_array());
        return r < 0 ? r : json_put(t->index, p->name, json_incref(row));
}

static int add_items(struct telling *t, const struct lay_item *items, size_t n)
{
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++)
                r = add_row(t, &items[i].piece, json_get_text(items[i].piece.data, "text"),
                            items[i].because ? json_incref(items[i].because) : json_array());
        return r;
}

static int add_requirements(struct telling *t)
{
        const struct layout *l = t->l;
        int r = add_items(t, l->requirements, l->n_requirements);

        for (size_t i = 0; i < l->n_requirements && r == 0; i++)
                if (l->requirement_sources[i]->kind == REQUIREMENT_NON_FUNCTIONAL)
                        r = json_put(json_object_get(t->index, l->requirements[i].piece.name),
                                     "non_functional", json_true());
        return r;
}

/* A contract of the blueprint's own is no input of the user's. */
static int add_contracts(struct telling *t)
{
        const struct layout *l = t->l;
        int r = 0;

        for (size_t i = 0; i < l->n_contracts && r == 0; i++) {
                const struct lay_contract *c = &l->contracts[i];

                if (!c->source)
                        continue;
                r = add_row(t, &c->piece, c->description,
                            c->entity < 0
                                    ? json_pack("[{s:s}]", "by", "free")
                                    : json_pack("[{s:s, s:s, s:s}]", "by", "entity", "kind",
                                                "entity", "name", l->entities[c->entity].name));
        }
        return r;
}

static bool is_declared(const struct layout *l, enum input_kind input)
{
        for (size_t i = 0; i < l->b->n_kinds; i++)
                if (l->b->kinds[i].inputs & UINT64_C(1) << input)
                        return true;
        return false;
}

/* Relations as the blueprint sees them: each entity's side of it, where it has links. */
static int add_links(struct telling *t)
{
        const struct layout *l = t->l;
        int r = 0;

        for (size_t i = 0; i < l->n_entities && is_declared(l, INPUT_LINKS); i++) {
                const struct lay_entity *e = &l->entities[i];

                for (size_t k = 0; k < e->n_links && r == 0; k++)
                        r = add_row(t, &e->links[k], json_get_text(e->links[k].data, "kind"),
                                    json_pack("[{s:s, s:s, s:s}]", "by", "entity", "kind", "entity",
                                              "name", e->name));
        }
        return r;
}

static int add_relations(struct telling *t)
{
        int r = 0;

        for (size_t i = 0; i < t->l->n_relations && is_declared(t->l, INPUT_RELATIONS) && r == 0;
             i++) {
                const struct piece *p = &t->l->relations[i].piece;

                r = add_row(t, p, json_get_text(p->data, "type"),
                            json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}]", "by", "entity", "kind",
                                      "entity", "name", json_get_text(p->data, "from"), "by",
                                      "entity", "kind", "entity", "name",
                                      json_get_text(p->data, "to")));
        }
        return r;
}

/* The specification left it empty, or not. */
static bool says_something(const json_t *data)
{
        const json_t *value;
        const char *key;

        if (json_is_array(data))
                return json_array_size(data) > 0;
        json_object_foreach ((json_t *)data, key, value)
                if (!json_is_array(value) || json_array_size(value) > 0)
                        return true;
        return false;
}

/* The kinds that declare them have them. */
static int add_wholes(struct telling *t)
{
        const struct piece *const pieces[] = {&t->l->testing, &t->l->build, &t->l->criteria,
                                              &t->l->patterns};
        int r = 0;

        for (size_t i = 0; i < N_ELEMENTS(pieces) && r == 0; i++) {
                _cleanup_free_ char *text = NULL;

                if (!says_something(pieces[i]->data))
                        continue;
                text = json_to_text(pieces[i]->data);
                r = text ? add_row(t, pieces[i], text, json_pack("[{s:s}]", "by", "declared"))
                         : -ENOMEM;
        }
        return r;
}

static int add_task(json_t *index, const struct task *t, const struct task_input *in)
{
        json_t *row, *tasks;
        size_t n;

        if (!is_told(in->name))
                return 0;
        row = json_object_get(index, in->name);
        tasks = json_object_get(row, "tasks");
        if (!row)
                return 0;
        n = (size_t)json_integer_value(json_object_get(row, "n_tasks"));
        /* Two inputs of one name in one task: it is told once. */
        if (n > 0 && n <= ROUTED_TASKS_MAX &&
            strcmp(json_string_value(json_array_get(tasks, n - 1)), t->path) == 0)
                return 0;
        if (n < ROUTED_TASKS_MAX && json_add(tasks, json_string(t->path)) < 0)
                return -ENOMEM;
        return json_put(row, "n_tasks", json_integer((json_int_t)n + 1));
}

int routes_tell(struct layout *l)
{
        _cleanup_json_ json_t *list = json_array(), *index = json_object();
        struct telling t = {l, list, index};
        const struct work *w = l->work;
        int r = list && index ? 0 : -ENOMEM;

        r = r ? r : add_requirements(&t);
        r = r ? r : add_items(&t, l->scenarios, l->n_scenarios);
        r = r ? r : add_contracts(&t);
        r = r ? r : add_relations(&t);
        r = r ? r : add_links(&t);
        r = r ? r : add_wholes(&t);
        for (size_t i = 0; i < w->n_tasks && r == 0; i++)
                for (size_t k = 0; k < w->tasks[i].n_inputs && r == 0; k++)
                        r = add_task(index, &w->tasks[i], &w->tasks[i].inputs[k]);
        if (r == 0)
                l->work->routing = take(list);
        return r;
}
