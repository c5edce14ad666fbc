#include "client/link/environment.h"

#include <ctype.h>
#include <fcntl.h>
#include <pwd.h>

#include "common/path.h"

static const char *const passed[] = {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "TZ",
        "GENOPT_CONFIG",
        "GENOPT_STATE_DIR",
        "GENOPT_CACHE_DIR",
        "GENOPT_DATA_DIR",
        "GENOPT_TEMPLATE_DIR",
        "GENOPT_BLUEPRINT_DIR",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
};
static const char *const passed_prefixes[] = {
        "LC_",          "XDG_",
#if GENOPT_TESTING
        "GENOPT_TEST_", "ASAN_", "UBSAN_", "TSAN_", "LSAN_",
#endif
};

static bool has_name(const char *entry, struct span name)
{
        return strncmp(entry, name.at, name.n) == 0 && entry[name.n] == '=';
}

static bool is_passed(const char *entry, const struct strlist *keys)
{
        for (size_t i = 0; i < N_ELEMENTS(passed); i++)
                if (has_name(entry, span_of(passed[i])))
                        return true;
        for (size_t i = 0; i < N_ELEMENTS(passed_prefixes); i++)
                if (str_has_prefix(entry, passed_prefixes[i]))
                        return true;
        for (size_t i = 0; i < keys->n; i++)
                if (has_name(entry, span_of(keys->at[i])))
                        return true;
        return false;
}

/* Names after `env:` in `key: {env: NAME}` or on a line of its own. The daemon reads the file in
 * earnest; here a name too many only lets a variable through that the user wrote into the
 * configuration. */
static int find_key_names(struct span config, struct strlist *ret)
{
        const char *at = config.at, *end = config.at + config.n, *name;
        int r;

        while ((at = memmem(at, (size_t)(end - at), "env:", 4))) {
                bool is_word = at > config.at && (isalnum((unsigned char)at[-1]) || at[-1] == '_');

                at += 4;
                while (at < end && (*at == ' ' || *at == '"' || *at == '\''))
                        at++;
                name = at;
                while (at < end && (isalnum((unsigned char)*at) || *at == '_'))
                        at++;
                if (is_word || at == name)
                        continue;
                r = strlist_add_span(ret, (struct span){name, (size_t)(at - name)});
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The daemon lives in `/`: our own directories, where given relative to the caller's, become
 * absolute. */
static int add_entry(const char *entry, struct strlist *ret)
{
        const char *value = strchr(entry, '=');
        _cleanup_free_ char *cwd = NULL, *absolute = NULL;

        if (!str_has_prefix(entry, "GENOPT_") || str_has_prefix(entry, "GENOPT_TEST_") || !value ||
            !value[1] || value[1] == '/')
                return strlist_add(ret, entry);
        cwd = getcwd(NULL, 0);
        if (!cwd)
                return -errno;
        absolute = str_printf("%.*s=%s/%s", (int)(value - entry), entry, cwd, value + 1);
        return absolute ? strlist_add(ret, absolute) : -ENOMEM;
}

int environment_clean(char *const *from, struct span config, struct strlist *ret)
{
        _cleanup_(strlist_done) struct strlist keys = {0};
        int r;

        r = find_key_names(config, &keys);
        for (; r == 0 && *from; from++)
                if (is_passed(*from, &keys))
                        r = add_entry(*from, ret);
        return r;
}

static const char *home(void)
{
        const char *h = getenv("HOME");
        const struct passwd *pw;

        if (h && *h == '/')
                return h;
        pw = getpwuid(geteuid());
        return pw ? pw->pw_dir : NULL;
}

static char *xdg_dir(const char *variable, const char *below_home)
{
        const char *base = getenv(variable);

        if (base && *base == '/')
                return str_printf("%s/genopt", base);
        base = home();
        return base ? str_printf("%s/%s/genopt", base, below_home) : NULL;
}

char *environment_config_dir(void)
{
        return xdg_dir("XDG_CONFIG_HOME", ".config");
}

char *environment_state_dir(void)
{
        const char *given = getenv("GENOPT_STATE_DIR");

        if (given && *given)
                return str_printf("%s", given);
        return xdg_dir("XDG_STATE_HOME", ".local/state");
}

char *environment_cache_dir(void)
{
        const char *given = getenv("GENOPT_CACHE_DIR");

        if (given && *given)
                return str_printf("%s", given);
        return xdg_dir("XDG_CACHE_HOME", ".cache");
}

static int read_file(const char *path, struct buf *b)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        ssize_t n;
        int r;

        if (fd < 0)
                return -errno;
        while (b->n < ENVIRONMENT_CONFIG_BYTES) {
                r = buf_reserve(b, 16384);
                if (r < 0)
                        return r;
                n = read(fd, b->at + b->n, 16384);
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                b->n += (size_t)n;
        }
        return 0;
}

char *environment_own_config(void)
{
        const char *given = getenv("GENOPT_CONFIG");
        _cleanup_free_ char *dir = NULL;

        if (given && *given)
                return strdup(given);
        dir = environment_config_dir();
        return dir ? str_printf("%s/genopt.yaml", dir) : NULL;
}

/* None, or not ours to read: who needs it will say so. */
static int read_if_there(const char *path, struct buf *b)
{
        int r = path ? read_file(path, b) : -ENOENT;

        if (r < 0)
                buf_clear(b);
        return r == -ENOMEM ? r : 0;
}

int environment_read_own_config(struct buf *b)
{
        _cleanup_free_ char *own = environment_own_config();

        return read_if_there(own, b);
}

int environment_read_config(struct buf *b)
{
        const char *given = getenv("GENOPT_CONFIG");
        int r = environment_read_own_config(b);

        if (r < 0 || b->n > 0 || (given && *given))
                return r;
        return read_if_there("/etc/genopt/genopt.yaml", b);
}
