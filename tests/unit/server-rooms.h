#pragma once
/* The rooms below the server, as a test wants them: jobs that answer at once or when they are told
 * to, cursors with as many events as asked for, blobs of any size. */

#include <pthread.h>

#include "common/hash.h"
#include "common/macros.h"
#include "daemon/server/session.h"

/* Written by the loop's thread while it runs; tests read counters by peek(). */
struct server_room {
        pthread_mutex_t lock;
        unsigned n_submits, n_events, n_produced, n_cursors;
        size_t blob_bytes;
        bool has_known;
        struct hash known;
        void *late[SESSION_MAX_CALLS]; /* requests that wait for an answer */
        size_t n_late;
};

extern struct server_room room;
unsigned peek(const unsigned *value);
