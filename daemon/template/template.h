#pragma once
/* Templates in the language of Jinja2 (jinja.palletsprojects.com/templates), compiled once,
 * rendered purely and within bounds.
 *
 * Environment: trim_blocks and lstrip_blocks on, keep_trailing_newline on, undefined variables are
 * errors, no autoescape. What the engine does not know is an error that names it, never silence.
 * Rendering reads nothing but the context. Threads may render one compiled template at the same
 * time. */

#include <jansson.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/macros.h"
#include "common/str.h"

#define TEMPLATE_MAX_BYTES (1u << 20)         /* source */
#define TEMPLATE_MAX_OUTPUT_BYTES (16u << 20) /* a blob's limit */
#define TEMPLATE_MAX_STEPS 10000000u
#define TEMPLATE_MAX_DEPTH 64 /* nested brackets or statements */
#define TEMPLATE_MAX_NESTED                                                   \
        100 /* templates, macros and blocks inside of another while rendering \
             */

/* Templates that may include, import and extend one another, by the names that they have here. A
 * template is compiled when it is first reached, and the same text once. */
struct template;
struct template_set;

int template_set_new(struct template_set **ret) _must_check_;
struct template_set *template_set_unref(struct template_set *s);
DEFINE_CLEANUP(struct template_set, template_set_unref);
/* source: borrowed until the last template_set_compile(). A name that is there already is an error
 * of the caller's. */
int template_set_add(struct template_set *s, const char *name, struct span source) _must_check_;
bool template_set_has(const struct template_set *s, const char *name);
/* By itself, or by one that leads to it. */
bool template_set_is_compiled(const struct template_set *s, const char *name);
/* Who wants to hear of every fault that compiling finds, of each template once: `name` is that of
 * the template. With a listener the diag of template_set_compile() says nothing. */
void template_set_listen(struct template_set *s,
                         void (*on_fault)(const char *name, const struct diag *d, void *arg),
                         void *arg);
/* With all that it leads to. CONDITION_REFUSED: *ret_where is the name of the template in which
 * diag's line and column are; borrowed from the set. The template keeps the set. */
int template_set_compile(struct template_set *s, const char *name, struct template **ret,
                         const char **ret_where, struct diag *ret_diag) _must_check_;

/* A template alone. CONDITION_REFUSED: diag has line, column and what is wrong. `name` is for
 * template_name(): whoever reports a diag says whose it is. */
int template_compile(const char *name, struct span source, struct template **ret,
                     struct diag *ret_diag) _must_check_;
struct template *template_free(struct template *t);
DEFINE_CLEANUP(struct template, template_free);
/* Appends to out. CONDITION_REFUSED: diag (undefined variable, wrong type, over a bound); its place
 * is in this template, and the text begins with the place in another one if it is wrong there.
 * -ENOMEM. */
int template_render(const struct template *t, const json_t *context, struct buf *out,
                    struct diag *ret_diag) _must_check_;
/* Of its source and of all the sources that it can reach. */
void template_hash(const struct template *t, struct hash *ret);
const char *template_name(const struct template *t);
/* Text outside of tags, of all that it can reach: what it saves a model from writing. */
size_t template_fixed_bytes(const struct template *t);
/* Adds, each once, the variables of the context that it reads, and the keys that it looks for
 * anywhere in them: what stands in neither list cannot show in the text. */
int template_reads(const struct template *t, struct strlist *names,
                   struct strlist *keys) _must_check_;
/* Tells of each place where a variable is read that is not among `known`, that none of its
 * templates sets, and of which none asks whether it is defined. `name` is that of the template. */
int template_unknown(const struct template *t, const struct strlist *known,
                     void (*on_unknown)(const char *name, const struct diag *d, void *arg),
                     void *arg) _must_check_;
/* The filters of names, also used by the blueprint room: "OrderItem" -> order_item, orderItem,
 * OrderItem, order-item, ORDER_ITEM, order items -> plural. */
int template_filter_name(const char *filter, struct span name, struct buf *out) _must_check_;
