#include <stdio.h>

#include "common/str.h"
#include "daemon/template/engine.h"
#include "daemon/template/parser-internal.h"

int node_with(struct parser *p, enum node_kind kind, const struct token *at, struct node *left,
              struct node *right, struct node **ret)
{
        struct node *n;
        int r = node_new(p, kind, at, &n);

        if (!r && left)
                r = node_above(p, n, left);
        if (!r && right)
                r = node_above(p, n, right);
        if (r)
                return r;
        n->left = left;
        n->right = right;
        *ret = n;
        return 0;
}

static int new_constant(struct parser *p, const struct token *at, struct value v, struct node **ret)
{
        int r = node_new(p, N_CONST, at, ret);

        if (!r)
                (*ret)->constant = v;
        return r;
}

static int parse_integer(struct parser *p, struct value *ret)
{
        const struct token *t = p->at;
        unsigned base = 10;
        size_t i = 0;
        int64_t total = 0;

        if (t->text.n > 2 && t->text.at[0] == '0' && (t->text.at[1] | 0x20) > '9') {
                char c = t->text.at[1] | 0x20;

                base = c == 'b' ? 2 : c == 'o' ? 8 : 16;
                i = 2;
        }
        for (; i < t->text.n; i++) {
                char c = t->text.at[i] | 0x20;

                if (t->text.at[i] == '_')
                        continue;
                if (__builtin_mul_overflow(total, (int64_t)base, &total) ||
                    __builtin_add_overflow(total, c >= 'a' ? c - 'a' + 10 : t->text.at[i] - '0',
                                           &total))
                        return parse_fail(p, t, "integer overflow: integers have 64 bits");
        }
        *ret = VALUE_INT(total);
        return 0;
}

static int parse_float(struct parser *p, struct value *ret)
{
        char text[400];
        size_t n = 0;

        for (size_t i = 0; i < p->at->text.n; i++)
                if (p->at->text.at[i] != '_') {
                        if (n + 1 == sizeof(text))
                                return parse_fail(p, p->at, "the number is too long");
                        text[n++] = p->at->text.at[i];
                }
        text[n] = 0;
        *ret = VALUE_FLOAT(strtod(
                text, NULL)); /* numbers are read in the C locale: the daemon sets no other */
        return 0;
}

static int parse_number(struct parser *p, struct node **ret)
{
        const struct token *t = p->at;
        struct value v;
        int r = t->kind == T_INTEGER ? parse_integer(p, &v) : parse_float(p, &v);

        if (r)
                return r;
        parse_next(p);
        return new_constant(p, t, v, ret);
}

/* Strings that follow one another are one. */
static int parse_strings(struct parser *p, struct node **ret)
{
        const struct token *first = p->at;
        struct span text = first->text;
        size_t n = 0;
        char *all;

        parse_next(p);
        if (!at_kind(p, T_STRING))
                return new_constant(p, first, VALUE_SPAN(text), ret);
        for (const struct token *t = first; t->kind == T_STRING; t++)
                n += t->text.n;
        all = arena_alloc(p->arena, n + 1);
        if (!all)
                return parse_no_room(p);
        n = 0;
        for (p->at = first; at_kind(p, T_STRING); parse_next(p)) {
                if (p->at->text.n)
                        memcpy(all + n, p->at->text.at, p->at->text.n);
                n += p->at->text.n;
        }
        return new_constant(p, first, VALUE_SPAN(((struct span){all, n})), ret);
}

static bool is_constant(const struct node *n)
{
        for (const struct node *i = n->items.first; i; i = i->next)
                if (i->kind != N_CONST && !(i->kind == N_TUPLE && i->is_plain))
                        return false;
        return true;
}

/* Elements of a list or dict until the closing bracket. */
static int parse_items(struct parser *p, enum token_kind close, struct node *n)
{
        bool is_dict = n->kind == N_DICT;
        struct node *item;
        int r;

        parse_next(p);
        while (!at_kind(p, close)) {
                if (n->items.n) {
                        r = parse_expect(p, T_COMMA);
                        if (r)
                                return r;
                        if (at_kind(p, close))
                                break;
                }
                r = parse_expression(p, true, &item);
                if (!r)
                        r = node_append(p, n, item);
                if (!r && is_dict) {
                        r = parse_expect(p, T_COLON);
                        if (!r)
                                r = parse_expression(p, true, &item);
                        if (!r)
                                r = node_append(p, n, item);
                }
                if (r)
                        return r;
        }
        parse_next(p);
        n->is_plain = is_constant(n);
        return 0;
}

static int parse_name(struct parser *p, bool with_members, struct node **ret)
{
        static const struct {
                const char *name;
                struct value value;
        } words[] = {
                {"true", VALUE_BOOL(true)},   {"True", VALUE_BOOL(true)},
                {"false", VALUE_BOOL(false)}, {"False", VALUE_BOOL(false)},
                {"none", VALUE_NONE},         {"None", VALUE_NONE},
        };
        const struct token *t = p->at;
        int r;

        parse_next(p);
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (span_is_equal(t->text, span_of(words[i].name)))
                        return new_constant(p, t, words[i].value, ret);
        if (with_members && at_kind(p, T_DOT)) {
                parse_next(p);
                if (!at_kind(p, T_NAME))
                        return parse_expect(p, T_NAME);
                r = node_new(p, N_MEMBER, t, ret);
                if (r)
                        return r;
                (*ret)->name = t->text;
                (*ret)->text = p->at->text;
                parse_next(p);
                return 0;
        }
        r = node_new(p, N_NAME, t, ret);
        if (!r)
                (*ret)->name = t->text;
        return r;
}

int parse_target_name(struct parser *p, struct span *ret)
{
        struct node *n;
        const struct token *t = p->at;
        int r;

        if (!at_kind(p, T_NAME))
                return parse_expect(p, T_NAME);
        r = parse_name(p, false, &n);
        if (!r && n->kind != N_NAME)
                return parse_fail(p, t, "cannot assign to '%.*s'", (int)t->text.n, t->text.at);
        if (!r)
                *ret = n->name;
        return r;
}

static int parse_primary(struct parser *p, bool with_members, struct node **ret)
{
        const struct token *t = p->at;
        int r;

        switch (t->kind) {
        case T_NAME:
                return parse_name(p, with_members, ret);
        case T_STRING:
                return parse_strings(p, ret);
        case T_INTEGER:
        case T_FLOAT:
                return parse_number(p, ret);
        case T_LPAREN:
                parse_next(p);
                r = parse_tuple(p, TUPLE_IN_PARENTHESES, NULL, ret);
                return r ? r : parse_expect(p, T_RPAREN);
        case T_LBRACKET:
                r = node_new(p, N_LIST, t, ret);
                return r ? r : parse_items(p, T_RBRACKET, *ret);
        case T_LBRACE:
                r = node_new(p, N_DICT, t, ret);
                return r ? r : parse_items(p, T_RBRACE, *ret);
        default:
                return parse_fail(p, t, "unexpected '%s'", token_describe(t->kind));
        }
}

static bool is_tuple_end(const struct parser *p, const char *end_name)
{
        return at_kind(p, T_VARIABLE_END) || at_kind(p, T_BLOCK_END) || at_kind(p, T_RPAREN) ||
               (end_name && at_name(p, end_name));
}

int parse_tuple(struct parser *p, unsigned flags, const char *end_name, struct node **ret)
{
        const struct token *first = p->at;
        struct node *tuple = NULL, *item = NULL;
        int r;

        for (;;) {
                if (is_tuple_end(p, end_name))
                        break;
                r = flags & TUPLE_TARGETS
                            ? parse_primary(p, flags & TUPLE_MEMBERS, &item)
                            : parse_expression(p, !(flags & TUPLE_NO_CONDITION), &item);
                if (r)
                        return r;
                if (!tuple && !at_kind(p, T_COMMA)) {
                        *ret = item;
                        return 0;
                }
                if (!tuple) {
                        r = node_new(p, N_TUPLE, first, &tuple);
                        if (r)
                                return r;
                }
                r = node_append(p, tuple, item);
                if (r)
                        return r;
                if (!at_kind(p, T_COMMA))
                        break;
                parse_next(p);
        }
        if (!tuple) {
                if (!(flags & TUPLE_IN_PARENTHESES))
                        return parse_fail(p, p->at, "expected an expression, got '%s'",
                                          token_describe(p->at->kind));
                return node_new(p, N_TUPLE, first, ret);
        }
        tuple->is_plain = is_constant(tuple);
        *ret = tuple;
        return 0;
}

static int check_target(struct parser *p, const struct node *n, const struct token *at)
{
        static const char *const kinds[] = {
                [N_CONST] = "const", [N_LIST] = "list", [N_DICT] = "dict"};

        if (n->kind == N_NAME || n->kind == N_MEMBER)
                return 0;
        if (n->kind != N_TUPLE)
                return parse_fail(p, at, "cannot assign to '%s'",
                                  n->kind < N_ELEMENTS(kinds) && kinds[n->kind] ? kinds[n->kind]
                                                                                : "expression");
        for (const struct node *i = n->items.first; i; i = i->next) {
                int r = check_target(p, i, at);

                if (r)
                        return r;
        }
        return 0;
}

int parse_target(struct parser *p, const char *end_name, bool with_members, struct node **ret)
{
        const struct token *first = p->at;
        int r = parse_tuple(p, TUPLE_TARGETS | (with_members ? TUPLE_MEMBERS : 0), end_name, ret);

        return r ? r : check_target(p, *ret, first);
}

/* One index or slice between brackets. */
static int parse_subscribed(struct parser *p, struct node **ret)
{
        const struct token *first = p->at;
        struct node *slice, *part;
        int r;

        if (!at_kind(p, T_COLON)) {
                r = parse_expression(p, true, &part);
                if (r || !at_kind(p, T_COLON)) {
                        *ret = part;
                        return r;
                }
        } else {
                r = new_constant(p, first, VALUE_MISSING, &part);
                if (r)
                        return r;
        }
        r = node_new(p, N_SLICE, first, &slice);
        for (;;) {
                if (!r)
                        r = node_append(p, slice, part);
                if (r)
                        return r;
                if (slice->items.n == 3)
                        break;
                if (!parse_skip(p, T_COLON) || at_kind(p, T_COLON) || at_kind(p, T_RBRACKET) ||
                    at_kind(p, T_COMMA))
                        r = new_constant(p, p->at, VALUE_MISSING, &part);
                else
                        r = parse_expression(p, true, &part);
        }
        *ret = slice;
        return 0;
}

static void set_attribute(struct node *n, struct span name)
{
        bool is_known;

        n->name = name;
        n->hash = text_hash(name);
        n->is_plain = !value_method_find(V_DICT, name, &is_known) && !is_known && name.at[0] != '_';
}

static int parse_subscript(struct parser *p, struct node *subject, struct node **ret)
{
        const struct token *t = p->at;
        struct node *index, *tuple = NULL;
        int r;

        parse_next(p);
        if (t->kind == T_DOT) {
                if (at_kind(p, T_INTEGER)) {
                        r = parse_number(p, &index);
                        return r ? r : node_with(p, N_ITEM, t, subject, index, ret);
                }
                if (!at_kind(p, T_NAME))
                        return parse_fail(p, p->at, "expected name or number");
                r = node_with(p, N_ATTRIBUTE, t, subject, NULL, ret);
                if (!r)
                        set_attribute(*ret, p->at->text);
                parse_next(p);
                return r;
        }
        if (at_kind(p, T_RBRACKET)) { /* x[] is x[()] there */
                r = node_new(p, N_TUPLE, t, &index);
        } else {
                r = parse_subscribed(p, &index);
                while (!r && parse_skip(p, T_COMMA)) {
                        if (!tuple)
                                r = node_new(p, N_TUPLE, t, &tuple);
                        if (!r && tuple->items.n == 0)
                                r = node_append(p, tuple, index);
                        if (!r)
                                r = parse_subscribed(p, &index);
                        if (!r)
                                r = node_append(p, tuple, index);
                }
        }
        if (!r)
                r = parse_expect(p, T_RBRACKET);
        return r ? r : node_with(p, N_ITEM, t, subject, tuple ? tuple : index, ret);
}

/* What has been given so far, in the order that a call may have them. */
enum argument { ARGUMENT_PLACE, ARGUMENT_KEYWORD, ARGUMENT_SPREAD, ARGUMENT_SPREAD_KEYWORDS };

static int parse_spread(struct parser *p, enum argument *latest, struct node **ret)
{
        const struct token *t = p->at;
        bool is_keywords = at_kind(p, T_POW);
        struct node *value;
        int r;

        if (*latest >= (is_keywords ? ARGUMENT_SPREAD_KEYWORDS : ARGUMENT_SPREAD))
                return parse_fail(p, t, "invalid syntax for function call expression");
        *latest = is_keywords ? ARGUMENT_SPREAD_KEYWORDS : ARGUMENT_SPREAD;
        parse_next(p);
        r = parse_expression(p, true, &value);
        return r ? r
                 : node_with(p, is_keywords ? N_SPREAD_KEYWORDS : N_SPREAD, t, value, NULL, ret);
}

static int parse_keyword(struct parser *p, const struct node *call, enum argument *latest,
                         struct node **ret)
{
        const struct token *t = p->at;
        struct node *value;
        int r;

        if (*latest == ARGUMENT_SPREAD_KEYWORDS)
                return parse_fail(p, t, "invalid syntax for function call expression");
        *latest = MAX2(*latest, ARGUMENT_KEYWORD);
        p->at += 2;
        r = parse_expression(p, true, &value);
        if (!r)
                r = node_with(p, N_KEYWORD, t, value, NULL, ret);
        if (r)
                return r;
        (*ret)->name = t->text;
        for (const struct node *i = call->items.first; i; i = i->next)
                if (i->kind == N_KEYWORD && span_is_equal(i->name, t->text))
                        return parse_fail(p, t, "keyword argument repeated: %.*s",
                                          (int)MIN2(t->text.n, 60u), t->text.at);
        return 0;
}

static int parse_argument(struct parser *p, struct node *call, enum argument *latest)
{
        const struct token *t = p->at;
        struct node *value;
        int r;

        if (at_kind(p, T_MUL) || at_kind(p, T_POW))
                r = parse_spread(p, latest, &value);
        else if (t->kind == T_NAME && t[1].kind == T_ASSIGN)
                r = parse_keyword(p, call, latest, &value);
        else if (*latest != ARGUMENT_PLACE)
                return parse_fail(p, t, "invalid syntax for function call expression");
        else
                r = parse_expression(p, true, &value);
        return r ? r : node_append(p, call, value);
}

static int parse_arguments(struct parser *p, struct node *call)
{
        enum argument latest = ARGUMENT_PLACE;
        bool is_first = true;
        int r = parse_expect(p, T_LPAREN);

        while (!r && !at_kind(p, T_RPAREN)) {
                if (!is_first) {
                        r = parse_expect(p, T_COMMA);
                        if (r || at_kind(p, T_RPAREN))
                                break;
                }
                r = parse_argument(p, call, &latest);
                is_first = false;
        }
        return r ? r : parse_expect(p, T_RPAREN);
}

static int parse_call(struct parser *p, struct node *subject, struct node **ret)
{
        int r = node_with(p, N_CALL, p->at, subject, NULL, ret);

        return r ? r : parse_arguments(p, *ret);
}

static int parse_postfix(struct parser *p, struct node *n, struct node **ret)
{
        int r = 0;

        while (!r) {
                if (at_kind(p, T_DOT) || at_kind(p, T_LBRACKET))
                        r = parse_subscript(p, n, &n);
                else if (at_kind(p, T_LPAREN))
                        r = parse_call(p, n, &n);
                else
                        break;
        }
        *ret = n;
        return r;
}

/* Those of Jinja2 that there is no use for here. */
static const struct {
        const char *name, *why;
} left_out[] = {
        {"escaped", "nothing is marked as safe"},
        {"filesizeformat", "sizes are computed: (n / 1024)|round(1)"},
        {"pprint", "use tojson(2)"},
        {"random", "the same input gives the same text"},
        {"safe", "nothing is escaped"},
        {"striptags", "texts are no HTML"},
        {"urlencode", "names become paths by kebab or snake"},
        {"urlize", "texts are no HTML"},
        {"wordwrap", "texts keep their lines"},
        {"xmlattr", "write the attributes, with the filter e"},
};

/* Name of a filter or test, which may have dots; none of ours has. */
static int plan_call(struct parser *p, struct node *n)
{
        int r;

        if (!n->row) /* an unknown one, which is told */
                return 0;
        r = call_plan(p->arena, &n->items, n->row->parameters, &n->bound, &n->n_parameters);
        return r == -ENOMEM ? parse_no_room(p) : r;
}

static int parse_row(struct parser *p, bool is_filter, struct node *n)
{
        const struct token *t = p->at;

        if (!at_kind(p, T_NAME))
                return parse_expect(p, T_NAME);
        parse_next(p);
        if (at_kind(p, T_DOT))
                return parse_fail(p, t, "no %s named '%.*s.…'", is_filter ? "filter" : "test",
                                  (int)t->text.n, t->text.at);
        n->name = t->text;
        n->row = is_filter ? filter_find(t->text) : test_find(t->text);
        for (size_t i = 0; !n->row && i < N_ELEMENTS(left_out); i++)
                if (span_is_equal(t->text, span_of(left_out[i].name)))
                        return parse_mistake(p, t, "the %s '%s' is left out: %s",
                                             is_filter ? "filter" : "test", left_out[i].name,
                                             left_out[i].why);
        if (!n->row)
                return parse_mistake(p, t, "no %s named '%.*s'", is_filter ? "filter" : "test",
                                     (int)t->text.n, t->text.at);
        return 0;
}

/* A filter or test that is named by an argument, as in map('upper'): known here if it is a literal.
 */
static int check_named(struct parser *p, const struct node *n, const struct token *at)
{
        bool is_map = span_is_equal(n->name, SPAN("map"));
        bool is_select =
                span_is_equal(n->name, SPAN("select")) || span_is_equal(n->name, SPAN("reject"));
        bool is_attr = span_is_equal(n->name, SPAN("selectattr")) ||
                       span_is_equal(n->name, SPAN("rejectattr"));
        const struct node *i = n->items.first;

        if (is_attr)
                i = i ? i->next : NULL;
        else if (!is_map && !is_select)
                return 0;
        if (!i || i->kind != N_CONST || i->constant.kind != V_TEXT)
                return 0;
        if (is_map ? filter_find(i->constant.text) : test_find(i->constant.text))
                return 0;
        return parse_mistake(p, at, "no %s named '%.*s'", is_map ? "filter" : "test",
                             (int)i->constant.text.n, i->constant.text.at);
}

int parse_filters(struct parser *p, struct node *subject, bool is_begun, struct node **ret)
{
        struct node *n = subject;
        int r;

        while (is_begun || at_kind(p, T_PIPE)) {
                const struct token *t;

                if (!is_begun)
                        parse_next(p);
                is_begun = false;
                t = p->at;
                r = node_with(p, N_FILTER, t, n, NULL, &n);
                if (!r)
                        r = parse_row(p, true, n);
                if (!r && at_kind(p, T_LPAREN))
                        r = parse_arguments(p, n);
                if (!r)
                        r = check_named(p, n, t);
                if (!r)
                        r = plan_call(p, n);
                if (r)
                        return r;
        }
        *ret = n;
        return 0;
}

static bool begins_test_argument(const struct parser *p)
{
        switch (p->at->kind) {
        case T_STRING:
        case T_INTEGER:
        case T_FLOAT:
        case T_LBRACKET:
        case T_LBRACE:
                return true;
        case T_NAME:
                return !at_name(p, "else") && !at_name(p, "or") && !at_name(p, "and");
        default:
                return false;
        }
}

static int parse_test(struct parser *p, struct node *subject, struct node **ret)
{
        const struct token *t = p->at;
        struct node *test, *argument;
        bool is_negated;
        int r;

        parse_next(p);
        is_negated = parse_skip_name(p, "not");
        r = node_with(p, N_TEST, p->at, subject, NULL, &test);
        if (!r)
                r = parse_row(p, false, test);
        if (r)
                return r;
        if (at_kind(p, T_LPAREN)) {
                r = parse_arguments(p, test);
        } else if (begins_test_argument(p)) {
                if (at_name(p, "is"))
                        return parse_fail(p, p->at, "you cannot chain multiple tests with is");
                r = parse_primary(p, false, &argument);
                if (!r)
                        r = parse_postfix(p, argument, &argument);
                if (!r)
                        r = node_append(p, test, argument);
        }
        if (!r)
                r = plan_call(p, test);
        if (!r && is_negated)
                r = node_with(p, N_NOT, t, test, NULL, &test);
        *ret = test;
        return r;
}

static int parse_filter_expression(struct parser *p, struct node *n, struct node **ret)
{
        int r = 0;

        while (!r) {
                if (at_kind(p, T_PIPE))
                        r = parse_filters(p, n, false, &n);
                else if (at_name(p, "is"))
                        r = parse_test(p, n, &n);
                else if (at_kind(p, T_LPAREN))
                        r = parse_call(p, n, &n);
                else
                        break;
        }
        *ret = n;
        return r;
}

static int parse_unary_inner(struct parser *p, bool with_filter, struct node **ret)
{
        const struct token *t = p->at;
        struct node *n;
        int r;

        if (t->kind == T_SUB || t->kind == T_ADD) {
                parse_next(p);
                r = parse_unary(p, false, &n);
                if (!r)
                        r = node_with(p, t->kind == T_SUB ? N_NEGATE : N_POSITIVE, t, n, NULL, &n);
        } else {
                r = parse_primary(p, false, &n);
        }
        if (!r)
                r = parse_postfix(p, n, &n);
        if (!r && with_filter)
                r = parse_filter_expression(p, n, &n);
        *ret = n;
        return r;
}

int parse_unary(struct parser *p, bool with_filter, struct node **ret)
{
        int r = parse_enter(p);

        if (!r)
                r = parse_unary_inner(p, with_filter, ret);
        p->depth--;
        return r;
}
