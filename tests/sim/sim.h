#pragma once
/* The simulator: a program that speaks a provider's HTTP and stands for a model. This header holds
 * what its parts share.
 *
 * Time: the provider's world runs `speed` times faster than ours. Latency, pace, cache lifetimes,
 * rate limits and retry-after are in *model time*; speed 0 means that nothing is waited for, and
 * model time then runs with the clock. */

#include <sys/queue.h>

#include <event2/event.h>
#include <jansson.h>

#include "common/macros.h"
#include "tests/sim/limits.h"

struct cache;
struct faults;
struct journal;
struct http_server;
struct loaded;

/* Which server the OpenAI dialect stands for. */
enum flavour {
        FLAVOUR_OPENAI,
        FLAVOUR_OLLAMA,
        FLAVOUR_LMSTUDIO,
        FLAVOUR_LLAMACPP,
        FLAVOUR_VLLM,
        N_FLAVOURS
};

struct sim_options {
        double speed;
        uint64_t seed;
        double miss_rate;          /* of prompts that could have been read from the cache */
        uint64_t visible_delay_ms; /* from the first event to the entry's being readable; model time
                                    */
        uint64_t delta_tokens;     /* tokens in one delta */
        uint64_t first_ms;         /* UINT64_MAX: as the model's row says */
        uint64_t tokens_per_second; /* 0: as the model's row says */
        uint64_t keep;              /* requests remembered for /sim/log */
        struct limits_config limits;
        /* Local servers: */
        enum flavour flavour;
        uint64_t
                context; /* tokens that it holds when the request does not say; 0: a usual number */
        uint64_t load_ms;         /* model time to load a model */
        uint64_t parallel, queue; /* Ollama: requests at once, and waiting, before it is full */
        uint64_t details;         /* vLLM tells what it had cached */
        char **keys;              /* owned; none: any key is good */
        size_t n_keys;
};

struct sim {
        struct event_base *base;  /* owned */
        struct http_server *http; /* owned */
        struct cache *cache;      /* owned */
        struct limits *limits;    /* owned */
        struct faults *faults;    /* owned */
        struct journal *journal;  /* owned */
        struct loaded *loaded;    /* owned: models in memory of a local server */
        struct sim_options options;
        uint64_t started_usec, shifted_usec; /* of model time */
        uint64_t chance;                     /* state of the generator */
        uint64_t n_exchanges;                /* numbers ids */
        size_t n_in_flight;
        LIST_HEAD(, pace) held; /* replies that wait until the faults are removed */
};

uint64_t sim_now_usec(const struct sim *s);                    /* model time */
uint64_t sim_to_real_usec(const struct sim *s, uint64_t usec); /* 0 at speed 0 */
uint64_t sim_fault_usec(const struct sim *s,
                        uint64_t ms); /* a fault's delay; at speed 0 as it is */
double sim_chance(struct sim *s);     /* in [0, 1) */
void sim_reset(struct sim *s);        /* cache, limits, faults, journal, seed */
