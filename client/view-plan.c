/* What a job would cost: the table of a dry run. */

#include <inttypes.h>
#include <stdio.h>

#include "client/format.h"
#include "client/view.h"

/* Widths of the columns behind the tasks. What there is no room for goes, in this order: the model,
 * the tokens. */
#define MODEL_COLUMNS 18
#define MODEL_ROOM 84
#define TOKENS_ROOM 50
#define NUMBER_COLUMNS 6
#define MONEY_COLUMNS 8

struct layout {
        size_t task_columns;
        bool has_model, has_tokens;
};

static struct layout layout_of(size_t columns, size_t longest)
{
        struct layout l = {.has_model = columns >= MODEL_ROOM,
                           .has_tokens = columns >= TOKENS_ROOM};
        size_t rest = (l.has_model ? 2 + MODEL_COLUMNS : 0) +
                      (l.has_tokens ? 2 * (2 + NUMBER_COLUMNS) : 0) + 2 + MONEY_COLUMNS;

        l.task_columns = MIN2(longest, columns > rest + 8 ? columns - rest : 8);
        return l;
}

static void add_blanks(struct buf *b, size_t width, size_t columns)
{
        for (; width < columns; width++)
                (void)buf_add_char(b, ' ');
}

static void add_row(struct buf *b, const struct layout *l, struct span task, const char *model,
                    const char *input, const char *output, const char *money)
{
        size_t before = b->n;

        format_cut_front(b, task, l->task_columns);
        add_blanks(b, format_width((struct span){b->at + before, b->n - before}), l->task_columns);
        if (l->has_model)
                (void)buf_printf(b, "  %-*.*s", MODEL_COLUMNS, MODEL_COLUMNS, model);
        if (l->has_tokens)
                (void)buf_printf(b, "  %*s  %*s", NUMBER_COLUMNS, input, NUMBER_COLUMNS, output);
        (void)buf_printf(b, "  %*s\n", MONEY_COLUMNS, money);
}

/* "internal/order/order.go +2 (likely)" */
static void name_step(const json_t *step, struct buf *b)
{
        const json_t *tasks = json_object_get(step, "tasks");
        const char *first = json_string_value(json_array_get(tasks, 0));

        (void)buf_printf(b, "%s", first ? first : "");
        if (json_array_size(tasks) > 1)
                (void)buf_printf(b, " +%zu", json_array_size(tasks) - 1);
        if (!json_get_bool(step, "certain", true))
                (void)buf_add_text(b, " (likely)");
}

static bool is_call(const json_t *step)
{
        const char *kind = json_get_text(step, "kind");

        return kind && strcmp(kind, "call") == 0;
}

static int add_call(struct buf *b, const struct layout *l, const json_t *step)
{
        const json_t *estimate = json_object_get(step, "estimate");
        const char *model = json_get_text(step, "model"), *tier = json_get_text(step, "tier");
        char in[FORMAT_BYTES], out[FORMAT_BYTES], money[FORMAT_BYTES];
        _cleanup_buf_ struct buf name = {0};

        name_step(step, &name);
        add_row(b, l, buf_span(&name),
                model  ? model
                : tier ? tier
                       : "",
                format_count(progress_number(estimate, "input") +
                                     progress_number(estimate, "cache_read") +
                                     progress_number(estimate, "cache_write"),
                             in),
                format_count(progress_number(estimate, "output"), out),
                format_money(progress_number(estimate, "nanousd"), money));
        return name.failed;
}

/* Steps that cost nothing are counted by kind; calls stand one by one. */
static int add_steps(struct buf *b, const json_t *plan, size_t columns)
{
        const json_t *steps = json_object_get(plan, "steps");
        size_t n_tasks[N_SOURCES] = {0}, longest = strlen("asked of a model"), i;
        const char *separator = ": ";
        struct layout l;
        json_t *step;

        json_array_foreach (steps, i, step) {
                const char *kind = json_get_text(step, "kind");
                _cleanup_buf_ struct buf name = {0};

                for (size_t k = 0; kind && k < N_SOURCES; k++)
                        if (strcmp(kind, progress_source_names[k]) == 0)
                                n_tasks[k] += json_array_size(json_object_get(step, "tasks"));
                if (is_call(step)) {
                        name_step(step, &name);
                        longest = MAX2(longest, format_width(buf_span(&name)));
                }
        }
        (void)buf_printf(b, "%" PRIu64 " task%s", progress_number(plan, "tasks"),
                         progress_number(plan, "tasks") == 1 ? "" : "s");
        for (size_t k = 0; k < N_SOURCES; k++)
                if (n_tasks[k] > 0) {
                        (void)buf_printf(b, "%s%zu %s", separator, n_tasks[k],
                                         progress_source_names[k]);
                        separator = ", ";
                }
        (void)buf_add_text(b, "\n\n");
        if (n_tasks[SOURCE_CALL] == 0)
                return 0;
        l = layout_of(columns, longest);
        add_row(b, &l, SPAN("asked of a model"), "model", "input", "output", "money");
        json_array_foreach (steps, i, step)
                if (is_call(step) && add_call(b, &l, step) < 0)
                        return -ENOMEM;
        (void)buf_add_char(b, '\n');
        return 0;
}

static void add_fact(struct buf *b, const char *name, const char *is, const char *naive,
                     const char *change)
{
        (void)buf_printf(b, "%-10s %9s %9s%s%s\n", name, is, naive, *change ? "  " : "", change);
}

static void add_totals(struct buf *b, const json_t *totals, const json_t *naive)
{
        uint64_t is = progress_tokens(json_object_get(totals, "tokens")) + progress_tokens(totals);
        uint64_t was = progress_tokens(json_object_get(naive, "tokens")) + progress_tokens(naive);
        char a[FORMAT_BYTES], c[FORMAT_BYTES], d[FORMAT_BYTES];

        add_fact(b, "", "planned", "naive", "");
        snprintf(a, sizeof(a), "%" PRIu64, progress_number(totals, "calls"));
        snprintf(c, sizeof(c), "%" PRIu64, progress_number(naive, "calls"));
        add_fact(b, "calls", a, c, "");
        add_fact(b, "tokens", format_count(is, a), format_count(was, c), format_change(is, was, d));
        is = progress_number(totals, "nanousd");
        was = progress_number(naive, "nanousd");
        add_fact(b, "money", format_money(is, a), format_money(was, c), format_change(is, was, d));
        is = progress_number(totals, "ms");
        was = progress_number(naive, "ms");
        add_fact(b, "time", format_ms(is, a), format_ms(was, c), format_change(is, was, d));
}

/* A rule may cost in one respect what it saves in another. */
static const char *signed_text(const json_t *rule, const char *key,
                               const char *(*format)(uint64_t, char *), char ret[FORMAT_BYTES + 4])
{
        json_int_t n = json_integer_value(json_object_get(rule, key));
        char text[FORMAT_BYTES];

        snprintf(ret, FORMAT_BYTES + 4, "%s%s", n < 0 ? "−" : "",
                 format(n < 0 ? -(uint64_t)n : (uint64_t)n, text));
        return ret;
}

/* What each rule saved; those that found nothing to do are left out. */
static void add_rules(struct buf *b, const json_t *rules)
{
        static const char *const keys[] = {"calls", "input", "output", "nanousd", "ms"};
        static const char *(*const formats[])(uint64_t, char *) = {
                format_count, format_count, format_count, format_money, format_ms};
        bool is_first = true;
        json_t *rule;
        size_t i;

        json_array_foreach (rules, i, rule) {
                const char *name = json_get_text(rule, "name");
                char text[FORMAT_BYTES + 4];
                bool is_idle = true;

                for (size_t k = 0; k < N_ELEMENTS(keys); k++)
                        is_idle &= json_integer_value(json_object_get(rule, keys[k])) == 0;
                if (is_idle)
                        continue;
                if (is_first)
                        (void)buf_printf(b, "\n%-10s %6s %7s %7s %8s %7s\n", "saved by", "calls",
                                         "input", "output", "money", "time");
                is_first = false;
                (void)buf_printf(b, "%-10s", name ? name : "");
                for (size_t k = 0; k < N_ELEMENTS(keys); k++) {
                        static const size_t widths[] = {7, 8, 8, 9, 8};

                        (void)signed_text(rule, keys[k], formats[k], text);
                        add_blanks(b, format_width(span_of(text)), widths[k]);
                        (void)buf_add_text(b, text);
                }
                (void)buf_add_char(b, '\n');
        }
}

int view_tabulate_plan(const json_t *plan, size_t columns, struct buf *b)
{
        if (add_steps(b, plan, columns) < 0)
                return -ENOMEM;
        add_totals(b, json_object_get(plan, "totals"), json_object_get(plan, "naive"));
        add_rules(b, json_object_get(plan, "rules"));
        return b->failed;
}
