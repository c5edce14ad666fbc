#pragma once
/* What the readers of blueprint.yaml share. Not for other rooms. A fault does not end the reading:
 * all are told at once. */

#include "common/yaml.h"
#include "daemon/blueprint/internal.h"

/* Faults of a blueprint, collected. */
struct faults {
        struct buf text;
        char *first; /* owned: where of the first */
        size_t n;
        int error; /* -ENOMEM: sticky */
};
#define FAULTS_MAX 50 /* more help nobody */
void fault_add(struct faults *f, const char *file, unsigned line, unsigned column,
               const char *format, ...) _printf_(5, 6);

/* parse.c, parse-names.c, parse-kinds.c, parse-templates.c */
int blueprint_parse(struct blueprint *b, struct faults *f) _must_check_;
int blueprint_parse_head(struct blueprint *b, struct faults *f) _must_check_;
struct parse {
        struct blueprint *b;
        struct faults *f;
        struct template_set *templates; /* owned: while the kinds are read */
        bool is_each_unknown;           /* of the kind that is read; told */
        bool tells_unread;              /* keys that nobody reads will be told */
};
void parse_fault(struct parse *p, const struct yaml_node *at, const char *format, ...)
        _printf_(3, 4);
struct yaml_node *parse_get(struct parse *p, struct yaml_node *map, const char *key,
                            enum yaml_kind kind, bool is_required);
char *parse_dup(struct parse *p, const char *text); /* NULL: f->error is set */
char *parse_text(struct parse *p, struct yaml_node *map, const char *key, bool is_required);
void parse_texts(struct parse *p, struct yaml_node *map, const char *key, struct strlist *ret);
struct pattern *parse_pattern(struct parse *p, struct yaml_node *map, const char *key,
                              bool is_required);
size_t parse_patterns(struct parse *p, struct yaml_node *map, const char *key,
                      struct pattern ***ret);
void parse_regex(struct parse *p, struct yaml_node *map, const char *key, uint32_t options,
                 struct regex *ret);
uint64_t parse_number(struct parse *p, struct yaml_node *map, const char *key, uint64_t otherwise);
bool parse_bool(struct parse *p, struct yaml_node *map, const char *key);
int parse_word(struct parse *p, struct yaml_node *map, const char *key, const char *const *words,
               size_t n, int otherwise);
void parse_condition(struct parse *p, struct yaml_node *map, const char *key,
                     struct condition *ret);
void *parse_array(struct parse *p, size_t n, size_t size);
void parse_names(struct parse *p, struct yaml_node *top);
void parse_kinds(struct parse *p, struct yaml_node *top);
/* The files below templates/ are known to one another by their paths there. */
void parse_template(struct parse *p, const struct blueprint_file *file, struct template **ret);
void parse_unknown(struct parse *p, const struct template *t, const struct strlist *known);
/* Compiles those that no kind leads to, after the kinds; b->unreached names them. */
void parse_unreached(struct parse *p);
void blueprint_release_names(struct blueprint *b);
void blueprint_release_kinds(struct blueprint *b);
/* parts.c: hashes and values of what the kind's files are made with; when all of it is parsed. */
int kind_parts(struct blueprint *b, struct yaml_node *top, struct yaml_node *row,
               struct kind *k) _must_check_;
void kind_parts_done(struct kind *k);
int extractor_parse(struct parse *p, const char *name, struct yaml_node *n,
                    struct extractor **ret) _must_check_;
