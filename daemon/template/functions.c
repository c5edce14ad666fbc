/* What has variables of its own each time it runs: macros, call blocks, loops that call
 * themselves; and loops in general. */

#include "daemon/template/render.h"

#define STACK_VALUES 256u /* more is taken from the arena, which frees nothing before the end */

int function_prepare(struct render *r, const struct function *f, struct activation *outer,
                     struct space *space, struct entered *e, struct activation **ret)
{
        size_t n = sizeof(**ret) + f->n_slots * sizeof(struct value);
        size_t n_values = (n + sizeof(struct value) - 1) / sizeof(struct value);
        struct activation *a;

        e->n_stack = r->n_stack;
        if (!r->stack)
                r->stack = arena_alloc(&r->arena, STACK_VALUES * sizeof(*r->stack));
        if (r->stack && !f->is_kept && n_values <= STACK_VALUES - r->n_stack) {
                a = memset(r->stack + r->n_stack, 0, n);
                r->n_stack += n_values;
        } else {
                a = r->stack ? arena_alloc(&r->arena, n) : NULL;
        }
        if (!a)
                return render_no_room(r);
        a->function = f;
        a->outer = outer;
        a->space = space;
        *ret = a;
        return 0;
}

int function_enter(struct render *r, struct activation *a, struct entered *e)
{
        if (r->n_nested >= TEMPLATE_MAX_NESTED)
                return render_fail(r, "more than %d templates, macros and blocks inside of another",
                                   TEMPLATE_MAX_NESTED);
        e->before = r->frame;
        e->site = (struct site){.outer = r->site,
                                .unit = r->frame ? r->frame->function->unit : NULL,
                                .line = r->line,
                                .column = r->column};
        r->n_nested++;
        if (e->site.unit)
                r->site = &e->site;
        r->frame = a;
        return 0;
}

void function_leave(struct render *r, const struct entered *e)
{
        r->n_nested--;
        r->n_stack = e->n_stack;
        r->frame = e->before;
        r->site = e->site.outer;
}

int macro_new(struct render *r, const struct node *n, struct value *ret)
{
        struct macro *m = arena_alloc(&r->arena, sizeof(*m));

        if (!m)
                return render_no_room(r);
        m->function = n->function;
        m->outer = r->frame;
        *ret = (struct value){.kind = V_MACRO, .macro = m};
        return 0;
}

static struct span macro_name(const struct macro *m)
{
        struct span name = m->function->name.at ? m->function->name : SPAN("anonymous");

        name.n = MIN2(name.n, 60u);
        return name;
}

/* Keywords that were not taken by a parameter; at[i] of c is V_MISSING when it was. */
static int rest_of_keywords(struct render *r, const struct macro *m, const struct call *c,
                            struct value *ret)
{
        struct span name = macro_name(m);
        struct dict *d = NULL;
        int failed = 0;

        if (m->function->slot_kwargs != NO_SLOT)
                failed = dict_new(r, &d);
        for (size_t i = 0; i < c->n_keyed && !failed; i++) {
                if (c->keyed[i].kind == V_MISSING)
                        continue;
                if (!d && span_is_equal(c->keys[i], SPAN("caller")))
                        return render_fail(r, "macro '%.*s' has no use for a caller", (int)name.n,
                                           name.at);
                if (!d)
                        return render_fail(r, "macro '%.*s' takes no keyword argument '%.*s'",
                                           (int)name.n, name.at, (int)MIN2(c->keys[i].n, 60u),
                                           c->keys[i].at);
                failed = dict_set(r, d, VALUE_SPAN(c->keys[i]), c->keyed[i]);
        }
        *ret = (struct value){.kind = V_DICT, .dict = d};
        return failed;
}

static int rest_of_places(struct render *r, const struct macro *m, const struct call *c,
                          struct value *ret)
{
        uint32_t n_parameters = m->function->n_parameters;
        size_t n_rest = c->n > n_parameters ? c->n - n_parameters : 0;
        struct span name = macro_name(m);
        int failed;

        if (m->function->slot_varargs == NO_SLOT)
                return n_rest ? render_fail(r, "macro '%.*s' takes not more than %u argument(s)",
                                            (int)name.n, name.at, n_parameters)
                              : 0;
        failed = value_list(r, V_TUPLE, n_rest, ret);
        for (size_t i = 0; i < n_rest && !failed; i++)
                failed = list_add(r, ret->list, c->at[n_parameters + i]);
        return failed;
}

static struct value take_keyword(const struct call *c, struct span name)
{
        for (size_t i = 0; i < c->n_keyed; i++)
                if (span_is_equal(c->keys[i], name)) {
                        struct value v = c->keyed[i];

                        c->keyed[i] = VALUE_MISSING;
                        return v;
                }
        return VALUE_MISSING;
}

/* slots: of the macro about to run. The call's keywords are used up. */
static int bind(struct render *r, const struct macro *m, const struct call *c, struct value *slots)
{
        const struct function *f = m->function;
        struct value *caller = f->slot_caller == NO_SLOT ? NULL : &slots[f->slot_caller], rest;
        const struct node *p = f->parameters;
        int failed = 0;

        for (uint32_t i = 0; i < f->n_parameters; i++, p = p->next)
                slots[i] = i < c->n ? c->at[i] : take_keyword(c, p->name);
        if (caller) {
                *caller = take_keyword(c, SPAN("caller"));
                if (caller->kind == V_MISSING || caller->kind == V_NONE)
                        failed = value_undefined(r, "No caller defined", NULL, VALUE_NONE, caller);
        }
        if (!failed)
                failed = rest_of_keywords(r, m, c, &rest);
        if (!failed && f->slot_kwargs != NO_SLOT)
                slots[f->slot_kwargs] = rest;
        if (!failed)
                failed = rest_of_places(r, m, c, &rest);
        if (!failed && f->slot_varargs != NO_SLOT)
                slots[f->slot_varargs] = rest;
        return failed;
}

static int not_provided(struct render *r, struct span name, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct value hint;
        int failed;

        buf_init(&b, 0);
        buf_printf(&b, "parameter '%.*s' was not provided", (int)MIN2(name.n, 60u), name.at);
        failed = value_text_take(r, &b, &hint); /* terminated: the arena's copies are */
        return failed ? failed : value_undefined(r, hint.text.at, NULL, VALUE_SPAN(name), ret);
}

static int set_defaults(struct render *r, const struct function *f)
{
        struct value *slots = r->frame->slots;
        const struct node *p = f->parameters;
        int failed = 0;

        for (uint32_t i = 0; i < f->n_parameters && !failed; i++, p = p->next) {
                if (slots[i].kind != V_MISSING)
                        continue;
                failed =
                        p->left ? eval(r, p->left, &slots[i]) : not_provided(r, p->name, &slots[i]);
        }
        return failed;
}

int macro_run(struct render *r, const struct macro *m, const struct call *c)
{
        const struct function *f = m->function;
        struct entered entered;
        struct activation *a;
        int failed = function_prepare(r, f, m->outer, m->outer->space, &entered, &a);

        if (!failed)
                failed = bind(r, m, c, a->slots);
        if (!failed)
                failed = function_enter(r, a, &entered);
        if (failed)
                return failed;
        failed = render_enter_frame(r, f->frame);
        if (!failed)
                failed = set_defaults(r, f);
        if (!failed)
                failed = render_body(r, f->body);
        function_leave(r, &entered);
        return failed;
}

int macro_attribute(struct render *r, const struct macro *m, struct span name, struct value *ret)
{
        const struct function *f = m->function;
        const struct node *p = f->parameters;
        int failed = 0;

        *ret = VALUE_MISSING;
        if (span_is_equal(name, SPAN("name"))) {
                *ret = f->name.at ? VALUE_SPAN(f->name) : VALUE_NONE;
        } else if (span_is_equal(name, SPAN("catch_kwargs"))) {
                *ret = VALUE_BOOL(f->slot_kwargs != NO_SLOT);
        } else if (span_is_equal(name, SPAN("catch_varargs"))) {
                *ret = VALUE_BOOL(f->slot_varargs != NO_SLOT);
        } else if (span_is_equal(name, SPAN("caller"))) {
                *ret = VALUE_BOOL(f->has_caller);
        } else if (span_is_equal(name, SPAN("arguments"))) {
                failed = value_list(r, V_TUPLE, f->n_parameters, ret);
                for (uint32_t i = 0; i < f->n_parameters && !failed; i++, p = p->next)
                        failed = list_add(r, ret->list, VALUE_SPAN(p->name));
        }
        return failed;
}

/* The value that a target has, as the loop's filter hands it on. */
static int read_target(struct render *r, const struct node *target, struct value *ret)
{
        struct value v;
        int failed;

        if (target->kind == N_NAME) {
                *ret = r->frame->slots[target->place.slot];
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

static int next_that_passes(struct render *r, struct iter *it, struct value *ret)
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

/* for … in … if test: a generator with variables of its own, among those of the loop's function. */
static int next_filtered(struct render *r, struct iter *it, struct value *ret)
{
        struct activation *before = r->frame;
        int failed;

        r->frame = it->frame;
        failed = next_that_passes(r, it, ret);
        r->frame = before;
        return failed;
}

static int open_loop(struct render *r, const struct node *n, struct loop *l)
{
        struct iter *filtered;
        int failed = iter_open(r, l->over, &l->items);

        if (failed || !n->test)
                return failed;
        failed = iter_new(r, "generator", next_filtered, &filtered);
        if (failed)
                return failed;
        filtered->source = l->items;
        filtered->state = n;
        filtered->frame = r->frame;
        l->items = filtered;
        l->over = (struct value){.kind = V_ITER, .iter = filtered};
        return 0;
}

/* l->over is known, and all else is as for one that has not begun. */
static int run_loop(struct render *r, const struct node *n, struct loop *l)
{
        struct value v;
        int failed;

        l->index0 = -1;
        l->length = -1;
        failed = open_loop(r, n, l);
        while (!failed) {
                r->line = n->line;
                r->column = n->column;
                if (n->slot_of_loop != NO_SLOT)
                        failed = loop_next(r, l, &v);
                else
                        failed = iter_next(r, l->items, &v);
                if (failed || v.kind == V_MISSING)
                        break;
                if (n->slot_of_loop != NO_SLOT)
                        r->frame->slots[n->slot_of_loop] =
                                (struct value){.kind = V_LOOP, .loop = l};
                else
                        l->index0++;
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

/* One level of a recursive loop. */
static int run_level(struct render *r, struct loop *l)
{
        struct entered entered;
        struct activation *a;
        int failed =
                function_prepare(r, l->node->function, l->outer, l->outer->space, &entered, &a);

        if (!failed)
                failed = function_enter(r, a, &entered);
        if (failed)
                return failed;
        a->extension = l->extension;
        failed = run_loop(r, l->node, l);
        function_leave(r, &entered);
        return failed;
}

int loop_start(struct render *r, const struct node *n)
{
        struct loop *l = arena_alloc(&r->arena, sizeof(*l));
        int failed;

        if (!l)
                return render_no_room(r);
        failed = n->left->kind == N_LIST && n->left->is_plain ? eval_once(r, n->left, &l->over)
                                                              : eval(r, n->left, &l->over);
        if (failed)
                return failed;
        if (!(n->flags & NODE_RECURSIVE))
                return run_loop(r, n, l);
        l->node = n;
        l->outer = r->frame;
        l->extension = r->frame->extension;
        return run_level(r, l);
}

int loop_again(struct render *r, const struct loop *l, const struct call *c)
{
        struct loop *inner = arena_alloc(&r->arena, sizeof(*inner));
        bool is_by_name = c->n_keyed == 1 && span_is_equal(c->keys[0], SPAN("iterable"));

        if (!inner)
                return render_no_room(r);
        if (c->n + c->n_keyed != 1 || (c->n_keyed && !is_by_name))
                return render_fail(r, "loop() takes one argument: what it is to run over");
        if (!l->node)
                return render_fail(r, "The loop must have the 'recursive' marker to be called "
                                      "recursively.");
        inner->over = c->n ? c->at[0] : c->keyed[0];
        inner->node = l->node;
        inner->outer = l->outer;
        inner->extension = l->extension;
        inner->depth0 = l->depth0 + 1;
        return run_level(r, inner);
}
