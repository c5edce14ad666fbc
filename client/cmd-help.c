/* `genopt help [COMMAND]`, and the words that the shells' completions ask for. */

#include "client/command.h"

int cmd_help(struct client *c)
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

static void print_words(const struct option_row *rows)
{
        for (size_t i = 0; rows[i].name; i++)
                printf("--%s%s\t%s\n", rows[i].name, rows[i].value ? "=" : "", rows[i].sentence);
}

/* One "word TAB sentence" per line: commands without an argument, else the options of that command
 * ("=" ends one with a value). */
int cmd_complete(struct client *c)
{
        const struct command *command;

        if (c->n_args == 0) {
                for (size_t i = 0; i < n_commands; i++)
                        if (!command_table[i].is_hidden)
                                printf("%s\t%s\n", command_table[i].name,
                                       command_table[i].sentence);
                return EXIT_DONE;
        }
        command = command_find(c->args[0]);
        if (command)
                print_words(command->options);
        print_words(common_options);
        return EXIT_DONE;
}
