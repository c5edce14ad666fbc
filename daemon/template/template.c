#include "daemon/template/template.h"

#include "daemon/template/render.h"
#include "daemon/template/set.h"

int template_compile(const char *name, struct span source, struct template **ret,
                     struct diag *ret_diag)
{
        _cleanup_(template_set_unrefp) struct template_set *set = NULL;
        const char *where;
        int r = template_set_new(&set);

        *ret_diag = (struct diag){0};
        if (!r)
                r = template_set_add(set, name, source);
        return r ? r : template_set_compile(set, name, ret, &where, ret_diag);
}

struct template *template_free(struct template *t)
{
        if (!t)
                return NULL;
        template_set_unref(t->set);
        free(t->units);
        free(t);
        return NULL;
}

int template_render(const struct template *t, const json_t *context, struct buf *out,
                    struct diag *ret_diag)
{
        struct buf text;
        struct render r = {.set = t->set,
                           .entry = t->unit,
                           .context = context,
                           .out = &text,
                           .diag = ret_diag};
        struct space *space;
        int failed;

        *ret_diag = (struct diag){0};
        buf_init(&text, TEMPLATE_MAX_OUTPUT_BYTES);
        buf_init(&r.inside, TEMPLATE_MAX_OUTPUT_BYTES);
        arena_init(&r.arena, RENDER_MAX_BYTES);
        failed = space_new(&r, t->unit, &space);
        if (!failed)
                failed = root_run(&r, t->unit, space);
        if (!failed)
                failed = buf_add_span(out, buf_span(&text));
        arena_done(&r.arena);
        buf_done(&r.inside);
        buf_done(&text);
        return failed;
}

void template_hash(const struct template *t, struct hash *ret)
{
        *ret = t->hash;
}

const char *template_name(const struct template *t)
{
        return t->name;
}

size_t template_fixed_bytes(const struct template *t)
{
        return t->n_fixed;
}
