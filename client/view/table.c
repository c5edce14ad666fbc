#include "client/view/table.h"

#include <stdio.h>

#include "client/view/format.h"
#include "client/view/view.h"
#include "common/str.h"

struct table {
        size_t n_columns;
        bool is_number[TABLE_COLUMNS_MAX];
        struct strlist cells; /* row by row, headings first */
};

int table_new(const char *const *headings, size_t n, struct table **ret)
{
        _cleanup_(table_freep) struct table *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        t->n_columns = MIN2(n, (size_t)TABLE_COLUMNS_MAX);
        for (size_t i = 0; i < t->n_columns; i++) {
                t->is_number[i] = headings[i][0] == '>';
                r = strlist_add(&t->cells, headings[i] + (t->is_number[i] ? 1 : 0));
                if (r < 0)
                        return r;
        }
        *ret = take(t);
        return 0;
}

struct table *table_free(struct table *t)
{
        if (!t)
                return NULL;
        strlist_done(&t->cells);
        free(t);
        return NULL;
}

int table_add(struct table *t, const char *const *cells)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < t->n_columns; i++)
                r = strlist_add(&t->cells, cells[i] ? cells[i] : "");
        return r;
}

static void add_blanks(struct buf *b, size_t n)
{
        for (size_t i = 0; i < n; i++)
                (void)buf_add_char(b, ' ');
}

static void add_row(const struct table *t, char *const *cells, const size_t *widths, struct buf *b)
{
        for (size_t i = 0; i < t->n_columns; i++) {
                struct span cell = span_of(cells[i]);
                size_t blanks = widths[i] - MIN2(widths[i], format_width(cell));

                add_blanks(b, (i > 0 ? 2 : 0) + (t->is_number[i] ? blanks : 0));
                format_cut(b, cell, SIZE_MAX / 2);
                if (!t->is_number[i] && i + 1 < t->n_columns)
                        add_blanks(b, blanks);
        }
}

int table_print(const struct table *t)
{
        size_t widths[TABLE_COLUMNS_MAX] = {0},
               columns = isatty(STDOUT_FILENO) ? view_columns(STDOUT_FILENO) : SIZE_MAX / 2;
        _cleanup_buf_ struct buf out = {0};

        for (size_t i = 0; i < t->cells.n; i++)
                widths[i % t->n_columns] =
                        MAX2(widths[i % t->n_columns], format_width(span_of(t->cells.at[i])));
        for (size_t i = 0; i < t->cells.n; i += t->n_columns) {
                _cleanup_buf_ struct buf line = {0};

                add_row(t, t->cells.at + i, widths, &line);
                if (line.failed)
                        return line.failed;
                format_cut(&out, buf_span(&line), columns);
                (void)buf_add_char(&out, '\n');
        }
        if (out.failed)
                return out.failed;
        return fputs(out.at ? out.at : "", stdout) == EOF ? -EIO : 0;
}
