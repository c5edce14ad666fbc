/* Options of one job: the config's, with what the job said itself. */

#include "common/json.h"
#include "daemon/options/internal.h"

static bool is_jobs(const struct option *o)
{
        return o->scope != SCOPE_DAEMON;
}

static int refuse(struct failure **ret, const char *name, const char *format, ...) _printf_(3, 4);
static int refuse(struct failure **ret, const char *name, const char *format, ...)
{
        _cleanup_buf_ struct buf where = {0}, text = {0};
        va_list args;

        buf_printf(&where, "/params/options/%s", name);
        buf_printf(&text, "`%s` ", name);
        va_start(args, format);
        buf_vprintf(&text, format, args);
        va_end(args);
        if (where.failed || text.failed)
                return -ENOMEM;
        *ret = failure_new_at(FAILURE_BAD_OPTION, where.at, "%s", text.at);
        return *ret ? CONDITION_REFUSED : -ENOMEM;
}

static int match_name(const char *name, struct option_match *ret, struct failure **ret_failure)
{
        const char *nearest, *fault;

        if (option_match(name, ret) || option_match_variable(name, ret)) {
                if (is_jobs(ret->option))
                        return 0;
                return refuse(ret_failure, name,
                              "is set in the daemon's genopt.yaml, not for one job");
        }
        nearest = option_suggest(name);
        fault = option_is_group(name) ? "is a group of options, not one" : "is unknown";
        if (nearest)
                return refuse(ret_failure, name, "%s; did you mean `%s`?", fault, nearest);
        return refuse(ret_failure, name, "%s", fault);
}

/* A switch that is on changes nothing, but for one that a weaker source has off. */
static void switch_on(struct job_options *o, const struct config *c, const struct option_match *m,
                      const struct option_taken *weaker)
{
        enum option_id id = option_id(m->option);

        if (m->is_switch_of_number && weaker && weaker[id].is_switch)
                o->values[id] = c->values[id];
}

/* One value; taken tells what its source has given already, weaker (or NULL) what the source
 * before that did. */
static int take_value(struct job_options *o, const struct config *c, const char *name,
                      const char *text, struct option_taken *taken,
                      const struct option_taken *weaker, struct failure **ret_failure)
{
        char why[OPTION_WHY_BYTES];
        struct option_match m;
        enum option_again again;
        enum option_id id;
        bool is_given;
        uint64_t value;
        int r;

        r = match_name(name, &m, ret_failure);
        if (r != 0)
                return r;
        r = option_read(&m, text, &value, &is_given, why);
        if (r > 0)
                return refuse(ret_failure, name, "%s", why);
        if (r < 0)
                return r;
        if (!is_given) {
                switch_on(o, c, &m, weaker);
                return 0;
        }
        id = option_id(m.option);
        again = option_take(&taken[id], &m);
        if (again == OPTION_TWICE && o->values[id] != value)
                return refuse(ret_failure, name, "is set twice, as `%s` too", taken[id].as);
        if (again == OPTION_INERT)
                return 0;
        if (m.option->scope == SCOPE_JOB_TIGHTEN && value > c->values[id])
                return refuse(ret_failure, name,
                              "may be at most %llu here: a job can lower a limit, not raise it",
                              (unsigned long long)c->values[id]);
        o->values[id] = value;
        return 0;
}

static bool is_of_environment(const char *name)
{
        struct option_match m;

        return option_match_variable(name, &m);
}

/* Those of a client's environment, which come under the variables' names, or what it says itself.
 */
static int take_source(struct job_options *o, const struct config *c, const json_t *given,
                       bool of_environment, struct option_taken *taken,
                       const struct option_taken *weaker, struct failure **ret_failure)
{
        const char *name;
        json_t *text;

        json_object_foreach ((json_t *)given, name, text) {
                int r;

                if (is_of_environment(name) != of_environment)
                        continue;
                if (!json_is_string(text))
                        return refuse(ret_failure, name, "is not a text");
                r = take_value(o, c, name, json_string_value(text), taken, weaker, ret_failure);
                if (r != 0)
                        return r;
        }
        return 0;
}

int job_options_change(struct job_options *o, const struct config *c, const json_t *given,
                       struct failure **ret_failure)
{
        struct option_taken of_environment[N_OPTIONS] = {0}, own[N_OPTIONS] = {0};
        struct job_options changed = *o;
        int r;

        r = take_source(&changed, c, given, true, of_environment, NULL, ret_failure);
        if (r == 0)
                r = take_source(&changed, c, given, false, own, of_environment, ret_failure);
        if (r == 0)
                *o = changed;
        return r;
}

static void take_config(struct job_options *o, const struct config *c)
{
        *o = (struct job_options){0};
        for (size_t i = 0; i < N_OPTIONS; i++)
                if (is_jobs(&option_table[i]))
                        o->values[i] = c->values[i];
}

int job_options_resolve(const struct config *c, const json_t *given, struct job_options *ret,
                        struct failure **ret_failure)
{
        struct job_options o;
        int r;

        take_config(&o, c);
        r = job_options_change(&o, c, given, ret_failure);
        if (r == 0)
                *ret = o;
        return r;
}

static int warn_of_limit(struct strlist *warnings, const struct option *o)
{
        _cleanup_free_ char *text = NULL;

        if (!warnings)
                return 0;
        text = str_printf("`%s` of your genopt.yaml is more than this daemon allows: its own holds",
                          o->name);
        return text ? strlist_add(warnings, text) : -ENOMEM;
}

int job_options_read(const struct config *c, struct span text, struct job_options *ret,
                     struct strlist *ret_warnings, struct failure **ret_failure)
{
        _cleanup_(config_unrefp) struct config *theirs = NULL;
        struct job_options o;
        int r = config_new(&theirs);

        if (r < 0)
                return r;
        memcpy(theirs->values, c->values, sizeof(theirs->values)); /* what it does not say */
        if (text.n > 0)
                r = config_read_file(theirs, text, "genopt.yaml", "/", ret_failure);
        take_config(&o, theirs);
        for (size_t i = 0; i < N_OPTIONS && r == 0; i++) {
                if (option_table[i].scope != SCOPE_JOB_TIGHTEN || o.values[i] <= c->values[i])
                        continue;
                o.values[i] = c->values[i];
                r = warn_of_limit(ret_warnings, &option_table[i]);
        }
        if (r == 0)
                *ret = o;
        return r;
}

/* Written with each change of a job's record: text at once, not by way of an object. */
int job_options_write(const struct job_options *o, struct buf *out)
{
        _cleanup_buf_ struct buf text = {0};
        char before = '{';

        for (size_t i = 0; i < N_OPTIONS; i++) {
                int r;

                if (!is_jobs(&option_table[i]))
                        continue;
                buf_clear(&text);
                r = option_write(&option_table[i], o->values[i], &text);
                buf_add_char(out, before);
                r = r < 0 ? r : json_write_string(out, span_of(option_table[i].name));
                buf_add_char(out, ':');
                r = r < 0 ? r : json_write_string(out, buf_span(&text));
                if (r < 0)
                        return r;
                before = ',';
        }
        return buf_add_char(out, '}');
}

int job_options_from_json(const struct config *c, const json_t *stored, struct job_options *ret)
{
        struct job_options o;

        take_config(&o, c);
        for (size_t i = 0; i < N_OPTIONS; i++) {
                const struct option_match m = {&option_table[i], false};
                const char *text = json_get_text(stored, option_table[i].name);
                char why[OPTION_WHY_BYTES];
                uint64_t value;
                bool is_given;
                int r;

                if (!text || !is_jobs(&option_table[i]))
                        continue;
                r = option_read(&m, text, &value, &is_given, why);
                if (r < 0)
                        return r;
                if (r == 0)
                        o.values[i] = value;
        }
        *ret = o;
        return 0;
}

uint64_t job_options_get_u64(const struct job_options *o, enum option_id id)
{
        assert((unsigned)id < N_OPTIONS && is_jobs(&option_table[id]));
        return o->values[id];
}

bool job_options_get_bool(const struct job_options *o, enum option_id id)
{
        assert((unsigned)id < N_OPTIONS && is_jobs(&option_table[id]) &&
               option_table[id].type == OPTION_BOOL);
        return o->values[id] != 0;
}
