#include "client/files/saved.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "common/clock.h"
#include "common/path.h"
#include "common/str.h"

#define SAVED_ROOT ".genopt/saved"
#define RUNS_PER_SECOND 1000 /* more of one second: something is wrong */

static int make_dir(struct saved *s, int dir_fd)
{
        time_t now = (time_t)(clock_realtime_ms() / 1000);
        char stamp[32];
        struct tm tm;

        if (!gmtime_r(&now, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm) == 0)
                return -EINVAL;
        if (mkdirat(dir_fd, SAVED_ROOT, 0777) < 0 && errno != EEXIST)
                return -errno;
        for (unsigned i = 1; i <= RUNS_PER_SECOND; i++) {
                char suffix[16] = "", dir[SAVED_DIR_BYTES];

                if (i > 1)
                        snprintf(suffix, sizeof(suffix), "-%u", i);
                snprintf(dir, sizeof(dir), SAVED_ROOT "/%s%s", stamp, suffix);
                if (mkdirat(dir_fd, dir, 0777) == 0) {
                        memcpy(s->dir, dir, sizeof(dir));
                        return 0;
                }
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

int saved_put(struct saved *s, int dir_fd, const char *path, struct span content, mode_t mode,
              char **ret)
{
        _cleanup_free_ char *where = NULL;
        int r;

        r = *s->dir ? 0 : make_dir(s, dir_fd);
        if (r < 0)
                return r;
        where = str_printf("%s/%s", s->dir, path);
        if (!where)
                return -ENOMEM;
        if (!path_is_relative(span_of(where)))
                return -ENAMETOOLONG;
        r = path_write_atomic(dir_fd, where, content, mode, true);
        if (r == 0)
                *ret = take(where);
        return r;
}
