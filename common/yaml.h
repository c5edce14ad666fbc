#pragma once
/* YAML (libyaml's parser) as a tree of nodes that know their place. Scalars keep their text and
 * whether they were quoted; what type they have is for the reader's schema to say. One document;
 * aliases are copies, at most YAML_MAX_COPIED nodes and max_bytes in all, never of what holds them;
 * `<<` merges maps; duplicate keys are refused; depth ≤ YAML_MAX_DEPTH counted on parser events
 * (libyaml is quadratic in nesting), size ≤ max_bytes, nodes ≤ YAML_MAX_NODES. JSON text is YAML:
 * the same reader serves both. */

#include "common/json.h"

#define YAML_MAX_DEPTH 64
#define YAML_MAX_NODES 1000000u
#define YAML_MAX_COPIED 100000u /* by aliases: more is a bomb */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
        enum yaml_kind kind;
        unsigned line, column; /* from 1 */
        char *text;            /* scalar: owned, UTF-8, may be "" */
        size_t n_text;
        bool is_quoted; /* scalar in quotes or block style: never null, never a number by itself */
        struct yaml_node **keys;  /* map: scalars, in the order of the file; owned */
        struct yaml_node **items; /* list items or map values; owned */
        size_t n_items;
        bool was_read; /* set by the readers below; yaml_unread() reports what nobody asked for */
};

/* CONDITION_REFUSED with diag; -ENOMEM. An empty document gives an empty map. */
int yaml_read(struct span text, size_t max_bytes, struct yaml_node **ret,
              struct diag *ret_diag) _must_check_;
/* Reads a map at the top only until all these keys are there: of what follows nothing is known, not
 * even whether it is YAML. Where one is missing, all is read. */
int yaml_read_keys(struct span text, size_t max_bytes, const char *const *keys, size_t n_keys,
                   struct yaml_node **ret, struct diag *ret_diag) _must_check_;
/* Hidden, because libyaml exports an allocator of this name and would be given ours. */
__attribute__((visibility("hidden"))) struct yaml_node *yaml_free(struct yaml_node *n);
DEFINE_CLEANUP(struct yaml_node, yaml_free);
/* Value of a key, or NULL; marks key and value as read. n may be NULL or of any kind. */
struct yaml_node *yaml_get(struct yaml_node *n, const char *key);
bool yaml_is_null(
        const struct yaml_node *n); /* NULL, or plain ~, null, Null, NULL, or plain empty */
/* Plain scalars of YAML 1.2 core: true/false (any usual case); -EINVAL for all else. */
int yaml_to_bool(const struct yaml_node *n, bool *ret) _must_check_;
/* Marks a whole subtree as read (kept verbatim, passed on). */
void yaml_mark_read(struct yaml_node *n);
typedef int yaml_unread_fn(const char *path, const struct yaml_node *key,
                           void *arg); /* path like "entities[2].colour" */
/* Calls fn for every map key below n that was not read; children of an unread key are not visited.
 */
int yaml_unread(struct yaml_node *n, yaml_unread_fn *fn, void *arg) _must_check_;
/* As data: quoted and block scalars are strings; plain ones are typed by YAML 1.2's core schema (so
 * `no` is text). */
int yaml_to_json(const struct yaml_node *n, json_t **ret) _must_check_;
/* Writes JSON data as YAML: block style, two spaces, keys in their given order, scalars quoted when
 * YAML 1.1 or 1.2 would read them as anything but text, block literals for texts of several lines.
 * Deterministic: it is part of prompts. */
int yaml_write(const json_t *value, unsigned indent, struct buf *b) _must_check_;
