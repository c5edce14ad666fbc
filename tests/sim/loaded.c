#include "tests/sim/loaded.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"

#define LOADED_MAX 8
#define PLACES_MAX 64
#define NAME_BYTES 128
#define ROOM_BYTES 5000000000ll /* what a model is said to take */

struct loaded {
        struct {
                char name[NAME_BYTES];
                uint64_t context, ready_usec, expires_usec; /* expires UINT64_MAX: never */
        } at[LOADED_MAX];
        size_t n;
        uint64_t free_usec[PLACES_MAX]; /* when a place is free */
        size_t chosen;
};

int loaded_new(struct loaded **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

struct loaded *loaded_free(struct loaded *l)
{
        free(l);
        return NULL;
}

void loaded_clear(struct loaded *l)
{
        memset(l, 0, sizeof(*l));
}

static void drop_expired(struct loaded *l, uint64_t now)
{
        for (size_t i = 0; i < l->n;)
                if (l->at[i].expires_usec <= now)
                        l->at[i] = l->at[--l->n];
                else
                        i++;
}

/* Model time until the model is in memory, which it is from then on. */
static uint64_t load(struct sim *s, const struct prompt *p, uint64_t now)
{
        struct loaded *l = s->loaded;
        size_t i = 0;

        drop_expired(l, now);
        while (i < l->n && !str_is_equal(l->at[i].name, p->model_name))
                i++;
        if (p->is_load && p->keep_alive_ms == 0) {
                if (i < l->n)
                        l->at[i] = l->at[--l->n];
                return 0;
        }
        if (i == LOADED_MAX)
                i = 0;
        if (i == l->n || l->at[i].context != p->context) {
                (void)snprintf(l->at[i].name, NAME_BYTES, "%s", p->model_name);
                l->at[i].context = p->context;
                l->at[i].ready_usec = now + s->options.load_ms * 1000;
                l->n = MAX2(l->n, i + 1);
        }
        l->at[i].expires_usec = p->keep_alive_ms < 0 ? UINT64_MAX
                                                     : MAX2(l->at[i].ready_usec, now) +
                                                               (uint64_t)p->keep_alive_ms * 1000;
        return l->at[i].ready_usec > now ? l->at[i].ready_usec - now : 0;
}

/* The place that is free first. */
static uint64_t find_place(struct sim *s, uint64_t now)
{
        struct loaded *l = s->loaded;
        size_t n = MIN2(MAX2(s->options.parallel, (uint64_t)1), (uint64_t)PLACES_MAX);

        l->chosen = 0;
        for (size_t i = 1; i < n; i++)
                if (l->free_usec[i] < l->free_usec[l->chosen])
                        l->chosen = i;
        return l->free_usec[l->chosen] > now ? l->free_usec[l->chosen] - now : 0;
}

int loaded_need(struct sim *s, const struct prompt *p, uint64_t *ret_wait_usec, struct refusal *ret)
{
        uint64_t now = sim_now_usec(s);
        bool is_ollama = p->is_native;

        if (p->context == 0)
                return 0;
        if (s->options.flavour == FLAVOUR_LLAMACPP && !is_ollama) {
                if (now >= s->options.load_ms * 1000)
                        return 0;
                return refusal_set(ret, 503, "unavailable_error", "Loading model");
        }
        if (s->options.flavour == FLAVOUR_VLLM && !is_ollama)
                return 0;
        if (is_ollama && s->options.parallel &&
            s->n_in_flight > s->options.parallel + s->options.queue)
                return refusal_set(
                        ret, 503, "api_error",
                        "server busy, please try again.  maximum pending requests exceeded");
        *ret_wait_usec = load(s, p, now);
        if (is_ollama && s->options.parallel && !p->is_load)
                *ret_wait_usec += find_place(s, now + *ret_wait_usec);
        return 0;
}

void loaded_occupy(struct sim *s, uint64_t until_usec)
{
        if (s->options.parallel)
                s->loaded->free_usec[s->loaded->chosen] = until_usec;
}

json_t *loaded_to_json(struct sim *s)
{
        struct loaded *l = s->loaded;
        uint64_t now = sim_now_usec(s);
        json_t *list = json_array();

        drop_expired(l, now);
        for (size_t i = 0; list && i < l->n; i++) {
                uint64_t left = l->at[i].expires_usec == UINT64_MAX ? 86400000000ull * 365
                                                                    : l->at[i].expires_usec - now;
                char time[CLOCK_RFC3339_BYTES];

                if (l->at[i].ready_usec > now)
                        continue; /* not there yet */
                clock_format_rfc3339(clock_realtime_ms() + left / 1000, time);
                (void)json_array_append_new(
                        list, json_pack("{s:s s:s s:s s:I s:I s:I}", "name", l->at[i].name, "model",
                                        l->at[i].name, "expires_at", time, "size",
                                        (json_int_t)ROOM_BYTES, "size_vram", (json_int_t)ROOM_BYTES,
                                        "context_length", (json_int_t)l->at[i].context));
        }
        return json_pack("{s:o}", "models", list);
}
