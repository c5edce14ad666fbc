#include "common/yaml.h"

#include <stdio.h>

#include <yaml.h>

#include "common/str.h"

/* A collection that is being read. */
struct level {
        struct yaml_node *node;
        struct yaml_node *key; /* owned until its value comes */
        size_t room;
};

struct reader {
        yaml_parser_t parser;
        struct level levels[YAML_MAX_DEPTH];
        unsigned depth;
        struct yaml_node *root; /* owned */
        size_t n_nodes;
        struct anchor *anchors; /* owned */
        size_t n_anchors;
        size_t copied_bytes, max_bytes; /* by aliases */
        unsigned n_copied;
        struct yaml_node **aside; /* owned: merged maps */
        size_t n_aside;
        struct span text;          /* borrowed: the caller's */
        const char *const *wanted; /* borrowed: all that is read of the map at the top; NULL: all */
        size_t n_wanted;
        struct diag *diag;
};

struct anchor {
        char *name;                   /* owned */
        const struct yaml_node *node; /* borrowed from the tree */
};

#define MAX_ANCHORS 1000 /* looked up one by one */
#define MAX_MERGED 2000  /* keys of a map with `<<`: looked up one by one */

struct yaml_node *yaml_free(struct yaml_node *n)
{
        if (!n)
                return NULL;
        for (size_t i = 0; i < n->n_items; i++) {
                if (n->kind == YAML_MAP)
                        yaml_free(n->keys[i]);
                yaml_free(n->items[i]);
        }
        free(n->keys);
        free(n->items);
        free(n->text);
        free(n);
        return NULL;
}

static int refuse(struct reader *r, yaml_mark_t mark, const char *format, ...) _printf_(3, 4);
static int refuse(struct reader *r, yaml_mark_t mark, const char *format, ...)
{
        va_list args;

        if (!r->diag)
                return CONDITION_REFUSED;
        r->diag->line = (unsigned)mark.line + 1;
        r->diag->column = (unsigned)mark.column + 1;
        va_start(args, format);
        vsnprintf(r->diag->text, sizeof(r->diag->text), format, args);
        va_end(args);
        return CONDITION_REFUSED;
}

#define TAB_HELP "a tab indents this line, a token that YAML does not take: replace it by blanks"

/* What people mean by what libyaml says. */
static const struct {
        const char *problem, *context; /* as libyaml 0.2.5 has them; context NULL: any */
        const char *help;
} helps[] = {
        {"mapping values are not allowed in this context", NULL,
         "`: ` stands inside a text without quotes: put the whole text in quotes"},
        {"found unexpected ':'", NULL,
         "`:` stands inside a text without quotes: put the whole text in quotes"},
        {"found character that cannot start any token", NULL,
         "a text cannot begin with this character, which is a token of YAML: put it in quotes"},
        {"found a tab character that violates indentation", NULL, TAB_HELP},
        {"found a tab character where an indentation space is expected", NULL, TAB_HELP},
        {"found unexpected end of stream", "while scanning a quoted scalar",
         "the quote that opens here is never closed"},
        {"could not find expected ':'", NULL,
         "this line is neither `key: value` nor an item `- …`; a text of several lines stands in "
         "quotes or after `key: |`"},
        {"did not find expected key", "while parsing a block mapping",
         "this line is not indented like the keys above it, or a quote or bracket before it is not "
         "closed (while parsing a map)"},
        {"did not find expected '-' indicator", NULL,
         "this line is not indented like the items above it (while parsing a list)"},
        {"did not find expected ',' or ']'", NULL,
         "`,` or `]` is missing here (while parsing a list in brackets)"},
        {"did not find expected ',' or '}'", NULL,
         "`,` or `}` is missing here (while parsing a map in braces)"},
};

static bool has_tab_indent(struct span text, size_t line)
{
        const char *at = text.at, *end = text.at + text.n;

        for (; line > 0 && at; line--) {
                at = memchr(at, '\n', (size_t)(end - at));
                at = at ? at + 1 : NULL;
        }
        while (at && at < end && *at == ' ')
                at++;
        return at && at < end && *at == '\t';
}

static int refuse_syntax(struct reader *r)
{
        const yaml_parser_t *p = &r->parser;

        if (p->error == YAML_SCANNER_ERROR && has_tab_indent(r->text, p->problem_mark.line))
                return refuse(r, p->problem_mark, TAB_HELP);
        for (size_t i = 0; p->error != YAML_MEMORY_ERROR && i < N_ELEMENTS(helps); i++)
                if (p->problem && strcmp(p->problem, helps[i].problem) == 0 &&
                    (!helps[i].context ||
                     (p->context && strcmp(p->context, helps[i].context) == 0)))
                        return refuse(r,
                                      strstr(helps[i].help, "opens here") ? p->context_mark
                                                                          : p->problem_mark,
                                      "%s", helps[i].help);

        switch (p->error) {
        case YAML_MEMORY_ERROR:
                return -ENOMEM;
        case YAML_READER_ERROR:
                /* The place is a byte offset, which helps nobody; the marks stand where the reader
                 * was. */
                return refuse(r, p->mark, "%s", p->problem);
        default:
                if (p->context)
                        return refuse(r, p->problem_mark, "%s %s", p->problem, p->context);
                return refuse(r, p->problem_mark, "%s", p->problem);
        }
}

static int node_new(struct reader *r, enum yaml_kind kind, yaml_mark_t mark, struct yaml_node **ret)
{
        struct yaml_node *n;

        if (++r->n_nodes > YAML_MAX_NODES)
                return refuse(r, mark, "more than %u nodes", YAML_MAX_NODES);
        n = calloc(1, sizeof(*n));
        if (!n)
                return -ENOMEM;
        n->kind = kind;
        n->line = (unsigned)mark.line + 1;
        n->column = (unsigned)mark.column + 1;
        *ret = n;
        return 0;
}

static int grow(struct level *l)
{
        size_t room = l->room ? l->room * 2 : 4;
        struct yaml_node **at;

        if (l->node->n_items < l->room)
                return 0;
        at = reallocarray(l->node->items, room, sizeof(struct yaml_node *));
        if (!at)
                return -ENOMEM;
        l->node->items = at;
        if (l->node->kind == YAML_MAP) {
                at = reallocarray(l->node->keys, room, sizeof(struct yaml_node *));
                if (!at)
                        return -ENOMEM;
                l->node->keys = at;
        }
        l->room = room;
        return 0;
}

/* Puts a node where it belongs; consumes it only when 0 is returned. */
static int place(struct reader *r, struct yaml_node *n, yaml_mark_t mark)
{
        struct level *l;
        int e;

        if (r->depth == 0) {
                r->root = n;
                return 0;
        }
        l = &r->levels[r->depth - 1];
        if (l->node->kind == YAML_MAP && !l->key) {
                if (n->kind != YAML_SCALAR)
                        return refuse(r, mark, "a list or map cannot be a key here");
                l->key = n;
                return 0;
        }
        e = grow(l);
        if (e < 0)
                return e;
        if (l->node->kind == YAML_MAP)
                l->node->keys[l->node->n_items] = take(l->key);
        l->node->items[l->node->n_items++] = n;
        return 0;
}

static int add_anchor(struct reader *r, const char *name, const struct yaml_node *node,
                      yaml_mark_t mark)
{
        struct anchor *at;

        for (size_t i = 0; i < r->n_anchors; i++) {
                if (strcmp(r->anchors[i].name, name) == 0) {
                        r->anchors[i].node = node; /* YAML: the last one counts */
                        return 0;
                }
        }
        if (r->n_anchors == MAX_ANCHORS)
                return refuse(r, mark, "more than %d anchors", MAX_ANCHORS);
        at = reallocarray(r->anchors, r->n_anchors + 1, sizeof(*at));
        if (!at)
                return -ENOMEM;
        r->anchors = at;
        at[r->n_anchors].node = node;
        at[r->n_anchors].name = str_dup_span(span_of(name));
        if (!at[r->n_anchors].name)
                return -ENOMEM;
        r->n_anchors++;
        return 0;
}

/* Tags of YAML's core schema say nothing that the reader's schema does not know better; others
 * would be lost silently. */
static int check_tag(struct reader *r, const char *tag, yaml_mark_t mark)
{
        if (!tag || strcmp(tag, "!") == 0 || str_has_prefix(tag, "tag:yaml.org,2002:"))
                return 0;
        return refuse(r, mark, "tag %.80s is not supported here", tag);
}

static int read_scalar(struct reader *r, const yaml_event_t *e)
{
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        const char *text = (const char *)e->data.scalar.value;
        const char *tag = (const char *)e->data.scalar.tag;
        const char *anchor = (const char *)e->data.scalar.anchor;
        int q;

        q = check_tag(r, tag, e->start_mark);
        if (q != 0)
                return q;
        if (memchr(text, '\0', e->data.scalar.length))
                return refuse(r, e->start_mark, "a text contains the character NUL");
        q = node_new(r, YAML_SCALAR, e->start_mark, &n);
        if (q != 0)
                return q;
        n->text = str_dup_span((struct span){text, e->data.scalar.length});
        if (!n->text)
                return -ENOMEM;
        n->n_text = e->data.scalar.length;
        n->is_quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
                       (tag && (strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0));
        q = anchor ? add_anchor(r, anchor, n, e->start_mark) : 0;
        if (q != 0)
                return q;
        q = place(r, n, e->start_mark);
        if (q == 0)
                n = NULL;
        return q;
}

/* A copy of a subtree, at most as deep as the tree may still be. */
static int copy_tree(struct reader *r, const struct yaml_node *from, unsigned depth,
                     yaml_mark_t mark, struct yaml_node **ret)
{
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        int q;

        if (depth > YAML_MAX_DEPTH)
                return refuse(r, mark, "nested more than %d deep", YAML_MAX_DEPTH);
        r->copied_bytes += from->n_text;
        if (r->copied_bytes > r->max_bytes)
                return refuse(r, mark, "anchors copy more than %zu bytes", r->max_bytes);
        if (++r->n_copied > YAML_MAX_COPIED)
                return refuse(r, mark, "anchors copy more than %u nodes", YAML_MAX_COPIED);
        q = node_new(r, from->kind, mark, &n);
        if (q != 0)
                return q;
        n->line = from->line; /* what is said about it is said where it was written */
        n->column = from->column;
        n->is_quoted = from->is_quoted;
        if (from->kind == YAML_SCALAR) {
                n->text = str_dup_span((struct span){from->text, from->n_text});
                n->n_text = from->n_text;
                if (!n->text)
                        return -ENOMEM;
        } else if (from->n_items > 0) {
                n->items = calloc(from->n_items, sizeof(struct yaml_node *));
                n->keys = from->kind == YAML_MAP ? calloc(from->n_items, sizeof(struct yaml_node *))
                                                 : NULL;
                if (!n->items || (from->kind == YAML_MAP && !n->keys))
                        return -ENOMEM;
        }
        for (size_t i = 0; i < from->n_items; i++) {
                n->n_items = i + 1; /* yaml_free() takes NULL for what is not there yet */
                q = from->kind == YAML_MAP
                            ? copy_tree(r, from->keys[i], depth + 1, mark, &n->keys[i])
                            : 0;
                if (q == 0)
                        q = copy_tree(r, from->items[i], depth + 1, mark, &n->items[i]);
                if (q != 0)
                        return q;
        }
        *ret = take(n);
        return 0;
}

static bool is_open(const struct reader *r, const struct yaml_node *n)
{
        for (unsigned i = 0; i < r->depth; i++)
                if (r->levels[i].node == n)
                        return true;
        return false;
}

static int read_alias(struct reader *r, const yaml_event_t *e)
{
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        const char *name = (const char *)e->data.alias.anchor;
        const struct yaml_node *from = NULL;
        int q;

        for (size_t i = 0; i < r->n_anchors; i++)
                if (strcmp(r->anchors[i].name, name) == 0)
                        from = r->anchors[i].node;
        if (!from)
                return refuse(r, e->start_mark, "there is no anchor &%.80s", name);
        if (is_open(r, from))
                return refuse(r, e->start_mark, "anchors cannot hold themselves: *%.80s", name);
        q = copy_tree(r, from, r->depth + 1, e->start_mark, &n);
        if (q != 0)
                return q;
        q = place(r, n, e->start_mark);
        if (q == 0)
                n = NULL;
        return q;
}

static int open_level(struct reader *r, enum yaml_kind kind, const yaml_char_t *anchor,
                      const yaml_char_t *tag, yaml_mark_t mark)
{
        struct yaml_node *n = NULL;
        int q;

        if (r->depth == YAML_MAX_DEPTH)
                return refuse(r, mark, "nested more than %d deep", YAML_MAX_DEPTH);
        q = check_tag(r, (const char *)tag, mark);
        if (q != 0)
                return q;
        q = node_new(r, kind, mark, &n);
        if (q != 0)
                return q;
        q = place(r, n, mark);
        if (q != 0) {
                yaml_free(n);
                return q;
        }
        r->levels[r->depth++] = (struct level){.node = n};
        return anchor ? add_anchor(r, (const char *)anchor, n, mark) : 0;
}

static int compare_keys(const void *a, const void *b)
{
        const struct yaml_node *x = *(struct yaml_node *const *)a;
        const struct yaml_node *y = *(struct yaml_node *const *)b;
        int c = strcmp(x->text, y->text);

        if (c != 0)
                return c;
        if (x->line != y->line)
                return x->line < y->line ? -1 : 1;
        return x->column < y->column ? -1 : x->column > y->column;
}

static bool has_key(const struct yaml_node *map, const char *key)
{
        for (size_t i = 0; i < map->n_items; i++)
                if (strcmp(map->keys[i]->text, key) == 0)
                        return true;
        return false;
}

/* Copies what `from` has and the map has not: its own keys win, and of several merged maps the
 * first. */
static int merge_map(struct reader *r, struct level *l, const struct yaml_node *from)
{
        yaml_mark_t mark = {.line = from->line - 1, .column = from->column - 1};

        if (from->kind != YAML_MAP)
                return refuse(r, mark, "`<<` takes a map, or a list of maps");
        for (size_t i = 0; i < from->n_items; i++) {
                _cleanup_(yaml_freep) struct yaml_node *key = NULL, *value = NULL;
                int q;

                if (has_key(l->node, from->keys[i]->text))
                        continue;
                if (l->node->n_items >= MAX_MERGED)
                        return refuse(r, mark, "a map with `<<` has more than %d keys", MAX_MERGED);
                q = copy_tree(r, from->keys[i], r->depth + 1, mark, &key);
                if (q == 0)
                        q = copy_tree(r, from->items[i], r->depth + 1, mark, &value);
                if (q == 0)
                        q = grow(l);
                if (q != 0)
                        return q;
                l->node->keys[l->node->n_items] = take(key);
                l->node->items[l->node->n_items++] = take(value);
        }
        return 0;
}

/* An anchor may still name it: it lives as long as the reading. */
static int set_aside(struct reader *r, struct yaml_node *n)
{
        struct yaml_node **grown =
                reallocarray(r->aside, r->n_aside + 1, sizeof(struct yaml_node *));

        if (!grown)
                return -ENOMEM;
        r->aside = grown;
        r->aside[r->n_aside++] = n;
        return 0;
}

/* `<<: *base` (YAML 1.1's merge key, which people and their tools use): the keys of another map. */
static int merge(struct reader *r, struct level *l)
{
        struct yaml_node *n = l->node, *value;
        size_t at = 0;
        int q;

        while (at < n->n_items && (n->keys[at]->is_quoted || strcmp(n->keys[at]->text, "<<") != 0))
                at++;
        if (at == n->n_items)
                return 0;
        value = n->items[at];
        q = set_aside(r, value);
        if (q < 0)
                return q;
        n->items[at] = NULL; /* yaml_free() takes it */
        q = set_aside(r, n->keys[at]);
        if (q < 0)
                return q;
        n->n_items--;
        memmove(&n->keys[at], &n->keys[at + 1], (n->n_items - at) * sizeof(struct yaml_node *));
        memmove(&n->items[at], &n->items[at + 1], (n->n_items - at) * sizeof(struct yaml_node *));
        if (value->kind != YAML_LIST)
                return merge_map(r, l, value);
        for (size_t i = 0; i < value->n_items; i++) {
                q = merge_map(r, l, value->items[i]);
                if (q != 0)
                        return q;
        }
        return 0;
}

static int close_level(struct reader *r)
{
        struct level *l = &r->levels[--r->depth];
        struct yaml_node *n = l->node;
        _cleanup_free_ struct yaml_node **sorted = NULL;

        if (n->kind != YAML_MAP)
                return 0;
        if (n->n_items < 2)
                return merge(r, l);
        sorted = reallocarray(NULL, n->n_items, sizeof(struct yaml_node *));
        if (!sorted)
                return -ENOMEM;
        memcpy(sorted, n->keys, n->n_items * sizeof(struct yaml_node *));
        qsort(sorted, n->n_items, sizeof(struct yaml_node *), compare_keys);
        for (size_t i = 1; i < n->n_items; i++) {
                if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
                        return refuse(r,
                                      (yaml_mark_t){.line = sorted[i]->line - 1,
                                                    .column = sorted[i]->column - 1},
                                      "duplicate key `%.80s`, first in line %u", sorted[i]->text,
                                      sorted[i - 1]->line);
        }
        return merge(r, l);
}

static int read_event(struct reader *r, const yaml_event_t *e)
{
        switch (e->type) {
        case YAML_DOCUMENT_START_EVENT:
                if (r->root)
                        return refuse(r, e->start_mark, "a second document");
                return 0;
        case YAML_SCALAR_EVENT:
                return read_scalar(r, e);
        case YAML_ALIAS_EVENT:
                return read_alias(r, e);
        case YAML_SEQUENCE_START_EVENT:
                return open_level(r, YAML_LIST, e->data.sequence_start.anchor,
                                  e->data.sequence_start.tag, e->start_mark);
        case YAML_MAPPING_START_EVENT:
                return open_level(r, YAML_MAP, e->data.mapping_start.anchor,
                                  e->data.mapping_start.tag, e->start_mark);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
                return close_level(r);
        default:
                return 0;
        }
}

/* Between two values of the map at the top, with all there that was asked for. */
static bool has_wanted(const struct reader *r)
{
        const struct level *top = &r->levels[0];

        if (!r->wanted || r->depth != 1 || top->node->kind != YAML_MAP || top->key)
                return false;
        for (size_t i = 0; i < r->n_wanted; i++)
                if (!has_key(top->node, r->wanted[i]))
                        return false;
        return true;
}

static int read_events(struct reader *r)
{
        while (!has_wanted(r)) {
                yaml_event_t event;
                yaml_event_type_t type;
                int q;

                if (!yaml_parser_parse(&r->parser, &event))
                        return refuse_syntax(r);
                type = event.type;
                q = read_event(r, &event);
                yaml_event_delete(&event);
                if (q != 0)
                        return q;
                if (type == YAML_STREAM_END_EVENT)
                        return 0;
        }
        return 0;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const char *s)
{
        int32_t value = 0;

        for (int i = 0; i < 4; i++) {
                const char *digits = "0123456789abcdef", *at = strchr(digits, s[i] | 0x20);

                if (s[i] == '\0' || !at)
                        return -1;
                value = value * 16 + (int32_t)(at - digits);
        }
        return value;
}

static void add_utf8(struct buf *b, uint32_t c)
{
        const char bytes[4] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
                               (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))};

        buf_add(b, bytes, sizeof(bytes));
}

/* JSON writes what is beyond U+FFFF as two escapes, which libyaml 0.2.5 refuses; in a text that
 * looks like JSON they become the character itself. Returns whether anything was changed; then b
 * holds the text. */
static bool join_surrogates(struct span text, struct buf *b)
{
        bool is_in_string = false;
        size_t from = 0;

        if (text.n == 0 || (text.at[0] != '{' && text.at[0] != '['))
                return false;
        for (size_t i = 0; i < text.n; i++) {
                int32_t high, low;

                if (text.at[i] == '"')
                        is_in_string = !is_in_string;
                if (text.at[i] != '\\' || !is_in_string)
                        continue;
                i++; /* what is escaped is no quote */
                if (text.n - i < 11 || text.at[i] != 'u' || text.at[i + 5] != '\\' ||
                    text.at[i + 6] != 'u')
                        continue;
                high = hex4(text.at + i + 1);
                low = hex4(text.at + i + 7);
                if (high < 0xd800 || high > 0xdbff || low < 0xdc00 || low > 0xdfff)
                        continue;
                buf_add(b, text.at + from, i - 1 - from);
                add_utf8(b, 0x10000 + (((uint32_t)high & 0x3ff) << 10) + ((uint32_t)low & 0x3ff));
                i += 10;
                from = i + 1;
        }
        if (from == 0)
                return false;
        buf_add(b, text.at + from, text.n - from);
        return true;
}

static void reader_done(struct reader *r)
{
        yaml_parser_delete(&r->parser);
        for (unsigned i = 0; i < r->depth; i++)
                yaml_free(r->levels[i].key);
        for (size_t i = 0; i < r->n_anchors; i++)
                free(r->anchors[i].name);
        free(r->anchors);
        for (size_t i = 0; i < r->n_aside; i++)
                yaml_free(r->aside[i]);
        free(r->aside);
        yaml_free(r->root);
}

int yaml_read(struct span text, size_t max_bytes, struct yaml_node **ret, struct diag *ret_diag)
{
        return yaml_read_keys(text, max_bytes, NULL, 0, ret, ret_diag);
}

int yaml_read_keys(struct span text, size_t max_bytes, const char *const *keys, size_t n_keys,
                   struct yaml_node **ret, struct diag *ret_diag)
{
        _cleanup_(reader_done) struct reader r = {
                .max_bytes = max_bytes, .wanted = keys, .n_wanted = n_keys, .diag = ret_diag};
        _cleanup_buf_ struct buf joined = {0};
        yaml_mark_t start = {0};
        int q;

        if (!yaml_parser_initialize(&r.parser))
                return -ENOMEM;
        if (text.n > max_bytes)
                return refuse(&r, start, "larger than %zu bytes", max_bytes);
        if (text.n >= 3 && memcmp(text.at, "\xEF\xBB\xBF", 3) == 0)
                text = (struct span){text.at + 3, text.n - 3}; /* libyaml takes a byte order mark
                                                                  only where it guesses */
        if (join_surrogates(text, &joined))
                text = buf_span(&joined);
        if (joined.failed)
                return joined.failed;
        r.text = text;
        yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.n ? text.at : ""),
                                     text.n);
        q = read_events(&r);
        if (q != 0)
                return q;
        if (!r.root || (r.root->kind == YAML_SCALAR && yaml_is_null(r.root) && !r.root->n_text)) {
                r.root = yaml_free(r.root);
                q = node_new(&r, YAML_MAP, start, &r.root);
                if (q != 0)
                        return q;
        }
        *ret = take(r.root);
        return 0;
}

struct yaml_node *yaml_get(struct yaml_node *n, const char *key)
{
        if (!n || n->kind != YAML_MAP)
                return NULL;
        for (size_t i = 0; i < n->n_items; i++) {
                if (strcmp(n->keys[i]->text, key) != 0)
                        continue;
                n->keys[i]->was_read = true;
                n->items[i]->was_read = true;
                return n->items[i];
        }
        return NULL;
}

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(text, words[i]) == 0)
                        return true;
        return false;
}

bool yaml_is_null(const struct yaml_node *n)
{
        static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

        if (!n)
                return true;
        return n->kind == YAML_SCALAR && !n->is_quoted &&
               is_one_of(n->text, nulls, N_ELEMENTS(nulls));
}

int yaml_to_bool(const struct yaml_node *n, bool *ret)
{
        static const char *const yes[] = {"true", "True", "TRUE"};
        static const char *const no[] = {"false", "False", "FALSE"};

        if (!n || n->kind != YAML_SCALAR || n->is_quoted)
                return -EINVAL;
        if (is_one_of(n->text, yes, N_ELEMENTS(yes)))
                *ret = true;
        else if (is_one_of(n->text, no, N_ELEMENTS(no)))
                *ret = false;
        else
                return -EINVAL;
        return 0;
}

void yaml_mark_read(struct yaml_node *n)
{
        if (!n)
                return;
        n->was_read = true;
        for (size_t i = 0; i < n->n_items; i++) {
                if (n->kind == YAML_MAP)
                        n->keys[i]->was_read = true;
                yaml_mark_read(n->items[i]);
        }
}

/* Where the walk stands: a path is written only for what is told. */
struct step {
        const struct step *above;
        const struct yaml_node *node;
        size_t at;
};

static void write_path(const struct step *s, struct buf *path)
{
        if (!s)
                return;
        write_path(s->above, path);
        if (s->node->kind == YAML_LIST)
                buf_printf(path, "[%zu]", s->at);
        else
                buf_printf(path, "%s%s", path->n ? "." : "",
                           s->node->keys[s->at]->n_text ? s->node->keys[s->at]->text : "\"\"");
}

static int tell_unread(const struct step *s, yaml_unread_fn *fn, void *arg)
{
        _cleanup_buf_ struct buf path = {0};

        write_path(s, &path);
        return path.failed ? path.failed : fn(path.at, s->node->keys[s->at], arg);
}

static int unread_below(struct yaml_node *n, const struct step *above, yaml_unread_fn *fn,
                        void *arg)
{
        struct step s = {.above = above, .node = n};
        int r = 0;

        for (; s.at < n->n_items && r == 0; s.at++) {
                if (n->kind == YAML_MAP && !n->keys[s.at]->was_read)
                        r = tell_unread(&s, fn, arg);
                else if (n->items[s.at]->n_items > 0)
                        r = unread_below(n->items[s.at], &s, fn, arg);
        }
        return r;
}

int yaml_unread(struct yaml_node *n, yaml_unread_fn *fn, void *arg)
{
        return n ? unread_below(n, NULL, fn, arg) : 0;
}
