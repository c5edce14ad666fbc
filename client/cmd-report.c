/* `genopt report [JOB]`: what a job came to, for people, programs and archives; `--compare A B`:
 * two of them. */

#include <stdio.h>

#include "client/command.h"
#include "client/files/outdir.h"
#include "client/link/connection.h"
#include "client/view/format.h"
#include "client/view/report.h"
#include "client/view/view.h"

enum report_option { REPORT_FORMAT, REPORT_COMPARE, REPORT_BASELINE, REPORT_OUTPUT };

static const struct option_row report_options[] = {
        [REPORT_FORMAT] = {"format", 'f', "FORMAT", "text, json or html (default: text)"},
        [REPORT_COMPARE] = {"compare", 0, NULL, "compare two jobs: A, then B"},
        [REPORT_BASELINE] = {"baseline", 0, "JOB", "show it beside this earlier job, too"},
        [REPORT_OUTPUT] = {"output", 'o', "DIR", "without JOB: the last job of this directory (.)"},
        {NULL, 0, NULL, NULL},
};

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_HTML, N_FORMATS };
static const char *const format_names[N_FORMATS] = {"text", "json", "html"};

static int ask(struct connection *k, const char *method, const char *job, json_t **ret,
               struct failure **ret_failure)
{
        json_t *params = json_pack("{s:s}", "job", job);

        if (!params)
                return -EINVAL;
        return connection_call(k, method, params, ret, ret_failure);
}

static int fetch(struct connection *k, const char *job, json_t **ret, struct failure **ret_failure)
{
        _cleanup_json_ json_t *plan = NULL, *about = NULL;
        int r = ask(k, "job/get", job, &about, ret_failure);

        if (r == 0)
                r = ask(k, "job/explain", job, &plan, ret_failure);
        return r == 0 ? report_make(plan, about, ret) : r;
}

static int put_baseline(struct connection *k, const char *job, json_t *report,
                        struct failure **ret_failure)
{
        _cleanup_json_ json_t *baseline = NULL;
        json_t *figures = NULL;
        int r = fetch(k, job, &baseline, ret_failure);

        r = r ? r : report_compare(baseline, report, &figures);
        return r ? r : json_put(report, "baseline", figures);
}

static int make(const struct client *c, const char *job, json_t **ret, struct failure **ret_failure)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        _cleanup_json_ json_t *report = NULL, *other = NULL;
        int r = connection_open(c, START_IF_NEEDED, &k, ret_failure);

        r = r ? r : fetch(k, job, &report, ret_failure);
        if (r == 0 && c->values[REPORT_COMPARE]) {
                r = fetch(k, c->args[1], &other, ret_failure);
                return r ? r : report_compare(report, other, ret);
        }
        if (r == 0 && c->values[REPORT_BASELINE])
                r = put_baseline(k, c->values[REPORT_BASELINE], report, ret_failure);
        if (r == 0)
                *ret = take(report);
        return r;
}

static int print(const json_t *report, enum format format)
{
        size_t columns = isatty(STDOUT_FILENO) ? view_columns(STDOUT_FILENO) : 200;
        _cleanup_buf_ struct buf b = {0};
        int r;

        if (format == FORMAT_JSON)
                return client_put_json(report);
        r = format == FORMAT_HTML ? report_write_html(report, &b)
                                  : report_write_text(report, columns, &b);
        if (r < 0)
                return r;
        if (format == FORMAT_TEXT && buf_add_char(&b, '\0') == 0)
                format_scrub(b.at);
        return fputs(b.at, stdout) == EOF || fflush(stdout) != 0 ? -EIO : 0;
}

static int find_format(const struct client *c, enum format *ret)
{
        const char *name = c->values[REPORT_FORMAT];

        *ret = c->is_json ? FORMAT_JSON : FORMAT_TEXT;
        for (size_t i = 0; name && i < N_FORMATS; i++)
                if (strcmp(name, format_names[i]) == 0) {
                        *ret = (enum format)i;
                        return 0;
                }
        return name ? CONDITION_ABSENT : 0;
}

static int cmd_report(struct client *c)
{
        const char *dir = c->values[REPORT_OUTPUT] ? c->values[REPORT_OUTPUT] : ".";
        bool is_comparing = c->values[REPORT_COMPARE];
        _cleanup_json_ json_t *report = NULL;
        struct failure *failure = NULL;
        char noted[OUTDIR_JOB_BYTES];
        enum format format;
        int r;

        if (find_format(c, &format) != 0)
                return client_usage(c, "--format is text, json or html, not `%s`",
                                    c->values[REPORT_FORMAT]);
        if (is_comparing != (c->n_args == 2))
                return client_usage(c, is_comparing ? "--compare wants two jobs"
                                                    : "two jobs are compared with --compare");
        if (is_comparing && c->values[REPORT_BASELINE])
                return client_usage(c, "--compare has its baseline already: the first job");
        if (c->n_args == 0 && outdir_read_job(dir, noted) != 0)
                return client_usage(c, "no job was started for this directory; name the job, or "
                                       "the directory with -o");
        r = make(c, c->n_args > 0 ? c->args[0] : noted, &report, &failure);
        if (r == 0)
                r = print(report, format);
        return r == 0 ? EXIT_DONE : client_fail(c, r, failure);
}

const struct command command_report = {
        .name = "report",
        .args = "[JOB] [OPTION…]",
        .sentence = "report what a job took and saved, or compare two jobs",
        .detail = "Time by phase, tokens and money by task, share of the providers' caches, what "
                  "was saved beside the naive way and by which rule. With --format html one page "
                  "that needs nothing else: `genopt report --format html > report.html`. Without "
                  "JOB it is the last job of the output directory.",
        .options = report_options,
        .n_args_max = 2,
        .run = cmd_report,
};
