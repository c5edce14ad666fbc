#pragma once
/* The inside of the provider room, shared by its files and by nobody else: provider.c (what is
 * configured, its connection), attempt.c (one request), models.c (what servers have and load). */

#include <sys/queue.h>

#include "daemon/provider/dialects.h"
#include "daemon/provider/http.h"

#define LOADED_MAX 16 /* models of one server of which it is remembered how they are asked */

TAILQ_HEAD(provider_list, provider);
TAILQ_HEAD(attempt_list, attempt);

struct provider_room {
        struct loop *loop; /* borrowed: outlives all rooms */
        struct http *http; /* owned */
        struct provider_list providers;
        struct attempt_list attempts;
};

/* How a model was last asked for. Of a local server: another context would load it again. */
struct loaded_model {
        char *name; /* owned */
        uint64_t context;
        uint64_t used_usec;    /* asked for with a context, or told to load; 0: never */
        bool is_limit_renamed; /* struct manner */
        bool is_manner_known;  /* a request was accepted so */
};

struct provider {
        TAILQ_ENTRY(provider) entry;
        struct provider_room *room;    /* borrowed: frees its providers */
        unsigned n_refs;               /* the room's list, and each attempt */
        const struct dialect *dialect; /* borrowed: static */
        char *name, *url;              /* owned; url: of the one request that is sent */
        struct http_base base;         /* owned */
        char *key;                     /* owned, wiped; NULL: none */
        char *key_fault;               /* owned; NULL: none */
        char *absent;                  /* owned: the sentence for a server that is not there */
        struct manner manner;          /* how it wants to be asked; keep_alive is owned */
        uint64_t connect_ms, first_byte_ms, stall_ms, total_ms;
        unsigned n_attempts;
        struct http_transfer *warming; /* owned; the HEAD under way */
        struct timer *warm_timer;      /* owned */
        uint64_t warmed_usec;          /* when a connection was last used or opened; 0: never */
        uint64_t probed_usec;          /* when it was last looked whether the server is there */
        bool is_there;                 /* what was seen then */
        bool is_doubted;               /* the attempt that ends did not reach it */
        struct loaded_model loaded[LOADED_MAX];
        size_t n_loaded;
        struct http_transfer *loading; /* owned; the request to load a model */
        struct buf load_body;          /* of it */
};

/* provider.c */
struct provider *provider_unref(struct provider *p);
DEFINE_CLEANUP(struct provider, provider_unref);
/* A request with the provider's addresses and patience; url, head and body are for the caller. */
struct http_request provider_request(const struct provider *p);
void provider_begin_attempt(struct provider *p); /* counts it, and takes a reference */
void provider_doubt(struct provider *p);         /* its server may be gone: looked for anew */
void provider_end_attempt(struct provider *p);   /* gives both back; p may be gone then */

/* attempt.c */
struct attempt *attempt_free(struct attempt *a);

/* models.c */
/* The context that a request of so many bytes of prompt wants: never less than for that model
 * before, in steps, so that a model is not loaded again for a few tokens more. Remembers it. */
uint64_t model_context(struct provider *p, const char *model, uint64_t n_bytes,
                       uint64_t max_tokens);
/* How the model is asked, as far as that is known; and what came of it. */
struct manner model_manner(const struct provider *p, const char *model);
void model_note_manner(struct provider *p, const char *model, const struct manner *m,
                       bool is_known);
void model_forget(struct provider *p, const char *model); /* it is not there */
void model_forget_all(struct provider *p);
char *models_url(const struct provider *p); /* of the list; NULL: no memory. Owned by the caller */
/* What to do about a model that a server does not know; list: what it said that it has, may be
 * empty. */
int models_advise(const struct provider *p, const char *model, struct span list,
                  struct failure *f) _must_check_;
