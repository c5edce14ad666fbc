#include "proto/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "common/json.h"

static void messages_have_their_form(void **state)
{
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        assert_int_equal(rpc_write_request(&b, FRAMING_LINES, 7, "job/list", SPAN("{}")), 0);
        assert_int_equal(rpc_write_request(&b, FRAMING_LINES, 8, "stats/get", (struct span){0}), 0);
        assert_int_equal(rpc_write_notification(&b, FRAMING_LINES, "job/event", SPAN("{\"a\":1}")),
                         0);
        assert_int_equal(rpc_write_result(&b, FRAMING_LINES, SPAN("\"x\""), SPAN("[1]")), 0);
        assert_int_equal(rpc_write_result(&b, FRAMING_LINES, (struct span){0}, SPAN("1")), 0);
        assert_string_equal(b.at,
                            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"job/list\",\"params\":{}}\n"
                            "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"stats/get\"}\n"
                            "{\"jsonrpc\":\"2.0\",\"method\":\"job/event\",\"params\":{\"a\":1}}\n"
                            "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":[1]}\n"
                            "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":1}\n");
}

static void what_is_written_is_read(void **state)
{
        _cleanup_buf_ struct buf b = {0};
        struct rpc_message m;
        struct failure *f = NULL;
        struct frame_decoder d = {0};
        struct span frame;
        size_t used;

        (void)state;
        assert_int_equal(
                rpc_write_request(&b, FRAMING_HEADERS, 7, "job/list", SPAN("{\"limit\":1}")), 0);
        assert_int_equal(frame_next(&d, buf_span(&b), &frame, &used), 0);
        assert_int_equal(used, b.n);
        assert_int_equal(rpc_read(frame, &m, &f), 0);
        assert_int_equal(m.kind, RPC_REQUEST);
        assert_true(m.has_number);
        assert_int_equal(m.number, 7);
        assert_true(span_is_equal(m.body, SPAN("{\"limit\":1}")));
}

static void errors_carry_their_failure(void **state)
{
        _cleanup_buf_ struct buf b = {0};
        _cleanup_(failure_freep) struct failure *f = NULL, *got = NULL;
        struct rpc_message m;

        (void)state;
        f = failure_new_at(FAILURE_NO_SUCH_JOB, "/params/job", "no job %d", 5);
        assert_int_equal(rpc_write_error(&b, FRAMING_LINES, SPAN("9"), f), 0);
        assert_int_equal(rpc_read((struct span){b.at, b.n - 1}, &m, &got), 0);
        assert_int_equal(m.kind, RPC_ERROR);
        assert_int_equal(m.number, 9);
        assert_int_equal(rpc_read_error(&m, &got), 0);
        assert_int_equal(got->id, FAILURE_NO_SUCH_JOB);
        assert_string_equal(got->message, "no job 5");
        assert_string_equal(got->where, "/params/job");
}

static void an_envelope_is_what_would_be_written(void **state)
{
        const struct span ids[] = {SPAN("1"), SPAN("\"abc\""), {NULL, 0}},
                          result = SPAN("{\"text\":\"hello\"}");

        (void)state;
        for (enum framing f = FRAMING_LINES; f <= FRAMING_HEADERS; f++) {
                for (size_t i = 0; i < N_ELEMENTS(ids); i++) {
                        _cleanup_buf_ struct buf a = {0}, b = {0};
                        struct rpc_envelope e;

                        assert_int_equal(rpc_write_result(&a, f, ids[i], result), 0);
                        rpc_envelope_init(&e, f, ids[i], result.n);
                        buf_add(&b, e.head, e.n_head);
                        buf_add_span(&b, result);
                        buf_add_span(&b, e.tail);
                        assert_string_equal(a.at, b.at);
                }
        }
}

static void the_longest_id_fits_an_envelope(void **state)
{
        char id[SCAN_ID_BYTES];
        struct rpc_envelope e;

        (void)state;
        memset(id, '1', sizeof(id));
        rpc_envelope_init(&e, FRAMING_HEADERS, (struct span){id, sizeof(id)}, SIZE_MAX - 1000);
        assert_true(e.n_head <= sizeof(e.head));
}

static void noise_is_a_failure(void **state)
{
        struct rpc_message m;
        struct failure *f = NULL;

        (void)state;
        assert_int_equal(rpc_read(SPAN("{\"jsonrpc\":"), &m, &f), CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_PARSE_ERROR);
        f = failure_free(f);
        assert_int_equal(rpc_read(SPAN("[]"), &m, &f), CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_INVALID_REQUEST);
        f = failure_free(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(messages_have_their_form),
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(errors_carry_their_failure),
                cmocka_unit_test(an_envelope_is_what_would_be_written),
                cmocka_unit_test(the_longest_id_fits_an_envelope),
                cmocka_unit_test(noise_is_a_failure),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
