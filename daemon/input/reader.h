#pragma once
/* What the readers of specifications share: values by the names that people give them, places for
 * messages, one sticky error.
 *
 * Not for other rooms. A reader calls these one after another and looks at `error` at the end:
 * after the first error every call does nothing. Several names of one thing are written
 * "name|attribute|field"; the first that is there and not null counts, and the others stay unread,
 * which is a warning. */

#include "common/yaml.h"
#include "daemon/work/model.h"
#include "proto/failure.h"

#define SPEC_MAX_BYTES ((size_t)4 << 20) /* people write these; the largest seen has 100 KB */
#define SPEC_MAX_ITEMS 20000u            /* of any one list: ten times what one run can generate */
#define SPEC_MAX_ATTRIBUTES 1000u        /* of one entity or message */
#define SPEC_MAX_WARNINGS 200u           /* more is one sentence */
#define SPEC_MAX_NOTES 20u               /* notes are for people */

/* Where the elements of an array of the model stand in the file. */
struct places {
        const struct yaml_node *
                *at; /* owned; nodes borrowed: the tree lives as long as the reader */
        size_t n;
};

struct reader {
        const char *file_name;   /* borrowed: the caller's */
        struct model *model;     /* owned until given away */
        int error;               /* 0, -ENOMEM, CONDITION_REFUSED: sticky */
        struct failure *failure; /* owned; set with CONDITION_REFUSED */
        struct places entities, relations, contracts, requirements, packages;
        struct places served; /* beside contracts, or empty: a scalar that names the entity which a
                                 contract serves when its path names none; NULL: none */
        bool expects_name;    /* its absence is told */
        bool groups_unread;   /* keys that were not used are told once each, by name: in formats
                                 that hold much for other programs */
        size_t n_dropped_warnings;
        size_t n_sentences, n_fields; /* of plain text, so far */
        struct yaml_node **made;      /* owned: places in a plain text (reader_place()) */
        size_t n_made;
};

void reader_refuse(struct reader *rd, const struct yaml_node *at, const char *format, ...)
        _printf_(3, 4);
void reader_warn(struct reader *rd, const struct yaml_node *at, const char *format, ...)
        _printf_(3, 4);
void reader_fail(struct reader *rd, int error); /* keeps the first */

/* The value of the first of `names` in map n that is not null; n may be NULL. Marks what it looked
 * at as read. */
struct yaml_node *reader_get(struct reader *rd, struct yaml_node *n, const char *names);
/* The value of a key, not marked. */
const struct yaml_node *reader_peek(const struct yaml_node *n, const char *key);
/* The i-th value of a map, marked as read. */
struct yaml_node *reader_item(struct yaml_node *map, size_t i);
/* Like reader_get(), and a list (or map) must stand there: else the specification is refused. */
struct yaml_node *reader_list(struct reader *rd, struct yaml_node *n, const char *names);
struct yaml_node *reader_map(struct reader *rd, struct yaml_node *n, const char *names);
/* The text of a scalar without blanks around it, owned; NULL where there is nothing in it. Refuses
 * lists and maps. */
char *reader_scalar(struct reader *rd, const struct yaml_node *n, const char *what);
char *reader_text(struct reader *rd, struct yaml_node *n, const char *names);
bool reader_bool(struct reader *rd, struct yaml_node *n, const char *names, bool otherwise);
/* A scalar is a list of one. */
void reader_texts(struct reader *rd, struct yaml_node *n, const char *names, struct strlist *ret);
/* Items of a list one by one, lines joined: for `then` and its like. */
char *reader_paragraph(struct reader *rd, struct yaml_node *n, const char *names);
/* Room for n more elements behind *n_at, zeroed; NULL after an error. */
void *reader_more(struct reader *rd, void **at, size_t n_at, size_t n_more, size_t size);
void reader_note(struct reader *rd, struct places *p, const struct yaml_node *n);
/* A place in a plain text, which has no tree; lives as long as the reader. Never NULL: an error
 * gives a place without a line. */
const struct yaml_node *reader_place(struct reader *rd, unsigned line, unsigned column);
/* A sentence about the reading itself, for whoever wonders. */
void reader_say(struct reader *rd, const char *format, ...) _printf_(2, 3);
/* A copy, owned. */
char *reader_copy(struct reader *rd, const char *text);
bool reader_is_identity(const char *name); /* id, ID, Id */
/* Indices of a map's keys in ascending order, owned: a map has no order that could mean something.
 */
size_t *reader_sorted_keys(struct reader *rd, const struct yaml_node *map);

/* read-parts.c: the parts of a specification, in every shape that is known of them. `n` is the
 * value, or NULL. */
void read_entities(struct reader *rd, struct yaml_node *n);
void read_relations(struct reader *rd, struct yaml_node *n, const char *from);
void read_attributes(struct reader *rd, struct yaml_node *n, const char *of, struct attribute **ret,
                     size_t *ret_n);
void read_packages(struct reader *rd, struct yaml_node *n);
void read_libraries(struct reader *rd, struct yaml_node *n);
/* read-behaviour.c */
void read_requirements(struct reader *rd, struct yaml_node *n, enum requirement_kind kind);
void read_scenarios(struct reader *rd, struct yaml_node *n);
void read_contracts(struct reader *rd, struct yaml_node *n);
char *read_path(struct reader *rd, const char *text); /* in the one form of paths */
void read_criteria(struct reader *rd, struct yaml_node *n);
void read_patterns(struct reader *rd, struct yaml_node *n);
void read_settings(struct reader *rd, struct yaml_node *testing, struct yaml_node *build);
/* All keys of the GoCreator family. */
void read_top(struct reader *rd, struct yaml_node *top);

/* link.c: names that refer to something; made ids; what is doubled. Drops and warns, or refuses. */
void reader_link(struct reader *rd);
/* unread.c: a warning for every key that nobody asked for. */
void reader_unread(struct reader *rd, struct yaml_node *top);

/* markdown.c: the front matter of Markdown, with its opening line (which YAML takes for the start
 * of a document, so that places stay true) and without its closing one; and what stands below it.
 * False: the text is no Markdown with front matter. */
bool markdown_split(struct span text, const char *file_name, struct span *ret_front,
                    struct span *ret_body, unsigned *ret_body_line);
/* What the body says, where the front matter left it open. */
void markdown_read_body(struct reader *rd, struct span body, unsigned line);
