/* What of an analysis a plan would repair how, and the phases that it can be done in; and what is
 * to be looked at when it is done. */

#include <inttypes.h>

#include "client/view/figures.h"
#include "client/view/view.h"
#include "common/json.h"
#include "common/str.h"

static void add_phase(struct buf *b, const json_t *p, bool is_first)
{
        const char *risk = json_get_text(p, "risk"), *name = json_get_text(p, "name");
        uint64_t files = progress_number(p, "files"), n = progress_number(p, "findings");

        (void)buf_printf(
                b, "%-9s %" PRIu64 " %-12s %-7s %6" PRIu64 " finding%s in %" PRIu64 " file%s%s\n",
                is_first ? "phases" : "", progress_number(p, "phase"), name ? name : "",
                risk ? risk : "", n, n == 1 ? " " : "s", files, files == 1 ? "" : "s",
                json_get_bool(p, "taken", true) ? "" : " (not asked for)");
}

void view_add_findings(struct buf *b, const json_t *findings)
{
        const json_t *phases = json_object_get(findings, "phases"), *p;
        bool is_first = true;
        size_t i;

        if (!findings)
                return;
        (void)buf_printf(b,
                         "findings  %" PRIu64 ": %" PRIu64 " spell out their repair, %" PRIu64
                         " are asked of a model",
                         progress_number(findings, "total"),
                         progress_number(findings, "mechanical"),
                         progress_number(findings, "asked"));
        for (i = 0; i < figures_n_aside; i++)
                if (figures_aside_count(findings, i) > 0)
                        (void)buf_printf(b, "; %" PRIu64 " %s", figures_aside_count(findings, i),
                                         figures_aside[i].words);
        (void)buf_add_char(b, '\n');
        json_array_foreach ((json_t *)phases, i, p)
                if (progress_number(p, "findings") > 0) {
                        add_phase(b, p, is_first);
                        is_first = false;
                }
}

#define FILES_LISTED_MAX 20u

/* "src/A.java (lines 3, 17)": rows of one file stand beside each other. Returns the next. */
static size_t add_file(struct buf *b, const json_t *left, size_t i)
{
        const json_t *first = json_array_get(left, i);
        const char *path = json_get_text(first, "path"), *why = json_get_text(first, "why"),
                   *comma = "";
        size_t before;

        (void)buf_printf(b, "\n  %s", path ? path : "");
        before = b->n;
        for (; i < json_array_size(left); i++) {
                const json_t *one = json_array_get(left, i);
                uint64_t line = progress_number(one, "line");

                if (!str_is_equal(json_get_text(one, "path"), path) ||
                    !str_is_equal(json_get_text(one, "fate"), "review"))
                        break;
                if (line > 0)
                        (void)buf_printf(b, "%s%" PRIu64, *comma ? comma : " (line ", line);
                comma = line > 0 ? ", " : comma;
        }
        (void)buf_printf(b, "%s: %s", b->n > before ? ")" : "", why ? why : "");
        return i;
}

size_t view_add_review(struct buf *b, const json_t *left)
{
        size_t n = 0;

        for (size_t i = 0; i < json_array_size(left);) {
                size_t before = b->n;

                if (!str_is_equal(json_get_text(json_array_get(left, i), "fate"), "review")) {
                        i++;
                        continue;
                }
                i = add_file(b, left, i);
                if (++n > FILES_LISTED_MAX && !b->failed)
                        b->at[b->n = before] = '\0';
        }
        if (n > FILES_LISTED_MAX)
                (void)buf_printf(b, "\n  and %zu more (--json and --report list them all)",
                                 n - FILES_LISTED_MAX);
        return n;
}

bool view_has_unrepaired(const json_t *summary)
{
        const json_t *findings = json_object_get(summary, "findings");

        return progress_number(findings, "manual") > progress_number(findings, "no_change");
}

void view_add_placed(struct buf *b, const json_t *summary)
{
        const json_t *findings = json_object_get(summary, "findings"),
                     *files = json_object_get(findings, "not_written_files"), *one;
        size_t i;

        if (!findings)
                return;
        if (!json_get_bool(summary, "placed", false)) {
                (void)buf_add_text(b, "written   nobody has told yet what came into the tree: "
                                      "`genopt fix --resume` there puts it in place, and tells\n");
                return;
        }
        json_array_foreach ((json_t *)files, i, one) {
                const char *path = json_get_text(one, "path"), *why = json_get_text(one, "why");

                if (i == FILES_LISTED_MAX)
                        break;
                (void)buf_printf(b, "%-9s %s: %s\n", i == 0 ? "left" : "", path ? path : "",
                                 why ? why : "");
        }
        if (json_array_size(files) > FILES_LISTED_MAX)
                (void)buf_printf(b, "%-9s and %zu more\n", "",
                                 json_array_size(files) - FILES_LISTED_MAX);
}
