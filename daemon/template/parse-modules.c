/* Statements that make a template of parts: macros and calls of them, includes, imports,
 * inheritance. */

#include "daemon/template/parser-internal.h"
#include "daemon/template/unicode.h"

static int parse_signature(struct parser *p, struct node *n)
{
        struct node *parameter;
        bool has_defaults = false;
        int r = parse_expect(p, T_LPAREN);

        while (!r && !at_kind(p, T_RPAREN)) {
                const struct token *t;

                if (n->items.n)
                        r = parse_expect(p, T_COMMA);
                t = p->at;
                if (!r)
                        r = node_new(p, N_PARAMETER, t, &parameter);
                if (!r)
                        r = parse_target_name(p, &parameter->name);
                if (r)
                        return r;
                if (parse_skip(p, T_ASSIGN)) {
                        has_defaults = true;
                        r = parse_expression(p, true, &parameter->left);
                        if (!r)
                                r = node_above(p, parameter, parameter->left);
                } else if (has_defaults) {
                        return parse_fail(p, t, "non-default argument follows default argument");
                }
                if (!r)
                        r = node_append(p, n, parameter);
        }
        return r ? r : parse_expect(p, T_RPAREN);
}

int parse_macro(struct parser *p, struct node **ret)
{
        static const char *const ends[] = {"endmacro", NULL};
        struct node *n;
        int r = node_new(p, N_MACRO, p->at, &n);

        parse_next(p);
        if (!r)
                r = parse_target_name(p, &n->name);
        if (!r)
                r = parse_signature(p, n);
        if (!r)
                r = parse_statements(p, ends, &n->body);
        if (!r)
                r = parse_expect_name(p, "endmacro");
        *ret = n;
        return r;
}

int parse_call_block(struct parser *p, struct node **ret)
{
        static const char *const ends[] = {"endcall", NULL};
        const struct token *t = p->at;
        struct node *n;
        int r = node_new(p, N_CALL_BLOCK, t, &n);

        parse_next(p);
        if (!r && at_kind(p, T_LPAREN))
                r = parse_signature(p, n);
        if (!r)
                r = parse_expression(p, true, &n->left);
        if (!r && n->left->kind != N_CALL)
                return parse_fail(p, t, "expected call");
        for (const struct node *i = r ? NULL : n->left->items.first; i; i = i->next)
                if (i->kind == N_KEYWORD && span_is_equal(i->name, SPAN("caller")))
                        return parse_fail(p, t, "keyword argument repeated: caller");
        if (!r)
                r = parse_statements(p, ends, &n->body);
        if (!r)
                r = parse_expect_name(p, "endcall");
        *ret = n;
        return r;
}

static int add_reference(struct parser *p, const struct node *name, bool is_optional)
{
        struct reference *ref;

        if (name->kind != N_CONST || name->constant.kind != V_TEXT) {
                p->references->has_computed = true;
                return 0;
        }
        ref = arena_alloc(p->arena, sizeof(*ref));
        if (!ref)
                return parse_no_room(p);
        *ref = (struct reference){.next = p->references->first,
                                  .name = name->constant.text,
                                  .line = name->line,
                                  .column = name->column,
                                  .is_optional = is_optional};
        p->references->first = ref;
        return 0;
}

/* The names in n->left: one, or for an include a list of which the first that exists is taken. */
static int add_references(struct parser *p, const struct node *n)
{
        bool is_optional = n->flags & NODE_IGNORE_MISSING;
        int r = 0;

        if (n->kind != N_INCLUDE || (n->left->kind != N_LIST && n->left->kind != N_TUPLE))
                return add_reference(p, n->left, is_optional);
        for (const struct node *i = n->left->items.first; i && !r; i = i->next)
                r = add_reference(p, i, true);
        return r;
}

/* "with context" or "without context", if it stands here. */
static bool parse_context(struct parser *p, struct node *n)
{
        bool is_with = at_name(p, "with");

        if (!is_with && !at_name(p, "without"))
                return false;
        if (p->at[1].kind != T_NAME || !span_is_equal(p->at[1].text, SPAN("context")))
                return false;
        p->at += 2;
        n->flags &= ~(unsigned)NODE_WITH_CONTEXT;
        n->flags |= is_with ? NODE_WITH_CONTEXT : 0;
        return true;
}

int parse_include(struct parser *p, struct node **ret)
{
        struct node *n;
        int r = node_new(p, N_INCLUDE, p->at, &n);

        parse_next(p);
        if (!r)
                r = parse_expression(p, true, &n->left);
        if (r)
                return r;
        n->flags |= NODE_WITH_CONTEXT;
        if (at_name(p, "ignore") && p->at[1].kind == T_NAME &&
            span_is_equal(p->at[1].text, SPAN("missing"))) {
                p->at += 2;
                n->flags |= NODE_IGNORE_MISSING;
        }
        parse_context(p, n);
        *ret = n;
        return add_references(p, n);
}

int parse_import(struct parser *p, struct node **ret)
{
        struct node *n;
        int r = node_new(p, N_IMPORT, p->at, &n);

        parse_next(p);
        if (!r)
                r = parse_expression(p, true, &n->left);
        if (!r)
                r = parse_expect_name(p, "as");
        if (!r)
                r = node_new(p, N_NAME, p->at, &n->target);
        if (!r)
                r = parse_target_name(p, &n->target->name);
        if (r)
                return r;
        parse_context(p, n);
        *ret = n;
        return add_references(p, n);
}

static int parse_alias(struct parser *p, struct node *n)
{
        const struct token *t = p->at;
        struct node *alias;
        int r = node_new(p, N_ALIAS, t, &alias);

        if (!r)
                r = parse_target_name(p, &alias->text);
        if (!r && alias->text.at[0] == '_')
                return parse_fail(p, t, "names starting with an underline can not be imported");
        if (r)
                return r;
        alias->name = alias->text;
        if (parse_skip_name(p, "as"))
                r = parse_target_name(p, &alias->name);
        return r ? r : node_append(p, n, alias);
}

int parse_from(struct parser *p, struct node **ret)
{
        struct node *n;
        int r = node_new(p, N_FROM, p->at, &n);

        parse_next(p);
        if (!r)
                r = parse_expression(p, true, &n->left);
        if (!r)
                r = parse_expect_name(p, "import");
        while (!r) {
                if (n->items.n)
                        r = parse_expect(p, T_COMMA);
                if (r || parse_context(p, n))
                        break;
                r = parse_alias(p, n);
                if (r || parse_context(p, n) || !at_kind(p, T_COMMA))
                        break;
        }
        *ret = n;
        return r ? r : add_references(p, n);
}

int parse_extends(struct parser *p, struct node **ret)
{
        struct node *n;
        int r = node_new(p, N_EXTENDS, p->at, &n);

        parse_next(p);
        if (!r)
                r = parse_expression(p, true, &n->left);
        *ret = n;
        return r ? r : add_references(p, n);
}

/* A required block is to be filled by those who extend. */
static bool is_blank(const struct node_list *body)
{
        for (const struct node *n = body->first; n; n = n->next)
                if (n->kind != N_TEXT || unicode_trim(n->text, true, false).n)
                        return false;
        return true;
}

int parse_block(struct parser *p, struct node **ret)
{
        static const char *const ends[] = {"endblock", NULL};
        const struct token *t = p->at;
        struct node *n;
        int r = node_new(p, N_BLOCK, t, &n);

        parse_next(p);
        if (!r && !at_kind(p, T_NAME))
                r = parse_expect(p, T_NAME);
        if (r)
                return r;
        n->name = p->at->text;
        parse_next(p);
        if (parse_skip_name(p, "scoped"))
                n->flags |= NODE_SCOPED;
        if (parse_skip_name(p, "required"))
                n->flags |= NODE_REQUIRED;
        if (at_kind(p, T_SUB))
                return parse_fail(p, p->at,
                                  "the name of a block may not have hyphens: use an underscore");
        r = parse_statements(p, ends, &n->body);
        if (!r && (n->flags & NODE_REQUIRED) && !is_blank(&n->body))
                return parse_fail(p, t, "required blocks can only contain comments or whitespace");
        if (!r)
                r = parse_expect_name(p, "endblock");
        if (!r && at_kind(p, T_NAME) && span_is_equal(p->at->text, n->name))
                parse_next(p);
        *ret = n;
        return r;
}
