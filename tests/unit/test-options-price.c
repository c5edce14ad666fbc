/* What a user's file says of prices. */

#include "tests/unit/options-help.h"

static void expect_refused(const char *text, const char *where, const char *message)
{
        _cleanup_(failure_freep) struct failure *f = NULL;
        struct config *c = NULL;

        assert_int_equal(config_parse(span_of(text), "genopt.yaml", "/etc/x", &c, &f),
                         CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_BAD_CONFIG);
        assert_string_equal(f->where, where);
        if (!strstr(f->message, message))
                fail_msg("%s", f->message);
}

static void a_route_may_say_what_it_costs(void **state)
{
        _cleanup_(config_unrefp) struct config *c = options_parse(
                "tiers:\n"
                "  fast: {provider: desk, model: m, price: {input: 3, output: 15}}\n"
                "  balanced: {provider: desk, model: m, price: {input: 0, output: 0.5, cache_read: "
                "0.025, cache_write_5m: 1, cache_write_1h: 2}}\n"
                "  quality: {provider: desk, model: m}\n");
        const struct price *p = &config_tier(c, TIER_FAST)->routes[0].price;

        (void)state;
        assert_true(config_tier(c, TIER_FAST)->routes[0].has_price);
        assert_int_equal(p->input, 3000);
        assert_int_equal(p->output, 15000);
        assert_int_equal(p->cache_read, 3000); /* nothing is said of a cache */
        assert_int_equal(p->cache_write_1h, 3000);
        p = &config_tier(c, TIER_BALANCED)->routes[0].price;
        assert_int_equal(p->input, 0);
        assert_int_equal(p->output, 500);
        assert_int_equal(p->cache_read, 25);
        assert_int_equal(p->cache_write_5m, 1000);
        assert_int_equal(p->cache_write_1h, 2000);
        assert_false(config_tier(c, TIER_QUALITY)->routes[0].has_price);
        expect_refused("tiers: {fast: {provider: desk, model: m, price: 3}}", "genopt.yaml:1:49",
                       "dollars per million tokens");
        expect_refused("tiers: {fast: {provider: desk, model: m, price: {input: 3}}}",
                       "genopt.yaml:1:49", "{input, output}");
        expect_refused("tiers: {fast: {provider: desk, model: m, price: {input: 3, output: -1}}}",
                       "genopt.yaml:1:68", "`output` is a number of dollars");
        expect_refused("tiers: {fast: {provider: desk, model: m, price: {input: nan, output: 1}}}",
                       "genopt.yaml:1:57", "`input` is a number of dollars");
        expect_refused(
                "tiers: {fast: {provider: desk, model: m, price: {input: 1, output: 1, cash: 1}}}",
                "genopt.yaml:1:71", "`cash` is unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_route_may_say_what_it_costs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
