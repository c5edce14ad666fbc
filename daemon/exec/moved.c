#include "daemon/exec/moved.h"

#include "common/json.h"
#include "common/yaml.h"
#include "daemon/edit/trace.h"

int moved_lines(const struct task *t, struct span shown, unsigned **ret)
{
        const struct repair *repair = t->repair;
        _cleanup_(traces_freep) struct traces *traces = NULL;
        unsigned *lines = calloc(repair->n_findings + 1, sizeof(*lines));
        int r = lines ? 0 : -ENOMEM;

        if (r == 0 && repair->follows && t->base)
                r = traces_new((struct span){t->base, t->n_base}, shown, &traces);
        if (r < 0) {
                free(lines);
                return r;
        }
        for (uint32_t i = 0; i < repair->n_findings; i++)
                lines[i] = traces ? traces_line_near(traces, repair->spots[i].line)
                                  : repair->spots[i].line;
        *ret = lines;
        return 0;
}

/* What the block was made of: see input/fix-task.c. */
static json_t *said_of(const struct task *t)
{
        for (size_t i = 0; i < t->n_inputs; i++)
                if (str_is_equal(t->inputs[i].name, "task"))
                        return t->inputs[i].data;
        return NULL;
}

static int set_lines(json_t *said, const unsigned *lines, bool *ret_moved)
{
        size_t i;
        json_t *finding;
        int r = 0;

        *ret_moved = false;
        json_array_foreach (json_object_get(said, "findings"), i, finding) {
                uint64_t line = 0;

                if (r < 0 || !json_get_u64(finding, "line", &line) || line == lines[i])
                        continue;
                *ret_moved = true;
                r = json_put(finding, "line", json_integer(lines[i]));
        }
        return r;
}

int moved_write(const struct task *t, struct span shown, struct buf *out)
{
        json_t *said = said_of(t);
        _cleanup_json_ json_t *copy = said ? json_deep_copy(said) : NULL, *top = json_object();
        _cleanup_free_ unsigned *lines = NULL;
        bool has_moved = false;
        int r;

        if (json_array_size(json_object_get(said, "findings")) != t->repair->n_findings)
                return CONDITION_ABSENT;
        r = copy && top ? moved_lines(t, shown, &lines) : -ENOMEM;
        r = r ? r : set_lines(copy, lines, &has_moved);
        r = r ? r : json_put(top, "task", json_incref(copy));
        if (r < 0 || !has_moved)
                return r < 0 ? r : CONDITION_ABSENT;
        (void)buf_add_text(out, "```yaml\n");
        r = yaml_write(top, 0, out);
        (void)buf_add_text(out, "```\n");
        return r ? r : out->failed;
}
