#pragma once
/* Coverage: does a kind's template do for a task, or is there something in the task's slice that it
 * would pass over? Not for other rooms.
 *
 * The measure is made from two things, so that it cannot claim more than is true: from the template
 * itself, what it reads (template_reads()); and from the context, what there is to be read. Every
 * key of the context that holds something must be read, or the task is not covered. The blueprint
 * can narrow this, not widen it, but for what it says in the open:
 *
 *     covers    path: limit   a value at this path must match the expression of that name
 *     ignores   path          not read, and does not matter: a key that the blueprint made itself,
 *                             or one whose values a limit bounds
 *
 * A path names keys from the top of the context, lists left out: contracts.action. Requirements
 * that a template does not read are covered where the blueprint's rules made data of the whole of
 * them (rules.c). */

#include <jansson.h>

#include "common/macros.h"
#include "common/str.h"

struct blueprint;
struct kind;
struct parse;
struct yaml_node;

struct coverage {
        struct strlist names, keys; /* what the template reads; sorted */
        struct strlist ignores;     /* paths; sorted */
        struct bound_path {
                char *path;
                uint32_t limit; /* of the blueprint */
        } * bounds;             /* owned; sorted by path */
        size_t n_bounds;
};

void coverage_done(struct coverage *c);
/* Reads `covers` and `ignores`; the kind's template and rules are there. */
void coverage_parse(struct parse *p, struct yaml_node *n, struct kind *k);
void limits_parse(struct parse *p, struct yaml_node *top);
void limits_release(struct blueprint *b);

/* How far the template does for a task. */
struct shortfall {
        char *reason;    /* owned by the caller: the first thing; NULL: it does */
        size_t n;        /* things that it passes over */
        bool is_misread; /* it reads something that it does not know: what it renders is wrong */
};

/* Texts that limits have let pass, for one project: most attributes are of few types. Begins with
 * zeros. */
#define SEEN_BOUNDS 64
#define SEEN_TEXT_BYTES 28
struct seen_bounds {
        struct {
                uint32_t limit;
                char text[SEEN_TEXT_BYTES];
        } at[SEEN_BOUNDS];
};

/* unruled: the first requirement of the slice that is no rule, or NULL; n_unruled: how many. */
int coverage_measure(const struct blueprint *b, const struct kind *k, const json_t *context,
                     const char *unruled, size_t n_unruled, struct seen_bounds *seen,
                     struct shortfall *ret) _must_check_;
