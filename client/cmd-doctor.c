/* `genopt doctor`: says what is wrong with an installation, and how to mend it.
 *
 * It only looks. Nothing is started, written, sent to a provider or paid, and no key is read. What
 * genoptd knows of itself it is asked for, if it runs. A check is a row below. */

#include <inttypes.h>

#include "client/command.h"
#include "client/doctor.h"
#include "client/link/connection.h"
#include "client/link/reach.h"
#include "client/run-command.h"
#include "client/view/format.h"
#include "client/view/progress.h"
#include "common/str.h"

static const char *const grade_names[N_GRADES] = {[GRADE_OK] = "ok",
                                                  [GRADE_NOTE] = "note",
                                                  [GRADE_WARNING] = "warning",
                                                  [GRADE_FAULT] = "fault"};

static void print_finding(const struct doctor *d, enum grade grade, const char *remedy,
                          const char *text)
{
        static const char *const colors[N_GRADES] = {[GRADE_OK] = "\033[32m",
                                                     [GRADE_NOTE] = "",
                                                     [GRADE_WARNING] = "\033[33m",
                                                     [GRADE_FAULT] = "\033[31m"};
        bool has_color = client_has_color(d->c, STDOUT_FILENO);

        if (d->c->is_quiet && grade < GRADE_WARNING)
                return;
        printf("%s%-8s%s%-14s%s\n", has_color ? colors[grade] : "", grade_names[grade],
               has_color && *colors[grade] ? "\033[0m" : "", d->subject, text);
        if (remedy)
                printf("%-22s→ %s\n", "", remedy);
}

void doctor_find(struct doctor *d, enum grade grade, const char *remedy, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list args;

        va_start(args, format);
        text = str_vprintf(format, args);
        va_end(args);
        d->n[grade]++;
        if (!text) {
                d->error = -ENOMEM;
                return;
        }
        format_scrub(text);
        if (!d->c->is_json)
                print_finding(d, grade, remedy, text);
        else if (json_add(d->findings,
                          json_pack("{s:s,s:s,s:s,s:s*}", "grade", grade_names[grade], "subject",
                                    d->subject, "text", text, "remedy", remedy)) < 0)
                d->error = -ENOMEM;
}

/* ---- programs ---- */

static void check_programs(struct doctor *d)
{
        char *const argv[] = {d->daemon, (char *)"--version", NULL};
        _cleanup_buf_ struct buf output = {0};
        struct run_result result;
        const char *version;
        int r;

        if (!d->daemon) {
                doctor_find(d, GRADE_FAULT, "install it, or set GENOPT_DAEMON to its path",
                            "genoptd was not found beside genopt, in $PATH or in " GENOPT_PREFIX);
                return;
        }
        r = run_command(argv, &output, &result);
        if (r < 0 || result.status != 0) {
                doctor_find(d, GRADE_FAULT, "see that it can be run", "%s: %s", d->daemon,
                            r < 0 ? strerror(-r) : "it cannot be run");
                return;
        }
        while (output.n > 0 && output.at[output.n - 1] == '\n')
                output.at[--output.n] = 0;
        version = str_has_prefix(output.at, "genoptd ") ? output.at + 8 : output.at;
        if (!str_is_equal(version, GENOPT_VERSION))
                doctor_find(d, GRADE_FAULT, "install both programs of the same version",
                            "genopt is " GENOPT_VERSION ", but %s is %s", d->daemon, version);
        else
                doctor_find(d, GRADE_OK, NULL, "genopt and genoptd " GENOPT_VERSION " (%s)",
                            d->daemon);
}

/* ---- the daemon ---- */

static void check_daemon(struct doctor *d)
{
        const char *version = json_get_text(d->status, "version"),
                   *state = json_get_text(d->status, "state");

        if (!d->status) {
                doctor_find(d, GRADE_NOTE, NULL,
                            "it does not run; any command that needs it starts it");
                return;
        }
        if (version && !str_is_equal(version, GENOPT_VERSION))
                doctor_find(d, GRADE_WARNING, "genopt restart", "it still runs as version %s",
                            version);
        doctor_find(d, GRADE_OK, NULL, "%s as process %" PRIu64 "%s", state ? state : "?",
                    progress_number(d->status, "pid"),
                    d->is_foreign ? ", another user's: the machine's instance" : "");
}

/* What stands still until somebody does something. */
static void check_jobs(struct doctor *d)
{
        const json_t *jobs = json_object_get(d->status, "jobs");
        uint64_t n = progress_number(jobs, "waiting");

        if (!d->status)
                return;
        if (n > 0)
                doctor_find(d, GRADE_NOTE,
                            "`genopt jobs --state waiting`, and `genopt show JOB` says for what",
                            "%" PRIu64 " job%s", n, n == 1 ? " waits" : "s wait");
        else
                doctor_find(d, GRADE_OK, NULL,
                            "none waits; %" PRIu64 " running, %" PRIu64 " queued",
                            progress_number(jobs, "running"), progress_number(jobs, "queued"));
}

static const struct budget_row {
        const char *period, *next, *option, *limit, *spent;
} budget_rows[] = {
        {"day", "tomorrow", "budget.day_usd", "day_nanousd", "spent_today_nanousd"},
        {"month", "next month", "budget.month_usd", "month_nanousd", "spent_month_nanousd"},
};

static void check_budget(struct doctor *d, const json_t *budget, const struct budget_row *row)
{
        uint64_t limit = progress_number(budget, row->limit),
                 spent = progress_number(d->status, row->spent), percent;
        double warn_at = json_number_value(json_object_get(budget, "warn_at"));
        char text[FORMAT_BYTES], limit_text[FORMAT_BYTES];
        _cleanup_free_ char *remedy = NULL;
        bool is_near;

        (void)format_money(spent, text);
        (void)format_money(limit, limit_text);
        if (!json_object_get(budget, row->limit)) {
                doctor_find(d, GRADE_OK, NULL, "%s spent this %s, which has no limit", text,
                            row->period);
                return;
        }
        percent = limit > 0 ? spent * 100 / limit : 100;
        is_near = limit > 0 && warn_at > 0 && (double)spent >= warn_at * (double)limit;
        remedy = str_printf("raise %s in genopt.yaml and `genopt reload`, or go on %s", row->option,
                            row->next);
        if (limit > 0 && spent >= limit)
                doctor_find(d, GRADE_WARNING, remedy,
                            "all of the %s that a %s may cost is spent: calls wait", limit_text,
                            row->period);
        else
                doctor_find(d, is_near ? GRADE_WARNING : GRADE_OK, is_near ? remedy : NULL,
                            "%s of %s spent this %s (%" PRIu64 " %%)", text, limit_text,
                            row->period, percent);
}

/* Of all users of the daemon; what a single job may cost is its own to say. */
static void check_budgets(struct doctor *d)
{
        const json_t *budget = json_object_get(d->status, "budget");
        char text[FORMAT_BYTES];

        for (size_t i = 0; budget && i < N_ELEMENTS(budget_rows); i++)
                check_budget(d, budget, &budget_rows[i]);
        if (json_object_get(budget, "job_nanousd"))
                doctor_find(d, GRADE_OK, NULL, "%s at most for a job, unless it says otherwise",
                            format_money(progress_number(budget, "job_nanousd"), text));
}

static bool has_proxy(void)
{
        static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                            "http_proxy"};

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (getenv(names[i]) && *getenv(names[i]))
                        return true;
        return false;
}

static void check_provider(struct doctor *d, const json_t *one)
{
        const char *name = json_get_text(one, "name"), *reason = json_get_text(one, "reason"),
                   *url = json_get_text(one, "base_url"), *why = "";
        int r;

        if (!json_get_bool(one, "configured", false)) {
                doctor_find(d, GRADE_NOTE, NULL, "%s: not ready%s%s", name ? name : "?",
                            reason ? ": " : "", reason ? reason : "");
                return;
        }
        r = url && !has_proxy() ? reach_server(url, &why) : CONDITION_ABSENT;
        if (r == CONDITION_REFUSED)
                doctor_find(d, GRADE_WARNING, "see to the network, or to `base_url` in genopt.yaml",
                            "%s: has its key, but %s cannot be reached: %s", name, url, why);
        else
                doctor_find(d, GRADE_OK, NULL, "%s: ready%s", name ? name : "?",
                            r == 0 ? ", and its server takes connections" : "");
}

static void check_providers(struct doctor *d)
{
        const json_t *all = json_object_get(d->status, "providers");
        bool is_any_ready = false;
        json_t *one;
        size_t i;

        if (!d->status) {
                doctor_find(d, GRADE_NOTE, "genopt start", "only a daemon that runs knows of them");
                return;
        }
        json_array_foreach (all, i, one) {
                is_any_ready |= json_get_bool(one, "configured", false);
                check_provider(d, one);
        }
        if (!is_any_ready)
                doctor_find(d, GRADE_WARNING,
                            d->is_foreign ? "as root write a key to /etc/genopt/keys/NAME and "
                                            "`systemctl restart genoptd`"
                                          : "`genopt key set anthropic`, or start a local server",
                            "none is ready: only templates and known results can be used");
}

static void check_cache(struct doctor *d)
{
        uint64_t size = 0, max_size = 0, entries = 0, hits = 0, misses = 0;
        char text[FORMAT_BYTES], max_text[FORMAT_BYTES];
        json_t *one;
        size_t i;

        if (!d->cache)
                return;
        json_array_foreach (json_object_get(d->cache, "caches"), i, one) {
                if (str_is_equal(json_get_text(one, "name"), "memory"))
                        continue;
                size += progress_number(one, "size");
                max_size = MAX2(max_size, progress_number(one, "max_size"));
                entries += progress_number(one, "entries");
                hits += progress_number(one, "hits");
                misses += progress_number(one, "misses");
        }
        (void)format_bytes(size, text);
        (void)format_bytes(max_size, max_text);
        doctor_find(d, GRADE_OK, NULL,
                    "%" PRIu64 " entries, %s%s%s; %" PRIu64 " hits and %" PRIu64
                    " misses since the start",
                    entries, text, max_size ? " of " : "", max_size ? max_text : "", hits, misses);
}

/* ---- all of it ---- */

static const struct check {
        const char *subject;
        void (*run)(struct doctor *d);
} checks[] = {
        {"programs", check_programs},
        {"data", doctor_check_data},
        {"configuration", doctor_check_config},
        {"keys", doctor_check_keys},
        {"directories", doctor_check_places},
        {"sockets", doctor_check_sockets},
        {"units", doctor_check_units},
        {"daemon", check_daemon},
        {"jobs", check_jobs},
        {"budget", check_budgets},
        {"providers", check_providers},
        {"cache", check_cache},
};

/* A daemon that does not run, or refuses, is a finding and no failure of ours. */
static void ask_daemon(struct doctor *d)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        struct failure *failure = NULL;

        if (connection_open(d->c, START_NEVER, &k, &failure) == 0) {
                if (connection_call(k, "daemon/status", NULL, &d->status, &failure) == 0 &&
                    connection_call(k, "cache/stats", NULL, &d->cache, &failure) != 0)
                        d->cache = NULL;
        }
        failure_free(failure);
        /* Not from the connection: where systemd made the socket, its other end is systemd's. */
        d->is_foreign = d->status && progress_number(d->status, "uid") != geteuid();
}

static int conclude(struct doctor *d)
{
        _cleanup_json_ json_t *result = NULL;

        if (d->error < 0)
                return client_fail(d->c, d->error, NULL);
        if (d->c->is_json) {
                result = json_pack("{s:i,s:i,s:O}", "faults", (int)d->n[GRADE_FAULT], "warnings",
                                   (int)d->n[GRADE_WARNING], "findings", d->findings);
                if (!result || client_put_json(result) < 0)
                        return EXIT_INTERNAL;
        } else if (d->n[GRADE_FAULT] + d->n[GRADE_WARNING] == 0) {
                client_say(d->c, "nothing is wrong");
        } else {
                client_say(d->c, "%u fault%s, %u warning%s", d->n[GRADE_FAULT],
                           d->n[GRADE_FAULT] == 1 ? "" : "s", d->n[GRADE_WARNING],
                           d->n[GRADE_WARNING] == 1 ? "" : "s");
        }
        return d->n[GRADE_FAULT] > 0 ? EXIT_TASKS_FAILED : EXIT_DONE;
}

static int cmd_doctor(struct client *c)
{
        struct doctor d = {.c = c, .findings = json_array(), .daemon = start_find_daemon()};
        int code;

        if (!d.findings)
                d.error = -ENOMEM;
        ask_daemon(&d);
        for (size_t i = 0; i < N_ELEMENTS(checks); i++) {
                d.subject = checks[i].subject;
                checks[i].run(&d);
        }
        fflush(stdout);
        code = conclude(&d);
        json_decref(d.findings);
        json_decref(d.status);
        json_decref(d.cache);
        free(d.daemon);
        return code;
}

const struct command command_doctor = {
        .name = "doctor",
        .args = "",
        .sentence = "say what is wrong with this installation, and how to mend it",
        .detail = "Looks at programs, configuration, keys (never into them), directories and their "
                  "modes, sockets, systemd's units, the daemon, the way to the providers, the "
                  "cache. It changes and spends nothing. Exits with 1 when there is a fault.",
        .options = no_options,
        .run = cmd_doctor,
};
