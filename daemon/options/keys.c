/* Keys of providers: read when they are needed, never kept here.
 *
 * Where the configuration says, else in the file of `genopt key set`, else among the credentials
 * that the service gets of the directory /etc/genopt/keys (systemd calls them keys_NAME).
 *
 * key = 1..KEY_MAX_BYTES of printable ASCII without blanks, so that it can stand in a header;
 * blanks around it are dropped. */

#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/options/internal.h"

#define SYSTEM_KEYS "/etc/genopt/keys"
#define SYSTEM_CREDENTIALS "/run/credentials/" /* a user's are below XDG_RUNTIME_DIR */

void key_wipe(struct buf *b)
{
        if (b->at)
                explicit_bzero(b->at, b->room);
        buf_done(b);
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What is in b becomes a key, or is wiped. */
static int trim_key(struct buf *b)
{
        size_t start = 0;

        while (b->n > 0 && is_blank(b->at[b->n - 1]))
                b->n--;
        while (start < b->n && is_blank(b->at[start]))
                start++;
        for (size_t i = start; i < b->n; i++)
                if (b->at[i] <= ' ' || b->at[i] > '~')
                        return -EINVAL;
        if (start == b->n)
                return -ENODATA;
        memmove(b->at, b->at + start, b->n - start);
        b->n -= start;
        b->at[b->n] = 0;
        return 0;
}

static int read_descriptor(int fd, bool is_private, struct buf *b)
{
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (is_private && (st.st_uid != geteuid() || (st.st_mode & 077)))
                return -EPERM;
        while ((n = read(fd, b->at + b->n, KEY_MAX_BYTES + 1 - b->n)) > 0)
                b->n += (size_t)n;
        if (n < 0)
                return -errno;
        return b->n > KEY_MAX_BYTES ? -EFBIG : trim_key(b);
}

/* -ENOENT: there is no such file. */
static int read_file(const char *path, bool is_private, struct buf *b)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        return fd < 0 ? -errno : read_descriptor(fd, is_private, b);
}

static int read_variable(const char *name, struct buf *b)
{
        const char *text = getenv(name);

        if (!text || !*text)
                return -ENOENT;
        if (strlen(text) > KEY_MAX_BYTES)
                return -EFBIG;
        buf_add_text(b, text);
        return trim_key(b);
}

/* systemd made the directory for us alone; who owns the files there is its matter. */
static int read_credential(const char *name, struct buf *b)
{
        const char *dir = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;

        if (!dir || !*dir)
                return -ENOENT;
        path = str_printf("%s/%s", dir, name);
        return path ? read_file(path, false, b) : -ENOMEM;
}

static int read_common_credential(const struct provider_option *p, struct buf *b)
{
        _cleanup_free_ char *name = str_printf("keys_%s", p->name);

        return name ? read_credential(name, b) : -ENOMEM;
}

static bool is_of_system(void)
{
        const char *dir = getenv("CREDENTIALS_DIRECTORY");

        return dir && str_has_prefix(dir, SYSTEM_CREDENTIALS);
}

static int read_source(const struct provider_option *p, struct buf *b)
{
        switch (p->key_source) {
        case KEY_ENV:
                return read_variable(p->key_name, b);
        case KEY_FILE:
                return read_file(p->key_name, true, b);
        case KEY_CREDENTIAL:
                return read_credential(p->key_name, b);
        case KEY_NONE:
                break;
        }
        return -ENOENT;
}

int key_set_remedy(struct failure *f, const char *provider, const char *then)
{
        if (is_of_system())
                return failure_set_remedy(f,
                                          "as root write it to " SYSTEM_KEYS
                                          "/%s and `systemctl restart genoptd`%s",
                                          provider, then);
        return failure_set_remedy(f, "`genopt key set %s`%s", provider, then);
}

static int say_absent(const struct provider_option *p, struct failure **ret)
{
        static const char *const places[] = {
                [KEY_ENV] = "$", [KEY_FILE] = "the file ", [KEY_CREDENTIAL] = "the credential "};

        bool is_system = is_of_system();
        int r;

        *ret = failure_new(FAILURE_KEY_MISSING, "no key for %s: neither in %s%s nor in %s%s",
                           p->name, places[p->key_source], p->key_name,
                           is_system ? SYSTEM_KEYS "/" : "", is_system ? p->name : p->key_file);
        r = *ret ? key_set_remedy(*ret, p->name, ", then `genopt resume JOB`") : -ENOMEM;
        if (r < 0) {
                *ret = failure_free(*ret);
                return r;
        }
        return CONDITION_ABSENT;
}

static int say_bad(const struct provider_option *p, const char *place, int error,
                   struct failure **ret)
{
        const char *why = error == -EPERM     ? "must be ours and closed to others (chmod 0600)"
                          : error == -EINVAL  ? "does not hold a key"
                          : error == -ENODATA ? "is empty"
                          : error == -EFBIG   ? "is too long for a key"
                                              : strerror(-error);

        *ret = failure_new_at(FAILURE_BAD_CONFIG, place, "the key of %s cannot be used: %s %s",
                              p->name, place, why);
        return *ret ? CONDITION_REFUSED : -ENOMEM;
}

int key_read(const struct provider_option *p, struct buf *ret, struct failure **ret_failure)
{
        const char *place = p->key_name;
        struct buf b;
        int r;

        *ret_failure = NULL;
        /* All the room at once: growing would leave copies behind. */
        buf_init(&b, 0);
        r = buf_reserve(&b, KEY_MAX_BYTES + 1);
        if (r < 0)
                return r;
        r = read_source(p, &b);
        if (r == -ENOENT) {
                place = p->key_file;
                r = place ? read_file(place, true, &b) : -ENOENT;
        }
        if (r == -ENOENT) {
                place = SYSTEM_KEYS;
                r = read_common_credential(p, &b);
        }
        if (r == 0) {
                *ret = b;
                return 0;
        }
        key_wipe(&b);
        if (r == -ENOMEM)
                return r;
        if (r != -ENOENT)
                return say_bad(p, place, r, ret_failure);
        if (p->key_source == KEY_NONE) {
                buf_init(ret, 0);
                return 0;
        }
        return say_absent(p, ret_failure);
}
