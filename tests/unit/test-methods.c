#include "proto/methods.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "common/json.h"
#include "docs-page.h"

static void the_table_is_whole(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_METHODS; i++) {
                const struct method *m = &method_table[i];

                assert_non_null(m->name);
                assert_non_null(m->params);
                assert_true(strlen(m->name) < 64);
                assert_true(str_has_suffix(m->sentence, "."));
                assert_ptr_equal(method_find(m->name), m);
                for (const struct param *p = m->params; p->name; p++)
                        assert_non_null(p->sentence);
        }
        assert_null(method_find("job/unheard"));
        assert_null(method_find(""));
}

static const struct param *find_param(const struct method *m, const char *name)
{
        for (const struct param *p = m->params; p->name; p++)
                if (str_is_equal(p->name, name))
                        return p;
        return NULL;
}

static void compare_row(struct span *cells, size_t n, void *arg)
{
        bool *is_documented = arg, is_optional;
        const struct method *m;
        size_t n_params = 0;
        char name[64];

        assert_true(n >= 3);
        assert_true(page_next_name(&cells[0], name, &is_optional));
        m = method_find(name);
        if (!m)
                fail_msg("docs/protocol.md has a method that is not in the table: %s", name);
        is_documented[m - method_table] = true;
        while (page_next_name(&cells[1], name, &is_optional)) {
                const struct param *p = find_param(m, name);

                if (!p || p->is_required == is_optional)
                        fail_msg("%s: param %s is otherwise in docs/protocol.md", m->name, name);
                n_params++;
        }
        for (const struct param *p = m->params; p->name; p++)
                n_params--;
        if (n_params != 0)
                fail_msg("%s: docs/protocol.md has other params", m->name);
}

static void the_page_and_the_table_agree(void **state)
{
        bool is_documented[N_METHODS] = {false};

        (void)state;
        page_rows(DOCS_PAGE, "## Methods", compare_row, is_documented);
        for (size_t i = 0; i < N_METHODS; i++)
                if (!is_documented[i])
                        fail_msg("docs/protocol.md lacks %s", method_table[i].name);
}

static void the_page_knows_the_limits(void **state)
{
        _cleanup_free_ char *page = page_read(DOCS_PAGE);

        (void)state;
        assert_non_null(strstr(page, "A frame is at most 8 MiB; a blob at most 16 MiB."));
        assert_int_equal(BLOB_MAX_BYTES, 16 << 20);
        assert_int_equal(BLOB_PART_BYTES, 4 << 20);
}

static void the_openrpc_document_lists_them(void **state)
{
        _cleanup_json_ json_t *document = NULL;
        json_t *methods, *submit, *params;
        size_t i;

        (void)state;
        assert_int_equal(methods_to_openrpc("0.0", &document), 0);
        methods = json_object_get(document, "methods");
        assert_int_equal(json_array_size(methods), N_METHODS);
        assert_string_equal(json_get_text(document, "openrpc"), "1.2.6");
        submit = json_array_get(methods, METHOD_JOB_SUBMIT);
        assert_string_equal(json_get_text(submit, "name"), "job/submit");
        params = json_object_get(submit, "params");
        assert_string_equal(json_get_text(json_array_get(params, 0), "name"), "kind");
        assert_true(json_is_true(json_object_get(json_array_get(params, 0), "required")));
        for (i = 0; i < N_METHODS; i++)
                assert_true(json_is_array(json_object_get(json_array_get(methods, i), "params")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_is_whole),
                cmocka_unit_test(the_page_and_the_table_agree),
                cmocka_unit_test(the_page_knows_the_limits),
                cmocka_unit_test(the_openrpc_document_lists_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
