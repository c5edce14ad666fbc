/* Operators, from the tightest to the loosest; parse-expression.c has what they bind. */

#include "daemon/template/parser-internal.h"

/* Binary operators of one level of precedence, grouped from the left. */
struct level {
        enum token_kind token;
        enum op op;
};

static int parse_binary(struct parser *p, const struct level *ops, size_t n_ops,
                        int (*operand)(struct parser *, struct node **), struct node **ret)
{
        struct node *left, *right;
        int r = operand(p, &left);

        while (!r) {
                const struct token *t = p->at;
                size_t i = 0;

                while (i < n_ops && ops[i].token != t->kind)
                        i++;
                if (i == n_ops)
                        break;
                parse_next(p);
                r = operand(p, &right);
                if (!r)
                        r = node_with(p, N_BINARY, t, left, right, &left);
                if (!r)
                        left->op = ops[i].op;
        }
        *ret = left;
        return r;
}

static int parse_power_operand(struct parser *p, struct node **ret)
{
        return parse_unary(p, true, ret);
}

static int parse_power(struct parser *p, struct node **ret)
{
        static const struct level ops[] = {{T_POW, OP_POW}};

        return parse_binary(p, ops, N_ELEMENTS(ops), parse_power_operand, ret);
}

static int parse_product(struct parser *p, struct node **ret)
{
        static const struct level ops[] = {
                {T_MUL, OP_MUL}, {T_DIV, OP_DIV}, {T_FLOORDIV, OP_FLOORDIV}, {T_MOD, OP_MOD}};

        return parse_binary(p, ops, N_ELEMENTS(ops), parse_power, ret);
}

static int parse_concat(struct parser *p, struct node **ret)
{
        const struct token *first = p->at;
        struct node *item, *all;
        int r = parse_product(p, &item);

        if (r || !at_kind(p, T_TILDE)) {
                *ret = item;
                return r;
        }
        r = node_new(p, N_CONCAT, first, &all);
        for (;;) {
                if (!r)
                        r = node_append(p, all, item);
                if (r || !parse_skip(p, T_TILDE))
                        break;
                r = parse_product(p, &item);
        }
        *ret = all;
        return r;
}

static int parse_sum(struct parser *p, struct node **ret)
{
        static const struct level ops[] = {{T_ADD, OP_ADD}, {T_SUB, OP_SUB}};

        return parse_binary(p, ops, N_ELEMENTS(ops), parse_concat, ret);
}

static enum op comparison_at(struct parser *p)
{
        static const struct level ops[] = {{T_EQ, OP_EQ}, {T_NE, OP_NE}, {T_LT, OP_LT},
                                           {T_LE, OP_LE}, {T_GT, OP_GT}, {T_GE, OP_GE}};

        for (size_t i = 0; i < N_ELEMENTS(ops); i++)
                if (at_kind(p, ops[i].token)) {
                        parse_next(p);
                        return ops[i].op;
                }
        if (parse_skip_name(p, "in"))
                return OP_IN;
        if (at_name(p, "not") && p->at[1].kind == T_NAME &&
            span_is_equal(p->at[1].text, SPAN("in"))) {
                p->at += 2;
                return OP_NOT_IN;
        }
        return OP_NONE;
}

static int parse_compare(struct parser *p, struct node **ret)
{
        struct node *first, *compare = NULL, *operand;
        int r = parse_sum(p, &first);

        while (!r) {
                const struct token *t = p->at;
                enum op op = comparison_at(p);

                if (op == OP_NONE)
                        break;
                if (!compare)
                        r = node_with(p, N_COMPARE, t, first, NULL, &compare);
                if (!r)
                        r = parse_sum(p, &operand);
                if (!r)
                        r = node_with(p, N_OPERAND, t, operand, NULL, &operand);
                if (r)
                        return r;
                operand->op = op;
                r = node_append(p, compare, operand);
        }
        *ret = compare ? compare : first;
        return r;
}

static int parse_not(struct parser *p, struct node **ret)
{
        const struct token *t = p->at;
        int r;

        if (!parse_skip_name(p, "not"))
                return parse_compare(p, ret);
        r = parse_enter(p);
        if (!r)
                r = parse_not(p, ret);
        p->depth--;
        return r ? r : node_with(p, N_NOT, t, *ret, NULL, ret);
}

static int parse_and(struct parser *p, struct node **ret)
{
        const struct token *t;
        struct node *right;
        int r = parse_not(p, ret);

        while (!r && (t = p->at, parse_skip_name(p, "and"))) {
                r = parse_not(p, &right);
                if (!r)
                        r = node_with(p, N_AND, t, *ret, right, ret);
        }
        return r;
}

static int parse_or(struct parser *p, struct node **ret)
{
        const struct token *t;
        struct node *right;
        int r = parse_and(p, ret);

        while (!r && (t = p->at, parse_skip_name(p, "or"))) {
                r = parse_and(p, &right);
                if (!r)
                        r = node_with(p, N_OR, t, *ret, right, ret);
        }
        return r;
}

static int parse_condition(struct parser *p, struct node **ret)
{
        const struct token *t;
        int r = parse_or(p, ret);

        while (!r && (t = p->at, parse_skip_name(p, "if"))) {
                struct node *n, *test, *otherwise = NULL;

                r = parse_or(p, &test);
                if (!r && parse_skip_name(p, "else"))
                        r = parse_expression(p, true, &otherwise);
                if (!r)
                        r = node_with(p, N_CONDITION, t, *ret, otherwise, &n);
                if (!r)
                        r = node_above(p, n, test);
                if (r)
                        return r;
                n->test = test;
                *ret = n;
        }
        return r;
}

int parse_expression(struct parser *p, bool with_condition, struct node **ret)
{
        int r = parse_enter(p);

        if (!r)
                r = with_condition ? parse_condition(p, ret) : parse_or(p, ret);
        p->depth--;
        return r;
}
