/* `genopt status|start|stop|restart|reload`: the daemon itself. */

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/pidfd.h>

#include "client/command.h"
#include "client/link/connection.h"
#include "client/view/format.h"
#include "client/view/progress.h"
#include "common/clock.h"

#define TELL_MS 1000        /* so often it is told what is waited for */
#define END_MS 30000        /* after the calls: what they wrote is committed, memory given back */
#define ERASE_REST "\033[K" /* of the terminal's line */

enum stop_option { STOP_NOW };

static const struct option_row stop_options[] = {
        [STOP_NOW] = {"now", 0, NULL, "do not let the calls under way end; their jobs ask again"},
        {NULL, 0, NULL, NULL},
};

/* What is ready before it is asked for: a connection, models in a local server's memory. */
static void print_warm(const json_t *warm)
{
        const json_t *models = json_object_get(warm, "models");
        char text[FORMAT_BYTES];
        json_t *model;
        size_t i;

        if (json_object_get(warm, "connection_ms"))
                printf(", connection used %s ago",
                       format_ms(progress_number(warm, "connection_ms"), text));
        json_array_foreach (models, i, model) {
                const char *name = json_get_text(model, "name");

                printf("%s%s (%" PRIu64 " tokens, used %s ago)", i == 0 ? ", model " : ", ",
                       name ? name : "?", progress_number(model, "context"),
                       format_ms(progress_number(model, "used_ms"), text));
        }
}

static void print_providers(const json_t *providers)
{
        json_t *one;
        size_t i;

        json_array_foreach (providers, i, one) {
                const char *name = json_get_text(one, "name"),
                           *reason = json_get_text(one, "reason");
                bool is_ready = json_get_bool(one, "configured", false);

                printf("%-9s %s: %s%s%s%s", i == 0 ? "providers" : "", name ? name : "?",
                       is_ready ? "ready" : "not ready", reason && *reason ? " (" : "",
                       reason ? reason : "", reason && *reason ? ")" : "");
                print_warm(json_object_get(one, "warm"));
                printf("\n");
        }
}

/* " of $20.00", or nothing where there is no limit. */
static void print_limit(const json_t *budget, const char *name)
{
        char text[FORMAT_BYTES];

        if (json_object_get(budget, name))
                printf(" of %s", format_money(progress_number(budget, name), text));
}

static void print_money(const json_t *status)
{
        const json_t *budget = json_object_get(status, "budget");
        char text[FORMAT_BYTES];

        printf("%-9s %s", "money",
               format_money(progress_number(status, "spent_today_nanousd"), text));
        print_limit(budget, "day_nanousd");
        printf(" today");
        if (json_object_get(status, "spent_month_nanousd")) {
                printf(", %s", format_money(progress_number(status, "spent_month_nanousd"), text));
                print_limit(budget, "month_nanousd");
                printf(" this month");
        }
        printf("\n");
}

static void print_calls(const json_t *calls)
{
        uint64_t joined = progress_number(calls, "joined");

        printf("%-9s %" PRIu64 " running", "calls", progress_number(calls, "running"));
        if (joined > 0)
                printf("; %" PRIu64 " task%s wanted by several jobs at once, and made once", joined,
                       joined == 1 ? " was" : "s were");
        printf("\n");
}

static int print_status(const json_t *status)
{
        const json_t *jobs = json_object_get(status, "jobs"),
                     *kept = json_object_get(status, "kept"),
                     *memory = json_object_get(status, "memory");
        const char *version = json_get_text(status, "version"),
                   *state = json_get_text(status, "state");
        uint64_t uptime = progress_number(status, "uptime_s");
        char text[FORMAT_BYTES], anonymous[FORMAT_BYTES];

        printf("%-9s %s, process %" PRIu64 ", version %s, up %s\n", "genoptd",
               state ? state : "running", progress_number(status, "pid"), version ? version : "?",
               format_ms(uptime * 1000, text));
        printf("%-9s %" PRIu64 " running, %" PRIu64 " queued, %" PRIu64 " waiting\n", "jobs",
               progress_number(jobs, "running"), progress_number(jobs, "queued"),
               progress_number(jobs, "waiting"));
        print_calls(json_object_get(status, "calls"));
        print_money(status);
        print_providers(json_object_get(status, "providers"));
        if (progress_number(kept, "keep_for_ms") > 0)
                printf("%-9s %" PRIu64 " kept alive for %s after a call, %" PRIu64
                       " requests, %s since the start\n",
                       "caches", progress_number(kept, "kept"),
                       format_ms(progress_number(kept, "keep_for_ms"), anonymous),
                       progress_number(kept, "requests"),
                       format_money(progress_number(kept, "nanousd"), text));
        printf("%-9s %s (%s anonymous)\n", "memory",
               format_bytes(progress_number(memory, "rss"), text),
               format_bytes(progress_number(memory, "anonymous"), anonymous));
        return 0;
}

/* Asks one thing of a daemon that runs; status and stop do not start one. */
static int ask_daemon(struct client *c, enum start_mode mode, const char *method, json_t **ret)
{
        struct failure *failure = NULL;
        int r = connection_ask(c, mode, method, NULL, ret, &failure);

        return r == 0 ? EXIT_DONE : client_fail(c, r, failure);
}

static int cmd_status(struct client *c)
{
        _cleanup_json_ json_t *status = NULL;
        int code = ask_daemon(c, START_NEVER, "daemon/status", &status);

        if (code != EXIT_DONE)
                return code;
        if ((c->is_json ? client_put_json(status) : print_status(status)) < 0)
                return EXIT_INTERNAL;
        return EXIT_DONE;
}

const struct command command_status = {
        .name = "status",
        .args = "",
        .sentence = "show how the daemon is",
        .options = no_options,
        .run = cmd_status,
};

static int cmd_start(struct client *c)
{
        _cleanup_json_ json_t *status = NULL;
        int code = ask_daemon(c, START_IF_NEEDED, "daemon/status", &status);

        if (code == EXIT_DONE && c->is_json)
                return client_put_json(status) < 0 ? EXIT_INTERNAL : EXIT_DONE;
        if (code == EXIT_DONE)
                client_say(c, "genoptd runs as process %" PRIu64, progress_number(status, "pid"));
        return code;
}

const struct command command_start = {
        .name = "start",
        .args = "",
        .sentence = "start the daemon (any command that needs it does so too)",
        .options = no_options,
        .run = cmd_start,
};

static int cmd_reload(struct client *c)
{
        _cleanup_json_ json_t *result = NULL;
        int code = ask_daemon(c, START_IF_NEEDED, "daemon/reload", &result);

        if (code == EXIT_DONE && c->is_json)
                return client_put_json(result) < 0 ? EXIT_INTERNAL : EXIT_DONE;
        if (code == EXIT_DONE)
                client_say(c, "genoptd read its configuration again");
        return code;
}

const struct command command_reload = {
        .name = "reload",
        .args = "",
        .sentence = "let the daemon read its configuration and keys again",
        .options = no_options,
        .run = cmd_reload,
};

/* ---- stopping ---- */

struct stopping {
        struct client *client;
        struct connection *connection; /* borrowed */
        uint64_t pid, begin_ms, patience_ms;
};

static uint64_t now_ms(void)
{
        return clock_monotonic_usec() / 1000;
}

/* One line that is drawn again each second; off a terminal one sentence, at the beginning. */
static void tell_waiting(const struct stopping *s, uint64_t n_calls)
{
        char past[FORMAT_BYTES], all[FORMAT_BYTES];

        (void)format_ms(s->patience_ms, all);
        if (client_is_terminal(s->client) && !s->client->is_quiet)
                fprintf(stderr,
                        "\rstopping: %" PRIu64 " call%s under way, %s of at most %s" ERASE_REST,
                        n_calls, n_calls == 1 ? "" : "s", format_ms(now_ms() - s->begin_ms, past),
                        all);
        else
                client_say(s->client,
                           "genoptd lets %" PRIu64 " call%s end first, for %s at most (`genopt "
                           "stop --now` does not)",
                           n_calls, n_calls == 1 ? "" : "s", all);
}

static void clear_waiting(const struct stopping *s)
{
        if (client_is_terminal(s->client) && !s->client->is_quiet)
                fprintf(stderr, "\r" ERASE_REST);
}

static void tell_progress(const struct stopping *s)
{
        _cleanup_json_ json_t *status = NULL;
        struct failure *failure = NULL;

        if (client_is_terminal(s->client) &&
            connection_call(s->connection, "daemon/status", NULL, &status, &failure) == 0)
                tell_waiting(s, progress_number(json_object_get(status, "calls"), "running"));
        failure_free(failure);
}

static int wait_for_process(int fd, uint64_t ms)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int r;

        do
                r = poll(&p, 1, (int)ms);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : r == 0 ? CONDITION_ABSENT : 0;
}

/* Waits for the end of the process, not only of the connection: its state directory is free then.
 */
static int wait_for_end(const struct stopping *s)
{
        _cleanup_close_ int fd = s->pid > 1 ? pidfd_open((pid_t)s->pid, 0) : -1;
        uint64_t until = s->begin_ms + s->patience_ms + END_MS;
        int r = CONDITION_ABSENT;

        for (uint64_t now = now_ms(); r == CONDITION_ABSENT && now < until; now = now_ms()) {
                uint64_t ms = MIN2(until - now, (uint64_t)TELL_MS);

                r = fd >= 0 ? wait_for_process(fd, ms)
                            : connection_wait_close(s->connection, (int)ms); /* not ours to watch */
                if (r == CONDITION_ABSENT)
                        tell_progress(s);
        }
        clear_waiting(s);
        return r;
}

static int refuse_waiting(struct failure **ret_failure)
{
        *ret_failure = failure_new(FAILURE_STOPPING, "genoptd still lets its calls end");
        if (!*ret_failure || failure_set_remedy(*ret_failure, "wait, or `genopt stop --now`") < 0)
                return -ENOMEM;
        return CONDITION_REFUSED;
}

static int stop_daemon(struct client *c, struct connection *k, const char *mode,
                       struct failure **ret_failure)
{
        _cleanup_json_ json_t *status = NULL, *reply = NULL;
        struct stopping s = {.client = c, .connection = k, .begin_ms = now_ms()};
        uint64_t n_calls;
        int r;

        r = connection_call(k, "daemon/status", NULL, &status, ret_failure);
        if (r == 0)
                r = connection_call(k, "daemon/stop", json_pack("{s:s}", "mode", mode), &reply,
                                    ret_failure);
        if (r != 0)
                return r;
        n_calls = progress_number(json_object_get(status, "calls"), "running");
        s.pid = progress_number(status, "pid");
        s.patience_ms = progress_number(reply, "drain_ms");
        if (n_calls > 0 && s.patience_ms > 0)
                tell_waiting(&s, n_calls);
        r = wait_for_end(&s);
        return r == CONDITION_ABSENT ? refuse_waiting(ret_failure) : r;
}

/* Returns when it is ready: what it cannot start with, it tells. */
static int start_daemon_again(struct start_hold *h, uint64_t *ret_pid, struct failure **ret_failure)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        _cleanup_json_ json_t *status = NULL;
        _cleanup_close_ int fd = -1;
        int r = start_again(h, &fd, ret_failure);

        r = r ? r : connection_adopt(fd, &k);
        if (r != 0)
                return r;
        fd = -1;
        r = connection_call(k, "daemon/status", NULL, &status, ret_failure);
        *ret_pid = progress_number(status, "pid");
        return r;
}

/* Its address is given free, if a client made it and nobody listens there any more. */
static int tidy(struct client *c, struct failure **ret_failure)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        struct start_hold h = {.lock_fd = -1};
        int r = start_hold(c->socket, &h, ret_failure);

        if (r != 0)
                return r;
        r = connection_open(c, START_NEVER, &k, ret_failure);
        if (r == CONDITION_REFUSED) {
                *ret_failure = failure_free(*ret_failure);
                start_forget(&h);
                r = 0;
        }
        start_release(&h);
        return r;
}

/* Without the lock of starting, so that another may say `stop --now` meanwhile: the daemon itself
 * tells clients that it stops on purpose (server.h). */
static int cmd_stop(struct client *c)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        struct failure *failure = NULL;
        int r = connection_open(c, START_NEVER, &k, &failure);
        bool was_running = r == 0;

        if (r == CONDITION_REFUSED) {
                failure = failure_free(failure);
                r = 0;
        } else if (r == 0) {
                r = stop_daemon(c, k, c->values[STOP_NOW] ? "now" : "drain", &failure);
        }
        r = r ? r : tidy(c, &failure);
        if (r != 0)
                return client_fail(c, r, failure);
        if (!c->is_json)
                client_say(c, was_running ? "genoptd has stopped" : "genoptd was not running");
        return EXIT_DONE;
}

const struct command command_stop = {
        .name = "stop",
        .args = "[--now]",
        .sentence = "stop the daemon; its jobs go on when it starts again",
        .options = stop_options,
        .run = cmd_stop,
};

/* Under the lock of starting, so that nobody whose connection breaks, or who comes meanwhile,
 * starts a daemon of their own: they wait for the next. */
static int restart_at(struct client *c, struct start_hold *h, uint64_t *ret_pid,
                      struct failure **ret_failure)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        int r = connection_open(c, START_NEVER, &k, ret_failure);

        if (r == CONDITION_REFUSED) {
                *ret_failure = failure_free(*ret_failure);
                r = 0;
        } else if (r == 0) {
                r = stop_daemon(c, k, "restart", ret_failure);
        }
        if (r != 0)
                return r;
        start_forget(h);
        return start_daemon_again(h, ret_pid, ret_failure);
}

static int cmd_restart(struct client *c)
{
        struct start_hold h = {.lock_fd = -1};
        struct failure *failure = NULL;
        uint64_t pid = 0;
        int r = start_hold(c->socket, &h, &failure);

        if (r == 0)
                r = restart_at(c, &h, &pid, &failure);
        start_release(&h);
        if (r != 0)
                return client_fail(c, r, failure);
        if (!c->is_json)
                client_say(c, "genoptd was started as process %" PRIu64, pid);
        return EXIT_DONE;
}

const struct command command_restart = {
        .name = "restart",
        .args = "[--now]",
        .sentence = "stop the daemon and start it again",
        .options = stop_options,
        .run = cmd_restart,
};
