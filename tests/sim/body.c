#include "tests/sim/body.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/json.h"

struct reader {
        const char *at, *start, *end;
        unsigned depth;
        const char *why;
        struct buf scratch;
};

static json_t *read_value(struct reader *r);

static json_t *fail(struct reader *r, const char *why)
{
        if (!r->why)
                r->why = why;
        return NULL;
}

static void skip_blanks(struct reader *r)
{
        while (r->at < r->end &&
               (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
                r->at++;
}

static bool take_char(struct reader *r, char c)
{
        skip_blanks(r);
        if (r->at == r->end || *r->at != c)
                return false;
        r->at++;
        return true;
}

static bool read_hex(struct reader *r, unsigned *ret)
{
        *ret = 0;
        if (r->end - r->at < 4)
                return false;
        for (int i = 0; i < 4; i++) {
                char c = *r->at++;
                int digit = c >= '0' && c <= '9'   ? c - '0'
                            : c >= 'a' && c <= 'f' ? c - 'a' + 10
                            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                   : -1;

                if (digit < 0)
                        return false;
                *ret = *ret << 4 | (unsigned)digit;
        }
        return true;
}

static bool read_unicode(struct reader *r)
{
        unsigned c, low;

        if (!read_hex(r, &c) || c == 0 || (c >= 0xdc00 && c < 0xe000))
                return false;
        if (c >= 0xd800 && c < 0xdc00) {
                if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u')
                        return false;
                r->at += 2;
                if (!read_hex(r, &low) || low < 0xdc00 || low >= 0xe000)
                        return false;
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
        if (c < 0x80) {
                buf_add_char(&r->scratch, (char)c);
        } else if (c < 0x800) {
                buf_add(&r->scratch, (char[]){(char)(0xc0 | c >> 6), (char)(0x80 | (c & 63))}, 2);
        } else if (c < 0x10000) {
                buf_add(&r->scratch,
                        (char[]){(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 63)),
                                 (char)(0x80 | (c & 63))},
                        3);
        } else {
                buf_add(&r->scratch,
                        (char[]){(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
                                 (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))},
                        4);
        }
        return true;
}

/* After the opening quote; the text is in scratch. */
static bool read_text(struct reader *r)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

        buf_clear(&r->scratch);
        for (;;) {
                const char *run = r->at, *found;

                while (r->at < r->end && *r->at != '"' && *r->at != '\\' &&
                       (unsigned char)*r->at >= 0x20)
                        r->at++;
                buf_add(&r->scratch, run, (size_t)(r->at - run));
                if (r->at == r->end || (unsigned char)*r->at < 0x20)
                        return false;
                if (*r->at++ == '"')
                        return !r->scratch.failed;
                if (r->at == r->end)
                        return false;
                found = memchr(from, *r->at, sizeof(from) - 1);
                if (found)
                        buf_add_char(&r->scratch, to[found - from]);
                else if (*r->at != 'u')
                        return false;
                r->at++;
                if (!found && !read_unicode(r))
                        return false;
        }
}

static json_t *read_object(struct reader *r)
{
        _cleanup_json_ json_t *o = json_object();
        bool is_first = true;

        while (o && !take_char(r, '}')) {
                _cleanup_free_ char *key = NULL;
                json_t *value;

                if (!is_first && !take_char(r, ','))
                        return fail(r, "',' or '}' expected");
                is_first = false;
                if (!take_char(r, '"') || !read_text(r))
                        return fail(r, "a key in quotes expected");
                key = strndup(r->scratch.at ? r->scratch.at : "", r->scratch.n);
                if (!key || !take_char(r, ':'))
                        return fail(r, "':' expected");
                if (json_object_get(o, key))
                        return fail(r, "duplicate object key");
                value = read_value(r);
                if (!value || json_object_set_new(o, key, value) < 0)
                        return fail(r, "a key that is not UTF-8");
        }
        return take(o);
}

static json_t *read_array(struct reader *r)
{
        _cleanup_json_ json_t *a = json_array();
        bool is_first = true;

        while (a && !take_char(r, ']')) {
                json_t *value;

                if (!is_first && !take_char(r, ','))
                        return fail(r, "',' or ']' expected");
                is_first = false;
                value = read_value(r);
                if (!value || json_array_append_new(a, value) < 0)
                        return fail(r, "no memory");
        }
        return take(a);
}

/* Numbers and words: Jansson knows them best, and they are short. */
static json_t *read_word(struct reader *r)
{
        const char *start = r->at;
        json_t *value;

        while (r->at < r->end && memchr("+-.0123456789Eeaflnrstu", *r->at, 23))
                r->at++;
        value = json_loadb(start, (size_t)(r->at - start), JSON_DECODE_ANY, NULL);
        return value ? value : fail(r, "invalid token");
}

static json_t *read_value(struct reader *r)
{
        json_t *value = NULL;

        skip_blanks(r);
        if (r->at == r->end)
                return fail(r, "unexpected end");
        if (++r->depth > BODY_DEPTH_MAX)
                return fail(r, "maximum depth reached");
        if (*r->at == '"') {
                r->at++;
                if (read_text(r))
                        value = json_stringn(r->scratch.at ? r->scratch.at : "", r->scratch.n);
                if (!value)
                        return fail(r, "invalid string");
        } else if (*r->at == '{') {
                r->at++;
                value = read_object(r);
        } else if (*r->at == '[') {
                r->at++;
                value = read_array(r);
        } else {
                value = read_word(r);
        }
        r->depth--;
        return value;
}

json_t *body_read(struct span text, const char **ret_why, size_t *ret_at)
{
        struct reader r = {.at = text.at, .start = text.at, .end = text.at + text.n};
        json_t *value = read_value(&r);

        skip_blanks(&r);
        if (value && r.at < r.end) {
                json_decref(value);
                value = fail(&r, "end of text expected");
        }
        *ret_why = r.why ? r.why : "no memory";
        *ret_at = (size_t)(r.at - r.start);
        buf_done(&r.scratch);
        return value;
}
