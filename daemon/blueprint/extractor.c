#include "daemon/blueprint/extractor.h"

#include <ctype.h>
#include <stdio.h>

#include "common/canon.h"

/* Interfaces by rules. The engine knows brackets, strings, comments and lines; everything else is
 * in the blueprint:
 *
 *     line_comment, block_comment [open, close]   taken out
 *     strings       delimiters with \ escapes, which end on their line
 *     raw_strings   without escapes, over lines
 *     keep          rules in the order of the interface, each
 *                   {match, member?, drop_body?, only_used?, cut?, put?}
 *
 * A text is cut into statements: what stands between line breaks (or semicolons) outside of all
 * brackets. Blanks are made one form, so that layout and comments make no difference. The first
 * rule whose `match` matches a statement keeps it, others are dropped.
 *
 *     drop_body   keeps what stands before the last {…} of the statement
 *     member      keeps only those lines of the first (…) or {…} that match; an empty (…) falls out
 *                 whole
 *     only_used   each member on its own, if its first group (else its second) is used as NAME. in
 *                 what is kept
 *     cut, put    what matches `cut` is replaced by `put`, in the statement or in each member
 *
 * Kept statements stand in the order of their rules, those of one rule by text: their order in the
 * file makes no difference. */

#define N_KEYS_V1 6 /* keys of a rule that the first version hashed, also where they are absent */

struct extractor *extractor_free(struct extractor *e)
{
        if (!e)
                return NULL;
        for (size_t i = 0; i < e->n_rules; i++) {
                regex_done(&e->rules[i].match);
                regex_done(&e->rules[i].member);
                regex_done(&e->rules[i].cut);
                regex_done(&e->rules[i].each);
                free(e->rules[i].put);
        }
        free(e->rules);
        free(e->name);
        free(e->line_comment);
        free(e->block_open);
        free(e->block_close);
        strlist_done(&e->strings);
        strlist_done(&e->raw_strings);
        strlist_done(&e->long_strings);
        regex_done(&e->heads);
        free(e);
        return NULL;
}

const char *extractor_name(const struct extractor *e)
{
        return e->name;
}

void extractor_hash(const struct extractor *e, struct hash *ret)
{
        *ret = e->hash;
}

static void parse_rules(struct parse *p, struct yaml_node *list, struct extractor *e,
                        struct canon *c)
{
        static const char *const keys[] = {"match",     "member",    "cut", "put",
                                           "drop_body", "only_used", "each"};

        if (!list || !(e->rules = parse_array(p, list->n_items, sizeof(*e->rules))))
                return;
        e->n_rules = list->n_items;
        for (size_t i = 0; i < list->n_items; i++) {
                struct yaml_node *item = list->items[i];
                struct keep_rule *rule = &e->rules[i];

                if (item->kind != YAML_MAP) {
                        parse_fault(p, item, "an item of `keep` must be a map {match, …}");
                        continue;
                }
                (void)parse_get(p, item, "match", YAML_SCALAR, true);
                parse_regex(p, item, "match", 0, &rule->match);
                parse_regex(p, item, "member", 0, &rule->member);
                parse_regex(p, item, "cut", 0, &rule->cut);
                parse_regex(p, item, "each", 0, &rule->each);
                rule->put = parse_text(p, item, "put", false);
                rule->drop_body = parse_bool(p, item, "drop_body");
                rule->only_used = parse_bool(p, item, "only_used");
                if (rule->only_used && !rule->member.code)
                        parse_fault(p, item,
                                    "`only_used` needs `member`, whose first or second group is "
                                    "the name");
                for (size_t k = 0; k < N_ELEMENTS(keys); k++) {
                        const struct yaml_node *value = yaml_get(item, keys[k]);

                        if (value || k < N_KEYS_V1)
                                canon_add_text(c, (uint16_t)(10 + k),
                                               value && value->kind == YAML_SCALAR ? value->text
                                                                                   : NULL);
                }
        }
}

int extractor_parse(struct parse *p, const char *name, struct yaml_node *n, struct extractor **ret)
{
        static const char *const blocks[] = {"braces", "indent"};
        struct extractor *e;
        struct strlist block = {0};
        struct canon *c;
        int r;

        if (n->kind != YAML_MAP) {
                parse_fault(p, n, "an extractor must be a map");
                return CONDITION_REFUSED;
        }
        r = canon_new(INTERFACE_VERSION, &c);
        if (r < 0)
                return r;
        e = calloc(1, sizeof(*e));
        if (!e) {
                canon_free(c);
                return -ENOMEM;
        }
        e->name = str_dup_span(span_of(name));
        e->line_comment = parse_text(p, n, "line_comment", false);
        parse_texts(p, n, "block_comment", &block);
        if (block.n == 2) {
                e->block_open = take(block.at[0]);
                e->block_close = take(block.at[1]);
        } else if (block.n != 0) {
                parse_fault(p, n, "`block_comment` must be a list of two: [open, close]");
        }
        parse_texts(p, n, "strings", &e->strings);
        parse_texts(p, n, "raw_strings", &e->raw_strings);
        parse_texts(p, n, "long_strings", &e->long_strings);
        e->is_indented = parse_word(p, n, "blocks", blocks, N_ELEMENTS(blocks), 0) == 1;
        parse_regex(p, n, "heads", 0, &e->heads);
        for (size_t i = 0; i < e->strings.n; i++)
                canon_add_text(c, 1, e->strings.at[i]);
        for (size_t i = 0; i < e->raw_strings.n; i++)
                canon_add_text(c, 2, e->raw_strings.at[i]);
        for (size_t i = 0; i < e->long_strings.n; i++)
                canon_add_text(c, 6, e->long_strings.at[i]);
        if (e->is_indented)
                canon_add_text(c, 7, blocks[1]);
        if (e->heads.code)
                canon_add_text(c, 8, yaml_get(n, "heads")->text);
        canon_add_text(c, 3, e->line_comment);
        canon_add_text(c, 4, e->block_open);
        canon_add_text(c, 5, e->block_close);
        parse_rules(p, parse_get(p, n, "keep", YAML_LIST, true), e, c);
        canon_get(c, &e->hash);
        canon_free(c);
        for (size_t i = 0; i < block.n; i++)
                free(block.at[i]);
        free(block.at);
        if (!e->name) {
                extractor_free(e);
                return -ENOMEM;
        }
        *ret = e;
        return 0;
}

/* A statement in the normalised text. Offsets of brackets at depth 0; 0: none. */
struct statement {
        size_t from, to;
        size_t group; /* first ( or { that is followed by a line break or is a { */
        size_t body;  /* last { */
        size_t rule;
};

struct scan {
        const struct extractor *e;
        struct buf norm;
        struct statement *at; /* owned */
        size_t n, room;
        struct statement current;
        unsigned depth;
        int error;
};

static size_t starts_with(struct span text, const char *word)
{
        size_t n = word ? strlen(word) : 0;

        return n > 0 && text.n >= n && memcmp(text.at, word, n) == 0 ? n : 0;
}

/* Bytes of the string that begins at text, or 0. */
size_t extractor_string_at(const struct extractor *e, struct span text)
{
        for (size_t k = 0; k < e->long_strings.n; k++) {
                size_t n = starts_with(text, e->long_strings.at[k]);

                for (size_t i = n; n > 0 && i < text.n; i++)
                        if (text.at[i] == '\\')
                                i++;
                        else if (starts_with((struct span){text.at + i, text.n - i},
                                             e->long_strings.at[k]))
                                return i + n;
                if (n > 0)
                        return text.n;
        }
        for (size_t k = 0; k < e->raw_strings.n; k++) {
                const char *close;
                size_t n = starts_with(text, e->raw_strings.at[k]);

                if (n == 0)
                        continue;
                close = memmem(text.at + n, text.n - n, e->raw_strings.at[k], n);
                return close ? (size_t)(close - text.at) + n : text.n;
        }
        for (size_t k = 0; k < e->strings.n; k++) {
                size_t n = starts_with(text, e->strings.at[k]);

                if (n == 0)
                        continue;
                for (size_t i = n; i < text.n; i++) {
                        if (text.at[i] == '\\' && i + 1 < text.n)
                                i++;
                        else if (text.at[i] == '\n')
                                return i;
                        else if (starts_with((struct span){text.at + i, text.n - i},
                                             e->strings.at[k]))
                                return i + n;
                }
                return text.n;
        }
        return 0;
}

/* Bytes of the comment that begins at text, or 0; a line's break stays. */
size_t extractor_comment_at(const struct extractor *e, struct span text)
{
        const char *close;

        if (starts_with(text, e->line_comment)) {
                close = memchr(text.at, '\n', text.n);
                return close ? (size_t)(close - text.at) : text.n;
        }
        if (!starts_with(text, e->block_open))
                return 0;
        close = memmem(text.at, text.n, e->block_close, strlen(e->block_close));
        return close ? (size_t)(close - text.at) + strlen(e->block_close) : text.n;
}

static void end_statement(struct scan *s)
{
        while (s->norm.n > s->current.from && isspace((unsigned char)s->norm.at[s->norm.n - 1]))
                s->norm.at[--s->norm.n] = '\0';
        if (s->norm.n > s->current.from && s->error == 0) {
                if (s->n == s->room) {
                        struct statement *grown =
                                reallocarray(s->at, s->room * 2 + 64, sizeof(*grown));

                        if (!grown) {
                                s->error = -ENOMEM;
                                return;
                        }
                        s->at = grown;
                        s->room = s->room * 2 + 64;
                }
                s->current.to = s->norm.n;
                s->at[s->n++] = s->current;
        }
        (void)buf_add_char(&s->norm, '\n');
        s->current = (struct statement){.from = s->norm.n};
}

/* Adds one character of code in its normal form; blanks were made one ' ' or '\n'. */
static void add_code(struct scan *s, char c)
{
        char last = s->norm.n > s->current.from ? s->norm.at[s->norm.n - 1] : '\n';

        if (c == ' ' && (last == ' ' || last == '\n' || last == '(' || last == '['))
                return;
        if (c == '\n' && last == '\n')
                return;
        if ((c == ')' || c == ']' || c == ',' || c == '\n') && last == ' ')
                s->norm.at[--s->norm.n] = '\0';
        else if (c == '{' && last == ')')
                (void)buf_add_char(&s->norm, ' ');
        else if (last == ',' && c != ' ' && c != '\n')
                (void)buf_add_char(&s->norm, ' ');
        (void)buf_add_char(&s->norm, c);
}

static void scan_code(struct scan *s, char c)
{
        if (s->depth == 0 && (c == '\n' || c == ';')) {
                end_statement(s);
                return;
        }
        if (c == '(' || c == '[' || c == '{') {
                add_code(s, c);
                if (s->depth++ == 0 && c == '{')
                        s->current.body = s->norm.n - 1;
                if (s->depth == 1 && c != '[' && !s->current.group)
                        s->current.group = s->norm.n - 1;
                return;
        }
        if ((c == ')' || c == ']' || c == '}') && s->depth > 0)
                s->depth--;
        add_code(s, c == ';' ? '\n' : isspace((unsigned char)c) && c != '\n' ? ' ' : c);
}

static int scan_text(struct scan *s, struct span text)
{
        while (text.n > 0 && s->error == 0) {
                size_t n = extractor_comment_at(s->e, text);

                if (n > 0) {
                        add_code(s, ' ');
                } else if ((n = extractor_string_at(s->e, text)) > 0) {
                        if (s->norm.n > s->current.from && s->norm.at[s->norm.n - 1] == ',')
                                (void)buf_add_char(&s->norm, ' ');
                        (void)buf_add(&s->norm, text.at, n);
                } else {
                        n = 1;
                        if (*text.at != '\r')
                                scan_code(s, *text.at);
                }
                text.at += n;
                text.n -= n;
        }
        end_statement(s);
        return s->error ? s->error : s->norm.failed;
}

/* A head over several lines becomes one: `(\n a int,\n b int,\n)` is `(a int, b int)`. */
static void add_flat(struct buf *out, struct span text)
{
        for (size_t i = 0; i < text.n; i++) {
                char last = out->n > 0 ? out->at[out->n - 1] : '\n',
                     next = i + 1 < text.n ? text.at[i + 1] : '\0';

                if (text.at[i] != '\n') {
                        (void)buf_add_char(out, text.at[i]);
                        continue;
                }
                if (next == ')' && last == ',')
                        out->at[--out->n] = '\0';
                else if (next != ')' && last != '(' && last != ' ')
                        (void)buf_add_char(out, ' ');
        }
}

int extractor_add_cut(const struct keep_rule *rule, struct span text, struct buf *out)
{
        struct regex_match m;

        if (!rule->cut.code || !regex_match(&rule->cut, text, 0, &m))
                return buf_add_span(out, text);
        (void)buf_add(out, text.at, m.from[0]);
        (void)buf_add_text(out, rule->put ? rule->put : "");
        return buf_add(out, text.at + m.to[0], text.n - m.to[0]);
}

/* With the parts that `cut` matches replaced; on lines of their depth. */
static void add_kept(struct buf *out, const struct extractor *e, const struct keep_rule *rule,
                     struct span text, unsigned depth)
{
        _cleanup_buf_ struct buf changed = {0};

        if (rule->cut.code) {
                if (extractor_add_cut(rule, text, &changed) < 0)
                        out->failed = changed.failed;
                text = buf_span(&changed);
        }
        for (size_t i = 0; i < text.n; i++) {
                char c = text.at[i], next = i + 1 < text.n ? text.at[i + 1] : '\0';
                size_t n = extractor_string_at(e, (struct span){text.at + i, text.n - i});

                if (n > 0) {
                        (void)buf_add(out, text.at + i, n);
                        i += n - 1;
                        continue;
                }
                if (c == '(' || c == '[' || c == '{')
                        depth++;
                if ((c == ')' || c == ']' || c == '}') && depth > 0)
                        depth--;
                (void)buf_add_char(out, c);
                if (c == '\n') {
                        unsigned tabs =
                                depth -
                                ((next == ')' || next == ']' || next == '}') && depth > 0 ? 1 : 0);

                        while (tabs-- > 0)
                                (void)buf_add_char(out, '\t');
                }
        }
}

/* Calls fn for each line of the group that begins at `group`, nested groups whole. */
static int each_member(const struct extractor *e, struct span statement, size_t group,
                       int (*fn)(struct span member, void *arg), void *arg)
{
        unsigned depth = 1;
        size_t from = group + 1;

        for (size_t i = group + 1; i < statement.n; i++) {
                char c = statement.at[i];
                size_t n = extractor_string_at(e, (struct span){statement.at + i, statement.n - i});

                if (n > 0) {
                        i += n - 1;
                        continue;
                }
                if (c == '(' || c == '[' || c == '{')
                        depth++;
                else if (c == ')' || c == ']' || c == '}')
                        depth--;
                if (depth == 0 || (depth == 1 && c == '\n')) {
                        struct span member = str_trim((struct span){statement.at + from, i - from});
                        int r = member.n > 0 ? fn(member, arg) : 0;

                        if (r != 0 || depth == 0)
                                return r;
                        from = i + 1;
                }
        }
        return 0;
}

struct member_sink {
        const struct extractor *e;
        const struct keep_rule *rule;
        struct buf *out;
        size_t n;
};

static int keep_member(struct span member, void *arg)
{
        struct member_sink *sink = arg;

        if (!regex_is_match(&sink->rule->member, member))
                return 0;
        (void)buf_add_text(sink->out, "\n\t");
        add_kept(sink->out, sink->e, sink->rule, member, 1);
        sink->n++;
        return sink->out->failed;
}

static int write_statement(const struct scan *s, const struct statement *st, struct buf *out)
{
        const struct keep_rule *rule = &s->e->rules[st->rule];
        struct span text = {s->norm.at + st->from, st->to - st->from};
        size_t start = out->n, group = st->group ? st->group - st->from : 0;
        struct member_sink sink = {s->e, rule, out, 0};
        int r;

        if (rule->drop_body && st->body) {
                text.n = st->body - st->from;
                while (text.n > 0 && isspace((unsigned char)text.at[text.n - 1]))
                        text.n--;
        }
        if (rule->drop_body) {
                add_flat(out, text);
                return out->failed;
        }
        if (!rule->member.code || !group) {
                add_kept(out, s->e, rule, text, 0);
                return out->failed;
        }
        (void)buf_add(out, text.at, group + 1);
        r = each_member(s->e, text, group, keep_member, &sink);
        if (r < 0)
                return r;
        if (sink.n == 0 && text.at[group] == '(') {
                out->n = start;
                return out->failed;
        }
        (void)buf_printf(out, "%s%c", sink.n ? "\n" : "", text.at[group] == '(' ? ')' : '}');
        return out->failed;
}

struct used_sink {
        const struct keep_rule *rule;
        struct span kept; /* all that is kept otherwise */
        struct strlist *lines;
        const char *prefix;
        size_t n_prefix;
};

static bool is_used(struct span kept, struct span name)
{
        const char *at = kept.at, *end = kept.at + kept.n;

        while (name.n > 0 && (at = memmem(at, (size_t)(end - at), name.at, name.n))) {
                bool is_start = at == kept.at ||
                                !(isalnum((unsigned char)at[-1]) || at[-1] == '_' || at[-1] == '.');

                if (is_start && at + name.n < end && at[name.n] == '.')
                        return true;
                at += name.n;
        }
        return false;
}

static int keep_used(struct span member, void *arg)
{
        struct used_sink *sink = arg;
        struct regex_match m;
        unsigned group;
        _cleanup_free_ char *line = NULL;

        if (!regex_match(&sink->rule->member, member, 0, &m))
                return 0;
        group = m.from[1] <= m.to[1] ? 1 : 2;
        if (m.from[group] > m.to[group] ||
            !is_used(sink->kept,
                     (struct span){member.at + m.from[group], m.to[group] - m.from[group]}))
                return 0;
        line = str_printf("%.*s%.*s", (int)sink->n_prefix, sink->prefix, (int)member.n, member.at);
        return line ? strlist_add(sink->lines, line) : -ENOMEM;
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What the rules keep, as lines by rule. `kept` is what the others keep, for only_used. */
static int collect(const struct scan *s, size_t rule, struct span kept, struct strlist *lines)
{
        const struct keep_rule *k = &s->e->rules[rule];
        int r = 0;

        for (size_t i = 0; i < s->n && r == 0; i++) {
                const struct statement *st = &s->at[i];
                struct span text = {s->norm.at + st->from, st->to - st->from};
                _cleanup_buf_ struct buf b = {0};

                if (st->rule != rule)
                        continue;
                if (k->only_used) {
                        /* "import (" and "import x": the word before the group or name is repeated
                         * on each line */
                        const char *blank = memchr(text.at, ' ', text.n);
                        struct used_sink sink = {k, kept, lines, text.at,
                                                 blank ? (size_t)(blank - text.at) + 1 : 0};

                        if (st->group) {
                                r = each_member(s->e, text, st->group - st->from, keep_used, &sink);
                        } else {
                                text.at += sink.n_prefix;
                                text.n -= sink.n_prefix;
                                r = keep_used(text, &sink);
                        }
                        continue;
                }
                r = write_statement(s, st, &b);
                if (r == 0 && b.n > 0)
                        r = strlist_add_span(lines, buf_span(&b));
        }
        return r;
}

int extractor_write_sorted(struct strlist *by_rule, size_t n_rules, struct buf *out)
{
        int r = 0;

        for (size_t i = 0; i < n_rules; i++) {
                if (by_rule[i].n > 1)
                        qsort(by_rule[i].at, by_rule[i].n, sizeof(char *), compare_texts);
                for (size_t k = 0; k < by_rule[i].n && r == 0; k++)
                        r = buf_printf(out, "%s\n", by_rule[i].at[k]);
        }
        return r;
}

static int write_interface(struct scan *s, struct buf *out)
{
        const struct extractor *e = s->e;
        struct strlist *by_rule = calloc(e->n_rules + 1, sizeof(*by_rule));
        _cleanup_buf_ struct buf kept = {0};
        int r = 0;

        if (!by_rule)
                return -ENOMEM;
        for (size_t pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < e->n_rules && r == 0; i++) {
                        if (e->rules[i].only_used != (pass == 1))
                                continue;
                        r = collect(s, i, buf_span(&kept), &by_rule[i]);
                        for (size_t k = 0; pass == 0 && k < by_rule[i].n; k++)
                                (void)buf_printf(&kept, "%s\n", by_rule[i].at[k]);
                }
        if (r == 0)
                r = extractor_write_sorted(by_rule, e->n_rules, out);
        for (size_t i = 0; i < e->n_rules; i++)
                strlist_done(&by_rule[i]);
        free(by_rule);
        return r < 0 ? r : kept.failed;
}

int extractor_run(const struct extractor *e, struct span text, struct buf *out)
{
        struct scan s = {.e = e};
        size_t start = out->n;
        int r;

        if (!e || !str_is_utf8(text))
                return buf_add_span(out, text);
        r = regex_prepare();
        if (r == 0 && e->is_indented) {
                r = extractor_run_indented(e, text, out);
                return r == 0 && out->n == start ? buf_add_span(out, text) : r;
        }
        if (r == 0)
                r = scan_text(&s, text);
        for (size_t i = 0; i < s.n && r == 0; i++) {
                struct span statement = {s.norm.at + s.at[i].from, s.at[i].to - s.at[i].from};

                s.at[i].rule = e->n_rules;
                for (size_t k = 0; k < e->n_rules && s.at[i].rule == e->n_rules; k++)
                        if (regex_is_match(&e->rules[k].match, statement))
                                s.at[i].rule = k;
        }
        if (r == 0)
                r = write_interface(&s, out);
        if (r == 0 && out->n == start)
                r = buf_add_span(out, text);
        buf_done(&s.norm);
        free(s.at);
        return r;
}
