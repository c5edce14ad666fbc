/* Check: what came is judged in a worker; a refusal climbs the ladder with its evidence. */

#include <stdio.h>

#include "common/log.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/edit/excerpt.h"
#include "daemon/exec/amend.h"
#include "daemon/exec/answer.h"
#include "daemon/exec/confidence.h"
#include "daemon/exec/learn.h"
#include "daemon/exec/leaving.h"
#include "daemon/exec/note.h"
#include "daemon/exec/tree.h"
#include "daemon/exec/verify.h"
#include "daemon/loop/loop.h"
#include "daemon/plan/ladder.h"
#include "daemon/template/template.h"

#define FREED_HERE_TASKS 20 /* less work than waking a worker */
#define MAX_EXPECTED 8      /* names that must stand in a text: entity and package today */

struct candidate *candidate_free(struct candidate *c)
{
        if (!c)
                return NULL;
        result_done(&c->result);
        free(c->interface);
        notes_free(c->notes);
        free(c->mended);
        free(c);
        return NULL;
}

/* ---- in a worker: from a text to a candidate; sees the task, the text, nothing else ---- */

static size_t expected_names(const struct task *t, const char *ret[MAX_EXPECTED])
{
        const json_t *names = json_object_get(json_object_get(t->context, "task"), "expected"),
                     *name;
        size_t i, n = 0;

        json_array_foreach ((json_t *)names, i, name) {
                if (n < MAX_EXPECTED && json_is_string(name))
                        ret[n++] = json_string_value(name);
        }
        return n;
}

/* What was wrong with the text before is no fault of the edits. */
static void excuse(const struct task *t, const struct check_subject *subject, struct span base,
                   struct check_report *report)
{
        struct check_subject before = *subject;
        struct check_report was;

        if (report->verdict == VERDICT_ACCEPTED || subject->was_cut)
                return;
        before.text = base;
        check_run(t->checks, &before, &was);
        if (was.verdict != VERDICT_ACCEPTED && was.score <= report->score) {
                report->verdict = VERDICT_ACCEPTED;
                report->score = 1;
        }
}

/* A slip that a rule can mend is not asked for again: what stands around a file, what it did not
 * import. */
static int mend(const struct run_work_item *item, const char *language)
{
        struct candidate *c = item->candidate;
        struct span whole = {c->result.text, c->result.n_text}, text = check_mend(language, whole);
        _cleanup_buf_ struct buf out = {0}, names = {0}, said = {0};
        int k = check_set_mend(item->source->checks, text, &out, &names);

        if (k < 0 || (k == CONDITION_ABSENT && text.n == whole.n))
                return MIN2(k, 0);
        if (k == CONDITION_ABSENT)
                (void)buf_add_span(&out, text);
        if (text.n < whole.n)
                (void)buf_add_text(&said, "what stood around the file was taken away");
        if (names.n > 0)
                (void)buf_printf(&said, "%simported: %s", said.n > 0 ? "; " : "", names.at);
        free(c->result.text);
        c->result.text = buf_steal(&out, &c->result.n_text);
        c->mended = buf_steal(&said, NULL);
        return c->result.text && c->mended ? 0 : -ENOMEM;
}

static int judge(const struct run_work_item *item)
{
        const struct task *t = item->source;
        struct candidate *c = item->candidate;
        const char *expected[MAX_EXPECTED];
        struct check_subject subject = {
                .path = t->path, .expected = expected, .was_cut = c->was_cut};
        const char *language =
                json_string_value(json_object_get(json_object_get(t->context, "task"), "language"));
        _cleanup_buf_ struct buf interface = {0};
        int k = t->path && item->call ? mend(item, language ? language : "text") : 0;

        if (k < 0)
                return k;
        subject.text = (struct span){c->result.text, c->result.n_text};
        subject.n_expected = expected_names(t, expected);
        if (c->result.is_gone) /* there is nothing to look at */
                c->report = (struct check_report){.verdict = VERDICT_ACCEPTED, .score = 1};
        else
                check_run(t->checks, &subject, &c->report);
        if (t->repair)
                excuse(t, &subject, (struct span){item->base.text, item->base.n}, &c->report);
        c->result.score = c->report.score;
        if (t->repair) {
                k = restore_ends(item);
                if (k < 0)
                        return k;
                subject.text = (struct span){c->result.text, c->result.n_text};
        }
        hash_of(c->result.text, c->result.n_text, &c->result.content);
        buf_init(&interface, 0);
        k = extractor_run(t->extractor, subject.text, &interface);
        if (k < 0)
                return k;
        hash_of(interface.at, interface.n, &c->result.interface);
        c->interface = buf_steal(&interface, &c->n_interface);
        return c->interface ? 0 : -ENOMEM;
}

static void take_notes(struct run_work_item *item)
{
        if (item->source->repair && item->candidate->report.verdict != VERDICT_REJECTED)
                notes_make(item->hold->work, item->source,
                           (struct span){item->base.text, item->base.n}, item->candidate);
}

static void run_judge(void *arg)
{
        struct run_work_item *item = arg;
        int k = amend(item);

        if (k == 0)
                k = judge(item);
        if (k == 0)
                confidence_weigh(item);
        if (k == 0)
                take_notes(item);
        item->error = k == CONDITION_REFUSED ? 0 : k; /* the report says why */
}

static void run_render(void *arg)
{
        struct run_work_item *item = arg;
        _cleanup_buf_ struct buf out = {0};

        if (task_is_given(item->source)) {
                item->error = judge(item); /* the text is there already */
                if (item->source->repair->is_noted)
                        item->candidate->result.score =
                                MIN2(item->candidate->result.score, item->source->repair->score);
                if (item->error == 0)
                        take_notes(item);
                return;
        }
        buf_init(&out, TEMPLATE_MAX_OUTPUT_BYTES);
        item->error = plan_render(item->source, &out, &item->diag);
        if (item->error)
                return;
        item->candidate->result.text = buf_steal(&out, &item->candidate->result.n_text);
        item->error = item->candidate->result.text ? judge(item) : -ENOMEM;
}

/* ---- on the loop ---- */

bool candidate_is_good(const struct candidate *c, bool is_strict)
{
        return c->report.verdict == VERDICT_ACCEPTED ||
               (c->report.verdict == VERDICT_DOUBTED && !is_strict);
}

static bool is_accepted(const struct run *r, const struct candidate *c)
{
        return candidate_is_good(c, r->setup.is_strict);
}

/* The command of the client's, if the task has one, has the last word. */
static void accept(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);

        r->totals.n_confident += t->candidate->report.verdict == VERDICT_ACCEPTED;
        r->totals.n_judged += t->candidate->report.verdict == VERDICT_DOUBTED;
        if (r->work->tasks[task].command >= 0 && r->work->tasks[task].repair)
                verify_later(r, task);
        else if (r->work->tasks[task].command >= 0)
                run_task_park(r, task, RUN_WAIT_CLIENT, NULL);
        else
                publish_result(r, task, t->is_reused ? SOURCE_REUSE : t->candidate->result.made_by);
}

static char *report_text(const struct check_report *report)
{
        _cleanup_buf_ struct buf b = {0};

        buf_init(&b, 0);
        if (check_report_write(report, &b) < 0)
                return NULL;
        return buf_steal(&b, NULL);
}

static void template_refused(struct run *r, uint32_t task, struct run_work_item *item)
{
        struct run_task *t = run_task_of(r, task);
        char text[320];

        if (item->error == CONDITION_REFUSED)
                snprintf(text, sizeof(text), "%s:%u:%u: %s", template_name(item->source->template),
                         item->diag.line, item->diag.column, item->diag.text);
        else if (item->error == 0)
                snprintf(text, sizeof(text), "%s", item->candidate->report.findings[0].text);
        else
                snprintf(text, sizeof(text), "%s", strerror(-item->error));
        run_log(r, task, LOG_LEVEL_WARNING, "template_fallback", "%s: %s",
                r->work->tasks[task].title, text);
        if (item->source->n_blocks == 0) {
                run_task_fail(r, task, failure_new(FAILURE_TEMPLATE_FAILED, "%s", text));
                return;
        }
        publish_news(r, "warning",
                     json_pack("{s:o,s:s}", "text", json_words(text), "where",
                               r->work->tasks[task].title));
        t->is_template_refused = true;
        run_task_move(r, task, TASK_READY);
        obtain(r, task);
}

static void finish_render(struct run *r, struct run_work_item *item)
{
        struct run_task *t = run_task_of(r, item->task);

        run_task_move(r, item->task, TASK_CHECKING);
        if (item->error == 0 && is_accepted(r, item->candidate)) {
                item->candidate->result.made_by = task_is_mechanical(item->source)
                                                          ? SOURCE_MECHANICAL
                                                  : task_is_given(item->source) ? SOURCE_CALL
                                                                                : SOURCE_TEMPLATE;
                t->is_reused = task_is_given(item->source) && item->source->repair->is_noted;
                t->candidate = take(item->candidate);
                accept(r, item->task);
        } else {
                template_refused(r, item->task, item);
        }
}

/* The attempt that it came with is void. What is good of it stays. */
void judge_again(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);

        if (t->state != TASK_CHECKING || !t->candidate || is_accepted(r, t->candidate))
                return;
        t->candidate = candidate_free(t->candidate);
        run_task_move(r, task, TASK_ASSIGNED);
}

/* What it makes may be what another repair makes. */
static void claim(struct run *r, uint32_t task, struct candidate *c)
{
        struct finding *f = &c->report.findings[0];
        const char *path;
        int k = is_accepted(r, c) ? tree_claim(r, task, &c->result, &path) : 0;

        if (k == 0)
                return;
        c->report =
                (struct check_report){.verdict = VERDICT_REJECTED, .n_findings = 1, .n_rules = 1};
        *f = (struct finding){.rule = "tree", .confidence = 1};
        snprintf(f->text, sizeof(f->text), "`%.120s`: another repair makes a file there",
                 k > 0 ? path : "");
}

static void finish_judge(struct run *r, struct run_work_item *item)
{
        struct run_task *t = run_task_of(r, item->task);
        struct run_call *c = item->call;

        if (item->error == 0)
                claim(r, item->task, item->candidate);
        if (item->error == 0) {
                item->candidate->result.model = strdup(c->model);
                t->candidate = take(item->candidate);
                learn_attempt(c, item->task, !is_accepted(r, t->candidate), false);
                t->was_edited = t->candidate->is_edits;
                free(t->mended);
                t->mended = take(t->candidate->mended);
                if (t->mended)
                        run_log(r, item->task, LOG_LEVEL_INFO, "mended", "%s: %s",
                                r->work->tasks[item->task].title, t->mended);
                if (is_accepted(r, t->candidate))
                        learn_file(r, item->task, t->candidate);
        } else {
                run_task_move(r, item->task, TASK_ASSIGNED);
        }
        c->n_checking--;
        if (item->n_resets != c->n_resets)
                judge_again(r, item->task);
        if (c->has_ended && c->n_checking == 0)
                call_checked(c);
        else if (t->candidate && is_accepted(r, t->candidate) && c->n_tasks > 1)
                accept(r, item->task); /* delivered while the others still stream */
}

static void free_work(void *arg)
{
        work_free(arg);
}

static void forget(void *arg)
{
        (void)arg;
}

void work_release(struct work *w, struct loop *loop)
{
        struct pool_work freeing = {.run = free_work, .finish = forget, .arg = w};

        if (!w)
                return;
        if (w->n_tasks <= FREED_HERE_TASKS || loop_work(loop, &freeing) < 0)
                work_free(w);
}

void release_hold(struct work_hold *h, struct loop *loop)
{
        if (--h->n_refs > 0)
                return;
        work_release(h->work, loop);
        free(h);
}

static void finish_item(void *arg)
{
        struct run_work_item *item = arg;
        struct run *r = item->run;

        if (r) {
                LIST_REMOVE(item, entry);
                r->n_items--;
                if (item->call)
                        finish_judge(r, item);
                else
                        finish_render(r, item);
                run_pump(r);
        } else {
                late_finish(item);
        }
        release_hold(item->hold, item->loop);
        candidate_free(item->candidate);
        edit_base_done(&item->base);
        buf_done(&item->shown);
        free(item);
}

/* A short text with the basic rules alone is judged in less time than a worker takes to wake. */
#define JUDGED_HERE_BYTES 32768

static int run_item(struct loop *loop, struct run_work_item *item, void (*run)(void *arg))
{
        struct pool_work work = {.run = run, .finish = finish_item, .arg = item};

        if (!item->call || item->candidate->is_edits || item->source->checks ||
            item->source->extractor || item->candidate->result.n_text > JUDGED_HERE_BYTES)
                return loop_work(loop, &work);
        run(item);
        return loop_defer(loop, finish_item, item);
}

/* What the text is compared with, or made from; a copy. */
static int take_base(struct run *r, struct run_work_item *item)
{
        const struct repair *repair = item->source->repair;
        struct span base = {0};
        int k = base_load(r, item->task, &base);

        if (item->call)
                memcpy(item->tag, item->call->tag, sizeof(item->tag));
        k = k < 0 ? k : edit_base_read(base, &item->base);
        if (k == 0 && repair && repair->excerpt && item->call)
                k = excerpt_show(repair->excerpt, (struct span){item->base.text, item->base.n},
                                 &item->shown);
        return k > 0 ? -ENODATA : k;
}

static int start_item(struct run *r, uint32_t task, struct run_call *call, struct candidate *c,
                      void (*run)(void *arg))
{
        struct run_work_item *item = calloc(1, sizeof(*item));
        int k;

        if (!item)
                return -ENOMEM;
        *item = (struct run_work_item){.run = r,
                                       .loop = r->setup.loop,
                                       .task = task,
                                       .call = call,
                                       .candidate = c,
                                       .n_resets = call ? call->n_resets : 0,
                                       .n_attempts = run_task_of(r, task)->evidence.attempts,
                                       .source = &r->work->tasks[task],
                                       .hold = r->hold};
        k = c->is_edits || item->source->repair ? take_base(r, item) : 0;
        k = k ? k : run_item(r->setup.loop, item, run);
        if (k < 0) {
                edit_base_done(&item->base);
                buf_done(&item->shown);
                free(item);
                return k;
        }
        r->hold->n_refs++;
        LIST_INSERT_HEAD(&r->items, item, entry);
        r->n_items++;
        if (call)
                call->n_checking++;
        return 0;
}

int judge_start(struct run *r, uint32_t task, struct run_call *call, struct span text, bool was_cut)
{
        _cleanup_(candidate_freep) struct candidate *c = calloc(1, sizeof(*c));
        int k;

        if (!c)
                return -ENOMEM;
        c->was_cut = was_cut;
        c->is_edits = call->answer && answer_is_edits(call->answer);
        c->n_answer = text.n;
        c->result.made_by = SOURCE_CALL;
        c->result.text = str_dup_span(text);
        c->result.n_text = text.n;
        if (!c->result.text)
                return -ENOMEM;
        k = start_item(r, task, call, c, run_judge);
        if (k == 0)
                c = NULL;
        return k;
}

int render_start(struct run *r, uint32_t task)
{
        _cleanup_(candidate_freep) struct candidate *c = calloc(1, sizeof(*c));
        const struct task *t = &r->work->tasks[task];
        int k = c ? 0 : -ENOMEM;

        if (k == 0 && task_is_given(t)) {
                c->result.text = str_dup_span((struct span){t->repair->given, t->repair->n_given});
                c->result.n_text = t->repair->n_given;
                k = c->result.text ? 0 : -ENOMEM;
        }
        k = k ? k : start_item(r, task, NULL, c, run_render);
        if (k == 0)
                c = NULL;
        return k;
}

/* Why an answer brought nothing for a task. */
static void missing_evidence(const struct run_call *c, struct evidence *e)
{
        if (c->failure) {
                e->kind = EVIDENCE_PROVIDER;
                e->failure = c->failure->id;
        } else if (c->stop == STOP_LENGTH) {
                e->kind = EVIDENCE_CUT;
                e->text = strdup("The answer was cut off: it was too long. Write less: no comments "
                                 "that repeat the code.");
        } else {
                e->kind = EVIDENCE_MISSING;
                e->text = strdup("The file was missing, or its markers did not stand alone on "
                                 "their lines with the given tag.");
        }
}

static void conclude_task(struct run_call *c, uint32_t task)
{
        struct run *r = c->run;
        struct run_task *t = run_task_of(r, task);
        struct evidence e = {0};

        if (t->state != TASK_CHECKING && t->state != TASK_ASSIGNED)
                return; /* delivered already */
        if (t->candidate && is_accepted(r, t->candidate)) {
                accept(r, task);
                return;
        }
        if (unfinished_go_on(c, task) || (!t->candidate && routes_go_on(c, task)))
                return;
        if (!t->candidate && c->failure) {
                task_stopped(r, task, failure_copy(c->failure));
                return;
        }
        e.attempts = t->evidence.attempts + 1;
        if (t->candidate) {
                e.kind = t->candidate->is_idle ? EVIDENCE_IDLE : EVIDENCE_CHECKS;
                e.text = report_text(&t->candidate->report);
                r->totals.n_rejected++;
        } else {
                missing_evidence(c, &e);
                learn_attempt(c, task, true, true);
        }
        t->candidate = candidate_free(t->candidate);
        run_task_move(r, task, TASK_READY);
        task_refused(r, task, &e);
}

void call_checked(struct run_call *c)
{
        struct run *r = c->run;

        /* Settlement first: it and what is published below are one batch. */
        publish_call(c);
        share_note(c);
        for (size_t i = 0; i < c->n_tasks; i++)
                conclude_task(c, c->tasks[i]);
        unfinished_start(c);
        run_call_free(c);
        publish_flush(r);
}

static struct failure *refusal(const struct evidence *e)
{
        switch (e->kind) {
        case EVIDENCE_COMMAND:
                return failure_new(FAILURE_CHECK_FAILED, "the command refused it");
        case EVIDENCE_CUT:
                return failure_new(FAILURE_CHECK_FAILED, "the answer was cut off each time");
        case EVIDENCE_MISSING:
                return failure_new(FAILURE_CHECK_FAILED, "the answer did not hold the file");
        case EVIDENCE_BROKEN:
        case EVIDENCE_PROVIDER:
                return failure_new(e->failure, NULL);
        case EVIDENCE_CHECKS:
        case EVIDENCE_IDLE:
                break;
        }
        return failure_new(FAILURE_CHECK_FAILED, "%s", e->text ? e->text : "refused");
}

/* It quotes what was cut somewhere, and has to go into a request. Without memory: no words. */
static void mend_text(struct evidence *e)
{
        char *cut = e->text;

        if (!cut || str_is_utf8(span_of(cut)))
                return;
        e->text = str_mended(span_of(cut));
        free(cut);
}

void task_refused(struct run *r, uint32_t task, struct evidence *e)
{
        struct run_task *t = run_task_of(r, task);
        enum tier next = t->tier;
        enum rung rung;

        mend_text(e);
        while (++next < N_TIERS && !r->setup.planning.tiers[next].model)
                ;
        rung = ladder_next(&(struct ladder){.tier = t->tier,
                                            .has_next_tier = next < N_TIERS,
                                            .may_show_more = group_may_show_more(r, task),
                                            .was_shown_whole = t->is_shown_whole},
                           e);
        if (e->kind == EVIDENCE_COMMAND &&
            (r->work->tasks[task].template || task_is_given(&r->work->tasks[task]))) {
                t->is_template_refused = true; /* it would give the same text again */
                if (r->work->tasks[task].n_blocks == 0)
                        rung = RUNG_GIVE_UP;
        }
        if (rung == RUNG_GIVE_UP) {
                run_task_fail(r, task, refusal(e));
                free(e->text);
                return;
        }
        if (rung == RUNG_NEXT_TIER)
                t->tier = next;
        if (rung == RUNG_WHOLE_CONTEXT)
                t->is_shown_whole = true;
        publish_news(r, "task.retry",
                     json_pack("{s:I,s:s,s:i,s:i}", "task", (json_int_t)task, "reason",
                               e->text ? e->text : "refused", "delay_ms", 0, "attempt",
                               (int)e->attempts + 1));
        r->totals.n_retries++;
        run_log(r, task, LOG_LEVEL_NOTICE, "retry", "%s: the answer was refused",
                r->work->tasks[task].title);
        free(t->evidence.text);
        t->evidence = *e;
        t->candidate = candidate_free(t->candidate);
        t->is_reused = false;
        obtain(r, task);
}
