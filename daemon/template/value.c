#include "daemon/template/value.h"

#include <stdio.h>

#include "daemon/template/engine.h"

#define DICT_SMALL 8u

const char *value_type_name(struct value v)
{
        static const char *const names[N_VALUE_KINDS] = {
                [V_MISSING] = "missing",
                [V_UNDEFINED] = "Undefined",
                [V_NONE] = "NoneType",
                [V_BOOL] = "bool",
                [V_INT] = "int",
                [V_FLOAT] = "float",
                [V_TEXT] = "str",
                [V_LIST] = "list",
                [V_TUPLE] = "tuple",
                [V_DICT] = "dict",
                [V_RANGE] = "range",
                [V_METHOD] = "builtin_function_or_method",
                [V_FUNCTION] = "function",
                [V_LOOP] = "LoopContext",
                [V_NAMESPACE] = "Namespace",
                [V_MACRO] = "Macro",
                [V_MODULE] = "TemplateModule",
                [V_SELF] = "TemplateReference",
                [V_BLOCK] = "BlockReference",
        };
        static const char *const views[] = {"dict_keys", "dict_values", "dict_items"};

        if (v.kind == V_VIEW)
                return views[v.view->kind];
        if (v.kind == V_ITER)
                return v.iter->type;
        return names[v.kind];
}

static inline void *alloc(struct render *r, size_t n, int *ret_failed)
{
        void *got = arena_alloc(&r->arena, n);

        if (!got)
                *ret_failed = render_no_room(r);
        return got;
}

/* Room for elements that are written before they are read. */
static void *alloc_raw(struct render *r, size_t n, int *ret_failed)
{
        void *got = arena_alloc_raw(&r->arena, n);

        if (!got)
                *ret_failed = render_no_room(r);
        return got;
}

int value_from_json(struct render *r, const json_t *json, struct value *ret)
{
        int failed = 0;

        switch (json_typeof(json)) {
        case JSON_NULL:
                *ret = VALUE_NONE;
                return 0;
        case JSON_TRUE:
        case JSON_FALSE:
                *ret = VALUE_BOOL(json_is_true(json));
                return 0;
        case JSON_INTEGER:
                *ret = VALUE_INT(json_integer_value(json));
                return 0;
        case JSON_REAL:
                *ret = VALUE_FLOAT(json_real_value(json));
                return 0;
        case JSON_STRING:
                *ret = VALUE_SPAN(
                        ((struct span){json_string_value(json), json_string_length(json)}));
                return 0;
        case JSON_ARRAY: {
                struct list *l = alloc(r, sizeof(*l), &failed);

                if (!l)
                        return failed;
                l->pending = json;
                *ret = (struct value){.kind = V_LIST, .list = l};
                return 0;
        }
        case JSON_OBJECT: {
                struct dict *d = alloc(r, sizeof(*d), &failed);

                if (!d)
                        return failed;
                d->pending = json;
                *ret = (struct value){.kind = V_DICT, .dict = d};
                return 0;
        }
        }
        return render_fail(r, "the context holds an unknown kind of data");
}

int value_text_copy(struct render *r, struct span s, struct value *ret)
{
        char *copy = arena_copy(&r->arena, s);
        int failed = render_step(r, s.n);

        if (!copy)
                return render_no_room(r);
        *ret = VALUE_SPAN(((struct span){copy, s.n}));
        return failed;
}

int value_text_take(struct render *r, struct buf *b, struct value *ret)
{
        int failed = render_buf_failed(r, b);

        return failed ? failed : value_text_copy(r, buf_span(b), ret);
}

int value_list(struct render *r, enum value_kind kind, size_t room, struct value *ret)
{
        int failed = 0;
        struct list *l = alloc(r, sizeof(*l), &failed);

        if (!l)
                return failed;
        if (room > RENDER_MAX_BYTES / sizeof(*l->at))
                return render_fail(r, "a list of %zu elements is too long", room);
        if (room) {
                l->at = alloc_raw(r, room * sizeof(*l->at), &failed);
                if (!l->at)
                        return failed;
                l->room = room;
        }
        *ret = (struct value){.kind = kind, .list = l};
        return 0;
}

int value_undefined(struct render *r, const char *hint, const struct value *object,
                    struct value name, struct value *ret)
{
        int failed = 0;
        struct undefined *u = alloc(r, sizeof(*u), &failed);

        if (!u)
                return failed;
        u->hint = hint;
        if (object)
                u->object = object->kind == V_NONE ? "None" : value_type_name(*object);
        u->name = name;
        *ret = (struct value){.kind = V_UNDEFINED, .undefined = u};
        return 0;
}

int value_undefined_lenient(struct render *r, const char *hint, struct value *ret)
{
        int failed = 0;
        struct undefined *u = alloc(r, sizeof(*u), &failed);

        if (!u)
                return failed;
        u->hint = hint;
        u->is_lenient = true;
        *ret = (struct value){.kind = V_UNDEFINED, .undefined = u};
        return 0;
}

int value_explain_undefined(struct render *r, struct value v)
{
        const struct undefined *u = v.undefined;
        _cleanup_buf_ struct buf name = {0};
        const char *object = u->object && strcmp(u->object, "None") == 0 ? "" : " object";
        int failed;

        if (u->hint)
                return render_fail(r, "%s", u->hint);
        buf_init(&name, 0);
        failed = value_write_repr(r, u->name, &name);
        if (failed || name.failed)
                return failed ? failed : name.failed;
        if (!u->object)
                return render_fail(r, "%.100s is undefined", name.at);
        if (u->name.kind == V_TEXT)
                return render_fail(r, "'%s%s' has no attribute %.100s", u->object, object, name.at);
        return render_fail(r, "%s%s has no element %.100s", u->object, object, name.at);
}

int list_open(struct render *r, struct list *l)
{
        const json_t *json = l->pending;
        int failed = 0;

        if (!json)
                return 0;
        l->pending = NULL;
        l->room = json_array_size(json);
        l->at = alloc_raw(r, MAX2(l->room, 1u) * sizeof(*l->at), &failed);
        if (!l->at)
                return failed;
        for (size_t i = 0; i < l->room && !failed; i++)
                failed = value_from_json(r, json_array_get(json, i), &l->at[i]);
        l->n = l->room;
        return failed;
}

int list_add(struct render *r, struct list *l, struct value v)
{
        int failed = list_open(r, l);

        if (failed)
                return failed;
        if (l->n == l->room) {
                size_t room = MAX2(l->room * 2, 4u);
                struct value *more = alloc_raw(r, room * sizeof(*more), &failed);

                if (!more)
                        return failed;
                if (l->n)
                        memcpy(more, l->at, l->n * sizeof(*more));
                l->at = more;
                l->room = room;
        }
        l->at[l->n++] = v;
        return 0;
}

int dict_new(struct render *r, struct dict **ret)
{
        int failed = 0;

        *ret = alloc(r, sizeof(**ret), &failed);
        return failed;
}

static void index_pair(struct dict *d, size_t i)
{
        size_t at = d->pairs[i].hash;

        while (d->index[at & d->index_mask])
                at++;
        d->index[at & d->index_mask] = (uint32_t)i + 1;
}

static int grow_dict(struct render *r, struct dict *d, size_t room)
{
        int failed = 0;
        struct pair *more = alloc_raw(r, room * sizeof(*more), &failed);
        size_t n_index = DICT_SMALL * 2;

        if (!more)
                return failed;
        if (d->n)
                memcpy(more, d->pairs, d->n * sizeof(*more));
        d->pairs = more;
        d->room = room;
        if (room <= DICT_SMALL)
                return 0;
        while (n_index < room * 2)
                n_index *= 2;
        d->index = alloc(r, n_index * sizeof(*d->index), &failed);
        if (!d->index)
                return failed;
        d->index_mask = n_index - 1;
        for (size_t i = 0; i < d->n; i++)
                index_pair(d, i);
        return 0;
}

static int is_key(struct render *r, const struct pair *p, struct value key, uint64_t hash,
                  bool *ret)
{
        *ret = false;
        if (p->hash != hash)
                return 0;
        if (key.kind == V_TEXT && p->key.kind == V_TEXT) {
                *ret = text_is_same(p->key.text, key.text);
                return 0;
        }
        return value_is_equal(r, p->key, key, ret);
}

int dict_find(struct render *r, const struct dict *d, struct value key, uint64_t hash,
              struct pair **ret)
{
        bool is_found = false;
        int failed = 0;

        *ret = NULL;
        if (!d->index && key.kind == V_TEXT) {
                for (size_t i = 0; i < d->n && !*ret; i++)
                        if (dict_is_pair(&d->pairs[i], key.text, hash))
                                *ret = &d->pairs[i];
                return 0;
        }
        if (!d->index) {
                for (size_t i = 0; i < d->n && !failed && !is_found; i++) {
                        failed = is_key(r, &d->pairs[i], key, hash, &is_found);
                        if (is_found)
                                *ret = &d->pairs[i];
                }
                return failed;
        }
        for (size_t at = hash; !failed && !is_found; at++) {
                uint32_t i = d->index[at & d->index_mask];

                if (i == 0)
                        break;
                failed = is_key(r, &d->pairs[i - 1], key, hash, &is_found);
                if (is_found)
                        *ret = &d->pairs[i - 1];
        }
        return failed;
}

/* A key that is not there yet. */
static int add_pair(struct render *r, struct dict *d, struct value key, uint64_t hash,
                    struct value item)
{
        int failed = d->n == d->room ? grow_dict(r, d, MAX2(d->room * 2, 4u)) : 0;

        if (failed)
                return failed;
        d->pairs[d->n] = (struct pair){.key = key, .item = item, .hash = hash};
        if (d->index)
                index_pair(d, d->n);
        d->n++;
        return 0;
}

static int set_pair(struct render *r, struct dict *d, struct value key, struct value item)
{
        struct pair *at;
        uint64_t hash;
        int failed = value_hash(r, key, &hash);

        if (!failed)
                failed = dict_find(r, d, key, hash, &at);
        if (failed)
                return failed;
        if (!at)
                return add_pair(r, d, key, hash, item);
        at->item = item;
        return 0;
}

static int fill_from_json(struct render *r, struct dict *d)
{
        json_t *json = (json_t *)d->pending; /* its iteration does not write */
        int failed = grow_dict(r, d, MAX2(json_object_size(json), 1u));

        d->pending = NULL;
        for (void *i = json_object_iter(json); i && !failed; i = json_object_iter_next(json, i)) {
                struct span key = {json_object_iter_key(i), json_object_iter_key_len(i)};
                struct pair *p = &d->pairs[d->n];

                p->key = VALUE_SPAN(key);
                p->hash = text_hash(key);
                failed = value_from_json(r, json_object_iter_value(i), &p->item);
                if (d->index)
                        index_pair(d, d->n);
                d->n++;
        }
        return failed ? failed : render_step(r, d->n * sizeof(struct pair));
}

int dict_open(struct render *r, struct dict *d)
{
        return d->pending ? fill_from_json(r, d) : 0;
}

int dict_set(struct render *r, struct dict *d, struct value key, struct value item)
{
        int failed = dict_open(r, d);

        return failed ? failed : set_pair(r, d, key, item);
}

int dict_get_hashed(struct render *r, struct dict *d, struct span key, uint64_t hash,
                    struct value *ret)
{
        uint8_t hint = 0;

        return dict_get_hinted(r, d, key, hash, &hint, ret);
}

int dict_look(struct render *r, struct dict *d, struct span key, uint64_t hash, uint8_t *hint,
              struct value *ret)
{
        struct pair *at = NULL;
        int failed = dict_open(r, d);

        if (!failed)
                failed = dict_find(r, d, VALUE_SPAN(key), hash, &at);
        if (failed)
                return failed;
        *ret = VALUE_MISSING;
        if (at) {
                *hint = (uint8_t)(at - d->pairs);
                *ret = at->item;
        }
        return 0;
}

int dict_get(struct render *r, struct dict *d, struct value key, struct value *ret)
{
        struct pair *at = NULL;
        uint64_t hash;
        int failed;

        if (key.kind == V_TEXT) {
                failed = render_step(r, key.text.n);
                return failed ? failed : dict_get_hashed(r, d, key.text, text_hash(key.text), ret);
        }
        failed = dict_open(r, d);
        if (!failed)
                failed = value_hash(r, key, &hash);
        if (!failed)
                failed = dict_find(r, d, key, hash, &at);
        if (!failed)
                *ret = at ? at->item : VALUE_MISSING;
        return failed;
}
