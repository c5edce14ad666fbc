#include "daemon/exec/verify.h"

#include "common/clock.h"
#include "common/str.h"
#include "daemon/exec/left.h"
#include "daemon/exec/note.h"
#include "daemon/exec/tree.h"
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
        int k = publish_file(r, task, result, t->is_reused ? SOURCE_REUSE : result->made_by);

        k = k ? k : publish_waiting(r, task);
        if (k < 0) {
                run_task_fail(r, task, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
                return;
        }
        t->was_delivered = t->was_delivered || publish_is_change(r, task, result);
        t->delivered = result->content;
        left_note(r, task, result);
        note_repaired(r, task, t->candidate); /* another job finds it repaired, judged or not */
        run_task_park(r, task, RUN_WAIT_CLIENT, NULL);
}

static int load_text(struct run *r, const struct hash *content, char **ret, size_t *ret_n)
{
        _cleanup_buf_ struct buf text = {0};
        int k = store_blob_get(r->setup.store, r->setup.uid, content, 0, UINT64_MAX, &text);

        if (k)
                return k;
        free(*ret);
        *ret_n = 0;
        *ret = text.n > 0 ? buf_steal(&text, ret_n) : strdup("");
        return *ret ? 0 : -ENOMEM;
}

/* ---- what is taken back ---- */

/* Nothing of this job stands in the file before it. */
static bool is_first(struct run *r, uint32_t task)
{
        return hash_is_equal(publish_before(r, task), &r->work->tasks[task].repair->stands);
}

/* What was repaired in the file before, by rule or by earlier parts, is edits of it alone. */
static bool can_withdraw(struct run *r, uint32_t task)
{
        const struct task *t = &r->work->tasks[task];

        if (is_first(r, task))
                return false;
        while (t->repair->follows) {
                t = &r->work->tasks[t->depends[0]];
                if (t->repair->may != 0)
                        return false;
        }
        return true;
}

static void fail_refused(struct run *r, uint32_t task)
{
        bool is_whole = run_task_of(r, task)->n_refused == REFUSED_ALL || is_first(r, task);

        run_task_fail(r, task,
                      failure_new(FAILURE_CHECK_FAILED, "the command refused it twice; %s",
                                  is_whole ? "the file is as it was before"
                                           : "it was taken back, and what was repaired in the file "
                                             "before it still stands: look at that"));
}

/* Of tasks that are done: they count as what they are, taken back. */
static void mark_withdrawn(struct run *r, uint32_t task)
{
        for (const struct task *t = &r->work->tasks[task]; t->repair->follows;) {
                struct run_task *before;

                t = &r->work->tasks[t->depends[0]];
                before = run_task_of(r, t->index);
                before->is_withdrawn = true;
                failure_free(before->failure);
                before->failure =
                        failure_new(FAILURE_CHECK_FAILED,
                                    "the command refused the file also without what was repaired "
                                    "after this; the file is as it was before");
        }
}

/* The last part of the file is back already. */
static void withdraw(struct run *r, uint32_t task)
{
        int k = 0;

        run_task_of(r, task)->n_refused = REFUSED_ALL;
        mark_withdrawn(r, task);
        for (const struct task *t = &r->work->tasks[task]; t->repair->follows && k == 0;) {
                t = &r->work->tasks[t->depends[0]];
                k = publish_withdrawal(r, t->index);
                note_forget(r, t->index);
                publish_failure(r, t->index);
        }
        k = k ? k : publish_waiting(r, task);
        if (k < 0)
                log_error("task %u: not taken back: %s", task, strerror(-k));
        fail_refused(r, task);
}

int verify_restore(struct run *r, uint32_t task, struct result *result, uint8_t put)
{
        struct run_task *t = run_task_of(r, task);
        struct candidate *c;
        bool is_again;
        int k = load_text(r, &result->content, &result->text, &result->n_text);

        for (size_t i = 0; i < result->n_made && k == 0; i++)
                k = load_text(r, &result->made[i].content, &result->made[i].text,
                              &result->made[i].n_text);
        if (k)
                return k;
        t->n_refused = (put & ~PUT_WAITING) >> PUT_REFUSED_SHIFT;
        if (t->n_refused == REFUSED_ALL)
                mark_withdrawn(r, task);
        is_again = t->n_refused == REFUSED_ONCE;
        t->n_refused = is_again ? 0 : t->n_refused;
        if (t->n_refused > 1 && t->n_refused != REFUSED_REST) {
                fail_refused(r, task);
                return 0;
        }
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->result = *result;
        *result = (struct result){0};
        t->candidate = c;
        t->is_reused = (put & PUT_SOURCE) == SOURCE_REUSE;
        if (is_again) { /* what was said of it is lost: it is judged once more, in place */
                verify_later(r, task);
                return 0;
        }
        t->was_delivered = t->n_refused != REFUSED_REST && publish_is_change(r, task, &c->result);
        t->delivered = c->result.content;
        run_task_park(r, task, RUN_WAIT_CLIENT, NULL);
        return 0;
}

/* ---- who is to blame ---- */

static bool is_of_word(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || (c & 0x80);
}

/* As a word of its own; a folder may stand before it. */
static bool has_name(const char *output, const char *name, size_t n)
{
        for (const char *at = output; n > 0 && (at = memmem(at, strlen(at), name, n)); at++)
                if ((at == output || !(is_of_word(at[-1]) || at[-1] == '.')) && !is_of_word(at[n]))
                        return true;
        return false;
}

static const char *base_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* org.boats.Boat, of src/main/java/org/boats/Boat.java: the last two parts of it. */
static bool has_dotted(const char *output, const char *tail)
{
        char name[256];
        const char *dot = strrchr(tail, '.');
        size_t n = dot ? (size_t)(dot - tail) : 0;

        if (n == 0 || n >= sizeof(name))
                return false;
        for (size_t i = 0; i < n; i++)
                name[i] = tail[i] == '/' ? '.' : tail[i];
        for (const char *at = output; (at = memmem(at, strlen(at), name, n)); at++)
                if ((at == output || !is_of_word(at[-1])) && !is_of_word(at[n]))
                        return true;
        return false;
}

/* Compilers and test runners name files by path, by a part of it, by class, or by name alone: the
 * more, the surer. 0: not at all. */
static unsigned naming(const char *path, const char *output)
{
        const char *base = base_of(path), *folder = base;

        if (!output)
                return 0;
        if (has_name(output, path, strlen(path)))
                return 3;
        while (folder > path && folder[-1] == '/' && folder == base)
                for (folder--; folder > path && folder[-1] != '/'; folder--)
                        ;
        if (folder != base &&
            (has_name(output, folder, strlen(folder)) || has_dotted(output, folder)))
                return 2;
        return has_name(output, base, strlen(base)) ? 1 : 0;
}

static unsigned naming_of(struct run *r, uint32_t task, const char *output)
{
        const struct result *result = &run_task_of(r, task)->candidate->result;
        unsigned best = naming(r->work->tasks[task].path, output);

        if (result->moved_to)
                best = MAX2(best, naming(result->moved_to, output));
        for (size_t i = 0; i < result->n_made; i++)
                best = MAX2(best, naming(result->made[i].path, output));
        return best;
}

/* Of files with one name, those that are named best. */
static bool is_named(struct run *r, uint32_t task, const unsigned *names)
{
        const char *base = base_of(r->work->tasks[task].path);

        if (names[task] == 0)
                return false;
        for (uint32_t i = 0; i < r->work->n_tasks; i++)
                if (names[i] > names[task] && strcmp(base_of(r->work->tasks[i].path), base) == 0)
                        return false;
        return true;
}

/* Where more stands in the file, the command is to judge that, too. */
static void take_back(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);
        int k = publish_revert(r, task, &t->candidate->result);

        if (k < 0)
                run_log(r, task, LOG_LEVEL_ERROR, "retry", "%s: not taken back: %s",
                        r->work->tasks[task].title, strerror(-k));
        t->was_delivered = false;
        t->n_refused = can_withdraw(r, task) ? REFUSED_REST : REFUSED_LAST;
        note_forget(r, task);
        if (publish_waiting(r, task) < 0)
                log_error("task %u: out of memory", task);
        if (t->n_refused == REFUSED_LAST)
                fail_refused(r, task);
}

/* What was repaired before it may stand. */
static void leave_rest(struct run *r, uint32_t task)
{
        run_task_of(r, task)->n_refused = REFUSED_LAST;
        if (publish_waiting(r, task) < 0)
                log_error("task %u: out of memory", task);
        fail_refused(r, task);
}

/* The end of it that a prompt shows, of whole characters. */
static const char *end_of(const char *output)
{
        size_t n = output ? strlen(output) : 0;
        const char *at = output;

        if (n > OUTPUT_SHOWN_BYTES)
                for (at += n - OUTPUT_SHOWN_BYTES; ((uint8_t)*at & 0xc0) == 0x80; at++)
                        ;
        return n > 0 ? at : "(nothing)";
}

/* It goes back before it is asked for again: whatever comes of that (no answer, no money, an end of
 * the daemon), what the command refused does not stand in the tree. */
static void put_back(struct run *r, uint32_t task)
{
        struct run_task *t = run_task_of(r, task);

        t->n_refused = REFUSED_ONCE;
        if (publish_revert(r, task, &t->candidate->result) < 0 || publish_waiting(r, task) < 0)
                log_error("task %u: out of memory", task);
        t->was_delivered = false;
        t->n_refused = 1;
}

static void blame(struct run *r, uint32_t task, const char *output)
{
        struct run_task *t = run_task_of(r, task);
        struct evidence e = {.kind = EVIDENCE_COMMAND, .attempts = t->evidence.attempts + 1};

        if (t->n_refused > 0) {
                if (t->n_refused == REFUSED_REST)
                        withdraw(r, task);
                else
                        take_back(r, task);
                return;
        }
        e.text = str_printf(
                "It was put in place, and then a command that checks the whole said:\n%s",
                end_of(output));
        put_back(r, task);
        if (t->is_reused) /* what the cache has of it is no good here */
                cache_remove(r->setup.store, CACHE_RESULT, &t->key);
        note_forget(r, task);
        free(t->refused_for);
        t->refused_for = e.text ? strdup(e.text) : NULL;
        t->is_reused = false;
        t->candidate = candidate_free(t->candidate);
        run_task_move(r, task, TASK_READY);
        task_refused(r, task, &e);
}

static void accept_all(struct run *r)
{
        for (uint32_t i = 0; i < r->work->n_tasks; i++) {
                const struct run_task *t = &r->tasks[i];

                if (!is_waiting(r, i))
                        continue;
                if (t->n_refused == REFUSED_REST)
                        leave_rest(r, i);
                else
                        publish_result(r, i,
                                       t->is_reused ? SOURCE_REUSE : t->candidate->result.made_by);
        }
}

/* Those that the output names; where it names none, once, all that a model made. */
static size_t blame_some(struct run *r, const char *output, unsigned *names)
{
        size_t n_blamed = 0;
        bool has_names = false;

        for (uint32_t i = 0; i < r->work->n_tasks; i++) {
                names[i] = is_waiting(r, i) ? naming_of(r, i, output) : 0;
                has_names |= names[i] > 0;
        }
        for (uint32_t i = 0; i < r->work->n_tasks; i++) {
                bool is_suspect = has_names ? is_named(r, i, names)
                                            : r->tasks[i].n_refused == 0 &&
                                                      !task_is_mechanical(&r->work->tasks[i]);

                if (!is_waiting(r, i) || !is_suspect)
                        continue;
                blame(r, i, output);
                n_blamed++;
        }
        return n_blamed;
}

void verify_answer(struct run *r, uint32_t task, bool is_passed, const char *output)
{
        _cleanup_free_ unsigned *names = calloc(r->work->n_tasks + 1, sizeof(*names));

        (void)task;
        r->was_verified = true;
        r->is_verified = is_passed;
        if (!is_passed && names && blame_some(r, output, names) > 0)
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
