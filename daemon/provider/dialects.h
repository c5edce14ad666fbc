#pragma once
/* Dialects: how one kind of provider is spoken to. A dialect knows bytes only, no connection: it
 * writes a request's head and body, turns the bytes of an answer into a `reading`, and explains
 * errors. */

#include "common/buf.h"
#include "common/macros.h"
#include "daemon/provider/provider.h"
#include "daemon/provider/sse.h"

#define PROVIDER_MARKS_MAX 4 /* the provider refuses more */
#define PROVIDER_ANSWER_BYTES \
        ((size_t)64 << 20) /* a whole answer: 128k tokens are under 1 MiB, with envelopes 20 */
#define PROVIDER_ERROR_BYTES ((size_t)64 << 10) /* the body of an error; what is longer is cut */
#define PROVIDER_MESSAGE_BYTES 400              /* of a provider's own words, as we repeat them */

/* Models that think aloud begin with <think>…</think> where their server does not know it. */
enum thinking { THINKING_MAYBE, THINKING_NOW, THINKING_PAST };

/* What is known of one answer while it is read. Pure state: bytes go in, text and usage come out.
 */
struct reading {
        struct sse sse;
        struct buf text; /* not yet taken by the owner, who clears it */
        uint64_t n_text; /* bytes of text in all */
        enum thinking thinking;
        struct buf held;       /* a beginning of which it is not clear yet whether it is text */
        size_t n_prompt_bytes; /* of the request */
        uint64_t context;      /* tokens that it asked for; 0: it did not */
        struct usage usage;    /* what was said so far; whole only when is_known */
        bool has_input, has_output; /* were named */
        enum stop_reason stop;
        bool has_stop;    /* the provider gave a reason */
        bool is_started;  /* the first event that means that the model works */
        bool is_ended;    /* the proper end came */
        bool is_write_1h; /* unspecified cache writes are of the 1 h kind: all marks of the request
                             were */
        struct failure *failure; /* owned; said within the stream */
        struct advice advice;    /* of that failure */
};

/* A response header by lower-case name, or NULL. */
typedef const char *header_fn(const char *name, void *arg);

struct error_answer {
        unsigned status;
        struct span body; /* at most PROVIDER_ERROR_BYTES */
        header_fn *header;
        void *arg;
        uint64_t now_ms; /* wall clock, for HTTP dates */
};

/* A line of the request's head. Value is owned by the list and wiped with it. */
struct head_line {
        char name[32];
        char *value;
};
struct head {
        struct head_line at[8];
        size_t n;
};

/* How a server wants to be asked. */
struct manner {
        bool is_local;         /* it is on this machine */
        bool is_home;          /* it is the dialect's maker */
        bool is_limit_renamed; /* the other name of the output's limit is wanted */
        uint64_t context;      /* tokens for prompt and answer, where a request says so */
        char *keep_alive;      /* NULL: as the server likes */
};

struct dialect {
        const char *name;
        const char *root;      /* between base_url and paths; base_url may end with it */
        const char *path;      /* of the one request we send */
        const char *list_path; /* GET: the models that there are */
        const char *pull; /* the command that gets a model, before its name; NULL: there is none */
        bool wants_context;   /* manner.context is to be set */
        bool charges_whole;   /* see provider_charges_whole() */
        bool is_key_needed;   /* everywhere but on this machine */
        const char *key_host; /* if not NULL, a key is needed at this host only */
        int (*write_head)(struct head *h, const char *key); /* key may be NULL; -ENOMEM */
        int (*write_body)(const struct request *r, const struct manner *m,
                          struct buf *out); /* -EINVAL: see provider_send() */
        /* May be NULL: a request that loads a model and asks nothing. */
        int (*write_load)(const char *model, const struct manner *m, struct buf *out);
        /* 0, -ENOMEM; faults of the stream go to r->failure */
        int (*read)(struct reading *r, struct span bytes);
        /* May be NULL. The body ended in order: sets is_ended if that is an end in this dialect.
         * -ENOMEM */
        int (*read_end)(struct reading *r);
        int (*read_error)(const struct error_answer *e, struct failure **ret,
                          struct advice *ret_advice); /* -ENOMEM */
        /* May be NULL. True: the error asks for another manner than the one it was asked in, which
         * *m now is, or was already: requests that left together are refused together. */
        bool (*adapt)(const struct error_answer *e, const struct manner *used, struct manner *m);
        void (*read_limits)(header_fn *header, void *arg, uint64_t now_ms, struct advice *into);
};

/* All there are: a new one is a file and a row. */
#define DIALECT_TABLE(X) \
        X(anthropic)     \
        X(openai)        \
        X(ollama)
#define X(name) extern const struct dialect dialect_##name;
DIALECT_TABLE(X)
#undef X
const struct dialect *dialect_find(const char *name); /* NULL: none */
void dialect_list(struct buf *out);                   /* "anthropic, …", for messages */

void reading_init(struct reading *r);
void reading_done(struct reading *r);
/* Sets the first failure; later ones are ignored. Takes over failure, whose NULL means -ENOMEM. */
int reading_fail(struct reading *r, struct failure *failure, bool is_retryable);
int reading_add_text(struct reading *r, const char *text, size_t n) _must_check_;
/* The same for servers of one's own, without the thoughts that a text begins with. */
int reading_add_answer(struct reading *r, struct span text) _must_check_;
int reading_end_answer(struct reading *r) _must_check_; /* nothing more comes */

int head_add(struct head *h, const char *name, const char *value) _must_check_;
void head_done(struct head *h); /* wipes */

void advice_init(struct advice *a); /* nothing said, not retryable */
/* retry-after-ms, retry-after (seconds or HTTP date): 0 when absent or unreadable. */
uint64_t advice_retry_after_ms(header_fn *header, void *arg, uint64_t now_ms);
/* What the server's clock says, if it says so; else now_ms: its times of day are its own. */
uint64_t advice_now_ms(header_fn *header, void *arg, uint64_t now_ms);
/* What a header says that must be a number; UINT64_MAX. */
uint64_t advice_number(const char *value);
/* Blocks that are written: not those of white space alone. */
bool block_is_empty(const struct prompt_block *b);
/* Appends the messages of a chat without their brackets (chat.c). -EINVAL: no text of the user's.
 */
int chat_write_messages(const struct request *r, struct buf *out) _must_check_;
int chat_write_head(struct head *h, const char *key) _must_check_; /* the key as bearer */
/* The failure that an error is told as: of `id`, or that the address is wrong. message: the
 * provider's own words, NULL: none; status 0: said within a stream; is_api: the answer had the form
 * of the dialect's errors. */
struct failure *dialect_failure(enum failure_id id, unsigned status, const char *message,
                                bool is_api);
/* What headers add to an error's advice: x-should-retry, and when to come again. */
void advice_read_headers(struct advice *a, const struct error_answer *e);
/* A provider's words for our message: one line, printable, cut at PROVIDER_MESSAGE_BYTES. */
void dialect_quote(struct span words, struct buf *out);
