/* Expressions. */

#include "daemon/template/render.h"

/* Kept out of eval(), whose frame is what deep nesting costs. */
#define _noinline_ __attribute__((noinline))

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

static _noinline_ int eval_dict(struct render *r, const struct node *n, struct value *ret)
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

static _noinline_ int eval_concat(struct render *r, const struct node *n, struct value *ret)
{
        struct value all;
        struct capture c;
        int failed = eval_items(r, n, V_LIST, &all);

        capture_begin(r, &c);
        for (size_t i = 0; !failed && i < all.list->n; i++)
                failed = value_write(r, all.list->at[i], r->out);
        return failed ? failed : capture_end(r, &c, ret);
}

int eval_once(struct render *r, const struct node *n, struct value *ret)
{
        bool is_there;
        struct memo *m = memo_find(r, n, (struct span){0}, &is_there);
        int failed = 0;

        if (!m)
                return render_no_room(r);
        if (!is_there) {
                struct value v;

                failed = n->kind == N_DICT
                                 ? eval_dict(r, n, &v)
                                 : eval_items(r, n, n->kind == N_TUPLE ? V_TUPLE : V_LIST, &v);
                if (failed)
                        return failed;
                *m = (struct memo){.what = n, .value = v};
        }
        *ret = m->value;
        return failed;
}

static _noinline_ int eval_item(struct render *r, const struct node *n, struct value *ret)
{
        bool is_table = n->left->kind == N_DICT && n->left->is_plain;
        struct value subject, bounds[3];
        const struct node *i = n->right->items.first;
        int failed = is_table ? eval_once(r, n->left, &subject) : eval(r, n->left, &subject);

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

static int add_keyword(struct render *r, struct call *c, struct span key, struct value v)
{
        for (size_t i = 0; i < c->n_keyed; i++)
                if (span_is_equal(c->keys[i], key))
                        return render_fail(r, "got multiple values for keyword argument '%.*s'",
                                           (int)MIN2(key.n, 60u), key.at);
        ((struct span *)c->keys)[c->n_keyed] = key; /* the arena's, made by arguments_new() */
        c->keyed[c->n_keyed++] = v;
        return 0;
}

static int arguments_new(struct render *r, size_t n, size_t n_keyed, struct call **ret)
{
        struct call *c = arena_alloc(&r->arena, sizeof(*c) + (n + n_keyed) * sizeof(*c->at) +
                                                        n_keyed * sizeof(*c->keys));

        if (!c)
                return render_no_room(r);
        c->at = (struct value *)(c + 1);
        c->keyed = c->at + n;
        c->keys = (struct span *)(c->keyed + n_keyed);
        *ret = c;
        return 0;
}

/* What * and ** give: a list and a dict, evaluated after all that is written out. */
struct spread {
        struct value places, keywords;
        size_t n_places, n_keywords;
};

static int eval_spread(struct render *r, const struct node *n, struct spread *ret)
{
        int failed = 0;

        for (const struct node *i = n->items.first; i && !failed; i = i->next) {
                struct value v;

                if (i->kind != N_SPREAD && i->kind != N_SPREAD_KEYWORDS)
                        continue;
                failed = eval(r, i->left, &v);
                if (!failed && i->kind == N_SPREAD)
                        failed = value_to_list(r, v, &ret->places);
                else if (!failed && v.kind == V_UNDEFINED)
                        failed = value_refuse_undefined(r, v);
                else if (!failed && v.kind != V_DICT)
                        failed = render_fail(r, "argument after ** must be a mapping, not %s",
                                             value_type_name(v));
                else if (!failed)
                        failed = dict_open(r, v.dict);
                if (!failed && i->kind == N_SPREAD_KEYWORDS)
                        ret->keywords = v;
        }
        if (!failed) {
                ret->n_places = ret->places.kind == V_LIST ? ret->places.list->n : 0;
                ret->n_keywords = ret->keywords.kind == V_DICT ? ret->keywords.dict->n : 0;
        }
        return failed;
}

static int add_spread(struct render *r, const struct spread *s, struct call *c)
{
        int failed = 0;

        for (size_t i = 0; i < s->n_places; i++)
                c->at[c->n++] = s->places.list->at[i];
        for (size_t i = 0; i < s->n_keywords && !failed; i++) {
                const struct pair *p = &s->keywords.dict->pairs[i];

                if (p->key.kind != V_TEXT)
                        return render_fail(r, "keywords must be strings");
                failed = add_keyword(r, c, p->key.text, p->item);
        }
        return failed;
}

/* Arguments of a filter, test or call, as they are written; and the caller, if there is one. */
static int eval_arguments(struct render *r, const struct node *n, struct value caller,
                          struct call **ret)
{
        struct spread spread = {0};
        struct call *c = NULL;
        size_t n_keyed = caller.kind != V_MISSING, n_places = 0;
        bool is_spread = false;
        int failed = 0;

        for (const struct node *a = n->items.first; a; a = a->next) {
                is_spread |= a->kind == N_SPREAD || a->kind == N_SPREAD_KEYWORDS;
                n_keyed += a->kind == N_KEYWORD;
                n_places += a->kind != N_KEYWORD;
        }
        if (is_spread)
                failed = eval_spread(r, n, &spread);
        if (!failed)
                failed = arguments_new(r, n_places + spread.n_places, n_keyed + spread.n_keywords,
                                       &c);
        for (const struct node *a = n->items.first; a && !failed; a = a->next) {
                struct value v;

                if (a->kind == N_SPREAD || a->kind == N_SPREAD_KEYWORDS)
                        continue;
                failed = eval(r, a->kind == N_KEYWORD ? a->left : a, &v);
                if (!failed && a->kind == N_KEYWORD)
                        failed = add_keyword(r, c, a->name, v);
                else if (!failed)
                        c->at[c->n++] = v;
        }
        if (!failed && caller.kind != V_MISSING)
                failed = add_keyword(r, c, SPAN("caller"), caller);
        if (!failed && is_spread)
                failed = add_spread(r, &spread, c);
        if (!failed)
                *ret = c;
        return failed;
}

/* Straight to the parameters. */
static int call_planned(struct render *r, const struct node *n, struct value subject,
                        struct value *ret)
{
        struct value values[CALL_MAX_PARAMETERS];
        struct call c = {
                .name = n->row->name, .subject = subject, .at = values, .n = n->n_parameters};
        const struct node *a = n->items.first;
        int failed = 0;

        memset(values, 0, n->n_parameters * sizeof(*values));
        for (size_t i = 0; a && !failed; a = a->next, i++)
                failed = eval(r, a->kind == N_KEYWORD ? a->left : a, &values[n->bound[i]]);
        r->line = n->line;
        r->column = n->column;
        return failed ? failed : n->row->fn(r, &c, ret);
}

/* A filter or test on a subject that is known. */
_noinline_ int eval_call(struct render *r, const struct node *n, struct value subject,
                         struct value *ret)
{
        struct call *c;
        int failed;

        if (n->bound)
                return call_planned(r, n, subject, ret);
        failed = eval_arguments(r, n, VALUE_MISSING, &c);
        if (failed)
                return failed;
        c->name = n->row->name;
        c->subject = subject;
        r->line = n->line;
        r->column = n->column;
        return call_bound(r, n->row->fn, n->row->parameters, c, ret);
}

/* What gives text: a macro, a block, a recursive loop. */
static int run(struct render *r, struct value subject, const struct call *c)
{
        switch (subject.kind) {
        case V_MACRO:
                return macro_run(r, subject.macro, c);
        case V_LOOP:
                return loop_again(r, subject.loop, c);
        default: /* V_BLOCK */
                if (c->n || c->n_keyed)
                        return render_fail(r, "a block takes no arguments");
                return block_run(r, subject.block);
        }
}

static int call_value(struct render *r, struct value subject, struct call *c, bool is_written,
                      struct value *ret)
{
        struct capture capture;
        int failed;

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
        case V_MACRO:
        case V_BLOCK:
        case V_LOOP:
                *ret = VALUE_MISSING;
                if (is_written)
                        return run(r, subject, c);
                capture_begin(r, &capture);
                failed = run(r, subject, c);
                return failed ? failed : capture_end(r, &capture, ret);
        default:
                return render_fail(r, "'%s' object is not callable", value_type_name(subject));
        }
}

_noinline_ int eval_function(struct render *r, const struct node *n, struct value caller,
                             bool is_written, struct value *ret)
{
        struct value subject;
        struct call *c;
        int failed = eval(r, n->left, &subject);

        if (!failed)
                failed = eval_arguments(r, n, caller, &c);
        if (failed)
                return failed;
        r->line = n->line;
        r->column = n->column;
        return call_value(r, subject, c, is_written, ret);
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

static _noinline_ int eval_compare(struct render *r, const struct node *n, struct value *ret)
{
        struct value left, right;
        bool is_true = true;
        int failed = eval(r, n->left, &left);

        for (const struct node *i = n->items.first; i && is_true && !failed; i = i->next) {
                failed = eval(r, i->left, &right);
                r->line = i->line;
                r->column = i->column;
                if (!failed && left.kind == V_TEXT && right.kind == V_TEXT && i->op == OP_EQ)
                        is_true = text_is_same(left.text, right.text);
                else if (!failed)
                        failed = op_compare(r, i->op, left, right, &is_true);
                left = right;
        }
        *ret = VALUE_BOOL(is_true);
        return failed;
}

static _noinline_ int eval_condition(struct render *r, const struct node *n, struct value *ret)
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

int eval_missing(struct render *r, const struct node *n, struct value *ret)
{
        return value_undefined(r, NULL, NULL, VALUE_SPAN(n->name), ret);
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

static int eval_attribute(struct render *r, const struct node *n, struct value *ret)
{
        struct value subject;
        int failed = eval(r, n->left, &subject);

        if (failed)
                return failed;
        r->line = n->line;
        r->column = n->column;
        if (subject.kind != V_DICT || !n->is_plain)
                return value_attribute(r, subject, n->name, ret);
        failed = dict_get_hinted(r, subject.dict, n->name, n->hash, render_hint(r, n), ret);
        if (!failed && ret->kind == V_MISSING)
                failed = value_undefined(r, NULL, &subject, VALUE_SPAN(n->name), ret);
        return failed;
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
        case N_ATTRIBUTE:
                return eval_attribute(r, n, ret);
        case N_TUPLE:
                return n->is_plain ? eval_once(r, n, ret) : eval_items(r, n, V_TUPLE, ret);
        case N_LIST:
                return eval_items(r, n, V_LIST, ret);
        case N_DICT:
                return eval_dict(r, n, ret);
        case N_CONCAT:
                return eval_concat(r, n, ret);
        case N_ITEM:
                return eval_item(r, n, ret);
        case N_CALL:
                return eval_function(r, n, VALUE_MISSING, false, ret);
        case N_AND:
        case N_OR:
                return eval_logic(r, n, ret);
        case N_BINARY:
                return eval_binary(r, n, ret);
        case N_COMPARE:
                return eval_compare(r, n, ret);
        case N_CONDITION:
                return eval_condition(r, n, ret);
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

int eval_deep(struct render *r, const struct node *n, struct value *ret)
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
