/* Repairs as one HTML page: what was found, what became of it, and every change as a diff. No
 * script, no font, no picture of anybody else's; everything that did not stand in this file is
 * escaped. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "client/files/changes.h"
#include "client/files/patch.h"
#include "client/view/figures.h"
#include "client/view/format.h"
#include "common/path.h"
#include "common/str.h"

static const char style[] =
        ":root{--bg:#fff;--fg:#1c2330;--dim:#67707f;--line:#e3e6ec;--card:#f6f7f9;--in:#e5f5ea;"
        "--out:#fbe9e7;--warn:#9a5b00}"
        "@media(prefers-color-scheme:dark){:root{--bg:#14171d;--fg:#e6e9ef;--dim:#98a1b0;"
        "--line:#2b303a;--card:#1d2129;--in:#16331f;--out:#3d1f1b;--warn:#e0a03a}}"
        "*{box-sizing:border-box}body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:72rem;"
        "background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}"
        "h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}"
        ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.8rem;"
        "margin:1.2rem 0}.card{background:var(--card);border-radius:8px;padding:.7rem 1rem}"
        ".card b{display:block;font-size:1.4rem;font-weight:600}.card span,small{color:var(--dim);"
        "font-size:.88em}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
        "th,td{padding:.2rem 1.2rem .2rem 0;text-align:left;border-bottom:1px solid var(--line)}"
        "th{color:var(--dim);font-weight:500;font-size:.88em}td.n{text-align:right}"
        "summary{cursor:pointer;padding:.4rem 0;border-bottom:1px solid var(--line);"
        "overflow-wrap:anywhere}summary em{color:var(--warn);font-style:normal}"
        "code{font-family:ui-monospace,monospace;font-size:.92em}"
        "pre{overflow-x:auto;font:12.5px/1.45 ui-monospace,monospace;margin:.6rem 0 1.4rem}"
        "pre b,pre s,pre i{display:block;font-weight:400;text-decoration:none;font-style:normal;"
        "min-width:max-content}"
        "pre b{background:var(--in)}pre s{background:var(--out)}pre i{color:var(--dim)}";

static void add_escaped(struct buf *b, struct span text)
{
        for (size_t i = 0; i < text.n; i++) {
                unsigned char c = (unsigned char)text.at[i];
                size_t n = str_turn_length((struct span){text.at + i, text.n - i});

                if (n > 0) {
                        (void)buf_add_char(b, '?');
                        i += n - 1;
                        continue;
                }
                if (c == '&')
                        (void)buf_add_text(b, "&amp;");
                else if (c == '<')
                        (void)buf_add_text(b, "&lt;");
                else if (c == '>')
                        (void)buf_add_text(b, "&gt;");
                else
                        (void)buf_add_char(b, (char)(c < ' ' && c != '\t' ? '?' : c));
        }
}

static void add_text(struct buf *b, const char *text)
{
        add_escaped(b, span_of(text ? text : ""));
}

/* ---- what it came to ---- */

static void add_card(struct buf *b, const char *value, const char *words)
{
        (void)buf_printf(b, "<div class=card><b>%s</b><span>%s</span></div>", value, words);
}

static void add_cards(struct buf *b, const json_t *summary, const struct figures *f)
{
        char text[FORMAT_BYTES], words[200];

        (void)buf_add_text(b, "<div class=cards>");
        snprintf(words, sizeof(words), "of %" PRIu64 " findings repaired", f->n_total);
        add_card(b, format_count(f->n_repaired, text), words);
        if (f->per_minute > 0)
                add_card(b, format_count(f->per_minute, text), "findings a minute");
        snprintf(words, sizeof(words), "model call%s, %" PRIu64 ".%02" PRIu64 " files each",
                 progress_number(summary, "calls") == 1 ? "" : "s", f->hundredths_files / 100,
                 f->hundredths_files % 100);
        add_card(b, format_count(progress_number(summary, "calls"), text), words);
        (void)format_money(f->nanousd_each, text);
        if (f->n_repaired > 0)
                snprintf(words, sizeof(words), "spent, %s for each finding repaired", text);
        else
                snprintf(words, sizeof(words), "spent");
        add_card(b, format_money(progress_number(summary, "nanousd"), text), words);
        (void)buf_add_text(b, "</div>\n");
}

/* share: NULL: it is a part of nothing. */
static void add_row(struct buf *b, const char *words, uint64_t n, const unsigned *share)
{
        if (n == 0)
                return;
        (void)buf_printf(b, "<tr><td>%s<td class=n>%" PRIu64, words, n);
        (void)buf_add_text(b, "<td class=n>");
        if (share)
                (void)buf_printf(b, "%u %%", *share);
        (void)buf_add_char(b, '\n');
}

static void add_sources(struct buf *b, const json_t *findings, const struct figures *f)
{
        unsigned shares[N_SOURCES];

        format_shares(f->by, N_SOURCES, shares);
        (void)buf_add_text(b, "<h2>Findings</h2><table>");
        for (size_t i = 0; i < N_SOURCES; i++)
                add_row(b, figures_source_words[i], f->by[i], &shares[i]);
        add_row(b, "in place, but the command fails", f->n_unverified, NULL);
        for (size_t i = 0; i < figures_n_aside; i++)
                add_row(b, figures_aside[i].words, figures_aside_count(findings, i), NULL);
        add_row(b, "errors of the analyser", progress_number(findings, "errors"), NULL);
        (void)buf_add_text(b, "</table>\n");
}

static void add_tokens(struct buf *b, const struct figures *f)
{
        static const char *const words[] = {"input, fresh", "input, read from cache",
                                            "input, written into cache"};
        const uint64_t input[] = {f->input, f->cache_read, f->cache_write};
        unsigned shares[N_ELEMENTS(input)];

        if (f->input + f->cache_read + f->cache_write + f->output == 0)
                return;
        format_shares(input, N_ELEMENTS(input), shares);
        (void)buf_add_text(b, "<h2>Tokens</h2><table>");
        for (size_t i = 0; i < N_ELEMENTS(input); i++)
                add_row(b, words[i], input[i], &shares[i]);
        add_row(b, "output", f->output, NULL);
        (void)buf_add_text(b, "</table>\n");
}

static void add_phases(struct buf *b, const json_t *phases)
{
        const json_t *p;
        size_t i;

        if (json_array_size(phases) == 0)
                return;
        (void)buf_add_text(b, "<h2>Phases</h2><table><tr><th>phase<th>risk<th>findings<th>");
        json_array_foreach ((json_t *)phases, i, p) {
                (void)buf_printf(b, "<tr><td>%" PRIu64 " ", progress_number(p, "phase"));
                add_text(b, json_get_text(p, "name"));
                (void)buf_add_text(b, "<td>");
                add_text(b, json_get_text(p, "risk"));
                (void)buf_printf(b, "<td class=n>%" PRIu64 "<td>%s\n",
                                 progress_number(p, "findings"),
                                 json_get_bool(p, "taken", true) ? "" : "not asked for");
        }
        (void)buf_add_text(b, "</table>\n");
}

/* Files that are left to a person, and why. */
static void add_manual(struct buf *b, const json_t *failures)
{
        const json_t *one;
        size_t i;

        if (json_array_size(failures) == 0)
                return;
        (void)buf_add_text(b, "<h2>Left to you</h2><table>");
        json_array_foreach ((json_t *)failures, i, one) {
                (void)buf_add_text(b, "<tr><td><code>");
                add_text(b, json_get_text(one, "path"));
                (void)buf_add_text(b, "</code><td>");
                add_text(b, json_get_text(json_object_get(one, "error"), "message"));
                (void)buf_add_char(b, '\n');
        }
        (void)buf_add_text(b, "</table>\n");
}

/* Findings one by one: those that stand as they stood, and those whose repair is in doubt. */
static const struct {
        const char *fate, *heading, *words;
} left_kinds[] = {
        {"left", "Not repaired", "These findings are left to you."},
        {"no_change", "Needs no change",
         "So says the model: these findings stand as they stood. Where it is wrong, they are "
         "yours."},
        {"review", "Repaired, but look at it",
         "These repairs are in place, and the checks are not sure of them."},
};

static size_t add_left_rows(struct buf *b, const json_t *left, const char *fate)
{
        const json_t *one;
        size_t i, n = 0;

        json_array_foreach ((json_t *)left, i, one) {
                if (!str_is_equal(json_get_text(one, "fate"), fate))
                        continue;
                (void)buf_add_text(b, "<tr><td><code>");
                add_text(b, json_get_text(one, "path"));
                if (progress_number(one, "line") > 0)
                        (void)buf_printf(b, ":%" PRIu64, progress_number(one, "line"));
                (void)buf_add_text(b, "</code><td><code>");
                add_text(b, json_get_text(one, "rule"));
                (void)buf_add_text(b, "</code><td>");
                add_text(b, json_get_text(one, "why"));
                (void)buf_add_char(b, '\n');
                n++;
        }
        return n;
}

static void add_left(struct buf *b, const json_t *left)
{
        for (size_t i = 0; i < N_ELEMENTS(left_kinds); i++) {
                size_t before = b->n;

                (void)buf_printf(b,
                                 "<h2>%s</h2><p><small>%s</small><table>"
                                 "<tr><th>file<th>rule<th>why\n",
                                 left_kinds[i].heading, left_kinds[i].words);
                if (add_left_rows(b, left, left_kinds[i].fate) > 0)
                        (void)buf_add_text(b, "</table>\n");
                else if (!b->failed)
                        b->at[b->n = before] = '\0';
        }
}

/* Repairs that did not come into their files, and why. */
static void add_not_written(struct buf *b, const json_t *files)
{
        const json_t *one;
        size_t i;

        if (json_array_size(files) == 0)
                return;
        (void)buf_add_text(b,
                           "<h2>Not written</h2><p><small>What was made is kept: <code>genopt fix "
                           "--resume</code> puts it in place when nothing stands in its way, with "
                           "<code>--merge</code> also into files that were changed.</small>"
                           "<table><tr><th>file<th>findings<th>why");
        json_array_foreach ((json_t *)files, i, one) {
                (void)buf_add_text(b, "<tr><td><code>");
                add_text(b, json_get_text(one, "path"));
                (void)buf_printf(b, "</code><td class=n>%" PRIu64 "<td>",
                                 progress_number(one, "findings"));
                add_text(b, json_get_text(one, "why"));
                (void)buf_add_char(b, '\n');
        }
        (void)buf_add_text(b, "</table>\n");
}

/* ---- changes ---- */

static void add_diff(struct buf *b, struct span diff)
{
        (void)buf_add_text(b, "<pre>");
        while (diff.n > 0) {
                const char *lf = memchr(diff.at, '\n', diff.n);
                size_t n = lf ? (size_t)(lf - diff.at) : diff.n;
                const char *tag = diff.at[0] == '-'   ? "s"
                                  : diff.at[0] == '+' ? "b"
                                  : diff.at[0] == '@' ? "i"
                                                      : NULL;

                if (tag)
                        (void)buf_printf(b, "<%s>", tag);
                add_escaped(b, (struct span){diff.at, n});
                if (tag)
                        (void)buf_printf(b, "</%s>", tag);
                else
                        (void)buf_add_char(b, '\n');
                n += lf != NULL;
                diff.at += n;
                diff.n -= n;
        }
        (void)buf_add_text(b, "</pre></details>\n");
}

/* Rules that were broken there, with how often. */
static void add_rules(struct buf *b, const json_t *findings)
{
        const json_t *f, *g;
        const char *comma = "";
        size_t i, k;

        json_array_foreach ((json_t *)findings, i, f) {
                const char *rule = json_get_text(f, "rule");
                size_t n = 0, first = i;

                json_array_foreach ((json_t *)findings, k, g)
                        if (str_is_equal(rule, json_get_text(g, "rule"))) {
                                first = MIN2(first, k);
                                n++;
                        }
                if (first != i)
                        continue;
                (void)buf_add_text(b, comma);
                add_text(b, rule);
                if (n > 1)
                        (void)buf_printf(b, " × %zu", n);
                comma = ", ";
        }
}

static bool is_in(const json_t *list, const char *path)
{
        const json_t *one;
        size_t i;

        json_array_foreach ((json_t *)list, i, one)
                if (str_is_equal(json_string_value(one), path))
                        return true;
        return false;
}

static int add_change(struct buf *b, const struct change_of_file *c, const json_t *review)
{
        _cleanup_buf_ struct buf diff = {0};
        int r = patch_write((struct span){c->before, c->n_before},
                            (struct span){c->after, c->n_after}, &diff);

        (void)buf_add_text(b, "<details open><summary><code>");
        if (c->from) {
                add_text(b, c->from);
                (void)buf_add_text(b, " → ");
        }
        add_text(b, c->path);
        (void)buf_printf(b, "</code>%s <small>",
                         c->is_new    ? " <em>new</em>"
                         : c->is_gone ? " <em>removed</em>"
                         : c->from    ? " <em>moved</em>"
                                      : "");
        add_rules(b, c->findings);
        (void)buf_printf(b, "</small>%s</summary>",
                         is_in(review, c->from ? c->from : c->path) ? " <em>look at this one</em>"
                                                                    : "");
        add_diff(b, buf_span(&diff));
        return r;
}

static int write_page(const struct changes *l, const char *title, const json_t *done, struct buf *b)
{
        const json_t *summary = json_object_get(done, "summary"),
                     *findings = json_object_get(summary, "findings");
        struct figures f;
        int r = 0;

        figures_of(summary, &f);
        (void)buf_printf(b,
                         "<!doctype html><meta charset=utf-8><meta name=viewport "
                         "content='width=device-width'><title>genopt fix</title><style>%s</style>"
                         "<h1>Repairs: ",
                         style);
        add_text(b, title);
        (void)buf_printf(b, "</h1>\n");
        if (summary) {
                add_cards(b, summary, &f);
                add_sources(b, findings, &f);
                add_phases(b, json_object_get(findings, "phases"));
                add_tokens(b, &f);
        }
        add_not_written(b, json_object_get(findings, "not_written_files"));
        add_manual(b, json_object_get(done, "failures"));
        add_left(b, json_object_get(done, "left"));
        (void)buf_printf(b, "<h2>%zu file%s changed</h2>\n", changes_n(l),
                         changes_n(l) == 1 ? "" : "s");
        for (size_t i = 0; i < changes_n(l) && r == 0; i++)
                r = add_change(b, changes_at(l, i), json_object_get(findings, "review_files"));
        return r ? r : b->failed;
}

int changes_report(const struct changes *l, const char *file, const char *title, const json_t *done,
                   struct failure **ret_failure)
{
        _cleanup_close_ int fd = -1;
        _cleanup_buf_ struct buf page = {0};
        int r = write_page(l, title, done, &page);

        if (r < 0)
                return r;
        fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        r = fd < 0 ? -errno : path_write_whole(fd, buf_span(&page));
        if (r == 0)
                return 0;
        *ret_failure = failure_new_at(FAILURE_BAD_SPEC, file, "the report cannot be written: %s",
                                      strerror(-r));
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}
