#include "client/view/report.h"

#include <stdio.h>

#include "client/view/format.h"
#include "client/view/progress.h"
#include "client/view/view.h"

#define PERMILLE 1000

static int copy(const json_t *from, const char *key, json_t *to, const char *as)
{
        json_t *value = json_object_get(from, key);

        return value && !json_is_null(value) ? json_put(to, as, json_incref(value)) : 0;
}

static int add_task(const json_t *step, const json_t *row, json_t *tasks)
{
        static const char *const keys[] = {"path",    "source", "state", "attempts",
                                           "nanousd", "ms",     "error", "joined"};
        static const char *const counts[] = {"input", "cache_read", "cache_write", "output"};
        const json_t *tokens = json_object_get(row, "tokens");
        _cleanup_json_ json_t *o = json_object();
        int r = o ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                r = r < 0 ? r : copy(row, keys[i], o, keys[i]);
        for (size_t i = 0; i < N_ELEMENTS(counts); i++)
                r = r < 0 ? r : copy(tokens, counts[i], o, counts[i]);
        r = r < 0 ? r : copy(step, "tier", o, "tier");
        r = r < 0 ? r : copy(step, "reason", o, "reason");
        return r < 0 ? r : json_add(tasks, take(o));
}

static int put_tasks(const json_t *plan, json_t *report)
{
        _cleanup_json_ json_t *tasks = json_array();
        json_t *step, *row;
        size_t i, k;
        int r = tasks ? 0 : -ENOMEM;

        json_array_foreach (json_object_get(plan, "steps"), i, step) {
                json_array_foreach (json_object_get(json_object_get(step, "measured"), "tasks"), k,
                                    row)
                        r = r < 0 ? r : add_task(step, row, tasks);
        }
        return r < 0 ? r : json_put(report, "tasks", take(tasks));
}

static json_t *less(uint64_t a, uint64_t b)
{
        return json_integer((json_int_t)a - (json_int_t)b);
}

static int put_saved(const json_t *plan, json_t *report)
{
        static const char *const keys[] = {"calls", "nanousd", "ms"};
        const json_t *naive = json_object_get(plan, "naive"), *measured = view_measured(plan);
        json_t *saved;
        int r;

        if (!measured || !view_is_done(plan))
                return 0;
        saved = json_object();
        r = json_put(report, "saved", saved);
        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                r = r < 0 ? r
                          : json_put(saved, keys[i],
                                     less(progress_number(naive, keys[i]),
                                          progress_number(measured, keys[i])));
        return r < 0 ? r
                     : json_put(saved, "tokens",
                                less(progress_tokens(naive), progress_tokens(measured)));
}

int report_make(const json_t *plan, const json_t *about, json_t **ret)
{
        static const char *const heads[] = {"job", "kind", "state", "label", "created", "ended"};
        static const struct {
                const char *key, *as;
        } parts[] = {{"totals", "planned"}, {"naive", "naive"}, {"lost", "lost"},
                     {"phases", "phases"},  {"rules", "rules"}, {"unpriced", "unpriced"}};
        static const char *const facts[] = {"cache_share", "files",    "retries", "checks",
                                            "resume",      "findings", "placed",  "verified"};
        const json_t *summary = json_object_get(plan, "summary");
        _cleanup_json_ json_t *o = json_object();
        int r = o ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_ELEMENTS(heads); i++)
                r = r < 0 ? r : copy(about, heads[i], o, heads[i]);
        for (size_t i = 0; i < N_ELEMENTS(parts); i++)
                r = r < 0 ? r : copy(plan, parts[i].key, o, parts[i].as);
        if (view_measured(plan))
                r = r < 0 ? r : copy(plan, "measured", o, "measured");
        for (size_t i = 0; i < N_ELEMENTS(facts); i++)
                r = r < 0 ? r : copy(summary, facts[i], o, facts[i]);
        r = r < 0 ? r : put_saved(plan, o);
        r = r < 0 ? r : put_tasks(plan, o);
        if (r == 0)
                *ret = take(o);
        return r;
}

/* ---- two of them ---- */

static const struct {
        const char *name, *unit, *part, *key; /* part NULL: of the report itself */
        const char *of;                       /* the figure that it is a part of; NULL: none */
} figures[] = {
        {"time", "ms", "measured", "ms"},
        {"model calls", "ms", "phases", "calls", "time"},
        {"other work", "ms", "phases", "other", "time"},
        {"planning", "ms", "phases", "planning"},
        {"waiting", "ms", "phases", "waiting"},
        {"money", "nanousd", "measured", "nanousd"},
        {"money, naive", "nanousd", "naive", "nanousd"},
        {"calls", "n", "measured", "calls"},
        {"retries", "n", NULL, "retries"},
        {"input", "tokens", "measured", "input"},
        {"cache write", "tokens", "measured", "cache_write"},
        {"cache read", "tokens", "measured", "cache_read"},
        {"output", "tokens", "measured", "output"},
        {"files kept", "n", "files", "keep"},
        {"files reused", "n", "files", "reuse"},
        {"files by template", "n", "files", "template"},
        {"files mechanical", "n", "files", "mechanical"},
        {"files by model", "n", "files", "call"},
        {"with other jobs", "n", "files", "joined", "files by model"},
        {"files failed", "n", "files", "failed"},
};

const char *report_format(const char *unit, uint64_t n, char *ret)
{
        if (strcmp(unit, "ms") == 0)
                return format_ms(n, ret);
        if (strcmp(unit, "nanousd") == 0)
                return format_money(n, ret);
        if (strcmp(unit, "tokens") == 0)
                return format_count(n, ret);
        snprintf(ret, FORMAT_BYTES, "%llu%s",
                 (unsigned long long)(strcmp(unit, "permille") == 0 ? n / 10 : n),
                 strcmp(unit, "permille") == 0 ? " %" : "");
        return ret;
}

const char *report_format_change(const char *unit, uint64_t is, uint64_t was, char *ret)
{
        if (strcmp(unit, "permille") != 0)
                return format_change(is, was, ret);
        /* The points that a reader gets who takes one from the other, as both are shown. */
        snprintf(
                ret, FORMAT_BYTES, "%s%llu points", is / 10 < was / 10 ? "−" : "+",
                (unsigned long long)(is / 10 < was / 10 ? was / 10 - is / 10 : is / 10 - was / 10));
        return ret;
}

static int add_figure(json_t *list, const char *name, const char *of, const char *unit, uint64_t a,
                      uint64_t b)
{
        return json_add(list, json_pack("{s:s, s:s*, s:s, s:I, s:I}", "name", name, "of", of,
                                        "unit", unit, "a", (json_int_t)a, "b", (json_int_t)b));
}

static uint64_t share_of(const json_t *report, const char *provider)
{
        double share = json_number_value(
                json_object_get(json_object_get(report, "cache_share"), provider));

        return share <= 0 ? 0 : (uint64_t)(MIN2(share, 1.0) * PERMILLE + 0.5);
}

/* Providers of either. */
static int add_shares(const json_t *a, const json_t *b, json_t *list)
{
        _cleanup_json_ json_t *all = json_object();
        const char *provider;
        json_t *share;
        int r = all ? 0 : -ENOMEM;

        if (r == 0 && json_object_get(a, "cache_share"))
                r = json_object_update(all, json_object_get(a, "cache_share"));
        if (r == 0 && json_object_get(b, "cache_share"))
                r = json_object_update(all, json_object_get(b, "cache_share"));
        json_object_foreach (all, provider, share) {
                _cleanup_buf_ struct buf name = {0};

                if (r < 0 || buf_printf(&name, "cache share, %s", provider) < 0)
                        return -ENOMEM;
                r = add_figure(list, name.at, NULL, "permille", share_of(a, provider),
                               share_of(b, provider));
        }
        return r < 0 ? -ENOMEM : 0;
}

static int index_tasks(const json_t *report, json_t *by_path, json_t *paths)
{
        json_t *task;
        size_t i;

        json_array_foreach (json_object_get(report, "tasks"), i, task) {
                const char *path = json_get_text(task, "path");

                path = path ? path : "(text)";
                if (json_put(by_path, path, json_incref(task)) < 0 ||
                    json_put(paths, path, json_true()) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static bool is_same(const json_t *x, const json_t *y)
{
        const char *s = json_get_text(x, "source"), *t = json_get_text(y, "source");

        return x && y && progress_number(x, "nanousd") == progress_number(y, "nanousd") &&
               (s == t || (s && t && strcmp(s, t) == 0));
}

static int add_differing_tasks(const json_t *a, const json_t *b, json_t *list)
{
        _cleanup_json_ json_t *of_a = json_object(), *of_b = json_object(), *paths = json_object();
        const char *path;
        json_t *unused;
        int r = of_a && of_b && paths ? 0 : -ENOMEM;

        r = r < 0 ? r : index_tasks(a, of_a, paths);
        r = r < 0 ? r : index_tasks(b, of_b, paths);
        if (r < 0)
                return r;
        json_object_foreach (paths, path, unused) {
                json_t *x = json_object_get(of_a, path), *y = json_object_get(of_b, path);

                if (is_same(x, y))
                        continue;
                r = json_add(list, json_pack("{s:s, s:O*, s:O*}", "path", path, "a", x, "b", y));
                if (r < 0)
                        return r;
        }
        return 0;
}

static json_t *head_of(const json_t *report)
{
        static const char *const keys[] = {"job", "label", "state", "created"};
        _cleanup_json_ json_t *o = json_object();

        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                if (copy(report, keys[i], o, keys[i]) < 0)
                        return NULL;
        return take(o);
}

int report_compare(const json_t *a, const json_t *b, json_t **ret)
{
        _cleanup_json_ json_t *o = json_object(), *list = json_array(), *tasks = json_array();
        int r = o && list && tasks ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_ELEMENTS(figures) && r == 0; i++) {
                const char *part = figures[i].part;
                const json_t *x = part ? json_object_get(a, part) : a,
                             *y = part ? json_object_get(b, part) : b;

                r = add_figure(list, figures[i].name, figures[i].of, figures[i].unit,
                               progress_number(x, figures[i].key),
                               progress_number(y, figures[i].key));
        }
        r = r < 0 ? r : add_shares(a, b, list);
        r = r < 0 ? r : add_differing_tasks(a, b, tasks);
        r = r < 0 ? r : json_put(o, "a", head_of(a));
        r = r < 0 ? r : json_put(o, "b", head_of(b));
        r = r < 0 ? r : json_put(o, "figures", json_incref(list));
        r = r < 0 ? r : json_put(o, "tasks", json_incref(tasks));
        if (r == 0)
                *ret = take(o);
        return r;
}
