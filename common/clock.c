#include "common/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#if GENOPT_TESTING
static uint64_t shift_usec;
static uint64_t seed_state;
static int is_seeded;
#else
static const uint64_t shift_usec;
#endif

static uint64_t read_usec(clockid_t id)
{
        struct timespec t;

        clock_gettime(id, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 +
               __atomic_load_n(&shift_usec, __ATOMIC_RELAXED);
}

uint64_t clock_monotonic_usec(void)
{
        return read_usec(CLOCK_MONOTONIC);
}

uint64_t clock_boottime_usec(void)
{
        return read_usec(CLOCK_BOOTTIME);
}

uint64_t clock_realtime_ms(void)
{
        return read_usec(CLOCK_REALTIME) / 1000;
}

uint64_t clock_provider_scale_ms(uint64_t ms)
{
#if GENOPT_TESTING
        const char *speed = getenv("GENOPT_TEST_SPEED");

        return speed ? ms * strtoull(speed, NULL, 10) : ms;
#else
        return ms;
#endif
}

uint64_t clock_provider_ms(void)
{
        return clock_provider_scale_ms(clock_realtime_ms());
}

#define LAST_SECOND \
        UINT64_C(253402300799) /* 9999-12-31T23:59:59Z: the last with a year of four digits */

void clock_format_rfc3339(uint64_t realtime_ms, char ret[CLOCK_RFC3339_BYTES])
{
        uint64_t ms = MIN2(realtime_ms, LAST_SECOND * 1000 + 999);
        unsigned rest = (unsigned)(ms % 1000);
        time_t seconds = (time_t)(ms / 1000);
        /* Many are of one second. */
        static __thread time_t last = -1;
        static __thread char date[20];
        struct tm t;

        if (seconds != last) {
                gmtime_r(&seconds, &t);
                strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &t);
                last = seconds;
        }
        memcpy(ret, date, sizeof(date) - 1);
        memcpy(ret + sizeof(date) - 1,
               (char[]){'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                        (char)('0' + rest % 10), 'Z', '\0'},
               6);
}

/* n decimal digits at *at; leaves *at behind them. */
static int read_field(const char **at, int n, int low, int high, int *ret)
{
        int value = 0;

        for (int i = 0; i < n; i++) {
                if ((*at)[i] < '0' || (*at)[i] > '9')
                        return -EINVAL;
                value = value * 10 + (*at)[i] - '0';
        }
        *at += n;
        if (value < low || value > high)
                return -EINVAL;
        *ret = value;
        return 0;
}

static int read_char(const char **at, const char *any_of)
{
        if (**at == '\0' || !strchr(any_of, **at))
                return -EINVAL;
        return *(*at)++;
}

static int read_fraction(const char **at, unsigned *ret_ms)
{
        unsigned ms = 0, factor = 100;

        if (**at < '0' || **at > '9')
                return -EINVAL;
        for (; **at >= '0' && **at <= '9'; (*at)++, factor /= 10)
                ms += (unsigned)(**at - '0') * factor;
        *ret_ms = ms;
        return 0;
}

/* Z, or +hh:mm */
static int read_offset(const char **at, int *ret_seconds)
{
        int hours, minutes, sign = read_char(at, "Zz+-");

        if (sign < 0)
                return sign;
        if (sign == 'Z' || sign == 'z') {
                *ret_seconds = 0;
                return 0;
        }
        if (read_field(at, 2, 0, 23, &hours) < 0 || read_char(at, ":") < 0 ||
            read_field(at, 2, 0, 59, &minutes) < 0)
                return -EINVAL;
        *ret_seconds = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
        return 0;
}

/* The calendar knows how long a month is: timegm() must give back the day that was asked for. */
static int to_seconds(struct tm *t, time_t *ret)
{
        int day = t->tm_mday;

        *ret = timegm(t);
        return t->tm_mday == day ? 0 : -EINVAL;
}

int clock_parse_rfc3339(const char *text, uint64_t *ret_realtime_ms)
{
        struct tm t = {0};
        unsigned ms = 0;
        int offset;
        time_t seconds;

        if (read_field(&text, 4, 1970, 9999, &t.tm_year) < 0 || read_char(&text, "-") < 0 ||
            read_field(&text, 2, 1, 12, &t.tm_mon) < 0 || read_char(&text, "-") < 0 ||
            read_field(&text, 2, 1, 31, &t.tm_mday) < 0 || read_char(&text, "Tt ") < 0 ||
            read_field(&text, 2, 0, 23, &t.tm_hour) < 0 || read_char(&text, ":") < 0 ||
            read_field(&text, 2, 0, 59, &t.tm_min) < 0 || read_char(&text, ":") < 0 ||
            read_field(&text, 2, 0, 60, &t.tm_sec) < 0)
                return -EINVAL;
        if (*text == '.') {
                text++;
                if (read_fraction(&text, &ms) < 0)
                        return -EINVAL;
        }
        if (read_offset(&text, &offset) < 0 || *text != '\0')
                return -EINVAL;
        t.tm_year -= 1900;
        t.tm_mon -= 1;
        t.tm_sec = MIN2(t.tm_sec, 59); /* a leap second has no number of its own */
        if (to_seconds(&t, &seconds) < 0)
                return -EINVAL;
        seconds -= offset;
        if (seconds < 0)
                return -ERANGE;
        *ret_realtime_ms = (uint64_t)seconds * 1000 + ms;
        return 0;
}

#if GENOPT_TESTING
/* splitmix64 (Steele, Lea, Flood 2014): any seed is as good as any other. */
static uint64_t next_of_seed(void)
{
        uint64_t z =
                __atomic_add_fetch(&seed_state, UINT64_C(0x9e3779b97f4a7c15), __ATOMIC_RELAXED);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static bool random_of_seed(char *at, size_t n)
{
        if (!__atomic_load_n(&is_seeded, __ATOMIC_RELAXED))
                return false;
        while (n > 0) {
                uint64_t value = next_of_seed();
                size_t piece = MIN2(n, sizeof(value));

                memcpy(at, &value, piece);
                at += piece;
                n -= piece;
        }
        return true;
}

void clock_test_advance_usec(uint64_t usec)
{
        __atomic_add_fetch(&shift_usec, usec, __ATOMIC_RELAXED);
}

void clock_test_seed(uint64_t seed)
{
        __atomic_store_n(&seed_state, seed, __ATOMIC_RELAXED);
        __atomic_store_n(&is_seeded, 1, __ATOMIC_RELAXED);
}
#else
static bool random_of_seed(_unused_ char *at, _unused_ size_t n)
{
        return false;
}
#endif

bool clock_boot_id(char ret[CLOCK_BOOT_ID_BYTES])
{
        _cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

        return fd >= 0 && read(fd, ret, CLOCK_BOOT_ID_BYTES) == CLOCK_BOOT_ID_BYTES;
}

void clock_random(void *bytes, size_t n)
{
        char *at = bytes;

        if (random_of_seed(at, n))
                return;
        while (n > 0) {
                ssize_t got = getrandom(at, n, 0);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        abort();
                at += got;
                n -= (size_t)got;
        }
}

uint64_t clock_random_below(uint64_t n)
{
        uint64_t value, most;

        assert(n > 0);
        most = UINT64_MAX - UINT64_MAX % n;
        /* What lies above the last whole multiple of n would favour small results. */
        do
                clock_random(&value, sizeof(value));
        while (value >= most);
        return value % n;
}
