#pragma once
/* The table of commands, from which parsing, --help and completion come. */

#include "client/client.h"

struct option_row {
        const char *name;     /* NULL ends a list */
        char letter;          /* 0: long form only */
        const char *value;    /* what --help calls its value; NULL: a switch */
        const char *sentence; /* lower case, no full stop */
};

/* Which of the common options mean something to a command. --help shows no others; a dry run of a
 * command that has none is refused, because it would do the thing. */
#define TAKES_DRY_RUN 1u
#define TAKES_SET 2u
#define TAKES_WAIT 4u
#define TAKES_ALL 7u

struct command {
        const char *name;
        const char *args; /* for usage lines: "SPEC [-o DIR]" */
        const char *sentence;
        const char *detail; /* NULL, or a paragraph for `genopt help NAME` */
        const struct option_row *options;
        int n_args_min, n_args_max; /* max < 0: any number */
        unsigned takes;
        bool is_hidden;
        int (*run)(struct client *c);
};

/* All there are, in the order in which --help has them: a new one is a file and a row. */
#define COMMAND_TABLE(X) \
        X(gen)           \
        X(fix)           \
        X(ask)           \
        X(jobs)          \
        X(show)          \
        X(why)           \
        X(explain)       \
        X(report)        \
        X(attach)        \
        X(cancel)        \
        X(resume)        \
        X(key)           \
        X(blueprint)     \
        X(cache)         \
        X(status)        \
        X(start)         \
        X(stop)          \
        X(restart)       \
        X(reload)        \
        X(doctor)        \
        X(help)          \
        X(echo_check)    \
        X(complete)

#define X(name) extern const struct command command_##name;
COMMAND_TABLE(X)
#undef X

extern const struct command *const command_table[];
extern const size_t n_commands;
extern const struct option_row common_options[], no_options[];

const struct command *command_find(const char *name);
/* The nearest name that is not hidden, or NULL. */
const char *command_nearest(const char *name);
/* Whether a row of common_options means something to the command. */
bool command_takes(const struct command *command, const struct option_row *common);
/* Parses everything after the program's name; answers --help and --version itself. < 0: go on with
 * c->command; else the exit code. */
int command_parse(struct client *c, int argc, char **argv);
void command_print_help(const struct command *command, FILE *out); /* NULL: the program's */
