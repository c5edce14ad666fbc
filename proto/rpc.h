#pragma once
/* JSON-RPC 2.0 messages as bytes: writing them into a buffer in a framing, and telling read ones
 * apart.
 *
 * Values come encoded (params, results, ids), so that stored text is sent as it lies. In the
 * framing of lines they must hold no line break, which is true of all that common/json.h writes. */

#include "common/buf.h"
#include "proto/failure.h"
#include "proto/frame.h"
#include "proto/scan.h"

/* params.n == 0: none. */
int rpc_write_request(struct buf *b, enum framing f, uint64_t id, const char *method,
                      struct span params) _must_check_;
int rpc_write_notification(struct buf *b, enum framing f, const char *method,
                           struct span params) _must_check_;
/* id as it stood in the request (with quotes if it was a string); n == 0: null. */
int rpc_write_result(struct buf *b, enum framing f, struct span id,
                     struct span result) _must_check_;
int rpc_write_error(struct buf *b, enum framing f, struct span id,
                    const struct failure *failure) _must_check_;

/* What stands before and after a result of n_result bytes, for those who send it without copying
 * it. */
#define RPC_HEAD_BYTES (64 + 48 + SCAN_ID_BYTES)
struct rpc_envelope {
        char head[RPC_HEAD_BYTES];
        size_t n_head;
        struct span tail; /* literal */
};
void rpc_envelope_init(struct rpc_envelope *e, enum framing f, struct span id, size_t n_result);

enum rpc_kind { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESULT, RPC_ERROR };

struct rpc_message {
        enum rpc_kind kind;
        struct scan scan;
        bool has_number; /* the id is one of ours: a number */
        uint64_t number;
        struct span body; /* params, result or error; may be absent (n 0) for the first two */
};

/* Spans lie in the frame. CONDITION_REFUSED with failure: PARSE_ERROR or INVALID_REQUEST. */
int rpc_read(struct span frame, struct rpc_message *ret, struct failure **ret_failure) _must_check_;
/* The failure that an RPC_ERROR carries. */
int rpc_read_error(const struct rpc_message *m, struct failure **ret) _must_check_;
/* What a condition of scan_message() means to the peer; where is the byte. NULL for lack of memory.
 */
struct failure *rpc_scan_failure(int condition, const struct scan *s);
