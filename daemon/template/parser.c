#include "daemon/template/parser.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/template/arena.h"
#include "daemon/template/parser-internal.h"

static void _printf_(3, 0)
        write_diag(struct parser *p, const struct token *at, const char *format, va_list args)
{
        p->diag->line = at->line;
        p->diag->column = at->column;
        vsnprintf(p->diag->text, sizeof(p->diag->text), format, args);
}

int parse_fail(struct parser *p, const struct token *at, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        write_diag(p, at, format, args);
        va_end(args);
        return CONDITION_REFUSED;
}

int parse_mistake(struct parser *p, const struct token *at, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        write_diag(p, at, format, args);
        va_end(args);
        return report_fault(p->report, p->diag) ? 0 : CONDITION_REFUSED;
}

int parse_no_room(struct parser *p)
{
        return p->arena->is_over ? parse_fail(p, p->at, "the template is too large") : -ENOMEM;
}

int parse_enter(struct parser *p)
{
        if (++p->depth > 2 * TEMPLATE_MAX_DEPTH) /* a bracket is two of them */
                return parse_fail(p, p->at, "nested too deeply");
        return 0;
}

int node_new(struct parser *p, enum node_kind kind, const struct token *at, struct node **ret)
{
        struct node *n = arena_alloc(p->arena, sizeof(*n));

        if (!n)
                return parse_no_room(p);
        n->kind = kind;
        n->line = at->line;
        n->column = at->column;
        n->height = 1;
        *ret = n;
        return 0;
}

int node_above(struct parser *p, struct node *parent, const struct node *child)
{
        parent->height = MAX2(parent->height, child->height + 1);
        if (parent->height > PARSER_MAX_HEIGHT)
                return parse_fail(p, p->at, "the expression is too long");
        return 0;
}

static void list_append(struct node_list *list, struct node *n)
{
        if (list->last)
                list->last->next = n;
        else
                list->first = n;
        list->last = n;
        list->n++;
}

int node_append(struct parser *p, struct node *parent, struct node *child)
{
        list_append(&parent->items, child);
        return node_above(p, parent, child);
}

bool at_name(const struct parser *p, const char *name)
{
        return p->at->kind == T_NAME && span_is_equal(p->at->text, span_of(name));
}

void parse_next(struct parser *p)
{
        if (p->at->kind != T_EOF)
                p->at++;
}

bool parse_skip(struct parser *p, enum token_kind kind)
{
        if (!at_kind(p, kind))
                return false;
        parse_next(p);
        return true;
}

bool parse_skip_name(struct parser *p, const char *name)
{
        if (!at_name(p, name))
                return false;
        parse_next(p);
        return true;
}

static int fail_expected(struct parser *p, const char *what)
{
        const struct token *t = p->at;

        if (t->kind == T_EOF)
                return parse_fail(p, t, "unexpected end of template, expected '%s'", what);
        if (t->kind == T_NAME)
                return parse_fail(p, t, "expected token '%s', got '%.*s'", what,
                                  (int)MIN2(t->text.n, 60u), t->text.at);
        return parse_fail(p, t, "expected token '%s', got '%s'", what, token_describe(t->kind));
}

int parse_expect(struct parser *p, enum token_kind kind)
{
        return parse_skip(p, kind) ? 0 : fail_expected(p, token_describe(kind));
}

int parse_expect_name(struct parser *p, const char *name)
{
        return parse_skip_name(p, name) ? 0 : fail_expected(p, name);
}

static const char *at_end_name(const struct parser *p, const char *const *ends)
{
        for (; ends && *ends; ends++)
                if (at_name(p, *ends))
                        return *ends;
        return NULL;
}

static int parse_if(struct parser *p, struct node **ret)
{
        static const char *const ends[] = {"elif", "else", "endif", NULL};
        static const char *const ends_of_else[] = {"endif", NULL};
        struct node *n, *branch;
        const struct token *t = p->at;
        int r = node_new(p, N_IF, t, &n);

        parse_next(p); /* if */
        while (!r) {
                r = node_new(p, N_BRANCH, t, &branch);
                if (!r)
                        r = parse_tuple(p, TUPLE_NO_CONDITION, NULL, &branch->test);
                if (!r)
                        r = parse_statements(p, ends, &branch->body);
                if (!r)
                        r = node_append(p, n, branch);
                t = p->at;
                if (r || !parse_skip_name(p, "elif"))
                        break;
        }
        if (!r && parse_skip_name(p, "else")) {
                r = node_new(p, N_BRANCH, t, &branch);
                if (!r)
                        r = parse_statements(p, ends_of_else, &branch->body);
                if (!r)
                        r = node_append(p, n, branch);
        }
        if (!r)
                r = parse_expect_name(p, "endif");
        *ret = n;
        return r;
}

static int parse_for(struct parser *p, struct node **ret)
{
        static const char *const ends[] = {"endfor", "else", NULL};
        static const char *const ends_of_else[] = {"endfor", NULL};
        struct node *n = NULL;
        int r = node_new(p, N_FOR, p->at, &n);

        parse_next(p);
        if (!r)
                r = parse_target(p, "in", false, &n->target);
        if (!r)
                r = parse_expect_name(p, "in");
        if (!r)
                r = parse_tuple(p, TUPLE_NO_CONDITION, "recursive", &n->left);
        if (!r && parse_skip_name(p, "if"))
                r = parse_expression(p, true, &n->test);
        if (!r && parse_skip_name(p, "recursive"))
                n->flags |= NODE_RECURSIVE;
        if (!r)
                r = parse_statements(p, ends, &n->body);
        if (!r && parse_skip_name(p, "else"))
                r = parse_statements(p, ends_of_else, &n->otherwise);
        if (!r)
                r = parse_expect_name(p, "endfor");
        *ret = n;
        return r;
}

static int parse_set(struct parser *p, struct node **ret)
{
        static const char *const ends[] = {"endset", NULL};
        const struct token *t = p->at;
        struct node *n, *target;
        int r;

        parse_next(p);
        r = parse_target(p, NULL, true, &target);
        if (r)
                return r;
        if (parse_skip(p, T_ASSIGN)) {
                r = node_new(p, N_SET, t, &n);
                if (!r)
                        r = parse_tuple(p, 0, NULL, &n->left);
        } else {
                r = node_new(p, N_SET_BLOCK, t, &n);
                if (!r)
                        r = parse_filters(p, NULL, false, &n->right);
                if (!r)
                        r = parse_statements(p, ends, &n->body);
                if (!r)
                        r = parse_expect_name(p, "endset");
        }
        if (r)
                return r;
        n->target = target;
        *ret = n;
        return 0;
}

static int parse_with(struct parser *p, struct node **ret)
{
        static const char *const ends[] = {"endwith", NULL};
        struct node *n, *target, *value;
        int r = node_new(p, N_WITH, p->at, &n);

        parse_next(p);
        while (!r && !at_kind(p, T_BLOCK_END)) {
                if (n->items.n)
                        r = parse_expect(p, T_COMMA);
                if (!r)
                        r = parse_target(p, NULL, false, &target);
                if (!r)
                        r = parse_expect(p, T_ASSIGN);
                if (!r)
                        r = parse_expression(p, true, &value);
                if (!r)
                        r = node_append(p, n, target);
                if (!r)
                        r = node_append(p, n, value);
        }
        if (!r)
                r = parse_statements(p, ends, &n->body);
        if (!r)
                r = parse_expect_name(p, "endwith");
        *ret = n;
        return r;
}

static int parse_filter_block(struct parser *p, struct node **ret)
{
        static const char *const ends[] = {"endfilter", NULL};
        struct node *n = NULL;
        int r = node_new(p, N_FILTER_BLOCK, p->at, &n);

        parse_next(p);
        if (!r)
                r = parse_filters(p, NULL, true, &n->right);
        if (!r)
                r = parse_statements(p, ends, &n->body);
        if (!r)
                r = parse_expect_name(p, "endfilter");
        *ret = n;
        return r;
}

static int parse_print(struct parser *p, struct node **ret)
{
        struct node *n, *item;
        int r = node_new(p, N_PRINT, p->at, &n);

        parse_next(p);
        while (!r && !at_kind(p, T_BLOCK_END)) {
                if (n->items.n)
                        r = parse_expect(p, T_COMMA);
                if (!r)
                        r = parse_expression(p, true, &item);
                if (!r)
                        r = node_append(p, n, item);
        }
        *ret = n;
        return r;
}

/* One row per statement. */
static const struct {
        const char *name;
        int (*parse)(struct parser *p,
                     struct node **ret); /* from the name to before the end of the tag */
} statements[] = {
        {"block", parse_block},     {"call", parse_call_block},
        {"extends", parse_extends}, {"filter", parse_filter_block},
        {"for", parse_for},         {"from", parse_from},
        {"if", parse_if},           {"import", parse_import},
        {"include", parse_include}, {"macro", parse_macro},
        {"print", parse_print},     {"set", parse_set},
        {"with", parse_with},
};

/* Statements of Jinja2's extensions, which are left out, and what to write instead. */
static const struct {
        const char *name, *instead;
        bool is_alone; /* it has no end */
} left_out[] = {
        {"autoescape", "nothing is escaped: use the filter e where HTML is written", false},
        {"break", "filter the loop: for x in y if test", true},
        {"continue", "filter the loop: for x in y if test", true},
        {"debug", "print the variables that matter", true},
        {"do", "use set _ = …, or a namespace()", true},
        {"pluralize", "texts are not translated", false},
        {"trans", "texts are not translated", false},
};

static int refuse_statement(struct parser *p, const char *const *ends)
{
        const struct token *t = p->at;
        int n = (int)MIN2(t->text.n, 60u);

        p->is_consequence = p->report && p->report->is_torn &&
                            (at_name(p, "else") || at_name(p, "elif") ||
                             (t->text.n > 3 && memcmp(t->text.at, "end", 3) == 0));
        for (size_t i = 0; i < N_ELEMENTS(left_out); i++)
                if (at_name(p, left_out[i].name)) {
                        p->is_alone = left_out[i].is_alone;
                        return parse_fail(p, t, "the tag '%s' is left out: %s", left_out[i].name,
                                          left_out[i].instead);
                }
        if (ends)
                return parse_fail(p, t, "unknown tag '%.*s' where '%s' is looked for", n,
                                  t->text.at, ends[0]);
        return parse_fail(p, t, "unknown tag '%.*s'", n, t->text.at);
}

static int parse_statement(struct parser *p, const char *const *ends, struct node **ret)
{
        p->is_consequence = at_kind(p, T_BROKEN);
        if (p->at->kind != T_NAME)
                return parse_fail(p, p->at, "tag name expected");
        for (size_t i = 0; i < N_ELEMENTS(statements); i++)
                if (at_name(p, statements[i].name))
                        return statements[i].parse(p, ret);
        return refuse_statement(p, ends);
}

static int parse_output(struct parser *p, struct node **ret)
{
        struct node *n, *item;
        int r = node_new(p, N_PRINT, p->at, &n);

        parse_next(p);
        p->is_consequence = at_kind(p, T_BROKEN);
        if (!r)
                r = parse_tuple(p, 0, NULL, &item);
        if (!r)
                r = parse_expect(p, T_VARIABLE_END);
        if (!r)
                r = node_append(p, n, item);
        *ret = n;
        return r;
}

/* Behind the tag that cannot be read. The fault stays one where nobody wants to hear of more. */
static int leave_out(struct parser *p, bool is_block)
{
        if (!p->report || p->arena->is_over ||
            (!p->is_consequence && !report_fault(p->report, p->diag)))
                return CONDITION_REFUSED;
        p->is_consequence = false;
        p->report->is_torn |= is_block && !p->is_alone;
        p->is_alone = false;
        while (!at_kind(p, T_BLOCK_END) && !at_kind(p, T_VARIABLE_END) && !at_kind(p, T_EOF))
                parse_next(p);
        parse_next(p);
        return 0;
}

/* Until one of ends (then p stands on that name) or the end of the template. */
static int parse_body(struct parser *p, const char *const *ends, struct node_list *ret)
{
        int r;

        while (!at_kind(p, T_EOF)) {
                unsigned depth = p->depth;
                bool is_block = at_kind(p, T_BLOCK_BEGIN);
                struct node *n = NULL;

                if (at_kind(p, T_DATA)) {
                        r = node_new(p, N_TEXT, p->at, &n);
                        if (!r) {
                                n->text = p->at->text;
                                p->n_fixed += n->text.n;
                        }
                        parse_next(p);
                } else if (at_kind(p, T_VARIABLE_BEGIN)) {
                        r = parse_output(p, &n);
                } else {
                        parse_next(p); /* nothing else than T_BLOCK_BEGIN stands here */
                        if (at_end_name(p, ends))
                                return 0;
                        r = parse_statement(p, ends, &n);
                        if (!r)
                                r = parse_expect(p, T_BLOCK_END);
                }
                if (r == CONDITION_REFUSED) {
                        n = NULL;
                        p->depth = depth;
                        r = leave_out(p, is_block);
                }
                if (r)
                        return r;
                if (n)
                        list_append(ret, n);
        }
        return 0;
}

/* The inside of a statement. */
int parse_statements(struct parser *p, const char *const *ends, struct node_list *ret)
{
        int r;

        p->depth++; /* a statement is two, as a bracket is */
        r = parse_enter(p);
        parse_skip(p, T_COLON);
        if (!r)
                r = parse_expect(p, T_BLOCK_END);
        if (!r)
                r = parse_body(p, ends, ret);
        if (!r && at_kind(p, T_EOF)) {
                p->is_consequence = p->report && p->report->is_torn;
                r = parse_fail(p, p->at, "unexpected end of template where '%s' is looked for",
                               ends[0]);
        }
        p->depth -= 2;
        return r;
}

int parser_run(struct arena *arena, const struct tokens *tokens, struct node_list *ret_body,
               size_t *ret_n_fixed, struct references *ret_references, struct report *report,
               struct diag *diag)
{
        struct parser p = {.arena = arena,
                           .at = tokens->at,
                           .diag = diag,
                           .references = ret_references,
                           .report = report};
        int r = parse_body(&p, NULL, ret_body);

        *ret_n_fixed = p.n_fixed;
        return r;
}
