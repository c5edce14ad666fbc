#include "tests/sim/bound.h"

#include "common/json.h"
#include "common/str.h"

#define NO_CALL SIZE_MAX
#define MINUTE_USEC 60e6

struct call {
        const json_t *row; /* borrowed */
        uint64_t start, end;
        uint64_t ready;   /* on the longest path to it, this had passed */
        size_t waits_for; /* the call before it on that path, or NO_CALL */
        const char *file; /* borrowed: what of that call */
};

struct sent { /* a file of an answer, or the end of a call that should have had it */
        size_t i_call;
        uint64_t usec;
        uint64_t until; /* when another stood in its place */
};

struct work {
        struct call *calls; /* owned: in the order of their starts */
        size_t n;
        json_t *made, *tried; /* owned: path → [[call, usec, until]] */
        uint64_t n_again, n_at_once;
};

static uint64_t number_of(const json_t *row, const char *name)
{
        json_int_t n = json_integer_value(json_object_get(row, name));

        return n > 0 ? (uint64_t)n : 0;
}

static bool is_answer(const json_t *row)
{
        uint64_t status = number_of(row, "status");

        return (status == 200 || status == 499) && json_object_get(row, "class");
}

static int compare_starts(const void *a, const void *b)
{
        const struct call *x = a, *y = b;

        return x->start != y->start ? (x->start > y->start) - (x->start < y->start)
                                    : (x->end > y->end) - (x->end < y->end);
}

static int work_fill(struct work *w, const json_t *rows)
{
        w->calls = calloc(json_array_size(rows) + 1, sizeof(*w->calls));
        w->made = json_object();
        w->tried = json_object();
        if (!w->calls || !w->made || !w->tried)
                return -ENOMEM;
        for (size_t i = 0; i < json_array_size(rows); i++) {
                const json_t *row = json_array_get(rows, i);
                struct call *c = &w->calls[w->n];

                if (!is_answer(row))
                        continue;
                *c = (struct call){.row = row,
                                   .start = number_of(row, "start_us"),
                                   .end = number_of(row, "end_us"),
                                   .waits_for = NO_CALL};
                c->end = MAX2(c->end, c->start);
                w->n++;
        }
        qsort(w->calls, w->n, sizeof(*w->calls), compare_starts);
        return 0;
}

static void work_done(struct work *w)
{
        free(w->calls);
        json_decref(w->made);
        json_decref(w->tried);
}

static int note_sent(json_t *where, const char *path, size_t i_call, uint64_t usec)
{
        json_t *list = json_object_get(where, path);

        if (!list) {
                list = json_array();
                if (!list || json_object_set_new(where, path, list) < 0)
                        return -ENOMEM;
        }
        return json_array_append_new(list, json_pack("[I I I]", (json_int_t)i_call,
                                                     (json_int_t)usec, (json_int_t)INT64_MAX)) < 0
                       ? -ENOMEM
                       : 0;
}

static struct sent read_sent(const json_t *entry)
{
        return (struct sent){(size_t)json_integer_value(json_array_get(entry, 0)),
                             (uint64_t)json_integer_value(json_array_get(entry, 1)),
                             (uint64_t)json_integer_value(json_array_get(entry, 2))};
}

static uint64_t path_until(const struct work *w, const struct sent *s)
{
        return w->calls[s->i_call].ready + (s->usec - w->calls[s->i_call].start);
}

/* What stood for this path at that time: its entry. Where several do (projects have names in
 * common), the one that says least. NULL: nothing. */
static json_t *find_sent(const struct work *w, const json_t *where, const char *path, uint64_t usec,
                         struct sent *ret)
{
        const json_t *list = json_object_get(where, path);
        json_t *found = NULL;

        for (size_t i = 0; i < json_array_size(list); i++) {
                struct sent s = read_sent(json_array_get(list, i));

                if (s.usec > usec || s.until <= usec ||
                    (found && path_until(w, &s) >= path_until(w, ret)))
                        continue;
                *ret = s;
                found = json_array_get(list, i);
        }
        return found;
}

static void wait_for(struct work *w, struct call *c, const struct sent *s, const char *path)
{
        uint64_t ready = path_until(w, s);

        if (c->waits_for != NO_CALL && ready <= c->ready)
                return;
        c->ready = ready;
        c->waits_for = s->i_call;
        c->file = path;
}

/* Asks for what did not come, or for what came and was refused. */
static json_t *find_first_try(const struct work *w, const struct call *c, const char *path,
                              struct sent *ret)
{
        json_t *found = json_is_true(json_object_get(c->row, "told_why"))
                                ? find_sent(w, w->made, path, c->start, ret)
                                : NULL;

        return found ? found : find_sent(w, w->tried, path, c->start, ret);
}

/* What this call was shown, and what it asks for once more. */
static void find_waits(struct work *w, struct call *c)
{
        const json_t *shows = json_object_get(c->row, "shows"),
                     *asks = json_object_get(c->row, "asks");
        bool is_again = false;
        struct sent s;

        for (size_t i = 0; i < json_array_size(shows); i++) {
                const char *path = json_string_value(json_array_get(shows, i));

                if (path && find_sent(w, w->made, path, c->start, &s))
                        wait_for(w, c, &s, path);
        }
        for (size_t i = 0; i < json_array_size(asks); i++) {
                const char *path = json_string_value(json_array_get(asks, i));

                if (!path || !find_first_try(w, c, path, &s))
                        continue;
                is_again = true;
                wait_for(w, c, &s, path);
        }
        w->n_again += is_again;
}

/* A file was sent; it stands in the place of what was refused. */
static int note_file(struct work *w, size_t i_call, const char *path, uint64_t usec)
{
        struct sent s;
        json_t *before = find_first_try(w, &w->calls[i_call], path, &s);

        if (before && json_array_set_new(before, 2, json_integer((json_int_t)usec)) < 0)
                return -ENOMEM;
        return note_sent(w->made, path, i_call, usec);
}

static bool has_file(const json_t *files, const char *path)
{
        for (size_t i = 0; i < json_array_size(files); i++)
                if (str_is_equal(json_get_text(json_array_get(files, i), "path"), path))
                        return true;
        return false;
}

/* What this call sent. */
static int note_call(struct work *w, size_t i_call)
{
        const struct call *c = &w->calls[i_call];
        const json_t *files = json_object_get(c->row, "files"),
                     *asks = json_object_get(c->row, "asks");
        int r = 0;

        for (size_t i = 0; i < json_array_size(files) && !r; i++) {
                const json_t *file = json_array_get(files, i);
                const char *path = json_get_text(file, "path");
                uint64_t usec = number_of(file, "us");

                if (path && usec >= c->start)
                        r = note_file(w, i_call, path, usec);
        }
        for (size_t i = 0; i < json_array_size(asks) && !r; i++) {
                const char *path = json_string_value(json_array_get(asks, i));

                if (path && !has_file(files, path))
                        r = note_sent(w->tried, path, i_call, c->end);
        }
        return r;
}

static int compare_usec(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* The ends of all calls, sorted; the most that were under way. NULL: no memory. */
static uint64_t *sort_ends(struct work *w)
{
        uint64_t *ends = calloc(w->n + 1, sizeof(*ends));
        size_t n_ended = 0;

        for (size_t i = 0; ends && i < w->n; i++)
                ends[i] = w->calls[i].end;
        if (!ends)
                return NULL;
        qsort(ends, w->n, sizeof(*ends), compare_usec);
        for (size_t i = 0; i < w->n; i++) {
                while (n_ended < i && ends[n_ended] <= w->calls[i].start)
                        n_ended++;
                w->n_at_once = MAX2(w->n_at_once, i + 1 - n_ended);
        }
        return ends;
}

/* ---- rate ---- */

struct rate {
        double usec;
        const char *class, *limit;
        uint64_t per_minute;
};

static const char *const limit_names[N_LIMITS] = {
        [LIMIT_REQUESTS] = "requests", [LIMIT_INPUT] = "input", [LIMIT_OUTPUT] = "output"};

static uint64_t charge_of(const struct call *c, enum limit_kind kind)
{
        return kind == LIMIT_REQUESTS ? 1
               : kind == LIMIT_INPUT  ? number_of(c->row, "charged")
                                      : number_of(json_object_get(c->row, "usage"), "output");
}

/* What comes last may be the shortest. */
static double shortest_of(const struct work *w, const char *class)
{
        uint64_t least = UINT64_MAX;

        for (size_t i = 0; i < w->n; i++)
                if (str_is_equal(json_get_text(w->calls[i].row, "class"), class))
                        least = MIN2(least, w->calls[i].end - w->calls[i].start);
        return (double)least;
}

/* When the last call of the class could be over at the earliest. Output is charged at a call's
 * end, and a call is let in while anything is left of it. */
static void find_rate(const struct work *w, const char *class, enum limit_kind kind,
                      uint64_t per_minute, struct rate *ret)
{
        double full = (double)per_minute, taken = 0, shortest = shortest_of(w, class);

        for (size_t i = 0; i < w->n; i++) {
                const struct call *c = &w->calls[i];
                double own = (double)charge_of(c, kind), need;

                if (!str_is_equal(json_get_text(c->row, "class"), class))
                        continue;
                if (kind == LIMIT_OUTPUT) {
                        taken = 0;
                        for (size_t k = 0; k < w->n; k++)
                                if (w->calls[k].end <= c->start &&
                                    str_is_equal(json_get_text(w->calls[k].row, "class"), class))
                                        taken += (double)charge_of(&w->calls[k], kind);
                }
                need = taken + (kind == LIMIT_OUTPUT ? 1 : MIN2(own, full)) - full;
                taken += own;
                if (need > 0 && need / full * MINUTE_USEC + shortest > ret->usec)
                        *ret = (struct rate){need / full * MINUTE_USEC + shortest, class,
                                             limit_names[kind], per_minute};
        }
}

static void find_rates(const struct work *w, const struct limits_config *limits, struct rate *ret)
{
        const char *seen[16];
        size_t n_seen = 0;

        for (size_t i = 0; i < w->n && n_seen < N_ELEMENTS(seen); i++) {
                const char *class = json_get_text(w->calls[i].row, "class");
                size_t k = 0;

                while (k < n_seen && !str_is_equal(seen[k], class))
                        k++;
                if (k < n_seen)
                        continue;
                seen[n_seen++] = class;
                for (size_t kind = 0; kind < N_LIMITS; kind++)
                        if (limits->per_minute[kind])
                                find_rate(w, class, (enum limit_kind)kind, limits->per_minute[kind],
                                          ret);
        }
}

/* ---- the whole ---- */

/* The calls of the longest path, first to last. */
static json_t *path_to_json(const struct work *w, size_t last)
{
        json_t *list = json_array();
        uint64_t until = last == NO_CALL
                                 ? 0
                                 : w->calls[last].ready + w->calls[last].end - w->calls[last].start;
        const char *file = NULL;

        for (size_t i = last; list && i != NO_CALL; i = w->calls[i].waits_for) {
                const struct call *c = &w->calls[i];

                (void)json_array_insert_new(
                        list, 0,
                        json_pack("{s:I s:I s:s*}", "n", (json_int_t)number_of(c->row, "n"), "us",
                                  (json_int_t)(until - c->ready), "file", file));
                until = c->ready;
                file = c->file;
        }
        return list;
}

static json_t *work_to_json(const struct work *w, const struct rate *rate, uint64_t n_at_once)
{
        uint64_t path = 0, sum = 0, first = UINT64_MAX, end = 0, all, bound;
        size_t last = NO_CALL;
        json_t *o;

        for (size_t i = 0; i < w->n; i++) {
                const struct call *c = &w->calls[i];
                uint64_t took = c->end - c->start;

                sum += took;
                first = MIN2(first, c->start);
                end = MAX2(end, c->end);
                if (last == NO_CALL || c->ready + took > path) {
                        path = c->ready + took;
                        last = i;
                }
        }
        all = sum / MAX2(n_at_once, (uint64_t)1);
        bound = MAX2(MAX2(path, all), (uint64_t)rate->usec);
        o = json_pack("{s:I s:I s:I s:I s:I s:I s:I s:I s:s s:I s:o}", "calls", (json_int_t)w->n,
                      "at_once", (json_int_t)n_at_once, "again", (json_int_t)w->n_again, "mean_us",
                      (json_int_t)(sum / MAX2(w->n, (size_t)1)), "path_us", (json_int_t)path,
                      "all_us", (json_int_t)all, "rate_us", (json_int_t)rate->usec, "bound_us",
                      (json_int_t)bound, "by",
                      bound == path  ? "path"
                      : bound == all ? "all"
                                     : "rate",
                      "span_us", (json_int_t)(w->n ? end - first : 0), "path",
                      path_to_json(w, last));
        if (o && rate->class)
                (void)json_object_set_new(o, "rate",
                                          json_pack("{s:s s:s s:I}", "class", rate->class, "limit",
                                                    rate->limit, "per_minute",
                                                    (json_int_t)rate->per_minute));
        return o;
}

json_t *bound_of_log(const json_t *rows, uint64_t n_at_once, const struct limits_config *limits)
{
        _cleanup_(work_done) struct work w = {0};
        _cleanup_free_ uint64_t *ends = NULL;
        struct rate rate = {0};

        if (work_fill(&w, rows) < 0)
                return NULL;
        for (size_t i = 0; i < w.n; i++) {
                find_waits(&w, &w.calls[i]);
                if (note_call(&w, i) < 0)
                        return NULL;
        }
        ends = sort_ends(&w);
        if (!ends)
                return NULL;
        find_rates(&w, limits, &rate);
        return work_to_json(&w, &rate, n_at_once ? n_at_once : w.n_at_once);
}
