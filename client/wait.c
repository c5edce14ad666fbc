#include "client/wait.h"

#include <ctype.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "client/view/format.h"
#include "common/clock.h"

int wait_exit_code(const json_t *event)
{
        const char *on = json_get_text(event, "on");

        return on && strcmp(on, "key") == 0 ? EXIT_AUTH : EXIT_TRY_AGAIN;
}

static int answer(struct follow *f, const json_t *event, const char *key, json_t *value,
                  struct failure **ret_failure)
{
        json_t *params = json_pack("{s:s, s:O*, s:o}", "job", f->job, "wait",
                                   json_object_get(event, "wait"), key, value);
        int r;

        if (!params)
                return -ENOMEM;
        r = connection_call(f->connection, "job/answer", params, NULL, ret_failure);
        if (r == CONDITION_REFUSED &&
            (*ret_failure)->id ==
                    FAILURE_BAD_STATE) { /* somebody was faster, or the wait is over */
                *ret_failure = failure_free(*ret_failure);
                return 0;
        }
        return r;
}

/* A line from the terminal; < 0: none, or interrupted. Signals are held between the look at
 * interrupts and ppoll(), which lets them in: a ^C typed as soon as the question is seen counts,
 * and a terminal that changes its size answers nothing. */
static int read_answer(char *line, size_t size)
{
        struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};
        sigset_t before;
        ssize_t n = -1;
        int r;

        follow_hold_signals(&before);
        do
                r = follow_is_interrupted() ? -1 : ppoll(&terminal, 1, NULL, &before);
        while (r < 0 && errno == EINTR && !follow_is_interrupted());
        if (r > 0)
                n = read(STDIN_FILENO, line, size);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return n > 0 ? 0 : -1;
}

/* 1: yes, 0: no, < 0: no answer. */
static int ask_person(struct follow *f, const char *question)
{
        char line[64]; /* a terminal gives one line at a time */

        view_clear(f->view);
        fprintf(stderr, "%s [y/N] ", question);
        fflush(stderr);
        if (read_answer(line, sizeof(line)) < 0)
                return -1;
        return line[0] == 'y' || line[0] == 'Y';
}

/* "6 calls, about 34.1k tokens, $0.2100, 42.0 s. Go on?" */
static void put_question(const json_t *event, struct buf *b)
{
        const json_t *estimate = json_object_get(event, "estimate");
        uint64_t calls = progress_number(estimate, "calls");
        char tokens[FORMAT_BYTES], money[FORMAT_BYTES], time[FORMAT_BYTES];
        const char *remedy = json_get_text(event, "remedy");

        if (estimate && json_object_get(event, "unpriced")) {
                (void)buf_printf(b, "%" PRIu64 " model call%s, about %s tokens, %s, ", calls,
                                 calls == 1 ? "" : "s",
                                 format_count(progress_tokens(estimate), tokens),
                                 format_ms(progress_number(estimate, "ms"), time));
                view_add_unpriced(event, "at a price that nobody has told (", ")", b);
                (void)buf_add_text(b, ": no budget holds. Go on?");
        } else if (estimate)
                (void)buf_printf(b, "%" PRIu64 " model call%s, about %s tokens, %s, %s. Go on?",
                                 calls, calls == 1 ? "" : "s",
                                 format_count(progress_tokens(estimate), tokens),
                                 format_money(progress_number(estimate, "nanousd"), money),
                                 format_ms(progress_number(estimate, "ms"), time));
        else
                (void)buf_add_text(b, remedy && *remedy ? remedy
                                                        : "The job asks for your approval. Go on?");
}

static int answer_approval(struct follow *f, const json_t *event, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf question = {0};
        int said;

        put_question(event, &question);
        if (question.failed)
                return question.failed;
        said = ask_person(f, question.at);
        if (said < 0 && follow_is_interrupted()) {
                fputc('\n', stderr); /* who leaves says what becomes of the job */
                return WAIT_LEAVE;
        }
        if (said < 0) {
                fprintf(stderr, "\nno answer; the job stays: `genopt attach %s` asks again\n",
                        f->job);
                return WAIT_LEAVE;
        }
        return answer(f, event, "approve", json_boolean(said), ret_failure);
}

/* The words of command `index` of our own submit; NULL: there is none, or no memory. */
static char **words_of(const json_t *commands, uint64_t index)
{
        const json_t *words = json_array_get(commands, (size_t)index);
        char **argv = json_array_size(words) > 0 ? calloc(json_array_size(words) + 1, sizeof(*argv))
                                                 : NULL;

        for (size_t i = 0; argv && i < json_array_size(words); i++)
                argv[i] = (char *)json_string_value(json_array_get(words, i));
        return argv;
}

static bool is_stopped(void *arg)
{
        (void)arg;
        return follow_is_interrupted();
}

static void tell_time(void *arg, uint64_t usec)
{
        struct follow *f = arg;
        char time[FORMAT_BYTES];

        if (client_is_terminal(f->client) && !f->client->is_json && !f->client->is_quiet &&
            usec > 1000000)
                fprintf(stderr, "\rthe command runs, %s\033[K",
                        format_ms(usec / 1000000 * 1000, time));
}

/* result: NULL when its time was over. */
static void say_no_verdict(struct follow *f, const struct run_result *result,
                           const struct buf *output)
{
        _cleanup_free_ char *back = follow_way_back(f);
        bool is_absent = result && (result->status == 126 || result->status == 127);
        _cleanup_buf_ struct buf how = {0};
        char time[FORMAT_BYTES];
        size_t from = output->n > 1000 ? output->n - 1000 : 0;

        if (result)
                (void)buf_printf(&how, "%s (exit status %d)",
                                 is_absent ? "could not be run" : "was ended from outside",
                                 result->status);
        else
                (void)buf_printf(&how, "did not end in %s", format_ms(f->verify_ms, time));
        view_warn(f->view,
                  "the command %s, so nothing is known of the repairs: they are in place, not "
                  "verified, and none is asked for again%s%s\n  → `%s`%s",
                  how.at ? how.at : "failed", output->n > 0 ? "\n" : "",
                  output->n > 0 ? output->at + from : "", back ? back : f->job,
                  result ? "" : ", with more time (--verify-timeout), or without a limit");
}

int wait_run(struct follow *f, char *const *argv, struct buf *output, struct run_result *ret)
{
        const struct run_watch watch = {is_stopped, tell_time, f, f->verify_ms * 1000};
        uint64_t begun = clock_monotonic_usec();
        char time[FORMAT_BYTES];
        int r;

        view_say(f->view, "running `%s`", f->verify ? f->verify : argv[0]);
        view_clear(f->view);
        r = run_watched(argv, &watch, output, ret);
        if (client_is_terminal(f->client) && !f->client->is_json && !f->client->is_quiet)
                fputs("\r\033[K", stderr);
        if (r == -ETIMEDOUT)
                say_no_verdict(f, NULL, output);
        if (r == -EINTR || r == -ETIMEDOUT) /* no verdict, and the job waits for one */
                return WAIT_LEAVE;
        if (r == 0 && f->is_editing && !run_is_verdict(ret)) {
                say_no_verdict(f, ret, output);
                return WAIT_LEAVE;
        }
        if (r == 0)
                view_say(f->view, "the command %s after %s", ret->status == 0 ? "passed" : "failed",
                         format_ms((clock_monotonic_usec() - begun) / 1000, time));
        return r;
}

/* CONDITION_ABSENT: not a command of ours. */
static int answer_command(struct follow *f, const json_t *event, struct failure **ret_failure)
{
        uint64_t index = UINT64_MAX;
        _cleanup_free_ char **argv = NULL;
        _cleanup_buf_ struct buf output = {0};
        struct run_result result;
        json_t *command;
        int r;

        if (!json_get_u64(json_object_get(event, "command"), "index", &index))
                return CONDITION_ABSENT;
        argv = words_of(f->commands, index);
        if (!argv)
                return CONDITION_ABSENT;
        r = wait_run(f, argv, &output, &result);
        if (r == WAIT_LEAVE)
                return WAIT_LEAVE;
        if (r < 0)
                return r;
        command =
                json_pack("{s:I, s:i, s:s%}", "index", (json_int_t)index, "status",
                          MIN2(result.status, 255), "output", output.at ? output.at : "", output.n);
        buf_done(&f->said);
        f->said = output;
        output = (struct buf){0};
        f->has_run = true;
        if (command && result.signal &&
            json_object_set_new(command, "signal", json_integer(result.signal)) < 0)
                return -ENOMEM;
        return answer(f, event, "command", command, ret_failure);
}

/* What counts as repaired, and what as in place alone. */
static int move_counts(json_t *findings, const char *from, const char *to)
{
        json_t *old = json_object_get(findings, from), *now = json_object_get(findings, to), *n;
        const char *source;
        int r = 0;

        json_object_foreach (old, source, n) {
                if (json_integer_value(n) == 0)
                        continue;
                if (!now) {
                        r = r ? r : json_put(findings, to, json_object());
                        now = json_object_get(findings, to);
                }
                r = r ? r : json_put(now, source, json_incref(n));
                r = r ? r : json_put(old, source, json_integer(0));
        }
        return r;
}

static int set_verified(json_t *summary, bool is_passed)
{
        json_t *findings = json_object_get(summary, "findings");
        int r = json_put(summary, "verified", json_boolean(is_passed));

        if (r == 0 && findings)
                r = is_passed ? move_counts(findings, "unverified", "repaired")
                              : move_counts(findings, "repaired", "unverified");
        if (r == 0 && is_passed && findings)
                (void)json_object_del(findings, "unverified");
        return r;
}

int wait_verify(struct follow *f, json_t *done)
{
        json_t *summary = json_object_get(done, "summary");
        _cleanup_free_ char **argv = NULL;
        _cleanup_buf_ struct buf output = {0};
        struct run_result result = {0};
        int r;

        if (!f->is_editing || !f->commands || f->has_run || f->client->is_dry_run || !summary ||
            json_is_true(json_object_get(summary, "verified")))
                return 0;
        argv = words_of(f->commands, 0);
        if (!argv)
                return -ENOMEM;
        r = wait_run(f, argv, &output, &result);
        if (r < 0)
                return r;
        f->has_no_verdict = r == WAIT_LEAVE;
        f->has_run = true;
        buf_done(&f->said);
        f->said = output;
        output = (struct buf){0};
        return set_verified(summary, r == 0 && result.status == 0);
}

/* ANTHROPIC_API_KEY for "anthropic", also for "anthropic-work". */
static bool has_key_here(const char *provider, char *variable, size_t n)
{
        size_t i = 0;

        for (; provider[i] && i + sizeof("_API_KEY") < n && isalnum((unsigned char)provider[i]);
             i++)
                variable[i] = (char)toupper((unsigned char)provider[i]);
        memcpy(variable + i, "_API_KEY", sizeof("_API_KEY"));
        return getenv(variable) && *getenv(variable);
}

void wait_hint_keys(struct follow *f)
{
        _cleanup_json_ json_t *status = NULL;
        struct failure *failure = NULL;
        json_t *provider;
        size_t i;
        int r;

        r = f->connection ? connection_call(f->connection, "daemon/status", NULL, &status, &failure)
                          : -ECONNRESET;
        failure_free(failure);
        if (r != 0)
                return;
        json_array_foreach (json_object_get(status, "providers"), i, provider) {
                const char *name = json_get_text(provider, "name");
                char variable[80];

                if (!name || json_get_bool(provider, "configured", true) ||
                    !has_key_here(name, variable, sizeof(variable)))
                        continue;
                view_say(f->view,
                         "%s is set in this shell, but genoptd was started without it:\n"
                         "  → printenv %s | genopt key set %s",
                         variable, variable, name);
        }
}

/* What is to be approved of, where nobody can be asked. */
static void say_estimate(struct follow *f, const json_t *event)
{
        _cleanup_buf_ struct buf question = {0};

        put_question(event, &question);
        if (!question.failed)
                view_warn(f->view, "%s", question.at);
}

/* A command is run by whom it is told, and by nobody else. */
static char *remedy_of(const struct follow *f, const json_t *event)
{
        _cleanup_buf_ struct buf b = {0};
        size_t n;

        if (!f->is_editing || !json_object_get(event, "command"))
                return follow_remedy(f, json_get_text(event, "remedy"));
        (void)buf_add_text(&b, f->outdir ? "the repairs are in place" : "nothing is written here");
        (void)buf_add_text(&b, "; the command of --verify runs nowhere but where it is given: "
                               "`genopt fix --resume --source ");
        if (f->outdir)
                format_word(&b, f->hint_dir ? f->hint_dir : ".");
        else
                (void)buf_add_text(&b, "DIR");
        (void)buf_add_text(&b, f->outdir ? " --verify COMMAND`"
                                         : " --verify COMMAND`, where DIR is the tree of the job");
        return b.failed ? NULL : buf_steal(&b, &n);
}

static int say_remedy(struct follow *f, const json_t *event)
{
        const char *on = json_get_text(event, "on");
        _cleanup_free_ char *remedy = remedy_of(f, event);
        bool is_command = f->is_editing && json_object_get(event, "command");
        bool is_key = on && strcmp(on, "key") == 0;

        f->has_no_verdict |= is_command;
        if (!f->client->is_json) {
                if (json_object_get(event, "estimate"))
                        say_estimate(f, event);
                view_warn(f->view, "the job waits (%s)%s%s",
                          is_command ? "for a command"
                          : on       ? on
                                     : "for something",
                          remedy && *remedy ? "\n  → " : "", remedy ? remedy : "");
                if (is_key)
                        wait_hint_keys(f);
        }
        if (f->client->is_waiting || client_is_terminal(f->client))
                return 0;
        if (!f->client->is_json && !is_command) {
                _cleanup_free_ char *back = follow_way_back(f);

                fprintf(stderr, "the job stays; afterwards: `%s`\n", back ? back : f->job);
        }
        return WAIT_LEAVE;
}

int wait_act(struct follow *f, const json_t *event, struct failure **ret_failure)
{
        const char *on = json_get_text(event, "on");
        int r = CONDITION_ABSENT;

        if (on && strcmp(on, "blobs") == 0 && f->offer)
                return offer_answer(f->offer, f->connection, f->job, json_object_get(event, "need"),
                                    ret_failure);
        if (json_object_get(event, "command") && f->commands)
                r = answer_command(f, event, ret_failure);
        else if (on && strcmp(on, "approval") == 0 && client_is_terminal(f->client) &&
                 isatty(STDIN_FILENO))
                r = answer_approval(f, event, ret_failure);
        return r == CONDITION_ABSENT ? say_remedy(f, event) : r;
}
