#include "daemon/input/fix-wanted.h"

#include "common/json.h"

#define NAMED_MAX 4

/* One kind of words: what they may mean. */
struct vocabulary {
        const char *option, *what; /* "--rules", "rule of the analysis" */
        const json_t *words;       /* borrowed; NULL: not asked for */
        const char **at;           /* owned; the names are borrowed */
        size_t n, n_named;         /* the first n_named are what the analysis has findings of */
        bool is_pattern;
};

static bool means(const struct vocabulary *v, const char *word)
{
        for (size_t i = 0; i < v->n; i++)
                if (v->is_pattern ? fix_filter_matches(word, v->at[i])
                                  : strcmp(word, v->at[i]) == 0)
                        return true;
        return false;
}

static void add_name(struct vocabulary *v, const char *name)
{
        if (name)
                v->at[v->n++] = name;
}

static void add_some(const struct vocabulary *v, struct buf *b)
{
        size_t n_told = 0;

        for (size_t i = 0; i < v->n_named && n_told < NAMED_MAX; i++) {
                bool is_told = false;

                for (size_t k = 0; k < i && !is_told; k++)
                        is_told = strcmp(v->at[i], v->at[k]) == 0;
                if (!is_told)
                        (void)buf_printf(b, "%s%s", n_told++ ? ", " : "; there is ", v->at[i]);
        }
}

/* A word without a slash is about names of files, or all of an id. */
static const char *find_near(const struct vocabulary *v, const char *word)
{
        _cleanup_free_ const char **names = calloc(v->n + 1, sizeof(*names));

        for (size_t i = 0; names && i < v->n; i++) {
                const char *slash = strchr(word, '/') ? NULL : strrchr(v->at[i], '/');

                names[i] = slash ? slash + 1 : v->at[i];
        }
        return names ? str_nearest(word, names, v->n) : NULL;
}

/* "no rule of the analysis is called `imprt-001`; did you mean `import-001`?" */
static void tell(const struct vocabulary *v, const char *word, struct buf *b)
{
        const char *near = find_near(v, word);

        (void)buf_printf(b, "%s %s `%.100s`", v->what, v->is_pattern ? "matches" : "is called",
                         word);
        if (near)
                (void)buf_printf(b, "; did you mean `%s`?", near);
        else
                add_some(v, b);
}

/* Words of one list that mean nothing, each told in a text. */
static int find_unknown(const struct vocabulary *v, struct strlist *ret)
{
        const json_t *word;
        size_t i;

        json_array_foreach ((json_t *)v->words, i, word) {
                _cleanup_buf_ struct buf b = {0};
                int r;

                if (!json_is_string(word) || means(v, json_string_value(word)))
                        continue;
                (void)buf_printf(&b, "%s: ", v->option);
                tell(v, json_string_value(word), &b);
                r = b.failed ? b.failed : strlist_add(ret, b.at);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int look_at_rules(const struct making *m, struct strlist *ret)
{
        const struct analysis *a = m->s->a;
        struct vocabulary v = {.option = "--rules",
                               .what = "no rule of the analysis",
                               .words = m->s->filter->rules,
                               .at = calloc(a->n_rules + a->unmatched.n + 1, sizeof(*v.at)),
                               .is_pattern = true};
        int r = v.at ? 0 : -ENOMEM;

        for (size_t i = 0; i < a->n_rules && r == 0; i++)
                add_name(&v, a->rules[i].id);
        v.n_named = v.n;
        for (size_t i = 0; i < a->unmatched.n && r == 0; i++)
                add_name(&v, a->unmatched.at[i]);
        r = r ? r : find_unknown(&v, ret);
        free(v.at);
        return r;
}

static int look_at_categories(const struct making *m, struct strlist *ret)
{
        static const char *const known[] = {"mandatory", "optional", "potential"};
        const struct analysis *a = m->s->a;
        struct vocabulary v = {.option = "--categories",
                               .what = "no category",
                               .words = m->s->filter->categories,
                               .at = calloc(a->n_rules + N_ELEMENTS(known), sizeof(*v.at))};
        int r = v.at ? 0 : -ENOMEM;

        for (size_t i = 0; i < a->n_rules && r == 0; i++)
                add_name(&v, a->rules[i].category);
        v.n_named = v.n;
        for (size_t i = 0; i < N_ELEMENTS(known) && r == 0; i++)
                add_name(&v, known[i]);
        r = r ? r : find_unknown(&v, ret);
        free(v.at);
        return r;
}

static int look_at_files(const struct making *m, const struct place *places, const json_t *words,
                         const char *option, struct strlist *ret)
{
        const struct analysis *a = m->s->a;
        struct vocabulary v = {.option = option,
                               .what = "no file that the analysis names",
                               .words = words,
                               .at = calloc(a->n_incidents + m->s->n_paths + 1, sizeof(*v.at)),
                               .is_pattern = true};
        int r = v.at ? 0 : -ENOMEM;

        for (size_t i = 0; i < a->n_incidents && r == 0; i++)
                if (places[i].kind == PLACE_HERE &&
                    (i == 0 || places[i].path != places[i - 1].path))
                        add_name(&v, places[i].path);
        v.n_named = MIN2(v.n, (size_t)50);
        for (size_t i = 0; i < m->s->n_paths && r == 0; i++)
                add_name(&v, m->s->paths[i]);
        for (size_t i = 0; i < a->n_incidents && r == 0; i++)
                if (places[i].kind != PLACE_HERE)
                        add_name(&v, places[i].path);
        r = r ? r : find_unknown(&v, ret);
        free(v.at);
        return r;
}

static int refuse(struct failure **ret_failure, const char *where, const char *text,
                  const char *remedy)
{
        *ret_failure = where ? failure_new_at(FAILURE_BAD_SPEC, where, "%s", text)
                             : failure_new(FAILURE_BAD_SPEC, "%s", text);
        if (!*ret_failure || failure_set_remedy(*ret_failure, "%s", remedy) < 0)
                return -ENOMEM;
        return CONDITION_REFUSED;
}

/* Nothing of the analysis is in the tree, whatever was asked for. */
static int look_at_source(struct making *m, const struct place *places,
                          struct failure **ret_failure)
{
        const struct analysis *a = m->s->a;
        _cleanup_free_ char *text = NULL;
        size_t n = 0, first = 0;

        for (size_t i = 0; i < a->n_incidents; i++) {
                if (places[i].kind == PLACE_HERE)
                        return 0;
                if (places[i].kind != PLACE_GONE && places[i].kind != PLACE_ELSEWHERE)
                        continue;
                first = n++ == 0 ? i : first;
        }
        if (n == 0 || (m->not_there.n == 0 && m->counts.n_places[PLACE_ELSEWHERE] == 0))
                return 0; /* libraries and build outputs; or taken away by an earlier repair */
        text = str_printf(
                "no file of the analysis stands in the source: %zu finding%s, as in %.200s", n,
                n == 1 ? "" : "s", a->incidents[first].uri);
        return text ? refuse(ret_failure, "--source", text,
                             "name the folder that was analysed with --source; `genopt fix "
                             "ANALYSIS "
                             "--source DIR --dry-run` tells what is found there")
                    : -ENOMEM;
}

static size_t count_insights(const struct making *m)
{
        const struct analysis *a = m->s->a;
        size_t n = 0;

        for (size_t i = 0; i < a->n_incidents && !m->s->filter->has_insights; i++)
                n += a->rules[a->incidents[i].rule].is_insight;
        return n;
}

static int tell_none(struct making *m)
{
        const struct fix_filter *f = m->s->filter;
        size_t n_insights = count_insights(m), n = m->s->a->n_incidents;
        _cleanup_buf_ struct buf b = {0};

        if (m->counts.n_filtered < n)
                return 0; /* some were let through, and stand elsewhere: that is told of its own */
        if (!f->categories && !f->rules && !f->files && !f->exclude && f->max_effort < 0 &&
            !m->s->phases && n_insights == 0)
                return 0;
        (void)buf_printf(&b, "none of %zu findings is asked for", n);
        if (n_insights > 0)
                (void)buf_printf(&b, " (%zu are insights: --insights takes them)", n_insights);
        return b.failed ? b.failed : strlist_add(&m->w->warnings, b.at);
}

int fix_wanted_look(struct making *m, const struct place *places, size_t n,
                    struct failure **ret_failure)
{
        const struct fix_filter *f = m->s->filter;
        struct strlist unknown = {0};
        int r = 0;

        if (m->s->a->n_incidents == 0)
                return 0;
        r = r || !f->rules ? r : look_at_rules(m, &unknown);
        r = r || !f->categories ? r : look_at_categories(m, &unknown);
        r = r || !f->files ? r : look_at_files(m, places, f->files, "--files", &unknown);
        if (r == 0 && n == 0 && unknown.n > 0 && m->counts.n_filtered == m->s->a->n_incidents)
                r = refuse(ret_failure, NULL, unknown.at[0],
                           "nothing is selected: mend it, or leave the option out");
        r = r || !f->exclude ? r : look_at_files(m, places, f->exclude, "--exclude", &unknown);
        for (size_t i = 0; i < unknown.n && r == 0; i++)
                r = strlist_add(&m->w->warnings, unknown.at[i]);
        if (r == 0 && n == 0)
                r = look_at_source(m, places, ret_failure);
        if (r == 0 && n == 0)
                r = tell_none(m);
        strlist_done(&unknown);
        return r;
}

int fix_wanted_look_at_phases(struct making *m)
{
        _cleanup_buf_ struct buf b = {0};
        size_t n = 0;

        for (size_t i = 0; i < m->phases.n; i++)
                n += m->phases.at[i].is_taken ? m->phases.at[i].n_findings : 0;
        if (!m->s->phases || n > 0)
                return 0;
        for (size_t i = 0; i < m->phases.n; i++)
                if (m->phases.at[i].n_findings > 0)
                        (void)buf_printf(&b, "%s%zu of %zu %s", b.n > 0 ? ", " : "",
                                         m->phases.at[i].n_findings, i + 1, m->phases.at[i].name);
        if (b.failed || b.n == 0)
                return b.failed;
        {
                _cleanup_free_ char *text = str_printf(
                        "--phase: nothing is left to do in what was asked for; there is %s", b.at);

                return text ? strlist_add(&m->w->warnings, text) : -ENOMEM;
        }
}
