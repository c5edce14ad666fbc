#include "tests/sim/limits.h"

#include "common/str.h"

#define CLASSES_MAX 16
#define MINUTE_USEC 60e6

struct bucket_set {
        const char *class; /* borrowed: static text of the model table */
        double level[N_LIMITS];
        uint64_t filled_usec;
};

struct limits {
        struct limits_config config;
        struct bucket_set sets[CLASSES_MAX];
        size_t n_sets;
};

int limits_new(struct limits **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

struct limits *limits_free(struct limits *l)
{
        free(l);
        return NULL;
}

void limits_configure(struct limits *l, const struct limits_config *c)
{
        l->config = *c;
        l->n_sets = 0;
}

bool limits_is_on(const struct limits *l)
{
        return l->config.per_minute[LIMIT_REQUESTS] || l->config.per_minute[LIMIT_INPUT] ||
               l->config.per_minute[LIMIT_OUTPUT];
}

static struct bucket_set *set_of(struct limits *l, const char *class, uint64_t now)
{
        struct bucket_set *s = NULL;

        for (size_t i = 0; i < l->n_sets && !s; i++)
                if (str_is_equal(l->sets[i].class, class))
                        s = &l->sets[i];
        if (!s) {
                s = &l->sets[l->n_sets < CLASSES_MAX ? l->n_sets++ : CLASSES_MAX - 1];
                s->class = class;
                s->filled_usec = now;
                for (size_t k = 0; k < N_LIMITS; k++)
                        s->level[k] = (double)l->config.per_minute[k];
        }
        for (size_t k = 0; k < N_LIMITS; k++) {
                double full = (double)l->config.per_minute[k];
                double level = s->level[k] + full * (double)(now - s->filled_usec) / MINUTE_USEC;

                s->level[k] = MIN2(level, full);
        }
        s->filled_usec = now;
        return s;
}

bool limits_take(struct limits *l, const char *class, uint64_t input, uint64_t now_usec,
                 enum limit_kind *ret_kind, uint64_t *ret_wait_usec)
{
        struct bucket_set *s = set_of(l, class, now_usec);
        /* a prompt larger than the bucket passes when the bucket is full, or it never could */
        double need[N_LIMITS] = {1, MIN2((double)input, (double)l->config.per_minute[LIMIT_INPUT]),
                                 1};
        double longest = 0;

        for (size_t k = 0; k < N_LIMITS; k++) {
                double full = (double)l->config.per_minute[k];
                double wait = full > 0 && s->level[k] < need[k]
                                      ? (need[k] - s->level[k]) / full * MINUTE_USEC
                                      : 0;

                if (wait > longest) {
                        longest = wait;
                        *ret_kind = (enum limit_kind)k;
                }
        }
        if (longest > 0) {
                *ret_wait_usec = (uint64_t)longest + 1;
                return false;
        }
        s->level[LIMIT_REQUESTS] -= 1;
        s->level[LIMIT_INPUT] -= (double)input;
        return true;
}

void limits_take_output(struct limits *l, const char *class, uint64_t output, uint64_t now_usec)
{
        set_of(l, class, now_usec)->level[LIMIT_OUTPUT] -= (double)output;
}

void limits_get(struct limits *l, const char *class, uint64_t now_usec, struct limits_state *ret)
{
        const struct bucket_set *s = set_of(l, class, now_usec);

        for (size_t k = 0; k < N_LIMITS; k++) {
                double full = (double)l->config.per_minute[k];

                ret->limit[k] = l->config.per_minute[k];
                ret->remaining[k] = s->level[k] > 0 ? (uint64_t)s->level[k] : 0;
                ret->full_usec[k] =
                        full > 0 ? (uint64_t)((full - s->level[k]) / full * MINUTE_USEC) : 0;
        }
}
