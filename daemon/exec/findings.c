/* What became of the findings of an analysis, in numbers and one by one: for the end of a run. */

#include "daemon/exec/findings.h"

#include "common/json.h"
#include "common/str.h"
#include "daemon/exec/confidence.h"
#include "daemon/exec/left.h"

static json_t *integer(uint64_t n)
{
        return json_integer((json_int_t)n);
}

static bool is_done(const struct run_task *t)
{
        return t->state == TASK_DONE && !t->is_withdrawn;
}

/* ---- in numbers ---- */

struct sums {
        uint64_t by[N_SOURCES], n_manual, n_review, n_kept;
        json_t *review; /* owned: paths */
};

static int sum_up(struct run *r, struct sums *s)
{
        uint64_t n_before = 0;
        int k = 0;

        for (size_t i = 0; i < r->work->n_tasks; i++) {
                const struct run_task *t = &r->tasks[i];
                uint32_t n = r->work->tasks[i].repair->n_findings,
                         n_left = is_done(t) ? MIN2(t->n_left, n) : n;

                s->by[t->source] += n - n_left;
                s->n_manual += n_left;
                s->n_kept += is_done(t) ? t->n_kept : 0;
                if (!is_done(t) || !t->needs_review)
                        continue;
                s->n_review += n - n_left;
                k = k ? k : json_add(s->review, json_string(r->work->tasks[i].path));
        }
        (void)json_get_u64(r->work->findings, "no_change", &n_before);
        s->n_manual += n_before;
        s->n_kept += n_before;
        return k;
}

static int put_sources(struct run *r, const struct sums *s, json_t *o)
{
        bool is_unverified = r->was_verified && !r->is_verified; /* they stand all the same */
        _cleanup_json_ json_t *repaired = json_object(), *unverified = json_object();
        int k = repaired && unverified ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_SOURCES && k == 0; i++) {
                k = json_put(repaired, source_names[i], integer(is_unverified ? 0 : s->by[i]));
                if (k == 0 && is_unverified)
                        k = json_put(unverified, source_names[i], integer(s->by[i]));
        }
        k = k ? k : json_put(o, "repaired", json_incref(repaired));
        return k || !is_unverified ? k : json_put(o, "unverified", json_incref(unverified));
}

int findings_put(struct run *r, json_t *summary)
{
        _cleanup_json_ json_t *o = json_copy(r->work->findings), *review = json_array();
        struct sums s = {.review = review};
        int k = o && review ? sum_up(r, &s) : -ENOMEM;

        k = k ? k : put_sources(r, &s, o);
        k = k ? k : json_put(o, "manual", integer(s.n_manual));
        k = k ? k : json_put(o, "no_change", integer(s.n_kept));
        k = k ? k : json_put(o, "review", integer(s.n_review));
        if (s.n_review > 0)
                k = k ? k : json_put(o, "review_files", json_incref(review));
        return k ? k : json_put(summary, "findings", take(o));
}

/* ---- one by one ---- */

struct row {
        const char *fate, *path, *rule, *why;
        uint32_t task, line; /* NO_TASK: of an earlier job; line 0: the whole */
};

static int add_row(json_t *list, const struct row *row)
{
        _cleanup_json_ json_t *o = json_pack("{s:s,s:s,s:s,s:s}", "fate", row->fate, "path",
                                             row->path, "rule", row->rule, "why", row->why);
        int k = o ? 0 : -ENOMEM;

        if (row->task != NO_TASK)
                k = k ? k : json_put(o, "task", integer(row->task));
        if (row->line > 0)
                k = k ? k : json_put(o, "line", integer(row->line));
        return k ? k : json_add(list, take(o));
}

static int add_finding(struct run *r, uint32_t task, uint32_t i, const char *doubt, json_t *list)
{
        const struct repair *repair = r->work->tasks[task].repair;
        const char *why = NULL;
        enum finding_fate fate = left_fate(r, task, i, &why);
        struct row row = {.path = r->work->tasks[task].path,
                          .rule = repair->spots[i].rule,
                          .task = task,
                          .line = repair->places[i]};

        if (fate == FATE_REPAIRED && !doubt)
                return 0;
        row.fate = fate == FATE_REPAIRED ? "review" : fate == FATE_KEPT ? "no_change" : "left";
        row.why = fate == FATE_REPAIRED ? doubt : why && *why ? why : "no edit touches it";
        return add_row(list, &row);
}

static int add_task(struct run *r, uint32_t task, json_t *list)
{
        const struct run_task *t = &r->tasks[task];
        const struct repair *repair = r->work->tasks[task].repair;
        _cleanup_free_ char *doubt = NULL;
        int k = 0;

        if (!is_done(t) || (!t->needs_review && t->n_left == 0))
                return 0;
        if (t->needs_review &&
            !(doubt = str_printf("sure to %.2f, where %.2f is wanted", t->candidate_score,
                                 confidence_needed(repair->effort))))
                return -ENOMEM;
        for (uint32_t i = 0; i < repair->n_findings && k == 0; i++)
                if (json_array_size(list) < RUN_LEFT_MAX)
                        k = add_finding(r, task, i, doubt, list);
        return k;
}

static int add_earlier(const json_t *one, json_t *list)
{
        uint64_t line = 0;

        (void)json_get_u64(one, "line", &line);
        return add_row(list,
                       &(struct row){.fate = "no_change",
                                     .path = json_get_text(one, "path"),
                                     .rule = json_get_text(one, "rule"),
                                     .why = "an earlier answer said so, and it stands as then",
                                     .task = NO_TASK,
                                     .line = (uint32_t)line});
}

int run_left(struct run *r, json_t **ret)
{
        _cleanup_json_ json_t *list = json_array();
        json_t *one;
        size_t i;
        int k = list ? 0 : -ENOMEM;

        for (uint32_t t = 0; r->work->findings && t < r->work->n_tasks && k == 0; t++)
                k = add_task(r, t, list);
        json_array_foreach (r->work->needless, i, one)
                if (k == 0 && json_array_size(list) < RUN_LEFT_MAX)
                        k = add_earlier(one, list);
        if (k == 0)
                *ret = take(list);
        return k;
}
