#include "client/files/left.h"

#include <stdio.h>

#include "common/json.h"
#include "common/str.h"

/* Of a task:
 *
 *     {path, source, n}   its last delivery: which file, counted as what, of how many findings
 *     why                 ... which was left, and why
 *     stands              one of its deliveries is in place
 *     stuck               it was to go back, and why it did not
 */
struct left {
        json_t *tasks; /* owned: by number */
};

int left_new(struct left **ret)
{
        struct left *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->tasks = json_object();
        if (!l->tasks) {
                free(l);
                return -ENOMEM;
        }
        *ret = l;
        return 0;
}

struct left *left_free(struct left *l)
{
        if (l)
                json_decref(l->tasks);
        free(l);
        return NULL;
}

static bool get_key(const json_t *event, char *ret, size_t n)
{
        uint64_t task;

        if (!json_get_u64(event, "task", &task))
                return false;
        snprintf(ret, n, "%llu", (unsigned long long)task);
        return true;
}

static bool is_back(const json_t *event)
{
        return str_is_equal(json_get_text(event, "reason"), "reverted");
}

static int note_back(json_t *row, const char *why)
{
        if (why)
                return json_put(row, "stuck", json_string(why));
        (void)json_object_del(row, "stands");
        return 0;
}

/* Of a file that the task's own repair made: it can only make things worse. */
static int note_made(json_t *row, const char *path, const char *why)
{
        int r = why ? json_put(row, "why", json_string(why)) : 0;

        return r || !why ? r : json_put(row, "path", json_string(path));
}

static int note_put(json_t *row, const json_t *event, const char *why)
{
        const char *from = json_get_text(event, "from");
        size_t n = json_array_size(json_object_get(event, "findings"));
        int r = json_put(row, "path", json_string(from ? from : json_get_text(event, "path")));

        r = r ? r : json_put(row, "source", json_string(json_get_text(event, "source")));
        r = r ? r : json_put(row, "n", json_integer((json_int_t)n));
        (void)json_object_del(row, "why");
        if (r)
                return r;
        return why ? json_put(row, "why", json_string(why)) : json_put(row, "stands", json_true());
}

int left_note(struct left *l, const json_t *event, const char *why)
{
        const char *path = json_get_text(event, "path");
        char key[24];
        json_t *row;
        int r = 0;

        if (!path || !get_key(event, key, sizeof(key)))
                return 0;
        if (!json_object_get(l->tasks, key))
                r = json_put(l->tasks, key, json_object());
        if (r < 0)
                return r;
        row = json_object_get(l->tasks, key);
        if (is_back(event))
                return note_back(row, why);
        if (!json_get_text(event, "source"))
                return 0;
        return json_get_text(event, "of") ? note_made(row, path, why) : note_put(row, event, why);
}

int left_check(struct left *l, left_find_loss_fn *find_loss, void *arg)
{
        const char *key;
        json_t *row;
        int r = 0;

        json_object_foreach (l->tasks, key, row) {
                const char *path = json_get_text(row, "path"), *why = NULL;

                if (r == 0 && path && !json_object_get(row, "why"))
                        why = find_loss(path, arg);
                if (why)
                        r = json_put(row, "why", json_string(why));
        }
        return r;
}

bool left_is_moot(const struct left *l, const json_t *event)
{
        char key[24];
        const json_t *row;

        if (!is_back(event) || !get_key(event, key, sizeof(key)))
                return false;
        row = json_object_get(l->tasks, key);
        return json_object_get(row, "why") && !json_object_get(row, "stands");
}

static json_t *find_failure(const json_t *done, const char *key)
{
        json_t *one;
        size_t i;

        json_array_foreach (json_object_get(done, "failures"), i, one) {
                char own[24];

                if (get_key(one, own, sizeof(own)) && strcmp(own, key) == 0)
                        return one;
        }
        return NULL;
}

static int tell_stuck(json_t *failure, const json_t *row)
{
        json_t *error = json_object_get(failure, "error");
        _cleanup_free_ char *text =
                str_printf("the command refused it twice, and it could not be taken back: %s",
                           json_get_text(row, "stuck"));
        static const char *const remedy =
                "look at the file: the repair still stands there; take it out, or keep it";
        int r = text && error ? 0 : -ENOMEM;

        r = r ? r : json_put(error, "message", json_string(text));
        return r ? r : json_put(failure, "remedy", json_string(remedy));
}

static json_int_t number(const json_t *o, const char *key)
{
        return json_integer_value(json_object_get(o, key));
}

/* ret: how many of them were counted there. */
static int deduct(json_t *counts, const char *source, json_int_t n, json_int_t *ret)
{
        json_int_t counted = number(counts, source);

        *ret = MIN2(n, counted);
        return *ret > 0 ? json_put(counts, source, json_integer(counted - *ret)) : 0;
}

static int drop_review(json_t *findings, const char *path, json_int_t n)
{
        json_t *list = json_object_get(findings, "review_files"), *one;
        size_t i;

        json_array_foreach (list, i, one)
                if (str_is_equal(json_string_value(one), path)) {
                        (void)json_array_remove(list, i);
                        return json_put(findings, "review",
                                        json_integer(MAX2(number(findings, "review") - n, 0)));
                }
        return 0;
}

/* A file once, though several tasks may be about it. */
static int add_file(json_t *files, const char *path, const char *why, json_int_t n)
{
        json_t *one;
        size_t i;

        json_array_foreach (files, i, one)
                if (str_is_equal(json_get_text(one, "path"), path))
                        return json_put(one, "findings", json_integer(number(one, "findings") + n));
        return json_add(files,
                        json_pack("{s:s, s:s, s:I}", "path", path, "why", why, "findings", n));
}

static int settle_row(json_t *findings, json_t *files, const json_t *row, json_int_t *total)
{
        static const char *const counts[] = {"repaired", "unverified"};
        const char *path = json_get_text(row, "path"), *source = json_get_text(row, "source");
        json_int_t n = 0;
        int r = 0;

        for (size_t i = 0; source && i < N_ELEMENTS(counts) && n == 0 && r == 0; i++)
                r = deduct(json_object_get(findings, counts[i]), source, number(row, "n"), &n);
        if (r || n == 0)
                return r;
        *total += n;
        r = drop_review(findings, path, n);
        return r ? r : add_file(files, path, json_get_text(row, "why"), n);
}

int left_settle(const struct left *l, json_t *done)
{
        json_t *findings = json_object_get(json_object_get(done, "summary"), "findings"), *row;
        _cleanup_json_ json_t *files = json_array();
        json_int_t total = 0;
        const char *key;
        int r = files ? 0 : -ENOMEM;

        if (!findings)
                return r;
        json_object_foreach (l->tasks, key, row) {
                json_t *failure = find_failure(done, key);

                if (r == 0 && failure && json_object_get(row, "stuck"))
                        r = tell_stuck(failure, row);
                else if (r == 0 && !failure && json_object_get(row, "why"))
                        r = settle_row(findings, files, row, &total);
        }
        if (r || total == 0)
                return r;
        r = json_put(findings, "not_written", json_integer(total));
        return r ? r : json_put(findings, "not_written_files", json_incref(files));
}
