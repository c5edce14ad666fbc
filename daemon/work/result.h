#pragma once
/* The result of a task, and the form in which state and cache keep it. */

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"

enum source {
        SOURCE_KEEP,
        SOURCE_REUSE,
        SOURCE_TEMPLATE,
        SOURCE_MECHANICAL,
        SOURCE_CALL,
        N_SOURCES
};
extern const char *const source_names[N_SOURCES];

struct result {
        char *text; /* owned */
        size_t n_text;
        struct hash content;   /* of the text */
        struct hash interface; /* of the interface text */
        enum source made_by;   /* how it was first obtained: template, mechanical or call */
        char *model;           /* owned; NULL unless a call made it */
        uint64_t nanousd;      /* what it cost then */
        double score;          /* of its checks */
};

void result_done(struct result *r);
/* Little format of its own: version, then the fields, integers big endian, texts with their length;
 * at the end the text. */
int result_encode(const struct result *r, struct buf *out) _must_check_;
int result_decode(struct span bytes, struct result *ret)
        _must_check_; /* -EBADMSG, -ENOMEM; owned by the caller: result_done() */
#define _cleanup_result_ _cleanup_(result_done)
