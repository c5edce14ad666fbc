#pragma once
/* What the benchmark programs share: time, places, requests, and giving up at once when something
 * is not as it should be (a benchmark that goes on after a fault measures the fault). */

#include <stdarg.h>
#include <sys/types.h>

#include "common/macros.h"

/* Wherever this stands in a request it is replaced by a number that no request of any run had
 * before. */
#define BENCH_MARK "################"
#define BENCH_MARK_BYTES 16
#define BENCH_MARKS_MAX 8

struct times {
        uint64_t *at; /* owned: nanoseconds */
        size_t n, room;
};

struct request {
        char *at; /* owned */
        size_t n;
        char *marks[BENCH_MARKS_MAX]; /* in at */
        size_t n_marks;               /* 0: always the same request */
};

__attribute__((noreturn, format(printf, 1, 2))) void bench_die(const char *format, ...);
uint64_t bench_now(void);                /* ns */
uint64_t bench_number(const char *text); /* above 0 */

void times_add(struct times *t, uint64_t ns);
/* Sorts; in microseconds. */
double times_usec(struct times *t, unsigned per_mille);
/* {"p10_us": …, "p50_us": …, "p90_us": …, "p99_us": …} */
void times_print(struct times *t);
void times_done(struct times *t);

void request_read(const char *path, struct request *ret);
void request_renew(struct request *r);
void request_done(struct request *r);

int bench_connect_unix(const char *path);
int bench_connect_port(uint64_t port); /* on 127.0.0.1, without delay */
void bench_send(int fd, const char *at, size_t n);
/* In a process of its own, with output to nowhere (or to stderr where that is asked for). */
pid_t bench_spawn(char **argv, char **envp);
