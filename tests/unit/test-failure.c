#include "proto/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "common/json.h"
#include "common/str.h"

static void the_table_is_sound(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_FAILURES; i++) {
                const struct failure_row *row = &failure_table[i];

                assert_non_null(row->name);
                assert_true(*row->what != '\0');
                assert_true(row->rpc_code < 0);
                assert_true(row->exit_code > 0 && row->exit_code < 256);
                for (const char *c = row->name; *c; c++)
                        assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
                for (size_t k = 0; k < i; k++) {
                        assert_string_not_equal(row->name, failure_table[k].name);
                        assert_int_not_equal(row->rpc_code, failure_table[k].rpc_code);
                }
        }
        assert_string_equal(failure_table[FAILURE_KEY_MISSING].name, "key_missing");
        assert_string_equal(failure_class_name(CLASS_INTERNAL), "internal");
}

static void it_survives_the_way_over_the_wire(void **state)
{
        (void)state;
        for (unsigned i = 0; i < N_FAILURES; i++) {
                _cleanup_(failure_freep) struct failure *f = NULL, *back = NULL;
                _cleanup_json_ json_t *json = NULL;

                f = failure_new_at(i, "spec.yaml:1:2", "what %u", i);
                assert_non_null(f);
                assert_int_equal(failure_set_remedy(f, "do %u", i), 0);
                assert_int_equal(failure_to_json(f, &json), 0);
                assert_int_equal(failure_from_json(json, &back), 0);
                assert_int_equal(back->id, i);
                assert_string_equal(back->message, f->message);
                assert_string_equal(back->where, f->where);
                assert_string_equal(back->remedy, f->remedy);
        }
}

static void the_table_speaks_when_nothing_particular_is_said(void **state)
{
        _cleanup_(failure_freep) struct failure *f = failure_new(FAILURE_LOCKED, NULL),
                                                *copy = NULL;
        _cleanup_json_ json_t *json = NULL;

        (void)state;
        assert_string_equal(failure_message(f), failure_table[FAILURE_LOCKED].what);
        assert_string_equal(failure_remedy(f), failure_table[FAILURE_LOCKED].remedy);
        copy = failure_copy(f);
        assert_null(copy->message);
        assert_int_equal(failure_to_json(f, &json), 0);
        assert_null(json_object_get(json_object_get(json, "data"), "where"));
}

static void strangers_become_internal(void **state)
{
        _cleanup_(failure_freep) struct failure *f = NULL;
        _cleanup_json_ json_t *json = json_pack("{s:i,s:s,s:{s:s}}", "code", -1, "message", "odd",
                                                "data", "name", "from_the_future");

        (void)state;
        assert_int_equal(failure_from_json(json, &f), 0);
        assert_int_equal(f->id, FAILURE_INTERNAL);
        assert_string_equal(f->message, "odd");
        f = failure_free(f);
        json_object_del(json, "data");
        assert_int_equal(json_object_set_new(json, "code", json_integer(-32601)), 0);
        assert_int_equal(failure_from_json(json, &f), 0);
        assert_int_equal(f->id, FAILURE_METHOD_NOT_FOUND);
}

static void what_is_not_utf8_can_still_be_said(void **state)
{
        _cleanup_(failure_freep) struct failure *f =
                failure_new_at(FAILURE_BAD_SPEC, "a\xff", "b\xc3(\xe9");
        _cleanup_json_ json_t *json = NULL;

        (void)state;
        assert_string_equal(f->message, "b?(?");
        assert_string_equal(f->where, "a?");
        assert_int_equal(failure_to_json(f, &json), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_is_sound),
                cmocka_unit_test(it_survives_the_way_over_the_wire),
                cmocka_unit_test(the_table_speaks_when_nothing_particular_is_said),
                cmocka_unit_test(strangers_become_internal),
                cmocka_unit_test(what_is_not_utf8_can_still_be_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
