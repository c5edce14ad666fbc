/* `genopt explain [JOB]`: the plan of a job, rule by rule and step by step; after its run estimated
 * beside measured. */

#include <inttypes.h>
#include <stdio.h>

#include "client/command.h"
#include "client/files/outdir.h"
#include "client/link/connection.h"
#include "client/view/format.h"
#include "client/view/view.h"

enum explain_option { EXPLAIN_OUTPUT, EXPLAIN_ROUTING };

static const struct option_row explain_options[] = {
        [EXPLAIN_OUTPUT] = {"output", 'o', "DIR",
                            "without JOB: the last job of this directory (.)"},
        [EXPLAIN_ROUTING] = {"routing", 'r', NULL,
                             "also which files each requirement, contract, relation … went to, and "
                             "why"},
        {NULL, 0, NULL, NULL},
};

/* "parcels, FR-002": the words by which it was understood; none when it names nobody. */
static void add_words(const json_t *because, struct buf *b)
{
        const char *lead = " by ";
        json_t *one;
        size_t i;

        json_array_foreach ((json_t *)because, i, one) {
                const char *said = json_get_text(one, "said"), *by = json_get_text(one, "by");

                (void)buf_printf(b, "%s%s", lead, said ? said : by ? by : "?");
                lead = ", ";
        }
}

/* Which requirement went to how many tasks, and why there. `genopt why` tells of one file. */
static void add_routing(const json_t *routing, size_t columns, struct buf *b)
{
        json_t *row;
        size_t i;

        if (json_array_size(routing) > 0)
                (void)buf_add_text(b, "\nrequirements\n");
        json_array_foreach ((json_t *)routing, i, row) {
                const char *input = json_get_text(row, "input"), *text = json_get_text(row, "text");
                uint64_t n = progress_number(row, "n_tasks");
                _cleanup_buf_ struct buf line = {0};

                if (!input || strncmp(input, "requirement:", 12) != 0)
                        continue; /* --routing tells of all */
                (void)buf_printf(&line, "%-20s %3" PRIu64 " task%s", input ? input : "?", n,
                                 n == 1 ? " " : "s");
                add_words(json_object_get(row, "because"), &line);
                if (text)
                        (void)buf_printf(&line, ": %s", text);
                format_cut(b, buf_span(&line), columns);
                (void)buf_add_char(b, '\n');
        }
}

static int print_plan(const json_t *plan, bool has_routing)
{
        size_t columns = isatty(STDOUT_FILENO) ? view_columns(STDOUT_FILENO) : 200;
        const char *job = json_get_text(plan, "job"), *state = json_get_text(plan, "state");
        _cleanup_buf_ struct buf b = {0};
        _cleanup_free_ char *text = NULL;
        int r;

        (void)buf_printf(&b, "job %s is %s\n", job ? job : "?", state ? state : "?");
        r = view_tabulate_plan(plan, columns, &b);
        if (r == 0 && has_routing)
                r = view_tell_routing(plan, columns, &b);
        else
                add_routing(json_object_get(plan, "routing"), columns, &b);
        text = r < 0 ? NULL : buf_steal(&b, NULL);
        if (!text)
                return -ENOMEM;
        format_scrub(text);
        return fputs(text, stdout) == EOF || fflush(stdout) != 0 ? -EIO : 0;
}

static int cmd_explain(struct client *c)
{
        const char *dir = c->values[EXPLAIN_OUTPUT] ? c->values[EXPLAIN_OUTPUT] : ".";
        _cleanup_json_ json_t *plan = NULL;
        struct failure *failure = NULL;
        char noted[OUTDIR_JOB_BYTES];
        json_t *params;
        int r;

        if (c->n_args == 0 && outdir_read_job(dir, noted) != 0)
                return client_usage(c, "no job was started for this directory; name the job, or "
                                       "the directory with -o");
        params = json_pack("{s:s}", "job", c->n_args > 0 ? c->args[0] : noted);
        if (!params)
                return client_usage(c, "a job's id is letters and digits");
        r = connection_ask(c, START_IF_NEEDED, "job/explain", params, &plan, &failure);
        if (r == 0)
                r = c->is_json ? client_put_json(plan)
                               : print_plan(plan, c->values[EXPLAIN_ROUTING] != NULL);
        return r == 0 ? EXIT_DONE : client_fail(c, r, failure);
}

const struct command command_explain = {
        .name = "explain",
        .args = "[JOB] [-o DIR] [-r]",
        .sentence = "show the plan of a job; after its run, estimated beside measured",
        .detail =
                "The naive way (one call per task, whole context, best tier, nothing cached, one "
                "after another) beside the plan, what each rule saved, then each step with its "
                "reason; --routing: also where each part of the specification went. Without JOB it "
                "is the last job of the output directory. Before a run: `genopt gen --dry-run`.",
        .options = explain_options,
        .n_args_max = 1,
        .run = cmd_explain,
};
