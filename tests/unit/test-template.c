/* What tests/integration/test_template_diff.py cannot compare with Jinja2: filters of names,
 * messages and their places, bounds, threads. */

#include <pthread.h>

#include "daemon/template/template.h"
#include "tests/unit/unit.h"

/* Compiles and renders; the text, or "!LINE:COLUMN message". Owned by the caller. */
static char *render_with(const char *source, const char *context_text)
{
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_json_ json_t *context = json_loads(context_text, 0, NULL);
        _cleanup_buf_ struct buf out = {0};
        struct diag d = {0};
        char *text;
        int r;

        assert_non_null(context);
        r = template_compile("t", span_of(source), &t, &d);
        if (r == 0)
                r = template_render(t, context, &out, &d);
        if (r == CONDITION_REFUSED)
                buf_printf(&out, "!%u:%u %s", d.line, d.column, d.text);
        else
                assert_int_equal(r, 0);
        buf_add(&out, "", 0);
        text = buf_steal(&out, NULL);
        assert_non_null(text);
        return text;
}

static void expect(const char *source, const char *wanted)
{
        _cleanup_free_ char *got =
                render_with(source, "{\"n\": 5, \"m\": {\"a\": 1}, \"text\": \"abc\"}");

        assert_string_equal(got, wanted);
}

static void expect_contains(const char *source, const char *place, const char *part)
{
        _cleanup_free_ char *got =
                render_with(source, "{\"n\": 5, \"m\": {\"a\": 1}, \"text\": \"abc\"}");

        if (strncmp(got, place, strlen(place)) != 0 || !strstr(got, part))
                fail_msg("%s\n  got  %s\n  want %s … %s", source, got, place, part);
}

static void test_styles_of_names(void **state _unused_)
{
        static const struct {
                const char *name, *snake, *camel, *pascal, *kebab, *constant, *words;
        } rows[] = {
                {"OrderItem", "order_item", "orderItem", "OrderItem", "order-item", "ORDER_ITEM",
                 "order item"},
                {"order item", "order_item", "orderItem", "OrderItem", "order-item", "ORDER_ITEM",
                 "order item"},
                {"order_item", "order_item", "orderItem", "OrderItem", "order-item", "ORDER_ITEM",
                 "order item"},
                {"order-item", "order_item", "orderItem", "OrderItem", "order-item", "ORDER_ITEM",
                 "order item"},
                {"ORDER_ITEM", "order_item", "orderItem", "OrderItem", "order-item", "ORDER_ITEM",
                 "order item"},
                {"HTTPServer", "http_server", "httpServer", "HTTPServer", "http-server",
                 "HTTP_SERVER", "http server"},
                {"userID", "user_id", "userID", "UserID", "user-id", "USER_ID", "user id"},
                {"userIDs", "user_ids", "userIDs", "UserIDs", "user-ids", "USER_IDS", "user ids"},
                {"user_id", "user_id", "userId", "UserId", "user-id", "USER_ID", "user id"},
                {"ID", "id", "id", "ID", "id", "ID", "id"},
                {"order", "order", "order", "Order", "order", "ORDER", "order"},
                {"OAuth2Token", "o_auth2_token", "oAuth2Token", "OAuth2Token", "o-auth2-token",
                 "O_AUTH2_TOKEN", "o auth2 token"},
                {"sha256 sum", "sha256_sum", "sha256Sum", "Sha256Sum", "sha256-sum", "SHA256_SUM",
                 "sha256 sum"},
                {"  many   blanks. ", "many_blanks", "manyBlanks", "ManyBlanks", "many-blanks",
                 "MANY_BLANKS", "many blanks"},
                {"GrößeÄnderung", "größe_änderung", "größeÄnderung", "GrößeÄnderung",
                 "größe-änderung", "GRÖSSE_ÄNDERUNG", "größe änderung"},
                {"", "", "", "", "", "", ""},
                {"!?", "", "", "", "", "", ""},
                {"3D model", "3_d_model", "3DModel", "3DModel", "3-d-model", "3_D_MODEL",
                 "3 d model"},
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                const char *const filters[] = {"snake", "camel",    "pascal",
                                               "kebab", "constant", "words"};
                const char *const wanted[] = {rows[i].snake, rows[i].camel,    rows[i].pascal,
                                              rows[i].kebab, rows[i].constant, rows[i].words};

                for (size_t f = 0; f < N_ELEMENTS(filters); f++) {
                        _cleanup_buf_ struct buf out = {0};

                        assert_int_equal(
                                template_filter_name(filters[f], span_of(rows[i].name), &out), 0);
                        assert_string_equal(out.at ? out.at : "", wanted[f]);
                }
        }
}

static void test_plural_and_singular(void **state _unused_)
{
        static const struct {
                const char *singular, *plural;
        } rows[] = {
                {"order", "orders"},
                {"person", "people"},
                {"category", "categories"},
                {"status", "statuses"},
                {"address", "addresses"},
                {"child", "children"},
                {"mouse", "mice"},
                {"index", "indices"},
                {"criterion", "criteria"},
                {"data", "data"},
                {"media", "media"},
                {"staff", "staff"},
                {"analysis", "analyses"},
                {"class", "classes"},
                {"box", "boxes"},
                {"branch", "branches"},
                {"dish", "dishes"},
                {"day", "days"},
                {"key", "keys"},
                {"user", "users"},
                {"course", "courses"},
                {"house", "houses"},
                {"response", "responses"},
                {"database", "databases"},
                {"cache", "caches"},
                {"movie", "movies"},
                {"hero", "heroes"},
                {"photo", "photos"},
                {"bus", "buses"},
                {"virus", "viruses"},
                {"bonus", "bonuses"},
                {"campus", "campuses"},
                {"alias", "aliases"},
                {"invoice", "invoices"},
                {"company", "companies"},
                {"inventory", "inventories"},
                {"series", "series"},
                {"schema", "schemas"},
                {"shelf", "shelves"},
                {"belief", "beliefs"},
                {"process", "processes"},
                {"tax", "taxes"},
                {"leaf", "leaves"},
                {"size", "sizes"},
                {"quiz", "quizzes"},
                {"lens", "lenses"},
                {"case", "cases"},
                {"release", "releases"},
                {"warehouse", "warehouses"},
                {"purchase", "purchases"},
                {"expense", "expenses"},
                /* names: the last word, in its own case */
                {"OrderItem", "OrderItems"},
                {"Person", "People"},
                {"salesPerson", "salesPeople"},
                {"order category", "order categories"},
                {"user_address", "user_addresses"},
                {"ORDER_CATEGORY", "ORDER_CATEGORIES"},
                {"PERSON", "PEOPLE"},
                {"UserID", "UserIDs"},
                {"URL", "URLs"},
                {"HTTPServer", "HTTPServers"},
                {"SystemStatus", "SystemStatuses"},
                {"Größe", "Größes"},
                {"", ""},
                {"item (old)", "item (olds)"},
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_buf_ struct buf plural = {0}, singular = {0};

                assert_int_equal(template_filter_name("plural", span_of(rows[i].singular), &plural),
                                 0);
                assert_string_equal(plural.at ? plural.at : "", rows[i].plural);
                assert_int_equal(
                        template_filter_name("singular", span_of(rows[i].plural), &singular), 0);
                assert_string_equal(singular.at ? singular.at : "", rows[i].singular);
        }
        expect("{{ 'people'|plural }} {{ 'data'|plural }} {{ 'order'|singular }} {{ "
               "'status'|singular }} {{ 'analysis'|singular }}",
               "people data order status analysis");
}

static void test_unknown_name_filter_is_absent(void **state _unused_)
{
        _cleanup_buf_ struct buf out = {0};

        assert_int_equal(template_filter_name("upper", SPAN("x"), &out), CONDITION_ABSENT);
        assert_int_equal(out.n, 0);
}

static void test_name_filters_in_templates(void **state _unused_)
{
        expect("{{ 'OrderItem'|snake|plural }} {{ 'user_id'|pascal(['ID', 'URL']) }} {{ "
               "'home_url'|camel(['URL']) }} {{ 5|snake }}",
               "order_items UserID homeURL 5");
        expect("{% for w in ['a b', 'c d']|map('pascal') %}{{ w }},{% endfor %}", "AB,CD,");
        expect_contains("{{ nope|snake }}", "!1:9", "'nope' is undefined");
        expect_contains("{{ 'a'|pascal([1]) }}", "!1:8", "an acronym must be a str");
}

static void test_comment(void **state _unused_)
{
        expect("{{ 'one\\n\\n two  \\n'|comment }}|{{ 'a\\nb'|comment('#') }}|{{ ''|comment }}",
               "// one\n//\n//  two|# a\n# b|");
}

static void test_undefined_says_where(void **state _unused_)
{
        expect_contains("a\n  {{ nope }}\n", "!2:6", "'nope' is undefined");
        expect_contains("{{ m.zzz }}", "!1:5", "'dict object' has no attribute 'zzz'");
        expect_contains("{{ n }}\n{{ m['q'] }}", "!2:5", "'dict object' has no attribute 'q'");
        expect_contains("{{ [1][7] }}", "!1:7", "list object has no element 7");
        expect_contains("é {{ nope }}", "!1:6", "'nope' is undefined"); /* columns are characters */
        expect_contains("{% for i in [1, 2] %}\n{{ i + 'a' }}{% endfor %}", "!2:6",
                        "unsupported operand type(s) for +: 'int' and 'str'");
        expect_contains("{{ n|replace('a') }}", "!1:6", "replace lacks its argument 'new'");
        expect_contains("{{ text|upper(1) }}", "!1:9", "upper takes at most 0 arguments (1 given)");
}

static void test_unknown_is_named_when_compiled(void **state _unused_)
{
        struct template *t = NULL;
        struct diag d;

        static const struct {
                const char *source, *part;
        } rows[] = {
                {"{% macro x() %}{% endmacro %}", "unknown tag 'macro'"},
                {"{% include 'x' %}", "unknown tag 'include'"},
                {"{% if n %}{% nope %}{% endif %}",
                 "unknown tag 'nope' where 'elif' is looked for"},
                {"{% if false %}{{ n|nope }}{% endif %}", "no filter named 'nope'"},
                {"{{ n is nope }}", "no test named 'nope'"},
                {"{{ [n]|map('nope') }}", "no filter named 'nope'"},
                {"{{ [n]|select('nope') }}", "no test named 'nope'"},
                {"{{ [n]|selectattr('a', 'nope') }}", "no test named 'nope'"},
                {"{% for i in [] recursive %}{% endfor %}", "recursive loops are not supported"},
                {"{{ f(*n) }}", "arguments by * and ** are not supported"},
                {"{{ n|a.b }}", "no filter named 'a.…'"},
                {"{% set x %}{% set %}", "expected an expression"},
                {"{{ 99999999999999999999 }}", "integer overflow"},
                {"{{ '\\N{BULLET}' }}", "not supported"},
                {"{{ n", "expected 'end of print statement'"},
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                assert_int_equal(template_compile("t", span_of(rows[i].source), &t, &d),
                                 CONDITION_REFUSED);
                if (!strstr(d.text, rows[i].part))
                        fail_msg("%s: %s", rows[i].source, d.text);
                assert_int_equal(d.line, 1);
        }
}

static void test_what_python_has_and_we_do_not_is_refused(void **state _unused_)
{
        expect_contains("{{ text.swapcase() }}", "!1:8",
                        "attribute 'swapcase' of 'str' is not supported");
        expect_contains("{{ m.update }}", "!1:5", "attribute 'update' of 'dict' is not supported");
        expect_contains("{{ n.__class__ }}", "!1:5", "is not supported");
        expect_contains("{{ m.items }}", "!1:5", "lacks its parentheses");
        expect_contains("{{ [1]|map('string') }}", "!1:8", "make it a list first");
        expect_contains("{{ 9223372036854775807 + 1 }}", "!1:24", "64 bits");
        expect_contains("{{ -9223372036854775807 - 2 }}", "!", "64 bits");
        expect_contains("{{ 3 ** 99 }}", "!", "64 bits");
        expect_contains("{{ '99999999999999999999'|int }}", "!", "64 bits");
}

static void test_bound_of_the_source(void **state _unused_)
{
        size_t n = TEMPLATE_MAX_BYTES;
        char *big = malloc(n + 1);
        struct template *t = NULL;
        struct diag d;

        assert_non_null(big);
        memset(big, 'x', n + 1);
        assert_int_equal(template_compile("t", (struct span){big, n}, &t, &d), 0);
        assert_int_equal(template_fixed_bytes(t), n);
        t = template_free(t);
        assert_int_equal(template_compile("t", (struct span){big, n + 1}, &t, &d),
                         CONDITION_REFUSED);
        assert_non_null(strstr(d.text, "larger than"));
        free(big);
}

static void test_bound_of_the_output(void **state _unused_)
{
        /* 16 MiB exactly, then one byte more */
        _cleanup_free_ char *got = render_with(
                "{% set s = 'x' * 65536 %}{% for i in range(256) %}{{ s }}{% endfor %}", "{}");

        assert_int_equal(strlen(got), TEMPLATE_MAX_OUTPUT_BYTES);
        expect_contains("{% set s = 'x' * 65536 %}{% for i in range(256) %}{{ s }}{% endfor %}y",
                        "!", "longer than 16777216 bytes");
        expect_contains("{% set a %}{% set s = 'x' * 65536 %}{% for i in range(257) %}{{ s }}{% "
                        "endfor %}{% endset %}",
                        "!", "longer than 16777216 bytes");
}

static void test_bound_of_steps(void **state _unused_)
{
        expect_contains("{% for i in range(100000000) %}{% endfor %}",
                        "!1:", "more than 10000000 steps");
}

static void test_bound_of_memory(void **state _unused_)
{
        expect_contains("{{ 'x' * 1000000000000 }}", "!1:8", "too long");
        expect_contains("{{ ([1] * 1000000000) }}", "!1:9", "too long");
        expect_contains("{% set ns = namespace(s='x' * 1000000) %}{% for i in range(10) %}{% set "
                        "ns.s = ns.s + ns.s %}{% endfor %}",
                        "!1:", "128 MiB");
        expect_contains("{{ range(1000000000)|list }}", "!1:", "");
        expect_contains("{{ '%99999999d'|format(1) }}", "!1:", "width");
        expect_contains("{{ 'a'|indent(10000000000) }}", "!1:", "");
}

static void test_bound_of_depth(void **state _unused_)
{
        _cleanup_buf_ struct buf b = {0};

        for (int i = 0; i < 500; i++)
                buf_add_text(&b, "{{ ((((");
        expect_contains(b.at, "!1:", "");
        buf_clear(&b);
        buf_add_text(&b, "{{ ");
        for (int i = 0; i < 5000; i++)
                buf_add_char(&b, '[');
        expect_contains(b.at, "!1:", "nested too deeply");
        buf_clear(&b);
        buf_add_text(&b, "{{ 1");
        for (int i = 0; i < 5000; i++)
                buf_add_text(&b, " + 1");
        buf_add_text(&b, " }}");
        expect_contains(b.at, "!1:", "too long");
        buf_clear(&b);
        for (int i = 0; i < 1000; i++)
                buf_add_text(&b, "{% if n %}");
        expect_contains(b.at, "!1:", "nested too deeply");
        buf_clear(&b);
        buf_add_text(&b, "{{ ");
        for (int i = 0; i < 5000; i++)
                buf_add_text(&b, "not ");
        expect_contains(b.at, "!1:", "nested too deeply");
        /* depth that a template builds while it renders */
        expect_contains("{% set ns = namespace(l=[]) %}{% for i in range(1000) %}{% set ns.l = "
                        "[ns.l] %}{% endfor %}{{ ns.l }}",
                        "!1:", "nested too deeply");
        expect_contains("{% set ns = namespace(a=[], b=[]) %}{% for i in range(1000) %}{% set ns.a "
                        "= [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
                        "!1:", "nested too deeply");
        expect_contains("{% set ns = namespace(g=['a']) %}{% for i in range(1000) %}{% set ns.g = "
                        "ns.g|map('upper') %}{% endfor %}{{ ns.g|list }}",
                        "!1:", "nested too deeply");
        expect_contains("{% set l = [] %}{% set _ = l.append(l) %}{{ l|tojson }}",
                        "!1:", "nested too deeply");
}

static void test_chains_of_a_usual_length_compile(void **state _unused_)
{
        _cleanup_buf_ struct buf b = {0};

        buf_add_text(&b, "{{ 1");
        for (int i = 0; i < 150; i++)
                buf_add_text(&b, " + 1");
        buf_add_text(&b, " }}");
        expect(b.at, "151");
        buf_clear(&b);
        for (int i = 0; i < 50; i++)
                buf_add_text(&b, "{% if n %}");
        buf_add_char(&b, 'x');
        for (int i = 0; i < 50; i++)
                buf_add_text(&b, "{% endif %}");
        expect(b.at, "x");
}

static void test_refusal_leaves_the_output(void **state _unused_)
{
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_json_ json_t *context = json_object();
        _cleanup_buf_ struct buf out = {0};
        struct diag d;

        assert_int_equal(template_compile("some/name.j2", SPAN("text {{ nope }}"), &t, &d), 0);
        assert_int_equal(buf_add_text(&out, "before"), 0);
        assert_int_equal(template_render(t, context, &out, &d), CONDITION_REFUSED);
        assert_string_equal(out.at, "before");
        assert_string_equal(template_name(t), "some/name.j2");
        assert_int_equal(template_fixed_bytes(t), 5);
}

static void test_hash_is_of_the_source(void **state _unused_)
{
        _cleanup_(template_freep) struct template *a = NULL, *b = NULL;
        struct hash h, i, wanted;
        struct diag d;

        assert_int_equal(template_compile("a", SPAN("{{ n }}"), &a, &d), 0);
        assert_int_equal(template_compile("b", SPAN("{{ n }} "), &b, &d), 0);
        hash_of("{{ n }}", 7, &wanted);
        template_hash(a, &h);
        template_hash(b, &i);
        assert_true(hash_is_equal(&h, &wanted));
        assert_false(hash_is_equal(&h, &i));
}

static void test_not_utf8_is_refused(void **state _unused_)
{
        struct template *t = NULL;
        struct diag d;

        assert_int_equal(template_compile("t", SPAN("a\xff"), &t, &d), CONDITION_REFUSED);
        assert_non_null(strstr(d.text, "UTF-8"));
}

#define N_THREADS 4

struct work {
        const struct template *t;
        const json_t *context;
        struct buf out;
        int failed;
};

static void *render_many(void *arg)
{
        struct work *w = arg;

        for (int i = 0; i < 200 && !w->failed; i++) {
                struct diag d;

                buf_clear(&w->out);
                w->failed = template_render(w->t, w->context, &w->out, &d);
        }
        return NULL;
}

static void test_threads_share_one_template(void **state _unused_)
{
        static const char source[] =
                "{% set ns = namespace(n=0) %}{% for k, v in m|dictsort %}{% set ns.n = ns.n + v "
                "%}{{ k|pascal }}={{ v }};{% endfor %}{{ ns.n }}";
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_json_ json_t *context =
                json_loads("{\"m\": {\"b_c\": 2, \"a\": 1, \"z\": 40}}", 0, NULL);
        struct work work[N_THREADS];
        pthread_t threads[N_THREADS];
        struct diag d;

        assert_int_equal(template_compile("t", span_of(source), &t, &d), 0);
        for (size_t i = 0; i < N_THREADS; i++) {
                work[i] = (struct work){.t = t, .context = context};
                assert_int_equal(pthread_create(&threads[i], NULL, render_many, &work[i]), 0);
        }
        for (size_t i = 0; i < N_THREADS; i++) {
                assert_int_equal(pthread_join(threads[i], NULL), 0);
                assert_int_equal(work[i].failed, 0);
                assert_string_equal(work[i].out.at, "A=1;BC=2;Z=40;43");
                buf_done(&work[i].out);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_styles_of_names),
                cmocka_unit_test(test_plural_and_singular),
                cmocka_unit_test(test_unknown_name_filter_is_absent),
                cmocka_unit_test(test_name_filters_in_templates),
                cmocka_unit_test(test_comment),
                cmocka_unit_test(test_undefined_says_where),
                cmocka_unit_test(test_unknown_is_named_when_compiled),
                cmocka_unit_test(test_what_python_has_and_we_do_not_is_refused),
                cmocka_unit_test(test_bound_of_the_source),
                cmocka_unit_test(test_bound_of_the_output),
                cmocka_unit_test(test_bound_of_steps),
                cmocka_unit_test(test_bound_of_memory),
                cmocka_unit_test(test_bound_of_depth),
                cmocka_unit_test(test_chains_of_a_usual_length_compile),
                cmocka_unit_test(test_refusal_leaves_the_output),
                cmocka_unit_test(test_hash_is_of_the_source),
                cmocka_unit_test(test_not_utf8_is_refused),
                cmocka_unit_test(test_threads_share_one_template),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
