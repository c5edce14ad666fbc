#include "proto/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "common/json.h"
#include "docs-page.h"

static void compare_row(struct span *cells, size_t n, void *arg)
{
        bool *is_documented = arg, is_optional;
        const struct event_type *t;
        size_t n_fields = 0;
        char name[64];

        assert_true(n >= 2);
        assert_true(page_next_name(&cells[0], name, &is_optional));
        t = event_find(name);
        if (!t)
                fail_msg("docs/protocol.md has an event that is not in the table: %s", name);
        is_documented[t - event_table] = true;
        while (page_next_name(&cells[1], name, &is_optional)) {
                bool is_known = false;

                for (const struct event_field *f = t->fields; f->name; f++)
                        is_known |= str_is_equal(f->name, name) && f->is_required != is_optional;
                if (!is_known)
                        fail_msg("%s: field %s is otherwise in docs/protocol.md", t->name, name);
                n_fields++;
        }
        for (const struct event_field *f = t->fields; f->name; f++)
                n_fields--;
        if (n_fields != 0)
                fail_msg("%s: docs/protocol.md has other fields", t->name);
}

static void the_page_and_the_table_agree(void **state)
{
        bool is_documented[N_EVENTS] = {false};

        (void)state;
        page_rows(DOCS_PAGE, "## Events", compare_row, is_documented);
        for (size_t i = 0; i < N_EVENTS; i++)
                if (!is_documented[i])
                        fail_msg("docs/protocol.md lacks %s", event_table[i].name);
}

static void fields_are_checked(void **state)
{
        const struct event_type *t = event_find("queued");
        _cleanup_json_ json_t *fields = json_pack("{s:s}", "kind", "ask");

        (void)state;
        assert_string_equal(event_check(t, fields), "position");
        assert_int_equal(json_object_set_new(fields, "position", json_integer(1)), 0);
        assert_null(event_check(t, fields));
        assert_int_equal(json_object_set_new(fields, "odd", json_integer(1)), 0);
        assert_string_equal(event_check(t, fields), "odd");
        assert_null(event_find("unheard"));
}

static void only_deltas_are_not_journalled(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_EVENTS; i++) {
                assert_int_equal(event_table[i].is_journalled, i != EVENT_TASK_DELTA);
                assert_int_equal(event_table[i].is_last,
                                 i == EVENT_DONE || i == EVENT_FAILED || i == EVENT_CANCELLED);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_page_and_the_table_agree),
                cmocka_unit_test(fields_are_checked),
                cmocka_unit_test(only_deltas_are_not_journalled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
