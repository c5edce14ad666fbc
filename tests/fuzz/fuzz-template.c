/* The template engine: any source compiles or is refused with a place, and what compiles renders
 * the same twice, within bounds. */

#include "daemon/template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char context_text[] =
        "{\"name\": \"Order\", \"n\": 3, \"f\": 0.5, \"yes\": true, \"nothing\": null, \"text\": "
        "\"a b\\nc \\u00e9\","
        " \"list\": [3, 1, 2, \"x\"], \"items\": [{\"name\": \"b\", \"n\": 2, \"tags\": [\"q\"]}, "
        "{\"name\": \"A\", \"n\": 1}],"
        " \"map\": {\"k\": 1, \"a\": {\"b\": [1, 2, {\"c\": \"deep\"}]}}, \"empty\": []}";

static int render(const struct template *t, const json_t *context, struct buf *out)
{
        struct diag d = {0};
        int r = template_render(t, context, out, &d);

        if (r < 0 || (r == CONDITION_REFUSED && !d.text[0]) || (r > 0 && r != CONDITION_REFUSED))
                abort();
        if (r != 0 && out->n != 0) /* refused: nothing was appended */
                abort();
        return r;
}

static void on_fault(const char *name, const struct diag *d, void *arg)
{
        if (!name[0] || !d->text[0])
                abort();
        ++*(unsigned *)arg;
}

/* Beside some that it may include, and itself. n_faults: where all of them are wanted, or NULL. */
static int compile(struct span source, unsigned *n_faults, struct template **ret, struct diag *d)
{
        static const char macros[] =
                "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{% endmacro %}"
                "{% macro w() %}{{ caller(1) }}{% endmacro %}{% set v = 5 %}";
        static const char base[] =
                "A{% block one %}{{ n }}{% endblock %}{% for i in list %}{% block "
                "two scoped %}{{ i }}{% endblock %}{% endfor %}{{ self.one() }}";
        _cleanup_(template_set_unrefp) struct template_set *set = NULL;
        const char *where;
        int r = template_set_new(&set);

        if (!r && n_faults)
                template_set_listen(set, on_fault, n_faults);
        if (!r)
                r = template_set_add(set, "fuzz", source);
        if (!r)
                r = template_set_add(set, "macros", SPAN(macros));
        if (!r)
                r = template_set_add(set, "base", SPAN(base));
        if (!r)
                r = template_set_add(set, "part", SPAN("{{ n }}{{ x|default(1) }}"));
        return r ? r : template_set_compile(set, "fuzz", ret, &where, d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        static json_t *context;
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_buf_ struct buf first = {0}, second = {0};
        struct diag d = {0}, last = {0};
        unsigned n_faults = 0;
        int r;

        if (!context)
                context = json_loads(context_text, 0, NULL);
        r = compile((struct span){(const char *)bytes, n}, NULL, &t, &d);
        if (r == CONDITION_REFUSED) {
                if (!d.text[0] ||
                    compile((struct span){(const char *)bytes, n}, &n_faults, &t, &last) !=
                            CONDITION_REFUSED ||
                    n_faults == 0)
                        abort();
                return 0;
        }
        if (r != 0)
                abort();
        r = render(t, context, &first);
        if (render(t, context, &second) != r || !span_is_equal(buf_span(&first), buf_span(&second)))
                abort();
        if (template_fixed_bytes(t) > n + 4)
                abort();
        return 0;
}
