#include "common/hash.h"

#include <sha2.h>

struct hasher {
        SHA2_CTX context;
};

int hasher_new(struct hasher **ret)
{
        struct hasher *h = malloc(sizeof(*h));

        if (!h)
                return -ENOMEM;
        SHA256Init(&h->context);
        *ret = h;
        return 0;
}

void hasher_add(struct hasher *h, const void *bytes, size_t n)
{
        SHA256Update(&h->context, bytes, n);
}

void hasher_get(struct hasher *h, struct hash *ret)
{
        SHA256Final(ret->at, &h->context);
}

void hasher_reset(struct hasher *h)
{
        SHA256Init(&h->context);
}

struct hasher *hasher_free(struct hasher *h)
{
        free(h);
        return NULL;
}

void hash_of(const void *bytes, size_t n, struct hash *ret)
{
        SHA2_CTX context;

        SHA256Init(&context);
        SHA256Update(&context, bytes, n);
        SHA256Final(ret->at, &context);
}
