#include "daemon/plan/recipe.h"

/* What a single task needs, it names once. */
static int add_item(struct step *s, enum recipe_kind kind, uint32_t index)
{
        struct recipe *r = &s->recipe;
        struct recipe_item *items;

        for (size_t i = 0; s->n_tasks > 1 && i < r->n_items; i++)
                if (r->items[i].kind == kind && r->items[i].index == index)
                        return 0;
        /* Grown by doubling, at powers of two. */
        if ((r->n_items & (r->n_items - 1)) == 0) {
                items = realloc(r->items, MAX2(2 * r->n_items, (size_t)8) * sizeof(*items));
                if (!items)
                        return -ENOMEM;
                r->items = items;
        }
        r->items[r->n_items++] = (struct recipe_item){.kind = kind, .index = index};
        return 0;
}

static uint32_t in_brief(const struct work *w, const struct plan *p, uint32_t block)
{
        uint32_t brief = w->blocks[block].compressed;

        return p && p->is_compressed && brief != NO_BLOCK ? brief : block;
}

/* The blocks of one class, of all tasks. */
static int add_class(const struct work *w, const struct plan *p, struct step *s,
                     enum block_class class)
{
        int k = 0;

        for (size_t m = 0; m < s->n_tasks; m++) {
                const struct task *t = &w->tasks[s->tasks[m]];

                for (size_t i = 0; i < t->n_blocks && k == 0; i++)
                        if (w->blocks[t->blocks[i]].class == class)
                                k = add_item(s, RECIPE_BLOCK, in_brief(w, p, t->blocks[i]));
                for (size_t i = 0;
                     class == BLOCK_INTERFACE && !task_follows(t) && i < t->n_depends && k == 0;
                     i++)
                        k = add_item(s, RECIPE_INTERFACE, t->depends[i]);
        }
        return k;
}

/* What was added last ends a beginning. */
static void mark(const struct plan *p, struct step *s, enum beginning beginning)
{
        uint32_t prefix = s->prefixes[beginning];
        struct recipe_item *last;

        if (!p || prefix == NO_PREFIX || s->recipe.n_items == 0)
                return;
        last = &s->recipe.items[s->recipe.n_items - 1];
        last->is_marked = true;
        last->is_mark_for_1h = p->prefixes[prefix].is_long;
}

static int add_facts(const struct work *w, struct step *s)
{
        int k = 0;

        if (s->presentation == PRESENT_OWN)
                return add_class(w, NULL, s, BLOCK_FACTS);
        for (size_t m = 0; m < s->n_tasks && k == 0; m++)
                k = add_item(s, RECIPE_USES, s->tasks[m]);
        return k;
}

int recipe_write(const struct planning *in, const struct plan *p, struct step *s)
{
        const struct work *w = in->work;
        struct span base = {0};
        int k = add_class(w, p, s, BLOCK_STANDARDS);

        if (k == 0)
                mark(p, s, BEGIN_STANDARDS);
        if (k == 0 && s->presentation != PRESENT_OWN) {
                k = add_item(s, RECIPE_SET, (uint32_t)s->presentation);
                if (k == 0)
                        mark(p, s, BEGIN_SET);
        }
        k = k ? k : add_class(w, p, s, BLOCK_PROMPT);
        if (k == 0)
                mark(p, s, BEGIN_PROMPT);
        k = k ? k : add_facts(w, s);
        for (int class = BLOCK_INTERFACE; class < BLOCK_EVIDENCE && k == 0; class ++)
                k = add_class(w, p, s, (enum block_class) class);
        for (size_t m = 0; m < s->n_tasks && k == 0; m++)
                if (plan_base(p, &w->tasks[s->tasks[m]], &base))
                        k = add_item(s, RECIPE_BASE, s->tasks[m]);
        k = k ? k : add_item(s, RECIPE_EVIDENCE, 0);
        if (k == 0 && w->tasks[s->tasks[0]].path)
                k = add_item(s, RECIPE_ANSWER, 0);
        for (size_t i = 0; i < s->recipe.n_items; i++)
                s->recipe.items[i].is_squeezed =
                        s->recipe.items[i].kind == RECIPE_INTERFACE && in->is_on[RULE_COMPRESS];
        return k;
}
