#include "daemon/work/inputs.h"

#include "common/str.h"
#include "daemon/work/task.h"

#define INPUTS_VERSION 1
#define HEAD_BYTES 7
#define INPUT_MIN_BYTES (2 + 1 + HASH_BYTES)

void inputs_done(struct inputs *i)
{
        for (size_t k = 0; k < i->n; k++)
                free(i->at[k].name);
        free(i->at);
        *i = (struct inputs){0};
}

static void put_number(struct buf *b, size_t v, unsigned n_bytes)
{
        while (n_bytes-- > 0)
                (void)buf_add_char(b, (char)(uint8_t)(v >> 8 * n_bytes));
}

static size_t get_number(const char *at, unsigned n_bytes)
{
        size_t v = 0;

        for (unsigned i = 0; i < n_bytes; i++)
                v = v << 8 | (uint8_t)at[i];
        return v;
}

static int put_input(struct buf *b, const char *prefix, const char *name, const struct hash *h)
{
        size_t n = strlen(prefix) + strlen(name);

        if (n == 0 || n > INPUT_NAME_MAX_BYTES)
                return -EINVAL;
        put_number(b, n, 2);
        (void)(buf_add_text(b, prefix), buf_add_text(b, name));
        return buf_add(b, h->at, HASH_BYTES);
}

int inputs_encode(const struct work *w, const struct task *t, const struct hash *interfaces,
                  struct buf *out)
{
        int r = 0;

        if (t->n_inputs + t->n_depends > INPUTS_MAX)
                return -E2BIG;
        (void)buf_add(out, "GI", 2);
        put_number(out, INPUTS_VERSION, 1);
        put_number(out, t->n_inputs + t->n_depends, 4);
        for (size_t i = 0; i < t->n_inputs && r == 0; i++)
                r = put_input(out, "", t->inputs[i].name, &t->inputs[i].hash);
        for (size_t i = 0; i < t->n_depends && r == 0; i++)
                r = put_input(out, INTERFACE_INPUT, w->tasks[t->depends[i]].title, &interfaces[i]);
        return r < 0 ? r : out->failed;
}

static int take_input(const char **at, const char *end, struct input_name *ret)
{
        size_t n;

        if (end - *at < INPUT_MIN_BYTES)
                return -EBADMSG;
        n = get_number(*at, 2);
        if (n == 0 || (size_t)(end - *at) < 2 + n + HASH_BYTES || memchr(*at + 2, '\0', n))
                return -EBADMSG;
        ret->name = str_dup_span((struct span){*at + 2, n});
        if (!ret->name)
                return -ENOMEM;
        memcpy(ret->hash.at, *at + 2 + n, HASH_BYTES);
        *at += 2 + n + HASH_BYTES;
        return 0;
}

int inputs_decode(struct span bytes, struct inputs *ret)
{
        _cleanup_inputs_ struct inputs got = {0};
        const char *at = bytes.at + HEAD_BYTES, *end = bytes.at + bytes.n;
        size_t n;

        if (bytes.n < HEAD_BYTES || memcmp(bytes.at, "GI", 2) != 0 || bytes.at[2] != INPUTS_VERSION)
                return -EBADMSG;
        n = get_number(bytes.at + 3, 4);
        if (n > INPUTS_MAX || n > (bytes.n - HEAD_BYTES) / INPUT_MIN_BYTES)
                return -EBADMSG;
        got.at = calloc(n + 1, sizeof(*got.at));
        if (!got.at)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int r = take_input(&at, end, &got.at[i]);

                if (r < 0)
                        return r;
                got.n = i + 1;
        }
        if (at != end)
                return -EBADMSG;
        *ret = got;
        got = (struct inputs){0};
        return 0;
}
