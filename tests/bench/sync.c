/* What a disk charges for keeping a promise: one record, write and fdatasync, one after the other.
 *
 *     bench-sync FILE RECORD-BYTES COUNT
 *
 * Prints {"append": times, "overwrite": times}: onto the end of a growing file, as a log is
 * written; and over the same place of a file that has its blocks already, the least that any
 * program pays. */

#include <fcntl.h>
#include <stdio.h>

#include "bench.h"

static void measure(int fd, const char *record, size_t n, uint64_t count, bool is_append,
                    struct times *t)
{
        for (uint64_t i = 0; i < count; i++) {
                uint64_t start = bench_now();

                if (pwrite(fd, record, n, is_append ? (off_t)(i * n) : 0) != (ssize_t)n ||
                    fdatasync(fd) < 0)
                        bench_die("a record cannot be written: %s", strerror(errno));
                times_add(t, bench_now() - start);
        }
}

int main(int argc, char **argv)
{
        struct times append = {0}, overwrite = {0};
        uint64_t n, count;
        char *record;
        int fd;

        if (argc != 4)
                bench_die("FILE RECORD-BYTES COUNT");
        n = bench_number(argv[2]);
        count = bench_number(argv[3]);
        record = malloc(n);
        fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (!record || fd < 0)
                bench_die("%s: %s", argv[1], strerror(errno));
        memset(record, 'r', n);
        measure(fd, record, n, count, true, &append);
        measure(fd, record, n, count, false, &overwrite);
        printf("{\"append\": ");
        times_print(&append);
        printf(", \"overwrite\": ");
        times_print(&overwrite);
        puts("}");
        (void)unlink(argv[1]);
        close(fd);
        free(record);
        times_done(&append);
        times_done(&overwrite);
        return 0;
}
