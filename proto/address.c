#include "proto/address.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#define BACKLOG 4096 /* the system has a bound of its own; a burst of clients finds room */

static int refuse_length(const char *path, size_t n, struct failure **ret_failure)
{
        *ret_failure =
                failure_new(FAILURE_BAD_CONFIG,
                            "the socket's path is %zu bytes long, a Unix socket can have %zu: %s",
                            n, ADDRESS_BYTES - 1, path);
        if (!*ret_failure ||
            failure_set_remedy(*ret_failure, "name a shorter one with --socket or GENOPT_SOCKET") <
                    0)
                return -ENOMEM;
        return CONDITION_REFUSED;
}

static int add(struct address_list *l, const char *directory, const char *rest,
               struct failure **ret_failure)
{
        struct address *a = &l->at[l->n];
        int n = snprintf(a->path, sizeof(a->path), "%s%s", directory, rest);

        if (n < 0)
                return -errno;
        if ((size_t)n >= sizeof(a->path))
                return refuse_length(directory, (size_t)n, ret_failure);
        a->is_users = true;
        l->n++;
        return 0;
}

static bool is_set(const char *text)
{
        return text && *text;
}

int address_find(const char *option, struct address_list *ret, struct failure **ret_failure)
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        struct address_list list = {0};
        char below_tmp[40];
        int r;

        if (!is_set(option))
                option = getenv("GENOPT_SOCKET");
        if (is_set(option)) {
                r = add(&list, option, "", ret_failure);
        } else if (is_set(runtime)) {
                r = add(&list, runtime, "/genopt/rpc.sock", ret_failure);
        } else {
                snprintf(below_tmp, sizeof(below_tmp), "/tmp/genopt-%u", (unsigned)geteuid());
                r = add(&list, below_tmp, "/rpc.sock", ret_failure);
                list.at[0].is_below_tmp = true;
        }
        if (r == 0 && !is_set(option)) {
                r = add(&list, ADDRESS_SYSTEM, "", ret_failure);
                list.at[1].is_users = false;
        }
        if (r == 0)
                *ret = list;
        return r;
}

static void get_directory(const struct address *a, char ret[ADDRESS_BYTES])
{
        const char *slash = strrchr(a->path, '/');
        size_t n = slash ? (size_t)(slash - a->path) : 0;

        if (n == 0) {
                snprintf(ret, ADDRESS_BYTES, "%s", slash ? "/" : ".");
                return;
        }
        memcpy(ret, a->path, n);
        ret[n] = 0;
}

static int check_directory(const struct address *a)
{
        char directory[ADDRESS_BYTES];
        struct stat st;

        if (!a->is_below_tmp)
                return 0;
        get_directory(a, directory);
        if (lstat(directory, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
                return -EPERM;
        return 0;
}

int address_make_dir(const struct address *a)
{
        char directory[ADDRESS_BYTES];

        get_directory(a, directory);
        if (mkdir(directory, 0700) < 0 && errno != EEXIST)
                return -errno;
        return check_directory(a);
}

static int new_socket(const struct address *a, struct sockaddr_un *ret_address, int *ret_fd)
{
        int fd;

        if (!*a->path)
                return -EINVAL;
        *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(ret_address->sun_path, a->path, sizeof(ret_address->sun_path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

/* Of sending, which on a Unix socket also bounds how long connect() waits for a place in the
 * backlog. */
static int set_timeout(int fd, unsigned ms)
{
        struct timeval t = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

        return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) < 0 ? -errno : 0;
}

int address_connect(const struct address *a, unsigned timeout_ms, int *ret_fd)
{
        _cleanup_close_ int fd = -1;
        struct sockaddr_un address;
        int r;

        r = check_directory(a);
        if (r == 0)
                r = new_socket(a, &address, &fd);
        if (r == 0)
                r = set_timeout(fd, timeout_ms);
        if (r < 0)
                return r;
        while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                if (errno != EINTR)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
        r = set_timeout(fd, 0);
        if (r < 0)
                return r;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

int address_connect_any(const struct address_list *l, unsigned timeout_ms, int *ret_fd,
                        size_t *ret_index)
{
        int first = -ENOENT;

        for (size_t i = 0; i < l->n; i++) {
                int r = address_connect(&l->at[i], timeout_ms, ret_fd);

                if (r == 0) {
                        *ret_index = i;
                        return 0;
                }
                if (i == 0)
                        first = r;
        }
        return first;
}

int address_lock(const struct address *a, int *ret_fd)
{
        char path[ADDRESS_BYTES + 8];
        _cleanup_close_ int fd = -1;

        snprintf(path, sizeof(path), "%s.lock", a->path);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return -errno;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

/* A socket that nobody listens on; anything else that stands at the path is left alone. */
static int remove_stale(const struct address *a)
{
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        if (lstat(a->path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;
        r = address_connect(a, 1, &fd);
        if (r == 0 || r == -ETIMEDOUT)
                return -EADDRINUSE;
        if (r != -ECONNREFUSED)
                return r;
        return unlink(a->path) < 0 ? -errno : 0;
}

int address_listen(const struct address *a, mode_t mode, int *ret_fd)
{
        _cleanup_close_ int fd = -1;
        struct sockaddr_un address;
        int r;

        r = address_make_dir(a);
        if (r == 0)
                r = remove_stale(a);
        if (r == 0)
                r = new_socket(a, &address, &fd);
        if (r < 0)
                return r;
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        /* Nobody can connect before listen(), so the mode comes in time. */
        if (chmod(a->path, mode) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        *ret_fd = fd;
        fd = -1;
        return 0;
}
