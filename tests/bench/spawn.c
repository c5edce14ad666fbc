/* Two programs from exec to exit, in turn.
 *
 *     bench-spawn RUNS PROGRAM [ARGUMENT...] -- PROGRAM [ARGUMENT...]
 *
 * Prints {"a": times, "b": times}. A program that does not exit with 0 ends the run. */

#include <stdio.h>
#include <sys/wait.h>

#include "bench.h"

#define WARM_UP 5

extern char **environ;

static uint64_t run_once(char **argv)
{
        uint64_t start = bench_now(), end;
        pid_t pid = bench_spawn(argv, environ);
        int status;

        if (waitpid(pid, &status, 0) != pid)
                bench_die("waitpid: %s", strerror(errno));
        end = bench_now();
        if (status != 0)
                bench_die("%s: status %#x", argv[0], (unsigned)status);
        return end - start;
}

int main(int argc, char **argv)
{
        struct times a = {0}, b = {0};
        uint64_t n_runs;
        int second = 0;

        for (int i = 2; i < argc && !second; i++)
                if (strcmp(argv[i], "--") == 0)
                        second = i + 1;
        if (second < 4 || second >= argc)
                bench_die("RUNS PROGRAM... -- PROGRAM...");
        n_runs = bench_number(argv[1]);
        argv[second - 1] = NULL;
        for (uint64_t i = 0; i < n_runs + WARM_UP; i++) {
                uint64_t first_ns = run_once(argv + 2), second_ns = run_once(argv + second);

                if (i < WARM_UP)
                        continue;
                times_add(&a, first_ns);
                times_add(&b, second_ns);
        }
        printf("{\"a\": ");
        times_print(&a);
        printf(", \"b\": ");
        times_print(&b);
        puts("}");
        times_done(&a);
        times_done(&b);
        return 0;
}
