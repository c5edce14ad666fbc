#include "tests/sim/models.h"

#include "common/str.h"

#define K 1000u
#define M 1000000u

static const struct sim_model models[] = {
        /* prefix               in     5m     1h     read  out    window   out      min   first
           fresh cached out */
        {"claude-fable-5-1", 10000, 12500, 20000, 250, 50000, 1 * M, 128 * K, 512, 1800, 7000,
         90000, 50, true, false, false, true, true, "fable"},
        {"claude-fable-5", 10000, 12500, 20000, 1000, 50000, 1 * M, 128 * K, 512, 1800, 7000, 90000,
         50, true, false, true, true, true, "fable"},
        {"claude-opus-5-5", 4000, 5000, 8000, 200, 20000, 1 * M, 128 * K, 512, 1200, 7500, 90000,
         60, true, false, false, true, true, "opus"},
        {"claude-opus-5", 5000, 6250, 10000, 500, 25000, 1 * M, 128 * K, 512, 1200, 7500, 90000, 60,
         true, false, true, false, true, "opus"},
        {"claude-opus-4-8", 5000, 6250, 10000, 500, 25000, 1 * M, 128 * K, 1024, 1300, 7500, 90000,
         55, true, false, true, false, true, "opus"},
        {"claude-opus-4-7", 5000, 6250, 10000, 500, 25000, 1 * M, 128 * K, 2048, 1300, 7500, 90000,
         55, true, false, true, false, true, "opus"},
        {"claude-opus-4-6", 5000, 6250, 10000, 500, 25000, 1 * M, 128 * K, 4096, 1300, 7500, 90000,
         50, false, false, true, false, false, "opus"},
        {"claude-opus-4-5", 5000, 6250, 10000, 500, 25000, 200 * K, 64 * K, 4096, 1400, 7500, 90000,
         50, false, true, true, false, false, "opus"},
        {"claude-sonnet-5-5", 2000, 2500, 4000, 200, 10000, 1 * M, 128 * K, 512, 800, 9000, 110000,
         85, true, false, false, false, true, "sonnet"},
        {"claude-sonnet-5", 2000, 2500, 4000, 200, 10000, 1 * M, 128 * K, 1024, 800, 9000, 110000,
         80, true, false, true, false, true, "sonnet"},
        {"claude-sonnet-4-6", 3000, 3750, 6000, 300, 15000, 1 * M, 64 * K, 1024, 900, 9000, 110000,
         70, false, false, true, false, false, "sonnet"},
        {"claude-sonnet-4-5", 3000, 3750, 6000, 300, 15000, 200 * K, 64 * K, 1024, 900, 9000,
         110000, 70, false, true, true, false, false, "sonnet"},
        {"claude-haiku-4-5", 1000, 1250, 2000, 100, 5000, 200 * K, 64 * K, 4096, 400, 16000, 150000,
         160, false, true, true, false, false, "haiku"},
};

const struct sim_model *sim_model_find(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(models); i++)
                if (str_has_prefix(name, models[i].prefix))
                        return &models[i];
        return NULL;
}

const struct sim_model *sim_model_at(size_t i)
{
        return i < N_ELEMENTS(models) ? &models[i] : NULL;
}
