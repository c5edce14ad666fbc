#include "daemon/template/filters.h"
#include "daemon/template/unicode.h"

static int convert(struct render *r, const struct call *c, int (*add)(struct buf *, struct span),
                   struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct span s;
        int failed = call_subject_text(r, c, &s);

        if (failed)
                return failed;
        buf_init(&b, RENDER_MAX_BYTES);
        add(&b, s);
        return value_text_take(r, &b, ret);
}

int filter_upper(struct render *r, const struct call *c, struct value *ret)
{
        return convert(r, c, unicode_add_upper, ret);
}

int filter_lower(struct render *r, const struct call *c, struct value *ret)
{
        return convert(r, c, unicode_add_lower, ret);
}

int filter_capitalize(struct render *r, const struct call *c, struct value *ret)
{
        return convert(r, c, unicode_add_capitalized, ret);
}

/* Words begin after blanks and - ( { [ <; item[0].upper() + item[1:].lower() */
static int add_title(struct buf *out, struct span s)
{
        const char *at = s.at, *end = s.at + s.n, *word = at;

        while (at < end || word < end) {
                const char *here = at, *first_end = word;
                bool is_delimiter = true;

                if (at < end) {
                        uint32_t ch = utf8_next(&at, end);

                        is_delimiter = unicode_is_space(ch) ||
                                       (ch < 0x80 && ch && strchr("-({[<", (int)ch));
                } else {
                        here = end;
                }
                if (!is_delimiter)
                        continue;
                if (word < here) {
                        utf8_next(&first_end, end);
                        unicode_add_upper(out, (struct span){word, (size_t)(first_end - word)});
                        unicode_add_lower(out,
                                          (struct span){first_end, (size_t)(here - first_end)});
                }
                buf_add(out, here, (size_t)(at - here));
                word = at;
        }
        return out->failed;
}

int filter_title(struct render *r, const struct call *c, struct value *ret)
{
        return convert(r, c, add_title, ret);
}

static bool is_among(uint32_t c, struct span chars)
{
        const char *at = chars.at;

        while (at < chars.at + chars.n)
                if (utf8_next(&at, chars.at + chars.n) == c)
                        return true;
        return false;
}

struct span text_strip(struct span s, const struct span *chars, bool left, bool right)
{
        const char *at = s.at, *end = s.at + s.n;

        if (!chars)
                return unicode_trim(s, left, right);
        while (left && at < end) {
                const char *next = at;

                if (!is_among(utf8_next(&next, end), *chars))
                        break;
                at = next;
        }
        while (right && at < end) {
                const char *before = utf8_previous(at, end), *next = before;

                if (!is_among(utf8_next(&next, end), *chars))
                        break;
                end = before;
        }
        return (struct span){at, (size_t)(end - at)};
}

int filter_trim(struct render *r, const struct call *c, struct value *ret)
{
        struct span s;
        bool has_chars = c->at[0].kind == V_TEXT;
        int failed = call_subject_text(r, c, &s);

        if (failed)
                return failed;
        if (!has_chars && c->at[0].kind != V_MISSING && c->at[0].kind != V_NONE)
                return render_fail(r, "strip arg must be None or str");
        *ret = VALUE_SPAN(text_strip(s, has_chars ? &c->at[0].text : NULL, true, true));
        return 0;
}

int text_replace(struct render *r, struct span s, struct span old, struct span new, int64_t count,
                 struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        const char *at = s.at, *end = s.at + s.n;

        buf_init(&b, RENDER_MAX_BYTES);
        while (count != 0 && !b.failed) {
                const char *found = memmem(at, (size_t)(end - at), old.at, old.n);

                if (!found)
                        break;
                buf_add(&b, at, (size_t)(found - at));
                buf_add_span(&b, new);
                at = found + old.n;
                count--;
                if (old.n == 0) { /* between all characters */
                        const char *next = at;

                        if (at >= end)
                                break;
                        utf8_next(&next, end);
                        buf_add(&b, at, (size_t)(next - at));
                        at = next;
                }
        }
        buf_add(&b, at, (size_t)(end - at));
        return value_text_take(r, &b, ret);
}

int filter_replace(struct render *r, const struct call *c, struct value *ret)
{
        struct span s, old, new;
        int64_t count = -1;
        int failed = call_subject_text(r, c, &s);

        if (!failed)
                failed = call_text(r, c, 0, SPAN(""), &old);
        if (!failed)
                failed = call_text(r, c, 1, SPAN(""), &new);
        if (!failed && c->at[2].kind != V_NONE)
                failed = call_integer(r, c, 2, -1, &count);
        return failed ? failed : text_replace(r, s, old, new, count, ret);
}

/* The next piece of str.splitlines(); false at the end. */
bool text_next_line(struct span *rest, struct span *ret)
{
        const char *at = rest->at, *end = rest->at + rest->n, *here;

        if (rest->n == 0)
                return false;
        while (at < end) {
                here = at;
                if (!unicode_is_line_break(utf8_next(&at, end)))
                        continue;
                *ret = (struct span){rest->at, (size_t)(here - rest->at)};
                if (*here == '\r' && at < end && *at == '\n')
                        at++;
                *rest = (struct span){at, (size_t)(end - at)};
                return true;
        }
        *ret = *rest;
        *rest = (struct span){end, 0};
        return true;
}

int filter_indent(struct render *r, const struct call *c, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0}, blanks = {0};
        struct span rest, line, indent;
        struct value whole = VALUE_MISSING;
        bool first, blank, is_first = true;
        int64_t width = 4;
        int failed = 0;

        buf_init(&b, RENDER_MAX_BYTES);
        buf_init(&blanks, RENDER_MAX_BYTES);
        if (c->subject.kind == V_UNDEFINED)
                return value_refuse_undefined(r, c->subject);
        if (c->subject.kind != V_TEXT)
                return render_fail(r, "indent needs a str, not '%s'", value_type_name(c->subject));
        if (c->at[0].kind != V_TEXT)
                failed = call_integer(r, c, 0, 4, &width);
        if (!failed)
                failed = call_truth(r, c, 1, false, &first);
        if (!failed)
                failed = call_truth(r, c, 2, false, &blank);
        if (failed)
                return failed;
        for (int64_t i = 0; i < width && !blanks.failed; i++)
                buf_add_char(&blanks, ' ');
        indent = c->at[0].kind == V_TEXT ? c->at[0].text : buf_span(&blanks);
        failed = op_binary(r, OP_ADD, c->subject, VALUE_TEXT("\n"),
                           &whole); /* as it is done there */
        rest = whole.text;
        while (!failed && text_next_line(&rest, &line)) {
                if (!is_first)
                        buf_add_char(&b, '\n');
                if (is_first ? first : (blank || line.n))
                        buf_add_span(&b, indent);
                buf_add_span(&b, line);
                is_first = false;
        }
        if (!failed)
                failed = render_buf_failed(r, &blanks);
        return failed ? failed : value_text_take(r, &b, ret);
}

static int truncate_text(struct render *r, struct span s, int64_t length, bool is_killing,
                         struct span end, struct value *ret)
{
        struct span kept = {s.at, utf8_offset(s, (size_t)length - utf8_length(end))};

        if (!is_killing) {
                const char *blank = kept.n ? memrchr(kept.at, ' ', kept.n) : NULL;

                if (blank)
                        kept.n = (size_t)(blank - kept.at);
        }
        return op_binary(r, OP_ADD, VALUE_SPAN(kept), VALUE_SPAN(end), ret);
}

int filter_truncate(struct render *r, const struct call *c, struct value *ret)
{
        struct span end = SPAN("...");
        int64_t length, leeway = 5;
        bool is_killing;
        size_t n;
        int failed = call_integer(r, c, 0, 255, &length);

        if (!failed)
                failed = call_truth(r, c, 1, false, &is_killing);
        if (!failed)
                failed = call_text(r, c, 2, end, &end);
        if (!failed && c->at[3].kind != V_NONE)
                failed = call_integer(r, c, 3, 5, &leeway);
        if (!failed && length < (int64_t)utf8_length(end))
                return render_fail(r, "expected length >= %zu, got %lld", utf8_length(end),
                                   (long long)length);
        if (!failed && leeway < 0)
                return render_fail(r, "expected leeway >= 0, got %lld", (long long)leeway);
        if (!failed)
                failed = value_length(r, c->subject, &n);
        if (failed)
                return failed;
        *ret = c->subject; /* of whatever kind, when it is short */
        if ((int64_t)n <= (length > INT64_MAX - leeway ? INT64_MAX : length + leeway))
                return 0;
        if (c->subject.kind != V_TEXT)
                return render_fail(r, "truncate needs a str, not '%s'",
                                   value_type_name(c->subject));
        return truncate_text(r, c->subject.text, length, is_killing, end, ret);
}

int filter_wordcount(struct render *r, const struct call *c, struct value *ret)
{
        struct span s;
        const char *at, *end;
        bool was_word = false;
        int64_t n = 0;
        int failed = call_subject_text(r, c, &s);

        if (failed)
                return failed;
        for (at = s.at, end = s.at + s.n; at < end;) {
                bool is_word = unicode_is_word(utf8_next(&at, end));

                n += is_word && !was_word;
                was_word = is_word;
        }
        *ret = VALUE_INT(n);
        return 0;
}

int filter_string(struct render *r, const struct call *c, struct value *ret)
{
        return value_to_text(r, c->subject, ret);
}

int filter_format(struct render *r, const struct call *c, struct value *ret)
{
        struct value arguments;
        struct span s;
        int failed = call_subject_text(r, c, &s);

        if (!failed && c->n && c->n_keyed)
                return render_fail(
                        r, "can't handle positional and keyword arguments at the same time");
        if (!failed && c->n_keyed) {
                arguments = (struct value){.kind = V_DICT};
                failed = dict_new(r, &arguments.dict);
                for (size_t i = 0; i < c->n_keyed && !failed; i++)
                        failed = dict_set(r, arguments.dict, VALUE_SPAN(c->keys[i]), c->keyed[i]);
        } else if (!failed) {
                failed = value_list(r, V_TUPLE, c->n, &arguments);
                for (size_t i = 0; i < c->n && !failed; i++)
                        failed = list_add(r, arguments.list, c->at[i]);
        }
        return failed ? failed : format_percent(r, s, arguments, ret);
}

int filter_tojson(struct render *r, const struct call *c, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        int failed;

        buf_init(&b, RENDER_MAX_BYTES);
        failed = value_write_json(r, c->subject, c->at[0], &b);
        return failed ? failed : value_text_take(r, &b, ret);
}

/* Each line behind a comment's sign; an empty line is the sign alone. */
int filter_comment(struct render *r, const struct call *c, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct span rest, sign, line;
        bool is_first = true;
        int failed = call_subject_text(r, c, &rest);

        if (!failed)
                failed = call_text(r, c, 0, SPAN("//"), &sign);
        if (failed)
                return failed;
        buf_init(&b, RENDER_MAX_BYTES);
        rest = unicode_trim(rest, false, true);
        while (text_next_line(&rest, &line)) {
                line = unicode_trim(line, false, true);
                if (!is_first)
                        buf_add_char(&b, '\n');
                is_first = false;
                buf_add_span(&b, sign);
                if (line.n) {
                        buf_add_char(&b, ' ');
                        buf_add_span(&b, line);
                }
        }
        return value_text_take(r, &b, ret);
}

int filter_center(struct render *r, const struct call *c, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        int64_t width, n, left;
        struct span s;
        int failed = call_subject_text(r, c, &s);

        if (!failed)
                failed = call_integer(r, c, 0, 80, &width);
        if (failed)
                return failed;
        n = (int64_t)utf8_length(s);
        if (width > TEMPLATE_MAX_OUTPUT_BYTES)
                return render_fail(r, "the width is above %u", TEMPLATE_MAX_OUTPUT_BYTES);
        if (width <= n)
                return value_text_copy(r, s, ret);
        left = (width - n) / 2 + ((width - n) & width & 1); /* as Python has it */
        buf_init(&b, RENDER_MAX_BYTES);
        for (int64_t i = 0; i < left; i++)
                buf_add_char(&b, ' ');
        buf_add_span(&b, s);
        for (int64_t i = left + n; i < width; i++)
                buf_add_char(&b, ' ');
        return value_text_take(r, &b, ret);
}

/* For HTML. Unlike in Jinja2 the result is a text like any other: what is escaped twice, is. */
int filter_escape(struct render *r, const struct call *c, struct value *ret)
{
        static const char *const entities[128] = {
                ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['\''] = "&#39;", ['"'] = "&#34;"};
        _cleanup_buf_ struct buf b = {0};
        struct span s;
        int failed = call_subject_text(r, c, &s);

        if (failed)
                return failed;
        buf_init(&b, RENDER_MAX_BYTES);
        for (size_t i = 0; i < s.n; i++) {
                unsigned char ch = (unsigned char)s.at[i];

                if (ch < 128 && entities[ch])
                        buf_add_text(&b, entities[ch]);
                else
                        buf_add_char(&b, s.at[i]);
        }
        return value_text_take(r, &b, ret);
}
