#pragma once
/* Writing Python as black, isort and flake8 want it. One file per role (py-ROLE.c); what they share
 * is here. Files that follow from the prompt's words alone lie in python/, see py-words.c. */

#include "tests/sim/facts.h"

#define PY_NAME_BYTES 200
#define PY_COLUMNS 79

/* A Python file in the making. */
struct py_out {
        const struct facts_view *v;
        struct buf body;
        struct strlist imports; /* "MODULE", or "MODULE NAME" of what is imported from it */
        const char *path;
        const char *entity, *module; /* "" for none */
        struct yaml_node *own;       /* the entity's facts; NULL: none */
        /* A call or signature in the making; see py_begin(). */
        struct buf head;
        struct strlist args;
        unsigned depth;
};

/* Writes the file of this role. CONDITION_ABSENT: not a role of Python's. */
int py_write(const struct facts_view *v, const char *path, const char *role,
             struct buf *b) _must_check_;
/* Writes what a prompt describes in words alone, if a file of python/ is known for it: of this
 * role, all whose `says` stand in the prompt. CONDITION_ABSENT: none. */
int py_write_words(const struct facts_view *v, const char *role, struct buf *b) _must_check_;

/* The facts that the text from `from` on does not show, as comments that black leaves alone. */
void py_add_rest(const struct facts_view *v, size_t from, struct buf *b);
void py_emit(struct py_out *o, const char *format, ...) _printf_(2, 3);
/* import module, or from module import name (name not NULL). */
void py_import(struct py_out *o, const char *module, const char *name);
/* A comment that says what the prompt did not show. */
void py_starve(struct py_out *o, const char *what);
void py_docstring(struct py_out *o, unsigned depth, const char *text);
/* A statement with arguments in brackets: on one line where it fits, else one argument a line.
 *     py_begin(o, 1, "name = sa.Column("); py_arg(o, "sa.String"); py_end(o, ")"); */
void py_begin(struct py_out *o, unsigned depth, const char *format, ...) _printf_(3, 4);
void py_arg(struct py_out *o, const char *format, ...) _printf_(2, 3);
/* name="text", on several lines where it is long. */
void py_text_arg(struct py_out *o, const char *name, const char *text);
void py_end(struct py_out *o, const char *tail);
/* Whatever the text, a literal that holds it with blanks for line breaks. */
void py_quote(const char *text, struct buf *b);
size_t py_width(struct span s); /* characters */

/* Names, into at, which is not s. */
void py_words(const char *s, char at[static PY_NAME_BYTES]);    /* "OrderItem" → "order item" */
void py_snake(const char *s, char at[static PY_NAME_BYTES]);    /* → "order_item" */
void py_plural(const char *s, char at[static PY_NAME_BYTES]);   /* of its last word */
void py_singular(const char *s, char at[static PY_NAME_BYTES]); /* of its last word */
void py_capital(const char *s, char at[static PY_NAME_BYTES]);  /* "order item" → "Order item" */
/* The table of an entity: its file's name without what keeps it from a word of the language. */
void py_table(const char *entity, const char *module, char at[static PY_NAME_BYTES]);

/* Fields: attributes that are neither the identifier nor said by a link. */
struct py_field {
        const char *name, *given, *type, *description;
        char inner[PY_NAME_BYTES]; /* type of the innermost item: "str" of list[list[str]] */
        char kind[PY_NAME_BYTES];  /* "Decimal" of Decimal(5, 2) */
        char size[PY_NAME_BYTES];  /* "5, 2"; "" none */
        unsigned n_lists;
        bool is_required, is_unique;
};
#define PY_FIELDS_MAX 256
size_t py_fields(struct py_out *o, struct py_field *list, size_t max);
const char *py_id_type(struct py_out *o);     /* int, str, UUID; int by default */
const char *py_key_type(const char *id_type); /* as annotated: "uuid.UUID" */
/* Links of the entity, of a kind or (NULL) of all. */
size_t py_links(struct py_out *o, const char *kind, struct yaml_node **list, size_t max);
bool py_is_required_link(struct py_out *o, struct yaml_node *link);
/* Whether a rule of that name is given for an attribute, and which one. */
struct yaml_node *py_rule(struct py_out *o, const char *rule, const char *attribute);
/* The identifiers of a join as a field: "tag_ids" of tags. */
void py_ids_of(struct yaml_node *link, char at[static PY_NAME_BYTES]);

/* Contracts, with what a path calls its identifier replaced by `key`. */
struct py_contract {
        const char *method, *action, *description;
        char path[PY_NAME_BYTES]; /* "/orders/{key}" */
        char list[PY_NAME_BYTES]; /* "/orders" */
        bool has_key;
};
#define PY_CONTRACTS_MAX 64
size_t py_contracts(struct py_out *o, struct py_contract *list, size_t max);

int py_write_model(struct py_out *o) _must_check_;
int py_write_models(struct py_out *o) _must_check_;
int py_write_schemas(struct py_out *o) _must_check_;
int py_write_routes(struct py_out *o) _must_check_;
int py_write_test(struct py_out *o) _must_check_;
int py_write_main(struct py_out *o) _must_check_;
int py_write_package(struct py_out *o) _must_check_;
int py_write_library(struct py_out *o) _must_check_;
int py_write_registry(struct py_out *o) _must_check_;
int py_write_dataclass(struct py_out *o) _must_check_;
int py_write_core(struct py_out *o) _must_check_;
int py_write_namespace(struct py_out *o) _must_check_;
int py_write_core_test(struct py_out *o) _must_check_;
