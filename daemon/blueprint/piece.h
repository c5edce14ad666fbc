#pragma once
/* Pieces: values that tasks may declare, each made once for all that share it. Not for other rooms.
 */

#include <jansson.h>

#include "common/hash.h"
#include "common/macros.h"

/* One value that tasks may declare. */
struct piece {
        json_t *data; /* owned; never changed once made: contexts share it */
        char *text;   /* owned: as an item of the facts, or as a value; NULL until asked for */
        size_t n_text;
        struct hash hash;   /* canonical */
        char *name;         /* owned: "entity:Order" */
        uint32_t statement; /* of the work, plus one; 0: not stated yet */
};

int piece_set(struct piece *p, json_t *data, const char *name,
              const char *id) _must_check_; /* takes data */
int piece_hash(const json_t *data, struct hash *ret) _must_check_;
int piece_text(struct piece *p, unsigned indent, bool is_item) _must_check_;
void piece_done(struct piece *p);
