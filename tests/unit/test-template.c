/* What tests/integration/test_template_diff.py cannot compare with Jinja2: filters of names,
 * messages and their places, bounds, threads. */

#include <pthread.h>
#include <stdio.h>

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
                {"{% if n %}{% include 'x' %}{% endif %}", "there is no template 'x'"},
                {"{% import 'x' as y %}", "there is no template 'x'"},
                {"{% extends 'x' %}", "there is no template 'x'"},
                {"{% do n %}", "the tag 'do' is left out"},
                {"{% for i in n %}{% break %}{% endfor %}", "the tag 'break' is left out"},
                {"{% trans %}{% endtrans %}", "the tag 'trans' is left out"},
                {"{% autoescape true %}", "the tag 'autoescape' is left out"},
                {"{% for i in n %}{% extends 'x' %}{% endfor %}", "non top-level"},
                {"{% block a %}{% endblock %}{% block a %}{% endblock %}", "defined twice"},
                {"{% if n %}{% nope %}{% endif %}",
                 "unknown tag 'nope' where 'elif' is looked for"},
                {"{% if false %}{{ n|nope }}{% endif %}", "no filter named 'nope'"},
                {"{{ n is nope }}", "no test named 'nope'"},
                {"{{ [n]|map('nope') }}", "no filter named 'nope'"},
                {"{{ [n]|select('nope') }}", "no test named 'nope'"},
                {"{{ [n]|selectattr('a', 'nope') }}", "no test named 'nope'"},
                {"{{ f(*n, 1) }}", "invalid syntax for function call"},
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
        expect_contains("{{ range(1000000000)|list }}", "!1:", "1000000000 elements is too long");
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

/* Sources by name; compiles `main`. ret_where: 64 bytes, or NULL. */
static int compile_set(const char *const (*sources)[2], size_t n, struct template **ret,
                       char *ret_where, struct diag *d)
{
        _cleanup_(template_set_unrefp) struct template_set *set = NULL;
        const char *where = "";
        int r;

        assert_int_equal(template_set_new(&set), 0);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(template_set_add(set, sources[i][0], span_of(sources[i][1])), 0);
        assert_true(template_set_has(set, "main"));
        assert_false(template_set_has(set, "mai"));
        r = template_set_compile(set, "main", ret, &where, d);
        if (ret_where)
                snprintf(ret_where, 64, "%s", where);
        return r;
}

static void expect_refusal(const char *const (*sources)[2], size_t n, unsigned line,
                           unsigned column, const char *text)
{
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_json_ json_t *context = json_object();
        _cleanup_buf_ struct buf out = {0};
        struct diag d = {0};

        assert_int_equal(compile_set(sources, n, &t, NULL, &d), 0);
        assert_int_equal(template_render(t, context, &out, &d), CONDITION_REFUSED);
        assert_string_equal(d.text, text);
        assert_int_equal(d.line, line);
        assert_int_equal(d.column, column);
        assert_int_equal(out.n, 0);
}

static void test_refusals_tell_the_chain(void **state _unused_)
{
        static const char *const included[][2] = {
                {"main", "a\n b {% include 'one' %}"},
                {"one", "\n\n{% if true %}{% include 'two' %}{% endif %}"},
                {"two", "x\n{{ nope }}"},
        };
        static const char *const imported[][2] = {
                {"main", "{% import 'm' as m %}\n{{ m.f(1) }}"},
                {"m", "{% macro f(x) %}{{ g(x) }}{% endmacro %}\n"
                      "{% macro g(x) %}{{ x.y }}{% endmacro %}"},
        };
        static const char *const extended[][2] = {
                {"main", "{% extends 'base' %}\n{% block b %}{{ nope }}{% endblock %}"},
                {"base", "\n {% block b %}{% endblock %}"},
        };
        static const char *const wrong_arguments[][2] = {
                {"main", "{% import 'm' as m %}\n{{ m.f(1) }}"},
                {"m", "{% macro f() %}{% endmacro %}"},
        };
        static const char *const own_macro[][2] = {
                {"main", "{% macro f() %}\n{{ nope }}{% endmacro %}\n\n{{ f() }}"},
        };

        expect_refusal(included, 3, 2, 7, "two:2:4: 'nope' is undefined, reached through one:3:17");
        expect_refusal(imported, 2, 2, 7,
                       "m:2:21: 'int object' has no attribute 'y', reached through m:1:21");
        expect_refusal(extended, 2, 2, 17,
                       "'nope' is undefined, reached through base:2:5, main:1:4");
        expect_refusal(wrong_arguments, 2, 2, 7, "macro 'f' takes not more than 0 argument(s)");
        expect_refusal(own_macro, 1, 2, 4, "'nope' is undefined, reached through main:4:5");
}

static void test_refusals_name_the_source_that_is_wrong(void **state _unused_)
{
        static const char *const broken[][2] = {
                {"main", "{% include 'one' %}"}, {"one", "\n{% nope %}"}, {"zzz", "{% worse %}"}};
        static const char *const missing[][2] = {{"main", "{% include 'one' %}"},
                                                 {"one", "\n {% include 'nope' %}"}};
        static const char *const computed[][2] = {{"main", "{% include 'a' ~ 'b' %}"},
                                                  {"one", "\n{% nope %}"}};
        struct template *t = NULL;
        char where[64];
        struct diag d = {0};

        assert_int_equal(compile_set(broken, 3, &t, where, &d), CONDITION_REFUSED);
        assert_string_equal(where, "one");
        assert_string_equal(d.text, "unknown tag 'nope'");
        assert_int_equal(d.line, 2);
        assert_int_equal(compile_set(missing, 2, &t, where, &d), CONDITION_REFUSED);
        assert_string_equal(where, "one");
        assert_string_equal(d.text, "there is no template 'nope'");
        assert_int_equal(d.line, 2);
        assert_int_equal(d.column, 13);
        /* a name that is only known when it is rendered may be any: all of them must be right */
        assert_int_equal(compile_set(computed, 2, &t, where, &d), CONDITION_REFUSED);
        assert_string_equal(where, "one");
}

static void hash_of_set(const char *const (*sources)[2], size_t n, struct hash *ret)
{
        _cleanup_(template_freep) struct template *t = NULL;
        struct diag d;

        assert_int_equal(compile_set(sources, n, &t, NULL, &d), 0);
        template_hash(t, ret);
}

static void test_hash_covers_what_is_reached(void **state _unused_)
{
        static const char *const first[][2] = {
                {"main", "{% include 'one' %}"}, {"one", "{% import 'two' as t %}"}, {"two", "2"}};
        static const char *const other_leaf[][2] = {
                {"main", "{% include 'one' %}"}, {"one", "{% import 'two' as t %}"}, {"two", "3"}};
        static const char *const unrelated[][2] = {{"main", "{% include 'one' %}"},
                                                   {"one", "{% import 'two' as t %}"},
                                                   {"two", "2"},
                                                   {"zzz", "unrelated"}};
        static const char *const computed[][2] = {{"main", "{% include n %}"}, {"zzz", "1"}};
        static const char *const computed_other[][2] = {{"main", "{% include n %}"}, {"zzz", "2"}};
        static const char *const optional[][2] = {{"main", "{% include 'x' ignore missing %}"}};
        static const char *const optional_there[][2] = {
                {"main", "{% include 'x' ignore missing %}"}, {"x", ""}};
        struct hash a, b;

        hash_of_set(first, 3, &a);
        hash_of_set(first, 3, &b);
        assert_true(hash_is_equal(&a, &b));
        hash_of_set(other_leaf, 3, &b);
        assert_false(hash_is_equal(&a, &b));
        hash_of_set(unrelated, 4, &b);
        assert_true(hash_is_equal(&a, &b));
        hash_of_set(computed, 2, &a);
        hash_of_set(computed_other, 2, &b);
        assert_false(hash_is_equal(&a, &b));
        hash_of_set(optional, 1, &a);
        hash_of_set(optional_there, 2, &b);
        assert_false(hash_is_equal(&a, &b));
}

static void test_fixed_text_is_that_of_all(void **state _unused_)
{
        static const char *const sources[][2] = {
                {"main", "12{% include 'one' %}{% include 'one' %}"}, {"one", "345{{ n }}"}};
        _cleanup_(template_freep) struct template *t = NULL;
        struct diag d;

        assert_int_equal(compile_set(sources, 2, &t, NULL, &d), 0);
        assert_int_equal(template_fixed_bytes(t), 5);
}

static void test_bound_of_nesting(void **state _unused_)
{
        static const char *const forever[][2] = {{"main", "{% include 'main' %}"}};
        static const char *const circle[][2] = {{"main", "{% extends 'b' %}"},
                                                {"b", "{% extends 'main' %}"}};
        static const char *const deep[][2] = {
                {"main", "{% set n = 90 %}{% include 'r' %}"},
                {"r", "{% set n = n - 1 %}{% if n %}{% include 'r' %}{% else %}!{% endif %}"}};
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_json_ json_t *context = json_object();
        _cleanup_buf_ struct buf out = {0};
        struct diag d;

        expect_contains("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                        "!1:", "more than 100 templates, macros and blocks");
        expect_contains("{% macro m() %}{% call m() %}{% endcall %}{{ caller() }}{% endmacro %}{{ "
                        "m() }}",
                        "!1:", "more than 100");
        expect_contains("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
                        "!1:", "more than 100");
        assert_int_equal(compile_set(forever, 1, &t, NULL, &d), 0);
        assert_int_equal(template_render(t, context, &out, &d), CONDITION_REFUSED);
        assert_non_null(strstr(d.text, "more than 100"));
        t = template_free(t);
        assert_int_equal(compile_set(circle, 2, &t, NULL, &d), 0);
        assert_int_equal(template_render(t, context, &out, &d), CONDITION_REFUSED);
        assert_non_null(strstr(d.text, "more than 100"));
        t = template_free(t);
        assert_int_equal(compile_set(deep, 2, &t, NULL, &d), 0);
        assert_int_equal(template_render(t, context, &out, &d), 0);
        assert_string_equal(out.at, "!");
}

/* What outlives the function that made it keeps that function's variables. */
static void test_escaped_values_are_sound(void **state _unused_)
{
        expect("{% set ns = namespace() %}{% macro f(x) %}{% macro g() %}{{ x }}{% endmacro %}{% "
               "set ns.g = g %}{% endmacro %}{{ f(1) }}{{ f(2) }}{% macro h(a, b) %}{{ a }}{{ "
               "ns.g() "
               "}}{{ b }}{% endmacro %}{{ h(8, 9) }}",
               "829");
        expect("{% set ns = namespace() %}{% macro f(x) %}{% for i in x if i > 1 recursive %}{% "
               "set "
               "ns.l = loop %}{{ i }}{% endfor %}{% endmacro %}{{ f([1, 2]) }}{{ ns.l([3]) }}",
               "23");
        expect("{% set ns = namespace() %}{% macro f(x) %}{% for i in x if i > 1 %}{% set ns.l = "
               "loop %}{{ i }}{% endfor %}{% endmacro %}{{ f([2, 3]) }}{{ ns.l.length }}",
               "232");
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
                cmocka_unit_test(test_refusals_tell_the_chain),
                cmocka_unit_test(test_refusals_name_the_source_that_is_wrong),
                cmocka_unit_test(test_hash_covers_what_is_reached),
                cmocka_unit_test(test_fixed_text_is_that_of_all),
                cmocka_unit_test(test_bound_of_nesting),
                cmocka_unit_test(test_escaped_values_are_sound),
                cmocka_unit_test(test_not_utf8_is_refused),
                cmocka_unit_test(test_threads_share_one_template),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
