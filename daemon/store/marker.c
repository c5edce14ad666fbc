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

enum marker marker_read(int dir_fd)
{
        char then[BOOT_ID_BYTES], now[BOOT_ID_BYTES];
        _cleanup_close_ int fd = openat(dir_fd, MARKER_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0)
                return errno == ENOENT ? MARKER_NONE : MARKER_OTHER_BOOT;
        if (read(fd, then, sizeof(then)) != BOOT_ID_BYTES || !read_boot_id(now) ||
            memcmp(then, now, BOOT_ID_BYTES) != 0)
                return MARKER_OTHER_BOOT;
        return MARKER_THIS_BOOT;
}

int marker_write(int dir_fd)
{
        char id[BOOT_ID_BYTES + 1] = "boot-id-unknown                     \n";
        _cleanup_close_ int fd = -1;
        ssize_t n;

        (void)read_boot_id(id);
        fd = openat(dir_fd, MARKER_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);
        if (fd < 0)
                return -errno;
        n = write(fd, id, sizeof(id));
        if (n != (ssize_t)sizeof(id))
                return n < 0 ? -errno : -ENOSPC;
        if (fsync(fd) < 0 || fsync(dir_fd) < 0)
                return -errno;
        return 0;
}

void marker_remove(int dir_fd)
{
        (void)unlinkat(dir_fd, MARKER_NAME, 0); /* left behind it costs a check, no more */
}
