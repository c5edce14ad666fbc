/* `genopt cache stats|trim|clear|verify` */

#include <inttypes.h>
#include <stdio.h>

#include "client/command.h"
#include "client/link/connection.h"
#include "client/view/format.h"
#include "client/view/progress.h"
#include "client/view/table.h"
#include "common/str.h"

enum cache_option { CACHE_MAX };

static const struct option_row cache_options[] = {
        [CACHE_MAX] = {"max", 'm', "SIZE",
                       "trim: to this size, like 500MiB (default: the configured one)"},
        {NULL, 0, NULL, NULL},
};

static int print_stats(const json_t *result)
{
        static const char *const headings[] = {"cache", ">entries", ">size",     ">of",
                                               ">hits", ">misses",  ">hit rate", ">max age"};
        _cleanup_(table_freep) struct table *t = NULL;
        json_t *cache;
        size_t i;
        int r;

        r = table_new(headings, N_ELEMENTS(headings), &t);
        json_array_foreach (json_object_get(result, "caches"), i, cache) {
                uint64_t hits = progress_number(cache, "hits"),
                         misses = progress_number(cache, "misses");
                uint64_t max = progress_number(cache, "max_size"),
                         age = progress_number(cache, "max_age_s");
                char text[7][FORMAT_BYTES];
                const char *const cells[] = {json_get_text(cache, "name"),
                                             text[0],
                                             text[1],
                                             text[2],
                                             text[3],
                                             text[4],
                                             text[5],
                                             text[6]};

                snprintf(text[0], FORMAT_BYTES, "%" PRIu64, progress_number(cache, "entries"));
                (void)format_bytes(progress_number(cache, "size"), text[1]);
                if (max > 0)
                        (void)format_bytes(max, text[2]);
                else
                        snprintf(text[2], FORMAT_BYTES, "-");
                snprintf(text[3], FORMAT_BYTES, "%" PRIu64, hits);
                snprintf(text[4], FORMAT_BYTES, "%" PRIu64, misses);
                if (hits + misses > 0)
                        snprintf(text[5], FORMAT_BYTES, "%u %%", format_share(hits, hits + misses));
                else
                        snprintf(text[5], FORMAT_BYTES, "-");
                if (age > 0)
                        snprintf(text[6], FORMAT_BYTES, "%" PRIu64 " d", age / 86400);
                else
                        snprintf(text[6], FORMAT_BYTES, "-");
                if (r == 0)
                        r = table_add(t, cells);
        }
        return r == 0 ? table_print(t) : r;
}

static int print_removed(const json_t *result)
{
        char size[FORMAT_BYTES];

        printf("removed %" PRIu64 " entries; %s left\n", progress_number(result, "removed"),
               format_bytes(progress_number(result, "size"), size));
        return 0;
}

static int print_verified(const json_t *result)
{
        printf("checked %" PRIu64 " entries, %" PRIu64 " were bad%s\n",
               progress_number(result, "checked"), progress_number(result, "bad"),
               progress_number(result, "bad") ? " and are removed" : "");
        return 0;
}

static const struct cache_verb {
        const char *name, *method;
        int (*print)(const json_t *result);
} verbs[] = {
        {"stats", "cache/stats", print_stats},
        {"trim", "cache/trim", print_removed},
        {"clear", "cache/clear", print_removed},
        {"verify", "cache/verify", print_verified},
};

static const struct cache_verb *find_verb(const char *name, const char **ret_nearest)
{
        const char *names[N_ELEMENTS(verbs)];

        for (size_t i = 0; i < N_ELEMENTS(verbs); i++) {
                names[i] = verbs[i].name;
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        }
        *ret_nearest = str_nearest(name, names, N_ELEMENTS(verbs));
        return NULL;
}

static int cmd_cache(struct client *c)
{
        _cleanup_json_ json_t *result = NULL;
        const struct cache_verb *verb;
        struct failure *failure = NULL;
        json_t *params = NULL;
        const char *nearest;
        uint64_t max = 0;
        int r;

        verb = find_verb(c->args[0], &nearest);
        if (!verb)
                return nearest ? client_usage(c, "no cache %s; did you mean `cache %s`?",
                                              c->args[0], nearest)
                               : client_usage(c, "no cache %s", c->args[0]);
        if (c->values[CACHE_MAX] &&
            (strcmp(verb->name, "trim") != 0 || str_to_bytes(c->values[CACHE_MAX], &max) < 0 ||
             max > INT64_MAX))
                return client_usage(c, "--max is a size for trim, like 500MiB");
        if (c->values[CACHE_MAX])
                params = json_pack("{s:I}", "max_bytes", (json_int_t)max);
        r = connection_ask(c, START_IF_NEEDED, verb->method, params, &result, &failure);
        if (r == 0)
                r = c->is_json ? client_put_json(result) : verb->print(result);
        return r == 0 ? EXIT_DONE : client_fail(c, r, failure);
}

const struct command command_cache = {
        .name = "cache",
        .args = "stats|trim|clear|verify",
        .sentence = "look at the cache, or make it smaller",
        .detail = "The cache may be cleared at any time: that costs only money.",
        .options = cache_options,
        .n_args_min = 1,
        .n_args_max = 1,
        .run = cmd_cache,
};
