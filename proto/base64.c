#include "proto/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(struct buf *b, struct span bytes)
{
        const unsigned char *p = (const unsigned char *)bytes.at;
        size_t n = bytes.n;
        char *out;
        int r;

        if (n == 0)
                return 0;
        r = buf_reserve(b, base64_encoded_size(n));
        if (r < 0)
                return r;
        out = b->at + b->n;
        for (; n >= 3; n -= 3, p += 3) {
                *out++ = digits[p[0] >> 2];
                *out++ = digits[(p[0] & 3) << 4 | p[1] >> 4];
                *out++ = digits[(p[1] & 15) << 2 | p[2] >> 6];
                *out++ = digits[p[2] & 63];
        }
        if (n > 0) {
                unsigned second = n > 1 ? p[1] : 0;

                *out++ = digits[p[0] >> 2];
                *out++ = digits[(p[0] & 3) << 4 | second >> 4];
                *out++ = n > 1 ? digits[(second & 15) << 2] : '=';
                *out++ = '=';
        }
        *out = 0;
        b->n = (size_t)(out - b->at);
        return 0;
}

/* Values of the digits plus one; 0: not a digit. */
static void fill_values(unsigned char values[static 256])
{
        memset(values, 0, 256);
        for (unsigned i = 0; i < 64; i++)
                values[(unsigned char)digits[i]] = (unsigned char)(i + 1);
}

int base64_decoded_size(struct span text, size_t *ret)
{
        size_t padding = 0;

        if (text.n % 4 != 0)
                return -EINVAL;
        if (text.n > 0)
                padding = text.at[text.n - 1] != '=' ? 0 : text.at[text.n - 2] != '=' ? 1 : 2;
        *ret = text.n / 4 * 3 - padding;
        return 0;
}

/* Four digits, of which the last `padding` are "=". False: not base 64. */
static bool decode_quad(const unsigned char *values, const char *in, size_t padding, char *out)
{
        uint32_t bits = 0;

        for (size_t i = 0; i < 4; i++) {
                unsigned v = i < 4 - padding ? values[(unsigned char)in[i]] : 1;

                if (v == 0)
                        return false;
                bits = bits << 6 | (v - 1);
        }
        if (padding > 0 && (bits & ((1u << 8 * padding) - 1)) != 0)
                return false;
        for (size_t i = 0; i < 3 - padding; i++)
                out[i] = (char)(bits >> (16 - 8 * i));
        return true;
}

int base64_decode(struct buf *b, struct span text)
{
        unsigned char values[256];
        size_t size, padding;
        char *out;
        int r;

        r = base64_decoded_size(text, &size);
        if (r < 0 || size == 0)
                return r;
        r = buf_reserve(b, size);
        if (r < 0)
                return r;
        fill_values(values);
        out = b->at + b->n;
        padding = text.n / 4 * 3 - size;
        for (size_t i = 0; i < text.n; i += 4, out += 3) {
                bool is_last = i + 4 == text.n;

                if (!decode_quad(values, text.at + i, is_last ? padding : 0, out)) {
                        b->at[b->n] = 0;
                        return -EINVAL;
                }
        }
        b->n += size;
        b->at[b->n] = 0;
        return 0;
}
