/* `genopt help [COMMAND]`, and the words that the shells' completions ask for. */

#include "client/command.h"
#include "client/link/connection.h"

static int cmd_help(struct client *c)
{
        const struct command *command = NULL;
        const char *nearest;

        if (c->n_args == 1) {
                command = command_find(c->args[0]);
                if (!command) {
                        nearest = command_nearest(c->args[0]);
                        c->command = NULL;
                        return nearest ? client_usage(c, "no command `%s`; did you mean `%s`?",
                                                      c->args[0], nearest)
                                       : client_usage(c, "no command `%s`", c->args[0]);
                }
        }
        command_print_help(command, stdout);
        return EXIT_DONE;
}

const struct command command_help = {
        .name = "help",
        .args = "[COMMAND]",
        .sentence = "show help for a command",
        .options = no_options,
        .n_args_max = 1,
        .takes = TAKES_ALL,
        .run = cmd_help,
};

static void print_words(const struct command *command, const struct option_row *rows)
{
        for (size_t i = 0; rows[i].name; i++)
                if (rows != common_options || command_takes(command, &rows[i]))
                        printf("--%s%s\t%s\n", rows[i].name, rows[i].value ? "=" : "",
                               rows[i].sentence);
}

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_get_text(object, key);

        return text ? text : "";
}

/* Ids of the newest jobs, if a daemon runs: the tab key starts none. */
static void print_jobs(const struct client *c)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        _cleanup_json_ json_t *result = NULL;
        struct failure *failure = NULL;
        json_t *job;
        size_t i;
        int r;

        r = connection_open(c, START_NEVER, &k, &failure);
        if (r == 0)
                r = connection_call(k, "job/list", json_pack("{s:i}", "limit", 50), &result,
                                    &failure);
        failure_free(failure);
        if (r != 0)
                return;
        json_array_foreach (json_object_get(result, "jobs"), i, job)
                printf("%s\t%s %s\n", text_of(job, "job"), text_of(job, "kind"),
                       text_of(job, "state"));
}

/* One "word TAB sentence" per line: the commands; or the options of the command named ("=" ends one
 * with a value); or, for `:jobs`, ids. */
static int cmd_complete(struct client *c)
{
        const struct command *command;

        if (c->n_args == 0) {
                for (size_t i = 0; i < n_commands; i++)
                        if (!command_table[i]->is_hidden)
                                printf("%s\t%s\n", command_table[i]->name,
                                       command_table[i]->sentence);
                return EXIT_DONE;
        }
        if (strcmp(c->args[0], ":jobs") == 0) {
                print_jobs(c);
                return EXIT_DONE;
        }
        command = command_find(c->args[0]);
        if (command)
                print_words(command, command->options);
        print_words(command, common_options);
        return EXIT_DONE;
}

const struct command command_complete = {
        .name = "__complete",
        .args = "[COMMAND]",
        .sentence = "words for the shells' completion",
        .options = no_options,
        .n_args_max = 1,
        .is_hidden = true,
        .run = cmd_complete,
};
