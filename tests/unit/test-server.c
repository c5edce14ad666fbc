/* The server against a jobs room of our own: the loop runs in a thread, clients are blocking
 * sockets. */

#include "daemon/server/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"
#include "daemon/loop/loop.h"
#include "daemon/options/options.h"
#include "daemon/server/session.h"
#include "proto/address.h"
#include "proto/rpc.h"
#include "server-rooms.h"

/* ---- a server in a thread ---- */

struct fixture {
        char directory[64];
        struct address address;
        struct loop *loop;
        struct server *server;
        struct config *config;
        pthread_t thread;
        unsigned n_reloads, n_stops;
};

static struct fixture fixture;

static int on_reload(void *arg, struct failure **ret_failure)
{
        (void)arg;
        fixture.n_reloads++;
        *ret_failure = failure_new_at(FAILURE_BAD_CONFIG, "genopt.yaml:1:1", "no");
        return CONDITION_REFUSED;
}

static void on_stop(enum server_stop how, void *arg)
{
        (void)how, (void)arg;
        fixture.n_stops++;
}

static void *run_loop(void *arg)
{
        struct fixture *f = arg;

        assert_int_equal(loop_run(f->loop), 0);
        return NULL;
}

static int start(const char *config, uint64_t timeout_ms)
{
        struct fixture *f = &fixture;
        struct failure *failure = NULL;
        struct server_setup s = {.on_reload = on_reload,
                                 .on_stop = on_stop,
                                 .drain_ms = timeout_ms,
                                 .half_frame_ms = timeout_ms};

        *f = (struct fixture){.directory = "/tmp/test-server-XXXXXX"};
        if (!mkdtemp(f->directory))
                return -1;
        snprintf(f->address.path, sizeof(f->address.path), "%.*s/rpc.sock",
                 (int)sizeof(f->directory) - 1, f->directory);
        room.n_submits = room.n_events = room.n_produced = room.n_cursors = 0;
        room.blob_bytes = 10;
        room.has_known = false;
        room.n_late = 0;
        assert_int_equal(config_parse(span_of(config), "genopt.yaml", "/", &f->config, &failure),
                         0);
        assert_int_equal(loop_new(1, &f->loop), 0);
        assert_int_equal(address_listen(&f->address, 0600, &s.listen_fd), 0);
        s.loop = f->loop;
        s.config = f->config;
        assert_int_equal(server_new(&s, &f->server), 0);
        return pthread_create(&f->thread, NULL, run_loop, f);
}

static int set_up(void **state)
{
        (void)state;
        return start("", 0);
}

static int set_up_small(void **state)
{
        (void)state;
        return start("limits: {sessions: 4, sessions_per_user: 3}", 0);
}

static int set_up_impatient(void **state)
{
        (void)state;
        return start("", 100);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)st, (void)flag, (void)ftw;
        return remove(path);
}

static int tear_down(void **state)
{
        struct fixture *f = &fixture;

        (void)state;
        loop_stop(f->loop);
        pthread_join(f->thread, NULL);
        server_free(f->server);
        loop_free(f->loop);
        config_unref(f->config);
        return nftw(f->directory, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

/* ---- clients ---- */

struct client {
        int fd;
        struct frame_reader in;
};

static void connect_client(struct client *c)
{
        struct timeval t = {.tv_sec = 20};

        assert_int_equal(address_connect(&fixture.address, 5000, &c->fd), 0);
        assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)), 0);
        frame_reader_init(&c->in);
}

static void end_client(struct client *c)
{
        frame_reader_done(&c->in);
        if (c->fd >= 0)
                close(c->fd);
        c->fd = -1;
}
#define _cleanup_client_ _cleanup_(end_client)

static void send_text(struct client *c, const char *text)
{
        size_t n = strlen(text);

        while (n > 0) {
                ssize_t sent = send(c->fd, text, n, MSG_NOSIGNAL);

                assert_true(sent > 0);
                text += sent;
                n -= (size_t)sent;
        }
}

/* The next frame. False: the connection has ended. */
static bool receive(struct client *c, struct span *ret)
{
        for (;;) {
                int r = frame_reader_next(&c->in, ret);

                if (r == 0)
                        return true;
                assert_int_equal(r, CONDITION_ABSENT);
                r = frame_reader_fill(&c->in, c->fd);
                if (r == CONDITION_ABSENT || r == -ECONNRESET)
                        return false;
                if (r < 0)
                        fail_msg("nothing came: %s", strerror(-r));
        }
}

static void expect(struct client *c, const char *text)
{
        struct span frame;

        assert_true(receive(c, &frame));
        if (!span_is_equal(frame, span_of(text)))
                fail_msg("expected %s\n     got %.*s", text, (int)MIN2(frame.n, (size_t)500),
                         frame.at);
}

static void expect_error(struct client *c, const char *id, const char *name, const char *where)
{
        _cleanup_(failure_freep) struct failure *f = NULL;
        struct rpc_message m;
        struct span frame;

        assert_true(receive(c, &frame));
        assert_int_equal(rpc_read(frame, &m, &f), 0);
        assert_int_equal(m.kind, RPC_ERROR);
        assert_true(span_is_equal(m.scan.id, span_of(id)));
        assert_int_equal(rpc_read_error(&m, &f), 0);
        assert_string_equal(failure_table[f->id].name, name);
        if (where)
                assert_string_equal(f->where, where);
}

static void expect_end(struct client *c)
{
        struct span frame;

        if (receive(c, &frame))
                fail_msg("an end was expected, not %.*s", (int)frame.n, frame.at);
}

#define CALL(id, method, params) \
        "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}\n"
#define SUBMIT(id, kind) CALL(id, "job/submit", "{\"kind\":\"" kind "\",\"input\":{}}")
#define NOW(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"job\":\"now\"}}"
#define LATE(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"job\":\"late\"}}"
#define JOB "\"job\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\""

/* All that was sent before it was handled. */
static void barrier(struct client *c)
{
        send_text(c, SUBMIT("\"barrier\"", "now"));
        expect(c, NOW("\"barrier\""));
}

/* Until a counter of the fixture's thread has a value, with a deadline. */
static void wait_for(const unsigned *value, unsigned wanted)
{
        uint64_t end = clock_monotonic_usec() + 60 * 1000000;

        while (peek(value) != wanted && clock_monotonic_usec() < end) {
                _cleanup_client_ struct client c;

                connect_client(&c);
                barrier(&c);
        }
        assert_int_equal(peek(value), wanted);
}

static void both_framings_are_spoken(void **state)
{
        _cleanup_client_ struct client lines, headers;
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        connect_client(&lines);
        send_text(&lines, SUBMIT("1", "now") "\r\n\n" SUBMIT("\"x\"", "now"));
        expect(&lines, NOW("1"));
        expect(&lines, NOW("\"x\""));
        connect_client(&headers);
        assert_int_equal(rpc_write_request(&b, FRAMING_HEADERS, 7, "job/submit",
                                           SPAN("{\"kind\":\"now\",\"input\":{}}")),
                         0);
        send_text(&headers, b.at);
        expect(&headers, NOW("7"));
        assert_int_equal(headers.in.decoder.framing, FRAMING_HEADERS);
}

static void bytes_may_come_one_by_one(void **state)
{
        const char *text = SUBMIT("1", "now") SUBMIT("2", "now");
        _cleanup_client_ struct client c;

        (void)state;
        connect_client(&c);
        for (const char *at = text; *at; at++)
                assert_int_equal(send(c.fd, at, 1, MSG_NOSIGNAL), 1);
        expect(&c, NOW("1"));
        expect(&c, NOW("2"));
}

static void what_is_no_request_is_answered_and_the_connection_goes_on(void **state)
{
        _cleanup_client_ struct client c;

        (void)state;
        connect_client(&c);
        send_text(&c, "{\"jsonrpc\":\n");
        expect_error(&c, "null", "parse_error", NULL);
        send_text(&c, "[1]\n");
        expect_error(&c, "null", "invalid_request", NULL);
        send_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"m\",\"x\":1}\n");
        expect_error(&c, "3", "invalid_request", NULL);
        send_text(&c, CALL("4", "no/such", "{}"));
        expect_error(&c, "4", "method_not_found", NULL);
        send_text(&c, CALL("5", "job/list", "[]"));
        expect_error(&c, "5", "invalid_params", "/params");
        send_text(&c,
                  CALL("6", "job/submit", "{\"kind\":\"now\",\"input\":{},\"meta\":{\"kee\":1}}"));
        expect_error(&c, "6", "invalid_params", "/params/meta/kee");
        send_text(&c, CALL("7", "job/list", "{\"limit\":1,\"limit\":2}"));
        expect_error(&c, "7", "invalid_params", "/params");
        send_text(&c, CALL("8", "job/cancel", "{" JOB "}"));
        expect_error(&c, "8", "no_such_job", NULL);
        send_text(&c, CALL("9", "job/why", "{" JOB ",\"path\":\"x\"}"));
        expect_error(&c, "9", "no_such_job", NULL);
        /* a request without id is a notification: no answer */
        send_text(&c, "{\"jsonrpc\":\"2.0\",\"method\":\"job/"
                      "list\"}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":2}\n");
        barrier(&c);
}

static void what_is_no_frame_ends_the_connection(void **state)
{
        static const struct {
                const char *bytes, *name;
        } noise[] = {
                {"GET / HTTP/1.1\r\n\r\n", "parse_error"},
                {"Content-Length: 104857600\r\n\r\n{", "frame_too_large"},
                {"\x16\x03\x01\n", "parse_error"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(noise); i++) {
                _cleanup_client_ struct client c;

                connect_client(&c);
                send_text(&c, noise[i].bytes);
                expect_error(&c, "null", noise[i].name, NULL);
                expect_end(&c);
        }
}

static void a_line_over_the_limit_ends_the_connection(void **state)
{
        _cleanup_client_ struct client c;
        char chunk[65536];
        size_t sent = 0;

        (void)state;
        memset(chunk, '[', sizeof(chunk));
        connect_client(&c);
        while (sent <= FRAME_MAX_BYTES + sizeof(chunk)) {
                ssize_t n = send(c.fd, chunk, sizeof(chunk), MSG_NOSIGNAL);

                if (n < 0)
                        break;
                sent += (size_t)n;
        }
        expect_error(&c, "null", "frame_too_large", NULL);
        expect_end(&c);
}

static void a_repeated_submit_is_known_by_its_bytes(void **state)
{
        _cleanup_client_ struct client c, other;
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        connect_client(&c);
        send_text(&c, CALL("1", "job/submit",
                           "{\"kind\":\"known\",\"input\":{},\"meta\":{\"key\":\"a\"}}"));
        expect(&c, NOW("1"));
        send_text(&c, CALL("2", "job/submit",
                           "{\"meta\":{\"key\":\"b\"},\"kind\":\"known\",\"input\":{}}"));
        expect(&c, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"cached\":true}}");
        connect_client(&other);
        assert_int_equal(
                frame_write(&b, FRAMING_HEADERS,
                            SPAN("{\"jsonrpc\":\"2.0\",\"id\":\"y\",\"method\":\"job/submit\","
                                 "\"params\":{\"kind\":\"known\",\"input\":{}}}")),
                0);
        send_text(&other, b.at);
        expect(&other, "{\"jsonrpc\":\"2.0\",\"id\":\"y\",\"result\":{\"cached\":true}}");
        assert_int_equal(peek(&room.n_submits), 1);
        send_text(&c, CALL("3", "job/submit", "{\"kind\":\"known\",\"input\":{\"x\":1}}"));
        expect(&c, NOW("3"));
        assert_int_equal(peek(&room.n_submits), 2);
}

/* They are gathered during a turn: more of them than the gathering holds, of one peer and of
 * several, of one that has shut its side and one that is gone. */
static void known_answers_all_arrive(void **state)
{
        enum { N_ANSWERS = 100 };
        _cleanup_client_ struct client c, first, second, half, gone;
        struct client *const peers[] = {&first, &second};
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        connect_client(&c);
        send_text(&c, SUBMIT("1", "known"));
        expect(&c, NOW("1"));
        for (int i = 0; i < N_ANSWERS; i++)
                buf_printf(&b, SUBMIT("%d", "known"), i);
        assert_false(b.failed);
        for (size_t i = 0; i < N_ELEMENTS(peers); i++) {
                connect_client(peers[i]);
                send_text(peers[i], b.at);
        }
        connect_client(&half);
        send_text(&half, SUBMIT("1", "known"));
        assert_int_equal(shutdown(half.fd, SHUT_WR), 0);
        connect_client(&gone);
        send_text(&gone, b.at);
        end_client(&gone);
        for (size_t i = 0; i < N_ELEMENTS(peers); i++)
                for (int k = 0; k < N_ANSWERS; k++) {
                        char text[100];

                        snprintf(text, sizeof(text),
                                 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"cached\":true}}", k);
                        expect(peers[i], text);
                }
        expect(&half, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"cached\":true}}");
        expect_end(&half);
        barrier(&c);
}

static void replies_may_come_out_of_order(void **state)
{
        _cleanup_client_ struct client c, other;

        (void)state;
        connect_client(&c);
        connect_client(&other);
        send_text(&c, SUBMIT("1", "late") SUBMIT("2", "now"));
        expect(&c, NOW("2"));
        send_text(&other, SUBMIT("9", "release"));
        expect(&other, NOW("9"));
        expect(&c, LATE("1"));
}

static void a_request_can_be_cancelled(void **state)
{
        _cleanup_client_ struct client c;

        (void)state;
        connect_client(&c);
        send_text(&c, SUBMIT("\"a\"", "late"));
        send_text(&c, "{\"jsonrpc\":\"2.0\",\"method\":\"$/"
                      "cancelRequest\",\"params\":{\"id\":\"other\"}}\n");
        send_text(
                &c,
                "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":\"a\"}}\n");
        expect_error(&c, "\"a\"", "request_cancelled", NULL);
        send_text(&c, SUBMIT("2", "release"));
        expect(&c, NOW("2"));
        barrier(&c);
}

static void a_reply_to_nobody_is_dropped(void **state)
{
        _cleanup_client_ struct client gone, c;

        (void)state;
        connect_client(&gone);
        send_text(&gone, SUBMIT("1", "late"));
        barrier(&gone);
        end_client(&gone);
        connect_client(&c);
        barrier(&c);
        send_text(&c, SUBMIT("2", "release"));
        expect(&c, NOW("2"));
}

static void a_shell_that_closes_its_end_gets_its_answers(void **state)
{
        _cleanup_client_ struct client c, other;
        const char *last =
                "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"job/list\"}"; /* without line end */

        (void)state;
        connect_client(&c);
        send_text(&c, SUBMIT("1", "late"));
        send_text(&c, last);
        assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
        expect(&c, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"jobs\":[]}}");
        connect_client(&other);
        send_text(&other, SUBMIT("9", "release"));
        expect(&other, NOW("9"));
        expect(&c, LATE("1"));
        expect_end(&c);
}

static void events_follow_the_reply_in_order(void **state)
{
        _cleanup_client_ struct client c;
        struct span frame;

        (void)state;
        room.n_events = 1000;
        connect_client(&c);
        send_text(&c, CALL("1", "job/attach", "{" JOB "}"));
        expect(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"head\":0}}");
        for (unsigned i = 1; i <= 1000; i++) {
                char start_of_event[100];

                assert_true(receive(&c, &frame));
                snprintf(start_of_event, sizeof(start_of_event),
                         "{\"jsonrpc\":\"2.0\",\"method\":\"job/event\",\"params\":{\"seq\":%u,",
                         i);
                assert_memory_equal(frame.at, start_of_event, strlen(start_of_event));
        }
        assert_int_equal(peek(&room.n_cursors), 1);
        send_text(&c, CALL("2", "job/attach", "{" JOB ",\"after\":1000}"));
        expect(&c, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"head\":0}}");
        assert_int_equal(peek(&room.n_cursors), 1);
        for (unsigned i = 1; i <= 1000; i++)
                assert_true(receive(&c, &frame));
        send_text(&c, CALL("3", "job/detach", "{" JOB "}"));
        expect(&c, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
        assert_int_equal(peek(&room.n_cursors), 0);
}

static void a_slow_subscriber_holds_up_only_itself(void **state)
{
        _cleanup_client_ struct client c, other;
        struct span frame;
        unsigned produced;

        (void)state;
        room.n_events = 20000;
        connect_client(&c);
        connect_client(&other);
        send_text(&c, CALL("1", "job/attach", "{" JOB "}"));
        expect(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"head\":0}}");
        for (int i = 0; i < 100; i++)
                barrier(&other);
        produced = peek(&room.n_produced);
        assert_true(produced > 0 && produced < 3000); /* what the socket and 1 MiB hold, of 20 MB */
        for (unsigned i = 1; i <= 20000; i++)
                assert_true(receive(&c, &frame));
        assert_int_equal(peek(&room.n_produced), 20000);
}

static void large_replies_do_not_pile_up(void **state)
{
        static const char hash[] =
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        _cleanup_client_ struct client c;
        char request[300];

        (void)state;
        room.blob_bytes = 5 << 20;
        connect_client(&c);
        for (int i = 0; i < 6; i++) {
                snprintf(request, sizeof(request),
                         CALL("%d", "blob/get", "{" JOB ",\"sha256\":\"%s\"}"), i, hash);
                send_text(&c, request);
        }
        for (int i = 0; i < 6; i++) {
                struct rpc_message m;
                struct failure *f = NULL;
                struct span frame;

                assert_true(receive(&c, &frame));
                assert_int_equal(rpc_read(frame, &m, &f), 0);
                assert_int_equal(m.kind, RPC_RESULT);
                assert_int_equal(m.number, i);
                assert_true(m.body.n > (5u << 20));
        }
        barrier(&c);
}

static void a_peer_that_does_not_read_is_cut_off(void **state)
{
        _cleanup_client_ struct client c;

        (void)state;
        room.n_events = 20000;
        connect_client(&c);
        send_text(&c, CALL("1", "job/attach", "{" JOB "}"));
        expect(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"head\":0}}");
        wait_for(&room.n_cursors, 0);
}

static void half_a_frame_does_not_wait_for_ever(void **state)
{
        _cleanup_client_ struct client c, headers;

        (void)state;
        connect_client(&c);
        send_text(&c, "{\"jsonrpc\"");
        expect_error(&c, "null", "parse_error", NULL);
        expect_end(&c);
        connect_client(&headers);
        send_text(&headers, "Content-Length: 10\r\n\r\n{");
        expect_error(&headers, "null", "parse_error", NULL);
        expect_end(&headers);
        /* one that says nothing at all may stay */
        end_client(&c);
        end_client(&headers);
        connect_client(&c);
        connect_client(&headers);
        send_text(&headers, "Content-Le");
        expect_error(&headers, "null", "parse_error", NULL);
        barrier(&c);
}

static void connections_have_a_limit(void **state)
{
        struct client clients[3];
        _cleanup_client_ struct client more;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(clients); i++) {
                connect_client(&clients[i]);
                barrier(&clients[i]);
        }
        connect_client(&more);
        expect_error(&more, "null", "too_many_sessions", NULL);
        expect_end(&more);
        end_client(&more);
        end_client(&clients[0]);
        barrier(&clients[1]);
        connect_client(&clients[0]);
        barrier(&clients[0]);
        for (size_t i = 0; i < N_ELEMENTS(clients); i++)
                end_client(&clients[i]);
        connect_client(&more);
}

static void requests_under_way_have_a_limit(void **state)
{
        _cleanup_client_ struct client c;
        char request[200];

        (void)state;
        connect_client(&c);
        for (int i = 0; i < SESSION_MAX_CALLS; i++) {
                snprintf(request, sizeof(request), SUBMIT("%d", "late"), i);
                send_text(&c, request);
        }
        send_text(&c, SUBMIT("\"more\"", "now"));
        expect_error(&c, "\"more\"", "too_many_sessions", NULL);
        send_text(&c,
                  "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":255}}\n");
        expect_error(&c, "255", "request_cancelled", NULL);
        send_text(&c, SUBMIT("1000", "release"));
        for (int i = 0; i < SESSION_MAX_CALLS - 1; i++) {
                snprintf(request, sizeof(request), LATE("%d"), i);
                expect(&c, request);
        }
        expect(&c, NOW("1000"));
}

static void the_daemons_own_methods_answer(void **state)
{
        _cleanup_client_ struct client c;
        struct span frame;

        (void)state;
        connect_client(&c);
        send_text(&c, CALL("1", "initialize", "{\"client\":{\"name\":\"t\"}}"));
        assert_true(receive(&c, &frame));
        assert_non_null(memmem(frame.at, frame.n, "\"protocol\":1", 12));
        assert_non_null(memmem(frame.at, frame.n, "\"frame_bytes\":8388608", 21));
        send_text(&c, CALL("2", "cache/stats", "{}"));
        assert_true(receive(&c, &frame));
        assert_non_null(memmem(frame.at, frame.n, "\"hit_rate\":0.5", 14));
        send_text(&c, CALL("3", "cache/verify", "{}"));
        expect(&c, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"bad\":4,\"checked\":3}}");
        send_text(&c, CALL("4", "daemon/status", "{}"));
        assert_true(receive(&c, &frame));
        assert_non_null(memmem(frame.at, frame.n, "\"state\":\"ready\"", 15));
        send_text(&c, CALL("5", "daemon/reload", "{}"));
        expect_error(&c, "5", "bad_config", "genopt.yaml:1:1");
        send_text(&c, CALL("6", "rpc.discover", "{}"));
        assert_true(receive(&c, &frame));
        assert_non_null(memmem(frame.at, frame.n, "\"openrpc\":\"1.2.6\"", 17));
        send_text(&c, CALL("7", "stats/get", "{}"));
        assert_true(receive(&c, &frame));
        send_text(&c, CALL("8", "daemon/stop", "{\"mode\":\"drain\"}"));
        expect(&c, "{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{\"drain_ms\":0}}");
        barrier(&c);
        assert_int_equal(fixture.n_stops, 1);
        assert_int_equal(fixture.n_reloads, 1);
}

static void every_method_has_a_handler(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_METHODS; i++)
                assert_true(server_methods[i].handle != NULL || i == METHOD_CANCEL_REQUEST);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(both_framings_are_spoken),
                TEST(bytes_may_come_one_by_one),
                TEST(what_is_no_request_is_answered_and_the_connection_goes_on),
                TEST(what_is_no_frame_ends_the_connection),
                TEST(a_line_over_the_limit_ends_the_connection),
                TEST(a_repeated_submit_is_known_by_its_bytes),
                TEST(known_answers_all_arrive),
                TEST(replies_may_come_out_of_order),
                TEST(a_request_can_be_cancelled),
                TEST(a_reply_to_nobody_is_dropped),
                TEST(a_shell_that_closes_its_end_gets_its_answers),
                TEST(events_follow_the_reply_in_order),
                TEST(a_slow_subscriber_holds_up_only_itself),
                TEST(large_replies_do_not_pile_up),
                cmocka_unit_test_setup_teardown(a_peer_that_does_not_read_is_cut_off,
                                                set_up_impatient, tear_down),
                cmocka_unit_test_setup_teardown(half_a_frame_does_not_wait_for_ever,
                                                set_up_impatient, tear_down),
                cmocka_unit_test_setup_teardown(connections_have_a_limit, set_up_small, tear_down),
                TEST(requests_under_way_have_a_limit),
                TEST(the_daemons_own_methods_answer),
                cmocka_unit_test(every_method_has_a_handler),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
