/* Templates made of templates: includes, imports, inheritance. */

#include <stdio.h>

#include "daemon/template/render.h"

int space_new(struct render *r, const struct unit *unit, struct space **ret)
{
        struct space *s = arena_alloc(&r->arena, sizeof(*s));

        if (!s)
                return render_no_room(r);
        s->unit = unit;
        for (const struct function *f = unit->blocks; f; f = f->next) {
                struct stack *stack = arena_alloc(&r->arena, sizeof(*stack));
                struct layer *layer = arena_alloc(&r->arena, sizeof(*layer));

                if (!stack || !layer)
                        return render_no_room(r);
                layer->function = f;
                *stack = (struct stack){.name = f->name, .first = layer, .next = s->blocks};
                s->blocks = stack;
        }
        *ret = s;
        return 0;
}

static struct stack *find_stack(const struct space *s, struct span name)
{
        struct stack *i = s->blocks;

        while (i && !span_is_equal(i->name, name))
                i = i->next;
        return i;
}

static int copy_dict(struct render *r, struct dict *to, const struct dict *from)
{
        int failed = 0;

        for (size_t i = 0; i < from->n && !failed; i++)
                failed = dict_set(r, to, from->pairs[i].key, from->pairs[i].item);
        return failed;
}

/* What the running function knows, for one that sees it. */
static int hand_on(struct render *r, const struct locals *locals, struct space *to)
{
        const struct space *from = r->frame->space;
        int failed = 0;

        to->is_bare = from->is_bare;
        if (from->vars.n == 0 && locals->n == 0) {
                to->around = from->around; /* which does not change any more */
                return 0;
        }
        failed = copy_dict(r, &to->around, &from->around);
        if (!failed)
                failed = copy_dict(r, &to->around, &from->vars);
        for (size_t i = 0; i < locals->n && !failed; i++) {
                struct value v = *variable_at(r, locals->at[i].place);

                if (v.kind != V_MISSING)
                        failed = dict_set(r, &to->around, VALUE_SPAN(locals->at[i].name), v);
        }
        return failed;
}

int space_set(struct render *r, struct span name, struct value v, bool is_exported)
{
        struct space *s = r->frame->space;
        int failed;

        failed = dict_set(r, &s->vars, VALUE_SPAN(name), v);
        if (!failed && name.n && name.at[0] != '_')
                failed = dict_set(r, &s->exported, VALUE_SPAN(name), VALUE_BOOL(is_exported));
        return failed;
}

int root_run(struct render *r, const struct unit *unit, struct space *space)
{
        const struct function *f = &unit->root;
        struct extension *extension = arena_alloc(&r->arena, sizeof(*extension));
        struct entered entered;
        struct activation *a;
        int failed = extension ? 0 : render_no_room(r);

        if (!failed)
                failed = function_prepare(r, f, NULL, space, &entered, &a);
        if (!failed)
                failed = function_enter(r, a, &entered);
        if (failed)
                return failed;
        a->extension = extension;
        if (f->slot_self != NO_SLOT)
                a->slots[f->slot_self] = (struct value){.kind = V_SELF, .space = space};
        failed = render_enter_frame(r, f->frame);
        if (!failed)
                failed = render_body(r, f->body);
        if (!failed && extension->unit) {
                r->line = extension->line;
                r->column = extension->column;
                failed = root_run(r, extension->unit, space);
        }
        function_leave(r, &entered);
        return failed;
}

/* CONDITION_ABSENT: there is none of that name. */
static int find_unit(struct render *r, struct value name, const struct unit **ret)
{
        if (name.kind == V_UNDEFINED)
                return value_refuse_undefined(r, name);
        if (name.kind != V_TEXT)
                return render_fail(r, "the name of a template must be a text, not '%s'",
                                   value_type_name(name));
        *ret = template_set_find(r->set, name.text);
        return *ret ? 0 : CONDITION_ABSENT;
}

static int get_unit(struct render *r, struct value name, const struct unit **ret)
{
        int failed = find_unit(r, name, ret);

        if (failed == CONDITION_ABSENT)
                return render_fail(r, "there is no template '%.*s'", (int)MIN2(name.text.n, 100u),
                                   name.text.at);
        return failed;
}

/* The first of a list that exists. */
static int select_unit(struct render *r, struct value names, const struct unit **ret)
{
        struct iter *it;
        struct value name;
        bool is_true;
        int failed = value_truth(r, names, &is_true);

        if (failed || !is_true)
                return failed ? failed : CONDITION_ABSENT;
        failed = iter_open(r, names, &it);
        while (!failed) {
                failed = iter_next(r, it, &name);
                if (failed || name.kind == V_MISSING)
                        break;
                if (name.kind == V_UNDEFINED) /* as if it were missing, there too */
                        continue;
                failed = find_unit(r, name, ret);
                if (failed != CONDITION_ABSENT)
                        return failed;
                failed = 0;
        }
        return failed ? failed : CONDITION_ABSENT;
}

static int find_included(struct render *r, const struct node *n, const struct unit **ret)
{
        struct value name;
        int failed = eval(r, n->left, &name);

        r->line = n->line;
        r->column = n->column;
        if (failed)
                return failed;
        if (name.kind == V_TEXT || name.kind == V_UNDEFINED)
                failed = find_unit(r, name, ret);
        else
                failed = select_unit(r, name, ret);
        if (failed != CONDITION_ABSENT || (n->flags & NODE_IGNORE_MISSING))
                return failed;
        if (name.kind == V_TEXT)
                return get_unit(r, name, ret); /* says it */
        return render_fail(r, "there is none of the templates that are named here");
}

/* Runs it for its text and what it exports. */
static int module_new(struct render *r, const struct unit *unit, struct space *space,
                      struct module **ret)
{
        struct module *m = arena_alloc(&r->arena, sizeof(*m));
        struct capture capture;
        int failed;

        if (!m)
                return render_no_room(r);
        m->unit = unit;
        capture_begin(r, &capture);
        failed = root_run(r, unit, space);
        if (!failed)
                failed = capture_end(r, &capture, &m->text);
        for (size_t i = 0; i < space->exported.n && !failed; i++) {
                struct value v;

                if (!space->exported.pairs[i].item.is_true)
                        continue;
                failed = dict_get(r, &space->vars, space->exported.pairs[i].key, &v);
                if (!failed)
                        failed = dict_set(r, &m->exports, space->exported.pairs[i].key, v);
        }
        *ret = m;
        return failed;
}

/* Without context a template gives the same each time: it runs once. */
static int module_without_context(struct render *r, const struct unit *unit, struct module **ret)
{
        struct space *space;
        int failed;

        for (struct module *i = r->modules; i; i = i->next)
                if (i->unit == unit) {
                        *ret = i;
                        return 0;
                }
        failed = space_new(r, unit, &space);
        if (failed)
                return failed;
        space->is_bare = true;
        failed = module_new(r, unit, space, ret);
        if (failed)
                return failed;
        (*ret)->next = r->modules;
        r->modules = *ret;
        return 0;
}

int render_include(struct render *r, const struct node *n)
{
        const struct unit *unit = NULL;
        struct module *module;
        struct space *space;
        int failed = find_included(r, n, &unit);

        if (failed)
                return failed == CONDITION_ABSENT ? 0 : failed;
        if (!(n->flags & NODE_WITH_CONTEXT)) {
                failed = module_without_context(r, unit, &module);
                return failed ? failed : value_write(r, module->text, r->out);
        }
        failed = space_new(r, unit, &space);
        if (!failed)
                failed = hand_on(r, n->locals, space);
        return failed ? failed : root_run(r, unit, space);
}

static int import(struct render *r, const struct node *n, struct module **ret)
{
        const struct unit *unit = NULL;
        struct space *space;
        struct value name;
        int failed = eval(r, n->left, &name);

        r->line = n->line;
        r->column = n->column;
        if (!failed)
                failed = get_unit(r, name, &unit);
        if (failed)
                return failed;
        if (!(n->flags & NODE_WITH_CONTEXT))
                return module_without_context(r, unit, ret);
        failed = space_new(r, unit, &space);
        if (!failed)
                failed = hand_on(r, n->locals, space);
        return failed ? failed : module_new(r, unit, space, ret);
}

int render_import(struct render *r, const struct node *n)
{
        struct value v = {.kind = V_MODULE};
        int failed = import(r, n, &v.module);

        if (failed)
                return failed;
        *variable_at(r, n->target->place) = v;
        return n->flags & NODE_TOP ? space_set(r, n->target->name, v, false) : 0;
}

static int not_exported(struct render *r, const struct module *m, const struct node *alias,
                        struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct value hint;
        int failed;

        buf_init(&b, 0);
        buf_printf(&b, "the template '%.60s' does not export the name '%.*s'", m->unit->name,
                   (int)MIN2(alias->text.n, 60u), alias->text.at);
        failed = value_text_take(r, &b, &hint);
        return failed ? failed
                      : value_undefined(r, hint.text.at, NULL, VALUE_SPAN(alias->text), ret);
}

int render_from(struct render *r, const struct node *n)
{
        struct module *m;
        int failed = import(r, n, &m);

        for (const struct node *i = n->items.first; i && !failed; i = i->next) {
                struct value v;

                failed = dict_get(r, &m->exports, VALUE_SPAN(i->text), &v);
                if (!failed && v.kind == V_MISSING)
                        failed = not_exported(r, m, i, &v);
                if (failed)
                        return failed;
                *variable_at(r, i->place) = v;
                if (n->flags & NODE_TOP)
                        failed = space_set(r, i->name, v, false);
        }
        return failed;
}

static int add_layer(struct render *r, struct space *space, const struct function *f)
{
        struct stack *stack = find_stack(space, f->name);
        struct layer *layer = arena_alloc(&r->arena, sizeof(*layer)), **at;

        if (!layer)
                return render_no_room(r);
        layer->function = f;
        if (!stack) {
                stack = arena_alloc(&r->arena, sizeof(*stack));
                if (!stack)
                        return render_no_room(r);
                *stack = (struct stack){.name = f->name, .next = space->blocks};
                space->blocks = stack;
        }
        for (at = &stack->first; *at; at = &(*at)->next)
                ;
        *at = layer;
        return 0;
}

int render_extends(struct render *r, const struct node *n)
{
        struct extension *extension = r->frame->extension;
        const struct unit *unit = NULL;
        struct value name;
        int failed;

        if (extension->unit)
                return render_fail(r, "extended multiple times");
        failed = eval(r, n->left, &name);
        r->line = n->line;
        r->column = n->column;
        if (!failed)
                failed = get_unit(r, name, &unit);
        if (failed)
                return failed;
        for (const struct function *f = unit->blocks; f && !failed; f = f->next)
                failed = add_layer(r, r->frame->space, f);
        *extension = (struct extension){.unit = unit, .line = n->line, .column = n->column};
        return failed;
}

static int no_parent_block(struct render *r, struct span name, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct value hint;
        int failed;

        buf_init(&b, 0);
        buf_printf(&b, "there is no parent block called '%.*s'", (int)MIN2(name.n, 60u), name.at);
        failed = value_text_take(r, &b, &hint);
        return failed ? failed : value_undefined(r, hint.text.at, NULL, VALUE_TEXT("super"), ret);
}

/* layer: NULL gives what is undefined. */
static int reference_block(struct render *r, struct span name, const struct layer *layer,
                           struct space *space, struct value *ret)
{
        struct block_reference *b;

        if (!layer)
                return no_parent_block(r, name, ret);
        b = arena_alloc(&r->arena, sizeof(*b));
        if (!b)
                return render_no_room(r);
        *b = (struct block_reference){.name = name, .layer = layer, .space = space};
        *ret = (struct value){.kind = V_BLOCK, .block = b};
        return 0;
}

int block_run(struct render *r, const struct block_reference *b)
{
        const struct function *f = b->layer->function;
        struct entered entered;
        struct activation *a;
        int failed = function_prepare(r, f, NULL, b->space, &entered, &a);

        if (!failed && f->slot_self != NO_SLOT)
                a->slots[f->slot_self] = (struct value){.kind = V_SELF, .space = b->space};
        if (!failed && f->slot_super != NO_SLOT)
                failed = reference_block(r, b->name, b->layer->next, b->space,
                                         &a->slots[f->slot_super]);
        if (!failed)
                failed = function_enter(r, a, &entered);
        if (failed)
                return failed;
        failed = render_enter_frame(r, f->frame);
        if (!failed)
                failed = render_body(r, f->body);
        function_leave(r, &entered);
        return failed;
}

int render_block(struct render *r, const struct node *n)
{
        struct space *space = r->frame->space;
        const struct stack *stack = find_stack(space, n->name);
        struct block_reference b = {.name = n->name, .space = space};
        int failed = 0;

        if (!stack)
                return render_fail(r, "the block '%.*s' is not one of this template's",
                                   (int)MIN2(n->name.n, 60u), n->name.at);
        if ((n->flags & NODE_REQUIRED) && !stack->first->next)
                return render_fail(r, "Required block '%.*s' not found", (int)MIN2(n->name.n, 60u),
                                   n->name.at);
        b.layer = stack->first;
        if (n->flags & NODE_SCOPED) {
                b.space = arena_alloc(&r->arena, sizeof(*b.space));
                if (!b.space)
                        return render_no_room(r);
                b.space->unit = space->unit;
                b.space->blocks = space->blocks;
                failed = hand_on(r, n->locals, b.space);
        }
        return failed ? failed : block_run(r, &b);
}

int block_attribute(struct render *r, const struct block_reference *b, struct span name,
                    struct value *ret)
{
        *ret = span_is_equal(name, SPAN("name")) ? VALUE_SPAN(b->name) : VALUE_MISSING;
        if (!span_is_equal(name, SPAN("super")))
                return 0;
        return reference_block(r, b->name, b->layer->next, b->space, ret);
}

int self_attribute(struct render *r, struct space *space, struct span name, struct value *ret)
{
        const struct stack *stack = find_stack(space, name);

        *ret = VALUE_MISSING;
        return stack ? reference_block(r, name, stack->first, space, ret) : 0;
}
