#pragma once
/* One run of `genopt`: what the command line said, and where words and data go.
 *
 * A command returns its exit code. Inside it, functions return 0, -errno, or CONDITION_REFUSED with
 * a failure; whoever turns that into an exit code says it once, by client_fail(). */

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/macros.h"
#include "proto/failure.h"

#define CLIENT_OPTIONS_MAX 20 /* options of one command beside the common ones */

enum client_exit {
        EXIT_DONE = 0,
        EXIT_TASKS_FAILED = 1,
        EXIT_USAGE = 2,
        EXIT_INPUT = 65,
        EXIT_UNAVAILABLE = 69,
        EXIT_INTERNAL = 70,
        EXIT_TRY_AGAIN = 75,
        EXIT_AUTH = 77,
        EXIT_CONFIG = 78,
        EXIT_INTERRUPTED = 130,
};

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct command;

struct client {
        const struct command *command; /* borrowed: a row of the table */
        bool is_json, is_dry_run, is_quiet, is_waiting;
        enum color_choice color;
        const char *socket; /* borrowed: argv; NULL: looked up */
        json_t *options;    /* owned: object of --set, NULL when there was none */
        const char *values[CLIENT_OPTIONS_MAX]; /* borrowed: argv; by row of the command's options;
                                                   "" for a switch */
        char **args;                            /* borrowed: argv */
        int n_args;
};

/* Words: standard error, silent with -q. A line break is added. */
void client_say(const struct client *c, const char *format, ...) _printf_(2, 3);
/* Warnings are said even with -q. */
void client_warn(const struct client *c, const char *format, ...) _printf_(2, 3);
/* A line of words as all of the above print it: what could steer a terminal is taken out of it, but
 * not of the prefix. */
void client_print_words(const char *prefix, const char *format, va_list args) _printf_(2, 0);
/* What happened, where, and the remedy: on standard error, or with --json as {"error": …} on
 * standard output. r is what the failing function returned, f its failure or NULL. Returns the exit
 * code; frees f. */
int client_fail(const struct client *c, int r, struct failure *f);
/* An error object as it came in an event or a reply; borrowed. Returns its exit code. */
int client_fail_json(const struct client *c, const json_t *error, const char *remedy);
/* The exit code that belongs to an error object. */
int client_exit_code(const json_t *error);
/* One JSON text and a line break on standard output, flushed: a reader at the other end of a pipe
 * acts on it now. */
int client_put_json(const json_t *value);
int client_usage(const struct client *c, const char *format, ...) _printf_(2, 3);
bool client_has_color(const struct client *c, int fd);
bool client_is_terminal(const struct client *c); /* words go to a terminal that can be redrawn */
/* {pid, tty, cwd} of meta.client. */
int client_identity(json_t **ret) _must_check_;
