#include "client/client.h"

#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "client/command.h"
#include "client/link/start.h"
#include "client/view/format.h"
#include "common/str.h"

void client_print_words(const char *prefix, const char *format, va_list args)
{
        _cleanup_free_ char *text = str_vprintf(format, args);

        if (!text)
                return;
        format_scrub(text);
        fprintf(stderr, "%s%s\n", prefix, text);
}

void client_say(const struct client *c, const char *format, ...)
{
        va_list args;

        if (c->is_quiet)
                return;
        va_start(args, format);
        client_print_words("", format, args);
        va_end(args);
}

void client_warn(const struct client *c, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        client_print_words(client_has_color(c, STDERR_FILENO) ? "\033[33mwarning:\033[0m "
                                                              : "warning: ",
                           format, args);
        va_end(args);
}

_printf_(2, 3) static void print_words(const char *prefix, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        client_print_words(prefix, format, args);
        va_end(args);
}

static void print_failure(const struct client *c, const char *message, const char *where,
                          const char *remedy)
{
        bool is_placed = where && *where;

        print_words(client_has_color(c, STDERR_FILENO) ? "\033[31mgenopt:\033[0m " : "genopt: ",
                    "%s%s%s%s%s", is_placed ? where : "", is_placed ? ": " : "",
                    message && *message ? message : "something failed",
                    remedy && *remedy ? "\n  → " : "", remedy ? remedy : "");
}

int client_exit_code(const json_t *error)
{
        const char *name = json_get_text(json_object_get(error, "data"), "name");

        for (size_t i = 0; name && i < N_FAILURES; i++)
                if (strcmp(failure_table[i].name, name) == 0)
                        return failure_table[i].exit_code;
        return EXIT_INTERNAL;
}

int client_fail_json(const struct client *c, const json_t *error, const char *remedy)
{
        const json_t *data = json_object_get(error, "data");

        if (c->is_json) {
                _cleanup_json_ json_t *line = json_pack("{s:O}", "error", error);

                if (line && client_put_json(line) == 0)
                        return client_exit_code(error);
        }
        print_failure(c, json_get_text(error, "message"), json_get_text(data, "where"),
                      remedy && *remedy ? remedy : json_get_text(data, "remedy"));
        return client_exit_code(error);
}

static struct failure *failure_of_silence(void)
{
        struct failure *f = failure_new(FAILURE_UNAVAILABLE, "genoptd closed the connection");
        _cleanup_free_ char *log = start_log_path();

        if (f && log && failure_set_remedy(f, "see %s, then try again", log) < 0)
                return failure_free(f);
        return f;
}

/* errno as one of the failures that users know. */
static struct failure *failure_of_errno(int r)
{
        switch (r) {
        case -ECONNRESET:
        case -ECONNREFUSED:
        case -EPIPE:
                return failure_of_silence();
        case -EBADMSG:
                return failure_new(FAILURE_INTERNAL, "what genoptd says cannot be read");
        case -ENOSPC:
        case -EDQUOT:
                return failure_new(FAILURE_DISK_FULL, "%s", strerror(-r));
        default:
                return failure_new(FAILURE_INTERNAL, "%s", strerror(r < 0 ? -r : EINVAL));
        }
}

/* Where our own output goes is full or gone: no disk or connection of the daemon's. */
static struct failure *failure_of_output(int r)
{
        int error = r < 0 ? -r : EIO;
        struct failure *f = failure_new(error == ENOSPC ? FAILURE_DISK_FULL : FAILURE_INTERNAL,
                                        "standard output cannot be written: %s", strerror(error));

        if (f && failure_set_remedy(f, "see where it goes, then try again") < 0)
                return failure_free(f);
        return f;
}

int client_fail(const struct client *c, int r, struct failure *f)
{
        _cleanup_(failure_freep) struct failure *owned = f                ? f
                                                         : ferror(stdout) ? failure_of_output(r)
                                                                          : failure_of_errno(r);
        _cleanup_json_ json_t *error = NULL;

        if (!owned) {
                fputs("genopt: out of memory\n", stderr);
                return EXIT_INTERNAL;
        }
        if (c->is_json && failure_to_json(owned, &error) == 0)
                return client_fail_json(c, error, NULL);
        print_failure(c, failure_message(owned), owned->where,
                      !f && owned->id == FAILURE_INTERNAL && !owned->remedy
                              ? NULL
                              : failure_remedy(owned));
        return failure_table[owned->id].exit_code;
}

int client_put_json(const json_t *value)
{
        errno = 0;
        if (json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY) < 0 || putchar('\n') == EOF ||
            fflush(stdout) != 0)
                return errno ? -errno : -EIO;
        return 0;
}

int client_usage(const struct client *c, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        client_print_words("genopt: ", format, args);
        va_end(args);
        if (c->command)
                fprintf(stderr, "usage: genopt %s %s\nSee `genopt help %s`.\n", c->command->name,
                        c->command->args, c->command->name);
        else
                fputs("See `genopt --help`.\n", stderr);
        return EXIT_USAGE;
}

bool client_has_color(const struct client *c, int fd)
{
        const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"),
                   *term = getenv("TERM");

        if (c->color != COLOR_AUTO)
                return c->color == COLOR_ALWAYS;
        if (no && *no)
                return false;
        if (force && *force && strcmp(force, "0") != 0)
                return true;
        return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

bool client_is_terminal(const struct client *c)
{
        const char *term = getenv("TERM");

        return !c->is_json && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

int client_identity(json_t **ret)
{
        char cwd[PATH_MAX], tty[64] = "";
        json_t *identity;

        if (!getcwd(cwd, sizeof(cwd)))
                cwd[0] = '\0';
        if (isatty(STDERR_FILENO) && ttyname_r(STDERR_FILENO, tty, sizeof(tty)) != 0)
                tty[0] = '\0';
        identity = json_pack("{s:I, s:s*, s:s*}", "pid", (json_int_t)getpid(), "tty",
                             *tty ? tty : NULL, "cwd", *cwd ? cwd : NULL);
        if (!identity)
                return -ENOMEM;
        *ret = identity;
        return 0;
}
