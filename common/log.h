#pragma once
/* Structured log lines.
 *
 * A line has a level, an event name from the program's event table (NULL for plain messages), a
 * sentence, and fields NAME=value. The sink is set once at start; without one, lines go to standard
 * error as <6>cache_hit job=01J… task=7: result found        (the <N> only when standard error is a
 * journal stream) No secret, prompt or answer is ever logged: callers pass ids, names, numbers.
 * Thread safe. */

#include <stdarg.h>

#include "common/macros.h"

enum log_level {
        LOG_LEVEL_ERROR = 3,
        LOG_LEVEL_WARNING = 4,
        LOG_LEVEL_NOTICE = 5,
        LOG_LEVEL_INFO = 6,
        LOG_LEVEL_DEBUG = 7
};

struct log_field {
        const char *name; /* lower case, [a-z_]; a journald sink writes GENOPT_NAME */
        const char *value;
};

typedef void log_sink_fn(enum log_level level, const char *event, const char *text,
                         const struct log_field *fields, size_t n_fields, void *arg);

void log_set_sink(log_sink_fn *sink, void *arg); /* NULL: standard error */
void log_set_level(enum log_level most);         /* default LOG_LEVEL_INFO */
/* Fields of the work in hand (job, task, request): added to every line of this thread until popped.
 * At most 8. */
void log_push(const char *name, const char *value); /* borrowed until popped */
void log_pop(void);
void log_event(enum log_level level, const char *event, const char *format, ...) _printf_(3, 4);
#define log_error(...) log_event(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_event(LOG_LEVEL_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_event(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_event(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)
