/* Statements, and the state of a rendering. */

#include "daemon/template/engine.h"

#include <stdarg.h>
#include <stdio.h>

int render_fail(struct render *r, const char *format, ...)
{
        struct diag *d = r->diag;
        va_list args;

        d->line = r->line;
        d->column = r->column;
        va_start(args, format);
        vsnprintf(d->text, sizeof(d->text), format, args);
        va_end(args);
        return CONDITION_REFUSED;
}

int render_no_room(struct render *r)
{
        return r->arena.is_over ? render_fail(r, "the rendering needs more than %zu MiB",
                                              RENDER_MAX_BYTES >> 20)
                                : -ENOMEM;
}

int render_buf_failed(struct render *r, const struct buf *b)
{
        if (b->failed == -EMSGSIZE)
                return render_fail(r, "the text is longer than %zu bytes", b->max_bytes);
        return b->failed;
}

int render_step(struct render *r, size_t n_bytes)
{
        size_t n = 1 + n_bytes / RENDER_BYTES_PER_STEP;

        if (n > TEMPLATE_MAX_STEPS - r->n_steps)
                return render_fail(r, "the rendering takes more than %u steps", TEMPLATE_MAX_STEPS);
        r->n_steps += (uint32_t)n;
        return 0;
}

int render_enter(struct render *r)
{
        if (++r->depth > RENDER_MAX_DEPTH)
                return render_fail(r, "nested too deeply");
        return 0;
}

/* A variable of the context is one value in all scopes, however often they are entered. */
static int load(struct render *r, struct span name, struct value *ret)
{
        const struct global_row *global;
        const json_t *json;
        int failed = dict_get(r, &r->loaded, VALUE_SPAN(name), ret);

        if (failed || ret->kind != V_MISSING)
                return failed;
        json = json_object_getn(r->context, name.at, name.n);
        if (json) {
                failed = value_from_json(r, json, ret);
                return failed ? failed : dict_set(r, &r->loaded, VALUE_SPAN(name), *ret);
        }
        global = global_find(name);
        *ret = global ? (struct value){.kind = V_FUNCTION, .function = global} : VALUE_MISSING;
        return 0;
}

int render_enter_frame(struct render *r, const struct frame *f)
{
        int failed = 0;

        for (size_t i = 0; i < f->n_loads && !failed; i++) {
                const struct load *l = &f->loads[i];

                if (l->kind == LOAD_RESOLVE)
                        failed = load(r, l->name, &r->slots[l->slot]);
                else
                        r->slots[l->slot] =
                                l->kind == LOAD_ALIAS ? r->slots[l->from] : VALUE_MISSING;
        }
        return failed;
}

static int assign_member(struct render *r, const struct node *n, struct value v)
{
        struct value space = r->slots[n->slot];

        r->line = n->line;
        r->column = n->column;
        if (space.kind != V_NAMESPACE)
                return render_fail(r, "cannot assign attribute on non-namespace object");
        return dict_set(r, space.dict, VALUE_SPAN(n->text), v);
}

int render_assign(struct render *r, const struct node *target, struct value v)
{
        const struct node *i = target->items.first;
        struct iter *it;
        struct value item;
        int failed;

        if (target->kind == N_NAME) {
                r->slots[target->slot] = v;
                return 0;
        }
        if (target->kind == N_MEMBER)
                return assign_member(r, target, v);
        r->line = target->line;
        r->column = target->column;
        failed = iter_open(r, v, &it);
        for (; !failed && i; i = i->next) {
                failed = iter_next(r, it, &item);
                if (!failed && item.kind == V_MISSING)
                        return render_fail(r, "not enough values to unpack (expected %zu)",
                                           target->items.n);
                if (!failed)
                        failed = render_assign(r, i, item);
        }
        if (!failed)
                failed = iter_next(r, it, &item);
        if (!failed && item.kind != V_MISSING)
                return render_fail(r, "too many values to unpack (expected %zu)", target->items.n);
        return failed;
}

/* The value that a target has, as the loop's filter hands it on. */
static int read_target(struct render *r, const struct node *target, struct value *ret)
{
        struct value v;
        int failed;

        if (target->kind == N_NAME) {
                *ret = r->slots[target->slot];
                return 0;
        }
        failed = value_list(r, V_TUPLE, target->items.n, ret);
        for (const struct node *i = target->items.first; i && !failed; i = i->next) {
                failed = read_target(r, i, &v);
                if (!failed)
                        failed = list_add(r, ret->list, v);
        }
        return failed;
}

/* for … in … if test: a generator with variables of its own. */
static int next_filtered(struct render *r, struct iter *it, struct value *ret)
{
        const struct node *loop = it->state;
        struct value v;
        bool is_true = false;
        int failed = it->index++ ? 0 : render_enter_frame(r, loop->frame_test);

        while (!failed && !is_true) {
                failed = iter_next(r, it->source, &v);
                if (failed || v.kind == V_MISSING)
                        return failed;
                failed = render_assign(r, loop->right, v);
                if (!failed)
                        failed = eval(r, loop->test, &v);
                if (!failed)
                        failed = value_truth(r, v, &is_true);
        }
        return failed ? failed : read_target(r, loop->right, ret);
}

static int open_loop(struct render *r, const struct node *n, struct loop *l)
{
        struct iter *filtered;
        int failed = eval(r, n->left, &l->over);

        if (!failed)
                failed = iter_open(r, l->over, &l->items);
        if (failed || !n->test)
                return failed;
        failed = iter_new(r, "generator", next_filtered, &filtered);
        if (failed)
                return failed;
        filtered->source = l->items;
        filtered->state = n;
        l->items = filtered;
        l->over = (struct value){.kind = V_ITER, .iter = filtered};
        return 0;
}

static int render_for(struct render *r, const struct node *n)
{
        struct loop *l = arena_alloc(&r->arena, sizeof(*l));
        struct value v;
        int failed;

        if (!l)
                return render_no_room(r);
        l->index0 = -1;
        l->length = -1;
        failed = open_loop(r, n, l);
        while (!failed) {
                r->line = n->line;
                r->column = n->column;
                failed = loop_next(r, l, &v);
                if (failed || v.kind == V_MISSING)
                        break;
                r->slots[n->slot_of_loop] = (struct value){.kind = V_LOOP, .loop = l};
                failed = render_assign(r, n->target, v);
                if (!failed)
                        failed = render_enter_frame(r, n->frame);
                if (!failed)
                        failed = render_body(r, &n->body);
        }
        if (failed || l->index0 >= 0)
                return failed;
        failed = render_enter_frame(r, n->frame_else);
        return failed ? failed : render_body(r, &n->otherwise);
}

static int render_if(struct render *r, const struct node *n)
{
        struct value v;
        bool is_true;
        int failed;

        for (const struct node *i = n->items.first; i; i = i->next) {
                if (!i->test)
                        return render_body(r, &i->body);
                failed = eval(r, i->test, &v);
                if (!failed)
                        failed = value_truth(r, v, &is_true);
                if (failed)
                        return failed;
                if (is_true)
                        return render_body(r, &i->body);
        }
        return 0;
}

/* The text of a body, after its filters. */
static int capture(struct render *r, const struct node *n, struct value *ret)
{
        struct buf inside, *outside = r->out;
        int failed;

        buf_init(&inside, TEMPLATE_MAX_OUTPUT_BYTES);
        failed = render_enter_frame(r, n->frame);
        r->out = &inside;
        if (!failed)
                failed = render_body(r, &n->body);
        r->out = outside;
        if (!failed)
                failed = value_text_take(r, &inside, ret);
        buf_done(&inside);
        return failed;
}

/* Filters of a block: the innermost has no subject but the text. */
static int apply_filters(struct render *r, const struct node *filter, struct value v,
                         struct value *ret)
{
        int failed = 0;

        *ret = v;
        if (!filter)
                return 0;
        failed = apply_filters(r, filter->left, v, ret);
        return failed ? failed : eval_call(r, filter, *ret, ret);
}

static int render_set(struct render *r, const struct node *n)
{
        struct value v;
        int failed;

        if (n->kind == N_SET) {
                failed = eval(r, n->left, &v);
        } else {
                failed = capture(r, n, &v);
                if (!failed)
                        failed = apply_filters(r, n->right, v, &v);
        }
        return failed ? failed : render_assign(r, n->target, v);
}

static int render_with(struct render *r, const struct node *n)
{
        struct value v;
        int failed = render_enter_frame(r, n->frame);

        for (const struct node *i = n->items.first; i && !failed; i = i->next->next) {
                failed = eval(r, i->next, &v);
                if (!failed)
                        failed = render_assign(r, i, v);
        }
        return failed ? failed : render_body(r, &n->body);
}

static int render_print(struct render *r, const struct node *n)
{
        struct value v;
        int failed = 0;

        for (const struct node *i = n->items.first; i && !failed; i = i->next) {
                failed = eval(r, i, &v);
                r->line = i->line;
                r->column = i->column;
                if (!failed)
                        failed = value_write(r, v, r->out);
        }
        return failed;
}

static int render_statement(struct render *r, const struct node *n)
{
        struct value v;
        int failed;

        switch (n->kind) {
        case N_TEXT:
                buf_add_span(r->out, n->text);
                return render_buf_failed(r, r->out);
        case N_PRINT:
                return render_print(r, n);
        case N_IF:
                return render_if(r, n);
        case N_FOR:
                return render_for(r, n);
        case N_SET:
        case N_SET_BLOCK:
                return render_set(r, n);
        case N_WITH:
                return render_with(r, n);
        default: /* N_FILTER_BLOCK */
                failed = capture(r, n, &v);
                if (!failed)
                        failed = apply_filters(r, n->right, v, &v);
                return failed ? failed : value_write(r, v, r->out);
        }
}

int render_body(struct render *r, const struct node_list *body)
{
        int failed = render_enter(r);

        for (const struct node *n = body->first; n && !failed; n = n->next) {
                r->line = n->line;
                r->column = n->column;
                failed = render_step(r, 0);
                if (!failed)
                        failed = render_statement(r, n);
        }
        r->depth--;
        return failed;
}
