/* The nth allocation fails, for every n: what is in `common` answers -ENOMEM, breaks nothing and
 * loses nothing (the address sanitizer looks). Linked with --wrap for our own allocations; Jansson
 * is given the same allocator. */

#include "no-memory.h"

#include "common/canon.h"
#include "common/json.h"
#include "common/path.h"
#include "common/pool.h"
#include "common/str.h"
#include "common/yaml.h"

static const char text[] =
        "name: &n Shop\nentities:\n  - {name: Order, total: 1.20, \"no\": no}\n"
        "  - name: *n\n    text: |\n      two\n      lines\nlist: [1, 2, 3, 4, 5, 6]\n";

static int read_yaml(void)
{
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        _cleanup_json_ json_t *value = NULL;
        _cleanup_buf_ struct buf b = {0};
        struct diag diag;
        int r;

        r = yaml_read(span_of(text), 1 << 20, &n, &diag);
        if (r != 0)
                return r;
        r = yaml_to_json(n, &value);
        if (r != 0)
                return r;
        return yaml_write(value, 0, &b);
}

/* See json.h: a refusal of what is good JSON is lack of memory too. */
static int read_good_json(struct span json, json_t **ret, struct diag *ret_diag)
{
        int r = json_read(json, ret, ret_diag);

        return r == CONDITION_REFUSED && has_failed ? -ENOMEM : r;
}

static int read_json(void)
{
        static const char json[] =
                "{\"a\":[1,2.5,\"\\u00e9\",{\"b\":null}],\"c\":\"x\",\"d\":true}";
        _cleanup_json_ json_t *value = NULL;
        _cleanup_free_ char *back = NULL;
        struct diag diag;
        int r;

        r = read_good_json(span_of(json), &value, &diag);
        if (r != 0)
                return r;
        back = json_to_text(value);
        return back ? 0 : -ENOMEM;
}

static int hash_canon(void)
{
        _cleanup_(canon_freep) struct canon *c = NULL;
        _cleanup_json_ json_t *value = NULL;
        struct hash h;
        int r;

        r = read_good_json(SPAN("{\"a\":[1,2.5,\"x\",{\"b\":null}],\"c\":{}}"), &value, NULL);
        if (r != 0)
                return r;
        r = canon_new(1, &c);
        if (r != 0)
                return r;
        r = canon_add_json(c, 1, value);
        if (r != 0)
                return r;
        canon_get(c, &h);
        return 0;
}

static int make_list(void)
{
        _cleanup_(strlist_done) struct strlist l = {0};
        int r = 0;

        for (int i = 0; i < 20 && r == 0; i++)
                r = strlist_add(&l, "text");
        return r;
}

static int n_finished;

static void nothing(_unused_ void *arg)
{
}

static void finished(_unused_ void *arg)
{
        n_finished++;
}

static int use_pool(void)
{
        _cleanup_(pool_freep) struct pool *p = NULL;
        int n_taken = 0, r;

        n_finished = 0;
        r = pool_new(0, NULL, NULL, &p);
        if (r != 0)
                return r;
        for (int i = 0; i < 5 && r == 0; i++) {
                r = pool_submit(p, &(struct pool_work){nothing, finished, NULL});
                n_taken += r == 0;
        }
        pool_drain(p);
        assert_int_equal(n_finished, n_taken);
        return r;
}

static void test_yaml(void **state)
{
        (void)state;
        torture(read_yaml, NULL);
}

static void test_json(void **state)
{
        (void)state;
        torture(read_json, NULL);
}

static void test_canon(void **state)
{
        (void)state;
        torture(hash_canon, NULL);
}

static void test_list(void **state)
{
        (void)state;
        torture(make_list, NULL);
}

static void test_pool(void **state)
{
        (void)state;
        torture(use_pool, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_yaml),  cmocka_unit_test(test_json),
                cmocka_unit_test(test_canon), cmocka_unit_test(test_list),
                cmocka_unit_test(test_pool),
        };

        json_set_alloc_funcs(__wrap_malloc, free);
        return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
