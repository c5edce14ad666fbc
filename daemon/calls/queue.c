#include "daemon/calls/lane.h"

#include "common/clock.h"
#include "daemon/calls/flight.h"

static struct calls_limits find_limits(const struct calls *c, const char *provider,
                                       const char *model)
{
        if (!c->config.find_limits)
                return (struct calls_limits){};
        return c->config.find_limits(provider, model, c->config.arg);
}

static void configure_model(const struct calls *c, const struct lane *l, struct model_limits *m)
{
        struct calls_limits x = find_limits(c, l->provider, m->model);

        buckets_configure(&m->buckets, &(struct rate_limits){x.requests, x.input, x.output},
                          clock_monotonic_usec());
}

void lane_configure(struct calls *c, struct lane *l)
{
        unsigned n = find_limits(c, l->provider, NULL).n_calls;
        struct model_limits *m, *next;

        gate_set_max(&l->gate, n > 0 ? MIN2(n, c->config.n_calls_max) : c->config.n_calls_max);
        HASH_ITER (hh, l->models, m, next)
                configure_model(c, l, m);
}

int lane_get(struct calls *c, const char *provider, struct lane **ret)
{
        struct lane *l;

        HASH_FIND_STR(c->lanes, provider, l);
        if (!l) {
                l = calloc(1, sizeof(*l));
                if (!l)
                        return -ENOMEM;
                l->provider = strdup(provider);
                if (!l->provider) {
                        free(l);
                        return -ENOMEM;
                }
                gate_init(&l->gate, c->config.n_calls_max);
                for (int i = 0; i < N_CALL_CLASSES; i++)
                        TAILQ_INIT(&l->classes[i].order);
                HASH_ADD_KEYPTR(hh, c->lanes, l->provider, strlen(l->provider), l);
                if (!l->hh.tbl) {
                        lane_free(l);
                        return -ENOMEM;
                }
                lane_configure(c, l);
        }
        *ret = l;
        return 0;
}

struct lane *lane_free(struct lane *l)
{
        struct model_limits *m, *next;

        HASH_ITER (hh, l->models, m, next) {
                HASH_DEL(l->models, m);
                free(m->model);
                free(m);
        }
        free(l->provider);
        free(l);
        return NULL;
}

int lane_limits(struct calls *c, struct lane *l, const char *model, struct model_limits **ret)
{
        struct model_limits *m;

        HASH_FIND_STR(l->models, model, m);
        if (!m) {
                m = calloc(1, sizeof(*m));
                if (!m)
                        return -ENOMEM;
                m->model = strdup(model);
                if (m->model)
                        HASH_ADD_KEYPTR(hh, l->models, m->model, strlen(m->model), m);
                if (!m->model || !m->hh.tbl) {
                        free(m->model);
                        free(m);
                        return -ENOMEM;
                }
                configure_model(c, l, m);
        }
        *ret = m;
        return 0;
}

/* ---- turns ---- */

static int turn_get(struct lane *l, enum call_class class, const struct ulid *job,
                    struct turn **ret)
{
        struct turn *t;

        HASH_FIND(hh, l->classes[class].by_job, job->at, ULID_BYTES, t);
        if (!t) {
                t = calloc(1, sizeof(*t));
                if (!t)
                        return -ENOMEM;
                t->job = *job;
                t->class = class;
                TAILQ_INIT(&t->flights);
                HASH_ADD(hh, l->classes[class].by_job, job, ULID_BYTES, t);
                if (!t->hh.tbl) {
                        free(t);
                        return -ENOMEM;
                }
                TAILQ_INSERT_TAIL(&l->classes[class].order, t, entry);
        }
        *ret = t;
        return 0;
}

/* In whose turn it waits: that of an interactive owner if there is one, else the payer's. */
static const struct call *best_owner(const struct flight *f)
{
        const struct call *c;

        TAILQ_FOREACH (c, &f->owners, entry)
                if (c->class == CLASS_NOW)
                        return c;
        return flight_payer(f);
}

int queue_add(struct flight *f, bool is_first)
{
        const struct call *owner = best_owner(f);
        struct turn_list *order = &f->lane->classes[owner->class].order;
        struct turn *t;
        int r;

        r = turn_get(f->lane, owner->class, &owner->job, &t);
        if (r < 0)
                return r;
        if (is_first) {
                TAILQ_INSERT_HEAD(&t->flights, f, entry);
                TAILQ_REMOVE(order, t, entry);
                TAILQ_INSERT_HEAD(order, t, entry);
        } else
                TAILQ_INSERT_TAIL(&t->flights, f, entry);
        f->turn = t;
        flight_move(f, FLIGHT_QUEUED);
        return 0;
}

void queue_remove(struct flight *f)
{
        struct turn *t = f->turn;

        TAILQ_REMOVE(&t->flights, f, entry);
        f->turn = NULL;
        if (!TAILQ_EMPTY(&t->flights))
                return;
        TAILQ_REMOVE(&f->lane->classes[t->class].order, t, entry);
        HASH_DEL(f->lane->classes[t->class].by_job, t);
        free(t);
}

void queue_review(struct flight *f)
{
        const struct call *owner = best_owner(f);
        struct turn *t;

        /* Without memory it waits where it is, which is only less fair. */
        if (turn_get(f->lane, owner->class, &owner->job, &t) < 0 || t == f->turn)
                return;
        queue_remove(f);
        TAILQ_INSERT_TAIL(&t->flights, f, entry);
        f->turn = t;
}

/* ---- running ---- */

/* A request that is refused for how it is written is refused at once; one that is not, may wait for
 * its model to be loaded, as the others would. */
#define SCOUT_USEC UINT64_C(30000000)

static bool waits_for_scout(const struct flight *f, uint64_t now, uint64_t *wait)
{
        const struct model_limits *m = f->limits;
        uint64_t until = m->scout_usec + SCOUT_USEC / MAX2(f->room->config.n_hurry, 1U);

        if (!m->scout || m->scout == f || now >= until)
                return false;
        *wait = MIN2(*wait, until - now);
        return true;
}

#define HELD_TOLD_USEC UINT64_C(10000000)   /* what a person would not notice beside answers */
#define HELD_AGAIN_USEC UINT64_C(300000000) /* a job that crawls is told of seldom */

static void note_held(struct flight *f, uint64_t wait_usec, uint64_t now)
{
        struct call *c;

        TAILQ_FOREACH (c, &f->owners, entry) {
                if (c->account->held_usec > 0 && now - c->account->held_usec < HELD_AGAIN_USEC)
                        continue;
                c->account->held_usec = now;
                c->held_ms = wait_usec / 1000;
                call_tell_later(c);
        }
}

/* The flight may leave now; else *wait is lowered to when it may. CONDITION_REFUSED: its budget
 * will never allow it. */
static int judge(struct flight *f, uint64_t now, uint64_t *wait)
{
        uint64_t here = buckets_wait_usec(&f->limits->buckets, flight_input(f), now);
        bool is_never;

        if (here >= HELD_TOLD_USEC)
                note_held(f, here, now);
        if (here > 0 || f->limits->is_held) {
                f->limits->is_held = true; /* else a large prompt would wait for ever */
                *wait = here > 0 ? MIN2(*wait, here) : *wait;
                return CONDITION_ABSENT;
        }
        if (waits_for_scout(f, now, wait))
                return CONDITION_ABSENT;
        if (budget_has_reserved(f) || budget_fits(f, &is_never))
                return 0;
        return is_never ? CONDITION_REFUSED : CONDITION_ABSENT;
}

/* True when one left the queue. */
static bool run_one(struct lane *l, enum call_class class, uint64_t now, uint64_t *wait)
{
        struct turn_list *order = &l->classes[class].order;
        struct turn *t;

        TAILQ_FOREACH (t, order, entry) {
                struct flight *f = TAILQ_FIRST(&t->flights);
                int r = judge(f, now, wait);

                if (r == CONDITION_ABSENT)
                        continue;
                /* The turn is over; it may be gone when it was the last flight. */
                TAILQ_REMOVE(order, t, entry);
                TAILQ_INSERT_TAIL(order, t, entry);
                queue_remove(f);
                if (r == 0)
                        flight_leave(f);
                else
                        flight_end(f, budget_refuses_flight(f), STOP_OTHER, NULL);
                return true;
        }
        return false;
}

static uint64_t run_lane(struct lane *l)
{
        uint64_t wait = UINT64_MAX;
        struct model_limits *m, *next;

        HASH_ITER (hh, l->models, m, next)
                m->is_held = false;
        while (gate_has_slot(&l->gate)) {
                uint64_t now = clock_monotonic_usec();
                bool has_left = false;

                for (int class = 0; class < N_CALL_CLASSES && !has_left; class ++)
                        has_left = run_one(l, class, now, &wait);
                if (!has_left)
                        break;
        }
        return wait;
}

uint64_t queue_run(struct calls *c)
{
        uint64_t wait = UINT64_MAX;
        struct lane *l, *next;

        HASH_ITER (hh, c->lanes, l, next) {
                uint64_t here = run_lane(l);

                wait = MIN2(wait, here);
        }
        return wait;
}
