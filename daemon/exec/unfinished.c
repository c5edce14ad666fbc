/* Answers that ended too early: cut off at their limit, or broken off with the connection.
 *
 * Files that are whole stand. Of the file that was being written the complete lines are kept, and
 * its task is asked for alone: the model is shown what it said and goes on from there. Tasks whose
 * files were not begun are asked for again together. None of that counts as a refusal, because the
 * answer was not bad; but it goes on only while each answer brings something, and UNFINISHED_MAX
 * times for one task. */

#include "common/clock.h"
#include "daemon/exec/answer.h"
#include "daemon/exec/learn.h"
#include "daemon/exec/leaving.h"
#include "daemon/plan/cost.h"

#define UNFINISHED_MAX 3
#define CONTINUED_MIN_BYTES 400 /* less is sooner said again than explained */

static bool may_continue(const struct run_call *c, uint32_t task)
{
        const struct run *r = c->run;
        const struct model_facts *f = r->setup.planning.tiers[c->tier].facts;

        return f && !f->does_not_continue && r->tasks[task].n_continued < UNFINISHED_MAX &&
               (r->work->tasks[task].path || r->work->tasks[task].max_tokens == 0);
}

/* Up to the end of its last line, or of its last word where there are none. */
static struct span complete_part(struct span text, bool is_file)
{
        while (text.n > 0 && text.at[text.n - 1] != '\n' && (is_file || text.at[text.n - 1] != ' '))
                text.n--;
        return text.n >= CONTINUED_MIN_BYTES ? text : (struct span){0};
}

/* What there is to go on from: the open file of the answer, or the text that was asked for. */
static struct span begun_part(const struct run_call *c, struct span text, uint32_t *ret_task)
{
        size_t file = 0;
        bool is_open = !c->answer || answer_get_open(c->answer, &file, &text);

        *ret_task = c->tasks[file];
        if (!is_open || !may_continue(c, *ret_task))
                return (struct span){0};
        return complete_part(text, c->answer != NULL);
}

bool unfinished_has_enough(const struct run_call *c)
{
        uint32_t task;

        for (size_t i = 0; i < c->n_tasks; i++)
                if (c->run->tasks[c->tasks[i]].n_continued >= UNFINISHED_MAX)
                        return false;
        if (c->answer && answer_counts(c->answer)->n_done > 0)
                return true;
        /* A text is at its owner only in the end; how long it is by now is known. */
        if (!c->answer)
                return may_continue(c, c->tasks[0]) && c->n_answer_bytes >= CONTINUED_MIN_BYTES;
        return begun_part(c, (struct span){0}, &task).n > 0;
}

void unfinished_keep(struct run_call *c, struct span text)
{
        uint32_t task;
        struct run_task *t;
        struct span part;

        if (c->stop != STOP_LENGTH && !c->is_broken)
                return;
        part = begun_part(c, text, &task);
        c->has_brought = part.n > 0 || (c->answer && answer_counts(c->answer)->n_done > 0);
        if (part.n == 0)
                return;
        t = run_task_of(c->run, task);
        unfinished_forget(t);
        t->partial = str_dup_span(part); /* without memory it is asked for whole */
        t->n_partial = part.n;
        t->is_partial_edits = c->answer && answer_is_edits(c->answer);
        memcpy(t->partial_tag, c->tag, sizeof(t->partial_tag));
}

void unfinished_forget(struct run_task *t)
{
        free(t->partial);
        t->partial = NULL;
        t->n_partial = 0;
}

static void say_again(struct run_call *c, uint32_t task)
{
        struct run *r = c->run;
        const char *reason = c->is_broken ? failure_message(c->failure) : "the answer was cut off";

        publish_news(r, "task.retry",
                     json_pack("{s:I,s:I,s:s,s:I,s:i}", "task", (json_int_t)task, "call",
                               (json_int_t)c->n, "reason", reason, "delay_ms",
                               (json_int_t)r->tasks[task].delay_ms, "attempt",
                               (int)r->tasks[task].evidence.attempts + 1));
        r->totals.n_retries++;
        run_log(r, task, LOG_LEVEL_NOTICE, "retry", "%s: %s; it goes on from %zu bytes",
                r->work->tasks[task].title, reason, r->tasks[task].n_partial);
}

bool unfinished_go_on(struct run_call *c, uint32_t task)
{
        struct run *r = c->run;
        struct run_task *t = run_task_of(r, task);

        if (t->candidate || !c->has_brought || t->n_continued >= UNFINISHED_MAX ||
            !(c->is_broken || (!c->failure && c->stop == STOP_LENGTH)))
                return false;
        t->n_continued++;
        if (!c->is_broken) /* fewer files would have fitted */
                learn_attempt(c, task, false, true);
        t->delay_ms = c->is_broken ? calls_backoff_ms(r->setup.calls, t->n_continued) : 0;
        free(t->evidence.text);
        t->evidence = (struct evidence){.kind = c->is_broken ? EVIDENCE_BROKEN : EVIDENCE_CUT,
                                        .attempts = t->evidence.attempts + 1};
        run_task_move(r, task, TASK_READY);
        say_again(c, task);
        ask_again(c, task);
        return true;
}

void ask_again(struct run_call *c, uint32_t task)
{
        struct run *r = c->run;

        if (r->tasks[task].partial || c->n_tasks == 1) {
                obtain(r, task);
                return;
        }
        r->tasks[task].is_gathered = true;
        r->n_gathered++;
        if (c->again == NO_TASK)
                c->again = task;
}

void unfinished_start(struct run_call *c)
{
        struct run *r = c->run;
        const struct plan *p = r->setup.plan;

        if (c->again != NO_TASK)
                ready_add(r, c->again, p->steps[p->step_of_task[c->again]].path_ms);
        c->again = NO_TASK;
}

uint64_t unfinished_delay_ms(const struct run *r, const struct step *s)
{
        uint64_t longest = 0;

        for (size_t i = 0; i < s->n_tasks; i++) {
                longest = MAX2(longest, r->tasks[s->tasks[i]].delay_ms);
                r->tasks[s->tasks[i]].delay_ms = 0;
        }
        return longest;
}
