#include <stdio.h>

#include "tests/sim/py.h"

static const char *column_type(const struct py_field *f, char at[static PY_NAME_BYTES])
{
        static const char *const types[][2] = {
                {"text", "sa.Text"},
                {"email", "sa.String(254)"},
                {"url", "sa.String(2000)"},
                {"int", "sa.Integer"},
                {"float", "sa.Float"},
                {"bool", "sa.Boolean"},
                {"Decimal", "database.Exact"},
                {"date", "sa.Date"},
                {"datetime", "database.Moment"},
                {"time", "sa.Time"},
                {"timedelta", "sa.Interval"},
                {"UUID", "database.Uuid"},
                {"bytes", "sa.LargeBinary"},
                {"enum", "sa.String"},
        };

        if (f->n_lists || str_is_equal(f->kind, "json") || str_is_equal(f->kind, "dict"))
                return "sa.JSON(none_as_null=True)";
        for (size_t i = 0; i < N_ELEMENTS(types); i++)
                if (str_is_equal(types[i][0], f->kind))
                        return types[i][1];
        (void)snprintf(at, PY_NAME_BYTES, *f->size ? "sa.String(%.20s)" : "sa.String", f->size);
        return at;
}

static void write_key(struct py_out *o)
{
        const char *type = py_id_type(o);

        if (str_is_equal(type, "str")) {
                py_emit(o, "    id = database.text_key()\n");
                return;
        }
        py_begin(o, 1, "id = sa.Column(");
        py_arg(o, "%s", str_is_equal(type, "UUID") ? "database.Uuid" : "sa.Integer");
        py_arg(o, "primary_key=True");
        if (str_is_equal(type, "UUID")) {
                py_import(o, "uuid", NULL);
                py_arg(o, "default=uuid.uuid4");
        }
        py_end(o, ")");
}

static void write_column(struct py_out *o, const struct py_field *f)
{
        bool is_bool = str_is_equal(f->kind, "bool") && !f->n_lists;
        size_t n = strlen(f->name);
        char type[PY_NAME_BYTES];

        py_begin(o, 1, "%s = sa.Column(", f->name);
        if (f->given && n == strlen(f->given) + 1 && !strncmp(f->name, f->given, n - 1))
                py_arg(o, "\"%s\"", f->given);
        py_arg(o, "%s", column_type(f, type));
        if (f->is_required || is_bool)
                py_arg(o, "nullable=False");
        if (f->is_unique)
                py_arg(o, "unique=True");
        if (is_bool)
                py_arg(o, "default=False");
        if (f->description)
                py_text_arg(o, "comment", f->description);
        py_end(o, ")");
}

static void write_reference(struct py_out *o, struct yaml_node *link)
{
        bool is_required = py_is_required_link(o, link),
             is_unique = node_text(link, "unique") ||
                         py_rule(o, "unique", node_text(link, "column_attribute"));
        char table[PY_NAME_BYTES];

        py_table(node_text(link, "entity"), node_text(link, "file"), table);
        py_begin(o, 1, "%s = sa.Column(", node_text(link, "column"));
        py_arg(o, "sa.ForeignKey(\"%s.id\", ondelete=\"%s\")", table,
               is_required ? "RESTRICT" : "SET NULL");
        if (is_required)
                py_arg(o, "nullable=False");
        py_arg(o, "%s=True", is_unique ? "unique" : "index");
        py_end(o, ")");
}

static void write_relation(struct py_out *o, struct yaml_node *link)
{
        const char *kind = node_text(link, "kind"), *entity = node_text(link, "entity"),
                   *column = node_text(link, "column"), *table = node_text(link, "table");
        bool is_self = node_text(link, "self") != NULL;

        py_import(o, "sqlalchemy", "orm");
        py_begin(o, 1, "%s = orm.relationship(", node_text(link, "name"));
        py_arg(o, "\"%s\"", entity);
        py_arg(o, "back_populates=\"%s\"", node_text(link, "back"));
        if (str_is_equal(kind, "reference")) {
                py_arg(o, "foreign_keys=[%s]", column);
                if (is_self)
                        py_arg(o, "remote_side=[id]");
        } else if (str_is_equal(kind, "join")) {
                py_arg(o, "secondary=\"%s\"", table);
                if (is_self) {
                        char text[PY_NAME_BYTES * 3];

                        (void)snprintf(text, sizeof(text), "%s.id == %s.c.%s", entity, table,
                                       column);
                        py_text_arg(o, "primaryjoin", text);
                        (void)snprintf(text, sizeof(text), "%s.id == %s.c.%s", entity, table,
                                       node_text(link, "other_column"));
                        py_text_arg(o, "secondaryjoin", text);
                }
        } else {
                py_arg(o, "foreign_keys=\"%s.%s\"", entity, column);
                py_arg(o, "passive_deletes=\"all\"");
                if (str_is_equal(kind, "single"))
                        py_arg(o, "uselist=False");
        }
        py_end(o, ")");
}

/* Tables of pairs, of which this entity is the owner. */
static void write_join_tables(struct py_out *o, const char *own_table)
{
        struct yaml_node *joins[PY_FIELDS_MAX];
        size_t n = py_links(o, "join", joins, PY_FIELDS_MAX);

        for (size_t i = 0; i < n; i++) {
                char table[PY_NAME_BYTES];

                if (!node_text(joins[i], "owner"))
                        continue;
                py_table(node_text(joins[i], "entity"), node_text(joins[i], "file"), table);
                py_emit(o, "\n");
                py_begin(o, 0, "%s = database.join_table(", node_text(joins[i], "table"));
                py_arg(o, "\"%s\"", node_text(joins[i], "table"));
                py_arg(o, "%s=\"%s\"", node_text(joins[i], "column"), own_table);
                py_arg(o, "%s=\"%s\"", node_text(joins[i], "other_column"), table);
                py_end(o, ")");
        }
}

static void write_links(struct py_out *o)
{
        struct yaml_node *joins[PY_FIELDS_MAX];
        size_t n = py_links(o, "join", joins, PY_FIELDS_MAX);

        if (!n)
                return;
        py_begin(o, 1, "LINKS = {");
        for (size_t i = 0; i < n; i++) {
                char ids[PY_NAME_BYTES];

                py_ids_of(joins[i], ids);
                py_arg(o, "\"%s\": \"%s\"", ids, node_text(joins[i], "name"));
        }
        py_end(o, "}");
}

static void write_properties(struct py_out *o)
{
        struct yaml_node *joins[PY_FIELDS_MAX];
        size_t n = py_links(o, "join", joins, PY_FIELDS_MAX);

        for (size_t i = 0; i < n; i++) {
                char ids[PY_NAME_BYTES], text[PY_NAME_BYTES * 2], words[PY_NAME_BYTES];

                py_ids_of(joins[i], ids);
                py_words(node_text(joins[i], "name"), words);
                (void)snprintf(text, sizeof(text), "Name the %s.", words);
                py_emit(o, "\n    @property\n    def %s(self) -> list:\n", ids);
                py_docstring(o, 2, text);
                py_emit(o, "        return [other.id for other in self.%s]\n",
                        node_text(joins[i], "name"));
        }
}

int py_write_model(struct py_out *o)
{
        struct py_field fields[PY_FIELDS_MAX];
        struct yaml_node *links[PY_FIELDS_MAX];
        size_t n = py_fields(o, fields, PY_FIELDS_MAX),
               n_links = py_links(o, NULL, links, PY_FIELDS_MAX);
        char table[PY_NAME_BYTES], words[PY_NAME_BYTES], text[PY_NAME_BYTES * 2];
        const char *description = node_text(o->own, "description");

        if (!o->own) {
                py_emit(o, "\"\"\"A model.\"\"\"\n");
                py_starve(o, "the entity");
                return 0;
        }
        py_table(o->entity, o->module, table);
        py_words(o->entity, words);
        (void)snprintf(text, sizeof(text), "How a %s is stored.", words);
        py_docstring(o, 0, text);
        py_import(o, "sqlalchemy", NULL);
        py_import(o, "app", "database");
        write_join_tables(o, table);
        py_emit(o, "\n\nclass %s(database.Base):\n", o->entity);
        (void)snprintf(text, sizeof(text), "A %s.", words);
        py_docstring(o, 1, description ? description : text);
        py_emit(o, "\n    __tablename__ = \"%s\"\n", table);
        write_links(o);
        write_key(o);
        for (size_t i = 0; i < n; i++)
                write_column(o, &fields[i]);
        for (size_t i = 0; i < n_links; i++)
                if (str_is_equal(node_text(links[i], "kind"), "reference"))
                        write_reference(o, links[i]);
        for (size_t i = 0; i < n_links; i++)
                write_relation(o, links[i]);
        write_properties(o);
        return 0;
}

int py_write_models(struct py_out *o)
{
        struct yaml_node *entities[1024];
        size_t n = facts_list(o->v, "entities", entities, N_ELEMENTS(entities));

        py_emit(o, "\"\"\"All models, each of which brings the others.\"\"\"\n");
        py_import(o, "app", "database");
        for (size_t i = 0; i < n; i++) {
                char module[PY_NAME_BYTES * 2];

                (void)snprintf(module, sizeof(module), "app.models.%s",
                               node_text(entities[i], "module"));
                py_import(o, module, node_text(entities[i], "name"));
        }
        py_emit(o, "\nmetadata = database.Base.metadata\n\n");
        py_begin(o, 0, "__all__ = [");
        py_arg(o, "\"metadata\"");
        for (size_t i = 0; i < n; i++)
                py_arg(o, "\"%s\"", node_text(entities[i], "name"));
        py_end(o, "]");
        return 0;
}
