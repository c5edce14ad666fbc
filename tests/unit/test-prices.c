#include "daemon/plan/prices.h"

#include "common/str.h"
#include "tests/unit/unit.h"

#define ROW(name)                                                                                  \
        "  - name: \"" name "\"\n    price: {input: 2, cache_write_5m: 2.5, cache_write_1h: 4, "   \
        "cache_read: 0.025, output: 10}\n"                                                         \
        "    window: 1000\n    max_output: 500\n    cache_minimum: 16\n    first_token_ms: 10\n  " \
        "  input_per_second: 100\n"                                                                \
        "    output_per_second: 10\n    bytes_per_token: {prose: 4, data: 3, code: 3}\n"

static int read_book(const char *text, struct price_book **ret, struct failure **ret_failure)
{
        return price_book_read(span_of(text), "models.yaml", ret, ret_failure);
}

static void money_is_nano_dollars_per_token(void **state)
{
        _cleanup_(price_book_unrefp) struct price_book *b = NULL;
        struct failure *f = NULL;
        const struct model_facts *m;

        (void)state;
        assert_int_equal(
                read_book("format: 1\ndate: 2026-01-01\nmodels:\n" ROW("big") ROW("*"), &b, &f), 0);
        m = price_book_find(b, "big-model-5");
        assert_string_equal(m->name, "big");
        assert_int_equal(m->price.input, 2000);
        assert_int_equal(m->price.cache_write_5m, 2500);
        assert_int_equal(m->price.cache_read, 25);
        assert_int_equal(m->price.output, 10000);
        assert_string_equal(price_book_find(b, "unheard-of")->name, "*");
        assert_string_equal(price_book_find(b, "gate/us.maker.big-5.1")->name, "big");
        assert_string_equal(price_book_find(b, "gate/not-big.")->name, "*");
}

/* How long a provider keeps what, and how it is told: five minutes or an hour by marks, unless the
 * book says otherwise. */
static void caches_are_data(void **state)
{
        static const char cached[] = "    cache: {kind: explicit, minutes: 30}\n";
        _cleanup_(price_book_unrefp) struct price_book *b = NULL;
        _cleanup_free_ char *text = str_printf(
                "format: 1\ndate: 2026-01-01\nmodels:\n%s%s%s%s", ROW("gpt-6"), cached, ROW("cl"),
                ROW("*") "    cache: {kind: prefix, minutes: 2, long_minutes: 9}\n");
        struct failure *f = NULL;
        const struct model_facts *m;

        (void)state;
        assert_int_equal(read_book(text, &b, &f), 0);
        m = price_book_find(b, "gpt-6-x");
        assert_int_equal(m->cache, PROMPT_CACHE_EXPLICIT);
        assert_int_equal(m->cache_short_ms, 1800000);
        assert_int_equal(m->cache_long_ms, 1800000);
        m = price_book_find(b, "cl");
        assert_int_equal(m->cache, PROMPT_CACHE_MARKS);
        assert_int_equal(m->cache_short_ms, 300000);
        assert_int_equal(m->cache_long_ms, 3600000);
        m = price_book_find(b, "other");
        assert_int_equal(m->cache, PROMPT_CACHE_PREFIX);
        assert_int_equal(m->cache_long_ms, 540000);
}

/* Of one model, by its whole name; what else the book knows of it stays. */
static void a_users_price_goes_first(void **state)
{
        static const struct price mine = {3000, 3000, 3000, 3000, 15000};
        _cleanup_(price_book_unrefp) struct price_book *b = NULL;
        struct failure *f = NULL;
        struct hash before, after;

        (void)state;
        assert_int_equal(
                read_book("format: 1\ndate: 2026-01-01\nmodels:\n" ROW("big") ROW("*"), &b, &f), 0);
        price_book_hash(b, &before);
        assert_int_equal(price_book_set(b, "acme-1", &mine), 0);
        assert_int_equal(price_book_set(b, "big", &mine), 0);
        price_book_hash(b, &after);
        assert_false(hash_is_equal(&before, &after));
        assert_string_equal(price_book_find(b, "acme-1")->name, "acme-1");
        assert_int_equal(price_book_find(b, "acme-1")->price.output, 15000);
        assert_int_equal(price_book_find(b, "acme-1")->window, 1000);
        assert_string_equal(price_book_find(b, "acme-10")->name, "*");
        assert_int_equal(price_book_find(b, "big")->price.input, 3000);
        assert_int_equal(price_book_find(b, "big-model")->price.input, 2000);
        assert_int_equal(price_book_set(b, "acme-1", &(struct price){0}), 0);
        assert_int_equal(price_book_find(b, "acme-1")->price.output, 0);
}

/* What a bad book says, and where. */
static void faults_are_named(void **state)
{
        static const struct {
                const char *text, *where, *word;
        } cases[] = {
                {"format: 2\n", "models.yaml:1:9", "format: 1"},
                {"format: 1\ndate: d\nmodels: []\n", "models.yaml:3:9", "list"},
                {"format: 1\ndate: d\nmodels:\n" ROW("a"), NULL, "`*`"},
                {"format: 1\ndate: d\nmodels:\n" ROW("*") "colour: red\n", NULL, "colour"},
                {"format: 1\ndate: d\nmodels:\n  - name: x\n    price: {input: cheap}\n",
                 "models.yaml:5:20", "number"},
                {"format: 1\ndate: d\nmodels:\n  - name: x\n    price: {input: -1}\n", NULL,
                 "negative"},
                {"format: 1\ndate: d\nmodels:\n" ROW("*") "    cache: {kind: maybe}\n", NULL,
                 "marks"},
                {"format: 1\ndate: d\nmodels:\n" ROW("*") "    cache: {minutes: long}\n", NULL,
                 "number"},
                {"format: [1\n", NULL, ""},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct price_book *b = NULL;
                struct failure *f = NULL;

                assert_int_equal(read_book(cases[i].text, &b, &f), CONDITION_REFUSED);
                assert_non_null(f);
                assert_int_equal(f->id, FAILURE_BAD_CONFIG);
                assert_non_null(strstr(failure_message(f), cases[i].word));
                if (cases[i].where)
                        assert_string_equal(f->where, cases[i].where);
                failure_free(f);
        }
}

static void the_book_of_the_package_is_good(void **state)
{
        _cleanup_(price_book_unrefp) struct price_book *b = NULL;
        struct failure *f = NULL;

        (void)state;
        assert_int_equal(price_book_load(PRICE_BOOK, &b, &f), 0);
        assert_int_equal(price_book_find(b, "claude-opus-5-5")->price.input, 4000);
        assert_int_equal(price_book_find(b, "claude-opus-5-5")->price.cache_read, 200);
        assert_int_equal(price_book_find(b, "claude-haiku-4-5-20251001")->price.output, 5000);
        assert_int_equal(price_book_find(b, "llama3.1:8b")->price.output, 0);
        assert_int_equal(price_book_load("/nonexistent/models.yaml", &b, &f), CONDITION_REFUSED);
        failure_free(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(money_is_nano_dollars_per_token),
                cmocka_unit_test(caches_are_data),
                cmocka_unit_test(a_users_price_goes_first),
                cmocka_unit_test(faults_are_named),
                cmocka_unit_test(the_book_of_the_package_is_good),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
