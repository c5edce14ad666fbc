#pragma once
/* The store's own body, for the files of this room. */

#include "daemon/store/cache.h"
#include "daemon/store/copy.h"
#include "daemon/store/env.h"
#include "daemon/store/writer.h"

struct store {
        struct loop *loop;  /* borrowed: outlives the store */
        uint64_t held_usec; /* loop thread: when the first batch came that its writer was not woken
                               for; 0: none */
        struct completions *done; /* owned */
        struct env state, cache_env;
        struct writer *writers[2]; /* owned; by enum store_env; NULL: there is no cache */
        struct cache *cache;       /* owned; NULL: there is none */
        struct copier *copier;     /* owned */
        struct {
                struct completion completion;
                void (*on_lost)(void *arg);
                void *arg;
                bool is_told; /* state's writer */
        } loss;
        bool is_copy_due; /* state's writer: something was written since the last copy */
        uint64_t floor_bytes;
        uint64_t room_asked_usec; /* loop thread; 0: never */
        bool has_room;
        struct { /* loop thread: where store_blob_expire() goes on */
                char at[36];
                bool is_set;
        } expire_from;
};
