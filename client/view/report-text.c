/* A report for a terminal or a mail: plain lines and columns. */

#include <stdio.h>

#include "client/view/format.h"
#include "client/view/progress.h"
#include "client/view/report.h"
#include "client/view/view.h"

#define COLUMNS_MAX 9
#define GAP 2

/* Rows of cells; the first column is words and cut at its beginning where there is no room, the
 * others are numbers and go to the right. */
struct grid {
        size_t n_columns, n_rows;
        struct buf *cells; /* owned */
};

static int grid_add(struct grid *g, const char *const *row)
{
        struct buf *cells = realloc(g->cells, (g->n_rows + 1) * g->n_columns * sizeof(*cells));

        if (!cells)
                return -ENOMEM;
        g->cells = cells;
        memset(cells + g->n_rows * g->n_columns, 0, g->n_columns * sizeof(*cells));
        for (size_t i = 0; i < g->n_columns; i++)
                if (buf_add_text(&cells[g->n_rows * g->n_columns + i], row[i] ? row[i] : "") < 0)
                        return -ENOMEM;
        g->n_rows++;
        return 0;
}

static void blanks(struct buf *b, size_t n)
{
        for (size_t i = 0; i < n; i++)
                (void)buf_add_char(b, ' ');
}

static void grid_write(const struct grid *g, size_t columns, struct buf *b)
{
        size_t widths[COLUMNS_MAX] = {0}, rest = 0;

        for (size_t i = 0; i < g->n_rows * g->n_columns; i++)
                widths[i % g->n_columns] =
                        MAX2(widths[i % g->n_columns], format_width(buf_span(&g->cells[i])));
        for (size_t i = 1; i < g->n_columns; i++)
                rest += GAP + widths[i];
        widths[0] = MIN2(widths[0], columns > rest + 8 ? columns - rest : 8);
        for (size_t row = 0; row < g->n_rows; row++) {
                const struct buf *cells = g->cells + row * g->n_columns;
                size_t before = b->n;

                format_cut_front(b, buf_span(&cells[0]), widths[0]);
                blanks(b, widths[0] - MIN2(widths[0], format_width((struct span){b->at + before,
                                                                                 b->n - before})));
                for (size_t i = 1; i < g->n_columns; i++) {
                        blanks(b, GAP + widths[i] - format_width(buf_span(&cells[i])));
                        format_cut(b, buf_span(&cells[i]), widths[i]);
                }
                while (b->n > before && b->at[b->n - 1] == ' ')
                        b->n--;
                (void)buf_add_char(b, '\n');
        }
}

static void grid_done(struct grid *g)
{
        for (size_t i = 0; i < g->n_rows * g->n_columns; i++)
                buf_done(&g->cells[i]);
        free(g->cells);
}

static const char *text_of(const json_t *o, const char *key)
{
        const char *text = json_get_text(o, key);

        return text ? text : "";
}

/* ---- one job ---- */

static const struct {
        const char *name, *key, *unit;
} facts[] = {
        {"time", "ms", "ms"},
        {"money", "nanousd", "nanousd"},
        {"calls", "calls", "n"},
        {"input", "input", "tokens"},
        {"cache write", "cache_write", "tokens"},
        {"cache read", "cache_read", "tokens"},
        {"output", "output", "tokens"},
};

static int write_facts(const json_t *report, size_t columns, struct buf *b)
{
        static const char *const parts[] = {"measured", "planned", "naive"};
        static const char *const head[] = {"", "measured", "planned", "naive", "saved"};
        struct grid g = {.n_columns = N_ELEMENTS(head)};
        int r = grid_add(&g, head);

        for (size_t i = 0; i < N_ELEMENTS(facts) && r == 0; i++) {
                char text[N_ELEMENTS(parts)][FORMAT_BYTES], change[FORMAT_BYTES] = "";
                const char *row[] = {facts[i].name, "", text[1], text[2], change};
                const json_t *measured = json_object_get(report, "measured");
                uint64_t naive = progress_number(json_object_get(report, "naive"), facts[i].key);

                for (size_t k = 0; k < N_ELEMENTS(parts); k++)
                        report_format(
                                facts[i].unit,
                                progress_number(json_object_get(report, parts[k]), facts[i].key),
                                text[k]);
                if (measured) {
                        row[1] = text[0];
                        if (json_object_get(report, "saved"))
                                (void)format_change(progress_number(measured, facts[i].key), naive,
                                                    change);
                }
                r = grid_add(&g, row);
        }
        if (r == 0)
                grid_write(&g, columns, b);
        grid_done(&g);
        return r;
}

static void write_lines(const json_t *report, struct buf *b)
{
        static const char *const phases[][2] = {{"planning", "planning"},
                                                {"calls", "model calls"},
                                                {"other", "other work"},
                                                {"waiting", "waiting"}};
        const json_t *spent = json_object_get(report, "phases"),
                     *files = json_object_get(report, "files");
        json_t *value;
        const char *key, *lead = "";
        char text[FORMAT_BYTES];

        if (spent)
                (void)buf_add_text(b, "\nphases       ");
        for (size_t i = 0; spent && i < N_ELEMENTS(phases); i++) {
                (void)buf_printf(b, "%s%s %s", lead, phases[i][1],
                                 format_ms(progress_number(spent, phases[i][0]), text));
                lead = ", ";
        }
        if (json_object_size(json_object_get(report, "cache_share")) > 0)
                (void)buf_add_text(b, "\ncache share  ");
        lead = "";
        json_object_foreach (json_object_get(report, "cache_share"), key, value) {
                (void)buf_printf(b, "%s%s %.1f %%", lead, key, 100 * json_number_value(value));
                lead = ", ";
        }
        if (files)
                (void)buf_add_text(b, "\nfiles        ");
        lead = "";
        json_object_foreach ((json_t *)files, key, value) {
                if (json_integer_value(value) == 0 || strcmp(key, "batched") == 0 ||
                    strcmp(key, "joined") == 0)
                        continue;
                (void)buf_printf(b, "%s%lld %s", lead, (long long)json_integer_value(value), key);
                if (strcmp(key, "call") == 0 && progress_number(files, "batched") > 0)
                        (void)buf_printf(b, " (%llu batched)",
                                         (unsigned long long)progress_number(files, "batched"));
                lead = ", ";
        }
        if (progress_number(files, "joined") > 0)
                (void)buf_printf(b, "; %llu of them by another job at the same time",
                                 (unsigned long long)progress_number(files, "joined"));
        (void)buf_add_char(b, '\n');
}

static const char *signed_money(const json_t *o, char ret[FORMAT_BYTES + 4])
{
        json_int_t n = json_integer_value(json_object_get(o, "nanousd"));
        char text[FORMAT_BYTES];

        ret[0] = '\0';
        if (json_object_get(o, "nanousd"))
                snprintf(ret, FORMAT_BYTES + 4, "%s%s", n < 0 ? "−" : "",
                         format_money(n < 0 ? -(uint64_t)n : (uint64_t)n, text));
        return ret;
}

static int write_rules(const json_t *report, size_t columns, struct buf *b)
{
        static const char *const head[] = {"saved by", "estimated", "measured"};
        struct grid g = {.n_columns = N_ELEMENTS(head)};
        json_t *rule;
        size_t i;
        int r = grid_add(&g, head);

        json_array_foreach (json_object_get(report, "rules"), i, rule) {
                char estimated[FORMAT_BYTES + 4], measured[FORMAT_BYTES + 4];
                const json_t *m = json_object_get(report, "measured")
                                          ? json_object_get(rule, "measured")
                                          : NULL;
                const char *row[] = {text_of(rule, "name"), signed_money(rule, estimated),
                                     signed_money(m, measured)};

                if (r == 0 && (json_integer_value(json_object_get(rule, "nanousd")) != 0 ||
                               json_integer_value(json_object_get(m, "nanousd")) != 0))
                        r = grid_add(&g, row);
        }
        if (r == 0 && g.n_rows > 1) {
                (void)buf_add_char(b, '\n');
                grid_write(&g, columns, b);
        }
        grid_done(&g);
        return r;
}

static int write_tasks(const json_t *report, size_t columns, struct buf *b)
{
        static const char *const head[] = {"task",   "made by", "tries", "input",
                                           "cached", "output",  "money", "time"};
        struct grid g = {.n_columns = N_ELEMENTS(head)};
        json_t *task;
        size_t i;
        int r = grid_add(&g, head);

        json_array_foreach (json_object_get(report, "tasks"), i, task) {
                char text[6][FORMAT_BYTES];
                const char *path = json_get_text(task, "path"),
                           *source = json_get_text(task, "source");
                const char *row[] = {path ? path : "(text)",
                                     json_is_true(json_object_get(task, "joined")) ? "other job"
                                     : source                                      ? source
                                              : text_of(task, "state"),
                                     text[0],
                                     text[1],
                                     text[2],
                                     text[3],
                                     text[4],
                                     text[5]};

                report_format("n", progress_number(task, "attempts"), text[0]);
                report_format("tokens",
                              progress_number(task, "input") + progress_number(task, "cache_write"),
                              text[1]);
                report_format("tokens", progress_number(task, "cache_read"), text[2]);
                report_format("tokens", progress_number(task, "output"), text[3]);
                report_format("nanousd", progress_number(task, "nanousd"), text[4]);
                report_format("ms", progress_number(task, "ms"), text[5]);
                r = r < 0 ? r : grid_add(&g, row);
        }
        if (r == 0 && g.n_rows > 1) {
                (void)buf_add_char(b, '\n');
                grid_write(&g, columns, b);
        }
        grid_done(&g);
        return r;
}

static void write_head(const char *mark, const json_t *head, struct buf *b)
{
        (void)buf_printf(b, "%s%s %s%s%s %s\n", mark, text_of(head, "job"), text_of(head, "state"),
                         *text_of(head, "label") ? ", " : "", text_of(head, "label"),
                         text_of(head, "created"));
}

/* ---- two jobs ---- */

static int write_figures(const json_t *figures, size_t columns, struct buf *b)
{
        static const char *const head[] = {"", "A", "B", "change"};
        struct grid g = {.n_columns = N_ELEMENTS(head)};
        json_t *one;
        size_t i;
        int r = grid_add(&g, head);

        write_head("A  ", json_object_get(figures, "a"), b);
        write_head("B  ", json_object_get(figures, "b"), b);
        (void)buf_add_char(b, '\n');
        json_array_foreach (json_object_get(figures, "figures"), i, one) {
                uint64_t x = progress_number(one, "a"), y = progress_number(one, "b");
                const char *unit = text_of(one, "unit");
                char a[FORMAT_BYTES], c[FORMAT_BYTES], change[FORMAT_BYTES];
                char name[128];
                const char *row[] = {name, report_format(unit, x, a), report_format(unit, y, c),
                                     report_format_change(unit, y, x, change)};

                snprintf(name, sizeof(name), "%s%s", json_object_get(one, "of") ? "  " : "",
                         text_of(one, "name"));
                if (x > 0 || y > 0)
                        r = r < 0 ? r : grid_add(&g, row);
        }
        if (r == 0)
                grid_write(&g, columns, b);
        grid_done(&g);
        return r;
}

static int write_differing(const json_t *figures, size_t columns, struct buf *b)
{
        static const char *const head[] = {"differs", "A", "", "B", ""};
        struct grid g = {.n_columns = N_ELEMENTS(head)};
        json_t *task;
        size_t i;
        int r = grid_add(&g, head);

        json_array_foreach (json_object_get(figures, "tasks"), i, task) {
                const json_t *x = json_object_get(task, "a"), *y = json_object_get(task, "b");
                char a[FORMAT_BYTES] = "", c[FORMAT_BYTES] = "";
                const char *row[] = {text_of(task, "path"), x ? text_of(x, "source") : "—", a,
                                     y ? text_of(y, "source") : "—", c};

                if (x)
                        (void)format_money(progress_number(x, "nanousd"), a);
                if (y)
                        (void)format_money(progress_number(y, "nanousd"), c);
                r = r < 0 ? r : grid_add(&g, row);
        }
        if (r == 0 && g.n_rows > 1) {
                (void)buf_add_char(b, '\n');
                grid_write(&g, columns, b);
        }
        grid_done(&g);
        return r;
}

static int write_comparison(const json_t *figures, size_t columns, struct buf *b)
{
        int r = write_figures(figures, columns, b);

        return r < 0 ? r : write_differing(figures, columns, b);
}

int report_write_text(const json_t *report, size_t columns, struct buf *b)
{
        const json_t *baseline = json_object_get(report, "baseline");
        int r;

        if (json_object_get(report, "figures")) {
                r = write_comparison(report, columns, b);
                return r < 0 ? r : b->failed;
        }
        write_head("job ", report, b);
        (void)buf_add_char(b, '\n');
        r = write_facts(report, columns, b);
        view_add_unpriced(report, "money is without ", ", whose price is not known\n", b);
        view_add_lost(json_object_get(report, "lost"), "", b);
        write_lines(report, b);
        view_add_outcome(b, report);
        view_add_placed(b, report);
        view_add_resume(json_object_get(report, "resume"), "", "`genopt resume JOB`", b);
        r = r < 0 ? r : write_rules(report, columns, b);
        view_add_compression(json_object_get(report, "rules"), "\n", b);
        r = r < 0 ? r : write_tasks(report, columns, b);
        if (r == 0 && baseline) {
                (void)buf_add_text(b, "\nbeside the baseline\n");
                r = write_comparison(baseline, columns, b);
        }
        return r < 0 ? r : b->failed;
}
