#include "tests/unit/brute-plan.h"

#include <math.h>
#include <stdio.h>

#include "tests/unit/unit.h"

/* ---- cases ---- */

static uint64_t draw(uint64_t *x, uint64_t n)
{
        *x ^= *x << 13;
        *x ^= *x >> 7;
        *x ^= *x << 17;
        return (*x >> 11) % n;
}

static uint32_t add_text(struct work *w, enum block_class class, uint64_t *x, size_t from,
                         size_t to)
{
        size_t n = from + draw(x, to - from + 1);
        _cleanup_free_ char *text = malloc(n + 1);
        uint32_t block;

        assert_non_null(text);
        for (size_t i = 0; i < n; i++)
                text[i] = (char)('a' + draw(x, 26));
        assert_int_equal(work_add_block(w, class, (struct span){text, n}, &block), 0);
        return block;
}

static void add_statements(struct work *w, uint64_t *x, size_t n)
{
        static const char *const sections[] = {"entities"};

        w->sections = sections;
        w->whole = calloc(n + 1, sizeof(*w->whole));
        for (size_t i = 0; i < n; i++) {
                char name[32], text[1200];
                size_t length = 60 + draw(x, 1000);

                memset(text, 'x', length);
                text[length] = 0;
                snprintf(name, sizeof(name), "E%zu", i);
                assert_int_equal(work_add_statement(w,
                                                    &(struct spec_statement){.subject = name,
                                                                             .text = text,
                                                                             .n_text = length},
                                                    &w->whole[i]),
                                 0);
                w->n_whole++;
                w->whole_facts_bytes += length;
        }
}

/* Two kinds at most; facts of a task are some of the statements. */
static void add_task(struct work *w, uint64_t *x, uint32_t i, const uint32_t *standards,
                     const uint32_t *prompts)
{
        struct task *t = &w->tasks[i];
        size_t kind = draw(x, 4) == 0, bytes = 20;
        char text[32];

        t->index = i;
        t->kind = strdup(kind ? "b" : "a");
        t->batch = draw(x, 8) ? strdup("g") : NULL;
        t->tier = strdup(draw(x, 3) ? "fast" : "balanced");
        snprintf(text, sizeof(text), "f%u", i);
        t->path = strdup(text);
        t->title = strdup(text);
        t->command = -1;
        t->rest = NO_BLOCK;
        t->expected_output_bytes = 200 + draw(x, 9000);
        t->statements = calloc(w->n_whole + 1, sizeof(*t->statements));
        t->blocks = calloc(4, sizeof(*t->blocks));
        t->depends = calloc(i + 1, sizeof(*t->depends));
        for (uint32_t k = 0; k < w->n_whole; k++)
                if (draw(x, 2)) {
                        t->statements[t->n_statements++] = k;
                        bytes += w->statements[k].n_text;
                }
        t->blocks[t->n_blocks++] = standards[0];
        t->blocks[t->n_blocks++] = prompts[kind];
        t->blocks[t->n_blocks++] = add_text(w, BLOCK_FACTS, x, bytes, bytes);
        t->blocks[t->n_blocks++] = add_text(w, BLOCK_TASK, x, 100, 200);
        for (uint32_t k = 0; k < i; k++)
                if (draw(x, 5) == 0)
                        t->depends[t->n_depends++] = k;
}

static size_t draw_n_tasks(uint64_t *x)
{
        static const uint8_t sizes[] = {2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3,
                                        3, 4, 4, 4, 5, 5, 5, 6, 6, 7};

        return sizes[draw(x, N_ELEMENTS(sizes))];
}

static void make_models(struct brute_case *c, uint64_t *x)
{
        uint64_t price = 200 + draw(x, 2000);

        for (size_t t = 0; t < N_TIERS; t++, price = price * (12 + draw(x, 30)) / 10)
                c->models[t] = (struct model_facts){
                        .name = (char *)tier_names[t],
                        .price = {price, price / 10, price * 5 / 4, price * 2, price * 5},
                        .window = 200000,
                        .max_output = 64000,
                        .cache_minimum = draw(x, 2) ? 512 : 1024,
                        .cache_short_ms = 300000,
                        .cache_long_ms = 3600000,
                        .first_token_ms = 300 + draw(x, 1500),
                        .input_per_second = 5000 + draw(x, 30000),
                        .output_per_second = 30 + draw(x, 150),
                        .bytes_per_token = {3.2, 2.6, 2.7}};
}

void brute_case_make(uint64_t seed, struct brute_case *c)
{
        uint64_t x = seed * 0x9e3779b97f4a7c15u | 1;
        struct work *w = work_new();
        uint32_t standards[1], prompts[2], brief;
        size_t n;

        assert_non_null(w);
        for (int i = 0; i < 20; i++)
                (void)draw(&x, 2);
        *c = (struct brute_case){.work = w, .in = {.work = w}};
        n = draw_n_tasks(&x);
        make_models(c, &x);
        standards[0] = add_text(w, BLOCK_STANDARDS, &x, 500, 6000);
        brief = add_text(w, BLOCK_STANDARDS, &x, 300, 2500);
        w->blocks[standards[0]].compressed = brief;
        prompts[0] = add_text(w, BLOCK_PROMPT, &x, 200, 1500);
        prompts[1] = add_text(w, BLOCK_PROMPT, &x, 200, 1500);
        add_statements(w, &x, 3 + draw(&x, 6));
        w->tasks = calloc(n, sizeof(*w->tasks));
        for (uint32_t i = 0; i < n; i++, w->n_tasks++)
                add_task(w, &x, i, standards, prompts);
        for (enum tier t = 0; t < N_TIERS; t++)
                if (t == TIER_BALANCED || draw(&x, 2))
                        c->in.tiers[t] = (struct tier_model){"p", tier_names[t], &c->models[t],
                                                             .is_caching = true};
        for (size_t i = 0; i < N_PLAN_RULES; i++)
                c->in.is_on[i] = true;
        c->in.is_on[RULE_PREFIX] = draw(&x, 8) != 0;
        c->in.n_parallel = 1 + (unsigned)draw(&x, 6);
        c->in.objective = (enum plan_objective)draw(&x, 3);
        c->in.batch_max_output = 1500 + draw(&x, 8000);
        c->in.batch_max_files = draw(&x, 3) ? 0 : 2 + draw(&x, 3);
}

void brute_case_done(struct brute_case *c)
{
        work_free(c->work);
}

/* ---- everything ---- */

struct trying {
        const struct units *u;
        struct pricing *p;
        struct scheme *s;
        uint32_t lots[16], order[16];
        size_t n_lots;
        double best;
        bool is_full;
};

static void price(struct trying *t)
{
        double price = pricing_run_ordered(t->p, t->s, t->order);

        t->best = fmin(t->best, price);
}

/* All orders, by Heap's exchange. */
static void try_orders(struct trying *t, size_t n)
{
        if (n <= 1) {
                price(t);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                uint32_t *a = &t->order[t->lots[n % 2 ? 0 : i]], *b = &t->order[t->lots[n - 1]];
                uint32_t keep;

                try_orders(t, n - 1);
                keep = *a;
                *a = *b;
                *b = keep;
        }
}

static void try_flags(struct trying *t)
{
        for (size_t i = 0; i < t->n_lots; i++)
                t->order[t->lots[i]] = (uint32_t)i;
        if (!t->is_full) {
                try_orders(t, t->n_lots);
                return;
        }
        for (int i = 0; i < 4; i++) {
                t->s->is_compressed = i & 1;
                t->s->is_waiting_off = i & 2;
                try_orders(t, t->n_lots);
        }
}

/* Lot after lot: tiers and presentations. */
static void try_lots(struct trying *t, size_t at)
{
        const struct planning *in = t->u->in;
        struct lot *l;

        if (at == t->n_lots) {
                try_flags(t);
                return;
        }
        if (!t->is_full) {
                try_lots(t, at + 1);
                return;
        }
        l = &t->s->lots[t->lots[at]];
        for (enum tier tier = 0; tier < N_TIERS; tier++)
                for (enum presentation p = 0; p < PRESENT_WHOLE; p++) {
                        if (!in->tiers[tier].model)
                                continue;
                        l->tier = tier;
                        l->presentation = p;
                        try_lots(t, at + 1);
                }
}

static void start_partition(struct trying *t, const struct scheme *like)
{
        t->n_lots = 0;
        for (uint32_t i = 0; i < t->u->n; i++)
                if (t->s->lot_of[i] == i) {
                        t->s->lots[i] = like->lots[like->lot_of[i]];
                        t->lots[t->n_lots++] = i;
                }
        /* With tiers as chosen, a call has the best of its tasks'. */
        for (uint32_t i = 0; i < t->u->n; i++) {
                struct lot *l = &t->s->lots[t->s->lot_of[i]];

                l->tier = MAX2(l->tier, like->lots[like->lot_of[i]].tier);
        }
        try_lots(t, 0);
}

/* Task after task: into one of the lots so far that it may join, or one of its own. */
static void try_partitions(struct trying *t, const struct scheme *like, uint32_t unit)
{
        if (unit == t->u->n) {
                start_partition(t, like);
                return;
        }
        for (uint32_t i = 0; i <= unit; i++) {
                const struct unit *x = &t->u->at[i];

                if (i < unit && (t->s->lot_of[i] != i || x->bucket != t->u->at[unit].bucket ||
                                 !t->u->is_batchable[x->bucket]))
                        continue;
                t->s->lot_of[unit] = i;
                try_partitions(t, like, unit + 1);
        }
}

double brute_plan(const struct units *u, const struct scheme *like, bool is_full)
{
        struct trying t = {.u = u, .best = INFINITY, .is_full = is_full};

        assert_true(u->n <= N_ELEMENTS(t.lots));
        assert_int_equal(scheme_new(u, &t.s), 0);
        assert_int_equal(pricing_new(u, &t.p), 0);
        scheme_copy(t.s, like, u);
        try_partitions(&t, like, 0);
        pricing_free(t.p);
        scheme_free(t.s);
        return t.best;
}
