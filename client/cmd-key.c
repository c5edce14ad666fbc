/* `genopt key set|list|remove NAME`: keys of providers as files that only their owner can read,
 * where a daemon of the user looks.
 *
 * The key is never an argument (arguments are seen by all processes), never printed, and wiped
 * after use. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <termios.h>

#include "client/command.h"
#include "client/link/connection.h"
#include "client/link/environment.h"
#include "common/path.h"
#include "common/str.h"

#define KEY_BYTES 4096 /* with line end and NUL; the daemon's limit is not lower */
#define CONDITION_TOO_LONG 16
#define NAME_BYTES 64

static bool is_name(const char *name)
{
        size_t n = strlen(name);

        if (n == 0 || n > NAME_BYTES || name[0] == '.')
                return false;
        return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               n;
}

static char *keys_dir(void)
{
        _cleanup_free_ char *config = environment_config_dir();

        return config ? path_join(config, "keys") : NULL;
}

static struct termios shown;

static void show_again(int signal_number)
{
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        signal(signal_number, SIG_DFL);
        raise(signal_number);
}

/* One line from standard input; from a terminal without showing it. 0, CONDITION_ABSENT: nothing
 * came. CONDITION_TOO_LONG. */
static int read_key(const char *name, char key[KEY_BYTES])
{
        bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;
        struct termios hidden = shown;
        char *got;

        if (is_terminal) {
                signal(SIGINT, show_again);
                signal(SIGTERM, show_again);
                hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
                tcsetattr(STDIN_FILENO, TCSAFLUSH,
                          &hidden); /* before we ask: it drops what came early */
                fprintf(stderr, "Key for %s (it is not shown): ", name);
        }
        setvbuf(stdin, NULL, _IONBF, 0); /* no copy of the key stays in a buffer */
        got = fgets(key, KEY_BYTES, stdin);
        if (is_terminal) {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
                signal(SIGINT, SIG_DFL);
                signal(SIGTERM, SIG_DFL);
                fputc('\n', stderr);
        }
        if (!got)
                return CONDITION_ABSENT;
        if (strlen(key) == KEY_BYTES - 1)
                return CONDITION_TOO_LONG;
        key[strcspn(key, "\r\n")] = '\0';
        return *key ? 0 : CONDITION_ABSENT;
}

static bool is_key(const char *key)
{
        for (; *key; key++)
                if (*key <= ' ' || *key > '~')
                        return false;
        return true;
}

static int open_dir(bool is_making, int *ret_fd)
{
        _cleanup_free_ char *dir = keys_dir();
        int r;

        if (!dir)
                return -ENOENT;
        r = is_making ? path_make_dirs(dir, 0700) : 0;
        if (r < 0)
                return r;
        *ret_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*ret_fd < 0)
                return -errno;
        return is_making && fchmod(*ret_fd, 0700) < 0 ? -errno : 0;
}

/* A daemon that runs learns of it now, one that does not when it starts. */
static int tell_daemon(struct client *c)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        struct failure *failure = NULL;
        int r;

        r = connection_open(c, START_NEVER, &k, &failure);
        if (r == CONDITION_REFUSED) {
                failure_free(failure);
                return EXIT_DONE;
        }
        if (r == 0)
                r = connection_call(k, "daemon/reload", NULL, NULL, &failure);
        return r == 0 ? EXIT_DONE : client_fail(c, r, failure);
}

static int set_key(struct client *c, const char *name)
{
        _cleanup_close_ int fd = -1;
        char key[KEY_BYTES];
        size_t n;
        int r;

        r = read_key(name, key);
        if (r == CONDITION_TOO_LONG) {
                explicit_bzero(key, sizeof(key));
                return client_usage(c, "a key has at most %d characters", KEY_BYTES - 3);
        }
        if (r != 0)
                return client_usage(c, "no key came");
        n = strlen(key);
        if (!is_key(key)) {
                explicit_bzero(key, sizeof(key));
                return client_usage(c, "a key is printable ASCII without blanks");
        }
        key[n++] = '\n';
        r = open_dir(true, &fd);
        if (r == 0)
                r = path_write_atomic(fd, name, (struct span){key, n}, 0600, true);
        explicit_bzero(key, sizeof(key));
        if (r < 0)
                return client_fail(c, r, NULL);
        client_say(c, "the key for %s is kept", name);
        return tell_daemon(c);
}

static int remove_key(struct client *c, const char *name)
{
        _cleanup_close_ int fd = -1;
        int r;

        r = open_dir(false, &fd);
        if (r == 0 && unlinkat(fd, name, 0) < 0)
                r = -errno;
        if (r == -ENOENT)
                return client_fail(c, CONDITION_REFUSED,
                                   failure_new(FAILURE_BAD_CONFIG, "there is no key for %s", name));
        if (r < 0)
                return client_fail(c, r, NULL);
        client_say(c, "the key for %s is removed", name);
        return tell_daemon(c);
}

static int keep_name(const struct dirent *e)
{
        return is_name(e->d_name);
}

static int print_names(const struct client *c, struct dirent **entries, int n)
{
        _cleanup_json_ json_t *names = json_array(), *object = NULL;

        for (int i = 0; i < n; i++) {
                if (!c->is_json)
                        printf("%s\n", entries[i]->d_name);
                else if (!names ||
                         json_array_append_new(names, json_string(entries[i]->d_name)) < 0)
                        return client_fail(c, -ENOMEM, NULL);
        }
        if (!c->is_json)
                return EXIT_DONE;
        object = json_pack("{s:O}", "keys", names);
        return object && client_put_json(object) == 0 ? EXIT_DONE : EXIT_INTERNAL;
}

static int list_keys(struct client *c)
{
        _cleanup_free_ char *dir = keys_dir();
        struct dirent **entries = NULL;
        int n, code;

        n = dir ? scandir(dir, &entries, keep_name, alphasort) : 0;
        if (n < 0 && errno != ENOENT)
                return client_fail(c, -errno, NULL);
        code = print_names(c, entries, n);
        for (int i = 0; i < n; i++)
                free(entries[i]);
        free(entries);
        return code;
}

static int cmd_key(struct client *c)
{
        const char *verb = c->args[0], *name = c->n_args > 1 ? c->args[1] : NULL;
        bool is_set = strcmp(verb, "set") == 0;

        if (strcmp(verb, "list") == 0 && !name)
                return list_keys(c);
        if (!is_set && strcmp(verb, "remove") != 0)
                return client_usage(c, "key wants set NAME, list, or remove NAME");
        if (!name)
                return client_usage(c, "key %s wants the NAME of a provider", verb);
        if (!is_name(name))
                return client_usage(
                        c, "a provider's name is letters, digits, `.`, `_` and `-`, not `%s`",
                        name);
        return is_set ? set_key(c, name) : remove_key(c, name);
}

const struct command command_key = {
        .name = "key",
        .args = "set|list|remove [NAME]",
        .sentence = "manage the keys of model providers",
        .detail = "`genopt key set NAME` reads the key from the terminal without showing it, or "
                  "from standard input, writes it to $XDG_CONFIG_HOME/genopt/keys/NAME (readable "
                  "by you alone) and tells the daemon.",
        .options = no_options,
        .n_args_min = 1,
        .n_args_max = 2,
        .run = cmd_key,
};
