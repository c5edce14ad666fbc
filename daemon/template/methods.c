/* Methods of Python's types that templates use, and the global functions. */

#include "daemon/template/filters.h"
#include "daemon/template/unicode.h"

static int new_view(struct render *r, const struct call *c, enum view_kind kind, struct value *ret)
{
        struct view *view = arena_alloc(&r->arena, sizeof(*view));

        if (!view)
                return render_no_room(r);
        view->kind = kind;
        view->dict = c->subject.dict;
        *ret = (struct value){.kind = V_VIEW, .view = view};
        return 0;
}

static int dict_items(struct render *r, const struct call *c, struct value *ret)
{
        return new_view(r, c, VIEW_ITEMS, ret);
}

static int dict_keys(struct render *r, const struct call *c, struct value *ret)
{
        return new_view(r, c, VIEW_KEYS, ret);
}

static int dict_values(struct render *r, const struct call *c, struct value *ret)
{
        return new_view(r, c, VIEW_VALUES, ret);
}

static int dict_method_get(struct render *r, const struct call *c, struct value *ret)
{
        int failed = dict_get(r, c->subject.dict, c->at[0], ret);

        if (!failed && ret->kind == V_MISSING)
                *ret = c->at[1].kind == V_MISSING ? VALUE_NONE : c->at[1];
        return failed;
}

static int list_append(struct render *r, const struct call *c, struct value *ret)
{
        *ret = VALUE_NONE;
        return list_add(r, c->subject.list, c->at[0]);
}

static int list_count(struct render *r, const struct call *c, struct value *ret)
{
        int64_t n = 0;
        int failed = list_open(r, c->subject.list);

        for (size_t i = 0; !failed && i < c->subject.list->n; i++) {
                bool is_equal = false;

                failed = value_is_equal(r, c->subject.list->at[i], c->at[0], &is_equal);
                n += is_equal;
        }
        *ret = VALUE_INT(n);
        return failed;
}

static int list_index(struct render *r, const struct call *c, struct value *ret)
{
        int failed = list_open(r, c->subject.list);

        for (size_t i = 0; !failed && i < c->subject.list->n; i++) {
                bool is_equal = false;

                failed = value_is_equal(r, c->subject.list->at[i], c->at[0], &is_equal);
                if (!failed && is_equal) {
                        *ret = VALUE_INT((int64_t)i);
                        return 0;
                }
        }
        return failed ? failed : render_fail(r, "the value is not in the list");
}

static int strip(struct render *r, const struct call *c, bool left, bool right, struct value *ret)
{
        bool has_chars = c->at[0].kind == V_TEXT;

        if (!has_chars && c->at[0].kind != V_MISSING && c->at[0].kind != V_NONE)
                return render_fail(r, "%s arg must be None or str", c->name);
        *ret = VALUE_SPAN(
                text_strip(c->subject.text, has_chars ? &c->at[0].text : NULL, left, right));
        return 0;
}

static int text_strip_both(struct render *r, const struct call *c, struct value *ret)
{
        return strip(r, c, true, true, ret);
}

static int text_strip_left(struct render *r, const struct call *c, struct value *ret)
{
        return strip(r, c, true, false, ret);
}

static int text_strip_right(struct render *r, const struct call *c, struct value *ret)
{
        return strip(r, c, false, true, ret);
}

/* The argument as a str and nothing else. */
static int need_text(struct render *r, const struct call *c, size_t i, struct span *ret)
{
        struct value v = c->at[i];

        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(r, v);
        if (v.kind != V_TEXT)
                return render_fail(r, "%s needs a str, not '%s'", c->name, value_type_name(v));
        *ret = v.text;
        return 0;
}

static bool begins_or_ends(struct span s, struct span with, bool at_end)
{
        return s.n >= with.n && memcmp(at_end ? s.at + s.n - with.n : s.at, with.at, with.n) == 0;
}

static int affix(struct render *r, const struct call *c, bool at_end, struct value *ret)
{
        struct value v = c->at[0];

        *ret = VALUE_BOOL(false);
        if (v.kind == V_TEXT) {
                ret->is_true = begins_or_ends(c->subject.text, v.text, at_end);
                return 0;
        }
        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(r, v);
        if (v.kind != V_TUPLE)
                return render_fail(r, "%s first arg must be str or a tuple of str, not %s", c->name,
                                   value_type_name(v));
        for (size_t i = 0; i < v.list->n && !ret->is_true; i++) {
                if (v.list->at[i].kind != V_TEXT)
                        return render_fail(r, "tuple for %s must only contain str", c->name);
                ret->is_true = begins_or_ends(c->subject.text, v.list->at[i].text, at_end);
        }
        return 0;
}

static int text_startswith(struct render *r, const struct call *c, struct value *ret)
{
        return affix(r, c, false, ret);
}

static int text_endswith(struct render *r, const struct call *c, struct value *ret)
{
        return affix(r, c, true, ret);
}

static int text_method_replace(struct render *r, const struct call *c, struct value *ret)
{
        struct span old, new;
        int64_t count;
        int failed = need_text(r, c, 0, &old);

        if (!failed)
                failed = need_text(r, c, 1, &new);
        if (!failed)
                failed = call_integer(r, c, 2, -1, &count);
        return failed ? failed : text_replace(r, c->subject.text, old, new, count, ret);
}

static int add_piece(struct render *r, struct value list, const char *from, const char *to)
{
        return list_add(r, list.list, VALUE_SPAN(((struct span){from, (size_t)(to - from)})));
}

/* split(): at runs of white space, none at the ends */
static int split_at_space(struct render *r, struct span s, int64_t max, struct value list)
{
        const char *at, *end = s.at + s.n, *next;
        int failed = 0;

        s = unicode_trim(s, true, false);
        for (at = s.at; at < end && !failed; max--) {
                const char *piece = at;

                if (max == 0) {
                        s = unicode_trim((struct span){at, (size_t)(end - at)}, false, true);
                        return add_piece(r, list, s.at, s.at + s.n);
                }
                for (next = at; at < end && !unicode_is_space(utf8_next(&next, end)); at = next)
                        ;
                failed = add_piece(r, list, piece, at);
                at = unicode_trim((struct span){at, (size_t)(end - at)}, true, false).at;
        }
        return failed;
}

static int text_split(struct render *r, const struct call *c, struct value *ret)
{
        struct span by, s = c->subject.text;
        int64_t max;
        const char *at = s.at, *end = s.at + s.n, *found;
        int failed = call_integer(r, c, 1, -1, &max);

        if (!failed)
                failed = value_list(r, V_LIST, 0, ret);
        if (failed)
                return failed;
        if (c->at[0].kind == V_MISSING || c->at[0].kind == V_NONE)
                return split_at_space(r, s, max, *ret);
        failed = need_text(r, c, 0, &by);
        if (!failed && by.n == 0)
                return render_fail(r, "empty separator");
        for (; !failed && max != 0; max--) {
                found = memmem(at, (size_t)(end - at), by.at, by.n);
                if (!found)
                        break;
                failed = add_piece(r, *ret, at, found);
                at = found + by.n;
        }
        return failed ? failed : add_piece(r, *ret, at, end);
}

static int text_splitlines(struct render *r, const struct call *c, struct value *ret)
{
        struct span rest = c->subject.text, line;
        bool keeps;
        int failed = call_truth(r, c, 0, false, &keeps);

        if (!failed)
                failed = value_list(r, V_LIST, 0, ret);
        while (!failed && text_next_line(&rest, &line))
                failed = add_piece(r, *ret, line.at, keeps ? rest.at : line.at + line.n);
        return failed;
}

static int text_join(struct render *r, const struct call *c, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct iter *it;
        struct value v;
        int failed = iter_open(r, c->at[0], &it);

        buf_init(&b, RENDER_MAX_BYTES);
        for (size_t i = 0; !failed; i++) {
                failed = iter_next(r, it, &v);
                if (failed || v.kind == V_MISSING)
                        break;
                if (v.kind != V_TEXT)
                        return render_fail(r, "sequence item %zu: expected str instance, %s found",
                                           i, value_type_name(v));
                if (i)
                        buf_add_span(&b, c->subject.text);
                buf_add_span(&b, v.text);
        }
        return failed ? failed : value_text_take(r, &b, ret);
}

static int text_find(struct render *r, const struct call *c, struct value *ret)
{
        struct span what, s = c->subject.text;
        const char *found;
        int failed = need_text(r, c, 0, &what);

        if (failed)
                return failed;
        found = memmem(s.at, s.n, what.at, what.n);
        *ret = VALUE_INT(found ? (int64_t)utf8_length((struct span){s.at, (size_t)(found - s.at)})
                               : -1);
        return render_step(r, s.n);
}

static int text_count(struct render *r, const struct call *c, struct value *ret)
{
        struct span what, s = c->subject.text;
        const char *at = s.at, *end = s.at + s.n;
        int64_t n = 0;
        int failed = need_text(r, c, 0, &what);

        if (failed)
                return failed;
        if (what.n == 0)
                n = (int64_t)utf8_length(s) + 1;
        while (what.n && (at = memmem(at, (size_t)(end - at), what.at, what.n))) {
                at += what.n;
                n++;
        }
        *ret = VALUE_INT(n);
        return render_step(r, s.n);
}

static int loop_cycle(struct render *r, const struct call *c, struct value *ret)
{
        if (c->n_keyed)
                return render_fail(r, "cycle got an unexpected keyword argument");
        if (c->n == 0)
                return render_fail(r, "no items for cycling given");
        *ret = c->at[(size_t)c->subject.loop->index0 % c->n];
        return 0;
}

static int loop_changed(struct render *r, const struct call *c, struct value *ret)
{
        struct loop *l = c->subject.loop;
        struct value now;
        bool is_equal = false;
        int failed;

        if (c->n_keyed)
                return render_fail(r, "changed got an unexpected keyword argument");
        failed = value_list(r, V_TUPLE, c->n, &now);
        for (size_t i = 0; i < c->n && !failed; i++)
                failed = list_add(r, now.list, c->at[i]);
        if (!failed && l->changed.kind != V_MISSING)
                failed = value_is_equal(r, l->changed, now, &is_equal);
        l->changed = now;
        *ret = VALUE_BOOL(!is_equal);
        return failed;
}

/* One row per method. */
static const struct method_row method_table[] = {
        {V_DICT, "get", dict_method_get, "key! default /"},
        {V_DICT, "items", dict_items, ""},
        {V_DICT, "keys", dict_keys, ""},
        {V_DICT, "values", dict_values, ""},
        {V_LIST, "append", list_append, "object! /"},
        {V_LIST, "count", list_count, "value! /"},
        {V_LIST, "index", list_index, "value! /"},
        {V_TUPLE, "count", list_count, "value! /"},
        {V_TUPLE, "index", list_index, "value! /"},
        {V_LOOP, "changed", loop_changed, "*"},
        {V_LOOP, "cycle", loop_cycle, "*"},
        {V_TEXT, "capitalize", filter_capitalize, ""},
        {V_TEXT, "count", text_count, "sub! /"},
        {V_TEXT, "endswith", text_endswith, "suffix! /"},
        {V_TEXT, "find", text_find, "sub! /"},
        {V_TEXT, "join", text_join, "iterable! /"},
        {V_TEXT, "lower", filter_lower, ""},
        {V_TEXT, "lstrip", text_strip_left, "chars /"},
        {V_TEXT, "replace", text_method_replace, "old! new! count /"},
        {V_TEXT, "rstrip", text_strip_right, "chars /"},
        {V_TEXT, "split", text_split, "sep maxsplit"},
        {V_TEXT, "splitlines", text_splitlines, "keepends"},
        {V_TEXT, "startswith", text_startswith, "prefix! /"},
        {V_TEXT, "strip", text_strip_both, "chars /"},
        {V_TEXT, "upper", filter_upper, ""},
};

/* Attributes that Python's types have besides: they hide a dict's members there, so they must not
 * pass for absent. */
static const struct {
        enum value_kind kind;
        const char *names;
} known[] = {
        {V_DICT, " clear copy fromkeys pop popitem setdefault update "},
        {V_LIST, " clear copy extend insert pop remove reverse sort "},
        {V_TEXT, " casefold center encode expandtabs format format_map index isalnum isalpha "
                 "isascii isdecimal isdigit "
                 "isidentifier islower isnumeric isprintable isspace istitle isupper ljust "
                 "maketrans partition "
                 "removeprefix removesuffix rfind rindex rjust rpartition rsplit swapcase title "
                 "translate zfill "},
        {V_INT, " as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag "
                "numerator real to_bytes "},
        {V_BOOL, " as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag "
                 "numerator real to_bytes "},
        {V_FLOAT, " as_integer_ratio conjugate fromhex hex imag is_integer real "},
        {V_RANGE, " count index start step stop "},
        {V_VIEW, " isdisjoint mapping "},
        {V_ITER, " close gi_code gi_frame gi_running gi_suspended gi_yieldfrom send throw "},
};

const struct method_row *value_method_find(enum value_kind kind, struct span name, bool *ret_known)
{
        *ret_known = false;
        for (size_t i = 0; i < N_ELEMENTS(method_table); i++)
                if (method_table[i].kind == kind &&
                    span_is_equal(name, span_of(method_table[i].name)))
                        return &method_table[i];
        for (size_t i = 0; i < N_ELEMENTS(known); i++) {
                const char *at = known[i].names;

                while (known[i].kind == kind && name.n &&
                       (at = memmem(at, strlen(at), name.at, name.n))) {
                        *ret_known = at[-1] == ' ' && at[name.n] == ' ';
                        if (*ret_known)
                                return NULL;
                        at++;
                }
        }
        return NULL;
}

static int global_range(struct render *r, const struct call *c, struct value *ret)
{
        struct range *g = arena_alloc(&r->arena, sizeof(*g));
        int64_t first, second, step;
        int failed = call_integer(r, c, 0, 0, &first);

        if (!g)
                return render_no_room(r);
        if (!failed)
                failed = call_integer(r, c, 1, 0, &second);
        if (!failed)
                failed = call_integer(r, c, 2, 1, &step);
        if (failed)
                return failed;
        if (step == 0)
                return render_fail(r, "range() arg 3 must not be zero");
        *g = (struct range){.start = first, .stop = second, .step = step};
        if (c->at[1].kind == V_MISSING)
                *g = (struct range){.stop = first, .step = step};
        *ret = (struct value){.kind = V_RANGE, .range = g};
        return 0;
}

static int copy_pairs(struct render *r, struct value from, struct dict *to)
{
        int failed;

        if (from.kind == V_UNDEFINED)
                return value_refuse_undefined(r, from);
        if (from.kind != V_DICT)
                return render_fail(r, "'%s' object is not a mapping", value_type_name(from));
        failed = dict_open(r, from.dict);
        for (size_t i = 0; !failed && i < from.dict->n; i++)
                failed = dict_set(r, to, from.dict->pairs[i].key, from.dict->pairs[i].item);
        return failed;
}

static int make_dict(struct render *r, const struct call *c, enum value_kind kind,
                     struct value *ret)
{
        struct dict *d;
        int failed = dict_new(r, &d);

        if (!failed && c->n > 1)
                return render_fail(r, "%s expected at most 1 argument, got %zu", c->name, c->n);
        if (!failed && c->n)
                failed = copy_pairs(r, c->at[0], d);
        for (size_t i = 0; !failed && i < c->n_keyed; i++)
                failed = dict_set(r, d, VALUE_SPAN(c->keys[i]), c->keyed[i]);
        *ret = (struct value){.kind = kind, .dict = d};
        return failed;
}

static int global_dict(struct render *r, const struct call *c, struct value *ret)
{
        return make_dict(r, c, V_DICT, ret);
}

static int global_namespace(struct render *r, const struct call *c, struct value *ret)
{
        return make_dict(r, c, V_NAMESPACE, ret);
}

/* joiner(', ') gives nothing when it is called first, then its separator. */
static int joiner_next(struct render *r _unused_, const struct call *c, struct value *ret)
{
        struct value *was_called = &c->subject.list->at[1];

        *ret = was_called->is_true ? c->subject.list->at[0] : VALUE_TEXT("");
        *was_called = VALUE_BOOL(true);
        return 0;
}

static int global_joiner(struct render *r, const struct call *c, struct value *ret)
{
        static const struct method_row next = {V_LIST, "joiner", joiner_next, ""};
        struct bound *bound = arena_alloc(&r->arena, sizeof(*bound));
        int failed = bound ? value_list(r, V_LIST, 2, &bound->subject) : render_no_room(r);

        if (!failed)
                failed = list_add(r, bound->subject.list,
                                  c->at[0].kind == V_MISSING ? VALUE_TEXT(", ") : c->at[0]);
        if (!failed)
                failed = list_add(r, bound->subject.list, VALUE_BOOL(false));
        if (failed)
                return failed;
        bound->method = &next;
        *ret = (struct value){.kind = V_METHOD, .bound = bound};
        return 0;
}

/* Of Jinja2, and left out. */
static int global_cycler(struct render *r, const struct call *c _unused_,
                         struct value *ret _unused_)
{
        return render_fail(r, "the function 'cycler' is left out: use loop.cycle(…)");
}

static int global_lipsum(struct render *r, const struct call *c _unused_,
                         struct value *ret _unused_)
{
        return render_fail(r, "the function 'lipsum' is left out: the same input gives the same "
                              "text");
}

/* One row per global function. */
static const struct global_row global_table[] = {
        {"cycler", global_cycler, "*"},       {"dict", global_dict, "*"},
        {"joiner", global_joiner, "sep"},     {"lipsum", global_lipsum, "*"},
        {"namespace", global_namespace, "*"}, {"range", global_range, "start! stop step /"},
};

const struct global_row *global_find(struct span name)
{
        for (size_t i = 0; i < N_ELEMENTS(global_table); i++)
                if (span_is_equal(name, span_of(global_table[i].name)))
                        return &global_table[i];
        return NULL;
}
