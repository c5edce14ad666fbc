#include "proto/rpc.h"

#include <stdio.h>

#include "common/json.h"
#include "common/str.h"

#define OPENING "{\"jsonrpc\":\"2.0\","

static struct span id_or_null(struct span id)
{
        return id.n > 0 ? id : SPAN("null");
}

/* A frame that is these pieces one after the other. */
static int write_pieces(struct buf *b, enum framing f, const struct span *pieces, size_t n_pieces)
{
        size_t n = 0;

        for (size_t i = 0; i < n_pieces; i++)
                n += pieces[i].n;
        frame_open(b, f, n);
        for (size_t i = 0; i < n_pieces; i++)
                buf_add_span(b, pieces[i]);
        frame_close(b, f);
        return b->failed;
}

/* Method names come from our tables: nothing in them needs an escape. */
int rpc_write_request(struct buf *b, enum framing f, uint64_t id, const char *method,
                      struct span params)
{
        char number[21];
        int n = snprintf(number, sizeof(number), "%llu", (unsigned long long)id);
        const struct span pieces[] = {
                SPAN(OPENING "\"id\":"),
                {number, (size_t)n},
                SPAN(",\"method\":\""),
                span_of(method),
                params.n > 0 ? SPAN("\",\"params\":") : SPAN("\""),
                params,
                SPAN("}"),
        };

        return write_pieces(b, f, pieces, N_ELEMENTS(pieces));
}

int rpc_write_notification(struct buf *b, enum framing f, const char *method, struct span params)
{
        const struct span pieces[] = {
                SPAN(OPENING "\"method\":\""),
                span_of(method),
                params.n > 0 ? SPAN("\",\"params\":") : SPAN("\""),
                params,
                SPAN("}"),
        };

        return write_pieces(b, f, pieces, N_ELEMENTS(pieces));
}

int rpc_write_result(struct buf *b, enum framing f, struct span id, struct span result)
{
        const struct span pieces[] = {
                SPAN(OPENING "\"id\":"), id_or_null(id), SPAN(",\"result\":"), result, SPAN("}"),
        };

        return write_pieces(b, f, pieces, N_ELEMENTS(pieces));
}

int rpc_write_error(struct buf *b, enum framing f, struct span id, const struct failure *failure)
{
        _cleanup_json_ json_t *error = NULL;
        _cleanup_buf_ struct buf text = {0};
        int r;

        r = failure_to_json(failure, &error);
        if (r == 0)
                r = json_write(error, &text);
        if (r < 0)
                return r;
        const struct span pieces[] = {
                SPAN(OPENING "\"id\":"), id_or_null(id), SPAN(",\"error\":"),
                buf_span(&text),         SPAN("}"),
        };
        return write_pieces(b, f, pieces, N_ELEMENTS(pieces));
}

static size_t put(char *at, size_t n, struct span s)
{
        assert(n + s.n <= RPC_HEAD_BYTES);
        memcpy(at + n, s.at, s.n);
        return n + s.n;
}

void rpc_envelope_init(struct rpc_envelope *e, enum framing f, struct span id, size_t n_result)
{
        const struct span opening = SPAN(OPENING "\"id\":"), middle = SPAN(",\"result\":");

        id = id_or_null(id);
        e->n_head = 0;
        if (f == FRAMING_HEADERS) {
                size_t n = opening.n + id.n + middle.n + n_result + 1;

                e->n_head = (size_t)snprintf(e->head, sizeof(e->head),
                                             "Content-Length: %zu\r\n\r\n", n);
        }
        e->n_head = put(e->head, e->n_head, opening);
        e->n_head = put(e->head, e->n_head, id);
        e->n_head = put(e->head, e->n_head, middle);
        e->tail = f == FRAMING_HEADERS ? SPAN("}") : SPAN("}\n");
}

struct failure *rpc_scan_failure(int condition, const struct scan *s)
{
        if (condition == SCAN_BAD_JSON)
                return failure_new(FAILURE_PARSE_ERROR, "byte %zu: %s", s->fault_at, s->fault);
        return failure_new(FAILURE_INVALID_REQUEST, "%s", s->fault);
}

static bool read_number(struct span id, uint64_t *ret)
{
        char text[24];

        if (id.n == 0 || id.n >= sizeof(text))
                return false;
        memcpy(text, id.at, id.n);
        text[id.n] = 0;
        return str_to_u64(text, ret) == 0;
}

int rpc_read(struct span frame, struct rpc_message *ret, struct failure **ret_failure)
{
        struct rpc_message m = {0};
        int r;

        r = scan_message(frame, &m.scan);
        if (r != 0) {
                *ret_failure = rpc_scan_failure(r, &m.scan);
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        if (m.scan.method.n > 0) {
                m.kind = m.scan.id.n > 0 ? RPC_REQUEST : RPC_NOTIFICATION;
                m.body = m.scan.params;
        } else {
                m.kind = m.scan.error.n > 0 ? RPC_ERROR : RPC_RESULT;
                m.body = m.kind == RPC_ERROR ? m.scan.error : m.scan.result;
        }
        m.has_number = read_number(m.scan.id, &m.number);
        *ret = m;
        return 0;
}

int rpc_read_error(const struct rpc_message *m, struct failure **ret)
{
        _cleanup_json_ json_t *error = NULL;
        struct diag diag;
        int r;

        r = json_read(m->body, &error, &diag);
        if (r > 0) {
                *ret = failure_new(FAILURE_INTERNAL, "the daemon's error cannot be read: %s",
                                   diag.text);
                return *ret ? 0 : -ENOMEM;
        }
        return r < 0 ? r : failure_from_json(error, ret);
}
