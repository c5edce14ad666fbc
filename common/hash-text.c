/* What both implementations of SHA-256 share: the hexadecimal form. */

#include "common/hash.h"

void hash_to_hex(const struct hash *h, char ret[HASH_HEX_BYTES])
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < HASH_BYTES; i++) {
                ret[2 * i] = digits[h->at[i] >> 4];
                ret[2 * i + 1] = digits[h->at[i] & 15];
        }
        ret[2 * HASH_BYTES] = '\0';
}

static int digit_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

int hash_from_hex(struct span hex, struct hash *ret)
{
        struct hash h;

        if (hex.n != 2 * HASH_BYTES)
                return -EINVAL;
        for (size_t i = 0; i < HASH_BYTES; i++) {
                int high = digit_value(hex.at[2 * i]), low = digit_value(hex.at[2 * i + 1]);

                if (high < 0 || low < 0)
                        return -EINVAL;
                h.at[i] = (uint8_t)(high << 4 | low);
        }
        *ret = h;
        return 0;
}

bool hash_is_zero(const struct hash *h)
{
        static const struct hash zero;

        return hash_is_equal(h, &zero);
}
