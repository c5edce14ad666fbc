#include "daemon/template/template.h"

#include <stdio.h>

#include "common/str.h"
#include "daemon/template/engine.h"
#include "daemon/template/lexer.h"
#include "daemon/template/parser.h"

#define COMPILE_MAX_BYTES ((size_t)256 << 20) /* of the tree of the largest source */

static int compile(struct template *t, struct span source, struct diag *diag)
{
        struct tokens tokens = {0};
        int r = lexer_run(&t->arena, source, &tokens, diag);

        if (!r)
                r = parser_run(&t->arena, &tokens, &t->body, &t->n_fixed, diag);
        if (!r)
                r = scope_resolve(&t->arena, &t->body, &t->frame, &t->n_slots, diag);
        tokens_done(&tokens);
        return r;
}

int template_compile(const char *name, struct span source, struct template **ret,
                     struct diag *ret_diag)
{
        _cleanup_(template_freep) struct template *t = NULL;
        int r;

        *ret_diag = (struct diag){0};
        if (source.n > TEMPLATE_MAX_BYTES) {
                snprintf(ret_diag->text, sizeof(ret_diag->text),
                         "the template is larger than %u bytes", TEMPLATE_MAX_BYTES);
                return CONDITION_REFUSED;
        }
        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        arena_init(&t->arena, COMPILE_MAX_BYTES);
        t->name = str_dup_span(span_of(name));
        if (!t->name)
                return -ENOMEM;
        hash_of(source.at, source.n, &t->hash);
        r = compile(t, source, ret_diag);
        if (r)
                return r;
        *ret = take(t);
        return 0;
}

struct template *template_free(struct template *t)
{
        if (!t)
                return NULL;
        arena_done(&t->arena);
        free(t->name);
        free(t);
        return NULL;
}

int template_render(const struct template *t, const json_t *context, struct buf *out,
                    struct diag *ret_diag)
{
        struct buf text;
        struct render r = {.template = t, .context = context, .out = &text, .diag = ret_diag};
        int failed = 0;

        *ret_diag = (struct diag){0};
        buf_init(&text, TEMPLATE_MAX_OUTPUT_BYTES);
        arena_init(&r.arena, RENDER_MAX_BYTES);
        r.slots = arena_alloc(&r.arena, MAX2(t->n_slots, 1u) * sizeof(*r.slots));
        if (!r.slots)
                failed = render_no_room(&r);
        if (!failed)
                failed = render_enter_frame(&r, t->frame);
        if (!failed)
                failed = render_body(&r, &t->body);
        if (!failed)
                failed = buf_add_span(out, buf_span(&text));
        arena_done(&r.arena);
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
