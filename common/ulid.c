#include "common/ulid.h"

#include "common/clock.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static uint64_t time_of(const struct ulid *u)
{
        uint64_t ms = 0;

        for (int i = 0; i < 6; i++)
                ms = ms << 8 | u->at[i];
        return ms;
}

/* Adds one to all 128 bits: when chance overflows, the time moves on by a millisecond. */
static void increment(struct ulid *u)
{
        for (int i = ULID_BYTES - 1; i >= 0; i--)
                if (++u->at[i] != 0)
                        return;
}

void ulid_next(struct ulid *last, struct ulid *ret)
{
        uint64_t now = clock_realtime_ms();

        if (now > time_of(last)) {
                for (int i = 0; i < 6; i++)
                        last->at[i] = (uint8_t)(now >> 8 * (5 - i));
                clock_random(last->at + 6, ULID_BYTES - 6);
        } else {
                /* The same millisecond, or a clock that was set back. */
                increment(last);
        }
        *ret = *last;
}

/* 26 characters of 5 bits hold 130: two zero bits stand before the 128. */
void ulid_to_text(const struct ulid *u, char ret[ULID_TEXT_BYTES])
{
        unsigned bits = 0, n_bits = 2;
        size_t n = 0;

        for (int i = 0; i < ULID_BYTES; i++) {
                bits = bits << 8 | u->at[i];
                n_bits += 8;
                for (; n_bits >= 5; n_bits -= 5)
                        ret[n++] = alphabet[bits >> (n_bits - 5) & 31];
        }
        ret[n] = '\0';
}

/* Case does not count; I, L and O, which the alphabet leaves out, are not guessed at. */
static int value_of(char c)
{
        const char *at;

        if (c >= 'a' && c <= 'z')
                c = (char)(c - 'a' + 'A');
        at = c ? strchr(alphabet, c) : NULL;
        return at ? (int)(at - alphabet) : -EINVAL;
}

int ulid_from_text(struct span text, struct ulid *ret)
{
        struct ulid u;
        unsigned bits = 0, n_bits = 0;
        size_t n = 0;

        if (text.n != ULID_TEXT_BYTES - 1)
                return -EINVAL;
        for (size_t i = 0; i < text.n; i++) {
                int value = value_of(text.at[i]);

                if (value < 0 || (i == 0 && value > 7)) /* above 128 bits */
                        return -EINVAL;
                bits = bits << 5 | (unsigned)value;
                n_bits += i == 0 ? 3 : 5;
                if (n_bits < 8)
                        continue;
                n_bits -= 8;
                u.at[n++] = (uint8_t)(bits >> n_bits);
        }
        *ret = u;
        return 0;
}
