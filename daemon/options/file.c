/* genopt.yaml: maps of maps down to the names of the option table, plus the two maps `providers`
 * and `tiers`. */

#include <stdio.h>

#include "daemon/options/internal.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define NAME_BYTES 160 /* of an option with its groups; longer than any there is */

struct reading {
        struct config *config;
        const char *name, *dir; /* of the file */
        struct failure **ret_failure;
};

int config_refuse(struct failure **ret, const char *name, const struct yaml_node *at,
                  const char *format, ...)
{
        _cleanup_buf_ struct buf where = {0}, text = {0};
        va_list args;

        buf_printf(&where, "%s:%u:%u", name, at->line, at->column);
        va_start(args, format);
        buf_vprintf(&text, format, args);
        va_end(args);
        if (where.failed || text.failed)
                return -ENOMEM;
        *ret = failure_new_at(FAILURE_BAD_CONFIG, where.at, "%s", text.at);
        return *ret ? CONDITION_REFUSED : -ENOMEM;
}

static int refuse_unknown(struct reading *r, const char *path, const struct yaml_node *key)
{
        const char *nearest = option_suggest(path),
                   *fault = option_is_group(path) ? "is a group of options, not a value"
                                                  : "is unknown";

        if (nearest)
                return config_refuse(r->ret_failure, r->name, key, "`%s` %s; did you mean `%s`?",
                                     path, fault, nearest);
        return config_refuse(r->ret_failure, r->name, key, "`%s` %s", path, fault);
}

static int read_option(struct reading *r, const char *path, const struct yaml_node *key,
                       struct yaml_node *value)
{
        _cleanup_buf_ struct buf where = {0};
        struct option_match m;

        if (!option_match(path, &m)) {
                if (!option_is_group(path))
                        return refuse_unknown(r, path, key);
                return yaml_is_null(value) ? 0 : refuse_unknown(r, path, value);
        }
        if (yaml_is_null(value))
                return 0;
        if (value->kind != YAML_SCALAR || strlen(value->text) != value->n_text)
                return config_refuse(r->ret_failure, r->name, value, "`%s` is not one value", path);
        buf_printf(&where, "%s:%u:%u", r->name, value->line, value->column);
        if (where.failed)
                return where.failed;
        return config_take(r->config, &m, path, value->text, r->dir, where.at, r->ret_failure);
}

static int read_group(struct reading *r, const char *group, struct yaml_node *map)
{
        for (size_t i = 0; i < map->n_items; i++) {
                struct yaml_node *key = map->keys[i], *value = map->items[i];
                char path[NAME_BYTES];
                struct option_match m;
                int k;

                if (snprintf(path, sizeof(path), "%s%s%s", group, *group ? "." : "", key->text) >=
                    (int)sizeof(path))
                        return config_refuse(r->ret_failure, r->name, key, "an unknown name");
                if (value->kind == YAML_MAP && option_is_group(path))
                        k = read_group(r, path, value);
                else if (value->kind != YAML_SCALAR && !option_match(path, &m))
                        k = refuse_unknown(r, path, key);
                else
                        k = read_option(r, path, key, value);
                if (k != 0)
                        return k;
        }
        return 0;
}

/* The two maps are taken out of the way of the walk over options. */
static int read_top(struct reading *r, struct yaml_node *top)
{
        for (size_t i = 0; i < top->n_items; i++) {
                struct yaml_node *value = top->items[i];
                const char *key = top->keys[i]->text;
                struct yaml_node one = {.kind = YAML_MAP,
                                        .keys = &top->keys[i],
                                        .items = &top->items[i],
                                        .n_items = 1};
                int k;

                if (str_is_equal(key, "providers"))
                        k = config_read_providers(r->config, value, r->name, r->dir,
                                                  r->ret_failure);
                else if (str_is_equal(key, "tiers"))
                        k = config_read_tiers(r->config, value, r->name, r->ret_failure);
                else
                        k = read_group(r, "", &one);
                if (k != 0)
                        return k;
        }
        return 0;
}

int config_read_file(struct config *c, struct span text, const char *name, const char *dir,
                     struct failure **ret_failure)
{
        struct reading r = {c, name, dir, ret_failure};
        _cleanup_(yaml_freep) struct yaml_node *top = NULL;
        struct diag diag = {0};
        int k;

        k = yaml_read(text, FILE_MAX_BYTES, &top, &diag);
        if (k > 0) {
                struct yaml_node at = {.line = diag.line, .column = diag.column};

                return config_refuse(ret_failure, name, &at, "%s", diag.text);
        }
        if (k < 0)
                return k;
        if (top->kind != YAML_MAP)
                return config_refuse(ret_failure, name, top, "the file is not a map of options");
        k = read_top(&r, top);
        memset(c->taken, 0, sizeof(c->taken));
        return k ? k : config_check_tiers(c, name, ret_failure);
}
