/* The checks of `genopt doctor` that look at files, directories, sockets and units. */

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "client/doctor.h"
#include "client/link/connection.h"
#include "client/link/environment.h"
#include "client/run-command.h"
#include "client/view/format.h"
#include "common/path.h"
#include "common/str.h"
#include "proto/address.h"

#define SYSTEM_CONFIG "/etc/genopt/genopt.yaml"
#define SYSTEM_KEYS "/etc/genopt/keys"
#define REMEDY_BYTES 1200
#define NAMES_BYTES 400
#define LOW_BYTES ((uint64_t)512 << 20) /* told before it hurts */

/* ---- configuration and data ---- */

/* genoptd itself reads it: two readers would differ. */
static void check_with_daemon(struct doctor *d, const char *path)
{
        char *const argv[] = {d->daemon, (char *)"--check-config", NULL};
        _cleanup_buf_ struct buf output = {0};
        struct run_result result;
        int r = d->daemon ? run_command(argv, &output, &result) : -ENOENT;

        if (r < 0)
                return;
        while (output.n > 0 && output.at[output.n - 1] == '\n')
                output.n--;
        if (result.status != 0)
                doctor_find(d, GRADE_FAULT, "correct it at the place named, then `genopt reload`",
                            "%.*s", (int)output.n, output.n ? output.at : "");
        else if (output.n > 0)
                doctor_find(d, GRADE_WARNING, NULL, "%.*s", (int)output.n, output.at);
        else
                doctor_find(d, GRADE_OK, NULL, "%s", path ? path : "none: the defaults hold");
}

void doctor_check_config(struct doctor *d)
{
        const char *given = getenv("GENOPT_CONFIG");
        _cleanup_free_ char *own = environment_own_config();
        const char *path = own && access(own, F_OK) == 0                            ? own
                           : !(given && *given) && access(SYSTEM_CONFIG, F_OK) == 0 ? SYSTEM_CONFIG
                                                                                    : NULL;
        struct stat st;

        if (path && stat(path, &st) == 0 && (st.st_mode & 022))
                doctor_find(d, GRADE_FAULT, "chmod go-w it",
                            "%s can be changed by others, and names commands and servers", path);
        check_with_daemon(d, path);
}

void doctor_check_data(struct doctor *d)
{
        const char *given = getenv("GENOPT_DATA_DIR");
        _cleanup_free_ char *program = d->daemon ? realpath(d->daemon, NULL) : NULL, *beside = NULL,
                            *book = NULL, *real = NULL;
        char *slash = program ? strrchr(program, '/') : NULL;

        if (slash)
                *slash = 0;
        beside = given && *given ? strdup(given)
                                 : str_printf("%s/../share/genopt", slash ? program : "");
        book = beside ? path_join(beside, "models.yaml") : NULL;
        if (book && access(book, R_OK) != 0 && !(given && *given)) {
                free(beside);
                free(book);
                beside = strdup(GENOPT_PREFIX "/share/genopt");
                book = beside ? path_join(beside, "models.yaml") : NULL;
        }
        real = beside ? realpath(beside, NULL) : NULL;
        if (!book)
                d->error = -ENOMEM;
        else if (access(book, R_OK) != 0)
                doctor_find(d, GRADE_FAULT, "install genopt anew, or set GENOPT_DATA_DIR",
                            "blueprints and prices are missing: %s: %s", book, strerror(errno));
        else
                doctor_find(d, GRADE_OK, NULL, "%s", real ? real : beside);
}

/* ---- keys ---- */

static bool is_closed(struct doctor *d, const char *path, const struct stat *st, mode_t mode)
{
        char remedy[REMEDY_BYTES];

        if (st->st_uid != geteuid()) {
                snprintf(remedy, sizeof(remedy), "chown %u %s", (unsigned)geteuid(), path);
                doctor_find(d, GRADE_FAULT, remedy, "%s belongs to another user", path);
                return false;
        }
        if (!(st->st_mode & 077))
                return true;
        snprintf(remedy, sizeof(remedy), "chmod %o %s", (unsigned)mode, path);
        doctor_find(d, GRADE_FAULT, remedy, "others can use %s (mode %04o): genoptd refuses it",
                    path, (unsigned)(st->st_mode & 07777));
        return false;
}

static int is_visible(const struct dirent *e)
{
        return e->d_name[0] != '.';
}

/* Names, never contents. */
static void check_keys_in(struct doctor *d, const char *dir)
{
        struct dirent **entries = NULL;
        char names[NAMES_BYTES] = "";
        struct stat st;
        size_t n = 0;
        int n_entries;

        if (stat(dir, &st) < 0)
                return;
        (void)is_closed(d, dir, &st, 0700);
        n_entries = scandir(dir, &entries, is_visible, alphasort);
        for (int i = 0; i < n_entries; i++) {
                _cleanup_free_ char *path = path_join(dir, entries[i]->d_name);

                if (path && stat(path, &st) == 0 && is_closed(d, path, &st, 0600) &&
                    n < sizeof(names))
                        n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
                                              n > 0 ? ", " : "", entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        if (n > 0)
                doctor_find(d, GRADE_OK, NULL, "of %s in %s", names, dir);
}

void doctor_check_keys(struct doctor *d)
{
        _cleanup_free_ char *config = environment_config_dir(), *own = NULL;

        own = config ? path_join(config, "keys") : NULL;
        if (own)
                check_keys_in(d, own);
        if (geteuid() == 0)
                check_keys_in(d, SYSTEM_KEYS);
}

/* ---- directories ---- */

/* Room where the directory is, or will be. */
static bool find_room(const char *path, uint64_t *ret)
{
        _cleanup_free_ char *at = strdup(path);
        struct statvfs fs;

        while (at && statvfs(at, &fs) < 0) {
                char *slash = strrchr(at, '/');

                if (!slash || slash == at)
                        return false;
                *slash = 0;
        }
        if (at)
                *ret = (uint64_t)fs.f_bavail * fs.f_frsize;
        return at != NULL;
}

static void check_directory(struct doctor *d, const char *what, const char *path)
{
        char text[FORMAT_BYTES];
        uint64_t room = UINT64_MAX;
        bool is_there;
        struct stat st;

        if (!path)
                return;
        is_there = stat(path, &st) == 0;
        if (is_there && !S_ISDIR(st.st_mode)) {
                doctor_find(d, GRADE_FAULT, "move it away", "%s: %s is no directory", what, path);
                return;
        }
        if (is_there && !is_closed(d, path, &st, 0700))
                return;
        if (is_there && access(path, W_OK | X_OK) < 0) {
                doctor_find(d, GRADE_FAULT, "chmod u+rwx it", "%s: %s: %s", what, path,
                            strerror(errno));
                return;
        }
        if (!find_room(path, &room))
                room = UINT64_MAX;
        if (room < LOW_BYTES)
                doctor_find(d, GRADE_WARNING,
                            "make room, or `genopt cache trim --max 100MiB`; jobs wait when "
                            "nothing is left",
                            "%s: only %s are free at %s", what, format_bytes(room, text), path);
        else
                doctor_find(d, GRADE_OK, NULL, "%s: %s%s, %s free", what, path,
                            is_there ? "" : " (made when it is needed)", format_bytes(room, text));
}

void doctor_check_places(struct doctor *d)
{
        _cleanup_free_ char *state = environment_state_dir(), *cache = environment_cache_dir();

        if (!state || !cache) {
                doctor_find(d, GRADE_FAULT, "set HOME, or GENOPT_STATE_DIR and GENOPT_CACHE_DIR",
                            "there is no place for state and cache");
                return;
        }
        if (d->is_foreign) {
                doctor_find(d, GRADE_NOTE, NULL,
                            "the machine's instance has its own: /var/lib/genopt, "
                            "/var/cache/genopt");
                return;
        }
        check_directory(d, "state", state);
        check_directory(d, "cache", cache);
}

/* ---- sockets ---- */

static void check_refused(struct doctor *d, const struct address *a, int error)
{
        if (error == -ECONNREFUSED)
                doctor_find(d, GRADE_NOTE, NULL,
                            "%s is left of a daemon that is gone; the next one takes its place",
                            a->path);
        else if (error == -EACCES && !a->is_users)
                doctor_find(d, GRADE_NOTE, "sudo adduser $USER genopt, then log in again",
                            "the machine has an instance that you may not use: %s", a->path);
        else if (error == -EPERM && a->is_below_tmp)
                doctor_find(d, GRADE_FAULT, "remove that directory, or set XDG_RUNTIME_DIR",
                            "%s: its directory is not yours alone", a->path);
        else
                doctor_find(d, GRADE_FAULT, "see to it, or name another with GENOPT_SOCKET",
                            "%s: %s", a->path, strerror(-error));
}

static void check_socket(struct doctor *d, const struct address *a)
{
        _cleanup_close_ int fd = -1;
        char remedy[REMEDY_BYTES];
        struct stat st;
        int r;

        if (lstat(a->path, &st) < 0) {
                if (errno != ENOENT)
                        check_refused(d, a, -errno);
                return;
        }
        if (!S_ISSOCK(st.st_mode)) {
                doctor_find(d, GRADE_FAULT, "remove it", "%s is no socket", a->path);
                return;
        }
        if (st.st_mode & (a->is_users ? 077 : 007)) {
                snprintf(remedy, sizeof(remedy), "chmod %s %s", a->is_users ? "600" : "660",
                         a->path);
                doctor_find(d, GRADE_WARNING, remedy, "%s is open to others (mode %04o)", a->path,
                            (unsigned)(st.st_mode & 07777));
        }
        r = address_connect(a, 1000, &fd);
        if (r < 0)
                check_refused(d, a, r);
        else
                doctor_find(d, GRADE_OK, NULL, "somebody listens at %s", a->path);
}

void doctor_check_sockets(struct doctor *d)
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        struct failure *failure = NULL;
        struct address_list l;

        if (runtime && *runtime && access(runtime, W_OK | X_OK) < 0)
                doctor_find(d, GRADE_FAULT, "unset it, or log in anew", "XDG_RUNTIME_DIR is %s: %s",
                            runtime, strerror(errno));
        if (address_find(d->c->socket, &l, &failure) != 0) {
                doctor_find(d, GRADE_FAULT, failure ? failure_remedy(failure) : NULL, "%s",
                            failure ? failure_message(failure) : "no path for a socket");
                failure_free(failure);
                return;
        }
        for (size_t i = 0; i < l.n; i++)
                check_socket(d, &l.at[i]);
}

/* ---- units ---- */

static void check_own_units(struct doctor *d)
{
        struct passwd *pw = getpwuid(geteuid());
        _cleanup_free_ char *linger = NULL, *wanted = NULL;

        if (!pw)
                return;
        linger = str_printf("/var/lib/systemd/linger/%s", pw->pw_name);
        wanted = str_printf("%s/.config/systemd/user/sockets.target.wants/genoptd.socket",
                            pw->pw_dir);
        if (!linger || !wanted || faccessat(AT_FDCWD, wanted, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        if (access(linger, F_OK) < 0)
                doctor_find(d, GRADE_WARNING, "loginctl enable-linger",
                            "your units end when you log out, and with them what genoptd does");
        else
                doctor_find(d, GRADE_OK, NULL, "yours are enabled, also while you are away");
}

static void check_system_units(struct doctor *d)
{
        static const char wanted[] = "/etc/systemd/system/sockets.target.wants/genoptd.socket";

        if (faccessat(AT_FDCWD, wanted, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        if (!getpwnam("genoptd") || !getgrnam("genopt"))
                doctor_find(d, GRADE_FAULT, "sudo systemd-sysusers",
                            "the machine's are enabled, but the user genoptd or the group genopt "
                            "is missing");
        else if (access(SYSTEM_KEYS, F_OK) < 0 && errno == ENOENT)
                doctor_find(
                        d, GRADE_WARNING, "sudo systemd-tmpfiles --create genopt.conf",
                        "the machine's are enabled, but there is no place for keys: " SYSTEM_KEYS);
        else
                doctor_find(d, GRADE_OK, NULL, "the machine's are enabled");
}

void doctor_check_units(struct doctor *d)
{
        check_own_units(d);
        check_system_units(d);
}
