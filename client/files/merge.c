#include "client/files/merge.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "client/files/place.h"
#include "common/clock.h"
#include "common/path.h"
#include "common/str.h"

#define LABEL_YOURS "yours"
#define LABEL_BASE "generated before"
#define LABEL_MADE "generated now"
#define ERROR_BYTES 4096
#define CONFLICTS_MAX \
        127 /* git merge-file exits with their number, at most this; errors with more */

int merge_find_git(char **ret)
{
        const char *at = getenv("PATH"), *end;

        for (at = at ? at : "/usr/bin:/bin"; *at; at = *end ? end + 1 : end) {
                _cleanup_free_ char *path = NULL;
                struct stat st;

                end = strchrnul(at, ':');
                if (*at != '/')
                        continue; /* what stands in a directory of someone's is not run */
                path = str_printf("%.*s/git", (int)(end - at), at);
                if (!path)
                        return -ENOMEM;
                if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0) {
                        *ret = take(path);
                        return 0;
                }
        }
        return CONDITION_ABSENT;
}

static bool has_line(struct span text, const char *line)
{
        size_t n = strlen(line);
        const char *at = text.at, *end = text.at + text.n;

        while (at && at < end) {
                const char *stop = memchr(at, '\n', (size_t)(end - at));
                size_t length = (size_t)((stop ? stop : end) - at);

                if (length > 0 && at[length - 1] == '\r')
                        length--;
                if (length == n && memcmp(at, line, n) == 0)
                        return true;
                at = stop ? stop + 1 : NULL;
        }
        return false;
}

bool merge_has_markers(struct span text)
{
        return has_line(text, "<<<<<<< " LABEL_YOURS) || has_line(text, ">>>>>>> " LABEL_MADE);
}

static bool is_binary(struct span text)
{
        return text.n > 0 && memchr(text.at, '\0', text.n);
}

/* CR LF at every line, and at least one. */
static bool is_crlf(struct span text)
{
        size_t n = 0;

        for (size_t i = 0; i < text.n; i++)
                if (text.at[i] == '\n') {
                        if (i == 0 || text.at[i - 1] != '\r')
                                return false;
                        n++;
                }
        return n > 0;
}

static int to_lf(struct span text, struct buf *b)
{
        int r = buf_reserve(b, text.n + 1);

        for (size_t i = 0; r == 0 && i < text.n; i++)
                if (text.at[i] != '\r' || i + 1 == text.n || text.at[i + 1] != '\n')
                        r = buf_add_char(b, text.at[i]);
        return r;
}

static int to_crlf(struct span text, struct buf *b)
{
        int r = buf_reserve(b, text.n + 1);

        for (size_t i = 0; r == 0 && i < text.n; i++) {
                if (text.at[i] == '\n' && (i == 0 || text.at[i - 1] != '\r'))
                        r = buf_add_char(b, '\r');
                if (r == 0)
                        r = buf_add_char(b, text.at[i]);
        }
        return r;
}

/* The directory that git works in: below .genopt/tmp, emptied by merge_dir_done(). */
struct merge_dir {
        int tmp_fd, fd;
        char name[32];
};

static const char *const dir_files[] = {"yours", "base", "made", "result", "errors"};

static void merge_dir_done(struct merge_dir *d)
{
        for (size_t i = 0; d->fd >= 0 && i < N_ELEMENTS(dir_files); i++)
                (void)unlinkat(d->fd, dir_files[i], 0);
        if (d->fd >= 0)
                (void)unlinkat(d->tmp_fd, d->name, AT_REMOVEDIR);
        cleanup_close(&d->fd);
        cleanup_close(&d->tmp_fd);
}

static int merge_dir_init(struct merge_dir *d, int dir_fd, const struct merge *m)
{
        struct span base = m->base ? *m->base : SPAN("");
        uint64_t chance;
        int r;

        r = place_open_tmp(dir_fd, &d->tmp_fd);
        if (r < 0)
                return r;
        clock_random(&chance, sizeof(chance));
        snprintf(d->name, sizeof(d->name), "merge-%016llx", (unsigned long long)chance);
        if (mkdirat(d->tmp_fd, d->name, 0700) < 0)
                return -errno;
        d->fd = openat(d->tmp_fd, d->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (d->fd < 0)
                return -errno;
        r = path_write_atomic(d->fd, "yours", m->yours, 0600, false);
        if (r == 0)
                r = path_write_atomic(d->fd, "base", base, 0600, false);
        return r == 0 ? path_write_atomic(d->fd, "made", m->made, 0600, false) : r;
}

static int prepare_spawn(const struct merge_dir *d, posix_spawn_file_actions_t *actions,
                         posix_spawnattr_t *attributes)
{
        const int flags = O_WRONLY | O_CREAT | O_TRUNC;
        sigset_t none, restored;
        int e;

        sigemptyset(&none);
        sigemptyset(&restored);
        sigaddset(&restored, SIGINT);
        sigaddset(&restored, SIGPIPE);
        e = posix_spawn_file_actions_addfchdir_np(actions, d->fd);
        e = e ? e : posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
        e = e ? e : posix_spawn_file_actions_addopen(actions, 1, "result", flags, 0600);
        e = e ? e : posix_spawn_file_actions_addopen(actions, 2, "errors", flags, 0600);
        e = e ? e : posix_spawnattr_setsigmask(attributes, &none);
        e = e ? e : posix_spawnattr_setsigdefault(attributes, &restored);
        return e ? e
                 : posix_spawnattr_setflags(attributes,
                                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* Exit status of git, or 128 + signal. Without a base the form with the ancestor would only show
 * that there is none, and keep git from taking together what both sides have. */
static int run_git(const struct merge_dir *d, const char *git, bool has_base, int *ret_status)
{
        const char *argv[] = {git,    "merge-file", "-p", has_base ? "--diff3" : "--no-diff3",
                              "-L",   LABEL_YOURS,  "-L", LABEL_BASE,
                              "-L",   LABEL_MADE,   "--", "yours",
                              "base", "made",       NULL};
        /* GIT_DIR: no repository around us has a say. */
        const char *environment[] = {"PATH=/usr/bin:/bin",
                                     "LC_ALL=C",
                                     "HOME=/nonexistent",
                                     "GIT_CONFIG_NOSYSTEM=1",
                                     "GIT_CONFIG_GLOBAL=/dev/null",
                                     "GIT_DIR=/nonexistent",
                                     NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int e, status;
        pid_t pid;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                posix_spawn_file_actions_destroy(&actions);
                return -ENOMEM;
        }
        e = prepare_spawn(d, &actions, &attributes);
        e = e ? e
              : posix_spawn(&pid, git, &actions, &attributes, (char **)argv, (char **)environment);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        if (e)
                return -e;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        return 0;
}

static int refuse(char **ret_why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(char **ret_why, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        *ret_why = str_vprintf(format, args);
        va_end(args);
        return *ret_why ? CONDITION_REFUSED : -ENOMEM;
}

static int refuse_by_git(const struct merge_dir *d, int status, char **ret_why)
{
        _cleanup_buf_ struct buf errors = {0};

        if (path_read(d->fd, "errors", ERROR_BYTES, &errors) < 0 || errors.n == 0)
                return refuse(ret_why, "git merge-file failed (status %d)", status);
        errors.at[strcspn(errors.at, "\n")] = '\0';
        return refuse(ret_why, "git merge-file failed: %s", errors.at);
}

static int merge_lf(int dir_fd, const struct merge *m, struct buf *ret, bool *ret_has_conflicts,
                    char **ret_why)
{
        _cleanup_(merge_dir_done) struct merge_dir d = {.tmp_fd = -1, .fd = -1};
        _cleanup_free_ char *git = NULL;
        int r, status = 0;

        r = merge_find_git(&git);
        if (r == CONDITION_ABSENT)
                return refuse(ret_why, "git is not found in PATH, and it does the merging");
        if (r == 0)
                r = merge_dir_init(&d, dir_fd, m);
        if (r == 0)
                r = run_git(&d, git, m->base != NULL, &status);
        if (r < 0)
                return r;
        if (status > CONFLICTS_MAX)
                return refuse_by_git(&d, status, ret_why);
        r = path_read(d.fd, "result", PLACE_FILE_BYTES, ret);
        if (r == -EFBIG)
                return refuse(ret_why, "what the merge gives is over 16 MiB");
        if (r == 0)
                *ret_has_conflicts = status > 0;
        return r;
}

int merge_texts(int dir_fd, const struct merge *m, struct buf *ret, bool *ret_has_conflicts,
                char **ret_why)
{
        _cleanup_buf_ struct buf yours = {0}, base = {0}, made = {0}, merged = {0};
        struct span base_span;
        struct merge lf;
        int r;

        if (is_binary(m->yours) || is_binary(m->made) || (m->base && is_binary(*m->base)))
                return refuse(ret_why, "it is not text, which cannot be merged");
        if (!is_crlf(m->yours) || is_crlf(m->made))
                return merge_lf(dir_fd, m, ret, ret_has_conflicts, ret_why);
        r = to_lf(m->yours, &yours);
        r = r ? r : to_lf(m->made, &made);
        r = r ? r : to_lf(m->base ? *m->base : SPAN(""), &base);
        base_span = buf_span(&base);
        lf = (struct merge){buf_span(&yours), buf_span(&made), m->base ? &base_span : NULL};
        r = r ? r : merge_lf(dir_fd, &lf, &merged, ret_has_conflicts, ret_why);
        return r ? r : to_crlf(buf_span(&merged), ret);
}
