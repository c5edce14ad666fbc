#pragma once
/* Dicts, and the comparison and hashing of the names that are their keys. Comes with value.h. */

#include "daemon/template/value.h"

uint64_t text_hash(struct span s); /* value_hash() of a text */
/* For names, which are short: cheaper than a call of memcmp(). */
static inline bool text_is_same(struct span a, struct span b)
{
        uint64_t x, y;

        if (a.n != b.n || a.n > 64)
                return span_is_equal(a, b);
        for (; a.n >= sizeof(x); a.at += sizeof(x), b.at += sizeof(y), a.n -= sizeof(x)) {
                memcpy(&x, a.at, sizeof(x));
                memcpy(&y, b.at, sizeof(y));
                if (x != y)
                        return false;
        }
        while (a.n && *a.at == *b.at) {
                a.at++;
                b.at++;
                a.n--;
        }
        return a.n == 0;
}

int dict_open(struct render *r, struct dict *d) _must_check_;
int dict_new(struct render *r, struct dict **ret) _must_check_;
int dict_set(struct render *r, struct dict *d, struct value key, struct value item) _must_check_;
/* Of an open dict; *ret is NULL when it has no such key. */
int dict_find(struct render *r, const struct dict *d, struct value key, uint64_t hash,
              struct pair **ret) _must_check_;
/* kind V_MISSING when it has no such key. */
int dict_get_hashed(struct render *r, struct dict *d, struct span key, uint64_t hash,
                    struct value *ret) _must_check_;
/* A text is equal to texts alone. */
static inline bool dict_is_pair(const struct pair *p, struct span key, uint64_t hash)
{
        return p->hash == hash && p->key.kind == V_TEXT && text_is_same(p->key.text, key);
}
/* *hint: at which pair the key was found in a dict like this one; tried first, and kept. */
int dict_look(struct render *r, struct dict *d, struct span key, uint64_t hash, uint8_t *hint,
              struct value *ret) _must_check_;
_must_check_ static inline int dict_get_hinted(struct render *r, struct dict *d, struct span key,
                                               uint64_t hash, uint8_t *hint, struct value *ret)
{
        if (*hint >= d->n || !dict_is_pair(&d->pairs[*hint], key, hash)) /* none while pending */
                return dict_look(r, d, key, hash, hint, ret);
        *ret = d->pairs[*hint].item;
        return 0;
}
int dict_get(struct render *r, struct dict *d, struct value key, struct value *ret) _must_check_;
