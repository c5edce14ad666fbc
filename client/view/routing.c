/* Where each part of a specification went, and why: `routing` of job/explain, for people. */

#include "client/view/format.h"
#include "client/view/view.h"
#include "common/json.h"

#define PATHS_SHOWN 4
#define TEXT_COLUMNS_MIN 40

static const struct {
        const char *by, *sentence;
} reasons[] = {
        {"id", "lists it under applies_to"},
        {"word", "names it"},
        {"inflected", "names it by another form"},
        {"endpoint", "names an endpoint of it"},
        {"entity", "is of it"},
        {"free", "is of no entity"},
        {"declared", "goes to the kinds of files that ask for it"},
        {"logic", "names nobody, so it goes to the logic of the program"},
};

static const char *sentence_of(const char *by)
{
        for (size_t i = 0; by && i < N_ELEMENTS(reasons); i++)
                if (strcmp(by, reasons[i].by) == 0)
                        return reasons[i].sentence;
        return "belongs there"; /* a newer daemon knows more reasons */
}

/* `Order: names it by another form ("orders")`; or the sentence alone where it is of nobody. */
static void add_reason(const json_t *reason, struct buf *b)
{
        const char *name = json_get_text(reason, "name"), *said = json_get_text(reason, "said");

        buf_add_text(b, "    ");
        if (name)
                (void)buf_printf(b, "%s: ", name);
        buf_add_text(b, sentence_of(json_get_text(reason, "by")));
        if (said && (!name || strcmp(said, name) != 0))
                (void)buf_printf(b, " (\"%s\")", said);
        buf_add_char(b, '\n');
}

static void add_paths(const json_t *row, struct buf *b)
{
        const json_t *tasks = json_object_get(row, "tasks"), *path;
        uint64_t n = 0;
        size_t i, n_shown = 0;

        (void)json_get_u64(row, "n_tasks", &n);
        (void)buf_printf(b, "    → %llu file%s", (unsigned long long)n, n == 1 ? "" : "s");
        json_array_foreach ((json_t *)tasks, i, path) {
                if (i == PATHS_SHOWN || !json_is_string(path))
                        break;
                (void)buf_printf(b, "%s%s", i == 0 ? ": " : ", ", json_string_value(path));
                n_shown++;
        }
        buf_add_text(b, n > n_shown && n_shown > 0 ? ", …\n" : "\n");
}

static void add_head(const json_t *row, size_t columns, struct buf *b)
{
        const char *input = json_get_text(row, "input"), *text = json_get_text(row, "text");
        size_t used = b->n;

        (void)buf_printf(b, "  %s%s", input ? input : "?",
                         json_get_bool(row, "non_functional", false) ? " (non-functional)" : "");
        if (text) {
                used = format_width((struct span){b->at + used, b->n - used}) + 2;
                buf_add_text(b, "  ");
                format_cut(b, span_of(text),
                           MAX2(columns > used ? columns - used : 0, (size_t)TEXT_COLUMNS_MIN));
        }
        buf_add_char(b, '\n');
}

int view_tell_routing(const json_t *plan, size_t columns, struct buf *b)
{
        const json_t *routing = json_object_get(plan, "routing"), *row, *reason;
        size_t i, k;

        buf_add_text(b, json_array_size(routing) > 0 ? "\nwhere it went\n"
                                                     : "\nwhere it went: not remembered\n");
        json_array_foreach ((json_t *)routing, i, row) {
                add_head(row, columns, b);
                json_array_foreach (json_object_get(row, "because"), k, reason)
                        add_reason(reason, b);
                add_paths(row, b);
        }
        return b->failed;
}
