#include "common/hash.h"

#include <pthread.h>

#include <openssl/evp.h>

struct hasher {
        EVP_MD_CTX *context; /* owned */
};

/* EVP_sha256() looks the algorithm up at every use; a fetched one is three times faster for short
 * texts (OpenSSL 3.0). */
static const EVP_MD *algorithm(void)
{
        static const EVP_MD *fetched;
        const EVP_MD *got = __atomic_load_n(&fetched, __ATOMIC_ACQUIRE);
        EVP_MD *mine;

        if (got)
                return got;
        mine = EVP_MD_fetch(NULL, "SHA256", NULL);
        if (!mine)
                return EVP_sha256();
        if (!__atomic_compare_exchange_n(&fetched, &got, mine, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE)) {
                EVP_MD_free(mine);
                return got;
        }
        return mine;
}

/* With a context and an algorithm at hand the digest itself has no way to fail. */
static void must(int ok)
{
        if (ok != 1)
                abort();
}

/* Two contexts a thread: one for hash_of(), and one that the last hasher left for the next. Making
 * one costs more than hashing a short text. The key frees them when the thread ends. */
static __thread struct contexts {
        EVP_MD_CTX *own, *spare;
} contexts;
static pthread_key_t thread_key;

static void free_contexts(void *of_thread)
{
        struct contexts *c = of_thread;

        EVP_MD_CTX_free(c->own);
        EVP_MD_CTX_free(c->spare);
        *c = (struct contexts){NULL, NULL};
}

static void make_key(void)
{
        must(pthread_key_create(&thread_key, free_contexts) == 0);
}

/* They end with the thread. */
static struct contexts *contexts_of_thread(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        if (!contexts.own && !contexts.spare) {
                pthread_once(&once, make_key);
                must(pthread_setspecific(thread_key, &contexts) == 0);
        }
        return &contexts;
}

static EVP_MD_CTX *context_of_thread(void)
{
        struct contexts *c = contexts_of_thread();

        if (!c->own)
                c->own = EVP_MD_CTX_new();
        must(c->own != NULL);
        return c->own;
}

int hasher_new(struct hasher **ret)
{
        _cleanup_(hasher_freep) struct hasher *h = calloc(1, sizeof(*h));

        if (!h)
                return -ENOMEM;
        h->context = contexts.spare ? contexts.spare : EVP_MD_CTX_new();
        contexts.spare = NULL;
        if (!h->context || EVP_DigestInit_ex(h->context, algorithm(), NULL) != 1)
                return -ENOMEM;
        *ret = take(h);
        return 0;
}

void hasher_add(struct hasher *h, const void *bytes, size_t n)
{
        must(EVP_DigestUpdate(h->context, bytes, n));
}

void hasher_get(struct hasher *h, struct hash *ret)
{
        must(EVP_DigestFinal_ex(h->context, ret->at, NULL));
}

void hasher_reset(struct hasher *h)
{
        must(EVP_DigestInit_ex(h->context, algorithm(), NULL));
}

struct hasher *hasher_free(struct hasher *h)
{
        if (!h)
                return NULL;
        if (h->context && !contexts.spare)
                contexts_of_thread()->spare = h->context;
        else
                EVP_MD_CTX_free(h->context);
        free(h);
        return NULL;
}

void hash_of(const void *bytes, size_t n, struct hash *ret)
{
        EVP_MD_CTX *context = context_of_thread();

        must(EVP_DigestInit_ex(context, algorithm(), NULL));
        must(EVP_DigestUpdate(context, bytes, n));
        must(EVP_DigestFinal_ex(context, ret->at, NULL));
}
