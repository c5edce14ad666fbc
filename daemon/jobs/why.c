/* Why a file is as it is: made again, reused, templated or kept, and which of its declared inputs
 * changed since the result that stood there before.
 *
 * Planning leaves a row per file that does not simply stand (exec/remember.h) beside the job's
 * record; the journal tells what the file came to. What both results were made from lies in the
 * cache under their keys, as long as it is remembered. */

#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/record.h"
#include "daemon/store/store.h"
#include "daemon/work/inputs.h"

struct why {
        struct job *job;
        const char *path;
        bool is_plain; /* stands in JSON as it is: most events are passed over without reading */
        json_t *step, *row;          /* borrowed from the plan and the rows; row NULL: none */
        json_t *done, *file;         /* owned: the last events of the path; NULL: none */
        struct inputs before, after; /* as far as they are known */
        bool is_before_known, is_after_known;
        json_t *changes; /* owned */
};

static void why_done(struct why *w)
{
        json_decref(w->done);
        json_decref(w->file);
        json_decref(w->changes);
        inputs_done(&w->before);
        inputs_done(&w->after);
}

/* ---- what is known of the file ---- */

static int note_event(struct span key, struct span value, void *arg)
{
        struct why *w = arg;
        json_t *event = NULL, **to;
        struct diag diag;
        const char *type;

        (void)key;
        if (w->is_plain && !memmem(value.at, value.n, w->path, strlen(w->path)))
                return 0;
        if (!memmem(value.at, value.n, "\"task.done\"", 11) &&
            !memmem(value.at, value.n, "\"file\"", 6))
                return 0;
        if (json_read(value, &event, &diag) != 0)
                return 0;
        type = json_get_text(event, "type");
        to = str_is_equal(type, "file")        ? &w->file
             : str_is_equal(type, "task.done") ? &w->done
                                               : NULL;
        if (to && str_is_equal(json_get_text(event, "path"), w->path)) {
                json_decref(*to);
                *to = json_incref(event);
        }
        json_decref(event);
        return 0;
}

static json_t *step_of(const json_t *plan, const char *path)
{
        json_t *step, *task;
        size_t i, k;

        json_array_foreach (json_object_get(plan, "steps"), i, step)
                json_array_foreach (json_object_get(step, "tasks"), k, task)
                        if (str_is_equal(json_string_value(task), path))
                                return step;
        return NULL;
}

static int read_inputs(struct store *s, const char *hex, struct inputs *ret, bool *ret_known)
{
        _cleanup_buf_ struct buf value = {0};
        struct hash key;
        int r;

        *ret_known = false;
        if (!hex || hash_from_hex(span_of(hex), &key) < 0)
                return 0;
        buf_init(&value, 0);
        r = cache_get(s, CACHE_INPUTS, &key, &value);
        r = r ? r : inputs_decode(buf_span(&value), ret);
        if (r < 0 && r != -EBADMSG)
                return r;
        *ret_known = r == 0;
        return 0;
}

/* ---- comparing ---- */

/* The value as JSON under `name`; left out when it is not remembered. */
static int put_value(struct why *w, json_t *o, const char *name, const struct hash *h)
{
        _cleanup_buf_ struct buf value = {0};
        json_t *data = NULL;
        struct diag diag;
        int r;

        buf_init(&value, 0);
        r = cache_get(w->job->jobs->c.store, CACHE_INPUTS, h, &value);
        if (r == 0)
                r = json_read(buf_span(&value), &data, &diag);
        if (r != 0)
                return r < 0 ? r : 0;
        return json_put(o, name, data);
}

static int add_change(struct why *w, const struct input_name *old, const struct input_name *new)
{
        json_t *o = json_object();
        const char *how = !old ? "added" : !new ? "removed" : "changed";
        int r = json_add(w->changes, o);

        r = r < 0 ? r : json_put(o, "input", json_string(new ? new->name : old->name));
        r = r < 0 ? r : json_put(o, "how", json_string(how));
        if (r == 0 && old && new &&strcmp(old->name, new->name) != 0)
                r = json_put(o, "was", json_string(old->name));
        if (r == 0 && old)
                r = put_value(w, o, "old", &old->hash);
        if (r == 0 && new)
                r = put_value(w, o, "new", &new->hash);
        return r;
}

static size_t class_bytes(const char *name)
{
        return strcspn(name, ":");
}

static bool is_same_class(const struct input_name *a, const struct input_name *b)
{
        size_t n = class_bytes(a->name);

        return n == class_bytes(b->name) && memcmp(a->name, b->name, n) == 0;
}

struct sorted {
        const struct input_name **at; /* owned; by name, then hash */
        size_t n;
};

static int compare_inputs(const void *a, const void *b)
{
        const struct input_name *x = *(const struct input_name *const *)a,
                                *y = *(const struct input_name *const *)b;
        int r = strcmp(x->name, y->name);

        return r ? r : memcmp(x->hash.at, y->hash.at, HASH_BYTES);
}

static int sort_inputs(const struct inputs *in, struct sorted *ret)
{
        ret->at = calloc(in->n + 1, sizeof(*ret->at));
        if (!ret->at)
                return -ENOMEM;
        ret->n = in->n;
        for (size_t i = 0; i < in->n; i++)
                ret->at[i] = &in->at[i];
        qsort(ret->at, ret->n, sizeof(*ret->at), compare_inputs);
        return 0;
}

/* What both have goes; of each name that is left, one old and one new value are a change. */
static int compare_sorted(struct why *w, struct sorted *a, struct sorted *b)
{
        size_t i = 0, k = 0, n_a = 0, n_b = 0;
        int r = 0;

        while (r == 0 && (i < a->n || k < b->n)) {
                const struct input_name *x = i < a->n ? a->at[i] : NULL,
                                        *y = k < b->n ? b->at[k] : NULL;
                int order = !x ? 1 : !y ? -1 : strcmp(x->name, y->name);

                if (order == 0 && !hash_is_equal(&x->hash, &y->hash))
                        r = add_change(w, x, y);
                else if (order < 0)
                        a->at[n_a++] = x;
                else if (order > 0)
                        b->at[n_b++] = y;
                i += order <= 0;
                k += order >= 0;
        }
        a->n = n_a;
        b->n = n_b;
        return r;
}

static size_t n_of_class(const struct sorted *s, const struct input_name *like)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n; i++)
                n += is_same_class(s->at[i], like);
        return n;
}

/* A single one that went and a single one that came, of one class: it is called otherwise now. */
static const struct input_name *counterpart(const struct sorted *of, const struct sorted *other,
                                            const struct input_name *at)
{
        if (!at->name[class_bytes(at->name)] || n_of_class(of, at) != 1 ||
            n_of_class(other, at) != 1)
                return NULL;
        for (size_t i = 0; i < other->n; i++)
                if (is_same_class(other->at[i], at))
                        return other->at[i];
        return NULL;
}

static int compare(struct why *w)
{
        struct sorted a = {0}, b = {0};
        int r = sort_inputs(&w->before, &a);

        r = r < 0 ? r : sort_inputs(&w->after, &b);
        r = r < 0 ? r : compare_sorted(w, &a, &b);
        for (size_t i = 0; i < a.n && r == 0; i++)
                r = add_change(w, a.at[i], counterpart(&a, &b, a.at[i]));
        for (size_t i = 0; i < b.n && r == 0; i++)
                if (!counterpart(&b, &a, b.at[i]))
                        r = add_change(w, NULL, b.at[i]);
        free(a.at);
        free(b.at);
        return r;
}

/* ---- saying it ---- */

enum because {
        BECAUSE_STANDS,
        BECAUSE_EDITED,
        BECAUSE_FIRST,
        BECAUSE_MISSING,
        BECAUSE_FRESH,
        BECAUSE_CHANGED,
        BECAUSE_UNSURE,
        BECAUSE_UNKNOWN,
        BECAUSE_SAME,
        N_BECAUSE
};

static const struct {
        const char *name, *sentence;
} reasons[N_BECAUSE] = {
        [BECAUSE_STANDS] = {"stands", "nothing that it is made from has changed"},
        [BECAUSE_EDITED] = {"edited",
                            "nothing that it is made from has changed; it was edited on disk"},
        [BECAUSE_FIRST] = {"first", "the output directory did not have it"},
        [BECAUSE_MISSING] = {"missing",
                             "nothing that it is made from has changed, but it was not on disk"},
        [BECAUSE_FRESH] = {"fresh", "it was asked for again with --fresh"},
        [BECAUSE_CHANGED] = {"changed", "what it is made from has changed"},
        [BECAUSE_UNSURE] = {"unsure", "what it is made from has not changed; but files that it "
                                      "depends on will be made again, "
                                      "and their interfaces may"},
        [BECAUSE_UNKNOWN] = {"unknown", "what it is made from has changed, but what it was made "
                                        "from before is not remembered any more"},
        [BECAUSE_SAME] = {"same", "nothing that it is made from has changed, but the result could "
                                  "not be taken from where it was"},
};

static const char *new_key(const struct why *w)
{
        const char *key = w->file ? json_get_text(w->file, "fingerprint") : NULL;

        return key ? key : json_get_text(w->row, "key");
}

static enum because because_of(const struct why *w)
{
        const char *old = json_get_text(w->row, "old"), *new = new_key(w),
                   *disk = json_get_text(w->row, "disk");
        const char *source =
                w->done ? json_get_text(w->done, "source") : json_get_text(w->step, "kind");

        if (!w->row)
                return str_is_equal(source, "keep") ? BECAUSE_STANDS : BECAUSE_FIRST;
        if (json_array_size(w->changes) > 0)
                return BECAUSE_CHANGED;
        if (str_is_equal(source, "keep") && w->done)
                return str_is_equal(disk, "edited") ? BECAUSE_EDITED : BECAUSE_STANDS;
        if (!w->done && json_object_get(w->row, "unsure"))
                return BECAUSE_UNSURE;
        if (!old || !new || !str_is_equal(old, new))
                return BECAUSE_UNKNOWN;
        if (w->job->is_fresh)
                return BECAUSE_FRESH;
        if (str_is_equal(disk, "missing"))
                return BECAUSE_MISSING;
        return str_is_equal(source, "keep") ? BECAUSE_STANDS : BECAUSE_SAME;
}

static int put_copy(json_t *to, const json_t *from, const char *key)
{
        json_t *value = json_object_get(from, key);

        return value ? json_put(to, key, json_incref(value)) : 0;
}

static json_t *planned_json(const struct why *w)
{
        json_t *o = json_object();
        int r = o ? 0 : -ENOMEM;

        r = r < 0 ? r : put_copy(o, w->step, "kind");
        r = r < 0 ? r : put_copy(o, w->step, "certain");
        r = r < 0 ? r : put_copy(o, w->step, "reason");
        if (r == 0)
                return o;
        json_decref(o);
        return NULL;
}

static int write_answer(struct why *w, struct buf *out)
{
        static const char *const told[] = {"source", "verdict", "error"};
        _cleanup_json_ json_t *o = json_object();
        enum because because = because_of(w);
        const char *old = json_get_text(w->row, "old"), *new = new_key(w);
        int r = o ? 0 : -ENOMEM;

        r = r < 0 ? r : json_put(o, "job", json_string(w->job->id_text));
        r = r < 0 ? r : json_put(o, "path", json_string(w->path));
        r = r < 0 ? r : json_put(o, "done", json_boolean(w->done != NULL));
        for (size_t i = 0; w->done && i < N_ELEMENTS(told) && r == 0; i++)
                r = put_copy(o, w->done, told[i]);
        r = r < 0 ? r : json_put(o, "planned", planned_json(w));
        r = r < 0 ? r : json_put(o, "because", json_string(reasons[because].name));
        r = r < 0 ? r : json_put(o, "sentence", json_string(reasons[because].sentence));
        if (r == 0 && w->row) {
                r = json_put(o, "old", old ? json_string(old) : json_null());
                r = r < 0 ? r : json_put(o, "new", new ? json_string(new) : json_null());
                r = r < 0 ? r : json_put(o, "old_known", json_boolean(w->is_before_known));
                r = r < 0 ? r : put_copy(o, w->row, "disk");
        }
        if (r == 0 && !w->done && w->row)
                r = put_copy(o, w->row, "unsure");
        r = r < 0 ? r : json_put(o, "changes", json_incref(w->changes));
        return r < 0 ? r : json_write(o, out);
}

/* ---- */

static int look(struct why *w)
{
        struct store *s = w->job->jobs->c.store;
        const char *old = json_get_text(w->row, "old"), *new;
        int r;

        w->changes = json_array();
        r = w->changes ? store_scan(s, TABLE_EVENT,
                                    (struct span){(const char *)w->job->id.at, ULID_BYTES},
                                    (struct span){0}, note_event, w)
                       : -ENOMEM;
        new = new_key(w);
        if (r < 0 || !old || !new || str_is_equal(old, new))
                return r;
        r = read_inputs(s, old, &w->before, &w->is_before_known);
        r = r < 0 ? r : read_inputs(s, new, &w->after, &w->is_after_known);
        return r < 0 || !w->is_before_known || !w->is_after_known ? r : compare(w);
}

static int read_beside(const struct job *job, char what, json_t **ret)
{
        _cleanup_buf_ struct buf value = {0};
        struct diag diag;
        int r;

        buf_init(&value, 0);
        r = job_get_beside(job, what, &value);
        if (r == 0 && json_read(buf_span(&value), ret, &diag) != 0)
                r = -EBADMSG;
        return r;
}

static int refuse(struct failure **ret, enum failure_id id, const char *text)
{
        *ret = failure_new(id, "%s", text);
        return *ret ? CONDITION_REFUSED : -ENOMEM;
}

static int answer(struct why *w, struct buf *out, struct failure **ret_failure)
{
        _cleanup_json_ json_t *plan = NULL, *beside = NULL;
        int r = read_beside(w->job, JOB_BESIDE_PLAN, &plan);

        if (r == CONDITION_ABSENT)
                return refuse(ret_failure, FAILURE_BAD_STATE, "the job has no plan yet");
        if (r == 0)
                r = read_beside(w->job, JOB_BESIDE_WHY, &beside);
        if (r < 0)
                return r;
        w->step = step_of(plan, w->path);
        w->row = json_object_get(json_object_get(beside, "files"), w->path);
        if (!w->step)
                return refuse(ret_failure, FAILURE_NO_SUCH_FILE, "the job makes no such file");
        r = look(w);
        return r < 0 ? r : write_answer(w, out);
}

static bool is_plain_text(const char *text)
{
        while (*text >= ' ' && *text < 0x7f && *text != '"' && *text != '\\')
                text++;
        return !*text;
}

int jobs_why(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
             struct failure **ret_failure)
{
        struct why w = {.path = json_get_text(params, "path")};
        int r = job_find_param(j, p, params, &w.job, ret_failure);

        if (r)
                return r;
        w.is_plain = is_plain_text(w.path);
        r = answer(&w, out, ret_failure);
        why_done(&w);
        job_unref(w.job);
        return r;
}
