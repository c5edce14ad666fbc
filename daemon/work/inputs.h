#pragma once
/* What a result was made from, by name and hash: kept under its full key, so that `why` can say
 * what has changed since. It follows from the key alone, so it may be written by whoever knows the
 * key, also for a result that is yet to be made.
 *
 *     inputs = 'G' 'I' version:u8 count:u32 input*
 *     input  = length:u16 name hash:32      integers big endian; name without NUL, not empty
 *
 * First the declared inputs of the task in their order, then `interface:PATH` for each file that it
 * depends on. Values lie beside them, under their hash, as JSON. */

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"

struct task;
struct work;

#define INPUTS_MAX 1000000u
#define INPUT_NAME_MAX_BYTES 65535u
#define INTERFACE_INPUT "interface:"

struct input_name {
        char *name; /* owned */
        struct hash hash;
};

struct inputs {
        struct input_name *at; /* owned */
        size_t n;
};

void inputs_done(struct inputs *i);
#define _cleanup_inputs_ _cleanup_(inputs_done)
/* interfaces: of t->depends, in their order. */
int inputs_encode(const struct work *w, const struct task *t, const struct hash *interfaces,
                  struct buf *out) _must_check_;
int inputs_decode(struct span bytes, struct inputs *ret) _must_check_; /* -EBADMSG, -ENOMEM */
