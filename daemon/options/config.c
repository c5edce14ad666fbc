/* The configuration: made in one go, then never changed. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/canon.h"
#include "daemon/options/internal.h"

#define CONFIG_FORMAT 1 /* of config_hash() */
#define FILE_MAX_BYTES ((size_t)1 << 20)

static const char *set_variable(const char *name)
{
        const char *text = getenv(name);

        return text && *text ? text : NULL;
}

static char *users_dir(void)
{
        const char *base = set_variable("XDG_CONFIG_HOME"), *home = set_variable("HOME");

        if (base && *base == '/')
                return str_printf("%s/genopt", base);
        return home && *home == '/' ? str_printf("%s/.config/genopt", home) : strdup("/etc/genopt");
}

static char *dir_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        if (!slash)
                return strdup(".");
        return str_dup_span((struct span){path, slash == path ? 1 : (size_t)(slash - path)});
}

char *config_key_dir(void)
{
        _cleanup_free_ char *dir = users_dir();

        return dir ? str_printf("%s/keys", dir) : NULL;
}

char *config_resolve_path(const char *dir, const char *path)
{
        const char *home = set_variable("HOME");

        if (str_has_prefix(path, "~/") && home)
                return str_printf("%s%s", home, path + 1);
        return *path == '/' ? strdup(path) : str_printf("%s/%s", dir, path);
}

int config_take(struct config *c, const struct option_match *m, const char *written_as,
                const char *text, const char *dir, const char *where, struct failure **ret_failure)
{
        const struct option *o = m->option;
        enum option_id id = option_id(o);
        char why[OPTION_WHY_BYTES];
        bool is_given;
        uint64_t value;
        int r;

        r = option_read(m, text, &value, &is_given, why);
        if (r > 0) {
                *ret_failure =
                        failure_new_at(FAILURE_BAD_CONFIG, where, "`%s` %s", written_as, why);
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        if (r < 0 || !is_given)
                return r;
        switch (option_take(&c->taken[id], m)) {
        case OPTION_TWICE:
                *ret_failure =
                        failure_new_at(FAILURE_BAD_CONFIG, where, "`%s` is set twice: as `%s` too",
                                       written_as, c->taken[id].as);
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        case OPTION_INERT:
                return 0;
        case OPTION_FIRST:
                break;
        }
        c->values[id] = value;
        if (o->type == OPTION_TEXT) {
                free(c->texts[id]);
                c->texts[id] = config_resolve_path(dir, text);
                if (!c->texts[id])
                        return -ENOMEM;
        }
        return 0;
}

static int take_defaults(struct config *c)
{
        for (unsigned i = 0; i < N_OPTIONS; i++) {
                const struct option_match m = {&option_table[i], false};
                char why[OPTION_WHY_BYTES];
                bool is_given;
                int r;

                if (option_table[i].type == OPTION_TEXT)
                        continue;
                r = option_read(&m, option_table[i].otherwise, &c->values[i], &is_given, why);
                assert(r <= 0); /* our own table */
                if (r < 0)
                        return r;
        }
        return config_add_default_providers(c);
}

static int take_variable(struct config *c, const char *variable, struct failure **ret_failure)
{
        _cleanup_free_ char *where = NULL, *dir = NULL;
        const char *text = set_variable(variable);
        struct option_match m;
        _unused_ bool is_known; /* without assertions */

        if (!text)
                return 0;
        is_known = option_match_variable(variable, &m);
        assert(is_known);
        where = str_printf("$%s", variable);
        dir = realpath(".", NULL);
        if (!where)
                return -ENOMEM;
        return config_take(c, &m, variable, text, dir ? dir : "/", where, ret_failure);
}

static int take_environment(struct config *c, struct failure **ret_failure)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_OPTIONS; i++)
                r = take_variable(c, option_table[i].variable, ret_failure);
        for (const char *const *v = option_alias_variables; r == 0 && *v; v++)
                r = take_variable(c, *v, ret_failure);
        memset(c->taken, 0, sizeof(c->taken));
        return r;
}

int config_new(struct config **ret)
{
        _cleanup_(config_unrefp) struct config *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        atomic_init(&c->n_refs, 1);
        r = take_defaults(c);
        if (r < 0)
                return r;
        *ret = take(c);
        return 0;
}

int config_parse(struct span text, const char *name, const char *dir, struct config **ret,
                 struct failure **ret_failure)
{
        _cleanup_(config_unrefp) struct config *c = NULL;
        int r;

        *ret_failure = NULL;
        r = config_new(&c);
        if (r == 0 && text.n > 0)
                r = config_read_file(c, text, name, dir, ret_failure);
        if (r == 0)
                r = take_environment(c, ret_failure);
        if (r == 0)
                *ret = take(c);
        return r;
}

static int refuse_file(struct failure **ret, const char *path, int error)
{
        *ret = failure_new_at(FAILURE_BAD_CONFIG, path, "the configuration cannot be read: %s",
                              strerror(-error));
        return *ret ? CONDITION_REFUSED : -ENOMEM;
}

static int read_whole(int fd, struct buf *b)
{
        ssize_t n;
        int r;

        do {
                r = buf_reserve(b, 16384);
                if (r < 0)
                        return r == -EMSGSIZE ? -EFBIG : r;
                n = read(fd, b->at + b->n, 16384);
                if (n < 0)
                        return -errno;
                b->n += (size_t)n;
                b->at[b->n] = 0;
        } while (n > 0);
        return b->n > FILE_MAX_BYTES ? -EFBIG : 0;
}

/* CONDITION_ABSENT: there is no such file. */
static int load_file(const char *path, struct config **ret, struct failure **ret_failure)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_free_ char *absolute = NULL, *dir = NULL;
        _cleanup_buf_ struct buf text = {0};
        struct stat st;
        int r;

        buf_init(&text, FILE_MAX_BYTES + 16384);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return CONDITION_ABSENT;
        if (fd < 0 || fstat(fd, &st) < 0)
                return refuse_file(ret_failure, path, -errno);
        r = S_ISREG(st.st_mode) ? read_whole(fd, &text) : -EINVAL;
        if (r < 0)
                return r == -ENOMEM ? r : refuse_file(ret_failure, path, r);
        absolute = realpath(path, NULL);
        dir = absolute ? dir_of(absolute) : NULL;
        if (!dir)
                return -ENOMEM;
        r = config_parse(buf_span(&text), path, dir, ret, ret_failure);
        if (r != 0)
                return r;
        (*ret)->path = take(absolute);
        return 0;
}

int config_load(const char *path, struct config **ret, struct failure **ret_failure)
{
        const char *given = path ? path : set_variable("GENOPT_CONFIG");
        _cleanup_free_ char *dir = NULL, *own = NULL;
        int r;

        *ret_failure = NULL;
        if (given) {
                r = load_file(given, ret, ret_failure);
                return r == CONDITION_ABSENT ? refuse_file(ret_failure, given, -ENOENT) : r;
        }
        dir = users_dir();
        own = dir ? str_printf("%s/genopt.yaml", dir) : NULL;
        if (!own)
                return -ENOMEM;
        r = load_file(own, ret, ret_failure);
        if (r == CONDITION_ABSENT)
                r = load_file("/etc/genopt/genopt.yaml", ret, ret_failure);
        if (r == CONDITION_ABSENT)
                r = config_parse((struct span){0}, "", "/", ret, ret_failure);
        return r;
}

struct config *config_ref(struct config *c)
{
        atomic_fetch_add_explicit(&c->n_refs, 1, memory_order_relaxed);
        return c;
}

struct config *config_unref(struct config *c)
{
        if (!c || atomic_fetch_sub_explicit(&c->n_refs, 1, memory_order_acq_rel) > 1)
                return NULL;
        for (size_t i = 0; i < N_OPTIONS; i++)
                free(c->texts[i]);
        for (size_t i = 0; i < c->n_providers; i++)
                provider_option_done(&c->providers[i]);
        for (size_t i = 0; i < N_TIERS; i++)
                tier_option_done(&c->tiers[i]);
        free(c->providers);
        free(c->path);
        free(c);
        return NULL;
}

uint64_t config_get_u64(const struct config *c, enum option_id id)
{
        assert((unsigned)id < N_OPTIONS && option_table[id].type != OPTION_TEXT);
        return c->values[id];
}

bool config_get_bool(const struct config *c, enum option_id id)
{
        assert((unsigned)id < N_OPTIONS && option_table[id].type == OPTION_BOOL);
        return c->values[id] != 0;
}

const char *config_get_text(const struct config *c, enum option_id id)
{
        assert((unsigned)id < N_OPTIONS && option_table[id].type == OPTION_TEXT);
        return c->texts[id];
}

const char *config_path(const struct config *c)
{
        return c->path;
}

const struct provider_option *config_providers(const struct config *c, size_t *ret_n)
{
        *ret_n = c->n_providers;
        return c->providers;
}

const struct provider_option *config_find_provider(const struct config *c, const char *name)
{
        for (size_t i = 0; i < c->n_providers; i++)
                if (str_is_equal(c->providers[i].name, name))
                        return &c->providers[i];
        return NULL;
}

const struct tier_option *config_tier(const struct config *c, enum tier t)
{
        assert((unsigned)t < N_TIERS);
        return &c->tiers[t];
}

struct limits_option config_limits(const struct config *c, const char *provider, const char *model)
{
        const struct provider_option *p = config_find_provider(c, provider);

        for (unsigned t = 0; model && t < N_TIERS; t++)
                for (size_t i = 0; i < c->tiers[t].n_routes; i++)
                        if (c->tiers[t].routes[i].has_limits &&
                            str_is_equal(c->tiers[t].routes[i].provider, provider) &&
                            str_is_equal(c->tiers[t].routes[i].model, model))
                                return c->tiers[t].routes[i].limits;
        return p ? p->limits : (struct limits_option){0};
}

/* Fields of the canonical form: 1 option, 2 its value, 3 its text; 4–6 a provider; 7 tier, 8
 * provider, 9 model of a route. */
int config_hash(const struct config *c, struct hash *ret)
{
        _cleanup_(canon_freep) struct canon *canon = NULL;
        int r;

        r = canon_new(CONFIG_FORMAT, &canon);
        if (r < 0)
                return r;
        for (size_t i = 0; i < N_OPTIONS; i++) {
                if (!option_table[i].is_part_of_results)
                        continue;
                canon_add_text(canon, 1, option_table[i].name);
                canon_add_u64(canon, 2, c->values[i]);
                canon_add_text(canon, 3, c->texts[i]);
        }
        for (size_t i = 0; i < c->n_providers; i++) {
                canon_add_text(canon, 4, c->providers[i].name);
                canon_add_text(canon, 5, c->providers[i].dialect);
                canon_add_text(canon, 6, c->providers[i].base_url);
        }
        for (size_t t = 0; t < N_TIERS; t++)
                for (size_t i = 0; i < c->tiers[t].n_routes; i++) {
                        canon_add_u64(canon, 7, t);
                        canon_add_text(canon, 8, c->tiers[t].routes[i].provider);
                        canon_add_text(canon, 9, c->tiers[t].routes[i].model);
                }
        canon_get(canon, ret);
        return 0;
}

int config_list_restarts(const struct config *old, const struct config *new, struct strlist *ret)
{
        for (size_t i = 0; i < N_OPTIONS; i++) {
                const struct option *o = &option_table[i];

                if (o->is_reloaded || (old->values[i] == new->values[i] &&
                                       str_is_equal(old->texts[i], new->texts[i])))
                        continue;
                if (strlist_add(ret, o->name) < 0)
                        return -ENOMEM;
        }
        return 0;
}
