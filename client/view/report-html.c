/* A report as one HTML page: no script, no font, no picture of anybody else's; fit for mail and for
 * an archive of builds. Everything that did not stand in this file is escaped. */

#include <stdio.h>

#include "client/view/format.h"
#include "client/view/progress.h"
#include "client/view/report.h"
#include "client/view/view.h"
#include "common/str.h"

static const char style[] =
        ":root{color-scheme:light "
        "dark;--bg:#fff;--fg:#1c2330;--dim:#67707f;--line:#e3e6ec;--card:#f6f7f9;--good:#177245;"
        "--a:#2f6fde;--b:#e0a03a;--c:#8a93a3;--d:#c3593f}"
        "@media(prefers-color-scheme:dark){:root{--bg:#14171d;--fg:#e6e9ef;--dim:#98a1b0;--line:"
        "#2b303a;--card:#1d2129;--good:#5cc48d}}"
        "*{box-sizing:border-box}body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:72rem;"
        "background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}"
        "h1{font-size:1.5rem;line-height:1.25;margin:0 0 "
        ".3rem;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:2.2rem 0 .6rem}"
        "p{margin:.2rem "
        "0;overflow-wrap:anywhere;color:var(--dim)}code{font-family:ui-monospace,monospace;font-"
        "size:.92em}"
        ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem;"
        "margin:1.4rem 0}.card{background:var(--card);border-radius:8px;padding:.8rem 1rem}"
        ".card b{display:block;font-size:1.5rem;font-weight:600}.card span{color:var(--dim);"
        "font-size:.88em}.card i{font-style:normal;color:var(--good)}"
        "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
        "th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid var(--line);"
        "white-space:nowrap}th{color:var(--dim);font-weight:500;font-size:.88em}"
        "th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere;"
        "min-width:6.5rem;"
        "padding-left:0}td small{display:block;color:var(--dim)}.scroll{overflow-x:auto}"
        ".bar{display:flex;height:1.1rem;border-radius:5px;overflow:hidden;background:var(--line)}"
        ".key{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;margin-top:.5rem;"
        "font-size:.9em;color:var(--dim)}.key span::before{content:'';display:inline-block;width:"
        ".7em;height:.7em;border-radius:2px;margin-right:.45em;background:var(--k)}";

static void add_escaped(struct buf *b, const char *text)
{
        for (; text && *text; text++) {
                unsigned char c = (unsigned char)*text;
                size_t n = str_turn_length((struct span){text, strnlen(text, 3)});

                if (n > 0) {
                        (void)buf_add_char(b, '?');
                        text += n - 1;
                        continue;
                }
                switch (c) {
                case '&':
                        (void)buf_add_text(b, "&amp;");
                        break;
                case '<':
                        (void)buf_add_text(b, "&lt;");
                        break;
                case '>':
                        (void)buf_add_text(b, "&gt;");
                        break;
                case '"':
                        (void)buf_add_text(b, "&quot;");
                        break;
                case '\'':
                        (void)buf_add_text(b, "&#39;");
                        break;
                default:
                        (void)buf_add_char(b, (char)(c < ' ' && c != '\t' && c != '\n' ? '?' : c));
                }
        }
}

static void add_cell(struct buf *b, const char *text)
{
        (void)buf_add_text(b, "<td>");
        add_escaped(b, text);
}

static void add_unit(struct buf *b, const char *unit, uint64_t n)
{
        char text[FORMAT_BYTES];

        add_cell(b, report_format(unit, n, text));
}

static const char *text_of(const json_t *o, const char *key)
{
        const char *text = json_get_text(o, key);

        return text ? text : "";
}

/* ---- one job ---- */

static void add_card(struct buf *b, const char *name, const char *unit, uint64_t is, uint64_t naive,
                     bool has_change)
{
        char text[FORMAT_BYTES];

        (void)buf_printf(b, "<div class=card><span>%s</span><b>", name);
        add_escaped(b, report_format(unit, is, text));
        (void)buf_add_text(b, "</b><span>naive ");
        add_escaped(b, report_format(unit, naive, text));
        if (has_change && *format_change(is, naive, text))
                (void)buf_printf(b, " <i>%s</i>", text);
        (void)buf_add_text(b, "</span></div>");
}

static void add_cards(struct buf *b, const json_t *report)
{
        const json_t *naive = json_object_get(report, "naive"),
                     *measured = json_object_get(report, "measured");
        const json_t *is = measured ? measured : json_object_get(report, "planned");
        bool has_change = !measured || json_object_get(report, "saved");

        (void)buf_add_text(b, "<div class=cards>");
        add_card(b, "money", "nanousd", progress_number(is, "nanousd"),
                 progress_number(naive, "nanousd"), has_change);
        add_card(b, "time", "ms", progress_number(is, "ms"), progress_number(naive, "ms"),
                 has_change);
        add_card(b, "tokens", "tokens", progress_tokens(is), progress_tokens(naive), has_change);
        add_card(b, "model calls", "n", progress_number(is, "calls"),
                 progress_number(naive, "calls"), has_change);
        (void)buf_add_text(b, "</div>");
}

static const struct {
        const char *key, *name, *colour;
} phases[] = {
        {"planning", "queued and planned", "--b"},
        {"calls", "model calls", "--a"},
        {"other", "templates, checks, writing", "--c"},
        {"waiting", "waiting", "--d"},
};

static void add_phases(struct buf *b, const json_t *spent)
{
        uint64_t all = 0;
        char text[FORMAT_BYTES];

        for (size_t i = 0; i < N_ELEMENTS(phases); i++)
                all += progress_number(spent, phases[i].key);
        if (all == 0)
                return;
        (void)buf_add_text(b, "<h2>Where the time went</h2><div class=bar>");
        for (size_t i = 0; i < N_ELEMENTS(phases); i++)
                if (progress_number(spent, phases[i].key) > 0)
                        (void)buf_printf(b, "<div style=\"width:%.2f%%;background:var(%s)\"></div>",
                                         100 * (double)progress_number(spent, phases[i].key) /
                                                 (double)all,
                                         phases[i].colour);
        (void)buf_add_text(b, "</div><div class=key>");
        for (size_t i = 0; i < N_ELEMENTS(phases); i++)
                (void)buf_printf(b, "<span style=\"--k:var(%s)\">%s %s</span>", phases[i].colour,
                                 phases[i].name,
                                 format_ms(progress_number(spent, phases[i].key), text));
        (void)buf_add_text(b, "</div>");
}

static void add_shares(struct buf *b, const json_t *shares)
{
        const char *provider;
        json_t *share;

        if (json_object_size(shares) == 0)
                return;
        (void)buf_add_text(b, "<h2>Input read from the provider's cache</h2>");
        json_object_foreach ((json_t *)shares, provider, share) {
                double percent = 100 * json_number_value(share);

                (void)buf_add_text(b, "<p>");
                add_escaped(b, provider);
                (void)buf_printf(b, ": %.1f %%</p><div class=bar>", percent);
                if (percent > 0)
                        (void)buf_printf(b,
                                         "<div style=\"width:%.2f%%;background:var(--a)\"></div>",
                                         MIN2(percent, 100.0));
                (void)buf_add_text(b, "</div>");
        }
}

static void add_totals(struct buf *b, const json_t *report)
{
        static const struct {
                const char *name, *key, *unit;
        } rows[] = {
                {"time", "ms", "ms"},
                {"money", "nanousd", "nanousd"},
                {"calls", "calls", "n"},
                {"input", "input", "tokens"},
                {"written to cache", "cache_write", "tokens"},
                {"read from cache", "cache_read", "tokens"},
                {"output", "output", "tokens"},
        };
        const json_t *measured = json_object_get(report, "measured");
        const json_t *planned = json_object_get(report, "planned");
        char text[FORMAT_BYTES];

        (void)buf_add_text(b, "<h2>Estimated and measured</h2><div class=scroll><table><tr><th>"
                              "<th>naive<th>planned"
                              "<th>measured<th>off by");
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                uint64_t is = progress_number(measured, rows[i].key),
                         estimate = progress_number(planned, rows[i].key);

                (void)buf_printf(b, "<tr><td>%s", rows[i].name);
                add_unit(b, rows[i].unit,
                         progress_number(json_object_get(report, "naive"), rows[i].key));
                add_unit(b, rows[i].unit, estimate);
                if (measured)
                        add_unit(b, rows[i].unit, is);
                else
                        add_cell(b, "");
                add_cell(b,
                         json_object_get(report, "saved") ? format_change(is, estimate, text) : "");
        }
        (void)buf_add_text(b, "</table></div>");
}

static void add_signed(struct buf *b, const json_t *o, const char *key, const char *unit)
{
        json_int_t n = json_integer_value(json_object_get(o, key));
        char text[FORMAT_BYTES];

        (void)buf_add_text(b, n < 0 ? "<td>−" : "<td>");
        if (json_object_get(o, key))
                add_escaped(b, report_format(unit, n < 0 ? -(uint64_t)n : (uint64_t)n, text));
}

static void add_rules(struct buf *b, const json_t *rules, bool has_measured)
{
        json_t *rule;
        size_t i;

        if (json_array_size(rules) == 0)
                return;
        (void)buf_add_text(b, "<h2>What each rule saved</h2><div "
                              "class=scroll><table><tr><th>rule<th>calls<th>input"
                              "<th>output<th>money<th>time<th>money, measured<th>time, measured");
        json_array_foreach ((json_t *)rules, i, rule) {
                const json_t *m = has_measured ? json_object_get(rule, "measured") : NULL;

                (void)buf_add_text(b, "<tr>");
                add_cell(b, text_of(rule, "name"));
                add_signed(b, rule, "calls", "n");
                add_signed(b, rule, "input", "tokens");
                add_signed(b, rule, "output", "tokens");
                add_signed(b, rule, "nanousd", "nanousd");
                add_signed(b, rule, "ms", "ms");
                add_signed(b, m, "nanousd", "nanousd");
                add_signed(b, m, "ms", "ms");
        }
        (void)buf_add_text(b, "</table></div>");
        view_add_compression(rules, "<p>", b);
}

static void add_tasks(struct buf *b, const json_t *tasks)
{
        json_t *task;
        size_t i;

        if (json_array_size(tasks) == 0)
                return;
        (void)buf_add_text(b, "<h2>Tasks</h2><div class=scroll><table><tr><th>task<th>made by<th>"
                              "tries<th>input<th>from cache<th>output<th>money<th>time");
        json_array_foreach ((json_t *)tasks, i, task) {
                const char *path = json_get_text(task, "path"),
                           *source = json_get_text(task, "source");
                const char *error = json_get_text(json_object_get(task, "error"), "message");

                (void)buf_add_text(b, "<tr><td><code>");
                add_escaped(b, path ? path : "(text)");
                (void)buf_add_text(b, "</code><small>");
                add_escaped(b, error ? error : text_of(task, "reason"));
                (void)buf_add_text(b, "</small>");
                add_cell(b, json_is_true(json_object_get(task, "joined"))
                                    ? "another job, at the same time"
                            : source ? source
                                     : text_of(task, "state"));
                add_unit(b, "n", progress_number(task, "attempts"));
                add_unit(b, "tokens",
                         progress_number(task, "input") + progress_number(task, "cache_write"));
                add_unit(b, "tokens", progress_number(task, "cache_read"));
                add_unit(b, "tokens", progress_number(task, "output"));
                add_unit(b, "nanousd", progress_number(task, "nanousd"));
                add_unit(b, "ms", progress_number(task, "ms"));
        }
        (void)buf_add_text(b, "</table></div>");
}

/* ---- two jobs ---- */

/* label: NULL where a heading says it. */
static void add_head(struct buf *b, const char *mark, const json_t *head, const char *label)
{
        (void)buf_printf(b, "<p>%s<code>", mark);
        add_escaped(b, text_of(head, "job"));
        (void)buf_add_text(b, label && *label ? "</code> " : "</code>");
        add_escaped(b, label);
        (void)buf_add_text(b, " · ");
        add_escaped(b, text_of(head, "state"));
        (void)buf_add_text(b, " · ");
        add_escaped(b, text_of(head, "created"));
        (void)buf_add_text(b, "</p>");
}

static void add_way(struct buf *b, const json_t *task)
{
        char text[FORMAT_BYTES];

        add_cell(b, task ? text_of(task, "source") : "—");
        add_cell(b, task ? format_money(progress_number(task, "nanousd"), text) : "");
}

static void add_comparison(struct buf *b, const json_t *figures)
{
        const json_t *first = json_object_get(figures, "a"),
                     *second = json_object_get(figures, "b");
        json_t *one;
        size_t i;

        add_head(b, "A ", first, text_of(first, "label"));
        add_head(b, "B ", second, text_of(second, "label"));
        (void)buf_add_text(b, "<div class=scroll><table><tr><th><th>A<th>B<th>change");
        json_array_foreach (json_object_get(figures, "figures"), i, one) {
                uint64_t x = progress_number(one, "a"), y = progress_number(one, "b");
                char text[FORMAT_BYTES];

                if (x == 0 && y == 0)
                        continue;
                (void)buf_add_text(b, "<tr>");
                add_cell(b, json_object_get(one, "of") ? "\u2003" : "");
                add_escaped(b, text_of(one, "name"));
                add_unit(b, text_of(one, "unit"), x);
                add_unit(b, text_of(one, "unit"), y);
                add_cell(b, report_format_change(text_of(one, "unit"), y, x, text));
        }
        (void)buf_add_text(b, "</table></div>");
        if (json_array_size(json_object_get(figures, "tasks")) == 0)
                return;
        (void)buf_add_text(b, "<h2>Tasks that differ</h2><div class=scroll><table><tr><th>task<th>"
                              "A<th><th>B<th>");
        json_array_foreach (json_object_get(figures, "tasks"), i, one) {
                (void)buf_add_text(b, "<tr>");
                add_cell(b, text_of(one, "path"));
                add_way(b, json_object_get(one, "a"));
                add_way(b, json_object_get(one, "b"));
        }
        (void)buf_add_text(b, "</table></div>");
}

static void add_unpriced(struct buf *b, const json_t *report)
{
        _cleanup_buf_ struct buf text = {0};

        view_add_unpriced(report, "Money is without ", ", whose price is not known.", &text);
        if (text.n == 0 || text.failed)
                return;
        (void)buf_add_text(b, "<p>");
        add_escaped(b, text.at);
}

/* Of repairs: as they are told at the end of a run. */
static void add_findings(struct buf *b, const json_t *report)
{
        _cleanup_buf_ struct buf lines = {0};

        view_add_outcome(&lines, report);
        view_add_placed(&lines, report);
        if (lines.n == 0 || lines.failed)
                return;
        (void)buf_add_text(b, "<h2>Findings</h2><pre>");
        add_escaped(b, lines.at);
        (void)buf_add_text(b, "</pre>");
}

static void add_report(struct buf *b, const json_t *report)
{
        const char *label = json_get_text(report, "label");

        (void)buf_add_text(b, "<h1>");
        add_escaped(b, label ? label : text_of(report, "kind"));
        (void)buf_add_text(b, "</h1>");
        add_head(b, "job ", report, NULL);
        add_cards(b, report);
        add_findings(b, report);
        add_phases(b, json_object_get(report, "phases"));
        add_shares(b, json_object_get(report, "cache_share"));
        add_totals(b, report);
        add_unpriced(b, report);
        view_add_lost(json_object_get(report, "lost"), "<p>", b);
        view_add_resume(json_object_get(report, "resume"), "<p>", "<code>genopt resume JOB</code>",
                        b);
        add_rules(b, json_object_get(report, "rules"), json_object_get(report, "measured"));
        add_tasks(b, json_object_get(report, "tasks"));
        if (json_object_get(report, "baseline")) {
                (void)buf_add_text(b, "<h2>Beside the baseline</h2>");
                add_comparison(b, json_object_get(report, "baseline"));
        }
}

int report_write_html(const json_t *report, struct buf *b)
{
        (void)buf_add_text(b, "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><meta "
                              "name=viewport content=\"width=device-width\"><title>genopt ");
        add_escaped(b, text_of(report, "job"));
        (void)buf_printf(b, "</title><style>%s</style>\n", style);
        if (json_object_get(report, "figures")) {
                (void)buf_add_text(b, "<h1>Two jobs</h1>");
                add_comparison(b, report);
        } else {
                add_report(b, report);
        }
        (void)buf_add_text(b, "\n</html>\n");
        return b->failed;
}
