#include "client/link/start.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "client/link/environment.h"
#include "common/path.h"
#include "common/str.h"
#include "proto/address.h"

#define SOCKET_NAME_BYTES 48
#define CONNECT_MS 10000 /* a daemon whose backlog is full for so long does not live */

char *start_log_path(void)
{
        _cleanup_free_ char *dir = environment_state_dir();

        return dir ? str_printf("%s/genoptd.log", dir) : NULL;
}

static int open_log(int *ret_fd)
{
        _cleanup_free_ char *dir = environment_state_dir(), *path = start_log_path(), *older = NULL;
        struct stat st;
        int fd, r;

        if (!dir || !path)
                return -ENOMEM;
        r = path_make_dirs(dir, 0700);
        if (r < 0)
                return r;
        if (stat(path, &st) == 0 && st.st_size > START_LOG_BYTES) {
                older = str_printf("%s.1", path);
                if (older)
                        (void)rename(path, older);
        }
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

static char *find_in_path(void)
{
        const char *at = getenv("PATH"), *end;

        for (; at && *at; at = *end ? end + 1 : end) {
                _cleanup_free_ char *candidate = NULL;

                end = at + strcspn(at, ":");
                if (*at != '/')
                        continue;
                candidate = str_printf("%.*s/genoptd", (int)(end - at), at);
                if (candidate && access(candidate, X_OK) == 0)
                        return take(candidate);
        }
        return NULL;
}

char *start_find_daemon(void)
{
        static const char *const beside[] = {"genoptd", "../daemon/genoptd", "../sbin/genoptd",
                                             "../libexec/genoptd"};
        static const char *const installed[] = {GENOPT_PREFIX "/bin/genoptd",
                                                GENOPT_PREFIX "/sbin/genoptd"};
        const char *given = getenv("GENOPT_DAEMON");
        _cleanup_free_ char *dir = NULL;
        char *found;

        if (given && *given)
                return str_printf("%s", given);
        dir = path_of_program();
        for (size_t i = 0; dir && i < N_ELEMENTS(beside); i++) {
                _cleanup_free_ char *candidate = path_join(dir, beside[i]);

                if (candidate && access(candidate, X_OK) == 0)
                        return take(candidate);
        }
        found = find_in_path();
        for (size_t i = 0; !found && i < N_ELEMENTS(installed); i++)
                if (access(installed[i], X_OK) == 0)
                        found = str_printf("%s", installed[i]);
        return found;
}

/* In the daemon's process, single threaded: becomes genoptd or writes errno to error_fd. LISTEN_PID
 * is known only here. */
static _Noreturn void become_daemon(const char *path, char **envp, char *listen_pid,
                                    size_t n_listen_pid, int socket_fd, int log_fd, int error_fd)
{
        char *const argv[] = {(char *)"genoptd", NULL};
        sigset_t none;
        int null_fd, r;

        snprintf(listen_pid, n_listen_pid, "LISTEN_PID=%d", (int)getpid());
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        null_fd = open("/dev/null", O_RDWR);
        /* 3 is where a service finds its socket; what stands there now must move first. */
        error_fd = fcntl(error_fd, F_DUPFD_CLOEXEC, 10);
        log_fd = fcntl(log_fd, F_DUPFD_CLOEXEC, 10);
        socket_fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, 10);
        if (error_fd < 0)
                _exit(127);
        if (null_fd < 0 || log_fd < 0 || socket_fd < 0 || dup2(null_fd, 0) < 0 ||
            dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0 || dup2(socket_fd, 3) < 0 || chdir("/") < 0)
                goto failed;
        for (int fd = 4; fd < 10; fd++)
                close(fd);
        (void)close_range(10, ~0u, CLOSE_RANGE_CLOEXEC);
        umask(0077);
        execve(path, argv, envp);
failed:
        r = errno;
        if (write(error_fd, &r, sizeof(r)) != sizeof(r))
                _exit(126);
        _exit(127);
}

/* Forks twice, so that the daemon is nobody's child and not in our terminal's session. */
static int spawn(const char *path, char **envp, char *listen_pid, size_t n_listen_pid,
                 int socket_fd, int log_fd)
{
        int pipe_fds[2], error = 0, status;
        ssize_t n;
        pid_t pid;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0) {
                setsid();
                pid = fork();
                if (pid == 0)
                        become_daemon(path, envp, listen_pid, n_listen_pid, socket_fd, log_fd,
                                      pipe_fds[1]);
                _exit(pid < 0 ? 1 : 0);
        }
        close(pipe_fds[1]);
        if (pid < 0) {
                close(pipe_fds[0]);
                return -EAGAIN;
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        do
                n = read(pipe_fds[0], &error, sizeof(error)); /* end of file: exec succeeded */
        while (n < 0 && errno == EINTR);
        close(pipe_fds[0]);
        return n == sizeof(error) ? -error : 0;
}

static int refuse(struct failure **ret_failure, const char *remedy, const char *format, ...)
        _printf_(3, 4);
static int refuse(struct failure **ret_failure, const char *remedy, const char *format, ...)
{
        _cleanup_(failure_freep) struct failure *f = NULL;
        _cleanup_free_ char *text = NULL;
        va_list args;

        va_start(args, format);
        text = str_vprintf(format, args);
        va_end(args);
        f = text ? failure_new(FAILURE_UNAVAILABLE, "%s", text) : NULL;
        if (!f || (remedy && failure_set_remedy(f, "%s", remedy) < 0))
                return -ENOMEM;
        *ret_failure = take(f);
        return CONDITION_REFUSED;
}

static int refuse_state(int r, struct failure **ret_failure)
{
        _cleanup_free_ char *dir = environment_state_dir();

        return refuse(ret_failure, "see to that directory, or set GENOPT_STATE_DIR to another",
                      "genoptd cannot keep anything in %s: %s", dir ? dir : "its directory",
                      strerror(-r));
}

extern char **environ;

static int start_daemon(const char *path, int socket_fd, struct failure **ret_failure)
{
        _cleanup_(strlist_done) struct strlist clean = {0};
        _cleanup_close_ int log_fd = -1;
        _cleanup_free_ char **envp = NULL;
        _cleanup_buf_ struct buf config = {0};
        char listen_pid[32];
        int r;

        r = environment_read_config(&config);
        if (r == 0)
                r = environment_clean(environ, buf_span(&config), &clean);
        if (r < 0)
                return r;
        r = open_log(&log_fd);
        if (r < 0)
                return r == -ENOMEM ? r : refuse_state(r, ret_failure);
        envp = calloc(clean.n + 4, sizeof(*envp));
        if (!envp)
                return -ENOMEM;
        if (clean.n > 0)
                memcpy(envp, clean.at, clean.n * sizeof(*envp));
        envp[clean.n] = (char *)"LISTEN_FDS=1";
        envp[clean.n + 1] = (char *)"LISTEN_FDNAMES=rpc";
        envp[clean.n + 2] = listen_pid;
        return spawn(path, envp, listen_pid, sizeof(listen_pid), socket_fd, log_fd);
}

static int refuse_socket(const struct address *a, int r, struct failure **ret_failure)
{
        return refuse(ret_failure, "choose another with --socket",
                      "no socket can be made at %s: %s", a->path, strerror(-r));
}

static int take_lock(const struct address *a, int *ret_lock_fd, struct failure **ret_failure)
{
        int r;

        r = address_make_dir(a);
        if (r == 0)
                r = address_lock(a, ret_lock_fd);
        return r < 0 ? refuse_socket(a, r, ret_failure) : 0;
}

/* What the lock's file says of a socket that we made. */
static bool describe_socket(const struct address *a, char ret[SOCKET_NAME_BYTES])
{
        struct stat st;

        if (lstat(a->path, &st) < 0 || !S_ISSOCK(st.st_mode))
                return false;
        snprintf(ret, SOCKET_NAME_BYTES, "%llx:%llx\n", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino);
        return true;
}

static void note_socket(const struct address *a, int lock_fd)
{
        char name[SOCKET_NAME_BYTES];

        if (ftruncate(lock_fd, 0) < 0 || !describe_socket(a, name))
                return;
        (void)!pwrite(lock_fd, name, strlen(name),
                      0); /* without it the socket stays when we stop */
}

static int start_at(const struct address *a, int lock_fd, int *ret_fd, struct failure **ret_failure)
{
        _cleanup_close_ int listen_fd = -1;
        _cleanup_free_ char *program = start_find_daemon(), *absolute = NULL;
        int r;

        if (!program)
                return refuse(ret_failure, "set $GENOPT_DAEMON to its path",
                              "genoptd was not found beside genopt or in $PATH");
        r = address_listen(a, 0600, &listen_fd);
        if (r < 0)
                return refuse_socket(a, r, ret_failure);
        absolute = realpath(program, NULL); /* the daemon's directory is `/` */
        r = absolute ? start_daemon(absolute, listen_fd, ret_failure) : -errno;
        if (r != 0)
                (void)unlink(a->path);
        if (r > 0)
                return r;
        if (r < 0)
                return refuse(ret_failure, "see that it can be run", "%s cannot be started: %s",
                              program, strerror(-r));
        note_socket(a, lock_fd);
        r = address_connect(a, CONNECT_MS, ret_fd);
        return r < 0 ? refuse(ret_failure, NULL, "%s: %s", a->path, strerror(-r)) : 0;
}

static bool is_silence(int r)
{
        return r == -ENOENT || r == -ECONNREFUSED;
}

static int refuse_silence(const struct address *a, int r, struct failure **ret_failure)
{
        if (r == -EPERM && a->is_below_tmp)
                return refuse(ret_failure, "remove that directory, or set XDG_RUNTIME_DIR",
                              "%s: its directory is not yours alone", a->path);
        return refuse(ret_failure, NULL, "%s: %s", a->path,
                      is_silence(r) ? "no genoptd listens there" : strerror(-r));
}

int start_connect(const char *given, enum start_mode mode, int *ret_fd,
                  struct failure **ret_failure)
{
        _cleanup_close_ int lock_fd = -1;
        struct address_list l;
        size_t i;
        int r;

        r = address_find(given, &l, ret_failure);
        if (r != 0)
                return r;
        r = address_connect_any(&l, CONNECT_MS, ret_fd, &i);
        if (r == 0)
                return 0;
        if (mode == START_NEVER || !is_silence(r))
                return refuse_silence(&l.at[0], r, ret_failure);
        r = take_lock(&l.at[0], &lock_fd, ret_failure);
        if (r != 0)
                return r;
        r = address_connect(&l.at[0], CONNECT_MS, ret_fd); /* somebody may have been faster */
        if (r == 0)
                return 0;
        if (mode == START_IF_DIED && r == -ENOENT)
                return refuse_silence(&l.at[0], r, ret_failure);
        return start_at(&l.at[0], lock_fd, ret_fd, ret_failure);
}

int start_hold(const char *given, struct start_hold *ret, struct failure **ret_failure)
{
        _cleanup_close_ int fd = -1;
        struct start_hold h = {.lock_fd = -1};
        struct address_list l;
        size_t i = 0;
        int r;

        r = address_find(given, &l, ret_failure);
        if (r != 0)
                return r;
        if (address_connect_any(&l, CONNECT_MS, &fd, &i) < 0)
                i = 0;
        h.address = l.at[i];
        r = h.address.is_users ? take_lock(&h.address, &h.lock_fd, ret_failure) : 0;
        if (r == 0)
                *ret = h;
        return r;
}

void start_forget(const struct start_hold *h)
{
        char made[SOCKET_NAME_BYTES], stands[SOCKET_NAME_BYTES];
        ssize_t n = h->lock_fd >= 0 ? pread(h->lock_fd, made, sizeof(made) - 1, 0) : 0;

        made[n > 0 ? n : 0] = '\0';
        if (describe_socket(&h->address, stands) && strcmp(made, stands) == 0)
                (void)unlink(h->address.path);
}

int start_again(const struct start_hold *h, int *ret_fd, struct failure **ret_failure)
{
        int r = address_connect(&h->address, CONNECT_MS,
                                ret_fd); /* a service manager listens for it */

        if (r == 0)
                return 0;
        if (h->address.is_users)
                return start_at(&h->address, h->lock_fd, ret_fd, ret_failure);
        return refuse(ret_failure, "start it as root: systemctl start genoptd.socket", "%s: %s",
                      h->address.path, strerror(-r));
}

void start_release(struct start_hold *h)
{
        if (h->lock_fd >= 0)
                close(h->lock_fd);
        h->lock_fd = -1;
}
