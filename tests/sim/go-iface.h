#pragma once
/* What the `go interface PATH` blocks of a prompt declare: types with fields and methods,
 * functions, variables, imports. Reads declarations of Go with or without bodies; what it does not
 * understand it skips. */

#include "common/str.h"
#include "tests/sim/facts.h"

#define GO_PARAMS_MAX 24
#define GO_FILES_MAX 256

struct go_param {
        const char *name; /* "" when it has none */
        const char *type;
};

struct go_func {
        const char *name;
        const char *receiver; /* name of the type, or NULL */
        struct go_param params[GO_PARAMS_MAX];
        size_t n_params;
        struct go_param results[GO_PARAMS_MAX];
        size_t n_results;
};

enum go_kind { GO_STRUCT, GO_INTERFACE, GO_OTHER };

struct go_type {
        const char *name;
        enum go_kind kind;
        struct go_param *fields; /* owned; of a struct */
        size_t n_fields;
};

struct go_file {
        const char *path, *package, *dir;
        struct strlist imports; /* "name path", the name is the last part of the path where it is
                                   not given */
        struct go_type *types;  /* owned */
        size_t n_types;
        struct go_func *funcs; /* owned; methods of interfaces stand here too, with the interface as
                                  receiver */
        size_t n_funcs;
        struct strlist variables; /* and constants */
};

struct go_world {
        struct go_file *files; /* owned */
        size_t n_files;
        struct strlist texts; /* owns every const char * above */
        bool has_failed;      /* for lack of memory */
};

int go_world_read(const struct facts *f, struct go_world *ret) _must_check_;
void go_world_done(struct go_world *w);
const struct go_type *go_find_type(const struct go_world *w, const char *dir, const char *name,
                                   const struct go_file **ret_file);
/* receiver NULL: a function. */
const struct go_func *go_find_func(const struct go_world *w, const char *dir, const char *receiver,
                                   const char *name, const struct go_file **ret_file);
bool go_has_variable(const struct go_world *w, const char *dir, const char *name);
const struct go_file *go_find_package(const struct go_world *w, const char *package);
const struct go_param *go_find_field(const struct go_type *t, const char *name);
