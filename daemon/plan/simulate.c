/* The run of a scheme, simulated: when each lot starts, what it reads and writes. */

#include <math.h>

#include "daemon/plan/pricing.h"

/* ---- heaps ---- */

static bool is_better(const struct pricing *p, uint32_t a, uint32_t b)
{
        if (p->order)
                return p->order[a] < p->order[b];
        if (p->lots[a].path_ms != p->lots[b].path_ms)
                return p->lots[a].path_ms > p->lots[b].path_ms;
        return a < b;
}

static void ready_push(struct pricing *p, uint32_t lot)
{
        size_t i = p->n_ready++;

        while (i > 0 && is_better(p, lot, p->ready[(i - 1) / 2])) {
                p->ready[i] = p->ready[(i - 1) / 2];
                i = (i - 1) / 2;
        }
        p->ready[i] = lot;
}

static uint32_t ready_pop(struct pricing *p)
{
        uint32_t best = p->ready[0], last = p->ready[--p->n_ready];
        size_t i = 0;

        for (;;) {
                size_t k = 2 * i + 1;

                if (k + 1 < p->n_ready && is_better(p, p->ready[k + 1], p->ready[k]))
                        k++;
                if (k >= p->n_ready || !is_better(p, p->ready[k], last))
                        break;
                p->ready[i] = p->ready[k];
                i = k;
        }
        p->ready[i] = last;
        return best;
}

static bool is_earlier(const struct event *a, const struct event *b)
{
        return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->lot < b->lot;
}

static void event_push(struct pricing *p, struct event e)
{
        size_t i = p->n_events++;

        while (i > 0 && is_earlier(&e, &p->events[(i - 1) / 2])) {
                p->events[i] = p->events[(i - 1) / 2];
                i = (i - 1) / 2;
        }
        p->events[i] = e;
}

static struct event event_pop(struct pricing *p)
{
        struct event first = p->events[0], last = p->events[--p->n_events];
        size_t i = 0;

        for (;;) {
                size_t k = 2 * i + 1;

                if (k + 1 < p->n_events && is_earlier(&p->events[k + 1], &p->events[k]))
                        k++;
                if (k >= p->n_events || !is_earlier(&p->events[k], &last))
                        break;
                p->events[i] = p->events[k];
                i = k;
        }
        p->events[i] = last;
        return first;
}

/* ---- paths ---- */

static double duration(const struct pricing *p, const struct scheme *s, uint32_t lot)
{
        const struct lot_price *x = &p->lots[lot];
        const struct rates *r = &p->units->rates[s->lots[lot].tier];
        double stable = x->stable;

        /* The first of many writes, the others read. */
        if (p->nodes[x->nodes[x->n_nodes - 1]].is_marked)
                stable /= CACHED_SPEEDUP;
        return r->first_ms + r->fresh_ms * (x->fresh + stable) + r->writing_ms * x->output;
}

/* Longest way to the end, level by level from the last: what stands in a lot waits together. */
static void find_paths(struct pricing *p, const struct scheme *s)
{
        const struct units *u = p->units;

        for (uint32_t i = 0; i < s->n_lots; i++)
                p->lots[i].path_ms = s->lots[i].n ? duration(p, s, i) : 0;
        for (size_t k = u->n; k-- > 0;) {
                uint32_t i = u->by_level[k];
                double after = 0;

                for (uint32_t e = u->first_user[i]; e < u->first_user[i + 1]; e++) {
                        uint32_t user = u->users[e], lot = s->lot_of[user];

                        after = fmax(after,
                                     lot == NO_LOT ? p->after_ms[user] : p->lots[lot].path_ms);
                }
                p->after_ms[i] = after;
                if (s->lot_of[i] != NO_LOT) {
                        struct lot_price *x = &p->lots[s->lot_of[i]];

                        x->path_ms = fmax(x->path_ms, after + duration(p, s, s->lot_of[i]));
                }
        }
        for (uint32_t i = 0; i < s->n_lots; i++)
                p->lots[i].path_ms += s->lots[i].ahead_ms;
}

/* ---- the run ---- */

static void task_ready(struct pricing *p, struct scheme *s, uint32_t task);

/* A task is done: its users may become ready, and those that need no call are done at once. */
static void finish_tasks(struct pricing *p, struct scheme *s, size_t n)
{
        const struct units *u = p->units;

        while (n > 0) {
                uint32_t task = p->stack[--n];

                for (uint32_t e = u->first_user[task]; e < u->first_user[task + 1]; e++) {
                        uint32_t user = u->users[e];

                        if (--p->n_waiting[user] > 0)
                                continue;
                        if (s->lot_of[user] == NO_LOT)
                                p->stack[n++] = user;
                        else
                                task_ready(p, s, user);
                }
        }
}

static void task_ready(struct pricing *p, struct scheme *s, uint32_t task)
{
        uint32_t lot = s->lot_of[task];

        if (--p->lot_waiting[lot] == 0)
                ready_push(p, lot);
}

static void begin(struct pricing *p, struct scheme *s)
{
        const struct units *u = p->units;

        p->n_ready = p->n_events = p->n_started = 0;
        p->now_ms = p->end_ms = 0;
        p->n_free = MAX2(s->n_parallel, 1u);
        for (uint32_t i = 0; i < s->n_lots; i++)
                p->lot_waiting[i] = s->lots[i].n;
        for (size_t i = 0; i < u->n; i++)
                p->n_waiting[i] = (uint32_t)u->in->work->tasks[i].n_depends;
        for (uint32_t i = 0; i < u->n; i++) {
                if (u->in->work->tasks[i].n_depends > 0)
                        continue;
                if (s->lot_of[i] != NO_LOT) {
                        task_ready(p, s, i);
                } else {
                        p->stack[0] = i;
                        finish_tasks(p, s, 1);
                }
        }
}

static bool is_living(const struct pricing *p, const struct node *n)
{
        return n->visible_ms >= 0 && n->expires_ms > p->now_ms;
}

/* When what it waits for becomes visible; now: it need not wait. */
static double wait_until(const struct pricing *p, const struct lot_price *x)
{
        double until = p->now_ms;

        for (size_t i = 0; i < x->n_nodes; i++) {
                const struct node *n = &p->nodes[x->nodes[i]];

                if (n->is_awaited && is_living(p, n))
                        until = fmax(until, n->visible_ms);
        }
        return until;
}

/* Reads the longest beginning that is visible, writes those that are marked beyond it. */
static void use_cache(struct pricing *p, struct lot_price *x)
{
        double end;

        x->read = 0;
        for (size_t i = 0; i < x->n_nodes; i++) {
                const struct node *n = &p->nodes[x->nodes[i]];

                if (n->is_marked && is_living(p, n) && n->visible_ms <= p->now_ms)
                        x->read = n->tokens;
        }
        end = x->read;
        for (size_t i = 0; i < x->n_nodes; i++) {
                struct node *n = &p->nodes[x->nodes[i]];
                const struct model_facts *f = p->units->in->tiers[n->tier].facts;

                if (!n->is_marked)
                        continue;
                if (n->tokens > x->read) {
                        end = fmax(end, n->tokens);
                        x->is_written_long |= n->is_long;
                        if (!is_living(p, n))
                                n->visible_ms = -1;
                }
                n->gap_ms = n->n_lots > 0 && n->used_ms > 0
                                    ? fmax(n->gap_ms, p->now_ms - n->used_ms)
                                    : n->gap_ms;
                n->used_ms = p->now_ms + 1e-9;
                n->expires_ms =
                        p->now_ms + (double)(n->is_long ? f->cache_long_ms : f->cache_short_ms);
        }
        x->written = end - x->read;
        x->input = x->stable + x->fresh - end;
}

static void start(struct pricing *p, struct scheme *s, uint32_t lot)
{
        struct lot_price *x = &p->lots[lot];
        const struct rates *r = &p->units->rates[s->lots[lot].tier];

        use_cache(p, x);
        x->start_ms = p->now_ms;
        x->first_ms = p->now_ms + r->first_ms + r->fresh_ms * (x->input + x->written) +
                      r->fresh_ms * x->read / CACHED_SPEEDUP;
        x->end_ms = x->first_ms + r->writing_ms * x->output;
        for (size_t i = 0; i < x->n_nodes; i++) {
                struct node *n = &p->nodes[x->nodes[i]];

                if (n->is_marked && n->visible_ms < 0)
                        n->visible_ms = x->first_ms;
        }
        p->n_free--;
        p->n_started++;
        event_push(p, (struct event){x->end_ms, lot, true});
}

static void start_all(struct pricing *p, struct scheme *s)
{
        while (p->n_free > 0 && p->n_ready > 0) {
                uint32_t lot = ready_pop(p);
                double until = wait_until(p, &p->lots[lot]);

                if (until > p->now_ms)
                        event_push(p, (struct event){until, lot, false});
                else
                        start(p, s, lot);
        }
}

static void finish_lot(struct pricing *p, struct scheme *s, uint32_t lot)
{
        p->n_free++;
        p->end_ms = p->now_ms;
        for (uint32_t k = 0; k < s->lots[lot].n; k++) {
                p->stack[0] = s->members[s->lots[lot].first + k];
                finish_tasks(p, s, 1);
        }
}

bool simulate(struct pricing *p, struct scheme *s)
{
        find_paths(p, s);
        begin(p, s);
        start_all(p, s);
        while (p->n_events > 0) {
                struct event e = event_pop(p);

                p->now_ms = e.at_ms;
                if (e.is_end)
                        finish_lot(p, s, e.lot);
                else
                        ready_push(p, e.lot);
                start_all(p, s);
        }
        return p->n_started == p->n_used;
}
