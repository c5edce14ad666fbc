/* What of an analysis a plan would repair how, and the phases that it can be done in. */

#include <inttypes.h>

#include "client/view/figures.h"
#include "client/view/view.h"
#include "common/json.h"

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
                if (progress_number(findings, figures_aside[i].field) > 0)
                        (void)buf_printf(b, "; %" PRIu64 " %s",
                                         progress_number(findings, figures_aside[i].field),
                                         figures_aside[i].words);
        (void)buf_add_char(b, '\n');
        json_array_foreach ((json_t *)phases, i, p)
                if (progress_number(p, "findings") > 0) {
                        add_phase(b, p, is_first);
                        is_first = false;
                }
}
