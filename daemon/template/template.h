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
#define TEMPLATE_MAX_DEPTH 64

struct template;

/* CONDITION_REFUSED: diag has line, column and what is wrong. `name` is for template_name():
 * whoever reports a diag says whose it is. */
int template_compile(const char *name, struct span source, struct template **ret,
                     struct diag *ret_diag) _must_check_;
struct template *template_free(struct template *t);
DEFINE_CLEANUP(struct template, template_free);
/* Appends to out. CONDITION_REFUSED: diag (undefined variable, wrong type, over a bound). -ENOMEM.
 */
int template_render(const struct template *t, const json_t *context, struct buf *out,
                    struct diag *ret_diag) _must_check_;
void template_hash(const struct template *t, struct hash *ret); /* of its source */
const char *template_name(const struct template *t);
size_t template_fixed_bytes(
        const struct template *t); /* text outside of tags: what a rendering has at least */
/* Adds, each once, the variables of the context that it reads, and the keys that it looks for
 * anywhere in them: what stands in neither list cannot show in the text. */
int template_reads(const struct template *t, struct strlist *names,
                   struct strlist *keys) _must_check_;
/* The filters of names, also used by the blueprint room: "OrderItem" -> order_item, orderItem,
 * OrderItem, order-item, ORDER_ITEM, order items -> plural. */
int template_filter_name(const char *filter, struct span name, struct buf *out) _must_check_;
