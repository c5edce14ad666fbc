/* What stands in for libFuzzer in ordinary builds: feeds every file of the given files and
 * directories to the target once. A target is `int LLVMFuzzerTestOneInput(const uint8_t *bytes,
 * size_t n)`. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/path.h"
#include "common/str.h"

#define MAX_INPUT_BYTES ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int n_replayed;

static int replay_file(int dir_fd, const char *name)
{
        _cleanup_buf_ struct buf b = {0};
        _cleanup_free_ uint8_t *exact = NULL;
        int r;

        r = path_read(dir_fd, name, MAX_INPUT_BYTES, &b);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", name, strerror(-r));
                return r;
        }
        /* Without room behind the last byte, so that reading past it is seen. */
        exact = malloc(b.n ? b.n : 1);
        if (!exact)
                return -ENOMEM;
        memcpy(exact, b.at, b.n);
        fprintf(stderr, "%s (%zu bytes)\n", name, b.n);
        LLVMFuzzerTestOneInput(exact, b.n);
        n_replayed++;
        return 0;
}

static int replay_directory(int dir_fd)
{
        struct dirent **entries;
        int n = scandirat(dir_fd, ".", &entries, NULL, alphasort), r = 0;

        if (n < 0)
                return -errno;
        for (int i = 0; i < n; i++) {
                if (r == 0 && entries[i]->d_name[0] != '.')
                        r = replay_file(dir_fd, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int replay(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return replay_directory(fd);
        return replay_file(AT_FDCWD, path);
}

int main(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                int r = replay(argv[i]);

                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return 1;
                }
        }
        printf("replayed %d inputs\n", n_replayed);
        /* A replay of nothing proves nothing. */
        return n_replayed > 0 ? 0 : 1;
}
