#include <ctype.h>

#include "daemon/input/openapi.h"

/* `$ref`: a JSON pointer into the document. What leaves it is not fetched. */

/* A part of a JSON pointer (RFC 6901) in a URI: "~1" is "/", "~0" is "~", "%20" a blank. */
static char *pointer_part(struct reader *rd, struct span part)
{
        char *text = str_dup_span(part), *to = text;

        if (!text) {
                reader_fail(rd, -ENOMEM);
                return NULL;
        }
        for (const char *at = text; *at; at++) {
                if (*at == '~' && (at[1] == '0' || at[1] == '1')) {
                        *to++ = *++at == '0' ? '~' : '/';
                } else if (*at == '%' && isxdigit((unsigned char)at[1]) &&
                           isxdigit((unsigned char)at[2]) && (at[1] != '0' || at[2] != '0')) {
                        const char hex[] = {at[1], at[2], '\0'};

                        *to++ = (char)strtoul(hex, NULL, 16);
                        at += 2;
                } else {
                        *to++ = *at;
                }
        }
        *to = '\0';
        return text;
}

static void refuse_missing(struct openapi *o, const struct yaml_node *at,
                           const struct yaml_node *map, const char *name)
{
        const char **names = NULL, *near = NULL;

        if (map && map->kind == YAML_MAP && map->n_items > 0) {
                names = calloc(map->n_items, sizeof(*names));
                if (!names) {
                        reader_fail(o->rd, -ENOMEM);
                        return;
                }
                for (size_t i = 0; i < map->n_items; i++)
                        names[i] = map->keys[i]->text;
                near = str_nearest(name, names, map->n_items);
        }
        reader_refuse(o->rd, at, "`$ref` leads to `%.100s`, and there is no `%.60s`%s%s%s",
                      at->text, name, near ? "; did you mean `" : "", near ? near : "",
                      near ? "`?" : "");
        free(names);
}

int64_t openapi_find(const struct openapi *o, const char *name)
{
        size_t low = 0, high = o->schemas ? o->schemas->n_items : 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = strcmp(o->schemas->keys[o->order[middle]]->text, name);

                if (c == 0)
                        return (int64_t)o->order[middle];
                if (c < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return -1;
}

/* One step: the node that a pointer into this document means. */
static struct yaml_node *follow(struct openapi *o, const struct yaml_node *ref, int64_t *ret_schema)
{
        struct yaml_node *n = o->top;
        const char *at = ref->text + 1;

        while (n && *at == '/') {
                size_t length = strcspn(++at, "/");
                _cleanup_free_ char *name = pointer_part(o->rd, (struct span){at, length});
                int64_t schema = name && n == o->schemas ? openapi_find(o, name) : -1;
                struct yaml_node *next = NULL;

                if (!name)
                        return NULL;
                if (n != o->schemas)
                        next = yaml_get(n, name);
                else if (schema >= 0)
                        next = reader_item(n, (size_t)schema);
                *ret_schema = at[length] ? -1 : schema;
                if (!next) {
                        refuse_missing(o, ref, n, name);
                        return NULL;
                }
                n = next;
                at += length;
        }
        return n;
}

struct yaml_node *openapi_resolve(struct openapi *o, struct yaml_node *n, int64_t *ret_schema)
{
        int64_t schema = -1;

        for (unsigned step = 0; n && !o->rd->error; step++) {
                struct yaml_node *ref = yaml_get(n, "$ref");

                if (!ref) {
                        if (ret_schema)
                                *ret_schema = schema;
                        return n;
                }
                if (ref->kind != YAML_SCALAR) {
                        reader_refuse(o->rd, ref, "`$ref` must be a text like `#/components/…`");
                } else if (step == OPENAPI_MAX_STEPS) {
                        reader_refuse(o->rd, ref, "`$ref` leads round in a circle: %.100s",
                                      ref->text);
                } else if (ref->text[0] == '#' && ref->text[1] != '/') {
                        reader_refuse(o->rd, ref,
                                      "`$ref` must lead to a place like `#/components/schemas/X`, "
                                      "not `%.100s`",
                                      ref->text);
                } else if (ref->text[0] != '#') {
                        reader_warn(o->rd, ref,
                                    "`$ref` leads out of this document (%.100s) and is read as "
                                    "`any`: bundle the documents into one",
                                    ref->text);
                        return NULL;
                } else {
                        n = follow(o, ref, &schema);
                }
        }
        return NULL;
}
