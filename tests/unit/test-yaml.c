#include "unit.h"

#include "common/str.h"
#include "common/yaml.h"

#define MAX_BYTES ((size_t)4 << 20)

static struct yaml_node *read_text(const char *text)
{
        struct yaml_node *n = NULL;
        struct diag diag = {0};
        int r = yaml_read(span_of(text), MAX_BYTES, &n, &diag);

        if (r != 0)
                print_error("%u:%u: %s\n", diag.line, diag.column, diag.text);
        assert_int_equal(r, 0);
        return n;
}

static void refuse_span(struct span text, unsigned line, unsigned column, const char *part)
{
        struct yaml_node *n = NULL;
        struct diag diag = {0};

        assert_int_equal(yaml_read(text, MAX_BYTES, &n, &diag), CONDITION_REFUSED);
        assert_null(n);
        if (line && (diag.line != line || diag.column != column))
                fail_msg("%u:%u: %s", diag.line, diag.column, diag.text);
        if (!strstr(diag.text, part))
                fail_msg("`%s` does not say `%s`", diag.text, part);
}

static void test_scalars_keep_their_text(void **state)
{
        static const char text[] = "go: 1.20\nanswer: no\ncoverage: 85\nzip: 007\nquoted: \"85\"\n"
                                   "block: |\n  a\n  b\nempty:\ntilde: ~\n";
        _cleanup_(yaml_freep) struct yaml_node *n = read_text(text);

        (void)state;
        assert_int_equal(n->kind, YAML_MAP);
        assert_int_equal(n->n_items, 8);
        assert_string_equal(yaml_get(n, "go")->text, "1.20");
        assert_string_equal(yaml_get(n, "answer")->text, "no");
        assert_string_equal(yaml_get(n, "coverage")->text, "85");
        assert_string_equal(yaml_get(n, "zip")->text, "007");
        assert_false(yaml_get(n, "coverage")->is_quoted);
        assert_true(yaml_get(n, "quoted")->is_quoted);
        assert_true(yaml_get(n, "block")->is_quoted);
        assert_string_equal(yaml_get(n, "block")->text, "a\nb\n");
        assert_true(yaml_is_null(yaml_get(n, "empty")));
        assert_true(yaml_is_null(yaml_get(n, "tilde")));
        assert_true(yaml_is_null(yaml_get(n, "absent")));
        assert_false(yaml_is_null(yaml_get(n, "quoted")));
}

static void test_places(void **state)
{
        _cleanup_(yaml_freep) struct yaml_node *n = read_text("a:\n  - b: 1\n    c: 2\n");
        struct yaml_node *item = yaml_get(n, "a")->items[0];

        (void)state;
        assert_int_equal(n->keys[0]->line, 1);
        assert_int_equal(n->keys[0]->column, 1);
        assert_int_equal(item->keys[1]->line, 3);
        assert_int_equal(item->keys[1]->column, 5);
        assert_int_equal(item->items[1]->column, 8);
}

static void test_byte_order_mark(void **state)
{
        _cleanup_(yaml_freep) struct yaml_node *n = read_text("\xEF\xBB\xBF"
                                                              "a: 1\n");

        (void)state;
        assert_string_equal(yaml_get(n, "a")->text, "1");
        assert_int_equal(yaml_get(n, "a")->column, 4);
        n = yaml_free(n);
        n = read_text("\xEF\xBB\xBF");
        assert_int_equal(n->n_items, 0);
}

static void test_refuses(void **state)
{
        (void)state;
        refuse_span(SPAN("a: 1\nb: 2\na: 3\n"), 3, 1, "duplicate key `a`, first in line 1");
        refuse_span(SPAN("x: {b: 1, c: 1, b: 2}"), 1, 17, "duplicate key `b`");
        refuse_span(SPAN("a: [1, 2\nb: 3\n"), 0, 0, "");
        refuse_span(SPAN("a: b: c\n"), 1, 5, "put the whole text in quotes");
        refuse_span(SPAN("[a, b]: c\n"), 1, 1, "cannot be a key");
        refuse_span(SPAN("? {a: 1}\n: c\n"), 1, 3, "cannot be a key");
        refuse_span(SPAN("a: 1\n---\nb: 2\n"), 2, 1, "second document");
        refuse_span(SPAN("a: \xff\n"), 0, 0, "UTF-8");
        refuse_span(SPAN("a: \"\\0\"\n"), 1, 4, "NUL");
        refuse_span(SPAN("a: !ruby/object:X {}\n"), 1, 4, "tag !ruby/object:X is not supported");
        refuse_span(SPAN("a: !secret x\n"), 1, 4, "tag");
        refuse_span(SPAN("\tb: 1\n"), 0, 0, "");
        refuse_span(SPAN("a: 'never ends\n"), 0, 0, "");
}

static void test_anchors(void **state)
{
        _cleanup_(yaml_freep) struct yaml_node *n =
                read_text("a: &x 1.20\nb: *x\nc: &x two\nd: *x\nl: &l [1]\n");

        (void)state;
        assert_string_equal(yaml_get(n, "b")->text, "1.20");
        assert_string_equal(yaml_get(n, "d")->text, "two");
        refuse_span(SPAN("a: &l {b: *l}\n"), 1, 11, "anchors cannot hold themselves: *l");
        refuse_span(SPAN("- &l [[*l]]\n"), 1, 8, "anchors cannot hold themselves: *l");
        refuse_span(SPAN("a: *nowhere\n"), 1, 4, "no anchor &nowhere");
}

/* Lists and maps are copied; each copy is read, or not, by itself. */
static void test_anchored_collections(void **state)
{
        _cleanup_(yaml_freep) struct yaml_node *n =
                read_text("a: &l [1, {x: &s two}]\nb: *l\nc: [*s, *l]\nd: &l 7\ne: *l\n");
        struct yaml_node *b = yaml_get(n, "b");

        (void)state;
        assert_int_equal(b->n_items, 2);
        assert_string_equal(yaml_get(b->items[1], "x")->text, "two");
        assert_int_equal(b->line, 1); /* where it was written */
        assert_false(yaml_get(n, "a")->items[1]->keys[0]->was_read);
        assert_string_equal(yaml_get(n, "c")->items[0]->text, "two");
        assert_string_equal(yaml_get(n, "e")->text, "7"); /* the last one counts */
}

/* The keys of another map: own ones win, then the first of several. */
static void test_merge_keys(void **state)
{
        _cleanup_(yaml_freep) struct yaml_node *n =
                read_text("base: &m {b: 1, c: 2}\nmore: &n {c: 3, d: 4}\none:\n  <<: *m\n  b: own\n"
                          "both: {<<: [*n, *m], e: 5}\ninline: {<<: &x {y: 1}, y: 2}\nafter: "
                          "*x\n\"<<\": text\n");
        struct yaml_node *both = yaml_get(n, "both");

        (void)state;
        assert_int_equal(yaml_get(n, "one")->n_items, 2);
        assert_string_equal(yaml_get(yaml_get(n, "one"), "b")->text, "own");
        assert_string_equal(yaml_get(yaml_get(n, "one"), "c")->text, "2");
        assert_int_equal(both->n_items, 4);
        assert_string_equal(yaml_get(both, "c")->text, "3");
        assert_string_equal(yaml_get(both, "b")->text, "1");
        assert_string_equal(yaml_get(yaml_get(n, "inline"), "y")->text, "2");
        assert_string_equal(yaml_get(yaml_get(n, "after"), "y")->text, "1");
        assert_string_equal(yaml_get(n, "<<")->text, "text");
        refuse_span(SPAN("a: {<<: text}\n"), 1, 9, "`<<` takes a map");
        refuse_span(SPAN("a: {<<: [{b: 1}, 2]}\n"), 1, 18, "`<<` takes a map");
}

/* What people slip on is said in their words, where it is. */
static void test_slips(void **state)
{
        (void)state;
        refuse_span(SPAN("a: 1\nb: User gets error: invalid id\n"), 2, 19,
                    "put the whole text in quotes");
        refuse_span(SPAN("a:\n\tb: 1\n"), 2, 1, "a tab indents this line");
        refuse_span(SPAN("a:\n  - b\n\t- c\n"), 0, 0, "a tab indents this line");
        refuse_span(SPAN("a: @home\n"), 1, 4, "cannot begin with this character");
        refuse_span(SPAN("a: 1\nb: \"never ends\nc: 2\n"), 2, 4, "the quote that opens here");
        refuse_span(SPAN("a: 1\njust words\nb: 2\n"), 0, 0, "neither `key: value` nor an item");
        refuse_span(SPAN("a:\n  b: 1\n c: 2\n"), 3, 2, "not indented like the keys above");
        refuse_span(SPAN("a: [1, 2\nb: 3\n"), 0, 0, "is missing here");
        refuse_span(SPAN("a: 1\nb: 2\na: 3\n"), 3, 1, "duplicate key `a`, first in line 1");
}

/* "Billion laughs", by collections and by one long scalar. */
static void test_alias_bombs(void **state)
{
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        buf_add_text(&b, "- &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (int i = 1; i < 20; i++)
                buf_printf(&b, "- &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i,
                           i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        refuse_span(buf_span(&b), 5, 36, "anchors copy more than 100000 nodes");
        buf_clear(&b);
        buf_add_text(&b, "- &a0 [x]\n");
        for (int i = 1; i < 100; i++)
                buf_printf(&b, "- &a%d [*a%d]\n", i, i - 1);
        refuse_span(buf_span(&b), 0, 0, "nested more than 64 deep");
        buf_clear(&b);
        buf_add_text(&b, "- &a ");
        for (int i = 0; i < 1 << 20; i++)
                buf_add_char(&b, 'x');
        buf_add_char(&b, '\n');
        for (int i = 0; i < 1000; i++)
                buf_add_text(&b, "- *a\n");
        assert_int_equal(b.failed, 0);
        refuse_span(buf_span(&b), 6, 3, "anchors copy more than");
}

static void test_depth(void **state)
{
        _cleanup_free_ char *bomb = malloc(1 << 20);
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        char text[2 * YAML_MAX_DEPTH + 1] = {0};

        (void)state;
        memset(bomb, '[', 1 << 20);
        refuse_span((struct span){bomb, 1 << 20}, 1, YAML_MAX_DEPTH + 1,
                    "nested more than 64 deep");
        for (int i = 0; i + 2 < 1 << 20; i += 2)
                memcpy(bomb + i, "- ", 2);
        refuse_span((struct span){bomb, 1 << 20}, 1, 2 * YAML_MAX_DEPTH + 1, "nested more than");
        memset(text, '[', YAML_MAX_DEPTH);
        memset(text + YAML_MAX_DEPTH, ']', YAML_MAX_DEPTH);
        n = read_text(text);
        assert_int_equal(n->kind, YAML_LIST);
}

static void test_limits(void **state)
{
        _cleanup_buf_ struct buf b = {0};
        struct yaml_node *n = NULL;
        struct diag diag;

        (void)state;
        assert_int_equal(yaml_read(SPAN("a: 12345"), 7, &n, &diag), CONDITION_REFUSED);
        assert_non_null(strstr(diag.text, "larger than 7 bytes"));
        assert_int_equal(yaml_read(SPAN("a: 1234"), 7, &n, NULL), 0);
        n = yaml_free(n);
        buf_add_char(&b, '[');
        for (unsigned i = 0; i < YAML_MAX_NODES; i++)
                buf_add_text(&b, "1,");
        buf_add_char(&b, ']');
        refuse_span(buf_span(&b), 1, 0 + 2 * (YAML_MAX_NODES - 1) + 2, "more than 1000000 nodes");
}

static void test_empty_documents(void **state)
{
        static const char *const texts[] = {"", "\n", "# only a comment\n", "---\n", "---\n...\n"};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(yaml_freep) struct yaml_node *n = read_text(texts[i]);

                assert_int_equal(n->kind, YAML_MAP);
                assert_int_equal(n->n_items, 0);
        }
}

/* JSON text goes through the same reader, also what only JSON writes. */
static void test_json_is_yaml(void **state)
{
        static const char text[] = "{\"a\":\"x\\/y\\u00e9\\t\",\"b\":[1,2.5,null,true],\"c\":{},\n"
                                   "\t\"d\":\"\\ud83d\\ude00 \\\\ud83d\\ude00\"}";
        static const char expected[] = "{\"a\":\"x/y\xc3\xa9\\t\",\"b\":[1,2.5,null,true],\"c\":{},"
                                       "\"d\":\"\xf0\x9f\x98\x80 \\\\ud83d";
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        _cleanup_json_ json_t *value = NULL;
        _cleanup_free_ char *got = NULL;

        (void)state;
        /* The second pair is an escaped backslash and plain letters; then a lone low surrogate,
         * which is refused. */
        refuse_span(span_of(text), 0, 0, "");
        n = read_text("{\"a\":\"x\\/y\\u00e9\\t\",\"b\":[1,2.5,null,true],\"c\":{},\n"
                      "\t\"d\":\"\\ud83d\\ude00 \\\\ud83d\"}");
        assert_int_equal(yaml_to_json(n, &value), 0);
        got = json_to_text(value);
        assert_memory_equal(got, expected, sizeof(expected) - 1);
}

static void test_types_of_data(void **state)
{
        static const struct {
                const char *yaml, *json;
        } rows[] = {
                {"no", "\"no\""},
                {"yes", "\"yes\""},
                {"on", "\"on\""},
                {"true", "true"},
                {"False", "false"},
                {"tRUE", "\"tRUE\""},
                {"null", "null"},
                {"~", "null"},
                {"\"null\"", "\"null\""},
                {"85", "85"},
                {"-85", "-85"},
                {"+85", "85"},
                {"007", "7"},
                {"0o17", "15"},
                {"0x1F", "31"},
                {"0b11", "\"0b11\""},
                {"1_000", "\"1_000\""},
                {"1:30", "\"1:30\""},
                {"1.20", "1.2"},
                {".5", "0.5"},
                {"5.", "5.0"},
                {"1e3", "1000.0"},
                {"1.5E-2", "0.014999999999999999"},
                {".", "\".\""},
                {"1e", "\"1e\""},
                {"1.2.3", "\"1.2.3\""},
                {"-", "[null]"},
                {".inf", "\".inf\""},
                {".nan", "\".nan\""},
                {"1e999", "\"1e999\""},
                {"9223372036854775807", "9223372036854775807"},
                {"9223372036854775808", "\"9223372036854775808\""},
                {"0xffffffffffffffffff", "\"0xffffffffffffffffff\""},
                {"2001-01-01", "\"2001-01-01\""},
                {"'85'", "\"85\""},
                {"!!str 85", "\"85\""},
                {"! 85", "\"85\""},
                {"[1, {b: 2, a: x}]", "[1,{\"a\":\"x\",\"b\":2}]"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_(yaml_freep) struct yaml_node *n = read_text(rows[i].yaml);
                _cleanup_json_ json_t *value = NULL;
                _cleanup_free_ char *text = NULL;

                assert_int_equal(yaml_to_json(n, &value), 0);
                text = json_to_text(value);
                assert_string_equal(text, rows[i].json);
        }
}

static void test_bool(void **state)
{
        _cleanup_(yaml_freep) struct yaml_node *n =
                read_text("[True, FALSE, yes, 'true', 1, [], ~]");
        bool truth;

        (void)state;
        assert_int_equal(yaml_to_bool(n->items[0], &truth), 0);
        assert_true(truth);
        assert_int_equal(yaml_to_bool(n->items[1], &truth), 0);
        assert_false(truth);
        for (size_t i = 2; i < n->n_items; i++)
                assert_int_equal(yaml_to_bool(n->items[i], &truth), -EINVAL);
        assert_int_equal(yaml_to_bool(NULL, &truth), -EINVAL);
}

static int collect(const char *path, const struct yaml_node *key, void *arg)
{
        return buf_printf(arg, "%s@%u:%u ", path, key->line, key->column);
}

static int stop_at_first(const char *path, const struct yaml_node *key, void *arg)
{
        (void)path;
        (void)key;
        ++*(int *)arg;
        return -ECANCELED;
}

static void test_unread(void **state)
{
        _cleanup_(yaml_freep) struct yaml_node *n = read_text(
                "name: x\nentities:\n- name: A\n- name: B\n  colour: red\nextra:\n  deep: 1\n"
                "kept:\n  any: [{thing: 1}]\n");
        _cleanup_buf_ struct buf b = {0};
        struct yaml_node *entities;
        int n_calls = 0;

        (void)state;
        assert_null(yaml_get(n, "absent"));
        yaml_get(n, "name");
        entities = yaml_get(n, "entities");
        for (size_t i = 0; i < entities->n_items; i++)
                yaml_get(entities->items[i], "name");
        yaml_mark_read(yaml_get(n, "kept"));
        assert_int_equal(yaml_unread(n, collect, &b), 0);
        assert_string_equal(b.at, "entities[1].colour@5:3 extra@6:1 ");
        assert_int_equal(yaml_unread(n, stop_at_first, &n_calls), -ECANCELED);
        assert_int_equal(n_calls, 1);
        assert_int_equal(yaml_unread(NULL, collect, &b), 0);
        assert_null(yaml_get(entities, "list"));
        assert_null(yaml_get(NULL, "x"));
}

static void write_as(const char *json, unsigned indent, const char *yaml)
{
        _cleanup_json_ json_t *value = NULL;
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(json_read(span_of(json), &value, NULL), 0);
        assert_int_equal(yaml_write(value, indent, &b), 0);
        assert_string_equal(b.at, yaml);
}

static void test_write_style(void **state)
{
        (void)state;
        write_as("{\"b\":[{\"name\":\"x\",\"k\":1},{\"name\":\"z\"}],\"a\":{\"c\":[],\"d\":{}}}", 0,
                 "b:\n  - name: x\n    k: 1\n  - name: z\na:\n  c: []\n  d: {}\n");
        write_as("{\"a\":[[1,2],[[\"x\"]]]}", 2, "  a:\n    - - 1\n      - 2\n    - - - x\n");
        write_as("{\"t\":\"one\\ntwo\\n\",\"u\":\"one\\n  two\"}", 0,
                 "t: |\n  one\n  two\nu: |-\n  one\n    two\n");
        write_as("[\"a\\nb\"]", 0, "- |-\n  a\n  b\n");
        write_as("{\"x\":{\"t\":\" lead\\n\\n\\n\"}}", 0, "x:\n  t: |2+\n     lead\n\n\n");
        write_as("\"plain text\"", 0, "plain text\n");
        write_as("\"two\\nlines\"", 0, "\"two\\nlines\"\n");
        write_as("[1.0,0.1,true,null,-7]", 0, "- 1.0\n- 0.1\n- true\n- null\n- -7\n");
}

static void test_write_quotes(void **state)
{
        static const char *const quoted[] = {
                "... more",
                "",
                "no",
                "Yes",
                "ON",
                "y",
                "null",
                "~",
                "true",
                "85",
                "1.20",
                "-1",
                "+1",
                "1e3",
                "0x1f",
                "0o7",
                "1_000",
                "1:30",
                ".5",
                ".inf",
                ".NaN",
                "2001-01-01",
                "2001-01-01T00:00:00Z",
                "- a",
                "-",
                "? a",
                ": a",
                "a: b",
                "a #b",
                "#a",
                "a:",
                " a",
                "a ",
                "[a",
                "{a",
                "*a",
                "&a",
                "!a",
                "|",
                ">",
                "'a'",
                "\"a\"",
                "%a",
                "@a",
                "`a",
                "<<",
                "=",
                "---",
                "...",
                "a\tb",
        };
        static const char *const plain[] = {
                "a",      "a b",         "a:b",
                "a#b",    "GET /orders", "/orders/{id}",
                "string", "x, y",        "it's",
                "a-b",    "3 items",     "v1.20",
                "(a)",    "$HOME",       "gr\xc3\xbc\xc3\x9f",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(quoted); i++) {
                _cleanup_json_ json_t *value = json_string(quoted[i]);
                _cleanup_buf_ struct buf b = {0};

                assert_int_equal(yaml_write(value, 0, &b), 0);
                if (b.at[0] != '"')
                        fail_msg("not quoted: %s", b.at);
        }
        for (size_t i = 0; i < N_ELEMENTS(plain); i++) {
                _cleanup_json_ json_t *value = json_string(plain[i]);
                _cleanup_buf_ struct buf b = {0};

                assert_int_equal(yaml_write(value, 0, &b), 0);
                assert_int_equal(b.n, strlen(plain[i]) + 1);
                assert_memory_equal(b.at, plain[i], strlen(plain[i]));
        }
}

static const char *const pieces[] = {
        "a",
        "b c",
        "\n",
        "\n\n",
        " ",
        "  ",
        "\t",
        "#",
        "- ",
        ": ",
        "|",
        "\"",
        "'",
        "\\",
        "85",
        "no",
        "\xc2\x85",
        "\xe2\x80\xa8",
        "\xef\xbb\xbf",
        "\xc3\xbc",
        "\r",
        "\x7f",
        "\x01",
        "---",
        "{",
        "]",
};

static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

static json_t *random_value(uint32_t *seed, int depth)
{
        _cleanup_buf_ struct buf text = {0};
        json_t *value;
        uint32_t n;

        switch (next_random(seed) % (depth > 0 ? 8 : 6)) {
        case 0:
                return json_integer((json_int_t)next_random(seed) - 1000);
        case 1:
                return json_real((double)next_random(seed) / 1000);
        case 2:
                return next_random(seed) % 2 ? json_true() : json_null();
        case 6:
                value = json_array();
                for (n = next_random(seed) % 4; n > 0; n--)
                        json_array_append_new(value, random_value(seed, depth - 1));
                return value;
        case 7:
                value = json_object();
                for (n = next_random(seed) % 4; n > 0; n--) {
                        buf_clear(&text);
                        buf_printf(&text, "%s%u", pieces[next_random(seed) % N_ELEMENTS(pieces)],
                                   n);
                        json_object_set_new(value, text.at, random_value(seed, depth - 1));
                }
                return value;
        default:
                for (n = next_random(seed) % 7; n > 0; n--)
                        buf_add_text(&text, pieces[next_random(seed) % N_ELEMENTS(pieces)]);
                return json_string(buf_span(&text).at);
        }
}

static void test_write_long_key(void **state)
{
        _cleanup_json_ json_t *inner = json_object(), *outer = json_object(), *back = NULL;
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        _cleanup_buf_ struct buf b = {0};
        char key[3001] = {0};

        (void)state;
        memset(key, 'k', sizeof(key) - 1);
        assert_int_equal(json_put(inner, key, json_integer(1)), 0);
        assert_int_equal(json_put(inner, "short", json_integer(2)), 0);
        assert_int_equal(json_put(outer, key, json_incref(inner)), 0);
        assert_int_equal(yaml_write(outer, 0, &b), 0);
        n = read_text(b.at);
        assert_int_equal(yaml_to_json(n, &back), 0);
        assert_true(json_equal(outer, back));
}

/* Whatever is written reads back as the same data. */
static void test_round_trip(void **state)
{
        uint32_t seed = 1;

        (void)state;
        for (int i = 0; i < 5000; i++) {
                _cleanup_json_ json_t *value = random_value(&seed, 4), *back = NULL;
                _cleanup_(yaml_freep) struct yaml_node *n = NULL;
                _cleanup_buf_ struct buf b = {0};
                struct diag diag = {0};

                assert_int_equal(yaml_write(value, 0, &b), 0);
                if (yaml_read(buf_span(&b), MAX_BYTES, &n, &diag) != 0)
                        fail_msg("%u:%u: %s in\n%s", diag.line, diag.column, diag.text, b.at);
                assert_int_equal(yaml_to_json(n, &back), 0);
                if (!json_equal(value, back)) {
                        _cleanup_free_ char *a = json_to_text(value), *c = json_to_text(back);

                        fail_msg("%s\n%s\n%s", a, c, b.at);
                }
        }
}

static void test_only_some_keys(void **state)
{
        static const char *const wanted[] = {"a", "b"};
        static const struct {
                const char *text;
                size_t n_items; /* read of the map at the top; 0: refused */
        } cases[] = {
                {"a: 1\nb: {c: [2]}\nd: [\n", 2}, /* what follows need not even be YAML */
                {"x: &k {a: 0, b: 0}\nb: *k\na: 1\ny: 2\n", 3},
                {"a: 1\nc: 2\nd: 3\n", 3}, /* one is missing: all is read */
                {"a: 1\nd: [\n", 0},
                {"a: 1\na: 2\nb: 3\n", 3}, /* as far as it was read */
                {"{a: 1, b: 2, c: 3}", 2},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(yaml_freep) struct yaml_node *n = NULL;
                struct diag diag;
                int r = yaml_read_keys(span_of(cases[i].text), MAX_BYTES, wanted,
                                       N_ELEMENTS(wanted), &n, &diag);

                assert_int_equal(r, cases[i].n_items ? 0 : CONDITION_REFUSED);
                if (n && n->n_items != cases[i].n_items)
                        fail_msg("%s: %zu keys", cases[i].text, n->n_items);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scalars_keep_their_text),
                cmocka_unit_test(test_places),
                cmocka_unit_test(test_byte_order_mark),
                cmocka_unit_test(test_refuses),
                cmocka_unit_test(test_anchors),
                cmocka_unit_test(test_anchored_collections),
                cmocka_unit_test(test_merge_keys),
                cmocka_unit_test(test_slips),
                cmocka_unit_test(test_alias_bombs),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_empty_documents),
                cmocka_unit_test(test_json_is_yaml),
                cmocka_unit_test(test_types_of_data),
                cmocka_unit_test(test_bool),
                cmocka_unit_test(test_unread),
                cmocka_unit_test(test_write_style),
                cmocka_unit_test(test_only_some_keys),
                cmocka_unit_test(test_write_quotes),
                cmocka_unit_test(test_write_long_key),
                cmocka_unit_test(test_round_trip),
        };

        return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
