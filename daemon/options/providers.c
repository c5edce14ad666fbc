/* The maps of the file.
 *
 *     providers: {NAME: {dialect: TEXT, base_url: TEXT, key: KEY, keep_alive: TIME,
 *                        limits: LIMITS}}
 *     tiers:     {fast | balanced | quality: ROUTE | [ROUTE…]}
 *     KEY    = {env: VARIABLE} | {file: PATH} | {credential: NAME}
 *     ROUTE  = {provider: NAME, model: TEXT, limits: LIMITS, price: PRICE}
 *     LIMITS = {calls: N, requests: N, input: N, output: N}      calls of a provider only
 *     PRICE  = {input: USD, output: USD, cache_read: USD, cache_write_5m: USD,
 *               cache_write_1h: USD}      per million tokens; of the cache: else as `input`
 *
 * An entry replaces the default one of its name; others stay. */

#include <stdio.h>

#include "daemon/options/internal.h"

#define NAME_MAX_BYTES 64
#define PRICE_MAX_USD 1000000 /* per million tokens: a dollar a token */
#define NANO_PER_DOLLAR_PER_MILLION 1000.0
#define LIMIT_MAX 1000000000U /* more is as good as none */

static const char *const key_sources[] = {
        [KEY_NONE] = "", [KEY_ENV] = "env", [KEY_FILE] = "file", [KEY_CREDENTIAL] = "credential"};

void provider_option_done(struct provider_option *p)
{
        free(p->name);
        free(p->dialect);
        free(p->base_url);
        free(p->keep_alive);
        free(p->key_name);
        free(p->key_file);
        free(p->where);
        *p = (struct provider_option){0};
}

void tier_option_done(struct tier_option *t)
{
        for (size_t i = 0; i < t->n_routes; i++) {
                free(t->routes[i].provider);
                free(t->routes[i].model);
        }
        *t = (struct tier_option){0};
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const struct provider_option *)a)->name,
                      ((const struct provider_option *)b)->name);
}

/* Takes what p owns, also when it fails. */
static int put_provider(struct config *c, struct provider_option *p)
{
        struct provider_option *more;

        for (size_t i = 0; i < c->n_providers; i++) {
                if (!str_is_equal(c->providers[i].name, p->name))
                        continue;
                provider_option_done(&c->providers[i]);
                c->providers[i] = *p;
                return 0;
        }
        more = reallocarray(c->providers, c->n_providers + 1, sizeof(*more));
        if (!more) {
                provider_option_done(p);
                return -ENOMEM;
        }
        c->providers = more;
        c->providers[c->n_providers++] = *p;
        qsort(c->providers, c->n_providers, sizeof(*c->providers), compare_names);
        return 0;
}

/* Names become file names, parts of log lines and counters. */
static bool is_name(const char *text)
{
        size_t n = strlen(text);

        return n > 0 && n <= NAME_MAX_BYTES && text[0] != '.' && text[0] != '-' &&
               text[strspn(text,
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ==
                       '\0';
}

static int set_key_file(struct provider_option *p)
{
        _cleanup_free_ char *dir = config_key_dir();

        if (!dir)
                return -ENOMEM;
        p->key_file = str_printf("%s/%s", dir, p->name);
        return p->key_file ? 0 : -ENOMEM;
}

static int add_default(struct config *c, const char *name, const char *dialect,
                       const char *base_url, const char *variable)
{
        struct provider_option p = {
                .name = strdup(name),
                .dialect = strdup(dialect),
                .base_url = strdup(base_url),
                .key_source = variable ? KEY_ENV : KEY_NONE,
                .key_name = variable ? strdup(variable) : NULL,
                .where = strdup("default"),
        };

        if (!p.name || !p.dialect || !p.base_url || (variable && !p.key_name) || !p.where ||
            set_key_file(&p) < 0) {
                provider_option_done(&p);
                return -ENOMEM;
        }
        return put_provider(c, &p);
}

static int add_route(struct tier_option *t, const char *provider, const char *model)
{
        char *p = strdup(provider), *m = strdup(model);

        if (!p || !m) {
                free(p);
                free(m);
                return -ENOMEM;
        }
        t->routes[t->n_routes].provider = p;
        t->routes[t->n_routes++].model = m;
        return 0;
}

int config_add_default_providers(struct config *c)
{
        static const char *const models[N_TIERS] = {
                [TIER_FAST] = "claude-haiku-4-5",
                [TIER_BALANCED] = "claude-sonnet-5-5",
                [TIER_QUALITY] = "claude-opus-5-5",
        };
        int r;

        r = add_default(c, "anthropic", "anthropic", "https://api.anthropic.com",
                        "ANTHROPIC_API_KEY");
        if (r == 0)
                r = add_default(c, "desk", "openai", "http://127.0.0.1:1234/v1", NULL);
        for (unsigned t = 0; r == 0 && t < N_TIERS; t++)
                r = add_route(&c->tiers[t], "anthropic", models[t]);
        return r;
}

struct reading {
        struct config *config;
        const char *name, *dir;
        struct failure **ret_failure;
};

#define refuse(r, at, ...) config_refuse((r)->ret_failure, (r)->name, at, __VA_ARGS__)

/* A plain text member. absent: *ret stays NULL. */
static int read_text(struct reading *r, struct yaml_node *map, const char *key, char **ret)
{
        struct yaml_node *n = yaml_get(map, key);

        if (!n || yaml_is_null(n))
                return 0;
        if (n->kind != YAML_SCALAR || n->n_text == 0 || strlen(n->text) != n->n_text ||
            n->n_text > 4096)
                return refuse(r, n, "`%s` is not a text", key);
        *ret = strdup(n->text);
        return *ret ? 0 : -ENOMEM;
}

static int need_text(struct reading *r, struct yaml_node *map, const char *key, char **ret)
{
        int k = read_text(r, map, key, ret);

        return k == 0 && !*ret ? refuse(r, map, "`%s` is missing", key) : k;
}

static int check_known(struct reading *r, struct yaml_node *map, const char *const *known, size_t n)
{
        for (size_t i = 0; i < map->n_items; i++) {
                const char *key = map->keys[i]->text, *nearest;
                bool is_known = false;

                for (size_t j = 0; j < n; j++)
                        is_known |= str_is_equal(known[j], key);
                if (is_known)
                        continue;
                nearest = str_nearest(key, known, n);
                if (nearest)
                        return refuse(r, map->keys[i], "`%s` is unknown; did you mean `%s`?", key,
                                      nearest);
                return refuse(r, map->keys[i], "`%s` is unknown", key);
        }
        return 0;
}

/* What stands there is never repeated in a message: it may be a key. */
static int read_key(struct reading *r, struct yaml_node *n, struct provider_option *p)
{
        int k;

        if (!n || yaml_is_null(n))
                return 0;
        if (n->kind != YAML_MAP || n->n_items != 1)
                return refuse(r, n,
                              "a key does not stand here: say {env: VARIABLE}, {file: PATH} or "
                              "{credential: NAME}");
        k = check_known(r, n, key_sources + 1, N_ELEMENTS(key_sources) - 1);
        for (unsigned i = KEY_ENV; k == 0 && i <= KEY_CREDENTIAL; i++) {
                if (!yaml_get(n, key_sources[i]))
                        continue;
                p->key_source = i;
                k = need_text(r, n, key_sources[i], &p->key_name);
        }
        if (k == 0 && p->key_source == KEY_CREDENTIAL && !is_name(p->key_name))
                return refuse(r, n, "`credential` is not the name of one");
        if (k == 0 && p->key_source == KEY_FILE) {
                char *path = config_resolve_path(r->dir, p->key_name);

                free(p->key_name);
                p->key_name = path;
                return path ? 0 : -ENOMEM;
        }
        return k;
}

static int read_limit(struct reading *r, struct yaml_node *map, const char *key, uint64_t *ret)
{
        struct yaml_node *n = yaml_get(map, key);
        uint64_t value;

        if (!n || yaml_is_null(n))
                return 0;
        if (n->kind != YAML_SCALAR || str_to_u64(n->text, &value) < 0 || value == 0 ||
            value > LIMIT_MAX)
                return refuse(r, n, "`%s` is a number from 1 to %u", key, LIMIT_MAX);
        *ret = value;
        return 0;
}

static int read_limits(struct reading *r, struct yaml_node *n, bool is_of_provider,
                       struct limits_option *ret)
{
        static const char *const known[] = {"requests", "input", "output", "calls"};
        int k;

        if (!n || yaml_is_null(n))
                return 0;
        if (n->kind != YAML_MAP)
                return refuse(r, n, "limits are {requests, input, output}, each a minute");
        k = check_known(r, n, known, N_ELEMENTS(known) - !is_of_provider);
        k = k ? k : read_limit(r, n, "calls", &ret->calls);
        k = k ? k : read_limit(r, n, "requests", &ret->requests);
        k = k ? k : read_limit(r, n, "input", &ret->input);
        return k ? k : read_limit(r, n, "output", &ret->output);
}

/* Dollars per million tokens, as nano-dollars a token. */
static int read_usd(struct reading *r, struct yaml_node *map, const char *key, uint64_t *ret)
{
        struct yaml_node *n = yaml_get(map, key);
        double value;

        if (!n || yaml_is_null(n))
                return 0;
        if (n->kind != YAML_SCALAR || str_to_double(n->text, &value) < 0 || !(value >= 0) ||
            value > PRICE_MAX_USD)
                return refuse(r, n, "`%s` is a number of dollars per million tokens, 0 to %d", key,
                              PRICE_MAX_USD);
        *ret = (uint64_t)(value * NANO_PER_DOLLAR_PER_MILLION + 0.5);
        return 0;
}

static int read_price(struct reading *r, struct yaml_node *n, struct price *ret)
{
        static const char *const known[] = {"input", "output", "cache_read", "cache_write_5m",
                                            "cache_write_1h"};
        int k;

        if (n->kind != YAML_MAP || !yaml_get(n, "input") || !yaml_get(n, "output"))
                return refuse(r, n, "a price is {input, output}, in dollars per million tokens");
        k = check_known(r, n, known, N_ELEMENTS(known));
        k = k ? k : read_usd(r, n, "input", &ret->input);
        ret->cache_read = ret->cache_write_5m = ret->cache_write_1h = ret->input;
        k = k ? k : read_usd(r, n, "output", &ret->output);
        k = k ? k : read_usd(r, n, "cache_read", &ret->cache_read);
        k = k ? k : read_usd(r, n, "cache_write_5m", &ret->cache_write_5m);
        return k ? k : read_usd(r, n, "cache_write_1h", &ret->cache_write_1h);
}

/* "10m", or a number of seconds as the server takes it: -1 is for ever. */
static int read_keep_alive(struct reading *r, struct yaml_node *n, struct provider_option *p)
{
        int k = read_text(r, n, "keep_alive", &p->keep_alive);
        uint64_t ms;
        int64_t s;

        if (k != 0 || !p->keep_alive || str_to_ms(p->keep_alive, &ms) == 0 ||
            str_to_i64(p->keep_alive, &s) == 0)
                return k;
        return refuse(r, yaml_get(n, "keep_alive"),
                      "`keep_alive` is a time such as 10m, or -1 for ever");
}

static int read_provider(struct reading *r, const struct yaml_node *key, struct yaml_node *n,
                         struct provider_option *p)
{
        static const char *const known[] = {"dialect", "base_url", "key", "keep_alive", "limits"};
        int k;

        if (!is_name(key->text))
                return refuse(
                        r, key,
                        "a provider's name is of letters, digits, `.`, `_` and `-`, at most %d",
                        NAME_MAX_BYTES);
        if (n->kind != YAML_MAP)
                return refuse(r, n, "a provider is {dialect, base_url, key}");
        p->name = strdup(key->text);
        p->where = str_printf("%s:%u:%u", r->name, key->line, key->column);
        if (!p->name || !p->where || set_key_file(p) < 0)
                return -ENOMEM;
        k = check_known(r, n, known, N_ELEMENTS(known));
        k = k ? k : need_text(r, n, "dialect", &p->dialect);
        k = k ? k : need_text(r, n, "base_url", &p->base_url);
        k = k ? k : read_keep_alive(r, n, p);
        k = k ? k : read_key(r, yaml_get(n, "key"), p);
        return k ? k : read_limits(r, yaml_get(n, "limits"), true, &p->limits);
}

int config_read_providers(struct config *c, struct yaml_node *n, const char *name, const char *dir,
                          struct failure **ret_failure)
{
        struct reading r = {c, name, dir, ret_failure};

        if (yaml_is_null(n))
                return 0;
        if (n->kind != YAML_MAP)
                return refuse(&r, n, "`providers` is a map of names");
        for (size_t i = 0; i < n->n_items; i++) {
                struct provider_option p = {0};
                int k = read_provider(&r, n->keys[i], n->items[i], &p);

                if (k != 0) {
                        provider_option_done(&p);
                        return k;
                }
                k = put_provider(c, &p);
                if (k < 0)
                        return k;
        }
        return 0;
}

static int read_route(struct reading *r, struct yaml_node *n, struct tier_option *t)
{
        static const char *const known[] = {"provider", "model", "limits", "price"};
        struct yaml_node *price = n->kind == YAML_MAP ? yaml_get(n, "price") : NULL;
        struct limits_option limits = {0};
        struct price paid = {0};
        _cleanup_free_ char *provider = NULL, *model = NULL;
        int k;

        if (n->kind != YAML_MAP)
                return refuse(r, n, "a tier is {provider, model} or a list of these");
        if (price && yaml_is_null(price))
                price = NULL;
        if (t->n_routes == TIER_MAX_ROUTES)
                return refuse(r, n, "more than %d to fall back on", TIER_MAX_ROUTES);
        k = check_known(r, n, known, N_ELEMENTS(known));
        k = k ? k : need_text(r, n, "provider", &provider);
        k = k ? k : need_text(r, n, "model", &model);
        k = k ? k : read_limits(r, yaml_get(n, "limits"), false, &limits);
        k = k || !price ? k : read_price(r, price, &paid);
        k = k ? k : add_route(t, provider, model);
        if (k != 0)
                return k;
        t->routes[t->n_routes - 1].limits = limits;
        t->routes[t->n_routes - 1].has_limits = yaml_get(n, "limits") != NULL;
        t->routes[t->n_routes - 1].price = paid;
        t->routes[t->n_routes - 1].has_price = price != NULL;
        t->routes[t->n_routes - 1].line = n->line;
        t->routes[t->n_routes - 1].column = n->column;
        return 0;
}

static int read_tier(struct reading *r, struct yaml_node *n, struct tier_option *t)
{
        int k = 0;

        tier_option_done(t);
        if (n->kind != YAML_LIST)
                return read_route(r, n, t);
        if (n->n_items == 0)
                return refuse(r, n, "an empty list");
        for (size_t i = 0; k == 0 && i < n->n_items; i++)
                k = read_route(r, n->items[i], t);
        return k;
}

int config_read_tiers(struct config *c, struct yaml_node *n, const char *name,
                      struct failure **ret_failure)
{
        struct reading r = {c, name, NULL, ret_failure};
        int k;

        if (yaml_is_null(n))
                return 0;
        if (n->kind != YAML_MAP)
                return refuse(&r, n, "`tiers` is a map of fast, balanced and quality");
        k = check_known(&r, n, tier_names, N_TIERS);
        for (unsigned t = 0; k == 0 && t < N_TIERS; t++) {
                struct yaml_node *value = yaml_get(n, tier_names[t]);

                if (value)
                        k = read_tier(&r, value, &c->tiers[t]);
        }
        return k;
}

/* Every route leads to a provider that there is. */
int config_check_tiers(const struct config *c, const char *name, struct failure **ret_failure)
{
        const char *names[64], *nearest;
        size_t n_names = 0;

        for (size_t i = 0; i < c->n_providers && n_names < N_ELEMENTS(names); i++)
                names[n_names++] = c->providers[i].name;
        for (unsigned t = 0; t < N_TIERS; t++) {
                for (size_t i = 0; i < c->tiers[t].n_routes; i++) {
                        const char *provider = c->tiers[t].routes[i].provider;
                        struct yaml_node at = {.line = c->tiers[t].routes[i].line,
                                               .column = c->tiers[t].routes[i].column};

                        if (config_find_provider(c, provider))
                                continue;
                        nearest = str_nearest(provider, names, n_names);
                        return config_refuse(ret_failure, name, &at,
                                             "there is no provider `%s`%s%s%s", provider,
                                             nearest ? "; did you mean `" : "",
                                             nearest ? nearest : "", nearest ? "`?" : "");
                }
        }
        return 0;
}
