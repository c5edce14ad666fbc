/* From a scheme to prompts in tokens, and their sum. The run is simulate.c's. */

#include "daemon/plan/pricing.h"

#include <math.h>

#include "daemon/plan/cost.h"

struct pricing *pricing_free(struct pricing *p)
{
        if (!p)
                return NULL;
        free(p->lots);
        free(p->nodes);
        free(p->stamps);
        free(p->n_waiting);
        free(p->lot_waiting);
        free(p->ready);
        free(p->events);
        free(p->stack);
        free(p->after_ms);
        free(p);
        return NULL;
}

/* ---- nodes ---- */

uint32_t node_of_standards(const struct units *u, enum tier tier, uint32_t standards)
{
        return (uint32_t)(tier * u->n_standards + standards);
}

uint32_t node_of_set(const struct units *u, enum tier tier, uint32_t standards, enum presentation p)
{
        return (uint32_t)(N_TIERS * u->n_standards + (tier * 2 + (p - 1)) * u->n_standards +
                          standards);
}

uint32_t node_of_pair(const struct units *u, enum tier tier, uint32_t pair, enum presentation p)
{
        return (uint32_t)(3 * N_TIERS * u->n_standards + (tier * N_PRESENTATIONS + p) * u->n_pairs +
                          pair);
}

int pricing_new(const struct units *u, struct pricing **ret)
{
        _cleanup_(pricing_freep) struct pricing *p = calloc(1, sizeof(*p));
        size_t n = u->n + 2;

        if (!p)
                return -ENOMEM;
        p->units = u;
        p->n_nodes = 3 * N_TIERS * u->n_standards + N_TIERS * N_PRESENTATIONS * u->n_pairs;
        p->lots = calloc(n, sizeof(*p->lots));
        p->nodes = calloc(p->n_nodes + 1, sizeof(*p->nodes));
        p->stamps = calloc(n, sizeof(*p->stamps));
        p->n_waiting = calloc(n, sizeof(*p->n_waiting));
        p->lot_waiting = calloc(n, sizeof(*p->lot_waiting));
        p->ready = calloc(n, sizeof(*p->ready));
        p->events = calloc(2 * n, sizeof(*p->events));
        p->stack = calloc(n, sizeof(*p->stack));
        p->after_ms = calloc(n, sizeof(*p->after_ms));
        if (!p->lots || !p->nodes || !p->stamps || !p->n_waiting || !p->lot_waiting || !p->ready ||
            !p->events || !p->stack || !p->after_ms)
                return -ENOMEM;
        *ret = take(p);
        return 0;
}

static uint64_t block_bytes(const struct units *u, uint32_t block, bool is_compressed)
{
        const struct block *b;

        if (block == NO_BLOCK)
                return 0;
        b = &u->in->work->blocks[block];
        if (is_compressed && b->compressed != NO_BLOCK)
                b = &u->in->work->blocks[b->compressed];
        return b->n_text;
}

static void set_node(struct pricing *p, uint32_t at, enum tier tier, double tokens, uint32_t parent)
{
        p->nodes[at] =
                (struct node){.tokens = tokens, .parent = parent, .tier = tier, .visible_ms = -1};
}

/* Tokens of all beginnings of a tier. */
static void fill_nodes(struct pricing *p, const struct scheme *s, enum tier tier)
{
        const struct units *u = p->units;
        const struct rates *r = &u->rates[tier];
        double sets[N_PRESENTATIONS] = {0, (double)u->shared_bytes * r->prompt[TEXT_DATA],
                                        (double)u->whole_bytes * r->prompt[TEXT_DATA]};

        for (uint32_t i = 0; i < u->n_standards; i++) {
                double tokens = (double)block_bytes(u, u->standards[i], s->is_compressed) *
                                r->prompt[TEXT_PROSE];
                uint32_t first = node_of_standards(u, tier, i);

                set_node(p, first, tier, tokens, UINT32_MAX);
                for (enum presentation k = PRESENT_SHARED; k < N_PRESENTATIONS; k++)
                        set_node(p, node_of_set(u, tier, i, k), tier, tokens + sets[k], first);
        }
        for (uint32_t i = 0; i < u->n_pairs; i++)
                for (enum presentation k = PRESENT_OWN; k < N_PRESENTATIONS; k++) {
                        uint32_t above = k == PRESENT_OWN
                                                 ? node_of_standards(u, tier, u->pairs[i].standards)
                                                 : node_of_set(u, tier, u->pairs[i].standards, k);

                        set_node(p, node_of_pair(u, tier, i, k), tier,
                                 p->nodes[above].tokens +
                                         (double)block_bytes(u, u->pairs[i].prompt, false) *
                                                 r->prompt[TEXT_PROSE],
                                 above);
                }
}

static bool add_text(const struct units *u, struct hasher *h, uint32_t block, bool is_compressed)
{
        const struct block *b;

        if (block == NO_BLOCK)
                return false;
        b = &u->in->work->blocks[block];
        if (is_compressed && b->compressed != NO_BLOCK)
                b = &u->in->work->blocks[b->compressed];
        hasher_add(h, b->hash.at, HASH_BYTES);
        return true;
}

static void add_set(const struct units *u, struct hasher *h, enum presentation which)
{
        const struct work *w = u->in->work;
        const uint32_t *set = which == PRESENT_WHOLE ? w->whole : u->shared;
        size_t n = which == PRESENT_WHOLE ? w->n_whole : u->n_shared;

        for (size_t i = 0; i < n; i++)
                hasher_add(h, w->statements[set[i]].text, w->statements[set[i]].n_text);
}

/* Where the node stands in the table says what it consists of. */
bool pricing_node_hash(const struct pricing *p, uint32_t node, bool is_compressed, struct hash *ret)
{
        const struct units *u = p->units;
        enum tier tier = p->nodes[node].tier;
        const char *model = u->in->tiers[tier].model, *provider = u->in->tiers[tier].provider;
        enum presentation which = PRESENT_OWN;
        size_t n_first = 3 * N_TIERS * u->n_standards;
        uint32_t standards, prompt = NO_BLOCK;
        struct hasher *h = NULL;
        bool has_text;

        if (!model || !provider || hasher_new(&h) < 0)
                return false;
        if (node >= n_first) {
                size_t at = node - n_first;

                prompt = u->pairs[at % u->n_pairs].prompt;
                standards = u->pairs[at % u->n_pairs].standards;
                which = (enum presentation)(at / u->n_pairs % N_PRESENTATIONS);
        } else {
                standards = (uint32_t)(node % u->n_standards);
                if (node >= N_TIERS * u->n_standards)
                        which = (enum presentation)(1 + (node - N_TIERS * u->n_standards) /
                                                                u->n_standards % 2);
        }
        hasher_add(h, provider, strlen(provider) + 1);
        hasher_add(h, model, strlen(model) + 1);
        has_text = add_text(u, h, u->standards[standards], is_compressed);
        if (which != PRESENT_OWN)
                add_set(u, h, which);
        has_text = add_text(u, h, prompt, false) || has_text || which != PRESENT_OWN;
        hasher_get(h, ret);
        hasher_free(h);
        return has_text;
}

/* What a provider has counted, and perhaps still holds. */
static void recall_nodes(struct pricing *p, const struct scheme *s)
{
        const struct planning *in = p->units->in;

        for (uint32_t i = 0; i < p->n_nodes; i++) {
                struct node *n = &p->nodes[i];
                const struct known_prefix *k;
                const struct model_facts *f;
                struct hash hash;

                if (n->n_lots == 0 || !pricing_node_hash(p, i, s->is_compressed, &hash))
                        continue;
                k = estimator_prefix(&in->estimator, &hash);
                if (!k)
                        continue;
                n->tokens = (double)k->tokens;
                /* Beyond any lifetime: the clock was set back since. */
                f = in->tiers[n->tier].facts;
                if (k->until_ms > in->now_ms && f && k->until_ms - in->now_ms <= f->cache_long_ms) {
                        n->was_warm = true;
                        n->warm_until_ms = k->until_ms;
                        n->visible_ms = 0;
                        n->expires_ms = (double)(k->until_ms - in->now_ms);
                }
        }
}

/* ---- lots ---- */

static void build_members(struct pricing *p, struct scheme *s)
{
        const struct units *u = p->units;
        uint32_t at = 0;

        for (size_t i = 0; i < s->n_lots; i++)
                s->lots[i].n = 0;
        for (size_t i = 0; i < u->n; i++)
                if (s->lot_of[i] != NO_LOT)
                        s->lots[s->lot_of[i]].n++;
        for (size_t i = 0; i < s->n_lots; i++) {
                s->lots[i].first = at;
                at += s->lots[i].n;
                s->lots[i].n = 0;
        }
        for (size_t i = 0; i < u->n; i++)
                if (s->lot_of[i] != NO_LOT) {
                        struct lot *l = &s->lots[s->lot_of[i]];

                        s->members[l->first + l->n++] = (uint32_t)i;
                }
}

/* Each interface once for all who need it. */
static double count_interfaces(struct pricing *p, const struct task *t)
{
        double bytes = 0;

        for (size_t i = 0; i < t->n_depends && !task_follows(t); i++) {
                if (p->stamps[t->depends[i]] == p->stamp)
                        continue;
                p->stamps[t->depends[i]] = p->stamp;
                bytes += p->units->at[t->depends[i]].interface_bytes;
        }
        return bytes;
}

static void list_nodes(struct pricing *p, const struct scheme *s, const struct lot *l,
                       struct lot_price *x, enum presentation which)
{
        const struct units *u = p->units;
        const struct unit *first = &u->at[s->members[l->first]];

        x->n_nodes = 0;
        x->nodes[x->n_nodes++] = node_of_standards(u, l->tier, first->standards);
        if (which != PRESENT_OWN)
                x->nodes[x->n_nodes++] = node_of_set(u, l->tier, first->standards, which);
        x->nodes[x->n_nodes++] = node_of_pair(u, l->tier, first->pair, which);
        for (size_t i = 0; i < x->n_nodes; i++)
                p->nodes[x->nodes[i]].n_lots++;
        x->stable = p->nodes[x->nodes[x->n_nodes - 1]].tokens;
}

static bool is_within_bounds(const struct units *u, const struct lot *l, const struct lot_price *x,
                             const struct unit *first)
{
        const struct planning *in = u->in;
        const struct model_facts *f = in->tiers[l->tier].facts;

        if (l->n <= 1)
                return true;
        if (!u->is_batchable[first->bucket] || (in->batch_max_files && l->n > in->batch_max_files))
                return false;
        if (x->output > (double)in->batch_max_output)
                return false;
        return !f || (x->output <= PLAN_WINDOW_SHARE * (double)f->max_output &&
                      x->stable + x->fresh + x->output <= PLAN_WINDOW_SHARE * (double)f->window);
}

/* What it will cost to ask again for what comes back refused, or does not come: of the files of a
 * call all but one may be missing. */
static double repetitions(const struct units *u, const struct lot *l, const struct unit *x)
{
        double missing = x->missing * (double)(l->n - 1) / (double)l->n;
        double alone = x->alone_nanousd[l->tier];

        return alone > 0 ? units_expected_nanousd(u, x, l->tier) - alone + missing * alone : 0;
}

/* One whose facts are not known in pieces has all told their own. */
static enum presentation presentation_of(const struct units *u, const struct scheme *s,
                                         const struct lot *l)
{
        for (uint32_t k = 0; k < l->n; k++)
                if (!u->at[s->members[l->first + k]].has_shared)
                        return PRESENT_OWN;
        return l->presentation;
}

static bool price_lot(struct pricing *p, struct scheme *s, uint32_t i)
{
        const struct units *u = p->units;
        struct lot *l = &s->lots[i];
        struct lot_price *x = &p->lots[i];
        const struct rates *r = &u->rates[l->tier];
        const struct unit *first = &u->at[s->members[l->first]];
        double bytes[N_TEXT_CLASSES] = {0};
        enum presentation which = presentation_of(u, s, l);
        double output = 0;
        size_t n_edited = 0;

        *x = (struct lot_price){0};
        p->stamp++;
        for (uint32_t k = 0; k < l->n; k++) {
                const struct unit *m = &u->at[s->members[l->first + k]];

                if (l->tier < m->floor || m->bucket != first->bucket)
                        return false;
                bytes[TEXT_CODE] +=
                        count_interfaces(p, &u->in->work->tasks[s->members[l->first + k]]);
                for (size_t c = 0; c < N_TEXT_CLASSES; c++)
                        bytes[c] += (double)m->tail.at[c];
                if (which == PRESENT_OWN)
                        bytes[TEXT_DATA] += m->own_bytes;
                else
                        bytes[TEXT_CODE] += m->rest_bytes;
                output += m->output_bytes;
                n_edited += m->is_edits;
                x->repeat_nanousd += repetitions(u, l, m);
                if (m->is_risk_known[l->tier])
                        x->known_repeat_nanousd += repetitions(u, l, m);
        }
        if (first->has_path)
                bytes[TEXT_PROSE] += (double)cost_answer_bytes(l->n, n_edited);
        l->presentation = which;
        list_nodes(p, s, l, x, which);
        for (size_t c = 0; c < N_TEXT_CLASSES; c++)
                x->fresh += bytes[c] * r->prompt[c];
        x->output = output * r->answer;
        return is_within_bounds(u, l, x, first);
}

/* ---- sums ---- */

static void price_tokens(struct pricing *p, const struct scheme *s, uint32_t i)
{
        const struct units *u = p->units;
        struct lot_price *x = &p->lots[i];
        const struct model_facts *f = u->in->tiers[s->lots[i].tier].facts;

        if (!f)
                return;
        x->nanousd = x->input * (double)f->price.input + x->read * (double)f->price.cache_read +
                     x->written * (double)(x->is_written_long ? f->price.cache_write_1h
                                                              : f->price.cache_write_5m) +
                     x->output * (double)f->price.output;
}

static double run(struct pricing *p, struct scheme *s)
{
        const struct units *u = p->units;
        double sum = 0;

        for (enum tier t = 0; t < N_TIERS; t++)
                fill_nodes(p, s, t);
        build_members(p, s);
        p->n_used = 0;
        for (uint32_t i = 0; i < s->n_lots; i++) {
                if (s->lots[i].n == 0)
                        continue;
                p->n_used++;
                if (!price_lot(p, s, i))
                        return INFINITY;
        }
        if (s->rules & RULE_BIT(RULE_PREFIX)) {
                if (u->in->estimator.n_prefixes > 0)
                        recall_nodes(p, s);
                marks_choose(u, s, p->nodes, p->n_nodes);
        }
        if (!simulate(p, s))
                return INFINITY;
        for (uint32_t i = 0; i < s->n_lots; i++) {
                if (s->lots[i].n == 0)
                        continue;
                price_tokens(p, s, i);
                sum += p->lots[i].nanousd + p->lots[i].repeat_nanousd;
        }
        return sum + u->nanousd_per_call * (double)p->n_used + u->nanousd_per_ms * p->end_ms;
}

double pricing_run(struct pricing *p, struct scheme *s)
{
        p->order = NULL;
        return run(p, s);
}

double pricing_run_ordered(struct pricing *p, struct scheme *s, const uint32_t *order)
{
        p->order = order;
        return run(p, s);
}

bool pricing_fits(struct pricing *p, struct scheme *s, uint32_t lot)
{
        return s->lots[lot].n == 0 || price_lot(p, s, lot);
}

bool pricing_overflows(const struct pricing *p, const struct scheme *s)
{
        for (size_t i = 0; i < s->n_lots; i++) {
                const struct lot *l = &s->lots[i];
                const struct lot_price *x = &p->lots[i];
                const struct model_facts *f = p->units->in->tiers[l->tier].facts;

                if (l->n == 1 && l->presentation != PRESENT_OWN && f && f->window > 0 &&
                    x->stable + x->fresh + x->output > (double)f->window)
                        return true;
        }
        return false;
}

const struct lot_price *pricing_lot(const struct pricing *p, uint32_t lot)
{
        return &p->lots[lot];
}

const struct node *pricing_node(const struct pricing *p, uint32_t node)
{
        return &p->nodes[node];
}

size_t pricing_n_nodes(const struct pricing *p)
{
        return p->n_nodes;
}

double pricing_repetitions(const struct pricing *p, const struct scheme *s)
{
        double sum = 0;

        for (uint32_t i = 0; i < s->n_lots; i++)
                sum += s->lots[i].n > 0 ? p->lots[i].known_repeat_nanousd : 0;
        return sum;
}

void pricing_total(const struct pricing *p, const struct scheme *s, struct estimate *ret)
{
        double sum[5] = {0};

        for (uint32_t i = 0; i < s->n_lots; i++) {
                const struct lot_price *x = &p->lots[i];

                if (s->lots[i].n == 0)
                        continue;
                ret->calls++;
                sum[0] += round(x->input);
                sum[1] += round(x->read);
                sum[2] += round(x->written);
                sum[3] += round(x->output);
                sum[4] += x->nanousd;
        }
        ret->tokens.input += (uint64_t)sum[0];
        ret->tokens.cache_read += (uint64_t)sum[1];
        ret->tokens.cache_write += (uint64_t)sum[2];
        ret->tokens.output += (uint64_t)sum[3];
        ret->nanousd += (uint64_t)llround(sum[4]);
        ret->ms += (uint64_t)llround(p->end_ms);
}

/* ---- schemes ---- */

int scheme_new(const struct units *u, struct scheme **ret)
{
        _cleanup_(scheme_freep) struct scheme *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->lot_of = calloc(u->n + 1, sizeof(*s->lot_of));
        s->lots = calloc(u->n + 1, sizeof(*s->lots));
        s->members = calloc(u->n + 1, sizeof(*s->members));
        if (!s->lot_of || !s->lots || !s->members)
                return -ENOMEM;
        *ret = take(s);
        return 0;
}

struct scheme *scheme_free(struct scheme *s)
{
        if (!s)
                return NULL;
        free(s->lot_of);
        free(s->lots);
        free(s->members);
        free(s);
        return NULL;
}

void scheme_copy(struct scheme *to, const struct scheme *from, const struct units *u)
{
        struct scheme arrays = *to;

        memcpy(arrays.lot_of, from->lot_of, u->n * sizeof(*arrays.lot_of));
        memcpy(arrays.lots, from->lots, u->n * sizeof(*arrays.lots));
        memcpy(arrays.members, from->members, u->n * sizeof(*arrays.members));
        *to = *from;
        to->lot_of = arrays.lot_of;
        to->lots = arrays.lots;
        to->members = arrays.members;
}

void scheme_reset(struct scheme *s, const struct units *u)
{
        s->n_lots = u->n;
        for (size_t i = 0; i < u->n; i++) {
                s->lot_of[i] = u->at[i].is_call ? (uint32_t)i : NO_LOT;
                s->lots[i] = (struct lot){.tier = TIER_QUALITY, .presentation = PRESENT_WHOLE};
        }
}

void scheme_move(struct scheme *s, const struct units *u, uint32_t unit, uint32_t to)
{
        uint32_t from = s->lot_of[unit], heir = NO_LOT;

        /* The lot that loses the unit it is numbered by takes the number of another. */
        for (uint32_t i = 0; from == unit && i < u->n; i++) {
                if (i == unit || s->lot_of[i] != from)
                        continue;
                heir = heir == NO_LOT ? i : heir;
                s->lot_of[i] = heir;
        }
        if (heir != NO_LOT)
                s->lots[heir] = s->lots[from];
        if (to == unit)
                s->lots[unit] = s->lots[heir != NO_LOT ? heir : from];
        s->lot_of[unit] = to == unit ? unit : s->lot_of[to];
}
