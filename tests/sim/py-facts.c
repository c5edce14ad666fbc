/* What the facts say of an entity: fields, links, rules, contracts. */

#include <stdio.h>

#include "tests/sim/py.h"

static bool is_linked(struct py_out *o, const char *name)
{
        struct yaml_node *links[PY_FIELDS_MAX];
        size_t n = py_links(o, NULL, links, PY_FIELDS_MAX);

        for (size_t i = 0; i < n; i++)
                if (str_is_equal(node_text(links[i], "attribute"), name) ||
                    str_is_equal(node_text(links[i], "column_attribute"), name))
                        return true;
        return false;
}

/* type = *"list[" kind ["(" size ")"] *"]" */
static void read_type(struct py_field *f)
{
        const char *s = f->type, *open;
        size_t n;

        for (; str_has_prefix(s, "list["); s += strlen("list["))
                f->n_lists++;
        n = strlen(s) - MIN2(strlen(s), (size_t)f->n_lists);
        (void)snprintf(f->inner, sizeof(f->inner), "%.*s", (int)n, s);
        open = strchr(f->inner, '(');
        n = open ? (size_t)(open - f->inner) : strlen(f->inner);
        (void)snprintf(f->kind, sizeof(f->kind), "%.*s", (int)n, f->inner);
        if (open)
                (void)snprintf(f->size, sizeof(f->size), "%.*s", (int)strcspn(open + 1, ")"),
                               open + 1);
}

size_t py_fields(struct py_out *o, struct py_field *list, size_t max)
{
        struct yaml_node *attributes = yaml_get(o->own, "attributes");
        size_t count = 0;

        for (size_t i = 0; i < node_size(attributes) && count < max; i++) {
                struct yaml_node *a = node_at(attributes, i);
                struct py_field f = {.name = node_text(a, "name"),
                                     .given = node_text(a, "given"),
                                     .type = node_text(a, "type"),
                                     .description = node_text(a, "description")};

                if (!f.name || !f.type || str_is_equal(f.name, "id") || is_linked(o, f.name))
                        continue;
                read_type(&f);
                f.is_required = node_text(a, "required") || py_rule(o, "mandatory", f.name);
                f.is_unique = py_rule(o, "unique", f.name) != NULL;
                list[count++] = f;
        }
        return count;
}

const char *py_id_type(struct py_out *o)
{
        struct yaml_node *attributes = yaml_get(o->own, "attributes");

        for (size_t i = 0; i < node_size(attributes); i++)
                if (str_is_equal(node_text(node_at(attributes, i), "name"), "id"))
                        return node_text(node_at(attributes, i), "type");
        return "int";
}

const char *py_key_type(const char *id_type)
{
        return str_is_equal(id_type, "UUID") ? "uuid.UUID" : id_type ? id_type : "int";
}

size_t py_links(struct py_out *o, const char *kind, struct yaml_node **list, size_t max)
{
        struct yaml_node *all[PY_FIELDS_MAX];
        size_t n = facts_list(o->v, "links", all, N_ELEMENTS(all)), count = 0;

        for (size_t i = 0; i < n && count < max; i++)
                if (str_is_equal(node_text(all[i], "of"), o->entity) &&
                    (!kind || str_is_equal(node_text(all[i], "kind"), kind)))
                        list[count++] = all[i];
        return count;
}

struct yaml_node *py_rule(struct py_out *o, const char *rule, const char *attribute)
{
        struct yaml_node *all[PY_FIELDS_MAX];
        size_t n = facts_list(o->v, "rules", all, N_ELEMENTS(all));

        for (size_t i = 0; attribute && i < n; i++)
                if (str_is_equal(node_text(all[i], "rule"), rule) &&
                    str_is_equal(node_text(all[i], "entity"), o->entity) &&
                    str_is_equal(node_text(all[i], "attribute"), attribute))
                        return all[i];
        return NULL;
}

bool py_is_required_link(struct py_out *o, struct yaml_node *link)
{
        return node_text(link, "required") ||
               py_rule(o, "mandatory", node_text(link, "column_attribute"));
}

void py_ids_of(struct yaml_node *link, char at[static PY_NAME_BYTES])
{
        char one[PY_NAME_BYTES];

        py_singular(node_text(link, "name"), one);
        (void)snprintf(at, PY_NAME_BYTES, "%.*s_ids", PY_NAME_BYTES - 5, one);
}

static void read_path(const char *endpoint, struct py_contract *c)
{
        size_t n = 0, n_keys = 0;

        for (const char *s = endpoint; *s && n + 8 < sizeof(c->path); s++) {
                const char *end = *s == '{' ? strchr(s, '}') : NULL;

                if (!end || n_keys) {
                        c->path[n++] = *s;
                        continue;
                }
                n += (size_t)snprintf(c->path + n, sizeof(c->path) - n, "{key}");
                n_keys++;
                s = end;
        }
        c->path[n] = '\0';
        c->has_key = n_keys;
        n = strcspn(endpoint, "{");
        while (n > 1 && endpoint[n - 1] == '/')
                n--;
        (void)snprintf(c->list, sizeof(c->list), "%.*s", (int)n, endpoint);
}

size_t py_contracts(struct py_out *o, struct py_contract *list, size_t max)
{
        struct yaml_node *items[PY_CONTRACTS_MAX];
        size_t n = facts_list(o->v, "contracts", items, N_ELEMENTS(items)), count = 0;

        for (size_t i = 0; i < n && count < max; i++) {
                struct py_contract c = {.method = node_text(items[i], "method"),
                                        .action = node_text(items[i], "action"),
                                        .description = node_text(items[i], "description")};
                const char *endpoint = node_text(items[i], "endpoint"),
                           *entity = node_text(items[i], "entity");

                if (!c.method || !endpoint || !str_is_equal(entity ? entity : "", o->entity))
                        continue;
                if (!c.action)
                        c.action = "call";
                if (str_is_equal(c.action, "update"))
                        c.action = str_is_equal(c.method, "PUT") ? "replace" : "change";
                read_path(endpoint, &c);
                list[count++] = c;
        }
        return count;
}
