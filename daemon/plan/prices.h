#pragma once
/* The price book: what is known of models (models.yaml, data with a date), read at start and
 * reload. Immutable and counted. */

#include "common/hash.h"
#include "common/macros.h"
#include "daemon/work/price.h"
#include "proto/failure.h"

enum text_class { TEXT_PROSE, TEXT_DATA, TEXT_CODE, N_TEXT_CLASSES };

/* How a provider's cache is told what to keep. */
enum prompt_cache {
        PROMPT_CACHE_MARKS,    /* prefixes that end with a mark (Anthropic) */
        PROMPT_CACHE_EXPLICIT, /* likewise, in a request that says that it marks them (newer models
                           of OpenAI) */
        PROMPT_CACHE_PREFIX,   /* every prefix, unasked (earlier models of OpenAI; local servers) */
        N_PROMPT_CACHES
};

struct model_facts {
        char *name;    /* a model's name begins with it; "*" fits all */
        bool is_given; /* its price is of the user's file: the name is a whole one */
        struct price price;
        uint64_t window, max_output, cache_minimum; /* tokens */
        enum prompt_cache cache;
        uint64_t cache_short_ms, cache_long_ms; /* lifetimes, from the start of the request that
                                                   used an entry; equal where there is no choice */
        uint64_t first_token_ms, input_per_second, output_per_second;
        double bytes_per_token[N_TEXT_CLASSES];
        bool does_not_continue; /* an answer that was cut: it would begin again */
};

struct price_book;

/* CONDITION_REFUSED: BAD_CONFIG with file:line:column. */
int price_book_load(const char *path, struct price_book **ret,
                    struct failure **ret_failure) _must_check_;
int price_book_read(struct span text, const char *name, struct price_book **ret,
                    struct failure **ret_failure) _must_check_;
struct price_book *price_book_ref(struct price_book *b);
struct price_book *price_book_unref(struct price_book *b);
DEFINE_CLEANUP(struct price_book, price_book_unref);
/* Never NULL: a book without a row `*` is refused. Borrowed from the book. A model that is not
 * known is looked for again without what stands before a `/` or a `.` of its name. */
const struct model_facts *price_book_find(const struct price_book *b, const char *model);
/* What a user's file says of one model, by its whole name, goes before what the book has. Before
 * others hold the book. A model that is given twice has the price that was given last. */
int price_book_set(struct price_book *b, const char *model, const struct price *price) _must_check_;
const char *price_book_date(const struct price_book *b);
void price_book_hash(const struct price_book *b, struct hash *ret);
