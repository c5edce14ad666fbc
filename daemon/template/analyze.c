/* Which names a scope has, in the order in which Jinja2 looks at them. */

#include "daemon/template/scope.h"

int analyze_expression(struct resolver *v, struct scope *s, const struct node *n)
{
        int r = 0;

        if (!n)
                return 0;
        if (n->kind == N_NAME || n->kind == N_MEMBER)
                return scope_load(v, s, n->name);
        /* in the order of Jinja2's fields: the condition first */
        r = analyze_expression(v, s, n->test);
        if (!r)
                r = analyze_expression(v, s, n->left);
        if (!r)
                r = analyze_expression(v, s, n->right);
        for (const struct node *i = n->items.first; i && !r; i = i->next)
                r = analyze_expression(v, s, i);
        return r;
}

int analyze_target(struct resolver *v, struct scope *s, const struct node *n, bool is_parameter)
{
        int r = 0;

        if (n->kind == N_MEMBER)
                return scope_load(v, s, n->name);
        if (n->kind == N_NAME)
                return is_parameter ? scope_declare(v, s, n->name) : scope_store(v, s, n->name);
        for (const struct node *i = n->items.first; i && !r; i = i->next)
                r = analyze_target(v, s, i, is_parameter);
        return r;
}

static int analyze_branch(struct resolver *v, struct scope *s, const struct node *first,
                          bool is_body, struct branch *b);

/* An `if` or `elif`; those after it are given to the first alone. */
static int analyze_if(struct resolver *v, struct scope *s, const struct node *first, bool is_first)
{
        struct branch branches[3] = {0};
        const struct node *otherwise = NULL;
        int r = analyze_expression(v, s, first->test);

        if (is_first)
                for (const struct node *i = first->next; i; i = i->next)
                        if (!i->test)
                                otherwise = i;
        if (!r)
                r = analyze_branch(v, s, first, true, &branches[0]);
        if (!r)
                r = analyze_branch(v, s, is_first ? first->next : NULL, false, &branches[1]);
        if (!r)
                r = analyze_branch(v, s, otherwise, true, &branches[2]);
        if (!r)
                r = scope_merge(s, branches, N_ELEMENTS(branches));
        for (size_t i = 0; i < N_ELEMENTS(branches); i++)
                free(branches[i].symbols);
        return r;
}

/* is_body: the body of one branch, else the elifs from `first` on. */
static int analyze_branch(struct resolver *v, struct scope *s, const struct node *first,
                          bool is_body, struct branch *b)
{
        int r = scope_begin_branch(s, b), ended;

        if (r)
                return r;
        if (is_body && first)
                r = analyze_body(v, s, &first->body);
        if (!is_body)
                for (; first && first->test && !r; first = first->next)
                        r = analyze_if(v, s, first, false);
        ended = scope_end_branch(s, b);
        return r ? r : ended;
}

static int analyze_from(struct resolver *v, struct scope *s, const struct node *n)
{
        int r = analyze_expression(v, s, n->left);

        for (const struct node *i = n->items.first; i && !r; i = i->next)
                r = scope_store(v, s, i->name);
        return r;
}

static int analyze_statement(struct resolver *v, struct scope *s, const struct node *n)
{
        int r = 0;

        switch (n->kind) {
        case N_IF:
                return analyze_if(v, s, n->items.first, true);
        case N_SET:
        case N_IMPORT:
                r = analyze_expression(v, s, n->left);
                return r ? r : analyze_target(v, s, n->target, false);
        case N_SET_BLOCK:
                return analyze_target(v, s, n->target, false);
        case N_WITH:
                for (const struct node *i = n->items.first; i && !r; i = i->next->next)
                        r = analyze_expression(v, s, i->next);
                return r;
        case N_FILTER_BLOCK:
                return analyze_expression(v, s, n->right);
        case N_PRINT:
                return analyze_expression(v, s, n);
        case N_MACRO:
                return scope_store(v, s, n->name);
        case N_FROM:
                return analyze_from(v, s, n);
        case N_FOR:
        case N_CALL_BLOCK:
        case N_INCLUDE:
        case N_EXTENDS:
                return analyze_expression(v, s, n->left);
        default: /* N_TEXT; N_BLOCK, which has nothing in common with what is around it */
                return 0;
        }
}

int analyze_body(struct resolver *v, struct scope *s, const struct node_list *body)
{
        int r = 0;

        for (const struct node *n = body->first; n && !r; n = n->next)
                r = analyze_statement(v, s, n);
        return r;
}

struct search {
        const struct span *names;
        unsigned n;
        unsigned open, found; /* bits of names: not yet set by the body; read */
};

static void search_body(struct search *q, const struct node_list *body);

static void search_name(struct search *q, struct span name, bool is_read)
{
        for (unsigned i = 0; i < q->n; i++)
                if ((q->open & 1u << i) && span_is_equal(q->names[i], name)) {
                        if (is_read)
                                q->found |= 1u << i;
                        else
                                q->open &= ~(1u << i);
                }
}

static void search_expression(struct search *q, const struct node *n)
{
        if (!n)
                return;
        if (n->kind == N_NAME)
                search_name(q, n->name, true);
        search_expression(q, n->test);
        search_expression(q, n->left);
        search_expression(q, n->right);
        for (const struct node *i = n->items.first; i; i = i->next)
                search_expression(q, i);
}

static void search_target(struct search *q, const struct node *n)
{
        if (n->kind == N_NAME)
                search_name(q, n->name, false);
        for (const struct node *i = n->items.first; i; i = i->next)
                search_target(q, i);
}

/* An `if`: tests and bodies in turn, the else at the end. */
static void search_branches(struct search *q, const struct node *n)
{
        for (const struct node *i = n->items.first; i; i = i->next) {
                search_expression(q, i->test);
                search_body(q, &i->body);
        }
}

static void search_function(struct search *q, const struct node *n)
{
        search_expression(q, n->left); /* the call of a call block */
        for (const struct node *i = n->items.first; i; i = i->next)
                search_name(q, i->name, false);
        for (const struct node *i = n->items.first; i; i = i->next)
                search_expression(q, i->left);
        search_body(q, &n->body);
}

static void search_statement(struct search *q, const struct node *n)
{
        switch (n->kind) {
        case N_TEXT:
        case N_BLOCK: /* a function of its own, with variables of its own */
                return;
        case N_IF:
                search_branches(q, n);
                return;
        case N_MACRO:
        case N_CALL_BLOCK:
                search_function(q, n);
                return;
        case N_WITH:
                for (const struct node *i = n->items.first; i; i = i->next->next)
                        search_target(q, i);
                for (const struct node *i = n->items.first; i; i = i->next->next)
                        search_expression(q, i->next);
                search_body(q, &n->body);
                return;
        case N_FILTER_BLOCK:
                search_body(q, &n->body);
                search_expression(q, n->right);
                return;
        case N_IMPORT: /* what it sets is no node of its own there */
        case N_FROM:
                search_expression(q, n->left);
                return;
        case N_FOR:
                search_target(q, n->target);
                search_expression(q, n->left);
                search_body(q, &n->body);
                search_body(q, &n->otherwise);
                search_expression(q, n->test);
                return;
        default:
                if (n->target)
                        search_target(q, n->target);
                search_expression(q, n->left);
                search_expression(q, n->right);
                for (const struct node *i = n->items.first; i; i = i->next)
                        search_expression(q, i);
                search_body(q, &n->body);
        }
}

static void search_body(struct search *q, const struct node_list *body)
{
        for (const struct node *n = body->first; n; n = n->next)
                search_statement(q, n);
}

unsigned find_undeclared(const struct node_list *body, const struct span *names, unsigned n)
{
        struct search q = {.names = names, .n = n, .open = (1u << n) - 1};

        search_body(&q, body);
        return q.found;
}

bool has_scoped_block(const struct node_list *body)
{
        for (const struct node *n = body->first; n; n = n->next) {
                if (n->kind == N_BLOCK && (n->flags & NODE_SCOPED))
                        return true;
                if (has_scoped_block(&n->body) || has_scoped_block(&n->otherwise))
                        return true;
                if (n->kind == N_IF && has_scoped_block(&n->items))
                        return true;
        }
        return false;
}
