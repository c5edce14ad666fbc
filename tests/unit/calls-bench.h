#pragma once
/* A calls room with a real store, a scripted server and many who ask. A wait polls its condition on
 * the loop, with a deadline. */

#include "tests/unit/unit.h"

#include "common/buf.h"
#include "common/json.h"
#include "daemon/calls/calls.h"
#include "daemon/provider/provider.h"
#include "daemon/store/store.h"
#include "tests/unit/fake-http.h"

#define N_ASKERS 60

struct bench;

/* One call and what it was told. */
struct asker {
        struct bench *bench;
        struct call *call;
        struct buf text;  /* as streamed */
        struct buf whole; /* as in the outcome */
        enum failure_id id;
        enum stop_reason stop;
        struct usage usage;
        uint64_t nanousd, delay_ms, held_ms;
        unsigned n_started, n_retries, n_attempts, n_ends;
        bool has_failure, is_payer;
        bool has_enough, is_broken;
        bool cancels_in_text, settles_in_end, cancels_in_end;
};

struct bench {
        char dir[64];
        struct loop *loop;
        struct store *store;
        struct provider_room *room;
        struct calls *calls;
        struct fake *fake;
        struct timer *poll;
        bool (*condition)(struct bench *b, unsigned n);
        unsigned n;
        uint64_t late_usec;
        bool is_late, is_drained, is_committed;
        struct asker askers[N_ASKERS];
};

#define INPUT_PRICE 1000
#define OUTPUT_PRICE 5000
#define GOOD_NANOUSD (100 * INPUT_PRICE + 20 * OUTPUT_PRICE)
#define PART_NANOUSD(n_text) (100 * INPUT_PRICE + MAX2(1, (n_text) / 3) * OUTPUT_PRICE)

struct wish {
        uint8_t job;
        uint32_t uid;
        const char *words;
        bool is_interactive, is_fresh;
        uint64_t worst, left, delay_ms;
};

void run_until(struct bench *b, bool (*condition)(struct bench *b, unsigned n), unsigned n);
bool have_ended(struct bench *b, unsigned n);
bool have_requested(struct bench *b, unsigned n);
bool has_text(struct bench *b, unsigned n);
bool has_hung_up(struct bench *b, unsigned n);
bool has_retried(struct bench *b, unsigned n);
bool is_drained(struct bench *b, unsigned n);
bool is_settled(struct bench *b, unsigned n);
bool is_written(struct bench *b, unsigned n);

void open_store(struct bench *b);
void close_store(struct bench *b);
void configure(struct bench *b);
void open_bench(struct bench *b, const struct fake_step *steps, size_t n);
void close_bench(struct bench *b);
void settle(struct asker *a);
void settle_and_wait(struct asker *a);
void ask(struct bench *b, unsigned i, const struct wish *w);
void expect_refusal(struct bench *b, unsigned i, const struct wish *w, enum failure_id id);
uint64_t n_batches(struct bench *b);
json_t *describe(struct bench *b, uint8_t job);
void expect_record(struct bench *b, uint8_t job, size_t i, const char *state, uint64_t nanousd);
void expect_sum(struct bench *b, uint8_t job, uint64_t n_last, uint64_t nanousd);

#define GOOD                                            \
        {                                               \
                .answer = FAKE_GOOD, .then = FAKE_CLOSE \
        }
#define HELD_GOOD                                                      \
        {                                                              \
                .answer = FAKE_GOOD, .waits = true, .then = FAKE_CLOSE \
        }
#define HANGING                                                                      \
        {                                                                            \
                .answer = FAKE_SSE FAKE_START FAKE_TEXT("Hello "), .then = FAKE_HOLD \
        }
#define BUSY                                                                         \
        {                                                                            \
                .answer = FAKE_ERROR("529 Busy", "retry-after-ms: 1\r\n",            \
                                     "{\"error\":{\"type\":\"overloaded_error\"}}"), \
                .then = FAKE_CLOSE                                                   \
        }
#define BROKEN                                                                        \
        {                                                                             \
                .answer = FAKE_SSE FAKE_START FAKE_TEXT("Hello "), .then = FAKE_RESET \
        }
