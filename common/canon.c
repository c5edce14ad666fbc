#include "common/canon.h"

#include "common/buf.h"
#include "common/str.h"

#define MAX_DEPTH 64 /* as deep as what the readers accept */

/* Fields are mostly a few bytes long, and a hash takes a block as fast as a byte. */
#define WAITING_BYTES 256

struct canon {
        struct hasher *hasher; /* owned */
        size_t n_waiting;
        uint8_t waiting[WAITING_BYTES];
};

static size_t put_be(uint8_t *to, uint64_t value, size_t n_bytes)
{
        for (size_t i = 0; i < n_bytes; i++)
                to[i] = (uint8_t)(value >> 8 * (n_bytes - 1 - i));
        return n_bytes;
}

static void flush(struct canon *c)
{
        hasher_add(c->hasher, c->waiting, c->n_waiting);
        c->n_waiting = 0;
}

static void add(struct canon *c, const void *bytes, size_t n)
{
        if (n > WAITING_BYTES - c->n_waiting)
                flush(c);
        if (n > WAITING_BYTES) {
                hasher_add(c->hasher, bytes, n);
                return;
        }
        memcpy(c->waiting + c->n_waiting, bytes, n);
        c->n_waiting += n;
}

int canon_new(uint16_t version, struct canon **ret)
{
        _cleanup_(canon_freep) struct canon *c = malloc(sizeof(*c));
        uint8_t head[2];
        int r;

        if (!c)
                return -ENOMEM;
        c->hasher = NULL;
        c->n_waiting = 0;
        r = hasher_new(&c->hasher);
        if (r < 0)
                return r;
        add(c, head, put_be(head, version, 2));
        *ret = take(c);
        return 0;
}

struct canon *canon_free(struct canon *c)
{
        if (!c)
                return NULL;
        hasher_free(c->hasher);
        free(c);
        return NULL;
}

static void add_record(struct canon *c, uint16_t field, char type, const void *bytes, size_t n)
{
        uint8_t head[11];

        put_be(head, field, 2);
        head[2] = (uint8_t)type;
        put_be(head + 3, n, 8);
        add(c, head, sizeof(head));
        add(c, bytes, n);
}

void canon_add_bytes(struct canon *c, uint16_t field, const void *bytes, size_t n)
{
        add_record(c, field, 'b', n ? bytes : "", n);
}

void canon_add_text(struct canon *c, uint16_t field, const char *text)
{
        if (text)
                add_record(c, field, 't', text, strlen(text));
}

void canon_add_u64(struct canon *c, uint16_t field, uint64_t value)
{
        uint8_t bytes[8];

        add_record(c, field, 'u', bytes, put_be(bytes, value, 8));
}

void canon_add_hash(struct canon *c, uint16_t field, const struct hash *h)
{
        add_record(c, field, 'h', h->at, sizeof(h->at));
}

static int add_count(struct buf *b, uint64_t value)
{
        uint8_t bytes[8];

        return buf_add(b, bytes, put_be(bytes, value, 8));
}

static int add_counted(struct buf *b, const void *bytes, size_t n)
{
        add_count(b, n);
        return buf_add(b, bytes, n);
}

struct member {
        const char *key;
        size_t n_key;
        const json_t *value;
};

static int compare_members(const void *a, const void *b)
{
        const struct member *x = a, *y = b;
        int c = memcmp(x->key, y->key, MIN2(x->n_key, y->n_key));

        return c ? c : (x->n_key > y->n_key) - (x->n_key < y->n_key);
}

static int add_value(struct buf *b, const json_t *value, unsigned depth);

static int add_object(struct buf *b, const json_t *object, unsigned depth)
{
        _cleanup_free_ struct member *members = NULL;
        size_t n = json_object_size(object), i = 0;
        void *at;

        members = reallocarray(NULL, n ? n : 1, sizeof(*members));
        if (!members)
                return -ENOMEM;
        for (at = json_object_iter((json_t *)object); at;
             at = json_object_iter_next((json_t *)object, at))
                members[i++] =
                        (struct member){json_object_iter_key(at), json_object_iter_key_len(at),
                                        json_object_iter_value(at)};
        qsort(members, n, sizeof(*members), compare_members);
        buf_add_char(b, 'o');
        add_count(b, n);
        for (i = 0; i < n; i++) {
                int r;

                add_counted(b, members[i].key, members[i].n_key);
                r = add_value(b, members[i].value, depth);
                if (r < 0)
                        return r;
        }
        return b->failed;
}

static int add_array(struct buf *b, const json_t *array, unsigned depth)
{
        size_t i;
        json_t *value;

        buf_add_char(b, 'a');
        add_count(b, json_array_size(array));
        json_array_foreach (array, i, value) {
                int r = add_value(b, value, depth);

                if (r < 0)
                        return r;
        }
        return b->failed;
}

static int add_value(struct buf *b, const json_t *value, unsigned depth)
{
        char text[STR_DOUBLE_BYTES];

        if (depth == MAX_DEPTH)
                return -E2BIG;
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return add_object(b, value, depth + 1);
        case JSON_ARRAY:
                return add_array(b, value, depth + 1);
        case JSON_STRING:
                buf_add_char(b, 's');
                return add_counted(b, json_string_value(value), json_string_length(value));
        case JSON_INTEGER:
                buf_add_char(b, 'i');
                return add_count(b, (uint64_t)json_integer_value(value));
        case JSON_REAL:
                /* -0.0 equals 0.0 */
                str_from_double(json_real_value(value) + 0.0, text);
                buf_add_char(b, 'r');
                return add_counted(b, text, strlen(text));
        case JSON_TRUE:
                return buf_add_char(b, 'T');
        case JSON_FALSE:
                return buf_add_char(b, 'f');
        default:
                return buf_add_char(b, 'n');
        }
}

int canon_add_json(struct canon *c, uint16_t field, const json_t *value)
{
        _cleanup_buf_ struct buf b = {0};
        int r;

        r = add_value(&b, value, 0);
        if (r < 0)
                return r;
        add_record(c, field, 'j', b.at, b.n);
        return 0;
}

void canon_get(struct canon *c, struct hash *ret)
{
        flush(c);
        hasher_get(c->hasher, ret);
}
