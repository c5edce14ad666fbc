#include "daemon/template/scope.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/template/engine.h"

void scope_done(struct scope *s)
{
        free(s->names);
        free(s->slots);
        free(s->symbols);
        free(s->index);
}

int scope_fail(struct resolver *v, const struct node *n, const char *format, ...)
{
        va_list args;

        v->diag->line = n ? n->line : 0;
        v->diag->column = n ? n->column : 0;
        va_start(args, format);
        vsnprintf(v->diag->text, sizeof(v->diag->text), format, args);
        va_end(args);
        return CONDITION_REFUSED;
}

int scope_no_room(struct resolver *v)
{
        return v->arena->is_over ? scope_fail(v, NULL, "the template is too large") : -ENOMEM;
}

static size_t hash_name(struct span name)
{
        size_t h = 14695981039346656037u;

        for (size_t i = 0; i < name.n; i++)
                h = (h ^ (unsigned char)name.at[i]) * 1099511628211u;
        return h;
}

static bool find_name(const struct scope *s, struct span name, size_t *ret)
{
        if (!s->index)
                return false;
        for (size_t i = hash_name(name);; i++) {
                uint32_t at = s->index[i & s->index_mask];

                if (at == 0)
                        return false;
                if (span_is_equal(s->names[at - 1], name)) {
                        *ret = at - 1;
                        return true;
                }
        }
}

static void index_name(struct scope *s, size_t at)
{
        size_t i = hash_name(s->names[at]);

        while (s->index[i & s->index_mask])
                i++;
        s->index[i & s->index_mask] = (uint32_t)at + 1;
}

static int grow_scope(struct resolver *v, struct scope *s)
{
        size_t room = MAX2(s->room * 2, 16u);
        struct span *names = reallocarray(s->names, room, sizeof(*names));
        uint32_t *slots, *index;
        struct symbol *symbols;

        if (!names)
                return -ENOMEM;
        s->names = names;
        slots = reallocarray(s->slots, room, sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        s->slots = slots;
        symbols = reallocarray(s->symbols, room, sizeof(*symbols));
        if (!symbols)
                return -ENOMEM;
        s->symbols = symbols;
        index = calloc(room * 2, sizeof(*index));
        if (!index)
                return -ENOMEM;
        free(s->index);
        s->index = index;
        s->index_mask = room * 2 - 1;
        s->room = room;
        for (size_t i = 0; i < s->n; i++)
                index_name(s, i);
        return s->n >= SCOPE_MAX_NAMES
                       ? scope_fail(v, NULL, "more than %u names in one scope", SCOPE_MAX_NAMES)
                       : 0;
}

static int add_name(struct resolver *v, struct scope *s, struct span name, size_t *ret)
{
        if (find_name(s, name, ret))
                return 0;
        if (s->n == s->room) {
                int r = grow_scope(v, s);

                if (r)
                        return r;
        }
        s->names[s->n] = name;
        s->slots[s->n] = s->function->n_slots++;
        s->symbols[s->n] = (struct symbol){0};
        index_name(s, s->n);
        *ret = s->n++;
        return 0;
}

bool scope_find(const struct scope *s, struct span name, struct place *ret)
{
        uint32_t hops = 0;

        for (; s; s = s->parent) {
                size_t i;

                if (find_name(s, name, &i) && s->symbols[i].is_known) {
                        *ret = (struct place){.slot = s->slots[i], .hops = hops};
                        return true;
                }
                hops += s->parent && s->parent->function != s->function;
        }
        return false;
}

/* The same from inside of s, but not in it. */
static bool find_outside(const struct scope *s, struct span name, struct place *ret)
{
        if (!s->parent || !scope_find(s->parent, name, ret))
                return false;
        ret->hops += s->parent->function != s->function;
        return true;
}

static int define(struct resolver *v, struct scope *s, struct span name, enum load_kind load,
                  struct place from)
{
        size_t i;
        int r = add_name(v, s, name, &i);

        if (r)
                return r;
        s->symbols[i].is_known = true;
        s->symbols[i].load = load;
        s->symbols[i].from = from;
        return 0;
}

int scope_load(struct resolver *v, struct scope *s, struct span name)
{
        struct place place;

        return scope_find(s, name, &place) ? 0
                                           : define(v, s, name, LOAD_RESOLVE, (struct place){0});
}

int scope_store(struct resolver *v, struct scope *s, struct span name)
{
        struct place outer = {0};
        size_t i;
        int r = add_name(v, s, name, &i);

        if (r)
                return r;
        s->symbols[i].is_stored = true;
        if (s->symbols[i].is_known)
                return 0;
        return find_outside(s, name, &outer) ? define(v, s, name, LOAD_ALIAS, outer)
                                             : define(v, s, name, LOAD_UNDEFINED, outer);
}

int scope_declare(struct resolver *v, struct scope *s, struct span name)
{
        size_t i;
        int r = define(v, s, name, LOAD_PARAMETER, (struct place){0});

        if (!r)
                r = add_name(v, s, name, &i);
        if (!r)
                s->symbols[i].is_stored = true;
        return r;
}

static int copy_symbols(const struct scope *s, struct symbol **ret)
{
        struct symbol *copy = calloc(MAX2(s->room, 1u), sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        if (s->n)
                memcpy(copy, s->symbols, s->n * sizeof(*copy));
        *ret = copy;
        return 0;
}

/* Visits with a copy of what is known now; then the scope knows again what it did, and the branch
 * what it saw. */
int scope_begin_branch(struct scope *s, struct branch *b)
{
        struct symbol *copy;
        int r = copy_symbols(s, &copy);

        if (r)
                return r;
        b->symbols = s->symbols; /* the original rests here meanwhile */
        b->n = s->n;
        s->symbols = copy;
        return 0;
}

int scope_end_branch(struct scope *s, struct branch *b)
{
        struct symbol *original = b->symbols, *grown;
        size_t n = b->n;

        grown = reallocarray(original, MAX2(s->room, 1u), sizeof(*grown));
        if (!grown)
                return -ENOMEM; /* b keeps the original: freed with it */
        for (size_t i = n; i < s->n; i++)
                grown[i] = (struct symbol){0};
        b->symbols = s->symbols;
        b->n = s->n;
        s->symbols = grown;
        return 0;
}

int scope_merge(struct scope *s, struct branch *branches, size_t n)
{
        struct symbol *before = NULL;
        int r = copy_symbols(s, &before);

        if (r)
                return r;
        for (size_t b = 0; b < n; b++)
                for (size_t i = 0; i < branches[b].n; i++) {
                        const struct symbol *from = &branches[b].symbols[i];

                        s->symbols[i].is_known |= from->is_known;
                        s->symbols[i].is_stored |= from->is_stored;
                        if (from->load) {
                                s->symbols[i].load = from->load;
                                s->symbols[i].from = from->from;
                        }
                }
        for (size_t i = 0; i < s->n; i++) {
                struct place outer;

                if (!s->symbols[i].is_stored || before[i].is_stored)
                        continue;
                if (find_outside(s, s->names[i], &outer)) {
                        s->symbols[i].load = LOAD_ALIAS;
                        s->symbols[i].from = outer;
                } else {
                        s->symbols[i].load = LOAD_RESOLVE;
                }
        }
        free(before);
        return 0;
}

/* What entering the scope does. */
int scope_frame(struct resolver *v, const struct scope *s, struct frame **ret)
{
        struct frame *f = arena_alloc(v->arena, sizeof(*f));

        if (f)
                f->loads = arena_alloc(v->arena, MAX2(s->n, 1u) * sizeof(*f->loads));
        if (!f || !f->loads)
                return scope_no_room(v);
        for (size_t i = 0; i < s->n; i++) {
                const struct symbol *symbol = &s->symbols[i];

                if (symbol->load == LOAD_NONE || symbol->load == LOAD_PARAMETER)
                        continue;
                f->loads[f->n_loads++] = (struct load){.kind = symbol->load,
                                                       .name = s->names[i],
                                                       .hash = text_hash(s->names[i]),
                                                       .global = global_find(s->names[i]),
                                                       .slot = s->slots[i],
                                                       .from = symbol->from};
        }
        *ret = f;
        return 0;
}

static bool is_hidden(const struct scope *inner, const struct scope *outer, struct span name)
{
        size_t at;

        for (; inner != outer; inner = inner->parent)
                if (find_name(inner, name, &at) && inner->symbols[at].is_stored &&
                    inner->symbols[at].is_known)
                        return true;
        return false;
}

int scope_locals(struct resolver *v, struct scope *s, struct locals **ret)
{
        struct locals *l = s->locals;
        size_t n = 0;

        if (!l) {
                for (const struct scope *i = s; i; i = i->parent)
                        n += i->n;
                l = arena_alloc(v->arena, sizeof(*l));
                if (l)
                        l->at = arena_alloc(v->arena, MAX2(n, 1u) * sizeof(*l->at));
                if (!l || !l->at)
                        return scope_no_room(v);
                for (const struct scope *i = s; i; i = i->parent)
                        for (size_t k = 0; k < i->n; k++) {
                                const struct symbol *symbol = &i->symbols[k];

                                if (!symbol->is_stored || !symbol->is_known ||
                                    is_hidden(s, i, i->names[k]))
                                        continue;
                                l->at[l->n].name = i->names[k];
                                l->n += scope_find(s, i->names[k], &l->at[l->n].place);
                        }
                s->locals = l;
        }
        *ret = l;
        return 0;
}
