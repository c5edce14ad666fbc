#include "daemon/input/reader.h"

#include <stdarg.h>
#include <stdio.h>

void reader_fail(struct reader *rd, int error)
{
        if (!rd->error)
                rd->error = error;
}

static char *place(const struct reader *rd, const struct yaml_node *at)
{
        return at ? str_printf("%s:%u:%u", rd->file_name, at->line, at->column)
                  : str_dup_span(span_of(rd->file_name));
}

void reader_refuse(struct reader *rd, const struct yaml_node *at, const char *format, ...)
{
        _cleanup_free_ char *where = NULL;
        char text[400];
        va_list args;

        if (rd->error)
                return;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        where = place(rd, at);
        if (where)
                rd->failure = failure_new_at(FAILURE_BAD_SPEC, where, "%s", text);
        rd->error = rd->failure ? CONDITION_REFUSED : -ENOMEM;
}

void reader_warn(struct reader *rd, const struct yaml_node *at, const char *format, ...)
{
        _cleanup_free_ char *where = NULL, *line = NULL;
        char text[400];
        va_list args;

        if (rd->error)
                return;
        if (rd->model->warnings.n >= SPEC_MAX_WARNINGS) {
                rd->n_dropped_warnings++;
                return;
        }
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        where = place(rd, at);
        line = where ? str_printf("%s: %s", where, text) : NULL;
        if (line && strlist_has(&rd->model->warnings, line))
                return;
        if (!line || strlist_add(&rd->model->warnings, line) < 0)
                reader_fail(rd, -ENOMEM);
}

void reader_say(struct reader *rd, const char *format, ...)
{
        char text[400];
        va_list args;

        if (rd->error || rd->model->notes.n >= SPEC_MAX_NOTES)
                return;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        if (strlist_add(&rd->model->notes, text) < 0)
                reader_fail(rd, -ENOMEM);
}

char *reader_copy(struct reader *rd, const char *text)
{
        char *copy = rd->error ? NULL : str_dup_span(span_of(text));

        if (!copy)
                reader_fail(rd, -ENOMEM);
        return copy;
}

bool reader_is_identity(const char *name)
{
        return strcasecmp(name, "id") == 0;
}

struct yaml_node *reader_get(struct reader *rd, struct yaml_node *n, const char *names)
{
        char name[64];

        if (rd->error || !n || n->kind != YAML_MAP)
                return NULL;
        while (*names) {
                size_t length = strcspn(names, "|");
                struct yaml_node *value;

                assert(length < sizeof(name));
                memcpy(name, names, length);
                name[length] = '\0';
                value = yaml_get(n, name);
                if (value && !yaml_is_null(value))
                        return value;
                names += length;
                names += *names == '|';
        }
        return NULL;
}

const struct yaml_node *reader_peek(const struct yaml_node *n, const char *key)
{
        for (size_t i = 0; n && n->kind == YAML_MAP && i < n->n_items; i++)
                if (strcmp(n->keys[i]->text, key) == 0)
                        return n->items[i];
        return NULL;
}

struct yaml_node *reader_item(struct yaml_node *map, size_t i)
{
        map->keys[i]->was_read = true;
        map->items[i]->was_read = true;
        return map->items[i];
}

static const char *kind_name(const struct yaml_node *n)
{
        return n->kind == YAML_LIST ? "a list" : n->kind == YAML_MAP ? "a map" : "a text";
}

static struct yaml_node *get_kind(struct reader *rd, struct yaml_node *n, const char *names,
                                  enum yaml_kind kind)
{
        struct yaml_node *value = reader_get(rd, n, names);

        if (value && value->kind != kind) {
                reader_refuse(rd, value, "`%.*s` must be %s, but %s stands here",
                              (int)strcspn(names, "|"), names,
                              kind == YAML_LIST ? "a list" : "a map", kind_name(value));
                return NULL;
        }
        if (value && value->n_items > SPEC_MAX_ITEMS) {
                reader_refuse(rd, value, "more than %u items", SPEC_MAX_ITEMS);
                return NULL;
        }
        return value;
}

struct yaml_node *reader_list(struct reader *rd, struct yaml_node *n, const char *names)
{
        return get_kind(rd, n, names, YAML_LIST);
}

struct yaml_node *reader_map(struct reader *rd, struct yaml_node *n, const char *names)
{
        return get_kind(rd, n, names, YAML_MAP);
}

char *reader_scalar(struct reader *rd, const struct yaml_node *n, const char *what)
{
        struct span s;
        char *text;

        if (rd->error || yaml_is_null(n))
                return NULL;
        if (n->kind != YAML_SCALAR) {
                reader_refuse(rd, n, "`%.*s` must be a text, but %s stands here",
                              (int)strcspn(what, "|"), what, kind_name(n));
                return NULL;
        }
        s = str_trim((struct span){n->text, n->n_text});
        if (s.n == 0)
                return NULL;
        text = str_dup_span(s);
        if (!text)
                reader_fail(rd, -ENOMEM);
        return text;
}

char *reader_text(struct reader *rd, struct yaml_node *n, const char *names)
{
        return reader_scalar(rd, reader_get(rd, n, names), names);
}

bool reader_bool(struct reader *rd, struct yaml_node *n, const char *names, bool otherwise)
{
        static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no",
                                                                               "off"};
        struct yaml_node *value = reader_get(rd, n, names);

        if (!value || value->kind != YAML_SCALAR) {
                if (value)
                        reader_refuse(rd, value, "`%.*s` must be true or false",
                                      (int)strcspn(names, "|"), names);
                return otherwise;
        }
        for (size_t i = 0; i < N_ELEMENTS(yes); i++) {
                if (strcasecmp(value->text, yes[i]) == 0)
                        return true;
                if (strcasecmp(value->text, no[i]) == 0)
                        return false;
        }
        reader_refuse(rd, value, "`%.*s` must be true or false, not `%.60s`",
                      (int)strcspn(names, "|"), names, value->text);
        return otherwise;
}

static void add_text(struct reader *rd, const struct yaml_node *n, const char *names,
                     struct strlist *ret)
{
        _cleanup_free_ char *text = reader_scalar(rd, n, names);

        if (text && strlist_add(ret, text) < 0)
                reader_fail(rd, -ENOMEM);
}

void reader_texts(struct reader *rd, struct yaml_node *n, const char *names, struct strlist *ret)
{
        struct yaml_node *value = reader_get(rd, n, names);

        if (!value)
                return;
        if (value->kind == YAML_SCALAR) {
                add_text(rd, value, names, ret);
                return;
        }
        if (value->kind != YAML_LIST || value->n_items > SPEC_MAX_ITEMS) {
                reader_refuse(rd, value, "`%.*s` must be a list of texts, but %s stands here",
                              (int)strcspn(names, "|"), names, kind_name(value));
                return;
        }
        for (size_t i = 0; i < value->n_items; i++)
                add_text(rd, value->items[i], names, ret);
}

char *reader_paragraph(struct reader *rd, struct yaml_node *n, const char *names)
{
        struct yaml_node *value = reader_get(rd, n, names);
        _cleanup_buf_ struct buf b = {0};
        struct strlist lines = {0};
        char *text = NULL;

        if (!value || value->kind == YAML_SCALAR)
                return reader_scalar(rd, value, names);
        reader_texts(rd, n, names, &lines);
        for (size_t i = 0; i < lines.n; i++)
                (void)buf_printf(&b, "%s- %s", i ? "\n" : "", lines.at[i]);
        strlist_done(&lines);
        if (b.failed)
                reader_fail(rd, b.failed);
        else if (b.n > 0)
                text = buf_steal(&b, NULL);
        return text;
}

void *reader_more(struct reader *rd, void **at, size_t n_at, size_t n_more, size_t size)
{
        char *grown;

        if (rd->error)
                return NULL;
        grown = reallocarray(*at, n_at + n_more + 1, size);
        if (!grown) {
                reader_fail(rd, -ENOMEM);
                return NULL;
        }
        memset(grown + n_at * size, 0, (n_more + 1) * size);
        *at = grown;
        return grown + n_at * size;
}

void reader_note(struct reader *rd, struct places *p, const struct yaml_node *n)
{
        const struct yaml_node **grown;

        if (rd->error)
                return;
        if ((p->n & (p->n - 1)) == 0) { /* room is the next power of two */
                grown = reallocarray(p->at, p->n ? p->n * 2 : 1, sizeof(*grown));
                if (!grown) {
                        reader_fail(rd, -ENOMEM);
                        return;
                }
                p->at = grown;
        }
        p->at[p->n++] = n;
}

const struct yaml_node *reader_place(struct reader *rd, unsigned line, unsigned column)
{
        static const struct yaml_node nowhere;
        struct yaml_node **grown, *n;

        if (rd->error)
                return &nowhere;
        if ((rd->n_made & (rd->n_made - 1)) == 0) { /* as in reader_note() */
                grown = reallocarray(rd->made, rd->n_made ? rd->n_made * 2 : 1, sizeof(*grown));
                if (grown)
                        rd->made = grown;
                else
                        reader_fail(rd, -ENOMEM);
        }
        n = rd->error ? NULL : calloc(1, sizeof(*n));
        if (!n) {
                reader_fail(rd, -ENOMEM);
                return &nowhere;
        }
        n->line = line;
        n->column = column;
        rd->made[rd->n_made++] = n;
        return n;
}

static int compare_keys(const void *a, const void *b, void *arg)
{
        const struct yaml_node *map = arg;

        return strcmp(map->keys[*(const size_t *)a]->text, map->keys[*(const size_t *)b]->text);
}

size_t *reader_sorted_keys(struct reader *rd, const struct yaml_node *map)
{
        size_t *order = calloc(map->n_items + 1, sizeof(*order));

        if (!order) {
                reader_fail(rd, -ENOMEM);
                return NULL;
        }
        for (size_t i = 0; i < map->n_items; i++)
                order[i] = i;
        qsort_r(order, map->n_items, sizeof(*order), compare_keys, (void *)map);
        return order;
}
