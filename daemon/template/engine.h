#pragma once
/* What the files of the template engine share: the state of one rendering, calls of filters, tests
 * and methods, iteration.
 *
 *      source --lexer.c--> tokens --parser.c--> tree --resolve.c--> tree with places
 *             --eval.c, render.c, functions.c, modules.c--> text
 *
 * The tree is immutable once compiled; a rendering owns all that changes. */

#include "daemon/template/arena.h"
#include "daemon/template/ast.h"
#include "daemon/template/parser.h"
#include "daemon/template/template.h"
#include "daemon/template/value.h"

#define RENDER_MAX_BYTES ((size_t)128 << 20) /* values of one rendering */
#define RENDER_MAX_DEPTH                                                                      \
        400u /* nested expressions, values and iterators; a frame takes some hundred bytes of \
                stack */
#define RENDER_BYTES_PER_STEP 256u /* long texts count as many steps as they have such pieces */

struct unit;
struct activation;
struct site;

#define RENDER_HINTS 256u /* a power of two; nodes that share one are only slower */

/* What was computed from a text or a node. */
#define MEMO_ENTRIES 256u /* a power of two; a newer one takes the place of an older */
struct memo {
        const void *what; /* a function or node */
        struct span text;
        struct value value;
};
struct memo *memo_find(struct render *r, const void *what, struct span text, bool *ret_is_there);

struct render {
        const struct template_set *set;
        const struct unit *entry;
        const json_t *context;
        struct arena arena;
        struct activation *frame;
        struct dict loaded;  /* variables of the context that were asked for */
        struct buf *out;     /* where text goes now: the output or `inside` */
        struct buf inside;   /* texts that become values; a stack */
        struct value *stack; /* of variables, for functions that nothing outlives */
        size_t n_stack;
        struct module *modules;      /* imported without context */
        struct memo *memos;          /* NULL before the first */
        uint8_t hints[RENDER_HINTS]; /* of attributes; see dict_get_hinted() */
        const struct site *site;
        uint32_t n_steps, depth, n_nested; /* n_nested: templates, macros, blocks */
        unsigned line, column;             /* of what is evaluated */
        struct diag *diag;                 /* filled once */
};

/* A macro, and an inline function, so that the compiler sees that it is a failure. */
#define render_fail(r, ...) (render_explain(r, __VA_ARGS__), CONDITION_REFUSED)
void render_explain(struct render *r, const char *format, ...) _printf_(2, 3);
/* After arena_alloc() gave NULL. */
_must_check_ static inline int render_no_room(struct render *r)
{
        return r->arena.is_over ? render_fail(r, "the rendering needs more than %zu MiB",
                                              RENDER_MAX_BYTES >> 20)
                                : -ENOMEM;
}
int render_buf_failed(struct render *r, const struct buf *b) _must_check_; /* 0 when it did not */
static inline int render_write(struct render *r, struct buf *out, struct span text)
{
        if (text.n < out->room - out->n && out->room > 0 && !out->failed) { /* as most do */
                memcpy(out->at + out->n, text.at, text.n);
                out->n += text.n;
                out->at[out->n] = '\0';
                return 0;
        }
        buf_add_span(out, text);
        return render_buf_failed(r, out);
}
int render_too_many_steps(struct render *r) _must_check_;
int render_too_deep(struct render *r) _must_check_;
static inline int render_step(struct render *r, size_t n_bytes)
{
        size_t n = 1 + n_bytes / RENDER_BYTES_PER_STEP;

        if (n > TEMPLATE_MAX_STEPS - r->n_steps)
                return render_too_many_steps(r);
        r->n_steps += (uint32_t)n;
        return 0;
}
static inline uint8_t *render_hint(struct render *r, const void *whose)
{
        uintptr_t at = (uintptr_t)whose / 4;

        return &r->hints[(at ^ at >> 8) % RENDER_HINTS];
}
/* One level deeper; pair with r->depth-- */
static inline int render_enter(struct render *r)
{
        return ++r->depth > RENDER_MAX_DEPTH ? render_too_deep(r) : 0;
}

/* Arguments of a filter, test, method or function, bound to its parameters: at[i] is parameter i of
 * the row, V_MISSING when it was not given. Rows with VARIADIC get them as they came. */
#define CALL_MAX_PARAMETERS 6
struct call {
        const char *name;
        struct value subject;
        struct value *at;
        size_t n;
        const struct span *keys; /* of keywords; variadic rows only */
        struct value *keyed;
        size_t n_keyed;
};

typedef int call_fn(struct render *r, const struct call *c, struct value *ret);

struct filter_row {
        const char *name;
        call_fn *fn;
        const char *parameters; /* "width first blank"; "!" after a name: must be given; "/" at the
                                   end: no keywords; "*": as they come */
};

extern const struct filter_row filter_table[], test_table[];
extern const size_t n_filters, n_tests;
const struct filter_row *row_find(const struct filter_row *rows, size_t n, struct span name);
const struct filter_row *filter_find(struct span name);
const struct filter_row *test_find(struct span name);

struct method_row {
        enum value_kind kind;
        const char *name;
        call_fn *fn;
        const char *parameters;
};
/* Python has the attribute and we do not: *ret_known is set and NULL returned. */
const struct method_row *value_method_find(enum value_kind kind, struct span name, bool *ret_known);

struct global_row {
        const char *name;
        call_fn *fn;
        const char *parameters;
};
const struct global_row *global_find(struct span name);

/* To which parameter each argument goes; *ret stays NULL where that is not to be known before the
 * call, or where the call is wrong: then call_bound() says so. -ENOMEM also when the arena is full.
 */
int call_plan(struct arena *arena, const struct node_list *arguments, const char *parameters,
              uint8_t **ret, uint8_t *ret_n) _must_check_;
/* Binds raw to the parameters and calls. */
int call_bound(struct render *r, call_fn *fn, const char *parameters, const struct call *raw,
               struct value *ret) _must_check_;

/* Arguments by type; the fallback when missing. */
int call_integer(struct render *r, const struct call *c, size_t i, int64_t otherwise,
                 int64_t *ret) _must_check_;
int call_truth(struct render *r, const struct call *c, size_t i, bool otherwise,
               bool *ret) _must_check_;
int call_text(struct render *r, const struct call *c, size_t i, struct span otherwise,
              struct span *ret) _must_check_; /* str() */
int call_subject_text(struct render *r, const struct call *c,
                      struct span *ret) _must_check_; /* str() of the subject */

/* Attribute paths of filters: "address.city", 0; looked at once for all the items. */
struct path {
        struct value text; /* or an index; V_MISSING: the item itself */
        uint64_t hash;
        uint8_t *hint; /* of dict_get_hinted(); NULL: it is not one name alone */
};
void path_open(struct render *r, struct value text, struct path *ret);
int path_get_slowly(struct render *r, struct value item, struct value path, struct value otherwise,
                    struct value *ret) _must_check_;
/* otherwise: in place of what is undefined, or V_MISSING */
_must_check_ static inline int path_get(struct render *r, struct value item, const struct path *p,
                                        struct value otherwise, struct value *ret)
{
        if (p->hint && item.kind == V_DICT) { /* as most are */
                int failed = dict_get_hinted(r, item.dict, p->text.text, p->hash, p->hint, ret);

                if (failed || ret->kind != V_MISSING)
                        return failed;
        }
        return path_get_slowly(r, item, p->text, otherwise, ret);
}

/* ops.c */
int op_binary(struct render *r, enum op op, struct value a, struct value b,
              struct value *ret) _must_check_;
int op_negate(struct render *r, struct value v, bool is_minus, struct value *ret) _must_check_;
int op_compare(struct render *r, enum op op, struct value a, struct value b,
               bool *ret) _must_check_;
/* format.c: text % arguments */
int format_percent(struct render *r, struct span format, struct value arguments,
                   struct value *ret) _must_check_;

#include "daemon/template/iter.h"
