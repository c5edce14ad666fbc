#pragma once
/* Small language helpers that every file may use. Knows nothing of genopt. */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _must_check_ __attribute__((warn_unused_result))
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _unused_ __attribute__((unused))

/* Moves a value out of an lvalue and leaves NULL there. */
#define take(lv)                                          \
        __extension__({                                   \
                __typeof__(lv) *at_ = &(lv), got_ = *at_; \
                *at_ = NULL;                              \
                got_;                                     \
        })

/* Defines free_fn##p, the cleanup function of a pointer whose destructor is `type *free_fn(type
 * *)`. */
#define DEFINE_CLEANUP(type, free_fn)            \
        static inline void free_fn##p(type **at) \
        {                                        \
                if (*at)                         \
                        *at = free_fn(*at);      \
        }                                        \
        struct swallow_semicolon_

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define MIN2(a, b) ((a) < (b) ? (a) : (b))
#define MAX2(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Borrowed bytes; not terminated. */
struct span {
        const char *at;
        size_t n;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline struct span span_of(const char *text)
{
        return (struct span){text, text ? strlen(text) : 0};
}

static inline bool span_is_equal(struct span a, struct span b)
{
        return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}

/* A condition (see the house style on errors): *ret_failure (or *ret_diag) tells what is wrong with
 * the input. */
#define CONDITION_REFUSED 1
/* A condition: what was asked for is not there. */
#define CONDITION_ABSENT 2

static inline void cleanup_free(void *at)
{
        free(*(void **)at);
}
#define _cleanup_free_ _cleanup_(cleanup_free)

static inline void cleanup_close(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}
#define _cleanup_close_ _cleanup_(cleanup_close)
