/* What a job would cost, rule by rule and step by step; and when it has run, what it did cost
 * beside that. */

#include <inttypes.h>
#include <stdio.h>

#include "client/view/format.h"
#include "client/view/view.h"

/* Widths of the columns behind the tasks. What there is no room for goes, in this order: the time,
 * the model, the tokens. */
#define MODEL_COLUMNS 18
#define TIME_ROOM 110
#define MODEL_ROOM 84
#define TOKENS_ROOM 50
#define NUMBER_COLUMNS 6
#define MONEY_COLUMNS 8
#define REASON_INDENT 4
#define GROUPS_MAX 24 /* steps without a call, told apart by their reasons */

struct layout {
        size_t columns, task_columns;
        bool has_time, has_model, has_tokens;
};

/* One row of the table of calls; texts are borrowed. */
struct row {
        struct span task;
        const char *model, *input, *output, *money, *time;
};

static struct layout layout_of(size_t columns, size_t longest)
{
        struct layout l = {.columns = columns,
                           .has_time = columns >= TIME_ROOM,
                           .has_model = columns >= MODEL_ROOM,
                           .has_tokens = columns >= TOKENS_ROOM};
        size_t rest = (l.has_model ? 2 + MODEL_COLUMNS : 0) +
                      (l.has_tokens ? 2 * (2 + NUMBER_COLUMNS) : 0) + 2 + MONEY_COLUMNS +
                      (l.has_time ? 2 + MONEY_COLUMNS : 0);

        l.task_columns = MIN2(longest, columns > rest + 8 ? columns - rest : 8);
        return l;
}

static void add_blanks(struct buf *b, size_t width, size_t columns)
{
        for (; width < columns; width++)
                (void)buf_add_char(b, ' ');
}

static void add_row(struct buf *b, const struct layout *l, const struct row *r)
{
        size_t before = b->n;

        format_cut_front(b, r->task, l->task_columns);
        add_blanks(b, format_width((struct span){b->at + before, b->n - before}), l->task_columns);
        if (l->has_model)
                (void)buf_printf(b, "  %-*.*s", MODEL_COLUMNS, MODEL_COLUMNS, r->model);
        if (l->has_tokens)
                (void)buf_printf(b, "  %*s  %*s", NUMBER_COLUMNS, r->input, NUMBER_COLUMNS,
                                 r->output);
        (void)buf_printf(b, "  %*s", MONEY_COLUMNS, r->money);
        if (l->has_time)
                (void)buf_printf(b, "  %*s", MONEY_COLUMNS, r->time);
        (void)buf_add_char(b, '\n');
}

/* A row of numbers: an estimate, or what was measured. */
static void add_numbers(struct buf *b, const struct layout *l, struct span task, const char *model,
                        const json_t *numbers)
{
        char in[FORMAT_BYTES], out[FORMAT_BYTES], money[FORMAT_BYTES], time[FORMAT_BYTES];
        uint64_t input = progress_number(numbers, "input") +
                         progress_number(numbers, "cache_read") +
                         progress_number(numbers, "cache_write");
        struct row row = {
                .task = task,
                .model = model,
                .input = format_count(input, in),
                .output = format_count(progress_number(numbers, "output"), out),
                .money = json_is_true(json_object_get(numbers, "unpriced"))
                                 ? "?"
                                 : format_money(progress_number(numbers, "nanousd"), money),
                .time = format_ms(progress_number(numbers, "ms"), time)};

        add_row(b, l, &row);
}

static void add_reason(struct buf *b, const struct layout *l, const char *lead, const char *reason)
{
        size_t at = REASON_INDENT;
        _cleanup_buf_ struct buf text = {0};
        const char *word;

        if (buf_printf(&text, "%s%s%s", lead, *lead && reason ? ": " : "", reason ? reason : "") <
            0)
                return;
        if (text.n == 0)
                return;
        add_blanks(b, 0, REASON_INDENT);
        word = text.at;
        for (size_t n; *word; word += n) {
                struct span span;
                bool is_first = at == REASON_INDENT;

                word += strspn(word, " ");
                n = strcspn(word, " ");
                span = (struct span){word, n};
                if (!is_first && at + 1 + format_width(span) > l->columns) {
                        (void)buf_add_char(b, '\n');
                        add_blanks(b, 0, REASON_INDENT);
                        at = REASON_INDENT;
                } else if (!is_first) {
                        (void)buf_add_char(b, ' ');
                        at++;
                }
                format_cut(b, span, l->columns > REASON_INDENT ? l->columns - REASON_INDENT : 1);
                at += format_width(span);
        }
        (void)buf_add_char(b, '\n');
}

/* "internal/order/order.go +2 (likely)" */
static void name_step(const json_t *step, struct buf *b)
{
        const json_t *tasks = json_object_get(step, "tasks");
        const char *first = json_string_value(json_array_get(tasks, 0));

        (void)buf_printf(b, "%s", first ? first : "");
        if (json_array_size(tasks) > 1)
                (void)buf_printf(b, " +%zu", json_array_size(tasks) - 1);
        if (!json_get_bool(step, "certain", true))
                (void)buf_add_text(b, " (likely)");
}

static bool is_call(const json_t *step)
{
        const char *kind = json_get_text(step, "kind");

        return kind && strcmp(kind, "call") == 0;
}

/* How the tasks of a step were come by in truth. */
struct ways {
        size_t counts[N_SOURCES], n_failed, n_joined; /* joined: another job made them */
};

static void count_ways(const json_t *step, struct ways *ret)
{
        const json_t *rows = json_object_get(json_object_get(step, "measured"), "tasks");
        json_t *row;
        size_t i;

        json_array_foreach ((json_t *)rows, i, row) {
                const char *source = json_get_text(row, "source");

                if (json_is_true(json_object_get(row, "joined"))) {
                        ret->n_joined++;
                        continue;
                }
                if (!source)
                        ret->n_failed++;
                for (size_t k = 0; source && k < N_SOURCES; k++)
                        if (strcmp(source, progress_source_names[k]) == 0)
                                ret->counts[k]++;
        }
}

/* "1 reuse, 3 by another job, 2 failed": other ways than that of the plan. */
static void add_other_ways(struct buf *b, const struct ways *w, const char *planned,
                           const char *lead)
{
        for (size_t k = 0; k < N_SOURCES; k++)
                if (w->counts[k] > 0 && strcmp(planned, progress_source_names[k]) != 0) {
                        (void)buf_printf(b, "%s%zu %s", lead, w->counts[k],
                                         progress_source_names[k]);
                        lead = ", ";
                }
        if (w->n_joined > 0) {
                (void)buf_printf(b, "%s%zu by another job", lead, w->n_joined);
                lead = ", ";
        }
        if (w->n_failed > 0)
                (void)buf_printf(b, "%s%zu failed", lead, w->n_failed);
}

/* "  measured, 2 calls; 1 by another job" */
static void name_measured(const json_t *step, struct buf *b)
{
        const json_t *measured = json_object_get(step, "measured");
        struct ways ways = {0};
        uint64_t calls = progress_number(measured, "calls");

        count_ways(step, &ways);
        (void)buf_add_text(b, "  measured");
        if (calls > 1)
                (void)buf_printf(b, ", %" PRIu64 " calls", calls);
        add_other_ways(b, &ways, "call", calls > 1 ? "; " : ": ");
        if (json_array_size(json_object_get(measured, "tasks")) == 0)
                (void)buf_add_text(b, ": not done");
}

/* Of a step that nothing has come of yet there is nothing to tell before its job has ended. */
static int add_measured(struct buf *b, const struct layout *l, const json_t *step, bool has_ended)
{
        const json_t *measured = json_object_get(step, "measured");
        _cleanup_buf_ struct buf name = {0};

        if (!measured || (!has_ended && progress_number(measured, "calls") == 0 &&
                          json_array_size(json_object_get(measured, "tasks")) == 0))
                return 0;
        name_measured(step, &name);
        add_numbers(b, l, buf_span(&name), "", measured);
        return name.failed;
}

static int add_call(struct buf *b, const struct layout *l, const json_t *step, bool has_ended)
{
        const char *model = json_get_text(step, "model"), *tier = json_get_text(step, "tier");
        _cleanup_buf_ struct buf name = {0};
        int r;

        name_step(step, &name);
        add_numbers(b, l, buf_span(&name),
                    model  ? model
                    : tier ? tier
                           : "",
                    json_object_get(step, "estimate"));
        r = add_measured(b, l, step, has_ended);
        add_reason(b, l, tier ? tier : "", json_get_text(step, "reason"));
        return r < 0 ? r : name.failed;
}

/* Steps that need no model, together as far as kind, certainty and reason are the same. */
struct group {
        const char *kind, *reason; /* borrowed */
        bool is_certain;
        size_t n_tasks;
        struct ways ways;
};

static struct group *group_of(struct group *groups, size_t *n, const json_t *step)
{
        const char *kind = json_get_text(step, "kind"), *reason = json_get_text(step, "reason");
        bool is_certain = json_get_bool(step, "certain", true);

        kind = kind ? kind : "";
        reason = reason ? reason : "";
        for (size_t i = 0; i < *n; i++)
                if (groups[i].is_certain == is_certain && strcmp(groups[i].kind, kind) == 0 &&
                    (strcmp(groups[i].reason, reason) == 0 || *n == GROUPS_MAX))
                        return &groups[i];
        if (*n == GROUPS_MAX)
                return &groups[GROUPS_MAX - 1];
        groups[*n] = (struct group){.kind = kind, .reason = reason, .is_certain = is_certain};
        return &groups[(*n)++];
}

static void add_groups(struct buf *b, const json_t *steps, const struct layout *l)
{
        struct group groups[GROUPS_MAX];
        size_t n = 0, i;
        json_t *step;

        json_array_foreach ((json_t *)steps, i, step) {
                struct group *g;

                if (is_call(step))
                        continue;
                g = group_of(groups, &n, step);
                g->n_tasks += json_array_size(json_object_get(step, "tasks"));
                count_ways(step, &g->ways);
        }
        if (n > 0)
                (void)buf_add_text(b, "\nneed no model\n");
        for (i = 0; i < n; i++) {
                _cleanup_buf_ struct buf line = {0};

                (void)buf_printf(&line, "%-10s %4zu  %s%s%s", groups[i].kind, groups[i].n_tasks,
                                 groups[i].is_certain ? "certain" : "likely",
                                 *groups[i].reason ? ": " : "", groups[i].reason);
                add_other_ways(&line, &groups[i].ways, groups[i].kind, "; in truth ");
                format_cut(b, buf_span(&line), l->columns);
                (void)buf_add_char(b, '\n');
        }
}

static bool has_ended(const json_t *plan)
{
        static const char *const ends[] = {"done", "failed", "cancelled"};
        const char *state = json_get_text(plan, "state");

        for (size_t i = 0; state && i < N_ELEMENTS(ends); i++)
                if (strcmp(state, ends[i]) == 0)
                        return true;
        return false;
}

static int add_calls(struct buf *b, const json_t *plan, const json_t *steps, const struct layout *l)
{
        static const struct row head = {.task = {"asked of a model", 16},
                                        .model = "model",
                                        .input = "input",
                                        .output = "output",
                                        .money = "money",
                                        .time = "time"};
        bool is_first = true;
        json_t *step;
        size_t i;

        json_array_foreach ((json_t *)steps, i, step) {
                if (!is_call(step))
                        continue;
                if (is_first) {
                        (void)buf_add_char(b, '\n');
                        add_row(b, l, &head);
                }
                is_first = false;
                if (add_call(b, l, step, has_ended(plan)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_steps(struct buf *b, const json_t *plan, size_t columns)
{
        const json_t *steps = json_object_get(plan, "steps");
        size_t longest = strlen(json_object_get(plan, "measured") ? "  measured, 10 calls"
                                                                  : "asked of a model"),
               i;
        struct layout l;
        json_t *step;

        json_array_foreach ((json_t *)steps, i, step) {
                _cleanup_buf_ struct buf name = {0}, measured = {0};

                if (!is_call(step))
                        continue;
                name_step(step, &name);
                if (json_object_get(step, "measured"))
                        name_measured(step, &measured);
                if (name.failed || measured.failed)
                        return -ENOMEM;
                longest = MAX2(longest, format_width(buf_span(&name)));
                longest = MAX2(longest, format_width(buf_span(&measured)));
        }
        l = layout_of(columns, longest);
        add_groups(b, steps, &l);
        return add_calls(b, plan, steps, &l);
}

static void add_counts(struct buf *b, const json_t *plan)
{
        size_t n_tasks[N_SOURCES] = {0}, i;
        const char *separator = ": ";
        json_t *step;

        json_array_foreach (json_object_get(plan, "steps"), i, step) {
                const char *kind = json_get_text(step, "kind");

                for (size_t k = 0; kind && k < N_SOURCES; k++)
                        if (strcmp(kind, progress_source_names[k]) == 0)
                                n_tasks[k] += json_array_size(json_object_get(step, "tasks"));
        }
        (void)buf_printf(b, "%" PRIu64 " task%s", progress_number(plan, "tasks"),
                         progress_number(plan, "tasks") == 1 ? "" : "s");
        for (size_t k = 0; k < N_SOURCES; k++)
                if (n_tasks[k] > 0) {
                        (void)buf_printf(b, "%s%zu %s", separator, n_tasks[k],
                                         progress_source_names[k]);
                        separator = ", ";
                }
        (void)buf_add_char(b, '\n');
}

/* ---- in all ---- */

bool view_is_done(const json_t *plan)
{
        const char *state = json_get_text(plan, "state");

        return !state || strcmp(state, "done") == 0;
}

const json_t *view_measured(const json_t *plan)
{
        const json_t *measured = json_object_get(plan, "measured");

        return view_is_done(plan) || progress_number(measured, "calls") > 0 ? measured : NULL;
}

static uint64_t tokens_of(const json_t *totals, const char *key)
{
        (void)key;
        return progress_tokens(json_object_get(totals, "tokens")) + progress_tokens(totals);
}

static const char *format_number(uint64_t n, char ret[FORMAT_BYTES])
{
        snprintf(ret, FORMAT_BYTES, "%" PRIu64, n);
        return ret;
}

static const struct {
        const char *name, *key;
        uint64_t (*get)(const json_t *totals, const char *key);
        const char *(*format)(uint64_t n, char ret[FORMAT_BYTES]);
        bool has_change;
} facts[] = {
        {"calls", "calls", progress_number, format_number, false},
        {"tokens", NULL, tokens_of, format_count, true},
        {"money", "nanousd", progress_number, format_money, true},
        {"time", "ms", progress_number, format_ms, true},
};

/* Planned, measured with its distance from what was planned, naive with what was saved of it. What
 * a job that is not done has not spent yet is no saving. */
static void add_totals(struct buf *b, const json_t *plan)
{
        const json_t *planned = json_object_get(plan, "totals"), *measured = view_measured(plan),
                     *naive = json_object_get(plan, "naive");
        bool has_change = !measured || view_is_done(plan);

        (void)buf_printf(b, "\n%-10s %9s", "", "planned");
        if (measured)
                (void)buf_printf(b, " %9s %7s", "measured", "");
        (void)buf_printf(b, " %9s\n", "naive");
        for (size_t i = 0; i < N_ELEMENTS(facts); i++) {
                uint64_t is = facts[i].get(planned, facts[i].key),
                         was = facts[i].get(naive, facts[i].key);
                char text[FORMAT_BYTES], change[FORMAT_BYTES] = "";

                (void)buf_printf(b, "%-10s %9s", facts[i].name, facts[i].format(is, text));
                if (measured) {
                        uint64_t did = facts[i].get(measured, facts[i].key);

                        if (facts[i].has_change && has_change)
                                (void)format_change(did, is, change);
                        (void)buf_printf(b, " %9s ", facts[i].format(did, text));
                        add_blanks(b, format_width(span_of(change)), 7);
                        (void)buf_add_text(b, change);
                        is = did;
                }
                (void)buf_printf(b, " %9s", facts[i].format(was, text));
                if (facts[i].has_change && has_change && *format_change(is, was, change))
                        (void)buf_printf(b, "  %s", change);
                (void)buf_add_char(b, '\n');
        }
}

/* What the steps below do not show. */
void view_add_lost(const json_t *lost, const char *mark, struct buf *b)
{
        uint64_t n = progress_number(lost, "calls");
        char money[FORMAT_BYTES];

        if (n > 0)
                (void)buf_printf(b,
                                 "%sof it %s for %" PRIu64
                                 " call%s that the end of a daemon cut off, as estimated\n",
                                 mark, format_money(progress_number(lost, "nanousd"), money), n,
                                 n == 1 ? "" : "s");
}

/* ---- by rule ---- */

/* A rule may cost in one respect what it saves in another. Without a value, blanks. */
static void add_signed(struct buf *b, const json_t *value, const char *(*format)(uint64_t, char *),
                       size_t columns)
{
        json_int_t n = json_integer_value(value);
        char number[FORMAT_BYTES], text[FORMAT_BYTES + 4] = "";

        if (value)
                snprintf(text, sizeof(text), "%s%s", n < 0 ? "−" : "",
                         format(n < 0 ? -(uint64_t)n : (uint64_t)n, number));
        add_blanks(b, format_width(span_of(text)), columns);
        (void)buf_add_text(b, text);
}

static const struct {
        const char *key;
        const char *(*format)(uint64_t, char *);
        size_t columns;
} effects[] = {
        {"calls", format_count, 7},   {"input", format_count, 8}, {"output", format_count, 8},
        {"nanousd", format_money, 9}, {"ms", format_ms, 8},
};

static void add_rule(struct buf *b, const json_t *rule, bool has_measured)
{
        static const size_t shown[] = {3, 4}; /* of what was measured: money and time */
        const char *name = json_get_text(rule, "name");
        _cleanup_json_ json_t *none = json_integer(0);

        (void)buf_printf(b, "%-10s", name ? name : "");
        for (size_t k = 0; k < N_ELEMENTS(effects); k++)
                add_signed(b, json_object_get(rule, effects[k].key) ?: none, effects[k].format,
                           effects[k].columns);
        for (size_t k = 0; has_measured && k < N_ELEMENTS(shown); k++)
                add_signed(
                        b,
                        json_object_get(json_object_get(rule, "measured"), effects[shown[k]].key),
                        effects[shown[k]].format, k == 0 ? 11 : 8);
        while (b->n > 0 && b->at[b->n - 1] == ' ')
                b->n--;
        (void)buf_add_char(b, '\n');
}

/* What each rule saved; those that found nothing to do are left out. */
static void add_rules(struct buf *b, const json_t *plan)
{
        bool is_first = true, has_measured = view_measured(plan);
        json_t *rule;
        size_t i;

        json_array_foreach (json_object_get(plan, "rules"), i, rule) {
                const json_t *measured = json_object_get(rule, "measured");
                bool is_idle = true;

                for (size_t k = 0; k < N_ELEMENTS(effects); k++)
                        is_idle &=
                                json_integer_value(json_object_get(rule, effects[k].key)) == 0 &&
                                json_integer_value(json_object_get(measured, effects[k].key)) == 0;
                if (is_idle)
                        continue;
                if (is_first)
                        (void)buf_printf(b, "\n%-10s %6s %7s %7s %8s %7s%s\n", "saved by", "calls",
                                         "input", "output", "money", "time",
                                         has_measured ? "   measured    time" : "");
                is_first = false;
                add_rule(b, rule, has_measured);
        }
}

void view_add_compression(const json_t *rules, const char *mark, struct buf *b)
{
        json_t *rule;
        size_t i;

        json_array_foreach ((json_t *)rules, i, rule) {
                char full[FORMAT_BYTES], compressed[FORMAT_BYTES];

                if (progress_number(rule, "full") > 0)
                        (void)buf_printf(
                                b, "%sprompts: %s tokens in full, %s compressed\n", mark,
                                format_count(progress_number(rule, "full"), full),
                                format_count(progress_number(rule, "compressed"), compressed));
        }
}

int view_tabulate_plan(const json_t *plan, size_t columns, struct buf *b)
{
        add_counts(b, plan);
        view_add_findings(b, json_object_get(plan, "findings"));
        add_totals(b, plan);
        view_add_unpriced(plan, "money      is without ", ", whose price is not known\n", b);
        view_add_lost(json_object_get(plan, "lost"), "", b);
        add_rules(b, plan);
        view_add_compression(json_object_get(plan, "rules"), "\n", b);
        if (add_steps(b, plan, columns) < 0)
                return -ENOMEM;
        return b->failed;
}
