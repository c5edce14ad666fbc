#pragma once
/* The table of commands, from which parsing, --help and completion come. A new command is one file
 * and one row. */

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

extern const struct command command_table[];
extern const size_t n_commands;
extern const struct option_row common_options[];

const struct command *command_find(const char *name);
/* The nearest name that is not hidden, or NULL. */
const char *command_nearest(const char *name);
/* Whether a row of common_options means something to the command. */
bool command_takes(const struct command *command, const struct option_row *common);
/* Parses everything after the program's name; answers --help and --version itself. < 0: go on with
 * c->command; else the exit code. */
int command_parse(struct client *c, int argc, char **argv);
void command_print_help(const struct command *command, FILE *out); /* NULL: the program's */

int cmd_ask(struct client *c);
int cmd_attach(struct client *c);
int cmd_blueprint(struct client *c);
int cmd_cache(struct client *c);
int cmd_cancel(struct client *c);
int cmd_complete(struct client *c);
int cmd_doctor(struct client *c);
int cmd_echo_check(struct client *c);
int cmd_explain(struct client *c);
int cmd_fix(struct client *c);
int cmd_gen(struct client *c);
int cmd_help(struct client *c);
int cmd_jobs(struct client *c);
int cmd_key(struct client *c);
int cmd_reload(struct client *c);
int cmd_report(struct client *c);
int cmd_restart(struct client *c);
int cmd_resume(struct client *c);
int cmd_show(struct client *c);
int cmd_start(struct client *c);
int cmd_status(struct client *c);
int cmd_stop(struct client *c);
int cmd_why(struct client *c);

extern const struct option_row ask_options[], attach_options[], cache_options[], explain_options[],
        fix_options[], gen_options[], jobs_options[], report_options[], show_options[],
        stop_options[], why_options[];
