#pragma once
/* Values of a rendering, with the behaviour of Python's: truth, equality, order, hashing, str() and
 * repr().
 *
 * Containers live in the rendering's arena. Those that come from the context are filled from JSON
 * when they are first looked into (one level at a time); the context itself is never changed.
 * Functions return 0, -ENOMEM or CONDITION_REFUSED (the rendering's diag is filled). */

#include <jansson.h>

#include "common/buf.h"
#include "common/macros.h"

struct render;
struct call;
struct iter;
struct loop;
struct macro;
struct module;
struct space;
struct block_reference;
struct method_row;
struct global_row;

enum value_kind {
        V_MISSING, /* no value: an argument that was not given, the end of an iteration */
        V_UNDEFINED,
        V_NONE,
        V_BOOL,
        V_INT,
        V_FLOAT,
        V_TEXT,
        V_LIST,
        V_TUPLE,
        V_DICT,
        V_RANGE,
        V_VIEW, /* dict.keys(), .values(), .items() */
        V_ITER, /* one pass: a Python generator or iterator */
        V_METHOD,
        V_FUNCTION,
        V_LOOP,
        V_MACRO,
        V_MODULE, /* an imported template */
        V_SELF,   /* the blocks of a template */
        V_BLOCK,
        V_NAMESPACE, /* a dict whose members are set by {% set ns.x %} */
        N_VALUE_KINDS,
};

/* All pointers are borrowed from the rendering's arena, the template's arena or the context. */
struct value {
        enum value_kind kind;
        union {
                bool is_true;
                int64_t integer;
                double real;
                struct span text; /* UTF-8 */
                struct list *list;
                struct dict *dict;
                const struct range *range;
                const struct view *view;
                struct iter *iter;
                const struct bound *bound;
                const struct global_row *function;
                struct loop *loop;
                const struct macro *macro;
                struct module *module;
                struct space *space;
                const struct block_reference *block;
                const struct undefined *undefined;
        };
};

/* Nothing may be done with one but ask whether it is defined, save with that of an inline `if`
 * without `else`: as in Jinja2, where it is of the lenient class, it prints as nothing, is false
 * and empty. */
struct undefined {
        bool is_lenient;
        const char *hint;   /* the whole message, or NULL */
        const char *object; /* what was asked: "'dict object'", or NULL for a variable */
        struct value name;  /* text: variable or attribute; else an element */
};

struct list {
        const json_t *pending; /* not yet filled from */
        struct value *at;
        size_t n, room;
        bool is_group; /* a tuple that |groupby made: it has .grouper and .list */
};

struct pair {
        struct value key, item;
        uint64_t hash;
};

struct dict {
        const json_t *pending;
        struct pair *pairs; /* in the order of insertion */
        size_t n, room;
        uint32_t *index; /* of pairs + 1, open addressing; NULL while small */
        size_t index_mask;
};

struct range {
        int64_t start, stop, step;
};

enum view_kind { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS };
struct view {
        enum view_kind kind;
        struct dict *dict;
};

struct bound {
        struct value subject;
        const struct method_row *method;
};

#define VALUE_MISSING ((struct value){.kind = V_MISSING})
#define VALUE_NONE ((struct value){.kind = V_NONE})
#define VALUE_BOOL(x) ((struct value){.kind = V_BOOL, .is_true = (x)})
#define VALUE_INT(x) ((struct value){.kind = V_INT, .integer = (x)})
#define VALUE_FLOAT(x) ((struct value){.kind = V_FLOAT, .real = (x)})
#define VALUE_SPAN(x) ((struct value){.kind = V_TEXT, .text = (x)})
#define VALUE_TEXT(literal) VALUE_SPAN(SPAN(literal))

static inline bool value_is_integer(struct value v) /* bool is an int */
{
        return v.kind == V_INT || v.kind == V_BOOL;
}
static inline int64_t value_integer(struct value v)
{
        return v.kind == V_BOOL ? v.is_true : v.integer;
}
static inline bool value_is_number(struct value v)
{
        return value_is_integer(v) || v.kind == V_FLOAT;
}
static inline double value_real(struct value v)
{
        return v.kind == V_FLOAT ? v.real : (double)value_integer(v);
}

static inline bool value_is_lenient(struct value v)
{
        return v.kind == V_UNDEFINED && v.undefined->is_lenient;
}

const char *value_type_name(struct value v); /* Python's: "str", "NoneType" */

int value_from_json(struct render *r, const json_t *json, struct value *ret) _must_check_;
int value_text_copy(struct render *r, struct span s, struct value *ret) _must_check_;
int value_text_take(struct render *r, struct buf *b, struct value *ret) _must_check_; /* copies */
int value_list(struct render *r, enum value_kind kind, size_t room, struct value *ret) _must_check_;
int value_undefined(struct render *r, const char *hint, const struct value *object,
                    struct value name, struct value *ret) _must_check_;
int value_undefined_lenient(struct render *r, const char *hint, struct value *ret) _must_check_;
int value_explain_undefined(struct render *r, struct value v) _must_check_;
_must_check_ static inline int value_refuse_undefined(struct render *r, struct value v)
{
        int failed = value_explain_undefined(r, v);

        return failed ? failed : CONDITION_REFUSED; /* as the compiler then knows too */
}

int list_open(struct render *r, struct list *l) _must_check_; /* fills from JSON */
int list_add(struct render *r, struct list *l, struct value v) _must_check_;
int value_truth_deep(struct render *r, struct value v, bool *ret) _must_check_;
static inline int value_truth(struct render *r, struct value v, bool *ret)
{
        if (v.kind != V_BOOL && v.kind != V_TEXT)
                return value_truth_deep(r, v, ret);
        *ret = v.kind == V_BOOL ? v.is_true : v.text.n != 0;
        return 0;
}
int value_is_equal(struct render *r, struct value a, struct value b, bool *ret) _must_check_;
/* *ret: -1, 0, 1, or 2 for floats without order. Kinds without order are an error that names op. */
int value_order(struct render *r, const char *op, struct value a, struct value b,
                int *ret) _must_check_;
int value_hash(struct render *r, struct value v, uint64_t *ret) _must_check_;
int value_length(struct render *r, struct value v, size_t *ret) _must_check_; /* len() */
int value_contains(struct render *r, struct value item, struct value in, bool *ret) _must_check_;

/* value-text.c */
int value_write(struct render *r, struct value v, struct buf *out) _must_check_; /* str() */
int value_write_repr(struct render *r, struct value v, struct buf *out) _must_check_;
int value_write_json(struct render *r, struct value v, struct value indent,
                     struct buf *out) _must_check_;
int value_to_text(struct render *r, struct value v, struct value *ret) _must_check_; /* str() */
void write_float(double real, struct buf *out);

/* value-access.c: the rules of jinja2.Environment.getattr() and getitem(). */
int value_attribute(struct render *r, struct value v, struct span name,
                    struct value *ret) _must_check_;
int value_item(struct render *r, struct value v, struct value key, struct value *ret) _must_check_;
int value_slice(struct render *r, struct value v, const struct value bounds[3],
                struct value *ret) _must_check_;

#include "daemon/template/dict.h"
