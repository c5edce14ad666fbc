#include "client/follow.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "client/settle.h"
#include "client/view/format.h"
#include "client/wait.h"
#include "common/str.h"
#include "proto/base64.h"

#define SAID_SHOWN_BYTES ((size_t)4000) /* of a command that fails */

/* One following in progress. */
struct session {
        struct follow *f;
        struct writer *writer;   /* owned; NULL: nothing is written */
        uint64_t last_seq, head; /* acted upon; where the past ends */
        uint64_t said_seq;       /* printed */
        bool is_caught_up, has_state_waiting;
        json_t *waits;      /* owned: waiting events of the replay */
        struct buf printed; /* text given out so far by streaming */
        unsigned n_reconnects;
        bool is_over;
        int exit_code;
};

static volatile sig_atomic_t n_interrupts;

static void on_interrupt(int signal_number)
{
        if (++n_interrupts < 2)
                return;
        (void)!write(STDERR_FILENO, "\033[?25h", isatty(STDERR_FILENO) ? 6 : 0);
        signal(signal_number, SIG_DFL);
        raise(signal_number);
}

bool follow_is_interrupted(void)
{
        return n_interrupts > 0;
}

static void on_resize(int signal_number)
{
        (void)signal_number;
}

/* What is being written goes on: only ppoll() returns. */
void follow_heed_signals(void)
{
        struct sigaction interrupt = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART},
                         resize = {.sa_handler = on_resize, .sa_flags = SA_RESTART};

        sigaction(SIGINT, &interrupt, NULL);
        sigaction(SIGWINCH, &resize, NULL);
}

void follow_hold_signals(sigset_t *ret_before)
{
        sigset_t held;

        sigemptyset(&held);
        sigaddset(&held, SIGINT);
        sigaddset(&held, SIGWINCH);
        sigprocmask(SIG_BLOCK, &held, ret_before);
}

static int fail(struct session *s, int r, struct failure *failure)
{
        view_clear(s->f->view);
        s->is_over = true;
        s->exit_code = client_fail(s->f->client, r, failure);
        return s->exit_code;
}

int follow_fetch(struct connection *k, const char *job, const struct hash *sha256, struct buf *b,
                 struct failure **ret_failure)
{
        char hex[HASH_HEX_BYTES];
        size_t offset = 0;

        hash_to_hex(sha256, hex);
        for (;;) {
                _cleanup_json_ json_t *result = NULL;
                json_t *params = json_pack("{s:s, s:s, s:I}", "job", job, "sha256", hex, "offset",
                                           (json_int_t)offset);
                const char *data;
                size_t before = b->n;
                int r;

                if (!params)
                        return -ENOMEM;
                r = connection_call(k, "blob/get", params, &result, ret_failure);
                if (r != 0)
                        return r;
                data = json_get_text(result, "data");
                r = base64_decode(b, span_of(data ? data : ""));
                if (r < 0)
                        return r == -EINVAL ? -EBADMSG : r;
                if (json_get_bool(result, "end", false))
                        return 0;
                if (b->n == before)
                        return -EBADMSG; /* neither more nor the end */
                offset += b->n - before;
        }
}

char *follow_remedy(const struct follow *f, const char *remedy)
{
        const char *at = remedy ? strstr(remedy, " JOB") : NULL;

        if (!at || !f->job || strchr("` ,.)", at[4]) == NULL)
                return str_printf("%s", remedy ? remedy : "");
        return str_printf("%.*s %s%s", (int)(at - remedy), remedy, f->job, at + 4);
}

char *follow_way_back(const struct follow *f)
{
        _cleanup_buf_ struct buf b = {0};

        (void)buf_add_text(&b, f->verify ? "genopt fix --resume" : "genopt attach ");
        if (!f->verify)
                (void)buf_add_text(&b, f->job);
        if (f->hint_dir) {
                (void)buf_add_text(&b, f->verify ? " --source " : " -o ");
                format_word(&b, f->hint_dir);
        }
        if (f->verify) { /* a command is run by whom it is told, and by nobody else */
                (void)buf_add_text(&b, " --verify ");
                format_word(&b, f->verify);
        }
        return b.failed ? NULL : str_printf("%s", b.at);
}

/* How what failed is asked for again, and delivered. */
static char *how_to_resume(const struct follow *f)
{
        _cleanup_free_ char *back = follow_way_back(f);
        _cleanup_buf_ struct buf b = {0};

        if (!f->is_editing)
                return str_printf("`genopt resume %s`, then `%s`; or the same command again",
                                  f->job, back ? back : "genopt attach");
        (void)buf_add_text(&b, "`genopt fix --resume");
        if (f->hint_dir) {
                (void)buf_add_text(&b, " --source ");
                format_word(&b, f->hint_dir);
        }
        (void)buf_add_char(&b, '`');
        return b.failed ? NULL : str_printf("%s", b.at);
}

/* Of a job that ended without a summary. */
static void say_resume(struct follow *f, const json_t *resume)
{
        _cleanup_free_ char *how = resume && f->job ? how_to_resume(f) : NULL;
        _cleanup_buf_ struct buf lines = {0};

        view_add_resume(resume, "", how, &lines);
        if (lines.n == 0 || lines.failed)
                return;
        lines.at[lines.n - 1] = '\0';
        view_say(f->view, "%s", lines.at);
}

static int fetch_for_writer(const struct hash *sha256, struct buf *b, void *arg,
                            struct failure **ret_failure)
{
        struct session *s = arg;

        return follow_fetch(s->f->connection, s->f->job, sha256, b, ret_failure);
}

/* Files that were left to a person earlier, and that nothing was said of now. */
static int note_unresolved(struct follow *f)
{
        const struct strlist *paths = f->outdir ? outdir_unresolved(f->outdir) : NULL;
        int r = 0;

        for (size_t i = 0; r == 0 && paths && i < paths->n; i++)
                if (!fates_has_path(f->fates, paths->at[i]))
                        r = fates_add(f->fates, FATE_UNRESOLVED, paths->at[i], NULL);
        return r;
}

/* Once, at the end of whatever kind. */
static void say_fates(struct follow *f)
{
        _cleanup_(fates_freep) struct fates *fates = NULL;

        if (!f->fates)
                return;
        if (note_unresolved(f) < 0)
                client_warn(f->client, "%s", strerror(ENOMEM));
        fates = take(f->fates);
        f->needs_attention = fates_need_attention(fates);
        if (!f->client->is_json)
                fates_print(fates, f->view);
}

static int attach(struct session *s, struct failure **ret_failure)
{
        _cleanup_json_ json_t *result = NULL;
        json_t *params = json_pack("{s:s, s:I, s:b}", "job", s->f->job, "after",
                                   (json_int_t)s->last_seq, "deltas", s->f->is_streaming);
        const char *state;
        int r;

        if (!params)
                return -ENOMEM;
        r = connection_call(s->f->connection, "job/attach", params, &result, ret_failure);
        if (r != 0)
                return r;
        state = json_get_text(result, "state");
        s->has_state_waiting = state && strcmp(state, "waiting") == 0;
        s->head = progress_number(result, "head");
        s->is_caught_up = false;
        if (s->writer)
                writer_set_head(s->writer, s->head);
        return 0;
}

/* The daemon went away: a new one has the job on disk. */
static int reconnect(struct session *s, struct failure **ret_failure)
{
        _cleanup_free_ char *log = start_log_path(), *back = follow_way_back(s->f);
        int r;

        view_clear(s->f->view);
        s->f->connection = connection_free(s->f->connection);
        if (s->n_reconnects++ >= FOLLOW_RECONNECTS) {
                *ret_failure = failure_new(FAILURE_UNAVAILABLE,
                                           "genoptd went away %d times in a row; the job stays",
                                           FOLLOW_RECONNECTS);
                if (!*ret_failure ||
                    failure_set_remedy(*ret_failure, "see %s, then `%s`", log ? log : "its log",
                                       back ? back : "genopt attach") < 0)
                        return -ENOMEM;
                return CONDITION_REFUSED;
        }
        r = connection_open(s->f->client, START_IF_DIED, &s->f->connection, ret_failure);
        if (r == CONDITION_REFUSED &&
            failure_set_remedy(*ret_failure, "the job stays; `genopt start`, then `%s`",
                               back ? back : "genopt attach") < 0)
                return -ENOMEM;
        r = r ? r : attach(s, ret_failure);
        if (r == 0)
                view_say(s->f->view, "genoptd went away and is back; the job goes on");
        return r;
}

/* Streams as far as it is the beginning of the text that counts in the end. */
static int print_delta(struct session *s, const json_t *event)
{
        const char *text = json_get_text(event, "text");

        if (!s->f->is_streaming || !text || s->f->client->is_json)
                return 0;
        view_mute(s->f->view);
        if (fputs(text, stdout) == EOF || fflush(stdout) != 0)
                return -EIO;
        return buf_add_text(&s->printed, text);
}

static int print_text(struct session *s, struct span text)
{
        struct span rest = text;

        if (s->printed.n > 0 && s->printed.n <= text.n &&
            memcmp(text.at, s->printed.at, s->printed.n) == 0) {
                rest.at += s->printed.n;
                rest.n -= s->printed.n;
        } else if (s->printed.n > 0) { /* an attempt was thrown away, or deltas were dropped */
                fputc('\n', stdout);
                view_say(s->f->view, "the streamed text was not whole; here is the answer:");
        }
        if (rest.n > 0 && fwrite(rest.at, 1, rest.n, stdout) != rest.n)
                return -EIO;
        if (text.n == 0 || text.at[text.n - 1] != '\n')
                fputc('\n', stdout);
        return fflush(stdout) != 0 ? -EIO : 0;
}

/* The text of a `done` event: in it, or as a blob. */
static int print_answer(struct session *s, const json_t *done, struct failure **ret_failure)
{
        const json_t *text = json_object_get(done, "text");
        const char *blob = json_get_text(done, "blob");
        _cleanup_buf_ struct buf content = {0};
        struct hash sha256;
        int r;

        if (json_is_string(text))
                return print_text(s,
                                  (struct span){json_string_value(text), json_string_length(text)});
        if (!blob)
                return 0;
        if (hash_from_hex(span_of(blob), &sha256) < 0)
                return -EBADMSG;
        r = follow_fetch(s->f->connection, s->f->job, &sha256, &content, ret_failure);
        return r == 0 ? print_text(s, buf_span(&content)) : r;
}

static void print_failures(struct follow *f, const json_t *failures)
{
        json_t *one;
        size_t i;

        json_array_foreach (failures, i, one) {
                const json_t *error = json_object_get(one, "error");
                const char *path = json_get_text(one, "path"), *told = json_get_text(one, "remedy");
                const char *message = json_is_string(error) ? json_string_value(error)
                                                            : json_get_text(error, "message");
                _cleanup_free_ char *remedy = NULL;

                if (!told || !*told)
                        told = json_get_text(json_object_get(error, "data"), "remedy");
                remedy = follow_remedy(f, told);
                view_warn(f->view, "%s: %s%s%s", path ? path : "task", message ? message : "failed",
                          remedy && *remedy ? "\n  → " : "", remedy ? remedy : "");
        }
}

/* For a dry run: files of the directory that no step of the plan makes. */
static int say_orphans_of(struct follow *f, const json_t *plan)
{
        _cleanup_(fates_freep) struct fates *fates = NULL;
        const struct manifest *m = outdir_manifest(f->planned);
        _cleanup_json_ json_t *paths = json_object();
        const json_t *step, *task;
        size_t i, k;
        int r;

        r = fates_new(f->client, &fates);
        json_array_foreach (json_object_get(plan, "steps"), i, step) {
                json_array_foreach (json_object_get(step, "tasks"), k, task) {
                        const char *path = json_string_value(task);

                        if (r == 0 && path)
                                r = json_put(paths, path, json_true());
                }
        }
        for (i = 0; r == 0 && i < manifest_n(m); i++) {
                const char *path = manifest_at(m, i)->path;
                struct hash h;
                int found = outdir_hash(f->planned, path, &h);

                if (found != CONDITION_ABSENT && !json_object_get(paths, path))
                        r = fates_add(fates, FATE_ORPHAN, path,
                                      found == 0 && hash_is_equal(&h, &manifest_at(m, i)->sha256)
                                              ? NULL
                                              : "edited by you");
        }
        if (r == 0)
                fates_print(fates, f->view);
        return r;
}

/* The one object of a dry run, or its table. */
static int print_plan(struct follow *f, const json_t *plan)
{
        _cleanup_buf_ struct buf table = {0};
        size_t columns = isatty(STDOUT_FILENO) ? view_columns(STDOUT_FILENO) : 200;

        view_clear(f->view);
        if (f->client->is_json)
                return client_put_json(plan);
        if (view_tabulate_plan(plan, columns, &table) < 0)
                return -ENOMEM;
        if (fputs(table.at, stdout) == EOF || fflush(stdout) != 0)
                return -EIO;
        return f->planned ? say_orphans_of(f, plan) : 0;
}

static void say_unverified(struct follow *f)
{
        struct span s = buf_span(&f->said);

        view_clear(f->view);
        while (s.n > 0 && s.at[s.n - 1] == '\n')
                s.n--;
        if (s.n > SAID_SHOWN_BYTES) {
                s.at += s.n - SAID_SHOWN_BYTES;
                s.n = SAID_SHOWN_BYTES;
                while (s.n > 0 && (*s.at & 0xc0) == 0x80) {
                        s.at++;
                        s.n--;
                }
        }
        if (s.n > 0)
                view_warn(f->view, "the command fails; the end of what it says:\n%.*s", (int)s.n,
                          s.at);
        else
                view_warn(f->view, "the command fails, and says nothing");
}

static void say_review(struct follow *f, const json_t *left)
{
        _cleanup_buf_ struct buf b = {0};
        size_t n = view_add_review(&b, left);

        if (n > 0 && !b.failed)
                view_warn(f->view, "%zu %s:%s", n,
                          n == 1 ? "repaired file is to be looked at"
                                 : "repaired files are to be looked at",
                          b.at);
}

int follow_print_done(struct follow *f, const json_t *done)
{
        const json_t *summary = json_object_get(done, "summary"),
                     *plan = json_object_get(done, "plan");
        const json_t *failures = json_object_get(done, "failures");
        uint64_t n_failed = MAX2(progress_number(json_object_get(summary, "files"), "failed"),
                                 (uint64_t)json_array_size(failures));
        _cleanup_buf_ struct buf lines = {0};

        if (f->changes && !f->done)
                f->done = json_incref((json_t *)done);
        f->is_unverified = !json_get_bool(summary, "verified", true);
        if (plan && f->client->is_dry_run)
                return print_plan(f, plan) < 0 ? client_fail(f->client, -EIO, NULL) : EXIT_DONE;
        if (!f->client->is_json) {
                view_clear(f->view);
                print_failures(f, failures);
                say_review(f, json_object_get(done, "left"));
        }
        say_fates(f);
        if (f->is_unverified && !f->has_no_verdict)
                say_unverified(f);
        if (!f->client->is_json) {
                if (summary && !f->is_text && view_summarise(summary, &lines) == 0 && lines.n > 0) {
                        const json_t *resume = json_object_get(summary, "resume");
                        /* What was known has no job, and nothing to resume. */
                        _cleanup_free_ char *how = resume && f->job ? how_to_resume(f) : NULL;

                        view_add_resume(resume, "", how, &lines);
                        lines.at[lines.n - 1] = '\0';
                        view_say(f->view, "%s", lines.at);
                }
        }
        if (f->is_text &&
            json_array_size(failures) == 1) /* it tells who asks whether to try again */
                return client_exit_code(json_object_get(json_array_get(failures, 0), "error"));
        return n_failed > 0 || f->needs_attention || f->is_unverified ||
                               view_has_unrepaired(summary)
                       ? EXIT_TASKS_FAILED
                       : EXIT_DONE;
}

int follow_put_known(const json_t *done)
{
        _cleanup_json_ json_t *event = json_pack("{s:s, s:b}", "type", "done", "cached", 1);

        if (!event || json_object_update(event, (json_t *)done) < 0)
                return -ENOMEM;
        return client_put_json(event);
}

static int finish_done(struct session *s, const json_t *event, struct failure **ret_failure)
{
        int r;

        r = s->f->is_text && !s->f->client->is_json ? print_answer(s, event, ret_failure) : 0;
        if (r != 0)
                return r;
        s->exit_code = follow_print_done(s->f, event);
        s->is_over = true;
        return 0;
}

static void finish_failed(struct session *s, const json_t *event)
{
        const json_t *error = json_object_get(event, "error");
        _cleanup_free_ char *remedy = follow_remedy(s->f, json_get_text(event, "remedy"));

        view_clear(s->f->view);
        s->is_over = true;
        if (s->f->client->is_json && !s->f->client->is_dry_run) /* the event itself was printed */
                s->exit_code = client_exit_code(error);
        else
                s->exit_code = client_fail_json(s->f->client, error, remedy);
        if (s->exit_code == EXIT_AUTH)
                wait_hint_keys(s->f);
}

static int finish(struct session *s, const json_t *event, const char *type,
                  struct failure **ret_failure)
{
        int r = 0;

        if (s->writer)
                r = writer_catch_up(s->writer, ret_failure);
        if (r == 0 && s->writer)
                r = writer_finish(s->writer);
        if (r != 0)
                return r;
        if (strcmp(type, "done") == 0)
                return finish_done(s, event, ret_failure);
        if (strcmp(type, "failed") == 0) {
                finish_failed(s, event);
                return 0;
        }
        view_say(s->f->view, "the job was cancelled; finished files are kept");
        say_resume(s->f, json_object_get(event, "resume"));
        s->is_over = true;
        s->exit_code = EXIT_TASKS_FAILED;
        return 0;
}

static void leave(struct session *s, bool is_waiting)
{
        _cleanup_free_ char *back = follow_way_back(s->f);

        view_clear(s->f->view);
        if (s->writer)
                (void)!writer_finish(s->writer);
        s->is_over = true;
        s->exit_code = EXIT_INTERRUPTED;
        fprintf(stderr, "the job %s; return to it with `%s`\n", is_waiting ? "waits" : "goes on",
                back ? back : s->f->job);
}

static int act_on_wait(struct session *s, const json_t *event, struct failure **ret_failure)
{
        const char *on = json_get_text(event, "on");
        int r;

        if (s->f->is_handing_over && (!on || strcmp(on, "blobs") != 0)) {
                s->is_over = true; /* whoever comes back is asked */
                return 0;
        }
        r = wait_act(s->f, event, ret_failure);
        if (n_interrupts > 0 && (r == 0 || r == WAIT_LEAVE)) {
                leave(s, r == WAIT_LEAVE);
                return 0;
        }
        if (r != WAIT_LEAVE)
                return r;
        s->is_over = true;
        s->exit_code = wait_exit_code(event);
        return s->writer ? writer_finish(s->writer) : 0;
}

/* Once the past is known: carry out what it left open. */
static int catch_up(struct session *s, struct failure **ret_failure)
{
        json_t *event;
        int r = 0;

        if (s->is_caught_up)
                return 0;
        if (s->writer)
                r = writer_catch_up(s->writer, ret_failure);
        /* The waits of the past are over but for the last, and that one only if the job still
         * waits. */
        event = s->has_state_waiting ? json_array_get(s->waits, json_array_size(s->waits) - 1)
                                     : NULL;
        if (r == 0 && event)
                r = act_on_wait(s, event, ret_failure);
        if (r != 0)
                return r;
        s->is_caught_up = true;
        json_decref(take(s->waits));
        return 0;
}

static bool is_end_type(const char *type)
{
        return strcmp(type, "done") == 0 || strcmp(type, "failed") == 0 ||
               strcmp(type, "cancelled") == 0;
}

static int say_event(struct session *s, const json_t *event, const char *type, uint64_t seq)
{
        int r = 0;

        if (seq > 0 && seq <= s->said_seq)
                return 0;
        if (s->f->client->is_json && !s->f->client->is_dry_run)
                r = client_put_json(event);
        if (r == 0 && strcmp(type, "task.delta") != 0)
                r = view_apply(s->f->view, event);
        if (r == 0 && seq > 0)
                s->said_seq = seq;
        return r;
}

static int act_on_event(struct session *s, const json_t *event, const char *type, uint64_t seq,
                        struct failure **ret_failure)
{
        bool is_past = seq > 0 && seq <= s->head;
        /* A job that was resumed ended before: only the last end counts. */
        bool is_end = is_end_type(type) && (!is_past || seq >= s->head);
        int r = 0;

        if (!is_past || is_end)
                r = catch_up(s, ret_failure);
        if (s->f->is_handing_over && (is_end || strcmp(type, "planned") == 0))
                s->is_over = true;
        if (r == 0 && is_end && !s->is_over && strcmp(type, "done") == 0)
                r = wait_verify(s->f, (json_t *)event); /* ours: it was read for us */
        if (r == 0 && is_end && s->writer)
                r = writer_settle(s->writer, (json_t *)event);
        if (r == 0 && is_end && s->writer && s->f->is_editing && strcmp(type, "done") == 0)
                settle_tell(s->f, event);
        if (r == 0 && is_end && s->f->fates)
                r = note_unresolved(s->f); /* so that nothing comes after the end */
        if (r == 0 && !s->f->is_handing_over)
                r = say_event(s, event, type, seq);
        if (r != 0 || s->is_over)
                return r;
        if (strcmp(type, "task.delta") == 0)
                return print_delta(s, event);
        if (strcmp(type, "file") == 0 && s->writer)
                return writer_apply(s->writer, event, ret_failure);
        if (strcmp(type, "waiting") == 0 && !is_past)
                return act_on_wait(s, event, ret_failure);
        if (strcmp(type, "waiting") == 0) {
                if (!s->waits)
                        s->waits = json_array();
                return s->waits && json_array_append(s->waits, (json_t *)event) == 0 ? 0 : -ENOMEM;
        }
        return is_end ? finish(s, event, type, ret_failure) : 0;
}

/* An event counts as seen when all was done that it asks for: if the daemon dies in between, its
 * successor tells it again. */
static int take_event(struct session *s, const json_t *event, struct failure **ret_failure)
{
        const char *type = json_get_text(event, "type");
        uint64_t seq = 0;
        int r;

        if (!type || (json_get_u64(event, "seq", &seq) && seq <= s->last_seq))
                return 0;
        r = act_on_event(s, event, type, seq, ret_failure);
        if (r == 0 && seq > 0) {
                s->last_seq = seq;
                s->n_reconnects = 0;
        }
        return r;
}

static int next_event(struct session *s, json_t **ret)
{
        sigset_t before;
        int r;

        follow_hold_signals(&before);
        r = n_interrupts > 0
                    ? -EINTR
                    : connection_next(s->f->connection, view_timeout_ms(s->f->view), &before, ret);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

static int step(struct session *s, struct failure **ret_failure)
{
        _cleanup_json_ json_t *event = NULL;
        int r;

        if (n_interrupts > 0) {
                leave(s, false);
                return 0;
        }
        if (!s->is_caught_up && s->last_seq >= s->head)
                r = catch_up(s, ret_failure);
        else
                r = next_event(s, &event);
        if (r == 0 && event)
                r = take_event(s, event, ret_failure);
        else if (r == CONDITION_ABSENT)
                r = 0;
        if (r == -EINTR)
                r = 0;
        while (r == -ECONNRESET || r == -EPIPE) /* again: one that dies may still take us in */
                r = reconnect(s, ret_failure);
        if (r == 0 && !s->is_over)
                view_tick(s->f->view);
        return r;
}

static int start_writing(struct session *s)
{
        struct follow *f = s->f;
        struct writer_config config = {.delivery = {.client = f->client,
                                                    .outdir = f->outdir,
                                                    .fetch = fetch_for_writer,
                                                    .arg = s,
                                                    .edits = f->edits,
                                                    .is_pruning = f->is_pruning,
                                                    .is_editing = f->is_editing,
                                                    .changes = f->changes}};
        int r = fates_new(f->client, &f->fates);

        if (r < 0)
                return r;
        fates_set_job(f->fates, f->job);
        if (f->is_editing)
                fates_set_editing(f->fates);
        config.delivery.fates = f->fates;
        return writer_new(&config, &s->writer);
}

int follow_job(struct follow *f)
{
        struct session s = {.f = f};
        struct failure *failure = NULL;
        int r = 0;

        follow_heed_signals();
        if (f->outdir)
                r = start_writing(&s);
        if (r == 0)
                r = attach(&s, &failure);
        while (r == 0 && !s.is_over)
                r = step(&s, &failure);
        if (r != 0)
                fail(&s, r, failure);
        say_fates(f); /* of what did not end in `done` */
        writer_free(s.writer);
        json_decref(s.waits);
        buf_done(&s.printed);
        buf_done(&f->said);
        return s.exit_code;
}

int follow_detach(struct follow *f, bool is_asked)
{
        _cleanup_json_ json_t *line = f->client->is_json ? json_pack("{s:s}", "job", f->job) : NULL;

        if (f->client->is_json ? !line || client_put_json(line) < 0 : printf("%s\n", f->job) < 0)
                return EXIT_INTERNAL;
        if (fflush(stdout) != 0)
                return EXIT_INTERNAL;
        if (!is_asked)
                return EXIT_DONE;
        f->is_handing_over = true;
        return follow_job(f);
}
