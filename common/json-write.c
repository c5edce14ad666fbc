/* Jansson's values as text. Its own dumper asks a callback for every comma and sorts by way of a
 * hash table: most of what an accepted job cost was that. */

#include "common/json.h"

#include "common/str.h"

#define DEPTH_MAX 2048 /* as deep as Jansson reads; deeper is a value that contains itself */
#define FEW_MEMBERS 32 /* of all objects that are open: no allocation */
#define REAL_BYTES 64

struct member {
        const char *key;
        size_t n_key;
        const json_t *value;
};

/* Members of the objects that are open, those of the innermost last: the depth of a value costs no
 * stack to speak of. */
struct writer {
        struct buf *b;
        struct member *members; /* few, or owned */
        size_t n, room;
        struct member few[FEW_MEMBERS];
};

/* The letter after a backslash, 'u' for four digits, or 0 for what stands as it is. */
static char escape_of(unsigned char c)
{
        static const char escapes[0x20] = {
                ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

        if (c >= 0x20)
                return c == '"' || c == '\\' ? (char)c : 0;
        return escapes[c] ? escapes[c] : 'u';
}

static int write_text(struct buf *b, const char *at, size_t n)
{
        static const char digits[] = "0123456789abcdef";
        size_t from = 0;

        if (buf_reserve(b, n + 2) < 0)
                return b->failed;
        buf_add_char(b, '"');
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)at[i];
                char escape = escape_of(c);

                if (!escape)
                        continue;
                buf_add(b, at + from, i - from);
                from = i + 1;
                if (escape == 'u')
                        buf_add(b, (char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]},
                                6);
                else
                        buf_add(b, (char[]){'\\', escape}, 2);
        }
        buf_add(b, n ? at + from : "", n - from);
        return buf_add_char(b, '"');
}

static int write_integer(struct buf *b, json_int_t value)
{
        if (value >= 0)
                return buf_add_u64(b, (uint64_t)value);
        buf_add_char(b, '-');
        return buf_add_u64(b, 0 - (uint64_t)value);
}

static int write_real(struct buf *b, const json_t *value)
{
        char text[REAL_BYTES];
        size_t n = json_dumpb(value, text, sizeof(text), JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));

        if (n > 0 && n <= sizeof(text))
                return buf_add(b, text, n);
        return n == 0 ? -ENOMEM
                      : -EINVAL; /* the dumper says 0 for any fault: this value has no other */
}

static int compare_members(const void *a, const void *b)
{
        const struct member *x = a, *y = b;
        int order = memcmp(x->key, y->key, MIN2(x->n_key, y->n_key));

        return order ? order : (x->n_key > y->n_key) - (x->n_key < y->n_key);
}

/* Most objects are small and made in nearly their order. */
static void sort_members(struct member *m, size_t n)
{
        if (n > FEW_MEMBERS) {
                qsort(m, n, sizeof(*m), compare_members);
                return;
        }
        for (size_t i = 1; i < n; i++) {
                struct member one = m[i];
                size_t at = i;

                for (; at > 0 && compare_members(&m[at - 1], &one) > 0; at--)
                        m[at] = m[at - 1];
                m[at] = one;
        }
}

static int reserve_members(struct writer *w, size_t more)
{
        size_t room = MAX2(w->room * 2, w->n + more);
        struct member *m;

        if (w->n + more <= w->room)
                return 0;
        m = reallocarray(w->members == w->few ? NULL : w->members, room, sizeof(*m));
        if (!m)
                return w->b->failed = -ENOMEM;
        if (w->members == w->few)
                memcpy(m, w->few, w->n * sizeof(*m));
        w->members = m;
        w->room = room;
        return 0;
}

static int write_value(struct writer *w, const json_t *value, unsigned depth);

static int write_object(struct writer *w, json_t *object, unsigned depth)
{
        size_t first = w->n;
        int r = reserve_members(w, json_object_size(object));

        if (r < 0)
                return r;
        for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i))
                w->members[w->n++] =
                        (struct member){json_object_iter_key(i), json_object_iter_key_len(i),
                                        json_object_iter_value(i)};
        sort_members(w->members + first, w->n - first);
        buf_add_char(w->b, '{');
        for (size_t i = first, end = w->n; i < end && r == 0; i++) {
                const struct member m = w->members[i]; /* the array may move */

                if (i > first)
                        buf_add_char(w->b, ',');
                write_text(w->b, m.key, m.n_key);
                buf_add_char(w->b, ':');
                r = write_value(w, m.value, depth);
        }
        w->n = first;
        return r ? r : buf_add_char(w->b, '}');
}

static int write_array(struct writer *w, const json_t *array, unsigned depth)
{
        int r = buf_add_char(w->b, '[');

        for (size_t i = 0; i < json_array_size(array) && r == 0; i++) {
                if (i > 0)
                        buf_add_char(w->b, ',');
                r = write_value(w, json_array_get(array, i), depth);
        }
        return r ? r : buf_add_char(w->b, ']');
}

static int write_value(struct writer *w, const json_t *value, unsigned depth)
{
        if (depth == 0)
                return -EINVAL;
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return write_object(w, (json_t *)value, depth - 1);
        case JSON_ARRAY:
                return write_array(w, value, depth - 1);
        case JSON_STRING:
                return write_text(w->b, json_string_value(value), json_string_length(value));
        case JSON_INTEGER:
                return write_integer(w->b, json_integer_value(value));
        case JSON_REAL:
                return write_real(w->b, value);
        case JSON_TRUE:
                return buf_add(w->b, "true", 4);
        case JSON_FALSE:
                return buf_add(w->b, "false", 5);
        default:
                return buf_add(w->b, "null", 4);
        }
}

int json_write(const json_t *value, struct buf *b)
{
        struct writer w;
        int r;

        w.b = b;
        w.members = w.few;
        w.n = 0;
        w.room = FEW_MEMBERS;
        r = value ? write_value(&w, value, DEPTH_MAX) : -ENOMEM;
        if (w.members != w.few)
                free(w.members);
        return b->failed ? b->failed : r;
}

char *json_to_text(const json_t *value)
{
        struct buf b;
        char *text = NULL;

        buf_init(&b, 0);
        if (json_write(value, &b) == 0)
                text = buf_steal(&b, NULL);
        buf_done(&b);
        return text;
}

int json_write_string(struct buf *b, struct span s)
{
        if (!str_is_utf8(s))
                return -EINVAL;
        return write_text(b, s.at, s.n);
}
