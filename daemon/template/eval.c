/* Expressions. */

#include "daemon/template/engine.h"

/* Appends the values of a list of expressions. */
static int eval_items(struct render *r, const struct node *n, enum value_kind kind,
                      struct value *ret)
{
        struct value v;
        int failed = value_list(r, kind, n->items.n, ret);

        for (const struct node *i = n->items.first; i && !failed; i = i->next) {
                failed = eval(r, i, &v);
                if (!failed)
                        failed = list_add(r, ret->list, v);
        }
        return failed;
}

static int eval_dict(struct render *r, const struct node *n, struct value *ret)
{
        struct value key, item;
        struct dict *d;
        int failed = dict_new(r, &d);

        for (const struct node *i = n->items.first; i && !failed; i = i->next->next) {
                failed = eval(r, i, &key);
                if (!failed)
                        failed = eval(r, i->next, &item);
                if (!failed)
                        failed = dict_set(r, d, key, item);
        }
        *ret = (struct value){.kind = V_DICT, .dict = d};
        return failed;
}

static int eval_concat(struct render *r, const struct node *n, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct value all;
        int failed = eval_items(r, n, V_LIST, &all);

        buf_init(&b, RENDER_MAX_BYTES);
        for (size_t i = 0; !failed && i < all.list->n; i++)
                failed = value_write(r, all.list->at[i], &b);
        return failed ? failed : value_text_take(r, &b, ret);
}

static int eval_item(struct render *r, const struct node *n, struct value *ret)
{
        struct value subject, bounds[3];
        const struct node *i = n->right->items.first;
        int failed = eval(r, n->left, &subject);

        if (failed)
                return failed;
        if (n->right->kind != N_SLICE) {
                failed = eval(r, n->right, &bounds[0]);
                return failed ? failed : value_item(r, subject, bounds[0], ret);
        }
        for (size_t k = 0; k < 3 && !failed; k++, i = i->next)
                failed = eval(r, i, &bounds[k]);
        return failed ? failed : value_slice(r, subject, bounds, ret);
}

/* Arguments of a filter, test or call, as they are written. */
static int eval_arguments(struct render *r, const struct node *n, struct call **ret)
{
        size_t total = n->items.n;
        struct call *c = arena_alloc(&r->arena, sizeof(*c));
        struct value *values = arena_alloc(&r->arena, MAX2(total, 1u) * sizeof(*values));
        struct span *keys = arena_alloc(&r->arena, MAX2(total, 1u) * sizeof(*keys));
        size_t i = 0;
        int failed = 0;

        if (!c || !values || !keys)
                return render_no_room(r);
        c->at = values;
        c->keys = keys;
        for (const struct node *a = n->items.first; a && !failed; a = a->next, i++) {
                failed = eval(r, a->kind == N_KEYWORD ? a->left : a, &values[i]);
                if (a->kind == N_KEYWORD)
                        keys[c->n_keyed++] = a->name;
                else
                        c->n++;
        }
        c->keyed = values + c->n;
        *ret = c;
        return failed;
}

/* A filter or test on a subject that is known. */
int eval_call(struct render *r, const struct node *n, struct value subject, struct value *ret)
{
        struct call *c;
        int failed = eval_arguments(r, n, &c);

        if (failed)
                return failed;
        c->name = n->row->name;
        c->subject = subject;
        r->line = n->line;
        r->column = n->column;
        return call_bound(r, n->row->fn, n->row->parameters, c, ret);
}

static int eval_function(struct render *r, const struct node *n, struct value *ret)
{
        struct value subject;
        struct call *c;
        int failed = eval(r, n->left, &subject);

        if (!failed)
                failed = eval_arguments(r, n, &c);
        if (failed)
                return failed;
        r->line = n->line;
        r->column = n->column;
        switch (subject.kind) {
        case V_METHOD:
                c->name = subject.bound->method->name;
                c->subject = subject.bound->subject;
                return call_bound(r, subject.bound->method->fn, subject.bound->method->parameters,
                                  c, ret);
        case V_FUNCTION:
                c->name = subject.function->name;
                return call_bound(r, subject.function->fn, subject.function->parameters, c, ret);
        case V_UNDEFINED:
                return value_refuse_undefined(r, subject);
        case V_LOOP:
                return render_fail(
                        r, "The loop must have the 'recursive' marker to be called recursively.");
        default:
                return render_fail(r, "'%s' object is not callable", value_type_name(subject));
        }
}

static int eval_logic(struct render *r, const struct node *n, struct value *ret)
{
        bool is_true;
        int failed = eval(r, n->left, ret);

        if (!failed)
                failed = value_truth(r, *ret, &is_true);
        if (failed || is_true == (n->kind == N_OR))
                return failed;
        return eval(r, n->right, ret);
}

static int eval_compare(struct render *r, const struct node *n, struct value *ret)
{
        struct value left, right;
        bool is_true = true;
        int failed = eval(r, n->left, &left);

        for (const struct node *i = n->items.first; i && is_true && !failed; i = i->next) {
                failed = eval(r, i->left, &right);
                r->line = i->line;
                r->column = i->column;
                if (!failed)
                        failed = op_compare(r, i->op, left, right, &is_true);
                left = right;
        }
        *ret = VALUE_BOOL(is_true);
        return failed;
}

static int eval_condition(struct render *r, const struct node *n, struct value *ret)
{
        struct value test;
        bool is_true;
        int failed = eval(r, n->test, &test);

        if (!failed)
                failed = value_truth(r, test, &is_true);
        if (failed)
                return failed;
        if (is_true)
                return eval(r, n->left, ret);
        if (n->right)
                return eval(r, n->right, ret);
        return value_undefined_lenient(
                r, "the inline if-expression evaluated to false and no else section was defined.",
                ret);
}

static int eval_name(struct render *r, const struct node *n, struct value *ret)
{
        *ret = r->slots[n->slot];
        if (ret->kind == V_MISSING)
                return value_undefined(r, NULL, NULL, VALUE_SPAN(n->name), ret);
        return 0;
}

static int eval_binary(struct render *r, const struct node *n, struct value *ret)
{
        struct value left, right;
        int failed = eval(r, n->left, &left);

        if (!failed)
                failed = eval(r, n->right, &right);
        r->line = n->line;
        r->column = n->column;
        return failed ? failed : op_binary(r, n->op, left, right, ret);
}

static int eval_on_left(struct render *r, const struct node *n, struct value *ret)
{
        struct value left;
        bool is_true = false;
        int failed = eval(r, n->left, &left);

        if (failed)
                return failed;
        switch (n->kind) {
        case N_FILTER:
        case N_TEST:
                return eval_call(r, n, left, ret);
        case N_ATTRIBUTE:
                r->line = n->line;
                r->column = n->column;
                return value_attribute(r, left, n->name, ret);
        case N_NOT:
                failed = value_truth(r, left, &is_true);
                *ret = VALUE_BOOL(!is_true);
                return failed;
        default:
                return op_negate(r, left, n->kind == N_NEGATE, ret);
        }
}

static int eval_inner(struct render *r, const struct node *n, struct value *ret)
{
        switch (n->kind) {
        case N_CONST:
                *ret = n->constant;
                return 0;
        case N_NAME:
                return eval_name(r, n, ret);
        case N_TUPLE:
        case N_LIST:
                return eval_items(r, n, n->kind == N_TUPLE ? V_TUPLE : V_LIST, ret);
        case N_DICT:
                return eval_dict(r, n, ret);
        case N_CONCAT:
                return eval_concat(r, n, ret);
        case N_ITEM:
                return eval_item(r, n, ret);
        case N_CALL:
                return eval_function(r, n, ret);
        case N_AND:
        case N_OR:
                return eval_logic(r, n, ret);
        case N_BINARY:
                return eval_binary(r, n, ret);
        case N_COMPARE:
                return eval_compare(r, n, ret);
        case N_CONDITION:
                return eval_condition(r, n, ret);
        case N_ATTRIBUTE:
        case N_FILTER:
        case N_TEST:
        case N_NOT:
        case N_NEGATE:
        case N_POSITIVE:
                return eval_on_left(r, n, ret);
        default:
                return render_fail(r, "a slice cannot stand here");
        }
}

int eval(struct render *r, const struct node *n, struct value *ret)
{
        int failed = render_enter(r);

        r->line = n->line;
        r->column = n->column;
        if (!failed)
                failed = render_step(r, 0);
        if (!failed)
                failed = eval_inner(r, n, ret);
        r->depth--;
        return failed;
}
