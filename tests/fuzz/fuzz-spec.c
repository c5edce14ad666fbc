/* Specifications of every format, all the way to tasks: whatever is read keeps the invariants of
 * work, is told in YAML that can be read, and gives the same keys twice. */

#include <stdio.h>

#include "common/path.h"
#include "common/str.h"
#include "common/yaml.h"
#include "daemon/blueprint/internal.h"
#include "daemon/input/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static struct blueprint *go;

static void load(void)
{
        struct failure *f = NULL;

        if (!go && blueprint_load(BLUEPRINTS, "go-service", &go, &f) != 0) {
                fprintf(stderr, "%s\n", f ? failure_message(f) : "no memory");
                abort();
        }
}

static void check_block(const struct block *b)
{
        _cleanup_(yaml_freep) struct yaml_node *node = NULL;
        struct span text = {b->text, b->n_text};
        struct diag d = {0};

        if (b->class != BLOCK_FACTS && b->class != BLOCK_TASK)
                return;
        if (str_has_prefix(b->text,
                           "```yaml\n")) { /* else a piece, which stands in a fence later */
                if (b->n_text < 12 || !str_has_suffix(b->text, "\n```\n"))
                        abort();
                text = (struct span){b->text + 8, b->n_text - 12};
        }
        if (yaml_read(text, BUF_MAX_BYTES, &node, &d) != 0) {
                fprintf(stderr, "%u:%u: %s in\n%s", d.line, d.column, d.text, b->text);
                abort();
        }
}

static void check_work(const struct work *w)
{
        for (size_t i = 0; i < w->n_tasks; i++) {
                const struct task *t = &w->tasks[i];

                if (t->index != i || !path_is_relative(span_of(t->path)) ||
                    hash_is_zero(&t->static_key) || !t->context)
                        abort();
                for (size_t k = 0; k < t->n_depends; k++)
                        if (t->depends[k] >= i)
                                abort();
                for (size_t k = 0; k < t->n_blocks; k++)
                        if (t->blocks[k] >= w->n_blocks)
                                abort();
        }
        for (size_t i = 0; i < w->n_blocks; i++)
                check_block(&w->blocks[i]);
}

static struct work *apply(const struct model *m)
{
        struct failure *f = NULL;
        struct work *w = NULL;
        int r = blueprint_apply(go, m, &w, &f);

        if (r < 0 || (r > 0 && !failure_message(f)[0]))
                abort();
        failure_free(f);
        return w;
}

static void check_model(const struct model *m)
{
        if (!m->name || !m->name[0] || m->notes.n == 0)
                abort();
        for (size_t i = 0; i < m->n_entities; i++)
                for (size_t k = 0; k < m->entities[i].n_attributes; k++)
                        if (!m->entities[i].attributes[k].name)
                                abort();
        for (size_t i = 0; i < m->n_relations; i++)
                if (!m->relations[i].from || !m->relations[i].to)
                        abort();
        for (size_t i = 0; i < m->n_contracts; i++)
                if (!m->contracts[i].method || m->contracts[i].endpoint[0] != '/')
                        abort();
        for (size_t i = 0; i < m->n_requirements; i++)
                if (!m->requirements[i].id || !m->requirements[i].text)
                        abort();
}

/* What begins with a line `---` is tried as Markdown too. */
static void read_as(struct span text, const char *file_name)
{
        struct failure *f = NULL;
        struct model *m = NULL;
        struct work *a, *b;
        int r;

        r = spec_read(text, file_name, &m, &f);
        if (r < 0 || (r > 0 && (!f || !f->where)))
                abort();
        failure_free(f);
        if (r > 0)
                return;
        check_model(m);
        a = apply(m);
        b = apply(m);
        if (!a != !b)
                abort();
        if (a) {
                check_work(a);
                for (size_t i = 0; i < a->n_tasks; i++)
                        if (!hash_is_equal(&a->tasks[i].static_key, &b->tasks[i].static_key))
                                abort();
        }
        work_free(a);
        work_free(b);
        model_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        struct span text = {(const char *)bytes, n};

        load();
        read_as(text, "spec.yaml");
        if (n >= 3 && memcmp(bytes, "---", 3) == 0)
                read_as(text, "spec.md");
        return 0;
}
