/* Which beginnings are worth a mark.
 *
 * Beginnings form trees of depth three (standards, facts of many, prompt of a kind). A mark at one
 * that k calls have lets the first of them write what its nearest marked ancestor has not, at the
 * price of a write, and the others read it. Per tree the cheapest set of marks is found by trying
 * each node marked and not, given the nearest mark above it (all calls but one read):
 *
 *     unmarked: k × δ
 *     marked:   write × δ + (k − 1) × read × δ         δ = tokens since that mark
 *
 * A mark below the model's minimum is silently ignored by the provider, so it is none. */

#include "daemon/plan/pricing.h"

static double cost_here(const struct units *u, const struct node *n, double above)
{
        double delta = n->tokens - above, reads = n->was_warm ? n->n_lots : n->n_lots - 1;

        return (n->was_warm  ? 0
                : n->is_long ? u->cache_long[n->tier] * delta
                             : u->cache_short[n->tier] * delta) +
               reads * u->cache_read[n->tier] * delta;
}

static bool may_mark(const struct units *u, const struct node *n)
{
        const struct tier_model *m = &u->in->tiers[n->tier];

        return m->facts && m->is_caching && n->tokens >= (double)m->facts->cache_minimum &&
               (n->n_lots > 1 || n->was_warm);
}

/* A leaf: all its calls go on with text of their own. Marks it or not; returns the cheaper. */
static double mark_leaf(const struct units *u, struct node *n, double above)
{
        double plain = n->n_lots * (n->tokens - above);
        double marked = may_mark(u, n) ? cost_here(u, n, above) : plain;

        n->is_marked = marked < plain;
        return n->is_marked ? marked : plain;
}

static double mark_leaves(const struct units *u, struct node *nodes, uint32_t standards,
                          enum tier tier, enum presentation which, double above)
{
        double sum = 0;

        for (uint32_t i = 0; i < u->n_pairs; i++) {
                struct node *n = &nodes[node_of_pair(u, tier, i, which)];

                if (u->pairs[i].standards == standards && n->n_lots > 0)
                        sum += mark_leaf(u, n, above);
        }
        return sum;
}

static double mark_set(const struct units *u, struct node *nodes, uint32_t standards,
                       enum tier tier, enum presentation which, double above)
{
        struct node *n = &nodes[node_of_set(u, tier, standards, which)];
        double plain, marked;

        if (n->n_lots == 0)
                return 0;
        plain = mark_leaves(u, nodes, standards, tier, which, above);
        n->is_marked = false;
        if (!may_mark(u, n))
                return plain;
        marked = cost_here(u, n, above) + mark_leaves(u, nodes, standards, tier, which, n->tokens);
        n->is_marked = marked < plain;
        if (!n->is_marked)
                (void)mark_leaves(u, nodes, standards, tier, which, above);
        return n->is_marked ? marked : plain;
}

static double mark_below(const struct units *u, struct node *nodes, uint32_t standards,
                         enum tier tier, double above)
{
        double sum = mark_leaves(u, nodes, standards, tier, PRESENT_OWN, above);

        for (enum presentation k = PRESENT_SHARED; k < N_PRESENTATIONS; k++)
                sum += mark_set(u, nodes, standards, tier, k, above);
        return sum;
}

static void mark_tree(const struct units *u, struct node *nodes, uint32_t standards, enum tier tier)
{
        struct node *n = &nodes[node_of_standards(u, tier, standards)];
        double plain, marked;

        if (n->n_lots == 0)
                return;
        plain = mark_below(u, nodes, standards, tier, 0);
        if (!may_mark(u, n))
                return;
        marked = cost_here(u, n, 0) + mark_below(u, nodes, standards, tier, n->tokens);
        n->is_marked = marked < plain;
        if (!n->is_marked)
                (void)mark_below(u, nodes, standards, tier, 0);
}

/* Is one read of it worth the time until its writer's answer begins? Where the writer is expected
 * to begin in a second, that second is what each reader waits. */
static bool is_worth_waiting(const struct units *u, const struct node *n)
{
        const struct tier_model *m = &u->in->tiers[n->tier];
        double wait = u->rates[n->tier].first_ms + u->rates[n->tier].fresh_ms * n->tokens;
        double saved = (u->cache_short[n->tier] - u->cache_read[n->tier]) * n->tokens *
                       (double)m->facts->price.input;
        double faster = u->rates[n->tier].fresh_ms * n->tokens * (1 - 1 / CACHED_SPEEDUP);

        return saved + faster * u->nanousd_per_ms > wait * u->nanousd_per_ms;
}

void marks_choose(const struct units *u, const struct scheme *s, struct node *nodes, size_t n_nodes)
{
        bool is_waiting = s->rules & RULE_BIT(RULE_SCHEDULE) && !s->is_waiting_off;

        for (size_t i = 0; i < n_nodes; i++)
                nodes[i].is_long = s->is_long;
        for (enum tier t = 0; t < N_TIERS; t++)
                for (uint32_t i = 0; i < u->n_standards; i++)
                        mark_tree(u, nodes, i, t);
        for (size_t i = 0; i < n_nodes; i++)
                nodes[i].is_awaited =
                        is_waiting && nodes[i].is_marked && is_worth_waiting(u, &nodes[i]);
}
