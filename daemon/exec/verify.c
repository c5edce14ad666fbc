#include "daemon/exec/verify.h"

#include "common/clock.h"
#include "common/str.h"
#include "daemon/store/store.h"

#define OUTPUT_SHOWN_BYTES 6000 /* the end of it, in a prompt */

static bool is_waiting(const struct run *r, uint32_t task)
{
        const struct run_task *t = &r->tasks[task];

        return t->state == TASK_PARKED && t->wait == RUN_WAIT_CLIENT && t->candidate &&
               r->work->tasks[task].repair;
}

void verify_later(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);
        const struct result *result = &t->candidate->result;
        struct store_batch *b = publish_batch(r);
        int k = b ? store_blob_put(b, r->setup.uid, &result->content,
                                   (struct span){result->text, result->n_text}, clock_realtime_ms())
                  : -ENOMEM;

        k = k ? k : publish_file(r, task, result, result->made_by);
        if (k < 0) {
                run_task_fail(r, task, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
                return;
        }
        t->delivered = result->content;
        t->was_delivered = true;
        run_task_park(r, task, RUN_WAIT_CLIENT, NULL);
}

/* Compilers and test runners name files by path, or by name. */
static bool is_named(const struct task *t, const char *output)
{
        const char *slash = strrchr(t->path, '/'), *name = slash ? slash + 1 : t->path;

        return output && strstr(output, name) != NULL;
}

static void take_back(struct run *r, uint32_t task)
{
        int k = publish_revert(r, task);

        if (k < 0)
                run_log(r, task, LOG_LEVEL_ERROR, "retry", "%s: not taken back: %s",
                        r->work->tasks[task].title, strerror(-k));
        run_task_fail(r, task,
                      failure_new(FAILURE_CHECK_FAILED,
                                  "the command refused it twice; the file is as it was before"));
}

static void blame(struct run *r, uint32_t task, const char *output)
{
        struct run_task *t = run_task_of(r, task);
        size_t n = output ? strlen(output) : 0;
        struct evidence e = {.kind = EVIDENCE_COMMAND, .attempts = t->evidence.attempts + 1};

        if (t->n_refused++ > 0) {
                take_back(r, task);
                return;
        }
        e.text = str_printf(
                "It was put in place, and then a command that checks the whole said:\n%s",
                output ? output + (n > OUTPUT_SHOWN_BYTES ? n - OUTPUT_SHOWN_BYTES : 0)
                       : "(nothing)");
        t->candidate = candidate_free(t->candidate);
        run_task_move(r, task, TASK_READY);
        task_refused(r, task, &e);
}

static void accept_all(struct run *r)
{
        for (uint32_t i = 0; i < r->work->n_tasks; i++)
                if (is_waiting(r, i))
                        publish_result(r, i, r->tasks[i].candidate->result.made_by);
}

void verify_answer(struct run *r, uint32_t task, bool is_passed, const char *output)
{
        size_t n_blamed = 0;
        bool has_names = false;

        (void)task;
        for (uint32_t i = 0; i < r->work->n_tasks && !is_passed; i++)
                has_names |= is_waiting(r, i) && is_named(&r->work->tasks[i], output);
        for (uint32_t i = 0; i < r->work->n_tasks && !is_passed; i++) {
                bool is_suspect = has_names ? is_named(&r->work->tasks[i], output)
                                            : r->tasks[i].n_refused == 0 &&
                                                      !task_is_mechanical(&r->work->tasks[i]);

                if (!is_waiting(r, i) || !is_suspect)
                        continue;
                blame(r, i, output);
                n_blamed++;
        }
        if (n_blamed > 0)
                return;
        if (!is_passed) {
                r->has_warned = true;
                publish_news(r, "warning",
                             json_pack("{s:s,s:s}", "text",
                                       "the command still fails, and names none of the files that "
                                       "were repaired: look at its output",
                                       "where", "--verify"));
        }
        accept_all(r);
}
