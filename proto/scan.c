#include "proto/scan.h"

/* Where we are. A failing step leaves `at` on the offending byte and says what is wrong. */
struct cursor {
        const char *at, *end;
        const char *fault;
};

#define OPEN_OBJECT 1
#define OPEN_ARRAY 0

static bool fail(struct cursor *c, const char *fault)
{
        c->fault = fault;
        return false;
}

static inline void skip_space(struct cursor *c)
{
        while (c->at < c->end &&
               (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
                c->at++;
}

static inline bool peek_is(const struct cursor *c, char wanted)
{
        return c->at < c->end && *c->at == wanted;
}

/* True when one of eight bytes is a control character, a quote, a backslash or not ASCII. */
static inline bool has_special(uint64_t v)
{
        const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
        uint64_t quote = v ^ (ones * '"'), backslash = v ^ (ones * '\\');

        return ((v - ones * 0x20) | (quote - ones) | (backslash - ones) | v) & highs;
}

/* Skips plain ASCII of a string, eight bytes at a time. */
static inline void skip_plain(struct cursor *c)
{
        while (c->end - c->at >= 8) {
                uint64_t v;

                memcpy(&v, c->at, 8);
                if (has_special(v))
                        break;
                c->at += 8;
        }
        while (c->at < c->end && (unsigned char)*c->at >= ' ' && (unsigned char)*c->at < 0x80 &&
               *c->at != '"' && *c->at != '\\')
                c->at++;
}

/* One character of two to four bytes (Unicode 15, table 3-7). */
static bool skip_utf8(struct cursor *c)
{
        const unsigned char *p = (const unsigned char *)c->at;
        size_t left = (size_t)(c->end - c->at), n;
        unsigned char low = 0x80, high = 0xbf;

        if (p[0] < 0xc2 || p[0] > 0xf4)
                return fail(c, "not UTF-8");
        n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (p[0] == 0xe0)
                low = 0xa0;
        else if (p[0] == 0xed)
                high = 0x9f;
        else if (p[0] == 0xf0)
                low = 0x90;
        else if (p[0] == 0xf4)
                high = 0x8f;
        if (left < n || p[1] < low || p[1] > high)
                return fail(c, "not UTF-8");
        for (size_t i = 2; i < n; i++)
                if (p[i] < 0x80 || p[i] > 0xbf)
                        return fail(c, "not UTF-8");
        c->at += n;
        return true;
}

static int hex_digit(char d)
{
        if (d >= '0' && d <= '9')
                return d - '0';
        d |= 0x20;
        return d >= 'a' && d <= 'f' ? d - 'a' + 10 : -1;
}

/* At `\uXXXX`. */
static bool read_unit(struct cursor *c, unsigned *ret)
{
        unsigned unit = 0;

        if (c->end - c->at < 6 || c->at[0] != '\\' || c->at[1] != 'u')
                return fail(c, "half of a surrogate pair");
        for (size_t i = 2; i < 6; i++) {
                int digit = hex_digit(c->at[i]);

                if (digit < 0)
                        return fail(c, "bad escape");
                unit = unit << 4 | (unsigned)digit;
        }
        c->at += 6;
        *ret = unit;
        return true;
}

static bool skip_escape(struct cursor *c)
{
        unsigned unit;

        if (c->end - c->at < 2)
                return fail(c, "the text ends within a string");
        if (c->at[1] != 'u') {
                if (!c->at[1] || !strchr("\"\\/bfnrt", c->at[1]))
                        return fail(c, "bad escape");
                c->at += 2;
                return true;
        }
        if (c->end - c->at < 6)
                return fail(c, "the text ends within a string");
        if (!read_unit(c, &unit))
                return false;
        if (unit >= 0xdc00 && unit <= 0xdfff)
                return fail(c, "half of a surrogate pair");
        if (unit < 0xd800 || unit > 0xdbff)
                return true;
        if (!read_unit(c, &unit))
                return false;
        return (unit >= 0xdc00 && unit <= 0xdfff) || fail(c, "half of a surrogate pair");
}

/* ret: what stands between the quotes. */
static bool read_string(struct cursor *c, struct span *ret)
{
        const char *start = ++c->at;

        for (;;) {
                skip_plain(c);
                if (c->at == c->end)
                        return fail(c, "the text ends within a string");
                if (*c->at == '"')
                        break;
                if (*c->at == '\\') {
                        if (!skip_escape(c))
                                return false;
                } else if ((unsigned char)*c->at < ' ') {
                        return fail(c, "control character in a string");
                } else if (!skip_utf8(c)) {
                        return false;
                }
        }
        *ret = (struct span){start, (size_t)(c->at - start)};
        c->at++;
        return true;
}

static bool skip_digits(struct cursor *c)
{
        const char *start = c->at;

        while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
                c->at++;
        return c->at > start || fail(c, "bad number");
}

static bool skip_number(struct cursor *c)
{
        if (*c->at == '-')
                c->at++;
        if (peek_is(c, '0'))
                c->at++;
        else if (!skip_digits(c))
                return false;
        if (peek_is(c, '.')) {
                c->at++;
                if (!skip_digits(c))
                        return false;
        }
        if (peek_is(c, 'e') || peek_is(c, 'E')) {
                c->at++;
                if (peek_is(c, '+') || peek_is(c, '-'))
                        c->at++;
                if (!skip_digits(c))
                        return false;
        }
        return true;
}

static bool skip_word(struct cursor *c, const char *word, size_t n)
{
        if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
                return fail(c, "neither a value nor true, false, null");
        c->at += n;
        return true;
}

static bool skip_scalar(struct cursor *c)
{
        struct span ignored;

        switch (*c->at) {
        case '"':
                return read_string(c, &ignored);
        case 't':
                return skip_word(c, "true", 4);
        case 'f':
                return skip_word(c, "false", 5);
        case 'n':
                return skip_word(c, "null", 4);
        case '-':
        case '0' ... '9':
                return skip_number(c);
        default:
                return fail(c, "expected a value");
        }
}

/* At a key: reads it and what follows up to the value. */
static bool read_key(struct cursor *c, struct span *ret)
{
        if (!peek_is(c, '"'))
                return fail(c, "expected a key");
        if (!read_string(c, ret))
                return false;
        skip_space(c);
        if (!peek_is(c, ':'))
                return fail(c, "expected a colon");
        c->at++;
        skip_space(c);
        return true;
}

static bool skip_key(struct cursor *c)
{
        struct span ignored;

        return read_key(c, &ignored);
}

/* One value of any kind that stands `depth` deep. Bit i of `opened` tells what was opened i levels
 * above. */
static bool skip_value(struct cursor *c, unsigned depth)
{
        uint64_t opened = 0;
        unsigned n_opened = 0;

        for (;;) {
                if (c->at == c->end)
                        return fail(c, "the text ends too early");
                if (*c->at == '{' || *c->at == '[') {
                        bool is_object = *c->at == '{';

                        if (depth + n_opened >= SCAN_MAX_DEPTH)
                                return fail(c, "nested too deeply");
                        c->at++;
                        skip_space(c);
                        opened = opened << 1 | (is_object ? OPEN_OBJECT : OPEN_ARRAY);
                        n_opened++;
                        if (!peek_is(c, is_object ? '}' : ']')) {
                                if (is_object && !skip_key(c))
                                        return false;
                                continue;
                        }
                } else {
                        if (!skip_scalar(c))
                                return false;
                        if (n_opened == 0)
                                return true;
                        skip_space(c);
                }
                /* After a value or before the end of an empty one: close all that ends here. */
                while (peek_is(c, (opened & 1) == OPEN_OBJECT ? '}' : ']')) {
                        c->at++;
                        opened >>= 1;
                        if (--n_opened == 0)
                                return true;
                        skip_space(c);
                }
                if (!peek_is(c, ','))
                        return fail(c, "expected a comma or the end of an array or object");
                c->at++;
                skip_space(c);
                if ((opened & 1) == OPEN_OBJECT && !skip_key(c))
                        return false;
        }
}

/* Between members of an object: false at its end, which is passed, and when c->fault is set. */
static bool next_member(struct cursor *c)
{
        skip_space(c);
        if (peek_is(c, '}')) {
                c->at++;
                return false;
        }
        if (!peek_is(c, ','))
                return fail(c, "expected a comma or the end of an object");
        c->at++;
        skip_space(c);
        return true;
}

/* At `{`: true when a first key follows; the end of an empty object is passed. */
static bool first_member(struct cursor *c)
{
        c->at++;
        skip_space(c);
        if (!peek_is(c, '}'))
                return true;
        c->at++;
        return false;
}

/* The object at c->at, which stands 2 deep: where its manifest lies, which may be most of the text.
 * What stands twice, here or as `input`, is for the parser to refuse. */
static bool read_input(struct cursor *c, struct scan *s)
{
        bool has_one = s->has_input;

        s->has_input = true;
        s->manifest = (struct span){0};
        for (bool more = first_member(c), has_manifest = has_one; more; more = next_member(c)) {
                const char *value_at;
                struct span key;

                if (!read_key(c, &key))
                        return false;
                value_at = c->at;
                if (!skip_value(c, 3))
                        return false;
                if (!span_is_equal(key, SPAN("manifest")))
                        continue;
                s->manifest = has_manifest || *value_at != '['
                                      ? (struct span){0}
                                      : (struct span){value_at, (size_t)(c->at - value_at)};
                has_manifest = true;
        }
        return !c->fault;
}

/* The object at c->at. meta is cut out with the comma before it or, when it comes first, with the
 * one after it. */
static bool read_params(struct cursor *c, struct scan *s)
{
        const char *start = c->at, *end_before = NULL, *cut_from = NULL, *cut_to = NULL;
        bool is_cut_open = false;

        for (bool more = first_member(c); more; more = next_member(c)) {
                const char *key_at = c->at, *value_at;
                struct span key;

                if (is_cut_open) {
                        cut_to = key_at;
                        is_cut_open = false;
                }
                if (!read_key(c, &key))
                        return false;
                value_at = c->at;
                if (span_is_equal(key, SPAN("input")) && peek_is(c, '{')) {
                        if (!read_input(c, s))
                                return false;
                } else if (!skip_value(c, 2)) {
                        return false;
                }
                if (span_is_equal(key, SPAN("meta"))) {
                        if (s->meta.n > 0)
                                return fail(c, "two members `meta`");
                        s->meta = (struct span){value_at, (size_t)(c->at - value_at)};
                        cut_from = end_before ? end_before : key_at;
                        cut_to = c->at;
                        is_cut_open = !end_before;
                }
                end_before = c->at;
        }
        if (c->fault)
                return false;
        s->params = (struct span){start, (size_t)(c->at - start)};
        s->params_at[0] = s->params;
        if (cut_from) {
                s->params_at[0].n = (size_t)(cut_from - start);
                s->params_at[1] = (struct span){cut_to, (size_t)(c->at - cut_to)};
        }
        return true;
}

static bool read_value(struct cursor *c, struct span *ret)
{
        const char *start = c->at;

        if (!skip_value(c, 1))
                return false;
        *ret = (struct span){start, (size_t)(c->at - start)};
        return true;
}

enum member {
        MEMBER_VERSION,
        MEMBER_ID,
        MEMBER_METHOD,
        MEMBER_PARAMS,
        MEMBER_RESULT,
        MEMBER_ERROR,
        N_MEMBERS
};

static enum member find_member(struct span key)
{
        static const struct span names[N_MEMBERS] = {
                {"jsonrpc", 7}, {"id", 2},     {"method", 6},
                {"params", 6},  {"result", 6}, {"error", 5},
        };

        for (unsigned i = 0; i < N_MEMBERS; i++)
                if (span_is_equal(names[i], key))
                        return i;
        return N_MEMBERS;
}

/* The value of a member, which c is at. *ret_complaint: well formed, but not what a message has
 * there. */
static bool read_member(struct cursor *c, enum member m, struct scan *s, const char **ret_complaint)
{
        struct span value;
        char first = c->at < c->end ? *c->at : 0;

        if (m == MEMBER_PARAMS && first == '{') {
                s->is_params_object = true;
                return read_params(c, s);
        }
        if (!read_value(c, &value))
                return false;
        switch (m) {
        case MEMBER_VERSION:
                s->has_version = span_is_equal(value, SPAN("\"2.0\""));
                break;
        case MEMBER_ID:
                if (value.n > SCAN_ID_BYTES || strchr("{[tf", first))
                        *ret_complaint = "the id is neither a short string nor a number";
                else
                        s->id = value;
                break;
        case MEMBER_METHOD:
                if (first != '"')
                        *ret_complaint = "the method is not a string";
                else
                        s->method = (struct span){value.at + 1, value.n - 2};
                break;
        case MEMBER_PARAMS:
                s->params = s->params_at[0] = value;
                if (first != '[')
                        *ret_complaint = "params is neither an object nor an array";
                break;
        case MEMBER_RESULT:
                s->result = value;
                break;
        case MEMBER_ERROR:
                s->error = value;
                break;
        case N_MEMBERS:
                *ret_complaint = "an unknown member beside jsonrpc, id, method and params";
                break;
        }
        return true;
}

static int scan_members(struct cursor *c, struct scan *s)
{
        const char *complaint = NULL;
        unsigned seen = 0;

        for (bool more = first_member(c); more; more = next_member(c)) {
                enum member m;
                struct span key;

                if (!read_key(c, &key))
                        break;
                m = find_member(key);
                if (m < N_MEMBERS && (seen & 1u << m))
                        complaint = "a member stands twice";
                seen |= 1u << m;
                if (!read_member(c, m, s, &complaint))
                        break;
        }
        if (!c->fault) {
                skip_space(c);
                if (c->at < c->end)
                        fail(c, "something follows the message");
        }
        if (c->fault)
                return SCAN_BAD_JSON;
        if (!complaint && !s->has_version)
                complaint = "no \"jsonrpc\": \"2.0\"";
        if (!complaint && s->method.n == 0 && !(seen & (1u << MEMBER_RESULT | 1u << MEMBER_ERROR)))
                complaint = "no method";
        s->fault = complaint;
        return complaint ? SCAN_BAD_REQUEST : 0;
}

int scan_message(struct span text, struct scan *ret)
{
        struct cursor c = {text.at, text.at + text.n, NULL};
        int r;

        *ret = (struct scan){0};
        skip_space(&c);
        if (peek_is(&c, '{')) {
                r = scan_members(&c, ret);
        } else if (scan_value(text) == 0) {
                ret->fault = peek_is(&c, '[') ? "batches are not supported" : "not an object";
                return SCAN_BAD_REQUEST;
        } else {
                fail(&c, "expected an object");
                r = SCAN_BAD_JSON;
        }
        if (c.fault)
                ret->fault = c.fault;
        ret->fault_at = (size_t)(c.at - text.at);
        return r;
}

int scan_value(struct span text)
{
        struct cursor c = {text.at, text.at + text.n, NULL};

        skip_space(&c);
        if (!skip_value(&c, 0))
                return SCAN_BAD_JSON;
        skip_space(&c);
        return c.at == c.end ? 0 : SCAN_BAD_JSON;
}

/* Method names are ASCII; any other escape gives a name that no method has. */
static char resolve_escape(const char *at, size_t *ret_n)
{
        unsigned unit = 0;

        *ret_n = 2;
        if (at[1] != 'u')
                return strchr("\"\\/", at[1]) ? at[1] : '?';
        for (size_t i = 2; i < 6; i++)
                unit = unit << 4 | (unsigned)hex_digit(at[i]);
        *ret_n = 6;
        return unit >= ' ' && unit < 0x7f ? (char)unit : '?';
}

void scan_get_method(const struct scan *s, char ret[SCAN_METHOD_BYTES])
{
        size_t n = 0;

        for (size_t i = 0; i < s->method.n;) {
                const char *at = s->method.at + i;
                size_t step = 1;
                char c = *at == '\\' ? resolve_escape(at, &step) : *at;

                if (n + 1 >= SCAN_METHOD_BYTES) {
                        n = 0;
                        break;
                }
                ret[n++] = c;
                i += step;
        }
        ret[n] = 0;
}
