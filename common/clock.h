#pragma once
/* The only door to time and chance. Test builds (-Dtesting=true) may shift the clocks and fix the
 * seed. */

#include "common/macros.h"

uint64_t clock_monotonic_usec(void);
uint64_t clock_boottime_usec(void); /* provider cache lifetimes: goes on while the machine sleeps */
uint64_t clock_realtime_ms(void);   /* display, HTTP dates, budget days only */
/* RFC 3339 UTC with milliseconds, "2026-01-02T03:04:05.678Z": 25 bytes with the NUL. */
#define CLOCK_RFC3339_BYTES 25
void clock_format_rfc3339(uint64_t realtime_ms, char ret[CLOCK_RFC3339_BYTES]);
int clock_parse_rfc3339(const char *text, uint64_t *ret_realtime_ms) _must_check_;
/* Providers' time, which their caches live by: real time, but in test builds so many times faster
 * as $GENOPT_TEST_SPEED says that the simulated one runs. Not for display. */
uint64_t clock_provider_ms(void);
uint64_t clock_provider_scale_ms(uint64_t ms); /* so long by our clocks is so long by theirs */
#define CLOCK_BOOT_ID_BYTES 36                 /* as text, without a NUL */
/* Of this run of the machine; false: not known. */
bool clock_boot_id(char ret[CLOCK_BOOT_ID_BYTES]) _must_check_;
void clock_random(void *bytes, size_t n); /* getrandom(); aborts if the kernel cannot */
uint64_t clock_random_below(uint64_t n);  /* uniform in [0, n) */

/* Test builds only: */
void clock_test_advance_usec(uint64_t usec); /* all three clocks */
void clock_test_seed(uint64_t seed);         /* clock_random becomes repeatable */
