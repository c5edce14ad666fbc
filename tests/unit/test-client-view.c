#include "unit.h"

#include <stdio.h>

#include "client/view/format.h"
#include "client/view/view.h"

static void numbers_are_short(void **state)
{
        char t[FORMAT_BYTES];

        (void)state;
        assert_string_equal(format_money(0, t), "$0");
        assert_string_equal(format_money(99999, t), "<$0.0001");
        assert_string_equal(format_money(100000, t), "$0.0001");
        assert_string_equal(format_money(31240000, t), "$0.0312");
        assert_string_equal(format_money(999999999, t), "$0.9999");
        assert_string_equal(format_money(1000000000, t), "$1.00");
        assert_string_equal(format_money(12345000000, t), "$12.35");
        assert_string_equal(format_ms(999, t), "999 ms");
        assert_string_equal(format_ms(4210, t), "4.2 s");
        assert_string_equal(format_ms(60000, t), "1:00");
        assert_string_equal(format_ms(7391000, t), "2:03:11");
        assert_string_equal(format_count(999, t), "999");
        assert_string_equal(format_count(12345, t), "12.3k");
        assert_string_equal(format_count(1000000, t), "1.0M");
        assert_string_equal(format_bytes(1536, t), "1.5 KiB");
        assert_string_equal(format_change(38, 100, t), "−62 %");
        assert_string_equal(format_change(105, 100, t), "+5 %");
        assert_string_equal(format_change(1, 0, t), "");
        assert_string_equal(format_change(100099, 100, t), "+99999 %");
        assert_string_equal(format_change(100200, 100, t), ">+99999 %");
        assert_string_equal(format_change(UINT64_MAX, 1, t), ">+99999 %");
        assert_string_equal(format_change(0, UINT64_MAX, t), "−100 %");
        assert_int_equal(format_share(199, 200), 99);
        assert_int_equal(format_share(1, 0), 0);
}

static void shares_sum_to_the_whole(void **state)
{
        static const struct {
                uint64_t parts[4];
                unsigned shares[4];
        } rows[] = {{{1, 1, 1}, {34, 33, 33}},
                    {{2, 1}, {67, 33}},
                    {{7, 7, 7, 7}, {25, 25, 25, 25}},
                    {{0, 5}, {0, 100}},
                    {{996, 4}, {99, 1}},
                    {{0}, {0}},
                    {{110, 37, 3}, {73, 25, 2}},
                    {{1, 999999}, {1, 99}},
                    {{UINT32_MAX, 1, 1, 1}, {99, 1}}};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                unsigned shares[4], sum = 0;

                format_shares(rows[i].parts, 4, shares);
                for (size_t k = 0; k < 4; k++)
                        sum += shares[k];
                assert_memory_equal(shares, rows[i].shares, sizeof(shares));
                assert_int_equal(sum, i == 5 ? 0 : 100);
        }
}

static void expect_cut(void (*cut)(struct buf *, struct span, size_t), const char *text,
                       size_t columns, const char *wanted)
{
        _cleanup_buf_ struct buf b = {0};

        cut(&b, span_of(text), columns);
        assert_string_equal(b.at ? b.at : "", wanted);
        assert_true(format_width(buf_span(&b)) <= columns);
}

static void text_is_cut_by_columns(void **state)
{
        (void)state;
        assert_int_equal(format_width(SPAN("aä漢")), 4);
        assert_int_equal(format_width(SPAN("\xff\x01x")), 3);
        expect_cut(format_cut, "abcdef", 6, "abcdef");
        expect_cut(format_cut, "abcdef", 5, "abcd…");
        expect_cut(format_cut, "漢漢漢", 4, "漢…");
        expect_cut(format_cut, "a\033[31mb", 20, "a?[31mb");
        expect_cut(format_cut, "abc", 0, "");
        expect_cut(format_cut_front, "internal/order/x.go", 8, "…er/x.go");
        expect_cut(format_cut_front, "漢漢漢", 4, "…漢");
}

static void words_cannot_steer_a_terminal(void **state)
{
        char text[] = "a\033[31m\tb\n\xc2\x9b"
                      "ä\x7f\r\u202ex\u2066";

        (void)state;
        format_scrub(text);
        assert_string_equal(text, "a?[31m\tb\n??ä?????x???");
}

static void feed(struct progress *p, const char *text)
{
        struct diag diag;
        json_t *event;

        assert_int_equal(json_read(span_of(text), &event, &diag), 0);
        assert_int_equal(progress_apply(p, event), 0);
        json_decref(event);
}

#define STARTED(task, step)                                                          \
        "{\"type\": \"task.started\", \"task\": " task ", \"path\": \"dir/file" task \
        ".go\", \"step\": " step ", \"attempt\": 1}"
#define DONE(task, verdict)                                                \
        "{\"type\": \"task.done\", \"task\": " task                        \
        ", \"path\": \"p\", \"source\": \"call\", \"verdict\": \"" verdict \
        "\", \"nanousd\": 1, \"ms\": 1}"

static void progress_follows_events(void **state)
{
        struct progress p;

        (void)state;
        progress_init(&p);
        feed(&p, "{\"type\": \"planned\", \"time\": \"2026-01-02T03:04:05.000Z\", \"tasks\": 4}");
        feed(&p, STARTED("1", "7"));
        feed(&p, STARTED("2", "7"));
        feed(&p, STARTED("3", "8"));
        assert_int_equal(progress_n_running(&p), 3);
        feed(&p, DONE("1", "accepted"));
        feed(&p, DONE("3", "failed"));
        assert_int_equal(progress_n_running(&p), 1);
        assert_int_equal(p.n_done, 2);
        assert_int_equal(p.n_failed, 1);
        assert_int_equal(p.n_by_source[SOURCE_CALL], 2);
        feed(&p, "{\"type\": \"call.done\", \"tokens\": {\"input\": 10, \"cache_read\": 5, "
                 "\"cache_write\": 1, \"output\": 4}, \"nanousd\": 7}");
        assert_int_equal(p.n_tokens, 20);
        feed(&p, "{\"type\": \"progress\", \"done\": 3, \"total\": 5, \"eta_ms\": 9000, "
                 "\"nanousd\": 9, \"tokens\": 21}");
        assert_int_equal(p.n_total, 5);
        assert_int_equal(p.n_tokens, 21);
        assert_int_equal(p.nanousd, 9);
        feed(&p, "{\"type\": \"planned\", \"tasks\": 5}"); /* resumed */
        assert_int_equal(p.n_done, 0);
        assert_int_equal(progress_n_running(&p), 0);
        feed(&p, "{\"type\": \"of a later protocol\"}");
        feed(&p, "{}");
        progress_done(&p);
}

static void live_lines_fit_every_width(void **state)
{
        struct progress p;

        (void)state;
        progress_init(&p);
        feed(&p, "{\"type\": \"planned\", \"time\": \"2026-01-02T03:04:05.000Z\", \"tasks\": 44}");
        feed(&p, STARTED("1", "1"));
        feed(&p, STARTED("2", "1"));
        feed(&p, STARTED("3", "2"));
        feed(&p, STARTED("4", "2"));
        feed(&p, "{\"type\": \"progress\", \"done\": 23, \"total\": 44, \"eta_ms\": 90000, "
                 "\"nanousd\": 31200000, \"tokens\": 12345}");
        for (size_t columns = 1; columns <= 120; columns++) {
                for (int is_utf8 = 0; is_utf8 < 2; is_utf8++) {
                        _cleanup_buf_ struct buf b = {0};
                        size_t n_lines = 0;

                        assert_int_equal(view_render(&p, columns, p.eta_at_ms, is_utf8, &b), 0);
                        for (const char *at = b.at, *end; (end = strchr(at, '\n'));
                             at = end + 1, n_lines++)
                                assert_true(format_width((struct span){at, (size_t)(end - at)}) <=
                                            columns);
                        assert_int_equal(n_lines, 1 + VIEW_RUNNING_LINES);
                        if (columns == 100) {
                                assert_non_null(strstr(b.at, "23/44"));
                                assert_non_null(strstr(b.at, "$0.0312"));
                                assert_non_null(strstr(b.at, "~1:30 left"));
                                assert_non_null(strstr(b.at, "4 running"));
                                assert_non_null(strstr(b.at, is_utf8 ? "█" : "#"));
                        }
                }
        }
        progress_done(&p);
}

static char *describe(const char *text, bool is_live)
{
        struct progress p = {.phase = "", .n_total = 4, .n_done = 2};
        struct buf b = {0};
        struct diag diag;
        json_t *event;
        char *line;
        size_t n;

        assert_int_equal(json_read(span_of(text), &event, &diag), 0);
        assert_int_equal(view_describe(&p, event, is_live, &b), 0);
        assert_int_equal(buf_add_text(&b, ""), 0);
        line = buf_steal(&b, &n);
        json_decref(event);
        return line;
}

static void expect_line(const char *event, bool is_live, const char *wanted)
{
        _cleanup_free_ char *line = describe(event, is_live);

        assert_string_equal(line ? line : "", wanted);
}

static void events_become_lines(void **state)
{
        (void)state;
        expect_line(DONE("1", "accepted"), false, "[2/4] p: call, <$0.0001, 1 ms");
        expect_line(DONE("1", "accepted"), true, "");
        expect_line("{\"type\": \"task.done\", \"path\": \"p\", \"source\": \"keep\", \"verdict\": "
                    "\"accepted\"}",
                    false, "");
        expect_line("{\"type\": \"task.done\", \"path\": \"p\", \"source\": \"call\", \"verdict\": "
                    "\"failed\", \"error\": {\"message\": \"no\", "
                    "\"data\": {\"remedy\": \"do\"}}}",
                    true, "[2/4] p: failed: no");
        expect_line("{\"type\": \"task.retry\", \"reason\": \"overloaded\", \"delay_ms\": 2000, "
                    "\"attempt\": 2}",
                    true, "asked again (attempt 2): overloaded, in 2.0 s");
        expect_line("{\"type\": \"warning\", \"text\": \"odd\", \"where\": \"s:1\"}", true,
                    "s:1: odd");
        expect_line("{\"type\": \"planned\", \"tasks\": 3, \"steps\": 2, \"kinds\": {\"template\": "
                    "2, \"call\": 1}, \"estimate\": "
                    "{\"nanousd\": 20000000, \"ms\": 4000}, \"naive\": {\"nanousd\": 90000000}}",
                    false,
                    "plan: 3 tasks in 2 steps: 2 template, 1 call; about $0.0200 and 4.0 s (naive "
                    "$0.0900)");
        expect_line("{\"type\": \"progress\"}", false, "");
        expect_line("{}", false, "");
}

static void a_summary_has_five_lines(void **state)
{
        static const char *const empty = "{}";
        static const char *const full =
                "{\"files\": {\"template\": 20, \"call\": 22, \"batched\": 12, \"keep\": 1, "
                "\"failed\": 1}, \"calls\": 9, \"retries\": 1, \"tokens\": "
                "{\"input\": 1000, \"cache_read\": 3000, \"output\": 500}, \"cache_share\": "
                "{\"anthropic\": 0.75}, \"nanousd\": 31200000, "
                "\"ms\": 72000, \"naive\": {\"calls\": 44, \"tokens\": {\"input\": 45000}, "
                "\"nanousd\": 812000000, \"ms\": 580000}}";
        static const char *const texts[] = {empty, full};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_buf_ struct buf b = {0};
                size_t n_lines = 0;
                struct diag diag;
                json_t *summary;

                assert_int_equal(json_read(span_of(texts[i]), &summary, &diag), 0);
                assert_int_equal(view_summarise(summary, &b), 0);
                for (size_t k = 0; k < b.n; k++)
                        n_lines += b.at[k] == '\n';
                assert_int_equal(n_lines, 5);
                json_decref(summary);
                if (i == 1)
                        assert_string_equal(
                                b.at, "time      1:12                                   naive 9:40 "
                                      " −87 %\n"
                                      "tokens    4.0k in, 500 out                       naive "
                                      "45.0k  −90 %\n"
                                      "money     $0.0312                                naive "
                                      "$0.8120  −96 %\n"
                                      "cache     75 % of input from cache at anthropic  naive 0 %\n"
                                      "files     44: 1 kept, 20 by template (45 %), 22 by model in "
                                      "9 calls "
                                      "(12 batched), 1 failed, 1 retry  naive 44 calls\n");
        }
}

static void a_resume_has_its_price(void **state)
{
        static const char *const texts[][2] = {
                {"{\"calls\": 2, \"input\": 1000, \"cache_read\": 3000, \"output\": 500, "
                 "\"nanousd\": 31200000, \"ms\": 72000}",
                 "resume    about 2 calls, 4.0k tokens in, 500 out, $0.0312, 1:12 (estimated): "
                 "so\n"},
                {"{\"calls\": 0}", "resume    no call, no money (estimated): so\n"}};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_buf_ struct buf b = {0};
                _cleanup_json_ json_t *resume = NULL;
                struct diag diag;

                assert_int_equal(json_read(span_of(texts[i][0]), &resume, &diag), 0);
                view_add_resume(NULL, "", "so", &b);
                assert_int_equal(b.n, 0);
                view_add_resume(resume, "", "so", &b);
                assert_string_equal(b.at, texts[i][1]);
        }
}

static const char plan_text[] =
        "{\"tasks\": 4, \"steps\": ["
        "{\"kind\": \"keep\", \"tasks\": [\"go.mod\"]},"
        "{\"kind\": \"call\", \"tasks\": [\"internal/order/order_item_repository.go\", \"x\"], "
        "\"model\": \"claude-sonnet-5-5\", \"certain\": false, \"reason\": "
        "\"one call for two, because they are alike\", \"estimate\": {\"input\": 1700, "
        "\"cache_read\": 300, \"output\": 900, \"nanousd\": 12300000, \"ms\": 9000}},"
        "{\"kind\": \"call\", \"tasks\": [\"main.go\"], \"tier\": \"fast\", \"model\": null}],"
        "\"totals\": {\"calls\": 2, \"input\": 2900, \"nanousd\": 12300000, \"ms\": 9000},"
        "\"naive\": {\"calls\": 4, \"input\": 9000, \"nanousd\": 123000000, \"ms\": 90000},"
        "\"rules\": [{\"name\": \"reuse\", \"calls\": 0}, {\"name\": \"tier\", \"calls\": 0, "
        "\"input\": -2200, \"nanousd\": 359900000, \"ms\": 28400}, {\"name\": \"compress\", "
        "\"input\": 2300, \"full\": 12100, \"compressed\": 9800}]}";

static void expect_plan(const json_t *plan, size_t columns, const char *wanted)
{
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(view_tabulate_plan(plan, columns, &b), 0);
        if (!strstr(b.at, wanted))
                fail_msg("%zu columns lack\n%sin\n%s", columns, wanted, b.at);
        for (const char *at = b.at, *end; (end = strchr(at, '\n')); at = end + 1) {
                assert_true(format_width((struct span){at, (size_t)(end - at)}) <=
                            MAX2(columns, 50));
                assert_true(end == b.at || end[-1] != ' ');
        }
}

static void what_another_job_made_is_marked(void **state)
{
        static const char text[] =
                "{\"tasks\": 3, \"steps\": [{\"kind\": \"call\", \"tasks\": [\"a\", \"b\"], "
                "\"measured\": {\"calls\": 0, \"tasks\": [{\"source\": \"reuse\", \"joined\": "
                "true}, "
                "{\"source\": \"reuse\"}]}}, {\"kind\": \"reuse\", \"tasks\": [\"c\"], "
                "\"measured\": {\"calls\": 0, \"tasks\": [{\"source\": \"call\", \"joined\": "
                "true}]}}]}";
        _cleanup_json_ json_t *plan = NULL;
        struct diag diag;

        (void)state;
        assert_int_equal(json_read(SPAN(text), &plan, &diag), 0);
        expect_plan(plan, 100, "  measured: 1 reuse, 1 by another job  ");
        expect_plan(plan, 100, "certain; in truth 1 by another job\n");
}

/* Before its job has ended nothing is said of a step that was not begun. */
static void a_step_to_come_is_not_missed(void **state)
{
        static const char text[] =
                "{\"tasks\": 1, \"state\": \"%s\", \"steps\": [{\"kind\": \"call\", \"tasks\": "
                "[\"a\"], \"measured\": {\"calls\": 0, \"tasks\": []}}]}";

        (void)state;
        for (int is_done = 0; is_done < 2; is_done++) {
                _cleanup_buf_ struct buf json = {0}, b = {0};
                _cleanup_json_ json_t *plan = NULL;
                struct diag diag;

                assert_int_equal(buf_printf(&json, text, is_done ? "failed" : "waiting"), 0);
                assert_int_equal(json_read(buf_span(&json), &plan, &diag), 0);
                assert_int_equal(view_tabulate_plan(plan, 100, &b), 0);
                assert_int_equal(strstr(b.at, "not done") != NULL, is_done);
        }
}

/* Sums that lack something say what; there is nothing to compare then. */
static void an_unknown_price_is_no_nought(void **state)
{
        static const char plan[] =
                "{\"tasks\": 1, \"unpriced\": [\"acme-1\", \"acme-2\"], \"totals\": {\"calls\": "
                "1}, "
                "\"steps\": [{\"kind\": \"call\", \"tasks\": [\"a\"], \"model\": \"acme-1\", "
                "\"estimate\": {\"input\": 10, \"unpriced\": true, \"nanousd\": 0}}]}";
        static const char summary[] = "{\"calls\": 1, \"nanousd\": 31200000, \"unpriced\": "
                                      "[\"acme-1\"], \"naive\": {\"nanousd\": 62400000}}";
        static const char event[] =
                "{\"type\": \"planned\", \"tasks\": 1, \"steps\": 1, \"unpriced\": [\"acme-1\"], "
                "\"estimate\": {\"nanousd\": 0, \"ms\": 2000}}";
        _cleanup_json_ json_t *p = NULL, *s = NULL, *e = NULL;
        _cleanup_buf_ struct buf b = {0}, c = {0};
        struct diag diag;

        (void)state;
        assert_int_equal(json_read(SPAN(plan), &p, &diag), 0);
        assert_int_equal(json_read(SPAN(summary), &s, &diag), 0);
        assert_int_equal(json_read(SPAN(event), &e, &diag), 0);
        expect_plan(p, 100, "money      is without acme-1, acme-2, whose price is not known\n");
        expect_plan(p, 100, "acme-1                  10       0         ?\n");
        assert_int_equal(view_summarise(s, &b), 0);
        assert_non_null(strstr(b.at, "$0.0312 without acme-1, of unknown price"));
        assert_non_null(strstr(b.at, "naive unknown"));
        assert_null(strstr(b.at, "−50 %"));
        view_add_unpriced(e, "(", ")", &c);
        assert_string_equal(c.at, "(acme-1)");
}

static void a_plan_fits_the_terminal(void **state)
{
        struct diag diag;
        json_t *plan;

        (void)state;
        assert_int_equal(json_read(SPAN(plan_text), &plan, &diag), 0);
        expect_plan(plan, 100, "4 tasks: 1 keep, 3 call\n");
        expect_plan(plan, 100,
                    "internal/order/order_item_repository.go +1 (likely)  claude-sonnet-5-5     "
                    "2.0k     900   $0.0123\n");
        expect_plan(plan, 100, "fast                     0       0        $0\n");
        expect_plan(plan, 130,
                    "internal/order/order_item_repository.go +1 (likely)  claude-sonnet-5-5     "
                    "2.0k     900   $0.0123     9.0 s\n"
                    "    one call for two, because they are alike\n");
        expect_plan(plan, 40, "    one call for two, because they are\n    alike\n");
        expect_plan(plan, 100, "keep          1  certain\n");
        expect_plan(plan, 60, "…er_item_repository.go +1 (likely)    2.0k     900   $0.0123\n");
        expect_plan(plan, 40, "…tem_repository.go +1 (likely)   $0.0123\n");
        expect_plan(plan, 40, "money        $0.0123   $0.1230  −90 %\n");
        expect_plan(plan, 100, "tier            0   −2.2k       0  $0.3599  28.4 s\n");
        expect_plan(plan, 100, "\n\nprompts: 12.1k tokens in full, 9.8k compressed\n");
        json_decref(plan);
}

static const char run_text[] =
        "{\"tasks\": 3, \"steps\": ["
        "{\"kind\": \"template\", \"tasks\": [\"go.mod\", \"x.go\"], \"certain\": true, "
        "\"reason\": "
        "\"covered\", \"measured\": {\"tasks\": [{\"source\": \"template\"}, {\"source\": "
        "\"call\"}]}},"
        "{\"kind\": \"call\", \"tasks\": [\"main.go\"], \"tier\": \"fast\", \"model\": \"m\", "
        "\"certain\": "
        "true, \"reason\": \"r\", \"estimate\": {\"input\": 1000, \"output\": 500, \"nanousd\": "
        "10000000, "
        "\"ms\": 4000}, \"measured\": {\"calls\": 2, \"input\": 1100, \"output\": 600, "
        "\"nanousd\": 12000000, "
        "\"ms\": 5000, \"tasks\": [{\"source\": \"call\"}]}}],"
        "\"totals\": {\"calls\": 1, \"input\": 1000, \"output\": 500, \"nanousd\": 10000000, "
        "\"ms\": 4000},"
        "\"measured\": {\"calls\": 2, \"input\": 1100, \"output\": 600, \"nanousd\": 12000000, "
        "\"ms\": 5000},"
        "\"naive\": {\"calls\": 3, \"input\": 9000, \"nanousd\": 120000000, \"ms\": 50000},"
        "\"rules\": [{\"name\": \"template\", \"calls\": 2, \"nanousd\": 80000000, \"ms\": 30000, "
        "\"measured\": "
        "{\"calls\": 1, \"nanousd\": 40000000, \"ms\": -15000}}]}";

static void a_plan_that_has_run_shows_both(void **state)
{
        struct diag diag;
        json_t *plan;

        (void)state;
        assert_int_equal(json_read(SPAN(run_text), &plan, &diag), 0);
        expect_plan(plan, 120, "tokens          1.5k      1.7k   +13 %      9.0k  −81 %\n");
        expect_plan(plan, 120, "money        $0.0100   $0.0120   +20 %   $0.1200  −90 %\n");
        expect_plan(plan, 120, "  $0.0800  30.0 s    $0.0400 −15.0 s\n");
        expect_plan(plan, 120, "template      2  certain: covered; in truth 1 call\n");
        expect_plan(plan, 120,
                    "main.go               m                     1.0k     500   $0.0100     4.0 s\n"
                    "  measured, 2 calls                         1.1k     600   $0.0120     5.0 s\n"
                    "    fast: r\n");
        /* what is not spent yet is not saved */
        assert_int_equal(json_put(plan, "state", json_string("running")), 0);
        expect_plan(plan, 120, "money        $0.0100   $0.0120           $0.1200\n");
        assert_int_equal(json_put(json_object_get(plan, "measured"), "calls", json_integer(0)), 0);
        expect_plan(plan, 120, "money        $0.0100   $0.1200  −91 %\n"); /* the plan's */
        json_decref(plan);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_are_short),
                cmocka_unit_test(shares_sum_to_the_whole),
                cmocka_unit_test(text_is_cut_by_columns),
                cmocka_unit_test(words_cannot_steer_a_terminal),
                cmocka_unit_test(progress_follows_events),
                cmocka_unit_test(live_lines_fit_every_width),
                cmocka_unit_test(events_become_lines),
                cmocka_unit_test(a_step_to_come_is_not_missed),
                cmocka_unit_test(an_unknown_price_is_no_nought),
                cmocka_unit_test(a_plan_fits_the_terminal),
                cmocka_unit_test(a_plan_that_has_run_shows_both),
                cmocka_unit_test(a_summary_has_five_lines),
                cmocka_unit_test(a_resume_has_its_price),
                cmocka_unit_test(what_another_job_made_is_marked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
