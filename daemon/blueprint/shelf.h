#pragma once
/* A place on the shelf: a blueprint by its name, which is read and compiled by the first who needs
 * it. Not for other rooms. */

#include <pthread.h>

#include "daemon/blueprint/internal.h"

struct place {
        atomic_uint n_refs; /* shelves share places */
        char *name;
        char *folder, *templates; /* owned; NULL: it was given whole, there are none */
        pthread_mutex_t reading;  /* held while it is read: by one, once */
        pthread_mutex_t lock;     /* of what follows; held for a moment */
        struct hash stamp;        /* of the files that stand here, or would be read */
        struct blueprint *head;   /* counted; what choosing needs. NULL: not read */
        struct blueprint *whole;  /* counted; NULL: not read, or not any more */
        bool was_used;            /* since the shelf was trimmed */
};

struct blueprint_shelf {
        atomic_uint n_refs;
        struct place **at; /* counted; by name */
        size_t n;
        struct strlist strays; /* for people: what of the templates belongs to none of the places */
        char *dir;             /* owned: where it was opened; NULL: it was made of another */
};

/* Reads what is not there yet; counted. CONDITION_REFUSED: its faults. */
int place_get(struct place *p, struct blueprint **ret, struct failure **ret_failure) _must_check_;
/* The same, of which only the choices are known. */
int place_get_head(struct place *p, struct blueprint **ret,
                   struct failure **ret_failure) _must_check_;
