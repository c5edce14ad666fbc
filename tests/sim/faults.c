#include "tests/sim/faults.h"

#include "common/json.h"
#include "common/str.h"

static const struct {
        const char *name;
        enum fault_group group;
} kinds[N_FAULTS] = {
        [FAULT_RATE_LIMIT] = {"rate_limit", GROUP_REPLY},
        [FAULT_SPEND_CAP] = {"spend_cap", GROUP_REPLY},
        [FAULT_USAGE_LIMIT] = {"usage_limit", GROUP_REPLY},
        [FAULT_BAD_REQUEST] = {"bad_request", GROUP_REPLY},
        [FAULT_UNAUTHORIZED] = {"unauthorized", GROUP_REPLY},
        [FAULT_BILLING] = {"billing", GROUP_REPLY},
        [FAULT_FORBIDDEN] = {"forbidden", GROUP_REPLY},
        [FAULT_NOT_FOUND] = {"not_found", GROUP_REPLY},
        [FAULT_CONFLICT] = {"conflict", GROUP_REPLY},
        [FAULT_TOO_LARGE] = {"too_large", GROUP_REPLY},
        [FAULT_SERVER_ERROR] = {"server_error", GROUP_REPLY},
        [FAULT_TIMEOUT] = {"timeout", GROUP_REPLY},
        [FAULT_OVERLOADED] = {"overloaded", GROUP_REPLY},
        [FAULT_STATUS] = {"status", GROUP_REPLY},
        [FAULT_DROP] = {"drop", GROUP_REPLY},
        [FAULT_RESET] = {"reset", GROUP_REPLY},
        [FAULT_EMPTY_BODY] = {"empty_body", GROUP_REPLY},
        [FAULT_ERROR_TEXT] = {"error_text", GROUP_REPLY},
        [FAULT_ERROR_HTML] = {"error_html", GROUP_REPLY},
        [FAULT_SLOW_FIRST_BYTE] = {"slow_first_byte", GROUP_STREAM},
        [FAULT_HOLD] = {"hold", GROUP_STREAM},
        [FAULT_CUT] = {"cut", GROUP_STREAM},
        [FAULT_STALL] = {"stall", GROUP_STREAM},
        [FAULT_ERROR_FRAME] = {"error_frame", GROUP_STREAM},
        [FAULT_EMPTY] = {"empty", GROUP_STREAM},
        [FAULT_SPLIT] = {"split", GROUP_STREAM},
        [FAULT_NO_STOP] = {"no_stop", GROUP_STREAM},
        [FAULT_NO_USAGE] = {"no_usage", GROUP_STREAM},
        [FAULT_NULL_USAGE] = {"null_usage", GROUP_STREAM},
        [FAULT_CRLF] = {"crlf", GROUP_STREAM},
        [FAULT_NOISE] = {"noise", GROUP_STREAM},
        [FAULT_TIGHT] = {"tight", GROUP_STREAM},
        [FAULT_USAGE_IN_FINISH] = {"usage_in_finish", GROUP_STREAM},
        [FAULT_ODD_CONTENT] = {"odd_content", GROUP_STREAM},
        [FAULT_ROLES] = {"roles", GROUP_STREAM},
        [FAULT_NO_ROLE] = {"no_role", GROUP_STREAM},
        [FAULT_JOINED_FINISH] = {"joined_finish", GROUP_STREAM},
        [FAULT_TOOL_CALLS] = {"tool_calls", GROUP_STREAM},
        [FAULT_REASONING] = {"reasoning", GROUP_STREAM},
        [FAULT_ERROR_EVENT] = {"error_event", GROUP_STREAM},
        [FAULT_ERROR_LINE] = {"error_line", GROUP_STREAM},
        [FAULT_ERROR_DONE] = {"error_done", GROUP_STREAM},
        [FAULT_ABORT] = {"abort", GROUP_STREAM},
        [FAULT_MISSING_FILE] = {"missing_file", GROUP_ANSWER},
        [FAULT_FENCE] = {"fence", GROUP_ANSWER},
        [FAULT_INNER_FENCE] = {"inner_fence", GROUP_ANSWER},
        [FAULT_CHATTER] = {"chatter", GROUP_ANSWER},
        [FAULT_TRUNCATE] = {"truncate", GROUP_ANSWER},
        [FAULT_WRONG_PATH] = {"wrong_path", GROUP_ANSWER},
        [FAULT_EMPTY_FILE] = {"empty_file", GROUP_ANSWER},
        [FAULT_REFUSAL] = {"refusal", GROUP_ANSWER},
        [FAULT_NO_END] = {"no_end", GROUP_ANSWER},
        [FAULT_WRONG_TAG] = {"wrong_tag", GROUP_ANSWER},
        [FAULT_BROKEN] = {"broken", GROUP_ANSWER},
        [FAULT_PLACEHOLDER] = {"placeholder", GROUP_ANSWER},
        [FAULT_NO_IMPORT] = {"no_import", GROUP_ANSWER},
};

enum value_type { TYPE_TEXT, TYPE_U64, TYPE_I64, TYPE_REAL, TYPE_BOOL };

#define MEMBER(n, t)                             \
        {                                        \
#n, t, offsetof(struct fault, n) \
        }
static const struct {
        const char *name;
        enum value_type type;
        size_t offset;
} members[] = {
        MEMBER(path, TYPE_TEXT),
        MEMBER(match, TYPE_TEXT),
        MEMBER(model, TYPE_TEXT),
        MEMBER(body, TYPE_TEXT),
        MEMBER(error, TYPE_TEXT),
        MEMBER(nth, TYPE_U64),
        MEMBER(every, TYPE_U64),
        MEMBER(times, TYPE_U64),
        {"count", TYPE_U64, offsetof(struct fault, times)},
        MEMBER(probability, TYPE_REAL),
        MEMBER(retry_after_ms, TYPE_I64),
        {"date", TYPE_BOOL, offsetof(struct fault, is_date)},
        MEMBER(should_retry, TYPE_I64),
        MEMBER(status, TYPE_U64),
        MEMBER(bytes, TYPE_U64),
        MEMBER(events, TYPE_U64),
        MEMBER(ms, TYPE_U64),
        MEMBER(tokens, TYPE_U64),
        MEMBER(file, TYPE_U64),
        {"reset", TYPE_BOOL, offsetof(struct fault, is_reset)},
};

#define FAULTS_MAX 256 /* more is a mistake in a test's loop */

struct faults {
        struct fault *at[FAULTS_MAX]; /* counted */
        size_t n;
};

static struct fault *fault_unref(struct fault *x)
{
        if (!x || --x->n_refs)
                return NULL;
        free(x->path);
        free(x->match);
        free(x->model);
        free(x->body);
        free(x->error);
        free(x);
        return NULL;
}
DEFINE_CLEANUP(struct fault, fault_unref);

static struct fault *fault_ref(struct fault *x)
{
        x->n_refs++;
        return x;
}

int faults_new(struct faults **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

void faults_clear(struct faults *f)
{
        while (f->n)
                fault_unref(f->at[--f->n]);
}

struct faults *faults_free(struct faults *f)
{
        if (f)
                faults_clear(f);
        free(f);
        return NULL;
}

const char *fault_kind_name(enum fault_kind kind)
{
        return kinds[kind].name;
}

enum fault_group fault_kind_group(enum fault_kind kind)
{
        return kinds[kind].group;
}

static int refuse_kind(const char *name, struct buf *why)
{
        buf_printf(why, "no fault of the kind '%s'; there are:", name);
        for (size_t i = 0; i < N_FAULTS; i++)
                buf_printf(why, " %s", kinds[i].name);
        return CONDITION_REFUSED;
}

static int fault_new(const char *kind, struct buf *why, struct fault **ret)
{
        struct fault *x;
        size_t i;

        for (i = 0; i < N_FAULTS; i++)
                if (str_is_equal(kinds[i].name, kind))
                        break;
        if (i == N_FAULTS)
                return refuse_kind(kind, why);
        x = calloc(1, sizeof(*x));
        if (!x)
                return -ENOMEM;
        x->kind = (enum fault_kind)i;
        x->n_refs = 1;
        x->probability = -1;
        x->retry_after_ms = x->should_retry = -1;
        *ret = x;
        return 0;
}

static int member_set(struct fault *x, const char *name, const char *value, struct buf *why)
{
        int r = -EINVAL;

        for (size_t i = 0; i < N_ELEMENTS(members); i++) {
                void *at = (char *)x + members[i].offset;

                if (!str_is_equal(members[i].name, name))
                        continue;
                switch (members[i].type) {
                case TYPE_TEXT:
                        free(*(char **)at);
                        *(char **)at = strdup(value);
                        r = *(char **)at ? 0 : -ENOMEM;
                        break;
                case TYPE_U64:
                        r = str_to_u64(value, at);
                        break;
                case TYPE_I64:
                        r = str_to_i64(value, at);
                        break;
                case TYPE_REAL:
                        r = str_to_double(value, at);
                        break;
                case TYPE_BOOL:
                        *(bool *)at = str_is_equal(value, "true") || str_is_equal(value, "1");
                        r = 0;
                        break;
                }
                if (r < 0 && r != -ENOMEM) {
                        buf_printf(why, "'%s' is no value for %s", value, name);
                        return CONDITION_REFUSED;
                }
                return r;
        }
        buf_printf(why, "a fault has no '%s'", name);
        return CONDITION_REFUSED;
}

static int faults_add(struct faults *f, struct fault **x, struct buf *why)
{
        if (f->n == FAULTS_MAX) {
                buf_printf(why, "more than %d faults", FAULTS_MAX);
                return CONDITION_REFUSED;
        }
        f->at[f->n++] = take(*x);
        return 0;
}

int faults_add_spec(struct faults *f, const char *spec, struct buf *why)
{
        _cleanup_(fault_unrefp) struct fault *x = NULL;
        _cleanup_free_ char *copy = strdup(spec);
        char *at = copy, *kind;
        int r;

        if (!copy)
                return -ENOMEM;
        kind = strsep(&at, ",");
        if (str_has_prefix(kind, "kind="))
                kind += 5;
        r = fault_new(kind, why, &x);
        while (!r && at) {
                bool is_rest = str_has_prefix(at, "match=");
                char *value = is_rest ? take(at) : strsep(&at, ","), *name = strsep(&value, "=");

                if (!value) {
                        buf_printf(why, "'%s' lacks a value", name);
                        return CONDITION_REFUSED;
                }
                r = member_set(x, name, value, why);
        }
        return r ? r : faults_add(f, &x, why);
}

static int add_object(struct faults *f, const json_t *value, struct buf *why)
{
        _cleanup_(fault_unrefp) struct fault *x = NULL;
        const char *kind = json_get_text(value, "kind"), *name;
        json_t *member;
        int r;

        r = fault_new(kind ? kind : "", why, &x);
        if (r)
                return r;
        json_object_foreach ((json_t *)value, name, member) {
                _cleanup_free_ char *text = NULL;

                if (str_is_equal(name, "kind"))
                        continue;
                if (json_is_string(member))
                        text = strdup(json_string_value(member));
                else
                        text = json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
                if (!text)
                        return -ENOMEM;
                r = member_set(x, name, text, why);
                if (r)
                        return r;
        }
        return faults_add(f, &x, why);
}

int faults_add_json(struct faults *f, const json_t *value, struct buf *why)
{
        int r = 0;

        if (!json_is_array(value))
                return add_object(f, value, why);
        for (size_t i = 0; i < json_array_size(value) && !r; i++)
                r = add_object(f, json_array_get(value, i), why);
        return r;
}

static bool fault_fits(const struct fault *x, const struct fault_view *v)
{
        if (x->path && !str_is_equal(x->path, "*") && !str_is_equal(x->path, v->path))
                return false;
        if (x->model && (!v->model || !strstr(v->model, x->model)))
                return false;
        if (kinds[x->kind].group == GROUP_ANSWER && v->has_evidence)
                return false;
        if (!x->match)
                return true;
        for (size_t i = 0; i < v->n_texts; i++)
                if (memmem(v->texts[i].at, v->texts[i].n, x->match, strlen(x->match)))
                        return true;
        return false;
}

static bool fault_fires(struct fault *x, double (*chance)(void *), void *arg)
{
        uint64_t times = x->times ? x->times : x->nth && !x->every ? 1 : UINT64_MAX;

        if (x->n_fired >= times)
                return false;
        if (x->nth && !x->every && x->n_seen < x->nth)
                return false;
        if (x->every && x->n_seen % x->every != x->nth % x->every)
                return false;
        if (x->probability >= 0 && chance(arg) >= x->probability)
                return false;
        x->n_fired++;
        return true;
}

bool faults_want_evidence(const struct faults *f)
{
        for (size_t i = 0; i < f->n; i++)
                if (kinds[f->at[i]->kind].group == GROUP_ANSWER)
                        return true;
        return false;
}

void faults_pick(struct faults *f, const struct fault_view *view, double (*chance)(void *arg),
                 void *arg, struct fault_set *ret)
{
        memset(ret, 0, sizeof(*ret));
        for (size_t i = 0; i < f->n; i++) {
                struct fault *x = f->at[i];
                bool is_reply = kinds[x->kind].group == GROUP_REPLY;

                if (!fault_fits(x, view))
                        continue;
                x->n_seen++;
                if ((is_reply ? ret->reply : ret->at[x->kind]) || !fault_fires(x, chance, arg))
                        continue;
                if (is_reply)
                        ret->reply = fault_ref(x);
                else
                        ret->at[x->kind] = fault_ref(x);
        }
}

void fault_set_done(struct fault_set *s)
{
        s->reply = fault_unref(s->reply);
        for (size_t i = 0; i < N_FAULTS; i++)
                s->at[i] = fault_unref(s->at[i]);
}

json_t *faults_to_json(const struct faults *f)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < f->n; i++) {
                const struct fault *x = f->at[i];
                json_t *o = json_pack("{s:s s:I s:I s:s? s:I}", "kind", kinds[x->kind].name, "seen",
                                      (json_int_t)x->n_seen, "fired", (json_int_t)x->n_fired,
                                      "match", x->match, "nth", (json_int_t)x->nth);

                if (!o || json_array_append_new(list, o) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}
