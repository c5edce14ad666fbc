/* Statements, and the state of a rendering. */

#include "daemon/template/render.h"

#include <stdarg.h>
#include <stdio.h>

#define SITES_SHOWN 4

/* " (reached through b.j2:3:1, a.j2:7:5)": from `from` outwards up to `to`. */
static void add_sites(struct diag *d, const struct site *from, const struct site *to)
{
        size_t n = strlen(d->text), i = 0;

        for (; from != to && n + 1 < sizeof(d->text); from = from->outer, i++) {
                if (i == SITES_SHOWN) {
                        snprintf(d->text + n, sizeof(d->text) - n, ", …");
                        return;
                }
                snprintf(d->text + n, sizeof(d->text) - n, "%s%.60s:%u:%u",
                         i ? ", " : ", reached through ", from->unit->name, from->line,
                         from->column);
                n = strlen(d->text);
        }
}

/* The place is one of the template that was asked for: where it is wrong, or where it leads to what
 * is; then the text begins with the place that is. */
void render_explain(struct render *r, const char *format, ...)
{
        const struct unit *unit = r->frame ? r->frame->function->unit : r->entry;
        const struct site *site = r->site;
        struct diag *d = r->diag;
        size_t n = 0;
        va_list args;

        d->line = r->line;
        d->column = r->column;
        if (unit != r->entry) {
                snprintf(d->text, sizeof(d->text), "%.60s:%u:%u: ", unit->name, r->line, r->column);
                n = strlen(d->text);
                while (site && site->unit != r->entry)
                        site = site->outer;
                d->line = site ? site->line : 0;
                d->column = site ? site->column : 0;
        }
        va_start(args, format);
        vsnprintf(d->text + n, sizeof(d->text) - n, format, args);
        va_end(args);
        add_sites(d, r->site, unit != r->entry ? site : NULL);
        if (unit != r->entry && site)
                add_sites(d, site->outer, NULL);
}

int render_buf_failed(struct render *r, const struct buf *b)
{
        if (b->failed == -EMSGSIZE)
                return render_fail(r, "the text is longer than %zu bytes", b->max_bytes);
        return b->failed;
}

int render_too_many_steps(struct render *r)
{
        return render_fail(r, "the rendering takes more than %u steps", TEMPLATE_MAX_STEPS);
}

int render_too_deep(struct render *r)
{
        return render_fail(r, "nested too deeply");
}

/* A variable of the context is one value in all scopes, however often they are entered. */
static int load(struct render *r, const struct space *space, const struct load *l,
                struct value *ret)
{
        const json_t *json;
        int failed = 0;

        *ret = VALUE_MISSING;
        if (space->vars.n)
                failed = dict_get_hashed(r, (struct dict *)&space->vars, l->name, l->hash, ret);
        if (!failed && ret->kind == V_MISSING && space->around.n)
                failed = dict_get_hashed(r, (struct dict *)&space->around, l->name, l->hash, ret);
        if (!failed && ret->kind == V_MISSING && !space->is_bare)
                failed = dict_get_hashed(r, &r->loaded, l->name, l->hash, ret);
        if (failed || ret->kind != V_MISSING)
                return failed;
        json = space->is_bare ? NULL : json_object_getn(r->context, l->name.at, l->name.n);
        if (json) {
                failed = value_from_json(r, json, ret);
                return failed ? failed : dict_set(r, &r->loaded, VALUE_SPAN(l->name), *ret);
        }
        if (l->global)
                *ret = (struct value){.kind = V_FUNCTION, .function = l->global};
        return 0;
}

int render_load_frame(struct render *r, const struct frame *f)
{
        struct value *slots = r->frame->slots;
        int failed = 0;

        for (size_t i = 0; i < f->n_loads && !failed; i++) {
                const struct load *l = &f->loads[i];

                if (l->kind == LOAD_RESOLVE)
                        failed = load(r, r->frame->space, l, &slots[l->slot]);
                else
                        slots[l->slot] =
                                l->kind == LOAD_ALIAS ? *variable_at(r, l->from) : VALUE_MISSING;
        }
        return failed;
}

static int assign_member(struct render *r, const struct node *n, struct value v)
{
        struct value space = *variable_at(r, n->place);

        r->line = n->line;
        r->column = n->column;
        if (space.kind != V_NAMESPACE)
                return render_fail(r, "cannot assign attribute on non-namespace object");
        return dict_set(r, space.dict, VALUE_SPAN(n->text), v);
}

/* What is unpacked most: a tuple or list of as many elements as there are targets. */
static int assign_each(struct render *r, const struct node *target, const struct list *l)
{
        const struct node *i = target->items.first;
        int failed = 0;

        for (size_t k = 0; k < l->n && !failed; k++, i = i->next)
                failed = render_assign(r, i, l->at[k]);
        return failed;
}

int render_assign(struct render *r, const struct node *target, struct value v)
{
        const struct node *i = target->items.first;
        struct iter *it;
        struct value item;
        int failed;

        if (target->kind == N_NAME) {
                r->frame->slots[target->place.slot] = v;
                return 0;
        }
        if (target->kind == N_MEMBER)
                return assign_member(r, target, v);
        r->line = target->line;
        r->column = target->column;
        if ((v.kind == V_TUPLE || v.kind == V_LIST) && !v.list->pending &&
            v.list->n == target->items.n)
                return assign_each(r, target, v.list);
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

void capture_begin(struct render *r, struct capture *c)
{
        *c = (struct capture){.out = r->out, .at = r->inside.n};
        r->out = &r->inside;
}

int capture_end(struct render *r, const struct capture *c, struct value *ret)
{
        struct span all = buf_span(&r->inside);
        int failed = render_buf_failed(r, &r->inside);

        if (failed)
                return failed;
        failed = value_text_copy(r, (struct span){all.at + c->at, all.n - c->at}, ret);
        r->inside.n = c->at;
        r->out = c->out;
        return failed;
}

/* The text of a body. */
static int capture(struct render *r, const struct node *n, struct value *ret)
{
        struct capture c;
        int failed = render_enter_frame(r, n->frame);

        capture_begin(r, &c);
        if (!failed)
                failed = render_body(r, &n->body);
        return failed ? failed : capture_end(r, &c, ret);
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

/* What is assigned at the top of a template is known to its blocks and to whom it includes. */
static int publish(struct render *r, const struct node *target)
{
        int failed = 0;

        if (target->kind == N_NAME)
                return space_set(r, target->name, r->frame->slots[target->place.slot], true);
        for (const struct node *i = target->items.first; i && !failed; i = i->next)
                failed = publish(r, i);
        return failed;
}

static int render_set(struct render *r, const struct node *n)
{
        struct extension *extension = r->frame->extension;
        struct value v;
        int failed;

        if (n->kind == N_SET) {
                failed = eval(r, n->left, &v);
        } else {
                r->frame->extension = NULL; /* its text counts, even in a template that extends */
                failed = capture(r, n, &v);
                r->frame->extension = extension;
                if (!failed)
                        failed = apply_filters(r, n->right, v, &v);
        }
        if (!failed)
                failed = render_assign(r, n->target, v);
        return failed || !(n->flags & NODE_TOP) ? failed : publish(r, n->target);
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

static int write_text(struct render *r, struct span text)
{
        int failed = render_step(r, text.n);

        return failed ? failed : render_write(r, r->out, text);
}

static int render_print(struct render *r, const struct node *n)
{
        struct value v;
        int failed = 0;

        for (const struct node *i = n->items.first; i && !failed; i = i->next) {
                if (i->kind == N_NAME && variable_at(r, i->place)->kind == V_TEXT) { /* often */
                        r->line = i->line;
                        r->column = i->column;
                        failed = write_text(r, variable_at(r, i->place)->text);
                        continue;
                }
                if (i->kind == N_CALL)
                        failed = eval_function(r, i, VALUE_MISSING, true, &v);
                else
                        failed = eval(r, i, &v);
                r->line = i->line;
                r->column = i->column;
                if (!failed && v.kind == V_TEXT)
                        failed = write_text(r, v.text);
                else if (!failed && v.kind != V_MISSING)
                        failed = value_write(r, v, r->out);
        }
        return failed;
}

static int render_filter_block(struct render *r, const struct node *n)
{
        struct value v;
        int failed = capture(r, n, &v);

        if (!failed)
                failed = apply_filters(r, n->right, v, &v);
        return failed ? failed : value_write(r, v, r->out);
}

static int render_macro(struct render *r, const struct node *n)
{
        struct value v;
        int failed = macro_new(r, n, &v);

        if (failed)
                return failed;
        *variable_at(r, n->place) = v;
        return n->flags & NODE_TOP ? space_set(r, n->name, v, true) : 0;
}

static int render_call_block(struct render *r, const struct node *n)
{
        struct value caller, v;
        int failed = macro_new(r, n, &caller);

        if (!failed)
                failed = eval_function(r, n->left, caller, true, &v);
        return failed || v.kind == V_MISSING ? failed : value_write(r, v, r->out);
}

/* The template's own text is not written once it extends another. */
static bool is_silent(const struct render *r)
{
        return r->frame->extension && r->frame->extension->unit;
}

static int render_statement(struct render *r, const struct node *n)
{
        if (n->kind == N_TEXT) /* as every other one is */
                return is_silent(r) ? 0 : render_write(r, r->out, n->text);
        switch (n->kind) {
        case N_PRINT:
                return is_silent(r) ? 0 : render_print(r, n);
        case N_IF:
                return render_if(r, n);
        case N_FOR:
                return loop_start(r, n);
        case N_SET:
        case N_SET_BLOCK:
                return render_set(r, n);
        case N_WITH:
                return render_with(r, n);
        case N_MACRO:
                return render_macro(r, n);
        case N_CALL_BLOCK:
                return render_call_block(r, n);
        case N_INCLUDE:
                return render_include(r, n);
        case N_IMPORT:
                return render_import(r, n);
        case N_FROM:
                return render_from(r, n);
        case N_EXTENDS:
                return render_extends(r, n);
        case N_BLOCK:
                return (n->flags & NODE_TOP) && is_silent(r) ? 0 : render_block(r, n);
        default: /* N_FILTER_BLOCK */
                return render_filter_block(r, n);
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
