/* Calls of filters, tests, methods and functions: binding arguments to parameters, arguments by
 * type. */

#include "daemon/template/engine.h"
#include "daemon/template/unicode.h"

/* Splits "width first! blank" into names; they may not be used as keywords when "/" ends them. */
static size_t read_parameters(const char *text, struct span names[CALL_MAX_PARAMETERS],
                              bool is_required[CALL_MAX_PARAMETERS], bool *ret_by_place)
{
        size_t n = 0;

        *ret_by_place = false;

        while (*text) {
                size_t length = strcspn(text, " ");

                if (*text == '/') {
                        *ret_by_place = true;
                        break;
                }
                assert(n < CALL_MAX_PARAMETERS);
                is_required[n] = text[length - 1] == '!';
                names[n] = (struct span){text, length - is_required[n]};
                n++;
                text += length;
                text += *text == ' ';
        }
        return n;
}

static int bind_keyword(struct render *r, const struct call *raw, size_t i,
                        const struct span *names, size_t n, struct value *at)
{
        for (size_t k = 0; k < n; k++) {
                if (!span_is_equal(raw->keys[i], names[k]))
                        continue;
                if (at[k].kind != V_MISSING)
                        return render_fail(r, "%s got multiple values for argument '%.*s'",
                                           raw->name, (int)names[k].n, names[k].at);
                at[k] = raw->keyed[i];
                return 0;
        }
        return render_fail(r, "%s got an unexpected keyword argument '%.*s'", raw->name,
                           (int)MIN2(raw->keys[i].n, 60u), raw->keys[i].at);
}

int call_bound(struct render *r, call_fn *fn, const char *parameters, const struct call *raw,
               struct value *ret)
{
        struct span names[CALL_MAX_PARAMETERS];
        bool is_required[CALL_MAX_PARAMETERS], by_place;
        struct call *c;
        size_t n;

        if (strcmp(parameters, "*") == 0 || (!parameters[0] && !raw->n && !raw->n_keyed))
                return fn(r, raw, ret);
        n = read_parameters(parameters, names, is_required, &by_place);
        if (raw->n > n)
                return render_fail(r, "%s takes at most %zu arguments (%zu given)", raw->name, n,
                                   raw->n);
        c = arena_alloc(&r->arena,
                        sizeof(*c) + n * sizeof(*c->at)); /* lives on in what fn returns */
        if (!c)
                return render_no_room(r);
        *c = (struct call){
                .name = raw->name, .subject = raw->subject, .at = (struct value *)(c + 1), .n = n};
        for (size_t i = 0; i < raw->n; i++)
                c->at[i] = raw->at[i];
        if (by_place && raw->n_keyed)
                return render_fail(r, "%s takes no keyword arguments", raw->name);
        for (size_t i = 0; i < raw->n_keyed; i++) {
                int failed = bind_keyword(r, raw, i, names, n, c->at);

                if (failed)
                        return failed;
        }
        for (size_t i = 0; i < n; i++)
                if (is_required[i] && c->at[i].kind == V_MISSING)
                        return render_fail(r, "%s lacks its argument '%.*s'", raw->name,
                                           (int)names[i].n, names[i].at);
        return fn(r, c, ret);
}

int call_integer(struct render *r, const struct call *c, size_t i, int64_t otherwise, int64_t *ret)
{
        struct value v = i < c->n ? c->at[i] : VALUE_MISSING;

        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(r, v);
        if (v.kind != V_MISSING && !value_is_integer(v))
                return render_fail(r, "%s needs an integer, not '%s'", c->name, value_type_name(v));
        *ret = v.kind == V_MISSING ? otherwise : value_integer(v);
        return 0;
}

int call_truth(struct render *r, const struct call *c, size_t i, bool otherwise, bool *ret)
{
        *ret = otherwise;
        if (i >= c->n || c->at[i].kind == V_MISSING)
                return 0;
        return value_truth(r, c->at[i], ret);
}

int call_text(struct render *r, const struct call *c, size_t i, struct span otherwise,
              struct span *ret)
{
        struct value v;
        int failed;

        *ret = otherwise;
        if (i >= c->n || c->at[i].kind == V_MISSING)
                return 0;
        failed = value_to_text(r, c->at[i], &v);
        if (!failed)
                *ret = v.text;
        return failed;
}

int call_subject_text(struct render *r, const struct call *c, struct span *ret)
{
        struct value v;
        int failed = value_to_text(r, c->subject, &v);

        if (!failed)
                *ret = v.text;
        return failed;
}

int call_plan(struct arena *arena, const struct node_list *arguments, const char *parameters,
              uint8_t **ret, uint8_t *ret_n)
{
        struct span names[CALL_MAX_PARAMETERS];
        bool is_required[CALL_MAX_PARAMETERS], is_given[CALL_MAX_PARAMETERS] = {false}, by_place;
        size_t n, i = 0, k;
        uint8_t *plan;

        if (strcmp(parameters, "*") == 0)
                return 0;
        n = read_parameters(parameters, names, is_required, &by_place);
        plan = arena_alloc(arena, MAX2(arguments->n, 1u));
        if (!plan)
                return -ENOMEM;
        for (const struct node *a = arguments->first; a; a = a->next, i++) {
                k = i;
                if (a->kind == N_SPREAD || a->kind == N_SPREAD_KEYWORDS)
                        return 0;
                if (a->kind == N_KEYWORD)
                        for (k = 0; k < n && !span_is_equal(names[k], a->name);)
                                k++;
                if (k >= n || is_given[k] || (a->kind == N_KEYWORD && by_place))
                        return 0;
                is_given[k] = true;
                plan[i] = (uint8_t)k;
        }
        for (k = 0; k < n; k++)
                if (is_required[k] && !is_given[k])
                        return 0;
        *ret = plan;
        *ret_n = (uint8_t)n;
        return 0;
}

/* One part of a path: digits are an index. */
static struct value path_part(struct span s)
{
        int64_t n = 0;

        for (size_t i = 0; i < s.n; i++) {
                if (s.at[i] < '0' || s.at[i] > '9' || i > 17)
                        return VALUE_SPAN(s);
                n = n * 10 + (s.at[i] - '0');
        }
        return s.n ? VALUE_INT(n) : VALUE_SPAN(s);
}

/* All of it is one name. */
static bool is_key(struct span path)
{
        for (size_t i = 0; i < path.n; i++)
                if (path.at[i] == '.')
                        return false;
        return path.n == 0 || path.at[0] < '0' || path.at[0] > '9' ||
               path_part(path).kind == V_TEXT;
}

void path_open(struct render *r, struct value text, struct path *ret)
{
        *ret = (struct path){.text = text};
        if (text.kind != V_TEXT || !is_key(text.text))
                return;
        ret->hash = text_hash(text.text);
        ret->hint = render_hint(r, text.text.at);
}

int path_get_slowly(struct render *r, struct value item, struct value path, struct value otherwise,
                    struct value *ret)
{
        struct span rest;
        int failed = 0;

        *ret = item;
        if (path.kind == V_MISSING || path.kind == V_NONE)
                return 0;
        if (path.kind != V_TEXT)
                return value_item(r, item, path, ret);
        rest = path.text;
        for (;;) {
                const char *dot = memchr(rest.at, '.', rest.n);
                size_t n = dot ? (size_t)(dot - rest.at) : rest.n;

                failed = value_item(r, *ret, path_part((struct span){rest.at, n}), ret);
                if (!failed && ret->kind == V_UNDEFINED && otherwise.kind != V_MISSING &&
                    otherwise.kind != V_NONE)
                        *ret = otherwise;
                if (failed || !dot)
                        return failed;
                rest.at += n + 1;
                rest.n -= n + 1;
        }
}
