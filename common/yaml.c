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
        struct diag *diag;
};

struct anchor {
        char *name;                   /* owned */
        const struct yaml_node *node; /* borrowed from the tree; NULL for a collection */
};

#define MAX_ANCHORS 1000 /* looked up one by one */

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

static int refuse_syntax(struct reader *r)
{
        const yaml_parser_t *p = &r->parser;

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

static int read_alias(struct reader *r, const yaml_event_t *e)
{
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        const char *name = (const char *)e->data.alias.anchor;
        const struct yaml_node *from = NULL;
        bool is_known = false;
        int q;

        for (size_t i = 0; i < r->n_anchors; i++) {
                if (strcmp(r->anchors[i].name, name) == 0) {
                        from = r->anchors[i].node;
                        is_known = true;
                }
        }
        if (!is_known)
                return refuse(r, e->start_mark, "there is no anchor &%.80s", name);
        if (!from)
                return refuse(r, e->start_mark,
                              "anchors are not supported here, except for scalars: *%.80s", name);
        r->copied_bytes += from->n_text;
        if (r->copied_bytes > r->max_bytes)
                return refuse(r, e->start_mark, "aliases copy more than %zu bytes", r->max_bytes);
        q = node_new(r, YAML_SCALAR, e->start_mark, &n);
        if (q != 0)
                return q;
        n->text = str_dup_span((struct span){from->text, from->n_text});
        if (!n->text)
                return -ENOMEM;
        n->n_text = from->n_text;
        n->is_quoted = from->is_quoted;
        q = place(r, n, e->start_mark);
        if (q == 0)
                n = NULL;
        return q;
}

static int open_level(struct reader *r, enum yaml_kind kind, const yaml_char_t *anchor,
                      const yaml_char_t *tag, yaml_mark_t mark)
{
        struct yaml_node *n;
        int q;

        if (r->depth == YAML_MAX_DEPTH)
                return refuse(r, mark, "nested more than %d deep", YAML_MAX_DEPTH);
        q = check_tag(r, (const char *)tag, mark);
        if (q != 0)
                return q;
        q = anchor ? add_anchor(r, (const char *)anchor, NULL, mark) : 0;
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
        return 0;
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

static int close_level(struct reader *r)
{
        struct yaml_node *n = r->levels[--r->depth].node;
        _cleanup_free_ struct yaml_node **sorted = NULL;

        if (n->kind != YAML_MAP || n->n_items < 2)
                return 0;
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
        return 0;
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

static int read_events(struct reader *r)
{
        for (;;) {
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
        yaml_free(r->root);
}

int yaml_read(struct span text, size_t max_bytes, struct yaml_node **ret, struct diag *ret_diag)
{
        _cleanup_(reader_done) struct reader r = {.max_bytes = max_bytes, .diag = ret_diag};
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

static int unread_below(struct yaml_node *n, struct buf *path, yaml_unread_fn *fn, void *arg)
{
        size_t n_path = path->n;

        for (size_t i = 0; i < n->n_items; i++) {
                int r;

                if (n->kind == YAML_LIST)
                        r = buf_printf(path, "[%zu]", i);
                else
                        r = buf_printf(path, "%s%s", n_path ? "." : "",
                                       n->keys[i]->n_text ? n->keys[i]->text : "\"\"");
                if (r < 0)
                        return r;
                if (n->kind == YAML_MAP && !n->keys[i]->was_read)
                        r = fn(path->at, n->keys[i], arg);
                else
                        r = unread_below(n->items[i], path, fn, arg);
                if (r != 0)
                        return r;
                path->n = n_path;
                path->at[n_path] = '\0';
        }
        return 0;
}

int yaml_unread(struct yaml_node *n, yaml_unread_fn *fn, void *arg)
{
        _cleanup_buf_ struct buf path = {0};

        return n ? unread_below(n, &path, fn, arg) : 0;
}
