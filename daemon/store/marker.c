#include "daemon/store/marker.h"

#include <fcntl.h>

#define MARKER_NAME "dirty"
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_BYTES 36

/* Without an id nothing can be told apart, so that every marker asks for a check. */
static bool read_boot_id(char ret[BOOT_ID_BYTES])
{
        _cleanup_close_ int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);

        return fd >= 0 && read(fd, ret, BOOT_ID_BYTES) == BOOT_ID_BYTES;
}

enum marker marker_read(int dir_fd, unsigned *ret_n_ends)
{
        char then[BOOT_ID_BYTES + 2], now[BOOT_ID_BYTES];
        _cleanup_close_ int fd = openat(dir_fd, MARKER_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        ssize_t n;

        *ret_n_ends = 0;
        if (fd < 0)
                return errno == ENOENT ? MARKER_NONE : MARKER_OTHER_BOOT;
        *ret_n_ends = 1;
        n = read(fd, then, sizeof(then));
        if (n < BOOT_ID_BYTES || !read_boot_id(now) || memcmp(then, now, BOOT_ID_BYTES) != 0)
                return MARKER_OTHER_BOOT;
        if (n == sizeof(then) && then[n - 1] >= '1' && then[n - 1] <= '9')
                *ret_n_ends = (unsigned)(then[n - 1] - '0');
        return MARKER_THIS_BOOT;
}

int marker_write(int dir_fd, unsigned n_ends, bool is_synced)
{
        char id[BOOT_ID_BYTES + 3] = "boot-id-unknown                      n\n";
        _cleanup_close_ int fd = -1;
        ssize_t n;

        (void)read_boot_id(id);
        id[BOOT_ID_BYTES + 1] = (char)('0' + MIN2(n_ends, 9u));
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
