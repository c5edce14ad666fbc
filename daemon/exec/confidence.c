#include "daemon/exec/confidence.h"

#include <stdio.h>

#include "daemon/exec/left.h"

/* An answer that leaves out findings may have misread the others, too. */
#define LEFT_DOUBT 0.5
/* What the rule says is to stand there does not stand anywhere in the file. */
#define WANTED_DOUBT 0.2
/* A repair of little effort that changes much: so many lines for each finding. */
#define MUCH_DOUBT 0.1
#define MUCH_LINES 12u
#define LITTLE_EFFORT 2
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

/* Of the findings that it does not leave. */
static double share_without_wanted(const struct repair *repair, const struct result *result)
{
        size_t n_wanted = 0, n_absent = 0, left = 0;

        for (uint32_t i = 0; i < repair->n_findings; i++) {
                const char *wanted = repair->spots[i].wanted;

                if (left < result->n_left && result->left[left].index == i) {
                        left++;
                        continue;
                }
                n_wanted += wanted != NULL;
                n_absent += wanted && !memmem(result->text, result->n_text, wanted, strlen(wanted));
        }
        return n_wanted ? (double)n_absent / (double)n_wanted : 0;
}

/* What the checks found stands in the report; else it lacks what was wanted. */
static void ask_again(struct check_report *report, const struct repair *repair,
                      const struct result *result)
{
        struct finding *f = &report->findings[0];

        report->verdict = VERDICT_REJECTED;
        for (uint32_t i = 0; i < repair->n_findings && report->n_findings == 0; i++) {
                const struct spot *s = &repair->spots[i];

                if (!s->wanted ||
                    memmem(result->text, result->n_text, s->wanted, strlen(s->wanted)))
                        continue;
                *f = (struct finding){
                        .rule = "confidence", .line = s->line, .confidence = WANTED_DOUBT};
                snprintf(f->text, sizeof(f->text),
                         "the finding here wants `%.120s`, which stands nowhere in the file",
                         s->wanted);
                report->n_findings = 1;
        }
}

static double count_changed(const struct run_work_item *item)
{
        const struct result *result = &item->candidate->result;
        size_t n_gone = 0, n_new = 0, n;

        if (edits_removed((struct span){item->base.text, item->base.n},
                          (struct span){result->text, result->n_text}, &n_gone, &n) < 0 ||
            edits_removed((struct span){result->text, result->n_text},
                          (struct span){item->base.text, item->base.n}, &n_new, &n) < 0)
                return 0;
        return (double)MAX2(n_gone, n_new);
}

void confidence_weigh(struct run_work_item *item)
{
        const struct repair *repair = item->source->repair;
        struct candidate *c = item->candidate;
        double score = c->report.score;
        size_t n_kept, n_left;

        if (!repair || !item->call)
                return;
        n_left = left_count(&c->result, &n_kept) - n_kept;
        score *= 1 - LEFT_DOUBT * (double)n_left / (double)repair->n_findings;
        if (!result_changes_tree(&c->result)) {
                score *= 1 - WANTED_DOUBT * share_without_wanted(repair, &c->result);
                if (repair->effort >= 0 && repair->effort <= LITTLE_EFFORT &&
                    count_changed(item) > MUCH_LINES * (double)repair->n_findings)
                        score *= 1 - MUCH_DOUBT;
        }
        for (unsigned i = 0; i < MIN2(item->n_attempts, 10u); i++)
                score *= AGAIN_SURE;
        c->result.score = score;
        if (n_kept < repair->n_findings && c->report.verdict != VERDICT_REJECTED &&
            item->n_attempts == 0 && confidence_is_low(item->source, &c->result))
                ask_again(&c->report, repair, &c->result); /* once */
}

bool confidence_is_low(const struct task *t, const struct result *result)
{
        return t->repair && result->made_by == SOURCE_CALL &&
               result->score < confidence_needed(t->repair->effort);
}
