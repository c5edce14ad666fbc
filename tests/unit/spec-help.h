#pragma once
/* From the text of a specification to tasks, for the tests of the rooms work, blueprint and input.
 */

#include "unit.h"

#include <stdio.h>

#include "common/str.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/input/input.h"
#include "daemon/work/model.h"
#include "daemon/work/task.h"

static inline struct model *must_read(const char *text)
{
        struct failure *f = NULL;
        struct model *m = NULL;
        int r = spec_read(span_of(text), "spec.yaml", &m, &f);

        if (r != 0)
                fail_msg("%s: %s", f && f->where ? f->where : "",
                         f ? failure_message(f) : strerror(-r));
        return m;
}

/* Reads what must be refused; the message is "where: sentence". */
static inline void must_refuse(const char *name, const char *text, const char *expected)
{
        struct failure *f = NULL;
        struct model *m = NULL;
        char said[600];

        if (spec_read(span_of(text), name, &m, &f) != CONDITION_REFUSED)
                fail_msg("this should be refused:\n%s", text);
        assert_int_equal(f->id, FAILURE_BAD_SPEC);
        snprintf(said, sizeof(said), "%s: %s", f->where ? f->where : "", failure_message(f));
        if (!strstr(said, expected))
                fail_msg("`%s` does not contain `%s`", said, expected);
        failure_free(f);
}

static inline bool has_line(const struct strlist *l, const char *part)
{
        for (size_t i = 0; i < l->n; i++)
                if (strstr(l->at[i], part))
                        return true;
        return false;
}

static inline void print_lines(const struct strlist *l)
{
        for (size_t i = 0; i < l->n; i++)
                print_message("  %s\n", l->at[i]);
}

#define assert_line(list, part)                                         \
        do {                                                            \
                if (!has_line((list), (part))) {                        \
                        print_lines(list);                              \
                        fail_msg("there is no line with `%s`", (part)); \
                }                                                       \
        } while (0)

#ifdef BLUEPRINTS
static inline struct blueprint *must_load(const char *name)
{
        struct failure *f = NULL;
        struct blueprint *b = NULL;

        if (blueprint_load(BLUEPRINTS, name, &b, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "?");
        return b;
}

static inline struct work *must_apply(struct blueprint *b, const char *text)
{
        struct model *m = must_read(text);
        struct failure *f = NULL;
        struct work *w = NULL;

        if (blueprint_apply(b, m, &w, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "?");
        model_free(m);
        return w;
}
#endif

static inline const struct task *find_task(const struct work *w, const char *path)
{
        for (size_t i = 0; i < w->n_tasks; i++)
                if (w->tasks[i].path && strcmp(w->tasks[i].path, path) == 0)
                        return &w->tasks[i];
        return NULL;
}

static inline const struct task *must_find(const struct work *w, const char *path)
{
        const struct task *t = find_task(w, path);

        if (!t) {
                for (size_t i = 0; i < w->n_tasks; i++)
                        print_message("  %s\n", w->tasks[i].path);
                fail_msg("there is no task %s", path);
        }
        return t;
}

static inline const char *block_of(const struct work *w, const struct task *t,
                                   enum block_class class)
{
        for (size_t i = 0; i < t->n_blocks; i++)
                if (w->blocks[t->blocks[i]].class == class)
                        return w->blocks[t->blocks[i]].text;
        return "";
}

static inline bool depends_on(const struct work *w, const struct task *t, const char *path)
{
        for (size_t i = 0; i < t->n_depends; i++)
                if (strcmp(w->tasks[t->depends[i]].path, path) == 0)
                        return true;
        return false;
}
