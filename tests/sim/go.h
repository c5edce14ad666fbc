#pragma once
/* Writing Go, gofmt-clean. One file per role (go-ROLE.c); what they share is here. */

#include "tests/sim/facts.h"
#include "tests/sim/go-iface.h"

#define GO_NAME_BYTES 160

/* A Go file in the making. */
struct go_out {
        const struct facts_view *v;
        struct go_world w;
        struct buf body;
        struct strlist imports;
        const char *path, *dir, *package;
        char module[GO_NAME_BYTES]; /* "" unknown */
        char entity[GO_NAME_BYTES]; /* "Order"; "" for none */
        char lower[GO_NAME_BYTES];  /* "order" */
        bool is_starved;            /* something it needs was not shown */
};

/* Writes the file of this role. CONDITION_ABSENT: not a role of Go's. */
int go_write(const struct facts_view *v, const char *path, const char *role,
             struct buf *b) _must_check_;

void go_emit(struct go_out *o, const char *format, ...) _printf_(2, 3);
void go_import(struct go_out *o, const char *path);
/* A comment line that says what the prompt did not show; the file will not do what it should. */
void go_starve(struct go_out *o, const char *format, ...) _printf_(2, 3);
/* Import path of the package in this directory of the project, or of that name, into at; false:
 * unknown. */
bool go_path_of_dir(struct go_out *o, const char *dir, char at[static GO_NAME_BYTES]);
bool go_path_of_package(struct go_out *o, const char *package, char at[static GO_NAME_BYTES]);
/* Path of the import that an interface block calls by this name, into at; false: none. */
bool go_import_of(const struct go_file *from, const char *name, char at[static GO_NAME_BYTES]);
/* Imports what a type needs; a type of `from` is qualified when `from` lies elsewhere. Into at. */
void go_use_type(struct go_out *o, const struct go_file *from, const char *type,
                 char at[static GO_NAME_BYTES]);
/* Directory of an entity's package, as the facts tell it ("" unknown). */
void go_dir_of_entity(struct go_out *o, const char *entity, char at[static GO_NAME_BYTES]);

/* Names. at may be the same as s in none of them. */
void go_lower_first(const char *s, char at[static GO_NAME_BYTES]); /* "UserID" → "userID", "ID" →
                                                                      "id", "HTTPLog" → "httpLog" */
void go_snake(const char *s, char at[static GO_NAME_BYTES]);       /* "UserID" → "user_id" */
void go_export(const char *s, char at[static GO_NAME_BYTES]);      /* "user_id" → "UserID" */
bool go_is_same_name(const char *a, const char *b);                /* "user_id" and "UserID" */

/* A type of the facts as Go's: kept when it is one, mapped by its words else; *ret_note says what
 * it was ("" when kept). */
void go_type_of(const char *type, char at[static GO_NAME_BYTES], const char **ret_note);
bool go_is_integer(const char *type);
/* A value of a type that no validation can call empty, as an expression; false: there is none. */
bool go_value_for(const char *type, char at[static GO_NAME_BYTES]);

/* Facts. */
struct go_contract {
        const char *method, *endpoint, *description, *action;
        struct yaml_node *node;
        char params[8][64]; /* names in the path */
        size_t n_params;
};
#define GO_CONTRACTS_MAX 128
size_t go_contracts(struct go_out *o, struct go_contract *list, size_t max);
/* Fields of `request` or `response`: a map of name to type, or a list of {name, type}. */
struct go_field {
        const char *name, *type;
};
size_t go_fields(struct yaml_node *n, struct go_field *list, size_t max);
/* Requirements and scenarios as comment lines, one each, indented by tabs. */
void go_emit_rules(struct go_out *o, const char *indent);
/* What the entity of a service refers to and a text speaks of, as interface blocks show it: comment
 * lines. */
void go_emit_seen(struct go_out *o, const char *indent, const char *text);
/* A text on one line, safe in a comment. */
void go_emit_comment(struct go_out *o, const char *indent, const char *label, const char *text);
/* The struct field that is the identifier, of the entity's type in its own directory; NULL: not
 * shown (and starved). */
const struct go_param *go_need_id(struct go_out *o, const struct go_file **ret_file);
/* A string as a Go literal. */
void go_quote(const char *s, struct buf *b);

int go_write_domain(struct go_out *o) _must_check_;
int go_write_repository(struct go_out *o) _must_check_;
int go_write_file_repository(struct go_out *o) _must_check_;
int go_write_service(struct go_out *o) _must_check_;
int go_write_handler(struct go_out *o) _must_check_;
int go_write_router(struct go_out *o) _must_check_;
int go_write_routes(struct go_out *o) _must_check_;
int go_write_main(struct go_out *o) _must_check_;
int go_write_cli(struct go_out *o) _must_check_;
int go_write_test(struct go_out *o) _must_check_;
int go_write_sqltest(struct go_out *o) _must_check_;
int go_write_sql_repository(struct go_out *o) _must_check_;
int go_write_sql_test(struct go_out *o) _must_check_;
int go_write_repositories(struct go_out *o) _must_check_;
int go_write_handler_test(struct go_out *o) _must_check_;
int go_write_rpc(struct go_out *o) _must_check_;
int go_write_store(struct go_out *o) _must_check_;
int go_write_transport(struct go_out *o) _must_check_;
int go_write_logic(struct go_out *o) _must_check_;
int go_write_logic_test(struct go_out *o) _must_check_;
int go_write_command(struct go_out *o) _must_check_;
