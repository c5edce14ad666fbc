/* The texts of the views, as pure functions of a job's progress and events. */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "client/view/format.h"
#include "client/view/view.h"
#include "common/json.h"

#define REASON_LINES 6
#define BAR_MIN 5
#define BAR_MAX 30

static void add_bar(struct buf *b, uint64_t done, uint64_t total, size_t columns, bool is_utf8)
{
        size_t full = total ? (size_t)(columns * MIN2(done, total) / total) : 0;

        (void)buf_add_char(b, '[');
        for (size_t i = 0; i < columns; i++)
                (void)buf_add_text(b, i < full ? (is_utf8 ? "█" : "#") : (is_utf8 ? "·" : "."));
        (void)buf_add_text(b, "] ");
}

/* The facts beside the bar, in order of importance: the last ones go first when the line is narrow.
 */
static size_t list_facts(const struct progress *p, uint64_t now_ms,
                         char facts[6][FORMAT_BYTES + 16])
{
        char text[FORMAT_BYTES];
        uint64_t elapsed = p->started_ms && now_ms > p->started_ms ? now_ms - p->started_ms : 0,
                 since, left;
        size_t n = 0, running = progress_n_running(p);

        if (p->n_total > 0)
                snprintf(facts[n++], sizeof(facts[0]), "%" PRIu64 "/%" PRIu64, p->n_done,
                         p->n_total);
        snprintf(facts[n++], sizeof(facts[0]), "%" PRIu64 ":%02" PRIu64, elapsed / 60000,
                 elapsed / 1000 % 60);
        snprintf(facts[n++], sizeof(facts[0]), "%s", format_money(p->nanousd, text));
        if (p->eta_ms > 0) {
                since = now_ms > p->eta_at_ms ? now_ms - p->eta_at_ms : 0;
                left = p->eta_ms > since ? p->eta_ms - since : 0;
                if (left >= 1000)
                        snprintf(facts[n++], sizeof(facts[0]), "~%" PRIu64 ":%02" PRIu64 " left",
                                 left / 60000, left / 1000 % 60);
        }
        if (running > 0)
                snprintf(facts[n++], sizeof(facts[0]), "%zu running", running);
        if (p->n_tokens > 0)
                snprintf(facts[n++], sizeof(facts[0]), "%s tokens",
                         format_count(p->n_tokens, text));
        return n;
}

static int add_running(const struct progress *p, size_t columns, struct buf *b)
{
        size_t n = 0, indent = columns > 10 ? 2 : 0;
        const char *key;
        json_t *event;

        json_object_foreach (p->running, key, event) {
                const char *path = json_get_text(event, "path");

                if (n++ >= VIEW_RUNNING_LINES)
                        break;
                if (indent)
                        (void)buf_add_text(b, "  ");
                format_cut_front(b, span_of(path ? path : key), columns - indent);
                (void)buf_add_char(b, '\n');
        }
        return b->failed;
}

int view_render(const struct progress *p, size_t columns, uint64_t now_ms, bool is_utf8,
                struct buf *b)
{
        char facts[6][FORMAT_BYTES + 16];
        size_t n = list_facts(p, now_ms, facts), width, room;
        _cleanup_buf_ struct buf tail = {0}, line = {0};

        room = columns > strlen(p->phase) + 1 ? columns - strlen(p->phase) - 1 : 0;
        for (size_t i = 0; i < n; i++) {
                width = format_width(buf_span(&tail)) + (i ? 2 : 0) +
                        format_width(span_of(facts[i]));
                if (width > room)
                        break;
                (void)buf_printf(&tail, "%s%s", i ? "  " : "", facts[i]);
        }
        width = format_width(buf_span(&tail));
        (void)buf_printf(&line, "%s ", p->phase);
        if (p->n_total > 0 && room >= width + BAR_MIN + 3)
                add_bar(&line, p->n_done, p->n_total, MIN2(room - width - 3, (size_t)BAR_MAX),
                        is_utf8);
        (void)buf_add_span(&line, buf_span(&tail));
        if (tail.failed || line.failed)
                return -ENOMEM;
        format_cut(b, buf_span(&line), columns);
        (void)buf_add_char(b, '\n');
        return add_running(p, columns, b);
}

static void describe_planned(const json_t *event, struct buf *b)
{
        const json_t *kinds = json_object_get(event, "kinds"),
                     *estimate = json_object_get(event, "estimate");
        const json_t *naive = json_object_get(event, "naive");
        char a[FORMAT_BYTES], c[FORMAT_BYTES], d[FORMAT_BYTES];
        const char *separator = ":";

        (void)buf_printf(b, "plan: %" PRIu64 " tasks in %" PRIu64 " steps",
                         progress_number(event, "tasks"), progress_number(event, "steps"));
        for (size_t i = 0; i < N_SOURCES; i++) {
                uint64_t n = progress_number(kinds, progress_source_names[i]);

                if (n == 0)
                        continue;
                (void)buf_printf(b, "%s %" PRIu64 " %s", separator, n, progress_source_names[i]);
                separator = ",";
        }
        if (estimate && json_object_get(event, "unpriced")) {
                (void)buf_printf(b, "; about %s", format_ms(progress_number(estimate, "ms"), c));
                view_add_unpriced(event, ", at a price that is not known (", ")", b);
        } else if (estimate) {
                (void)buf_printf(b, "; about %s and %s (naive %s)",
                                 format_money(progress_number(estimate, "nanousd"), a),
                                 format_ms(progress_number(estimate, "ms"), c),
                                 format_money(progress_number(naive, "nanousd"), d));
        }
}

/* On a terminal, which shows what is done, only what is out of the ordinary. What failed is said
 * again at the end, with its remedy. */
static void describe_task(const struct progress *p, const json_t *event, bool is_live,
                          struct buf *b)
{
        const char *path = json_get_text(event, "path"), *source = json_get_text(event, "source");
        const char *verdict = json_get_text(event, "verdict");
        const json_t *error = json_object_get(event, "error");
        const char *mended = json_get_text(event, "mended");
        bool is_bad = verdict && strcmp(verdict, "accepted") != 0;
        char ms[FORMAT_BYTES], money[FORMAT_BYTES];

        if (!is_bad && !mended && (is_live || (source && strcmp(source, "keep") == 0)))
                return;
        (void)buf_printf(b, "[%" PRIu64 "/%" PRIu64 "] %s: ", p->n_done,
                         MAX2(p->n_total, p->n_done), path ? path : "task");
        if (!is_bad) {
                (void)buf_add_text(b, source ? source : "done");
                if (progress_number(event, "nanousd") > 0)
                        (void)buf_printf(b, ", %s",
                                         format_money(progress_number(event, "nanousd"), money));
                if (progress_number(event, "ms") > 0)
                        (void)buf_printf(b, ", %s", format_ms(progress_number(event, "ms"), ms));
                if (mended)
                        (void)buf_printf(b, "; mended without asking again: %s", mended);
                return;
        }
        (void)buf_printf(b, "%s", verdict);
        if (json_get_text(error, "message"))
                (void)buf_printf(b, ": %s", json_get_text(error, "message"));
}

/* A reason may be all that a command said: the beginning tells what it is about. */
static void add_reason(struct buf *b, const char *reason)
{
        size_t n = strlen(reason), n_lines = 0, at = 0;

        while (n > 0 && isspace((unsigned char)reason[n - 1]))
                n--;
        while (at < n && n_lines < REASON_LINES)
                n_lines += reason[at++] == '\n';
        if (n_lines == REASON_LINES)
                (void)buf_printf(b, "%.*s\n…", (int)(at - 1), reason);
        else
                (void)buf_printf(b, "%.*s", (int)n, reason);
}

static const char *path_of(const struct progress *p, const json_t *event)
{
        char key[24];
        uint64_t task;

        if (!json_get_u64(event, "task", &task))
                return NULL;
        snprintf(key, sizeof(key), "%" PRIu64, task);
        return json_get_text(json_object_get(p->running, key), "path");
}

static void describe_retry(const struct progress *p, const json_t *event, struct buf *b)
{
        const char *path = path_of(p, event);
        const char *reason = json_get_text(event, "reason");
        uint64_t delay = progress_number(event, "delay_ms");
        char ms[FORMAT_BYTES];

        (void)buf_printf(b, "%s%sasked again (attempt %" PRIu64 "): ", path ? path : "",
                         path ? ": " : "", progress_number(event, "attempt"));
        add_reason(b, reason ? reason : "no reason given");
        if (delay > 0)
                (void)buf_printf(b, ", in %s", format_ms(delay, ms));
}

int view_describe(const struct progress *p, const json_t *event, bool is_live, struct buf *b)
{
        const char *type = json_get_text(event, "type");
        const char *where = json_get_text(event, "where"), *text = json_get_text(event, "text");

        if (!type)
                return 0;
        if (strcmp(type, "planned") == 0)
                describe_planned(event, b);
        else if (strcmp(type, "task.done") == 0)
                describe_task(p, event, is_live, b);
        else if (strcmp(type, "task.retry") == 0)
                describe_retry(p, event, b);
        else if (strcmp(type, "warning") == 0)
                (void)buf_printf(b, "%s%s%s", where ? where : "", where ? ": " : "",
                                 text ? text : "");
        else if (strcmp(type, "queued") == 0 && !is_live && progress_number(event, "position") > 0)
                (void)buf_printf(b, "queued behind %" PRIu64 " job%s",
                                 progress_number(event, "position"),
                                 progress_number(event, "position") == 1 ? "" : "s");
        return b->failed;
}
