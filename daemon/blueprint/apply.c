#include <ctype.h>
#include <stdio.h>

#include "common/path.h"
#include "daemon/blueprint/layout.h"
#include "daemon/blueprint/slice.h"
#include "daemon/blueprint/tell-routes.h"

/* Tasks of a model: by kind in the blueprint's order, within a kind in the specification's. As a
 * kind depends on earlier kinds only, that order is topological; where files of one kind depend on
 * those of imported packages, these come first. */

#define MAX_TASKS 200000u /* of one job: planning stays below a second */

struct kind_tasks {
        uint32_t *of; /* owned: task by subject; UINT32_MAX: none */
        size_t n;
};

struct application {
        struct layout *l;
        struct work *w;
        struct kind_tasks *kinds;
        size_t room;
};

static size_t n_subjects(const struct layout *l, enum each each)
{
        switch (each) {
        case EACH_PROJECT:
                return 1;
        case EACH_ENTITY:
                return l->n_entities;
        case EACH_PACKAGE:
        case EACH_SERVICE:
                return l->n_packages;
        default:
                return l->n_contracts;
        }
}

static struct subject subject_of(const struct layout *l, enum each each, size_t i)
{
        switch (each) {
        case EACH_ENTITY:
                return (struct subject){(int64_t)i, l->entities[i].package, -1};
        case EACH_PACKAGE:
        case EACH_SERVICE:
                return (struct subject){-1, (int64_t)i, -1};
        case EACH_CONTRACT:
                return (struct subject){-1, -1, (int64_t)i};
        default:
                return (struct subject){-1, -1, -1};
        }
}

static bool is_wanted(const struct layout *l, const struct kind *k, const struct subject *s)
{
        uint32_t features = l->features;

        if (s->entity >= 0 && l->entities[s->entity].is_served)
                features |= 1u << FEATURE_SERVED;
        if (s->package >= 0 && l->packages[s->package].is_same_folder)
                return false;
        if (k->each == EACH_SERVICE && l->packages[s->package].entities.n == 0)
                return false;
        return !(k->when.wanted & ~features) && !(k->when.unwanted & features);
}

static int add_dependency(struct application *a, struct task *t, uint32_t kind, size_t subject,
                          size_t *room)
{
        uint32_t index = subject < a->kinds[kind].n ? a->kinds[kind].of[subject] : UINT32_MAX;

        if (index == UINT32_MAX)
                return 0;
        if (t->n_depends <
            64) /* a file for each entity names few; one for the project names each once */
                for (size_t i = 0; i < t->n_depends; i++)
                        if (t->depends[i] == index)
                                return 0;
        if (t->n_depends == *room) {
                uint32_t *grown = reallocarray(t->depends, *room * 2 + 8, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                t->depends = grown;
                *room = *room * 2 + 8;
        }
        t->depends[t->n_depends++] = index;
        return 0;
}

static int add_ranked(struct application *a, struct task *t, uint32_t kind,
                      const struct refs *ranks, size_t *room)
{
        int r = 0;

        for (size_t i = 0; i < ranks->n && r == 0; i++)
                r = add_dependency(a, t, kind, a->l->by_name[ranks->at[i]], room);
        return r;
}

static int add_dependencies_of(struct application *a, const struct kind *k,
                               const struct dependency *d, const struct subject *s, size_t index,
                               struct task *t, size_t *room)
{
        struct layout *l = a->l;
        int64_t entity = s->contract >= 0 ? l->contracts[s->contract].entity : s->entity;
        const struct refs *others;
        struct refs named = {0};
        int r = 0;

        switch (d->of) {
        case OF_SAME:
                if (l->b->kinds[d->kind].each == k->each)
                        return add_dependency(a, t, d->kind, index, room);
                return entity >= 0 ? add_dependency(a, t, d->kind, (size_t)entity, room) : 0;
        case OF_PACKAGE:
                others = &l->packages[s->package].entities;
                for (size_t i = 0; i < others->n && r == 0; i++)
                        r = add_dependency(a, t, d->kind, others->at[i], room);
                return r;
        case OF_REFERENCES:
                r = slice_references(l, k, s, &named);
                if (r == 0)
                        r = add_ranked(a, t, d->kind, &named, room);
                free(named.at);
                return r;
        case OF_CLOSURE:
        case OF_NAMED:
                if (entity < 0)
                        return 0;
                r = d->of == OF_NAMED ? layout_named(l, (uint32_t)entity, &others)
                                      : layout_closure(l, (uint32_t)entity, &others);
                for (size_t i = 0; r == 0 && i < others->n; i++)
                        r = add_dependency(a, t, d->kind, others->at[i], room);
                return r;
        case OF_IMPORTS:
                others = &l->packages[s->package].imports;
                for (size_t i = 0; i < others->n && r == 0; i++)
                        r = add_dependency(a, t, d->kind, others->at[i], room);
                return r;
        default:
                if (l->b->kinds[d->kind].each == EACH_ENTITY) {
                        for (size_t i = 0; i < l->n_entities && r == 0; i++)
                                r = add_dependency(a, t, d->kind, l->by_name[i], room);
                        return r;
                }
                for (size_t i = 0; i < a->kinds[d->kind].n && r == 0; i++)
                        r = add_dependency(a, t, d->kind, i, room);
                return r;
        }
}

static int make_path(struct application *a, const struct kind *k, const struct variables *v,
                     struct task *t)
{
        _cleanup_buf_ struct buf b = {0};
        int r;

        r = pattern_render(k->path, v, &b);
        if (r < 0)
                return r;
        if (r != 0 || !path_is_relative(buf_span(&b)))
                return layout_refuse(
                        a->l,
                        "a file of kind %s would be called `%.200s`, which is no relative path",
                        k->name, b.at ? b.at : "");
        if (path_is_reserved(b.at))
                return layout_refuse(a->l,
                                     "a file of kind %s would be called `%.200s`: nothing is "
                                     "generated in .git or .genopt",
                                     k->name, b.at);
        t->path = str_dup_span(buf_span(&b));
        t->title = str_dup_span(buf_span(&b));
        t->kind = str_dup_span(span_of(k->name));
        t->tier = str_dup_span(span_of(k->tier));
        t->batch = k->batch ? str_dup_span(span_of(k->batch)) : NULL;
        return t->path && t->title && t->kind && t->tier && (t->batch || !k->batch) ? 0 : -ENOMEM;
}

static int make_task(struct application *a, const struct kind *k, const struct subject *s,
                     size_t index)
{
        struct work *w = a->w;
        struct variables v;
        struct task *t;
        size_t room = 0;
        int r;

        if (w->n_tasks == a->room) {
                size_t n = a->room * 2 + 64;
                struct task *grown = reallocarray(w->tasks, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                w->tasks = grown;
                a->room = n;
        }
        if (w->n_tasks >= MAX_TASKS)
                return layout_refuse(a->l, "the specification asks for more than %u files",
                                     MAX_TASKS);
        t = &w->tasks[w->n_tasks];
        *t = (struct task){.index = (uint32_t)w->n_tasks,
                           .template = k->template,
                           .checks = k->checks,
                           .extractor = k->extractor,
                           .expected_output_bytes = k->output_bytes,
                           .expected_interface_bytes = k->interface_bytes,
                           .rest = NO_BLOCK,
                           .command = -1};
        w->n_tasks++;
        layout_variables(a->l, s->entity, s->package, s->contract, &v);
        r = make_path(a, k, &v, t);
        for (size_t i = 0; i < k->n_depends && r == 0; i++)
                r = add_dependencies_of(a, k, &k->depends[i], s, index, t, &room);
        return r != 0 ? r : slice_make(a->l, k, s, &v, t);
}

/* Packages after those that they import. */
static int order_by_imports(const struct layout *l, uint32_t *order)
{
        _cleanup_free_ uint32_t *stack = calloc(l->n_packages + 1, sizeof(*stack));
        _cleanup_free_ size_t *next = calloc(l->n_packages + 1, sizeof(*next));
        _cleanup_free_ bool *is_seen = calloc(l->n_packages + 1, sizeof(*is_seen));
        size_t n = 0, depth = 0;

        if (!stack || !next || !is_seen)
                return -ENOMEM;
        for (uint32_t i = 0; i < l->n_packages; i++) {
                if (is_seen[i])
                        continue;
                is_seen[i] = true;
                stack[depth++] = i;
                while (depth > 0) {
                        uint32_t at = stack[depth - 1], other;
                        const struct refs *imports = &l->packages[at].imports;

                        if (next[at] == imports->n) {
                                order[n++] = at;
                                depth--;
                                continue;
                        }
                        other = imports->at[next[at]++];
                        if (!is_seen[other])
                                stack[depth++] = other;
                        is_seen[other] = true;
                }
        }
        return 0;
}

static bool depends_on_itself(const struct kind *k, uint32_t kind)
{
        for (size_t i = 0; i < k->n_depends; i++)
                if (k->depends[i].kind == kind && k->depends[i].of == OF_IMPORTS)
                        return true;
        return false;
}

static int make_kind(struct application *a, uint32_t kind)
{
        const struct kind *k = &a->l->b->kinds[kind];
        struct kind_tasks *tasks = &a->kinds[kind];
        _cleanup_free_ uint32_t *order = NULL;
        int r = 0;

        tasks->n = n_subjects(a->l, k->each);
        tasks->of = calloc(tasks->n + 1, sizeof(*tasks->of));
        order = calloc(tasks->n + 1, sizeof(*order));
        if (!tasks->of || !order)
                return -ENOMEM;
        for (size_t i = 0; i < tasks->n; i++) {
                tasks->of[i] = UINT32_MAX;
                order[i] = (uint32_t)i;
        }
        if (depends_on_itself(k, kind)) /* which files for each package or service do */
                r = order_by_imports(a->l, order);
        for (size_t i = 0; i < tasks->n && r == 0; i++) {
                struct subject s = subject_of(a->l, k->each, order[i]);

                if (!is_wanted(a->l, k, &s))
                        continue;
                tasks->of[order[i]] = (uint32_t)a->w->n_tasks;
                r = make_task(a, k, &s, order[i]);
        }
        return r;
}

/* ---- clashes ---- */

struct name_in_folder {
        const char *path; /* of the task */
        size_t n_folder;
        const char *name; /* "" for the path itself */
        const struct task *task;
};

static int compare_names(const void *a, const void *b)
{
        const struct name_in_folder *x = a, *y = b;
        size_t n = MIN2(x->n_folder, y->n_folder);
        int r = memcmp(x->path, y->path, n);

        if (r != 0 || x->n_folder != y->n_folder)
                return r != 0 ? r : x->n_folder < y->n_folder ? -1 : 1;
        r = strcmp(x->name, y->name);
        return r != 0 ? r : x->task->index < y->task->index ? -1 : x->task->index > y->task->index;
}

static const char *subject_name(const struct task *t)
{
        const char *entity = json_get_text(json_object_get(t->context, "task"), "entity");

        return entity ? entity : "the project";
}

static int refuse_clash(struct application *a, const struct name_in_folder *x,
                        const struct name_in_folder *y)
{
        if (strcmp(x->task->path, y->task->path) == 0)
                return layout_refuse(a->l,
                                     "the %s of %s and the %s of %s would both be the file %s: "
                                     "rename or move one of them",
                                     x->task->kind, subject_name(x->task), y->task->kind,
                                     subject_name(y->task), x->task->path);
        return layout_refuse(a->l,
                             "the %s of %s (%s) and the %s of %s (%s) would both declare %s: "
                             "rename or move one of them",
                             x->task->kind, subject_name(x->task), x->task->path, y->task->kind,
                             subject_name(y->task), y->task->path, x->name);
}

/* Paths are unique, and so are names that the files of one folder declare. */
static int find_clashes(struct application *a)
{
        const struct work *w = a->w;
        _cleanup_free_ struct name_in_folder *names = NULL;
        size_t n = 0, room = w->n_tasks;

        for (size_t i = 0; i < w->n_tasks; i++)
                room += json_array_size(
                        json_object_get(json_object_get(w->tasks[i].context, "task"), "declares"));
        names = calloc(room + 1, sizeof(*names));
        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < w->n_tasks; i++) {
                const struct task *t = &w->tasks[i];
                const json_t *declares = json_object_get(json_object_get(t->context, "task"),
                                                         "declares"),
                             *name;
                const char *slash = strrchr(t->path, '/');
                size_t k;

                names[n++] = (struct name_in_folder){t->path, strlen(t->path), "", t};
                json_array_foreach ((json_t *)declares, k, name)
                        names[n++] = (struct name_in_folder){t->path,
                                                             slash ? (size_t)(slash - t->path) : 0,
                                                             json_string_value(name), t};
        }
        qsort(names, n, sizeof(*names), compare_names);
        for (size_t i = 1; i < n; i++) {
                const struct name_in_folder *x = &names[i - 1], *y = &names[i];

                if (x->n_folder == y->n_folder && memcmp(x->path, y->path, x->n_folder) == 0 &&
                    strcmp(x->name, y->name) == 0)
                        return refuse_clash(a, x, y);
        }
        return 0;
}

static void release(void *keeper)
{
        blueprint_unref(keeper);
}

static int fill(struct application *a)
{
        int r = 0;

        for (uint32_t i = 0; i < a->l->b->n_kinds && r == 0; i++)
                r = make_kind(a, i);
        if (r == 0)
                r = find_clashes(a);
        if (r == 0)
                r = slice_whole(a->l);
        return r != 0 ? r : routes_tell(a->l);
}

static int tell_of_blueprint(const struct blueprint *b, struct work *w)
{
        int r = 0;

        if (b->typing.known.n > 0 && w->unknown_types.n > 0) {
                w->known_types = strlist_join(&b->typing.known, ", ");
                r = w->known_types ? 0 : -ENOMEM;
        }
        for (size_t i = 0; i < b->warnings.n && r == 0; i++)
                r = strlist_add(&w->warnings, b->warnings.at[i]);
        return r;
}

int blueprint_apply(struct blueprint *b, const struct model *m, struct work **ret,
                    struct failure **ret_failure)
{
        _cleanup_(work_freep) struct work *w = work_new();
        _cleanup_(layout_freep) struct layout *l = NULL;
        struct application a = {0};
        int r;

        if (!w)
                return -ENOMEM;
        w->blueprint = str_dup_span(span_of(b->name));
        if (!w->blueprint)
                return -ENOMEM;
        r = regex_prepare();
        if (r == 0)
                r = layout_new(b, m, w, &l, ret_failure);
        if (r == 0)
                r = tell_of_blueprint(b, w);
        if (r != 0)
                return r;
        w->keeper = blueprint_ref(b);
        w->release = release;
        a = (struct application){.l = l, .w = w, .kinds = calloc(b->n_kinds + 1, sizeof(*a.kinds))};
        r = a.kinds ? fill(&a) : -ENOMEM;
        for (size_t i = 0; a.kinds && i < b->n_kinds; i++)
                free(a.kinds[i].of);
        free(a.kinds);
        if (r == CONDITION_REFUSED)
                *ret_failure = take(l->failure);
        if (r == 0)
                *ret = take(w);
        return r;
}
