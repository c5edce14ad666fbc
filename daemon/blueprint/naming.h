#pragma once
/* How a blueprint makes names. Not for other rooms. */

#include "common/str.h"
#include "daemon/blueprint/pattern.h"
#include "daemon/blueprint/regex.h"

enum style {
        STYLE_NONE,
        STYLE_SNAKE,
        STYLE_KEBAB,
        STYLE_PASCAL,
        STYLE_CAMEL,
        STYLE_FLAT,
        N_STYLES
};
extern const char *const style_names[N_STYLES];

/* A name that the language reserves gets an ending. */
struct reserved {
        struct strlist words;
        char *ending;
};

/* How names of entities and of fields are made: what matches `keep` stays as it is written, others
 * are spelled in `style` and get the prefix where they still do not match. */
struct spelling {
        struct regex keep; /* no code: the names that Go exports */
        char *prefix;      /* NULL: "X" */
        enum style style;
};

struct naming {
        struct strlist initialisms;
        struct reserved packages, files, fields, entities;
        struct reserved modules; /* whole names of files */
        struct spelling entity_spelling, field_spelling;
        char *single_package;         /* all entities stand in this one; NULL: in several */
        struct pattern *package_path; /* of a package that has none */
        struct regex keep_path;       /* paths that stay as the specification gives them */
        char *identity, *identity_type;
        struct strlist identity_types;
        char *by_id_ending, *by_ids_ending, *by_id_strip;
        bool has_relation_fields;
        bool has_renamed;    /* attributes tell what they were called */
        bool has_json_names; /* and what JSON calls them, where that is as people wrote it */
};

/* Names in the styles of languages; initialisms stand in capitals in pascal and camel. "" only for
 * what has no letter or digit. */
char *name_in_style(const struct strlist *initialisms, const char *name,
                    enum style style) _must_check_;
