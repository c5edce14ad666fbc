/* `genopt show JOB`: one job, its tasks, waits, calls and cost. */

#include <inttypes.h>
#include <stdio.h>

#include "client/command.h"
#include "client/link/connection.h"
#include "client/view/format.h"
#include "client/view/table.h"
#include "client/view/view.h"
#include "common/str.h"

enum show_option { SHOW_CALLS, SHOW_PROMPTS };

static const struct option_row show_options[] = {
        [SHOW_CALLS] = {"calls", 'c', NULL, "with its model calls"},
        [SHOW_PROMPTS] = {"prompts", 'p', NULL, "with what the models were told"},
        {NULL, 0, NULL, NULL},
};

static void print_head(const json_t *job)
{
        static const char *const keys[] = {"job", "kind", "state", "label", "created", "ended"};
        char money[FORMAT_BYTES];

        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                if (json_get_text(job, keys[i]))
                        printf("%-9s %s\n", keys[i], json_get_text(job, keys[i]));
        printf("%-9s %" PRIu64 " of %" PRIu64 "\n", "done", progress_number(job, "done"),
               progress_number(job, "total"));
        printf("%-9s %s\n", "money", format_money(progress_number(job, "nanousd"), money));
}

static const char *message_of(const json_t *error)
{
        return json_is_string(error) ? json_string_value(error) : json_get_text(error, "message");
}

static int print_tasks(const json_t *tasks)
{
        static const char *const headings[] = {"task",   "state",  "source",
                                               ">tries", ">money", "error"};
        _cleanup_(table_freep) struct table *t = NULL;
        json_t *task;
        size_t i;
        int r;

        if (json_array_size(tasks) == 0)
                return 0;
        r = table_new(headings, N_ELEMENTS(headings), &t);
        json_array_foreach (tasks, i, task) {
                char tries[FORMAT_BYTES], money[FORMAT_BYTES];
                const char *path = json_get_text(task, "path");
                const char *const cells[] = {path ? path : "(text)",
                                             json_get_text(task, "state"),
                                             json_get_text(task, "source"),
                                             tries,
                                             money,
                                             message_of(json_object_get(task, "error"))};

                snprintf(tries, sizeof(tries), "%" PRIu64, progress_number(task, "attempts"));
                (void)format_money(progress_number(task, "nanousd"), money);
                if (r == 0)
                        r = table_add(t, cells);
        }
        putchar('\n');
        return r == 0 ? table_print(t) : r;
}

static void print_waits(const json_t *waits)
{
        json_t *wait;
        size_t i;

        json_array_foreach (waits, i, wait) {
                const char *on = json_get_text(wait, "on"), *remedy = json_get_text(wait, "remedy");

                printf("\nwaits for %s\n", on ? on : "something");
                if (remedy && *remedy)
                        printf("  → %s\n", remedy);
        }
}

/* The number of a task, or -1. */
static json_int_t number_of(const json_t *task)
{
        const json_t *n = json_object_get(task, "task");

        return json_is_integer(n) ? json_integer_value(n) : -1;
}

static const char *path_of(const json_t *tasks, const json_t *number)
{
        json_t *task;
        size_t i;

        json_array_foreach ((json_t *)tasks, i, task)
                if (json_is_integer(number) && number_of(task) == json_integer_value(number))
                        return json_get_text(task, "path");
        return NULL;
}

/* "a.go +2": the first of its files, and how many more it is for. */
static char *files_of(const json_t *tasks, const json_t *call)
{
        const json_t *numbers = json_object_get(call, "tasks");
        const char *path = path_of(tasks, json_array_get(numbers, 0));
        size_t n = json_array_size(numbers);

        if (n < 2)
                return str_printf("%s", path ? path : "(text)");
        return str_printf("%s +%zu", path ? path : "?", n - 1);
}

static int print_calls(const json_t *tasks, const json_t *calls)
{
        static const char *const headings[] = {">call",   "model",   "state",  ">tries", ">input",
                                               ">cached", ">output", ">money", ">time",  "files"};
        _cleanup_(table_freep) struct table *t = NULL;
        json_t *call;
        size_t i;
        int r;

        r = table_new(headings, N_ELEMENTS(headings), &t);
        json_array_foreach (calls, i, call) {
                const json_t *tokens = json_object_get(call, "tokens");
                _cleanup_free_ char *files = files_of(tasks, call);
                char text[7][FORMAT_BYTES];
                const char *const cells[] = {text[0],
                                             json_get_text(call, "model"),
                                             json_get_text(call, "state"),
                                             text[1],
                                             text[2],
                                             text[3],
                                             text[4],
                                             text[5],
                                             text[6],
                                             files};

                snprintf(text[0], FORMAT_BYTES, "%" PRIu64, progress_number(call, "call"));
                snprintf(text[1], FORMAT_BYTES, "%" PRIu64, progress_number(call, "attempts"));
                (void)format_count(progress_number(tokens, "input") +
                                           progress_number(tokens, "cache_write"),
                                   text[2]);
                (void)format_count(progress_number(tokens, "cache_read"), text[3]);
                (void)format_count(progress_number(tokens, "output"), text[4]);
                (void)format_money(progress_number(call, "nanousd"), text[5]);
                (void)format_ms(progress_number(call, "ms"), text[6]);
                if (r == 0)
                        r = table_add(t, cells);
        }
        putchar('\n');
        return r == 0 ? table_print(t) : r;
}

/* A prompt is a text, or a list of blocks {role, name?, text}. */
static void print_prompt(const json_t *prompt)
{
        json_t *block;
        size_t i;

        if (json_is_string(prompt)) {
                printf("%s\n", json_string_value(prompt));
                return;
        }
        json_array_foreach (prompt, i, block) {
                const char *role = json_get_text(block, "role"),
                           *text = json_get_text(block, "text");

                printf("--- %s\n%s\n", role ? role : "block", text ? text : "");
        }
}

static void print_prompts(const json_t *calls)
{
        json_t *call;
        size_t i;

        json_array_foreach (calls, i, call)
                if (json_object_get(call, "prompt")) {
                        printf("\n=== call %" PRIu64 "\n", progress_number(call, "call"));
                        print_prompt(json_object_get(call, "prompt"));
                }
}

static int print_job(const struct client *c, const json_t *job)
{
        const json_t *calls = json_object_get(job, "calls"),
                     *summary = json_object_get(job, "summary");
        _cleanup_buf_ struct buf lines = {0};
        int r;

        print_head(job);
        print_waits(json_object_get(job, "waits"));
        if (json_object_get(job, "error"))
                printf("\nfailed: %s\n", message_of(json_object_get(job, "error"))
                                                 ? message_of(json_object_get(job, "error"))
                                                 : "");
        r = print_tasks(json_object_get(job, "tasks"));
        if (r == 0 && json_array_size(calls) > 0)
                r = print_calls(json_object_get(job, "tasks"), calls);
        if (r == 0 && c->values[SHOW_PROMPTS])
                print_prompts(calls);
        if (r == 0 && json_is_object(summary)) {
                _cleanup_free_ char *how = str_printf("`genopt resume %s`", c->args[0]);

                r = view_summarise(summary, &lines);
                view_add_placed(&lines, summary);
                view_add_resume(json_object_get(summary, "resume"), "", how, &lines);
        }
        if (r == 0 && json_is_object(json_object_get(job, "resume"))) {
                _cleanup_free_ char *how = str_printf("`genopt resume %s`", c->args[0]);

                view_add_resume(json_object_get(job, "resume"), "", how, &lines);
        }
        if (r == 0 && lines.n > 0)
                printf("\n%s", lines.at);
        return r;
}

static int cmd_show(struct client *c)
{
        _cleanup_json_ json_t *result = NULL;
        struct failure *failure = NULL;
        json_t *params;
        int r;

        params = json_pack("{s:s, s:b, s:b}", "job", c->args[0], "calls",
                           c->values[SHOW_CALLS] || c->values[SHOW_PROMPTS], "prompts",
                           c->values[SHOW_PROMPTS] != NULL);
        if (!params)
                return client_usage(c, "a job's id is letters and digits");
        r = connection_ask(c, START_IF_NEEDED, "job/get", params, &result, &failure);
        if (r == 0)
                r = c->is_json ? client_put_json(result) : print_job(c, result);
        return r == 0 ? EXIT_DONE : client_fail(c, r, failure);
}

const struct command command_show = {
        .name = "show",
        .args = "JOB [--calls [--prompts]]",
        .sentence = "show one job: its tasks, waits, calls and cost",
        .options = show_options,
        .n_args_min = 1,
        .n_args_max = 1,
        .run = cmd_show,
};
