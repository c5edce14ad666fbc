#include "daemon/store/marker.h"

#include <fcntl.h>

#include "common/clock.h"

#define MARKER_NAME "dirty"

/* Without an id nothing can be told apart, so that every marker asks for a check. */
enum marker marker_read(int dir_fd, unsigned *ret_n_ends)
{
        char then[CLOCK_BOOT_ID_BYTES + 2], now[CLOCK_BOOT_ID_BYTES];
        _cleanup_close_ int fd = openat(dir_fd, MARKER_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        ssize_t n;

        *ret_n_ends = 0;
        if (fd < 0)
                return errno == ENOENT ? MARKER_NONE : MARKER_OTHER_BOOT;
        *ret_n_ends = 1;
        n = read(fd, then, sizeof(then));
        if (n < CLOCK_BOOT_ID_BYTES || !clock_boot_id(now) ||
            memcmp(then, now, CLOCK_BOOT_ID_BYTES) != 0)
                return MARKER_OTHER_BOOT;
        if (n == sizeof(then) && then[n - 1] >= '1' && then[n - 1] <= '9')
                *ret_n_ends = (unsigned)(then[n - 1] - '0');
        return MARKER_THIS_BOOT;
}

int marker_write(int dir_fd, unsigned n_ends, bool is_synced)
{
        char id[CLOCK_BOOT_ID_BYTES + 3] = "boot-id-unknown                      n\n";
        _cleanup_close_ int fd = -1;
        ssize_t n;

        (void)!clock_boot_id(id);
        id[CLOCK_BOOT_ID_BYTES + 1] = (char)('0' + MIN2(n_ends, 9u));
        fd = openat(dir_fd, MARKER_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);
        if (fd < 0)
                return -errno;
        n = write(fd, id, sizeof(id));
        if (n != (ssize_t)sizeof(id))
                return n < 0 ? -errno : -ENOSPC;
        if (is_synced && (fsync(fd) < 0 || fsync(dir_fd) < 0))
                return -errno;
        return 0;
}

void marker_remove(int dir_fd)
{
        (void)unlinkat(dir_fd, MARKER_NAME, 0); /* left behind it costs a check, no more */
}
