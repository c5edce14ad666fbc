#pragma once
/* Prices in nano-dollars per token: one dollar per million tokens is 1000. */

#include <stdint.h>

struct price {
        uint64_t input, cache_read, cache_write_5m, cache_write_1h, output;
};
