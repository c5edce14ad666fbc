#pragma once
/* A scripted HTTP/1.1 server in threads, for tests of the provider and calls rooms. The nth request
 * (HEAD apart) is answered by the nth step, the last step repeats. It never sleeps: what waits,
 * waits for the test's word or for the peer to hang up. */

#include "common/macros.h"

enum fake_then {
        FAKE_KEEP,  /* the answer is whole: wait for the next request */
        FAKE_CLOSE, /* close in an orderly way */
        FAKE_RESET, /* abort the connection */
        FAKE_HOLD,  /* say nothing more until the peer hangs up */
};

struct fake_step {
        const char *answer; /* all bytes, head included; NULL: none */
        size_t split;       /* bytes per write, 0: all at once */
        size_t cut;         /* only so many bytes of the answer, 0: all */
        bool waits;         /* for fake_release() before the first byte */
        enum fake_then then;
};

struct fake;

int fake_new(const struct fake_step *steps, size_t n, struct fake **ret) _must_check_;
struct fake *fake_free(struct fake *f);
void fake_release(struct fake *f); /* lets one waiting step go, now or later */
unsigned fake_port(const struct fake *f);
unsigned fake_n_requests(struct fake *f); /* HEAD apart */
unsigned fake_n_heads(struct fake *f);
unsigned fake_n_connections(struct fake *f);
unsigned fake_n_hung_up(struct fake *f); /* held answers whose peer went */
/* Head and body of the nth request, from 0; owned by the server. */
const char *fake_request(struct fake *f, unsigned n);

/* The end of an SSE answer is the end of the connection. */
#define FAKE_SSE                                                                                  \
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\nconnection: " \
        "close\r\n\r\n"
#define FAKE_START                                                                           \
        "event: message_start\ndata: "                                                       \
        "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":100,\"output_" \
        "tokens\":1}}}\n\n"
#define FAKE_TEXT(words)                                                                         \
        "event: content_block_delta\ndata: "                                                     \
        "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"" words \
        "\"}}\n\n"
#define FAKE_DELTA(reason)                                                 \
        "event: message_delta\ndata: "                                     \
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason \
        "\"},\"usage\":{\"output_tokens\":20}}\n\n"
#define FAKE_PING ": comment\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
#define FAKE_STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define FAKE_GOOD                                                            \
        FAKE_SSE FAKE_START FAKE_PING FAKE_TEXT("Hello ") FAKE_TEXT("world") \
                FAKE_DELTA("end_turn") FAKE_STOP
/* Of a length and a body: the connection may be kept. */
#define FAKE_KEPT                                                                   \
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: " \
        "chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n"
#define FAKE_ERROR(status, headers, body)                                                          \
        "HTTP/1.1 " status                                                                         \
        "\r\ncontent-type: application/json\r\nrequest-id: req_e\r\nconnection: close\r\n" headers \
        "\r\n" body
