#include "daemon/exec/confidence.h"

#include <stdio.h>

/* Each finding without an edit near it is as likely left out as repaired from afar. */
#define FAR_DOUBT 0.5
/* An answer that came after a refused one is a little less sure. */
#define AGAIN_SURE 0.95

double confidence_needed(int effort)
{
        static const struct {
                int effort; /* up to */
                double needed;
        } rows[] = {{2, 0.70}, {4, 0.75}, {6, 0.80}, {8, 0.90}, {10, 0.95}};

        if (effort < 0)
                return 0.80; /* not told: medium */
        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                if (effort <= rows[i].effort)
                        return rows[i].needed;
        return rows[N_ELEMENTS(rows) - 1].needed;
}

static void ask_again(struct run_work_item *item)
{
        struct check_report *report = &item->candidate->report;
        struct finding *f;

        report->verdict = VERDICT_REJECTED;
        if (item->n_far == 0 || report->n_findings == CHECK_MAX_FINDINGS)
                return; /* what was found by the checks stands there */
        f = &report->findings[report->n_findings++];
        *f = (struct finding){
                .rule = "confidence", .line = item->first_far, .confidence = FAR_DOUBT};
        snprintf(f->text, sizeof(f->text),
                 "of %zu findings %zu have no edit near them; the first is here: repair each where "
                 "it stands",
                 item->source->repair->n_lines, item->n_far);
}

void confidence_weigh(struct run_work_item *item)
{
        const struct repair *repair = item->source->repair;
        struct candidate *c = item->candidate;
        double score = c->report.score;

        if (!repair || !item->call)
                return;
        if (item->n_far > 0)
                score *= 1 - FAR_DOUBT * (double)item->n_far / (double)repair->n_lines;
        for (unsigned i = 0; i < MIN2(item->n_attempts, 10u); i++)
                score *= AGAIN_SURE;
        c->result.score = score;
        if (c->report.verdict != VERDICT_REJECTED && item->n_attempts == 0 &&
            confidence_is_low(item->source, &c->result))
                ask_again(item);
}

bool confidence_is_low(const struct task *t, const struct result *result)
{
        return t->repair && result->made_by == SOURCE_CALL &&
               result->score < confidence_needed(t->repair->effort);
}
