#include "client/settle.h"

#include "common/json.h"
#include "common/str.h"

#define LISTED_MAX 200u /* as the daemon keeps */
#define WHY_BYTES 1000u

static int put_number(const json_t *from, const char *key, json_t *to)
{
        json_t *value = json_object_get(from, key);

        return value ? json_put(to, key, json_incref(value)) : 0;
}

/* A sentence of the system's may be long; cut at the end of a character. */
static json_t *short_file(const json_t *file)
{
        const char *why = json_get_text(file, "why");
        struct span head = str_head(span_of(why ? why : ""), WHY_BYTES);

        return json_pack("{s:O, s:s%, s:O}", "path", json_object_get(file, "path"), "why", head.at,
                         head.n, "findings", json_object_get(file, "findings"));
}

static int put_list(const json_t *from, const char *key, bool is_of_files, json_t *to)
{
        const json_t *list = json_object_get(from, key);
        json_t *copy = list ? json_array() : NULL, *one;
        size_t i;
        int r = list ? json_put(to, key, copy) : 0;

        json_array_foreach ((json_t *)list, i, one)
                if (r == 0 && i < LISTED_MAX)
                        r = json_add(copy, is_of_files ? short_file(one) : json_incref(one));
        return r;
}

static int make_params(const char *job, const json_t *summary, json_t **ret)
{
        const json_t *findings = json_object_get(summary, "findings");
        _cleanup_json_ json_t *params = json_pack("{s:s, s:{}}", "job", job, "findings");
        json_t *told = json_object_get(params, "findings");
        int r = told ? 0 : -ENOMEM;

        r = r ? r : put_number(findings, "repaired", told);
        r = r ? r : put_number(findings, "unverified", told);
        r = r ? r : put_number(findings, "review", told);
        r = r ? r : put_number(findings, "not_written", told);
        r = r ? r : put_list(findings, "review_files", false, told);
        r = r ? r : put_list(findings, "not_written_files", true, told);
        r = r ? r : put_number(summary, "verified", params);
        if (r == 0)
                *ret = take(params);
        return r;
}

void settle_tell(struct follow *f, const json_t *done)
{
        const json_t *summary = json_object_get(done, "summary");
        _cleanup_json_ json_t *params = NULL, *reply = NULL;
        struct failure *failure = NULL;

        if (!f->connection || !json_object_get(summary, "findings") ||
            make_params(f->job, summary, &params) < 0)
                return;
        (void)!connection_call(f->connection, "job/settle", take(params), &reply, &failure);
        failure_free(failure);
}
