#include "daemon/plan/prices.h"

#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>

#include "common/buf.h"
#include "common/path.h"
#include "common/str.h"
#include "common/yaml.h"

#define PRICE_BOOK_MAX_BYTES (256u << 10) /* a page of data; more is not a price book */
#define NANO_PER_DOLLAR_PER_MILLION 1000.0

struct price_book {
        atomic_uint n_refs;
        char *date; /* owned */
        struct model_facts *models;
        size_t n_models;
        struct hash hash;
};

struct price_book *price_book_ref(struct price_book *b)
{
        atomic_fetch_add_explicit(&b->n_refs, 1, memory_order_relaxed);
        return b;
}

struct price_book *price_book_unref(struct price_book *b)
{
        if (!b || atomic_fetch_sub_explicit(&b->n_refs, 1, memory_order_acq_rel) != 1)
                return NULL;
        for (size_t i = 0; i < b->n_models; i++)
                free(b->models[i].name);
        free(b->models);
        free(b->date);
        free(b);
        return NULL;
}

/* Where reading stands: the file's name and the fault, once there is one. */
struct reading {
        const char *name;
        struct failure *failure;
};

static int refuse(struct reading *r, const struct yaml_node *at, const char *text)
{
        _cleanup_free_ char *where =
                str_printf("%s:%u:%u", r->name, at ? at->line : 0, at ? at->column : 0);

        if (!r->failure)
                r->failure = failure_new_at(FAILURE_BAD_CONFIG, where, "%s", text);
        return r->failure ? CONDITION_REFUSED : -ENOMEM;
}

static int read_number(struct reading *r, struct yaml_node *map, const char *key, double *ret)
{
        struct yaml_node *n = yaml_get(map, key);
        double value;

        if (!n)
                return refuse(r, map, key);
        if (n->kind != YAML_SCALAR || str_to_double(n->text, &value) < 0 || value < 0)
                return refuse(r, n, "a number that is not negative is wanted here");
        *ret = value;
        return 0;
}

struct number_field {
        const char *key;
        size_t offset;
        double factor;
};

static const struct number_field price_fields[] = {
        {"input", offsetof(struct price, input), NANO_PER_DOLLAR_PER_MILLION},
        {"cache_read", offsetof(struct price, cache_read), NANO_PER_DOLLAR_PER_MILLION},
        {"cache_write_5m", offsetof(struct price, cache_write_5m), NANO_PER_DOLLAR_PER_MILLION},
        {"cache_write_1h", offsetof(struct price, cache_write_1h), NANO_PER_DOLLAR_PER_MILLION},
        {"output", offsetof(struct price, output), NANO_PER_DOLLAR_PER_MILLION},
};

static const struct number_field model_fields[] = {
        {"window", offsetof(struct model_facts, window), 1},
        {"max_output", offsetof(struct model_facts, max_output), 1},
        {"cache_minimum", offsetof(struct model_facts, cache_minimum), 1},
        {"first_token_ms", offsetof(struct model_facts, first_token_ms), 1},
        {"input_per_second", offsetof(struct model_facts, input_per_second), 1},
        {"output_per_second", offsetof(struct model_facts, output_per_second), 1},
};

static const char *const class_keys[N_TEXT_CLASSES] = {"prose", "data", "code"};

static int read_numbers(struct reading *r, struct yaml_node *map, const struct number_field *fields,
                        size_t n_fields, void *base)
{
        for (size_t i = 0; i < n_fields; i++) {
                double value = 0;
                int k = read_number(r, map, fields[i].key, &value);

                if (k)
                        return k;
                *(uint64_t *)((char *)base + fields[i].offset) =
                        (uint64_t)llround(value * fields[i].factor);
        }
        return 0;
}

static const char *const cache_kinds[N_PROMPT_CACHES] = {"marks", "explicit", "prefix"};

/* cache: {kind: marks, minutes: 5, long_minutes: 60}; what is not said is as here. */
static int read_cache(struct reading *r, struct yaml_node *n, struct model_facts *m)
{
        struct yaml_node *kind = n ? yaml_get(n, "kind") : NULL;
        double minutes = 5, long_minutes = 60;
        int k = 0;

        for (size_t i = 0; kind; i++) {
                if (kind->kind != YAML_SCALAR || i == N_PROMPT_CACHES)
                        return refuse(r, kind, "`kind` of a cache is marks, explicit or prefix");
                m->cache = (enum prompt_cache)i;
                if (str_is_equal(kind->text, cache_kinds[i]))
                        break;
        }
        if (n && yaml_get(n, "minutes")) {
                k = read_number(r, n, "minutes", &minutes);
                long_minutes = minutes;
        }
        if (k == 0 && n && yaml_get(n, "long_minutes"))
                k = read_number(r, n, "long_minutes", &long_minutes);
        m->cache_short_ms = (uint64_t)llround(minutes * 60000);
        m->cache_long_ms = (uint64_t)llround(long_minutes * 60000);
        return k;
}

static int read_model(struct reading *r, struct yaml_node *n, struct model_facts *m)
{
        struct yaml_node *name = yaml_get(n, "name"), *ratios = yaml_get(n, "bytes_per_token"),
                         *continues = yaml_get(n, "continues");
        int k;

        if (continues &&
            (continues->kind != YAML_SCALAR ||
             (!str_is_equal(continues->text, "yes") && !str_is_equal(continues->text, "no"))))
                return refuse(r, continues, "`continues` is yes or no");
        m->does_not_continue = continues && str_is_equal(continues->text, "no");
        if (!name || name->kind != YAML_SCALAR)
                return refuse(r, n, "a model needs a name");
        m->name = strdup(name->text);
        if (!m->name)
                return -ENOMEM;
        k = read_numbers(r, yaml_get(n, "price"), price_fields, N_ELEMENTS(price_fields),
                         &m->price);
        if (k)
                return k;
        k = read_numbers(r, n, model_fields, N_ELEMENTS(model_fields), m);
        if (k)
                return k;
        k = read_cache(r, yaml_get(n, "cache"), m);
        if (k)
                return k;
        for (size_t c = 0; c < N_TEXT_CLASSES; c++) {
                k = read_number(r, ratios, class_keys[c], &m->bytes_per_token[c]);
                if (k)
                        return k;
                if (m->bytes_per_token[c] < 0.5)
                        return refuse(r, ratios, "bytes per token are at least 0.5");
        }
        if (!m->input_per_second || !m->output_per_second || !m->window || !m->max_output)
                return refuse(r, n, "speeds, window and max_output are above 0");
        return 0;
}

static int on_unread(const char *path, const struct yaml_node *key, void *arg)
{
        _cleanup_free_ char *text = str_printf("key `%s` is not known here", path);

        return text ? refuse(arg, key, text) : -ENOMEM;
}

static int read_book(struct reading *r, struct yaml_node *root, struct price_book *b)
{
        struct yaml_node *models = yaml_get(root, "models"), *date = yaml_get(root, "date"),
                         *format = yaml_get(root, "format");

        if (!format || format->kind != YAML_SCALAR || !str_is_equal(format->text, "1"))
                return refuse(r, format ? format : root, "`format: 1` is wanted");
        if (!date || date->kind != YAML_SCALAR)
                return refuse(r, root, "a price book has a date");
        b->date = strdup(date->text);
        if (!b->date)
                return -ENOMEM;
        if (!models || models->kind != YAML_LIST || models->n_items == 0)
                return refuse(r, models ? models : root,
                              "`models` is a list with at least one row");
        b->models = calloc(models->n_items, sizeof(*b->models));
        if (!b->models)
                return -ENOMEM;
        for (size_t i = 0; i < models->n_items; i++) {
                int k;

                b->n_models = i + 1;
                k = read_model(r, models->items[i], &b->models[i]);
                if (k)
                        return k;
        }
        if (!str_is_equal(b->models[b->n_models - 1].name, "*"))
                return refuse(r, models,
                              "the last model is `*`: what holds for models nobody knows");
        return yaml_unread(root, on_unread, r);
}

int price_book_read(struct span text, const char *name, struct price_book **ret,
                    struct failure **ret_failure)
{
        _cleanup_(price_book_unrefp) struct price_book *b = calloc(1, sizeof(*b));
        _cleanup_(yaml_freep) struct yaml_node *root = NULL;
        struct reading r = {.name = name};
        struct diag diag = {0};
        int k;

        if (!b)
                return -ENOMEM;
        b->n_refs = 1;
        hash_of(text.at, text.n, &b->hash);
        k = yaml_read(text, PRICE_BOOK_MAX_BYTES, &root, &diag);
        if (k == CONDITION_REFUSED)
                k = refuse(&r, &(struct yaml_node){.line = diag.line, .column = diag.column},
                           diag.text);
        else if (k == 0)
                k = read_book(&r, root, b);
        if (k) {
                if (k > 0)
                        *ret_failure = take(r.failure);
                failure_free(r.failure);
                return k;
        }
        *ret = take(b);
        return 0;
}

/* A file of the package, which a build tree reaches through a link: the link is followed here, and
 * nowhere else. */
static int read_file(const char *path, struct buf *text)
{
        _cleanup_free_ char *real = realpath(path, NULL);
        _cleanup_close_ int fd = -1;
        char *slash = real ? strrchr(real, '/') : NULL;

        if (!slash)
                return -errno;
        *slash = '\0';
        fd = open(*real ? real : "/", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : path_read(fd, slash + 1, PRICE_BOOK_MAX_BYTES, text);
}

int price_book_load(const char *path, struct price_book **ret, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf text = {0};
        int k;

        buf_init(&text, PRICE_BOOK_MAX_BYTES);
        k = read_file(path, &text);
        if (k < 0 && k != -ENOMEM) {
                *ret_failure = failure_new_at(FAILURE_BAD_CONFIG, path,
                                              "the price book cannot be read: %s", strerror(-k));
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        return k ? k : price_book_read(buf_span(&text), path, ret, ret_failure);
}

static bool fits(const struct model_facts *m, const char *model)
{
        return m->is_given ? str_is_equal(model, m->name) : str_has_prefix(model, m->name);
}

int price_book_set(struct price_book *b, const char *model, const struct price *price)
{
        struct model_facts *more = reallocarray(b->models, b->n_models + 1, sizeof(*more)), row;
        struct hasher *h = NULL;

        if (!more)
                return -ENOMEM;
        b->models = more;
        row = *price_book_find(b, model);
        row.name = strdup(model);
        row.price = *price;
        row.is_given = true;
        if (!row.name || hasher_new(&h) < 0) {
                free(row.name);
                return -ENOMEM;
        }
        memmove(b->models + 1, b->models, b->n_models * sizeof(*b->models));
        b->models[0] = row;
        b->n_models++;
        hasher_add(h, b->hash.at, HASH_BYTES);
        hasher_add(h, model, strlen(model) + 1);
        hasher_add(h, price, sizeof(*price));
        hasher_get(h, &b->hash);
        hasher_free(h);
        return 0;
}

static const struct model_facts *find_known(const struct price_book *b, const char *model)
{
        for (size_t i = 0; i + 1 < b->n_models; i++)
                if (fits(&b->models[i], model))
                        return &b->models[i];
        return NULL;
}

/* Gateways name whose model it is first: `openrouter/openai/gpt-5.4`, `us.anthropic.claude-…`. */
const struct model_facts *price_book_find(const struct price_book *b, const char *model)
{
        const struct model_facts *m = find_known(b, model);

        for (const char *at = model; !m && (at = strpbrk(at, "/.")); at++)
                m = find_known(b, at + 1);
        return m ? m : &b->models[b->n_models - 1];
}

const char *price_book_date(const struct price_book *b)
{
        return b->date;
}

void price_book_hash(const struct price_book *b, struct hash *ret)
{
        *ret = b->hash;
}
