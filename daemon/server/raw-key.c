#include "daemon/server/raw-key.h"

#include <xxhash.h>

#define PIECE_BYTES 4096

void raw_keyer_set(struct raw_keyer *k, const struct hash *generation)
{
        static const char label[8] = "raw key";
        uint8_t text[1 + sizeof(label) + HASH_BYTES];
        struct hash piece;

        if (k->is_set && hash_is_equal(&k->generation, generation))
                return;
        k->is_set = true;
        k->generation = *generation;
        memcpy(text + 1, label, sizeof(label));
        memcpy(text + 1 + sizeof(label), generation->at, HASH_BYTES);
        for (uint8_t i = 0; i < RAW_SECRET_BYTES / HASH_BYTES; i++) {
                text[0] = i;
                hash_of(text, sizeof(text), &piece);
                memcpy(k->secret + (size_t)i * HASH_BYTES, piece.at, HASH_BYTES);
        }
}

/* Text that is hashed in pieces, each behind the hash of what came before. Most requests are one
 * piece: the library's own streaming form costs more than all of this. */
struct chain {
        const uint8_t *secret;
        size_t n; /* bytes of piece */
        XXH128_canonical_t before;
        char piece[PIECE_BYTES];
};

static void end_piece(struct chain *c)
{
        XXH128_hash_t h;

        memcpy(c->piece, c->before.digest, sizeof(c->before.digest));
        h = XXH3_128bits_withSecret(c->piece, c->n, c->secret, RAW_SECRET_BYTES);
        XXH128_canonicalFromHash(&c->before, h);
        c->n = sizeof(c->before);
}

static void chain_add(struct chain *c, struct span s)
{
        while (s.n > 0) {
                size_t n = MIN2(s.n, sizeof(c->piece) - c->n);

                memcpy(c->piece + c->n, s.at, n);
                c->n += n;
                s = (struct span){s.at + n, s.n - n};
                if (c->n == sizeof(c->piece))
                        end_piece(c);
        }
}

void raw_key_make(const struct raw_keyer *k, uint32_t uid, const struct span params[2],
                  struct hash *ret)
{
        uint32_t n = (uint32_t)(params[0].n + params[1].n); /* a frame is much shorter than 4 GiB */
        struct chain c;

        c.secret = k->secret;
        c.n = sizeof(c.before);
        memset(&c.before, 0, sizeof(c.before));
        chain_add(&c, params[0]);
        chain_add(&c, params[1]);
        end_piece(&c);
        memcpy(ret->at, c.before.digest, sizeof(c.before.digest));
        memcpy(ret->at + 16, &n, sizeof(n));
        memcpy(ret->at + 20, &uid, sizeof(uid));
        memcpy(ret->at + 24, k->generation.at, HASH_BYTES - 24);
}
