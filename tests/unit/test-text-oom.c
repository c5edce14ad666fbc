/* The nth allocation fails, for every n, in what reads and writes text: templates, answers, checks.
 * As test-oom.c. */

#include "daemon/check/check.h"
#include "daemon/exec/answer.h"
#include "daemon/template/template.h"
#include "tests/unit/no-memory.h"

static const char template_text[] =
        "{# every kind of node, and filters that build texts and lists #}\n"
        "{% set ns = namespace(n=0, l=[1, (2, 'x')]) %}\n"
        "{% for k, v in m|dictsort if v is number %}\n"
        "{{ loop.index }}/{{ loop.length }} {{ k|snake|upper }}={{ v + 1 }}{{ ',' if not loop.last "
        "}}\n"
        "{% set ns.n = ns.n + v %}\n"
        "{% else %}none\n{% endfor %}\n"
        "{% set t | trim | replace('a', 'bb') %} a {{ ns.n ~ 'é\\n' }} {% endset %}\n"
        "{{ t|indent(2, true) }} {{ '%05.1f|%s'|format(1.5, [none, {'a': 1}]) }} {{ "
        "items|map(attribute='n')|sort|join('-') }}\n"
        "{{ items|selectattr('n', 'gt', 1)|map(attribute='n')|list|tojson(1) }} {{ "
        "text.split()[::-1] }} {{ text[::2] }}\n"
        "{% with a = range(3)|list %}{{ a|batch(2)|list }}{{ a|unique|list }}{% endwith %}\n"
        "{% filter title %}{{ text }}{% endfilter %}{{ 'people'|singular|plural }}{{ "
        "foo|default('d') }}{{ 1 < 2 < 3 }}\n"
        "{% extends 'base' %}{% import 'macros' as m %}{% from 'macros' import f, g as h %}\n"
        "{% block b %}{{ super() }}{{ self.d() }}{{ m.f(1, 2, x=3) }}{{ h(*[1], **{'b': 2}) }}{% "
        "call "
        "m.w() %}{{ text }}{% endcall %}{% include ['nope', 'part'] %}{% endblock %}\n";
static const char *const parts[][2] = {
        {"base", "{% block d %}D{% endblock %}{% block b %}{{ text }}{% endblock %}{% for i in "
                 "[[1, [2]]] recursive %}{% block "
                 "c scoped "
                 "%}{{ i }}{% endblock %}{{ loop(i) if i is sequence }}{% endfor %}"},
        {"macros", "{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{% macro g(a, b) "
                   "%}{{ a }}{{ "
                   "b }}{% endmacro %}{% macro w() %}{{ caller() }}{% endmacro %}"},
        {"part", "{{ items|groupby('n')|length }}{{ items|slice(2)|list }}{% set j = joiner() %}{{ "
                 "j() }}{{ j() }}"},
};

static const char context_text[] =
        "{\"m\": {\"OrderItem\": 2, \"b\": 1.5, \"c\": \"x\"}, \"text\": \"a b c\", "
        "\"items\": [{\"n\": 3}, {\"n\": 1}, {\"n\": 2}]}";
static json_t *context; /* made before anything fails */

static int render_template(void)
{
        _cleanup_(template_set_unrefp) struct template_set *set = NULL;
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_buf_ struct buf out = {0};
        const char *where;
        struct diag d;
        int r = template_set_new(&set);

        for (size_t i = 0; i < N_ELEMENTS(parts) && !r; i++)
                r = template_set_add(set, parts[i][0], span_of(parts[i][1]));
        if (!r)
                r = template_set_add(set, "t", span_of(template_text));
        if (!r)
                r = template_set_compile(set, "t", &t, &where, &d);
        if (!r)
                r = template_render(t, context, &out, &d);
        if (r == CONDITION_REFUSED)
                fail_msg("%u:%u: %s", d.line, d.column, d.text);
        return r;
}

static int refuse_templates(void)
{
        static const char *const sources[] = {"{{ [nope] }}{{ m.nope }}", "{% if x %}{% nope %}",
                                              "{{ 1 + 'a' }}"};
        int r = 0;

        for (size_t i = 0; i < N_ELEMENTS(sources) && !r; i++) {
                _cleanup_(template_freep) struct template *t = NULL;
                _cleanup_buf_ struct buf out = {0};
                struct diag d;

                r = template_compile("t", span_of(sources[i]), &t, &d);
                if (!r)
                        r = template_render(t, context, &out, &d);
                r = r == CONDITION_REFUSED ? 0 : r ? r : -EINVAL;
        }
        return r;
}

static int read_answer(void)
{
        static const char *const paths[] = {"a.go", "b.go"};
        static const struct answer_events events = {0};
        static const char answer[] = "hm\n<<<file a.go 12345678\n1\n>>>end 12345678\n<<<file b.go "
                                     "12345678\n2\n>>>end 12345678\n";
        _cleanup_(answer_freep) struct answer *a = NULL;
        _cleanup_buf_ struct buf b = {0};
        int r = answer_new("12345678", paths, 2, &events, NULL, &a), fed = 0;

        for (size_t i = 0; i < sizeof(answer) - 1 && !r; i += 7) {
                int k = answer_feed(a, (struct span){answer + i, MIN2(7u, sizeof(answer) - 1 - i)});

                fed = fed ? fed : k; /* goes on: only the file is lost */
        }
        if (!r)
                answer_finish(a);
        if (!r && !fed && !(answer_is_done(a, 0) && answer_is_done(a, 1)))
                return -EINVAL;
        r = r ? r : fed;
        return r ? r
                 : answer_write_instructions("12345678", paths, (const bool[]){false, true}, 2, &b);
}

static int make_checks(void)
{
        static const struct check_rule_source rules[] = {{"a", "^package", true, 0.5, "m", 0},
                                                         {"b", "x", false, 0.5, NULL, 0}};
        _cleanup_(check_set_freep) struct check_set *s = NULL;
        _cleanup_buf_ struct buf b = {0};
        struct check_subject subject = {.text = SPAN("func f( {\n")};
        struct check_report report;
        struct diag d;
        int r = check_set_new("go", rules, 2, &s, &d);

        if (r)
                return r;
        check_run(s, &subject, &report);
        assert_true(report.n_findings > 0); /* for lack of memory too */
        r = check_report_write(&report, &b);
        return has_failed ? -ENOMEM : r;
}

static void test_templates_render_or_say_why(void **state _unused_)
{
        context = json_loads(context_text, 0, NULL);
        assert_non_null(context);
        torture(render_template, NULL);
        json_decref(context);
}

static void test_templates_are_refused_or_say_why(void **state _unused_)
{
        context = json_loads(context_text, 0, NULL);
        assert_non_null(context);
        torture(refuse_templates, NULL);
        json_decref(context);
}

static void test_answers(void **state _unused_)
{
        torture(read_answer, NULL);
}

static void test_checks(void **state _unused_)
{
        torture(make_checks, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_templates_render_or_say_why),
                cmocka_unit_test(test_templates_are_refused_or_say_why),
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_checks),
        };

        json_set_alloc_funcs(__wrap_malloc, free);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
