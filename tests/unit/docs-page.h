#pragma once
/* A page of docs/ as tests read it: table rows, and the names in backticks of a cell. */

#include <stdio.h>

#include "common/buf.h"
#include "common/path.h"
#include "common/str.h"

#define MAX_CELLS 8

static inline char *page_read(const char *path)
{
        _cleanup_buf_ struct buf b = {0};
        FILE *f = fopen(path, "re");
        char chunk[4096];
        size_t n;

        assert_non_null(f);
        while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
                buf_add(&b, chunk, n);
        fclose(f);
        return buf_steal(&b, &n);
}

/* The lines of the section under `heading`, as cells; fn is called for each row that begins with a
 * name in backticks. */
static inline void page_rows(const char *path, const char *heading,
                             void (*fn)(struct span *cells, size_t n, void *arg), void *arg)
{
        _cleanup_free_ char *page = page_read(path);
        const char *at = strstr(page, heading), *end;

        assert_non_null(at);
        at += strlen(heading);
        end = strstr(at, "\n## ");
        if (!end)
                end = at + strlen(at);
        while (at < end) {
                const char *line_end = memchr(at, '\n', (size_t)(end - at));
                struct span cells[MAX_CELLS] = {0};
                size_t n = 0;

                line_end = line_end ? line_end : end;
                if (str_has_prefix(at, "| `")) {
                        const char *cell = at + 1;

                        while (cell < line_end && n < MAX_CELLS) {
                                const char *bar = memchr(cell, '|', (size_t)(line_end - cell));

                                bar = bar ? bar : line_end;
                                cells[n++] = (struct span){cell, (size_t)(bar - cell)};
                                cell = bar + 1;
                        }
                        fn(cells, n, arg);
                }
                at = line_end + 1;
        }
}

/* The next name in backticks outside of brackets. False: no more. is_optional: a question mark
 * follows. */
static inline bool page_next_name(struct span *cell, char ret[64], bool *ret_is_optional)
{
        unsigned depth = 0;

        for (; cell->n > 0; cell->at++, cell->n--) {
                if (strchr("{[(", *cell->at))
                        depth++;
                else if (strchr("}])", *cell->at))
                        depth--;
                else if (*cell->at == '`') {
                        const char *close = memchr(cell->at + 1, '`', cell->n - 1);
                        size_t n;

                        assert_non_null(close);
                        n = (size_t)(close - cell->at) - 1;
                        assert_true(n < 64);
                        memcpy(ret, cell->at + 1, n);
                        ret[n] = 0;
                        cell->n -= n + 2;
                        cell->at = close + 1;
                        if (depth > 0) {
                                cell->at--, cell->n++;
                                continue;
                        }
                        *ret_is_optional = cell->n > 0 && *cell->at == '?';
                        return true;
                }
        }
        return false;
}
