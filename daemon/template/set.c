/* Named sources, compiled when they are reached. */

#include "daemon/template/set.h"

#include <stdio.h>

#include "common/str.h"
#include "daemon/template/lexer.h"

#define COMPILE_MAX_BYTES ((size_t)256 << 20) /* of the tree of the largest source */

struct source {
        char *name;        /* owned */
        struct span text;  /* borrowed: see template_set_add() */
        struct hash hash;  /* of text; once compiled */
        struct unit *unit; /* owned if is_owner, else that of another source with the same text */
        bool is_owner;
        bool is_reached; /* by the template that is compiled at the moment */
        bool is_faulty;  /* and the listener knows */
};

struct template_set {
        unsigned n_refs;        /* atomic: templates may be freed anywhere */
        struct source *sources; /* owned; sorted by name */
        size_t n, room;
        void (*on_fault)(const char *name, const struct diag *d, void *arg); /* NULL */
        void *arg;                                                           /* of on_fault */
};

int template_set_new(struct template_set **ret)
{
        struct template_set *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->n_refs = 1;
        *ret = s;
        return 0;
}

struct template_set *template_set_ref(struct template_set *s)
{
        __atomic_add_fetch(&s->n_refs, 1, __ATOMIC_RELAXED);
        return s;
}

static struct unit *unit_free(struct unit *u)
{
        if (!u)
                return NULL;
        arena_done(&u->arena);
        free(u);
        return NULL;
}
DEFINE_CLEANUP(struct unit, unit_free);

struct template_set *template_set_unref(struct template_set *s)
{
        if (!s || __atomic_sub_fetch(&s->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        for (size_t i = 0; i < s->n; i++) {
                if (s->sources[i].is_owner)
                        unit_free(s->sources[i].unit);
                free(s->sources[i].name);
        }
        free(s->sources);
        free(s);
        return NULL;
}

/* Where the name is, or belongs. */
static size_t position(const struct template_set *s, struct span name, bool *ret_is_there)
{
        size_t low = 0, high = s->n;

        *ret_is_there = false;
        while (low < high) {
                size_t middle = (low + high) / 2;
                struct span there = span_of(s->sources[middle].name);
                int order = memcmp(there.at, name.at, MIN2(there.n, name.n));

                if (order == 0)
                        order = there.n < name.n ? -1 : there.n > name.n;
                if (order == 0) {
                        *ret_is_there = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static struct source *find_source(const struct template_set *s, struct span name)
{
        bool is_there;
        size_t i = position(s, name, &is_there);

        return is_there ? &s->sources[i] : NULL;
}

bool template_set_has(const struct template_set *s, const char *name)
{
        return find_source(s, span_of(name)) != NULL;
}

const struct unit *template_set_find(const struct template_set *s, struct span name)
{
        const struct source *source = name.n ? find_source(s, name) : NULL;

        return source ? source->unit : NULL;
}

int template_set_add(struct template_set *s, const char *name, struct span source)
{
        char *copy = str_dup_span(span_of(name));
        bool is_there;
        size_t i = position(s, span_of(name), &is_there);

        assert(!is_there);
        if (!copy)
                return -ENOMEM;
        if (s->n == s->room) {
                size_t room = MAX2(s->room * 2, 4u);
                struct source *more = reallocarray(s->sources, room, sizeof(*more));

                if (!more) {
                        free(copy);
                        return -ENOMEM;
                }
                s->sources = more;
                s->room = room;
        }
        memmove(&s->sources[i + 1], &s->sources[i], (s->n - i) * sizeof(*s->sources));
        s->sources[i] = (struct source){.name = copy, .text = source};
        s->n++;
        return 0;
}

void template_set_listen(struct template_set *s,
                         void (*on_fault)(const char *name, const struct diag *d, void *arg),
                         void *arg)
{
        s->on_fault = on_fault;
        s->arg = arg;
}

/* The faults of one source, on their way to the listener. */
struct telling {
        const struct template_set *set;
        const char *name;
};

static void tell(const struct diag *diag, void *arg)
{
        const struct telling *t = arg;

        t->set->on_fault(t->name, diag, t->set->arg);
}

/* CONDITION_REFUSED: of a fault that is not in the report. */
static int compile_unit(struct unit *u, struct span text, struct report *report, struct diag *diag)
{
        struct tokens tokens = {0};
        int r = lexer_run(&u->arena, text, &tokens, report, diag);

        if (!r)
                r = parser_run(&u->arena, &tokens, &u->body, &u->n_fixed, &u->references, report,
                               diag);
        if (!r && (!report || report->n == 0))
                r = scope_resolve(&u->arena, u, &u->body, &u->root, &u->blocks, diag);
        tokens_done(&tokens);
        return r;
}

static int refuse_missing(const struct reference *ref, struct diag *diag)
{
        diag->line = ref->line;
        diag->column = ref->column;
        snprintf(diag->text, sizeof(diag->text), "there is no template '%.*s'",
                 (int)MIN2(ref->name.n, 100u), ref->name.at);
        return CONDITION_REFUSED;
}

/* Of a template that has other faults: nothing is reached through it. */
static void tell_missing(const struct template_set *s, const struct unit *u, struct diag *diag)
{
        for (const struct reference *ref = u->references.first; ref; ref = ref->next)
                if (!ref->is_optional && !find_source(s, ref->name)) {
                        (void)refuse_missing(ref, diag);
                        s->on_fault(u->name, diag, s->arg);
                }
}

static int compile_source(struct template_set *s, struct source *source, struct diag *diag)
{
        _cleanup_(unit_freep) struct unit *u = NULL;
        struct telling telling = {s, source->name};
        struct report report = {.on_fault = tell, .arg = &telling};
        int r;

        if (source->text.n > TEMPLATE_MAX_BYTES) {
                snprintf(diag->text, sizeof(diag->text), "the template is larger than %u bytes",
                         TEMPLATE_MAX_BYTES);
                return CONDITION_REFUSED;
        }
        hash_of(source->text.at, source->text.n, &source->hash);
        for (size_t i = 0; i < s->n && !source->unit; i++)
                if (s->sources[i].is_owner && hash_is_equal(&s->sources[i].hash, &source->hash))
                        source->unit = s->sources[i].unit;
        if (source->unit)
                return 0;
        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        arena_init(&u->arena, COMPILE_MAX_BYTES);
        u->name = source->name;
        u->hash = source->hash;
        r = compile_unit(u, source->text, s->on_fault ? &report : NULL, diag);
        if (r == 0 && report.n > 0) {
                source->is_faulty = true;
                tell_missing(s, u, diag);
                return CONDITION_REFUSED;
        }
        if (r)
                return r;
        source->unit = take(u);
        source->is_owner = true;
        return 0;
}

/* What is refused is told of once; with a listener the others are compiled in spite of it. */
static int refused(const struct template_set *s, struct source *source, const struct diag *diag)
{
        if (!s->on_fault)
                return CONDITION_REFUSED;
        if (!source->is_faulty)
                s->on_fault(source->name, diag, s->arg);
        source->is_faulty = true;
        return 0;
}

/* Marks what the source leads to. *ret_is_new: something was marked. */
static int reach(struct template_set *s, struct source *source, bool *ret_is_new, struct diag *diag)
{
        bool is_faulty = source->is_faulty;

        for (const struct reference *ref = source->unit->references.first; ref; ref = ref->next) {
                struct source *to = find_source(s, ref->name);

                if (!to && !ref->is_optional) {
                        source->is_faulty = is_faulty; /* each that is missing is a fault */
                        (void)refuse_missing(ref, diag);
                        if (refused(s, source, diag))
                                return CONDITION_REFUSED;
                }
                *ret_is_new |= to && !to->is_reached;
                if (to)
                        to->is_reached = true;
        }
        for (size_t i = 0; i < s->n && source->unit->references.has_computed; i++) {
                *ret_is_new |= !s->sources[i].is_reached;
                s->sources[i].is_reached = true;
        }
        return 0;
}

static int compile_one(struct template_set *s, struct source *source, bool *ret_is_new,
                       struct diag *diag)
{
        int r = 0;

        if (!source->unit && !source->is_faulty)
                r = compile_source(s, source, diag);
        if (r == 0 && source->unit)
                return reach(s, source, ret_is_new, diag);
        return r == CONDITION_REFUSED ? refused(s, source, diag) : r;
}

/* Until nothing new is reached: as many rounds as the longest chain, which is short. */
static int compile_all(struct template_set *s, const char **ret_where, struct diag *diag)
{
        bool is_new = true, is_faulty = false;
        int r = 0;

        while (is_new) {
                is_new = false;
                for (size_t i = 0; i < s->n; i++) {
                        struct source *source = &s->sources[i];

                        if (!source->is_reached)
                                continue;
                        *ret_where = source->name;
                        r = compile_one(s, source, &is_new, diag);
                        if (r)
                                return r;
                        is_faulty |= source->is_faulty;
                }
        }
        return is_faulty ? CONDITION_REFUSED : 0;
}

static int sum_up(const struct template_set *s, const struct source *entry, struct template *t)
{
        _cleanup_(hasher_freep) struct hasher *h = NULL;
        int r = hasher_new(&h);

        if (r)
                return r;
        t->units = calloc(s->n, sizeof(*t->units));
        if (!t->units)
                return -ENOMEM;
        hasher_add(h, &entry->hash, sizeof(entry->hash));
        for (size_t i = 0; i < s->n; i++) {
                const struct source *source = &s->sources[i];

                if (!source->is_reached)
                        continue;
                t->units[t->n_units++] = source->unit;
                t->n_fixed += source->unit->n_fixed;
                hasher_add(h, source->name, strlen(source->name) + 1);
                hasher_add(h, &source->hash, sizeof(source->hash));
        }
        hasher_get(h, &t->hash);
        if (t->n_units == 1)
                t->hash = entry->hash; /* alone, it has the hash of its text */
        return 0;
}

bool template_set_is_compiled(const struct template_set *s, const char *name)
{
        const struct source *source = find_source(s, span_of(name));

        return source && source->unit;
}

int template_set_compile(struct template_set *s, const char *name, struct template **ret,
                         const char **ret_where, struct diag *ret_diag)
{
        _cleanup_(template_freep) struct template *t = NULL;
        struct source *entry = find_source(s, span_of(name));
        int r;

        assert(entry);
        *ret_diag = (struct diag){0};
        *ret_where = entry->name;
        for (size_t i = 0; i < s->n; i++)
                s->sources[i].is_reached = &s->sources[i] == entry;
        r = compile_all(s, ret_where, ret_diag);
        if (r)
                return r;
        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->set = template_set_ref(s);
        t->unit = entry->unit;
        t->name = entry->name;
        r = sum_up(s, entry, t);
        if (r)
                return r;
        *ret = take(t);
        return 0;
}
