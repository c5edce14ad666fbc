/* Repairs of findings: at each place a comment that says what was found there, which is what a
 * program that knows no language can do, and shows all that it was told. */

#include <stdio.h>

#include "tests/sim/edits.h"

#define LINES_MAX 20000u
#define SHOWN_BYTES 90

struct lines {
        struct span at[LINES_MAX];
        struct buf *before; /* owned, per line: what goes before it; the last: at the end */
        size_t n;
};

static size_t split(struct span text, struct span *at, size_t max)
{
        size_t n = 0;

        while (text.n && n < max) {
                const char *lf = memchr(text.at, '\n', text.n);
                size_t size = lf ? (size_t)(lf + 1 - text.at) : text.n;

                at[n++] = (struct span){text.at, size};
                text.at += size;
                text.n -= size;
        }
        return n;
}

static bool is_markup(const char *path)
{
        static const char *const endings[] = {".xml", ".html", ".xhtml", ".jsp", ".xsd", ".md"};

        for (size_t i = 0; i < N_ELEMENTS(endings); i++)
                if (str_has_suffix(path, endings[i]))
                        return true;
        return false;
}

/* Where a comment may stand: in markup not inside of a tag. */
static size_t place_of(const struct lines *l, const char *path, size_t line)
{
        size_t i = line;

        if (line == 0 || line > l->n)
                return l->n;
        if (!is_markup(path))
                return line - 1;
        for (i = line - 1; i < l->n; i++) {
                struct span s = l->at[i];

                while (s.n && strchr(" \t\r\n", s.at[s.n - 1]) && s.at[s.n - 1])
                        s.n--;
                if (s.n && s.at[s.n - 1] == '>')
                        return i + 1;
        }
        return l->n;
}

static void add_comment(const char *path, struct yaml_node *finding, struct buf *b)
{
        static const char *const hashes[] = {".properties", ".yaml", ".yml", ".py", ".sh", "file"};
        const char *rule = node_text(finding, "rule"), *message = node_text(finding, "message"),
                   *open = "// ", *close = "";

        for (size_t i = 0; i < N_ELEMENTS(hashes); i++)
                if (str_has_suffix(path, hashes[i]))
                        open = "# ";
        if (is_markup(path)) {
                open = "<!-- ";
                close = " -->";
        }
        buf_printf(b, "%sRepaired: %s", open, rule ? rule : "a finding");
        for (size_t i = 0; message && message[i] && i < SHOWN_BYTES; i++) {
                if (i == 0)
                        buf_add_text(b, ": ");
                /* Nothing that ends a comment. */
                buf_add_char(b, strchr("\n\r-*>", message[i]) ? ' ' : message[i]);
        }
        buf_printf(b, "%s\n", close);
}

static bool is_once(struct span text, struct span part)
{
        size_t n = 0;

        for (size_t i = 0; i + part.n <= text.n && n < 2; i++)
                n += (i == 0 || text.at[i - 1] == '\n') &&
                     memcmp(text.at + i, part.at, part.n) == 0;
        return n == 1;
}

static struct span range(const struct lines *l, size_t from, size_t to)
{
        const char *end = l->at[to - 1].at + l->at[to - 1].n;

        return (struct span){l->at[from].at, (size_t)(end - l->at[from].at)};
}

/* One edit around line i, of as many lines as make it the only such place; its lines are done. */
static size_t write_edit(struct lines *l, struct span text, size_t i, const char *tag,
                         struct buf *b)
{
        size_t from = i < l->n ? i : l->n - 1, to = from + 1;

        while (!is_once(text, range(l, from, to))) {
                if (to < l->n)
                        to++;
                else if (from > 0)
                        from--;
                else
                        break;
        }
        buf_printf(b, "<<<old %s\n", tag);
        buf_add_span(b, range(l, from, to));
        buf_printf(b, "===new %s\n", tag);
        for (size_t k = from; k < to; k++) {
                buf_add_span(b, buf_span(&l->before[k]));
                buf_add_span(b, l->at[k]);
        }
        if (to == l->n)
                buf_add_span(b, buf_span(&l->before[l->n]));
        return to;
}

static void write_edits(struct lines *l, struct span text, const char *tag, struct buf *b)
{
        size_t i = 0;

        while (i <= l->n) {
                size_t next = i + 1;

                if (l->before[i].n > 0)
                        next = write_edit(l, text, i, tag, b);
                i = MAX2(next, i + 1);
                if (i == l->n && l->n > 0 && l->before[l->n].n == 0)
                        break;
        }
}

/* A message that all findings of a rule have stands with the rule. */
static const char *message_of(const struct facts_view *v, struct yaml_node *finding)
{
        const char *own = node_text(finding, "message"), *rule = node_text(finding, "rule");

        for (size_t i = 0; !own && i < v->n_docs; i++) {
                struct yaml_node *rules = yaml_get(v->docs[i], "rules");

                for (size_t k = 0; !own && k < node_size(rules); k++)
                        if (str_is_equal(node_text(node_at(rules, k), "rule"), rule))
                                own = node_text(node_at(rules, k), "message");
        }
        return own;
}

/* Does the task let it, and does a finding say so? *ret_path: what stands in backticks after `to`
 * or `file`, where the finding names a path. */
static bool is_asked(const struct facts_view *v, const char *change, const char *words,
                     char *ret_path, size_t n_path)
{
        struct yaml_node *may = yaml_get(v->task, "may"), *findings = yaml_get(v->task, "findings");
        bool is_let = false;

        for (size_t i = 0; i < node_size(may); i++)
                is_let |= str_is_equal(node_at(may, i)->text, change);
        for (size_t i = 0; is_let && i < node_size(findings); i++) {
                const char *message = message_of(v, node_at(findings, i)),
                           *found = message ? strstr(message, words) : NULL,
                           *open = found ? strchr(found, '`') : NULL;

                if (!found)
                        continue;
                if (ret_path)
                        snprintf(ret_path, n_path, "%.*s", open ? (int)strcspn(open + 1, "`") : 0,
                                 open ? open + 1 : "");
                return true;
        }
        return false;
}

static bool says(const struct facts_view *v, const char *words)
{
        struct yaml_node *findings = yaml_get(v->task, "findings");
        bool is_said = false;

        for (size_t i = 0; i < node_size(findings); i++) {
                const char *message = message_of(v, node_at(findings, i));

                is_said |= message && strstr(message, words);
        }
        return is_said;
}

/* Findings that say that the code is right, left alone as the task tells how. */
static bool write_kept(const struct facts_view *v, struct yaml_node *finding, const char *tag,
                       struct buf *b)
{
        const char *message = message_of(v, finding), *line = node_text(finding, "line");

        if (message && strstr(message, "say nothing")) /* what a careless model leaves out */
                return true;
        if (!message || !strstr(message, "right as it stands"))
                return false;
        if (tag)
                buf_printf(b, "+++keep %s %s %s\nIt does what it should already.\n",
                           line ? line : "0", node_text(finding, "rule"), tag);
        return true;
}

int repair_write(const struct facts_view *v, const struct shown *shown, const char *tag,
                 struct buf *b)
{
        struct yaml_node *findings = yaml_get(v->task, "findings");
        struct span text = {shown->text, shown->n_text};
        struct lines *l = calloc(1, sizeof(*l));
        char path[1100];
        int r;

        if (!l)
                return -ENOMEM;
        if (is_asked(v, "delete", "Remove the file", NULL, 0)) {
                free(l);
                return buf_printf(b, "+++gone %s\n", tag);
        }
        if (says(v, "Remove every line")) { /* what a careless model does */
                free(l);
                return buf_printf(b, "<<<old %s\n%.*s===new %s\n", tag, (int)text.n, text.at, tag);
        }
        if (says(v, "Change the last line")) {
                const char *last = text.n > 1 ? memrchr(text.at, '\n', text.n - 1) : NULL;

                free(l);
                last = last ? last + 1 : text.at;
                return buf_printf(b, "<<<old %s\n%.*s===new %s\n// changed\n%.*s", tag,
                                  (int)(text.at + text.n - last), last, tag,
                                  (int)(text.at + text.n - last), last);
        }
        if (is_asked(v, "move", "Move the file to", path, sizeof(path)))
                buf_printf(b, "+++to %s %s\n", path, tag);
        l->n = split(text, l->at, LINES_MAX);
        l->before = calloc(l->n + 1, sizeof(*l->before));
        for (size_t i = 0; l->before && l->n > 0 && i < node_size(findings); i++) {
                const char *line = node_text(node_at(findings, i), "line");
                uint64_t n = 0;

                if (line && str_to_u64(line, &n) < 0)
                        n = 0;
                if (!write_kept(v, node_at(findings, i), NULL, b))
                        add_comment(shown->path, node_at(findings, i),
                                    &l->before[place_of(l, shown->path, (size_t)n)]);
        }
        if (l->before && l->n > 0)
                write_edits(l, text, tag, b);
        for (size_t i = 0; i < node_size(findings); i++)
                (void)write_kept(v, node_at(findings, i), tag, b);
        if (is_asked(v, "create", "Create the file", path, sizeof(path)))
                buf_printf(b, "+++new %s %s\n# made for %s\n", path, tag, shown->path);
        r = l->before ? b->failed : -ENOMEM;
        for (size_t i = 0; l->before && i <= l->n; i++)
                buf_done(&l->before[i]);
        free(l->before);
        free(l);
        return r;
}
