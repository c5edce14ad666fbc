#include "daemon/input/mechanical.h"

#include <ctype.h>
#include <stdio.h>

#include "common/str.h"
#include "common/yaml.h"
#include "daemon/blueprint/regex.h"
#include "daemon/input/analysis.h"
#include "daemon/work/task.h"

#define FIXES_MAX 500u
#define EDITS_PER_FIX 8u
#define VARIABLES_PER_FIX 4u
#define GROUPS_MAX 9u
#define FIXES_MAX_BYTES ((size_t)1 << 20)
#define REPLACED_MAX 1000u /* places of one edit in one file */

enum where { WHERE_LINE, WHERE_ROOT, WHERE_FILE };

struct fix_edit {
        enum where where;
        char *find, *put; /* owned */
        bool is_optional;
};

struct fix {
        char *name; /* owned */
        struct regex files, rule, message, unless;
        struct {
                char *name; /* owned */
                struct regex match;
        } variables[VARIABLES_PER_FIX];
        size_t n_variables;
        struct fix_edit edits[EDITS_PER_FIX];
        size_t n_edits;
};

struct tree_rule {
        enum tree_change may;
        struct regex says, files;
};

struct elsewhere_rule {
        enum repair_reach reach;
        struct regex says, files;
};

struct fixes {
        struct fix *at; /* owned */
        size_t n;
        struct tree_rule *tree; /* owned */
        size_t n_tree;
        struct elsewhere_rule *elsewhere; /* owned */
        size_t n_elsewhere;
};

struct fixes *fixes_free(struct fixes *f)
{
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n; i++) {
                struct fix *x = &f->at[i];

                free(x->name);
                regex_done(&x->files);
                regex_done(&x->rule);
                regex_done(&x->message);
                regex_done(&x->unless);
                for (size_t k = 0; k < x->n_variables; k++) {
                        free(x->variables[k].name);
                        regex_done(&x->variables[k].match);
                }
                for (size_t k = 0; k < x->n_edits; k++) {
                        free(x->edits[k].find);
                        free(x->edits[k].put);
                }
        }
        for (size_t i = 0; i < f->n_tree; i++) {
                regex_done(&f->tree[i].says);
                regex_done(&f->tree[i].files);
        }
        for (size_t i = 0; i < f->n_elsewhere; i++) {
                regex_done(&f->elsewhere[i].says);
                regex_done(&f->elsewhere[i].files);
        }
        free(f->elsewhere);
        free(f->tree);
        free(f->at);
        free(f);
        return NULL;
}

/* ---- reading ---- */

struct parse {
        const char *name;
        struct failure **ret_failure;
};

static int fault(const struct parse *p, const struct yaml_node *at, const char *text)
{
        char where[200];

        snprintf(where, sizeof(where), "%.160s:%u:%u", p->name, at->line, at->column);
        *p->ret_failure = failure_new_at(FAILURE_BAD_BLUEPRINT, where, "%s", text);
        return *p->ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static const char *text_of(struct yaml_node *n, const char *key)
{
        const struct yaml_node *v = n->kind == YAML_MAP ? yaml_get(n, key) : NULL;

        return v && v->kind == YAML_SCALAR ? v->text : NULL;
}

static int compile(const struct parse *p, struct yaml_node *n, const char *key, struct regex *ret)
{
        const char *pattern = text_of(n, key);
        struct diag diag = {0};
        int r = pattern ? regex_new(pattern, PCRE2_UTF, ret, &diag) : 0;

        return r > 0 ? fault(p, yaml_get(n, key), diag.text) : r;
}

static int parse_edit(const struct parse *p, struct yaml_node *n, struct fix *x)
{
        static const char *const places[] = {
                [WHERE_LINE] = "line", [WHERE_ROOT] = "root", [WHERE_FILE] = "file"};
        const char *find = text_of(n, "find"), *put = text_of(n, "put"),
                   *where = text_of(n, "where");
        struct fix_edit *e = &x->edits[x->n_edits];

        if (x->n_edits == EDITS_PER_FIX)
                return fault(p, n, "a fix has too many edits");
        if (!find || !put || strchr(put, '\n'))
                return fault(p, n, "an edit has `find` and `put`, which is one line");
        while (where && e->where < N_ELEMENTS(places) && strcmp(places[e->where], where) != 0)
                e->where++;
        if (e->where == N_ELEMENTS(places))
                return fault(p, n, "`where` is line, root or file");
        (void)!yaml_to_bool(yaml_get(n, "optional"), &e->is_optional);
        x->n_edits++;
        e->find = str_dup_span(span_of(find));
        e->put = str_dup_span(span_of(put));
        return e->find && e->put ? 0 : -ENOMEM;
}

static int parse_variables(const struct parse *p, struct yaml_node *map, struct fix *x)
{
        int r = 0;

        if (!map)
                return 0;
        if (map->kind != YAML_MAP || map->n_items > VARIABLES_PER_FIX)
                return fault(p, map, "`variables` is a small map from names to expressions");
        for (size_t i = 0; i < map->n_items && r == 0; i++) {
                x->variables[i].name = str_dup_span(span_of(map->keys[i]->text));
                x->n_variables++;
                r = x->variables[i].name
                            ? compile(p, map, map->keys[i]->text, &x->variables[i].match)
                            : -ENOMEM;
        }
        return r;
}

static int parse_fix(const struct parse *p, struct yaml_node *n, struct fix *x)
{
        struct yaml_node *edits = yaml_get(n, "edits");
        const char *name = text_of(n, "name");
        int r;

        if (n->kind != YAML_MAP || !name || !text_of(n, "message") || !text_of(n, "files") ||
            !edits || edits->kind != YAML_LIST || edits->n_items == 0)
                return fault(p, n, "a fix has `name`, `files`, `message` and `edits`");
        x->name = str_dup_span(span_of(name));
        r = x->name ? compile(p, n, "files", &x->files) : -ENOMEM;
        r = r ? r : compile(p, n, "rule", &x->rule);
        r = r ? r : compile(p, n, "message", &x->message);
        r = r ? r : compile(p, n, "unless", &x->unless);
        r = r ? r : parse_variables(p, yaml_get(n, "variables"), x);
        for (size_t i = 0; i < edits->n_items && r == 0; i++)
                r = parse_edit(p, edits->items[i], x);
        return r;
}

static int parse_tree(const struct parse *p, struct yaml_node *list, struct fixes *f)
{
        static const enum tree_change changes[] = {TREE_DELETE, TREE_MOVE, TREE_MAKE};
        int r = 0;

        if (!list)
                return 0;
        if (list->kind != YAML_LIST || list->n_items > FIXES_MAX)
                return fault(p, list, "`tree` is a list");
        f->tree = calloc(list->n_items + 1, sizeof(*f->tree));
        if (!f->tree)
                return -ENOMEM;
        for (size_t i = 0; i < list->n_items && r == 0; i++) {
                struct yaml_node *n = list->items[i];
                struct tree_rule *t = &f->tree[f->n_tree++];
                const char *may = text_of(n, "may");

                for (size_t k = 0; k < N_ELEMENTS(changes); k++)
                        if (str_is_equal(may, tree_change_name(changes[k])))
                                t->may = changes[k];
                if (!t->may || !text_of(n, "says"))
                        return fault(p, n, "`may` is delete, move or create, `says` an expression");
                r = compile(p, n, "says", &t->says);
                r = r ? r : compile(p, n, "files", &t->files);
        }
        return r;
}

static int parse_elsewhere(const struct parse *p, struct yaml_node *list, struct fixes *f)
{
        int r = 0;

        if (!list)
                return 0;
        if (list->kind != YAML_LIST || list->n_items > FIXES_MAX)
                return fault(p, list, "`elsewhere` is a list");
        f->elsewhere = calloc(list->n_items + 1, sizeof(*f->elsewhere));
        if (!f->elsewhere)
                return -ENOMEM;
        for (size_t i = 0; i < list->n_items && r == 0; i++) {
                struct yaml_node *n = list->items[i];
                struct elsewhere_rule *e = &f->elsewhere[f->n_elsewhere++];
                const char *where = text_of(n, "where");

                e->reach = str_is_equal(where, "imports") ? REACH_IMPORTS
                           : str_is_equal(where, "file")  ? REACH_FILE
                                                          : REACH_LINE;
                if (e->reach == REACH_LINE || (!text_of(n, "says") && !text_of(n, "files")))
                        return fault(p, n,
                                     "`where` is imports or file; `says` or `files` an expression");
                r = compile(p, n, "says", &e->says);
                r = r ? r : compile(p, n, "files", &e->files);
        }
        return r;
}

int fixes_read(struct span text, const char *name, struct fixes **ret, struct failure **ret_failure)
{
        _cleanup_(fixes_freep) struct fixes *f = calloc(1, sizeof(*f));
        _cleanup_(yaml_freep) struct yaml_node *top = NULL;
        struct parse p = {name, ret_failure};
        struct yaml_node *list, at = {0};
        struct diag diag = {0};
        int r = f ? regex_prepare() : -ENOMEM;

        r = r ? r : yaml_read(text, FIXES_MAX_BYTES, &top, &diag);
        at.line = diag.line;
        at.column = diag.column;
        if (r > 0)
                return fault(&p, &at, diag.text);
        if (r < 0)
                return r;
        list = yaml_get(top, "fixes");
        if (!list || list->kind != YAML_LIST || list->n_items > FIXES_MAX ||
            !str_is_equal(text_of(top, "format"), "1"))
                return fault(&p, top, "`format: 1` and a list `fixes` are wanted");
        f->at = calloc(list->n_items + 1, sizeof(*f->at));
        if (!f->at)
                return -ENOMEM;
        for (size_t i = 0; i < list->n_items && r == 0; i++) {
                f->n++;
                r = parse_fix(&p, list->items[i], &f->at[i]);
        }
        r = r ? r : parse_tree(&p, yaml_get(top, "tree"), f);
        r = r ? r : parse_elsewhere(&p, yaml_get(top, "elsewhere"), f);
        if (r == 0)
                *ret = take(f);
        return r;
}

/* ---- lines ---- */

static struct span line_of(struct span text, unsigned line)
{
        const char *at = text.at, *end = text.at + text.n;

        for (unsigned i = 1; i < line && at < end; i++) {
                const char *lf = memchr(at, '\n', (size_t)(end - at));

                at = lf ? lf + 1 : end;
        }
        if (line == 0 || at == end)
                return (struct span){end, 0};
        text = (struct span){at, (size_t)(end - at)};
        end = memchr(at, '\n', text.n);
        return (struct span){at, end ? (size_t)(end - at) : text.n};
}

unsigned incident_find_line(const struct incident *i, struct span text)
{
        struct span wanted = i->code ? str_trim(span_of(i->code)) : (struct span){0};
        unsigned best = 0, line = 1;

        if (i->line == 0 && wanted.n == 0)
                return 0;
        if (wanted.n == 0) /* nothing to compare with */
                return line_of(text, i->line).n > 0 ? i->line : 0;
        if (span_is_equal(str_trim(line_of(text, i->line)), wanted))
                return i->line;
        for (struct span rest = text; rest.n > 0; line++) {
                const char *lf = memchr(rest.at, '\n', rest.n);
                size_t n = lf ? (size_t)(lf - rest.at) : rest.n;
                unsigned distance = line > i->line ? line - i->line : i->line - line,
                         shortest = best > i->line ? best - i->line : i->line - best;

                if (span_is_equal(str_trim((struct span){rest.at, n}), wanted) &&
                    (best == 0 || distance < shortest))
                        best = line;
                n += lf != NULL;
                rest.at += n;
                rest.n -= n;
        }
        return best;
}

/* The start tag of the first element. */
static struct span root_of(struct span text)
{
        for (const char *at = text.at, *end = text.at + text.n; at < end; at++) {
                char quote = 0;

                at = memchr(at, '<', (size_t)(end - at));
                if (!at)
                        break;
                if ((size_t)(end - at) > 4 && memcmp(at, "<!--", 4) == 0) {
                        at = memmem(at, (size_t)(end - at), "-->", 3);
                        if (!at)
                                break;
                        continue;
                }
                if (at + 1 == end || !(isalpha((unsigned char)at[1]) || at[1] == '_'))
                        continue;
                for (const char *to = at; to < end; to++) {
                        if (quote && *to == quote)
                                quote = 0;
                        else if (!quote && (*to == '"' || *to == '\''))
                                quote = *to;
                        else if (!quote && *to == '>')
                                return (struct span){at, (size_t)(to + 1 - at)};
                }
                break;
        }
        return (struct span){text.at, 0};
}

/* ---- applying ---- */

struct groups {
        struct span at[GROUPS_MAX]; /* borrowed from the finding */
        size_t n;
};

static bool collect(const struct regex *re, const char *text, struct groups *g)
{
        struct regex_match m;

        if (!text || !regex_match(re, span_of(text), 0, &m))
                return false;
        for (unsigned i = 1; i < m.n && g->n < GROUPS_MAX; i++)
                g->at[g->n++] = m.from[i] <= m.to[i]
                                        ? (struct span){text + m.from[i], m.to[i] - m.from[i]}
                                        : (struct span){"", 0};
        return true;
}

static bool fits(const struct fix *x, const char *path, const struct analysis_rule *rule,
                 const struct incident *i, struct groups *g)
{
        g->n = 0;
        if (!regex_is_match(&x->files, span_of(path)) ||
            !regex_is_match(&x->rule, span_of(rule->id)) || !collect(&x->message, i->message, g))
                return false;
        for (size_t k = 0; k < x->n_variables; k++)
                if (!collect(&x->variables[k].match,
                             json_get_text(i->variables, x->variables[k].name), g))
                        return false;
        return true;
}

/* $1 in an expression stands for the very text. */
static int expand(const char *pattern, const struct groups *g, bool is_quoted, struct buf *out)
{
        for (const char *s = pattern; *s; s++) {
                size_t n = s[0] == '$' && s[1] >= '1' && s[1] <= '9' ? (size_t)(s[1] - '0') : 0;

                if (n == 0 || n > g->n) {
                        (void)buf_add_char(out, *s);
                        continue;
                }
                s++;
                for (size_t k = 0; k < g->at[n - 1].n; k++) {
                        char c = g->at[n - 1].at[k];

                        if (is_quoted && !isalnum((unsigned char)c) && (unsigned char)c < 0x80)
                                (void)buf_add_char(out, '\\');
                        (void)buf_add_char(out, c);
                }
        }
        return out->failed;
}

/* \1 of `put` is a group of what was found. */
static void add_put(const char *put, struct span text, const struct regex_match *m, struct buf *out)
{
        for (const char *s = put; *s; s++) {
                unsigned n =
                        s[0] == '\\' && s[1] >= '1' && s[1] <= '9' ? (unsigned)(s[1] - '0') : 0;

                if (n == 0) {
                        (void)buf_add_char(out, *s);
                        continue;
                }
                s++;
                if (n < m->n && m->from[n] <= m->to[n])
                        (void)buf_add(out, text.at + m->from[n], m->to[n] - m->from[n]);
        }
}

/* Replaces within [from, to) of the text; *ret_n: places. */
static int replace(struct buf *text, size_t from, size_t to, const struct regex *find,
                   const char *put, size_t *ret_n)
{
        _cleanup_buf_ struct buf out = {0};
        struct span all = buf_span(text), area = {all.at + from, to - from};
        size_t at = 0, n = 0;
        struct regex_match m;

        while (n < REPLACED_MAX && at <= area.n && regex_match(find, area, at, &m)) {
                if (m.to[0] == m.from[0])
                        break; /* nothing is no place */
                if (n == 0)
                        (void)buf_add(&out, all.at, from);
                (void)buf_add(&out, area.at + at, m.from[0] - at);
                add_put(put, area, &m, &out);
                at = m.to[0];
                n++;
        }
        *ret_n = n;
        if (n == 0)
                return 0;
        (void)buf_add(&out, area.at + at, all.n - from - at);
        if (out.failed)
                return out.failed;
        buf_done(text);
        *text = out;
        out = (struct buf){0};
        return 0;
}

static struct span area_of(const struct fix_edit *e, unsigned line, struct span text)
{
        if (e->where == WHERE_FILE)
                return text;
        return e->where == WHERE_ROOT ? root_of(text) : line_of(text, line);
}

/* Where the line that the analyser saw is gone: does the line of its number say what it should? */
static bool says_already(const struct incident *i, struct span text, const char *put)
{
        struct span line = line_of(text, i->line);

        return *put && !strchr(put, '\\') && line.n > 0 &&
               memmem(line.at, line.n, put, strlen(put)) != NULL;
}

static int apply_edit(const struct fix_edit *e, const struct groups *g, const struct incident *i,
                      unsigned line, struct buf *text, enum fix_outcome *ret)
{
        _cleanup_buf_ struct buf find = {0}, put = {0};
        struct span area = area_of(e, line, buf_span(text));
        size_t from = (size_t)(area.at - text->at), n = 0;
        struct regex re = {0};
        struct diag diag;
        int r = expand(e->find, g, true, &find);

        r = r ? r : expand(e->put, g, false, &put);
        r = r ? r : regex_new(find.at, PCRE2_UTF, &re, &diag);
        if (r)
                return r < 0 ? r : 0; /* the groups made no expression: no fix */
        r = replace(text, from, from + area.n, &re, put.at ? put.at : "", &n);
        regex_done(&re);
        if (n > 0)
                *ret = FIX_DONE;
        else if (e->where == WHERE_LINE ? says_already(i, buf_span(text), put.at ? put.at : "")
                                        : put.n > 0 && memmem(area.at, area.n, put.at, put.n))
                *ret = FIX_THERE;
        return r;
}

static int apply_fix(const struct fix *x, const struct groups *g, const struct incident *i,
                     unsigned at, struct buf *text, enum fix_outcome *ret)
{
        struct span line = line_of(buf_span(text), at);
        _cleanup_buf_ struct buf changed = {0};
        enum fix_outcome all = FIX_THERE;
        int r = 0;

        *ret = FIX_NONE;
        if (x->unless.code && line.n > 0 && regex_is_match(&x->unless, line)) {
                *ret = FIX_FALSE;
                return 0;
        }
        (void)buf_add_span(&changed, buf_span(text));
        if (changed.failed)
                return changed.failed;
        for (size_t k = 0; k < x->n_edits && r == 0; k++) {
                enum fix_outcome one = FIX_NONE;

                r = apply_edit(&x->edits[k], g, i, at, &changed, &one);
                if (one == FIX_NONE && !x->edits[k].is_optional)
                        return r; /* half of a fix is none */
                if (one == FIX_DONE)
                        all = FIX_DONE;
        }
        if (r == 0 && span_is_equal(buf_span(&changed), buf_span(text)))
                all = FIX_THERE; /* what it wants stands there: nothing is repaired by it */
        if (r == 0 && all == FIX_DONE) {
                buf_done(text);
                *text = changed;
                changed = (struct buf){0};
        }
        *ret = r == 0 ? all : FIX_NONE;
        return r;
}

int fixes_apply(const struct fixes *f, const char *path, const struct analysis_rule *rule,
                const struct incident *i, unsigned line, struct buf *text, enum fix_outcome *ret,
                const char **ret_rule)
{
        struct groups g;
        int r = regex_prepare();

        *ret = FIX_NONE;
        for (size_t k = 0; k < f->n && r == 0 && *ret == FIX_NONE; k++)
                if (fits(&f->at[k], path, rule, i, &g)) {
                        r = apply_fix(&f->at[k], &g, i, line, text, ret);
                        *ret_rule = f->at[k].name;
                }
        return r;
}

static bool says(const struct regex *re, const char *text)
{
        return text && *text && regex_is_match(re, span_of(text));
}

unsigned fixes_may(const struct fixes *f, const char *path, const struct analysis_rule *rule,
                   const struct incident *i)
{
        unsigned may = 0;

        if (regex_prepare() < 0)
                return 0;
        for (size_t k = 0; k < f->n_tree; k++) {
                const struct tree_rule *t = &f->tree[k];

                if (regex_is_match(&t->files, span_of(path)) &&
                    (says(&t->says, rule->description) || says(&t->says, i->message)))
                        may |= t->may;
        }
        return may;
}

enum repair_reach fixes_reach(const struct fixes *f, const char *path,
                              const struct analysis_rule *rule, const struct incident *i)
{
        enum repair_reach reach = REACH_LINE;

        if (regex_prepare() < 0)
                return REACH_FILE; /* nothing is refused for want of memory */
        for (size_t k = 0; k < f->n_elsewhere; k++) {
                const struct elsewhere_rule *e = &f->elsewhere[k];

                if (e->reach > reach && regex_is_match(&e->files, span_of(path)) &&
                    (!e->says.code || says(&e->says, rule->description) ||
                     says(&e->says, i->message)))
                        reach = e->reach;
        }
        return reach;
}
