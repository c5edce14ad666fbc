/* Content from the client: what a job needs, and how it comes in pieces. A blob counts only when
 * the whole matches its hash. */

#include "daemon/jobs/blobs.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/path.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/journal.h"
#include "daemon/jobs/life.h"
#include "daemon/store/store.h"
#include "proto/base64.h"

#define MAX_NEEDS 100000 /* files of one job */

int job_add_need(struct job *job, const char *path, const struct hash *h)
{
        struct need *needs;

        if (job->n_needs >= MAX_NEEDS)
                return -E2BIG;
        needs = realloc(job->needs, (job->n_needs + 1) * sizeof(*needs));
        if (!needs)
                return -ENOMEM;
        job->needs = needs;
        needs[job->n_needs] = (struct need){.path = path ? strdup(path) : NULL};
        if (path && !needs[job->n_needs].path)
                return -ENOMEM;
        if (h)
                needs[job->n_needs].hash = *h;
        job->n_needs++;
        return 0;
}

void job_check_needs(struct job *job)
{
        for (size_t i = 0; i < job->n_needs; i++) {
                struct need *n = &job->needs[i];
                uint64_t size;

                if (n->path ? !n->is_met || n->is_absent : n->is_met)
                        continue;
                n->is_met = store_blob_size(job->jobs->c.store, job->uid, &n->hash, &size) !=
                            CONDITION_ABSENT;
        }
}

bool job_needs_met(const struct job *job)
{
        for (size_t i = 0; i < job->n_needs; i++)
                if (!job->needs[i].is_met)
                        return false;
        return true;
}

int job_ask_for(struct job *job, const struct strlist *hashes)
{
        size_t kept = 0;

        /* What was asked for by hash before has come, and was not enough. */
        for (size_t i = 0; i < job->n_needs; i++)
                if (job->needs[i].path)
                        job->needs[kept++] = job->needs[i];
        job->n_needs = kept;
        for (size_t i = 0; i < hashes->n; i++) {
                struct hash h;
                int k = hash_from_hex(span_of(hashes->at[i]), &h);

                k = k ? k : job_add_need(job, NULL, &h);
                if (k < 0)
                        return k;
        }
        return 0;
}

void job_forget_needs(struct job *job)
{
        for (size_t i = 0; i < job->n_needs; i++)
                free(job->needs[i].path);
        free(job->needs);
        job->needs = NULL;
        job->n_needs = 0;
}

static void upload_free(struct job *job, struct upload *u)
{
        LIST_REMOVE(u, entry);
        job->n_uploads--;
        buf_done(&u->content);
        free(u);
}

void job_forget_uploads(struct job *job)
{
        struct upload *u;

        while ((u = LIST_FIRST(&job->uploads)))
                upload_free(job, u);
}

/* The open need that this content answers. */
static struct need *find_need(struct job *job, const char *path, const struct hash *h)
{
        for (size_t i = 0; i < job->n_needs; i++) {
                struct need *n = &job->needs[i];

                if (n->is_met || n->is_storing)
                        continue;
                if (n->path ? str_is_equal(n->path, path) : h && hash_is_equal(&n->hash, h))
                        return n;
        }
        return NULL;
}

static struct upload *find_upload(struct job *job, const struct hash *h, uint64_t size)
{
        struct upload *u;

        LIST_FOREACH (u, &job->uploads, entry)
                if (hash_is_equal(&u->hash, h) && u->size == size)
                        return u;
        if (job->n_uploads >= JOB_MAX_UPLOADS)
                return NULL;
        u = calloc(1, sizeof(*u));
        if (!u)
                return NULL;
        u->hash = *h;
        u->size = size;
        buf_init(&u->content, size + 1);
        LIST_INSERT_HEAD(&job->uploads, u, entry);
        job->n_uploads++;
        return u;
}

struct put {
        jobs_reply_fn *on_reply;
        void *arg;
        uint64_t size;
        size_t need; /* of job->needs, which only grow while content is on its way */
};

static void reply_have(jobs_reply_fn *on_reply, void *arg, uint64_t have, bool is_complete)
{
        char text[80];
        int n = snprintf(text, sizeof(text), "{\"have\":%llu,\"complete\":%s}",
                         (unsigned long long)have, is_complete ? "true" : "false");

        on_reply(arg, (struct span){text, (size_t)n}, NULL);
}

static void on_stored(struct job *job, int r, void *arg)
{
        struct put *p = arg;

        assert(p->need < job->n_needs);
        job->needs[p->need].is_storing = false;
        job->needs[p->need].is_met = r == 0;
        if (r < 0) {
                bool is_waiting = job->state == JOB_WAITING && job->wait == WAIT_BLOBS;
                struct failure *f =
                        failure_new(r == -ENOSPC ? FAILURE_DISK_FULL : FAILURE_INTERNAL, NULL);

                p->on_reply(p->arg, (struct span){0}, f);
                failure_free(f);
                if (!job->needs[p->need].path && is_waiting) /* else the journal has done it */
                        job_suspend(job, r);
        } else {
                reply_have(p->on_reply, p->arg, p->size, true);
                if (job->state == JOB_WAITING && job->wait == WAIT_BLOBS && job_needs_met(job))
                        job_continue(job);
        }
        free(p);
}

/* The content is whole and right: into state, and the need is met with the commit. What was asked
 * for by its hash says itself that it is there (job_check_needs): the record, which lists all the
 * files of a job, is not written anew for each of them. */
static int store_content(struct job *job, struct need *need, const struct hash *h,
                         struct span content, bool is_absent, jobs_reply_fn *on_reply, void *arg)
{
        struct store_batch *b = NULL;
        struct put *p = calloc(1, sizeof(*p));
        int k = p ? store_batch_new(STORE_STATE, &b) : -ENOMEM;

        if (k == 0 && !is_absent)
                k = store_blob_put(b, job->uid, h, content, clock_realtime_ms());
        if (k < 0) {
                store_batch_free(b);
                free(p);
                return k;
        }
        *p = (struct put){.on_reply = on_reply,
                          .arg = arg,
                          .size = content.n,
                          .need = (size_t)(need - job->needs)};
        need->is_storing = true;
        need->is_absent = is_absent;
        if (h)
                need->hash = *h;
        if (need->path)
                journal_commit(job, b, NULL, 0, on_stored, p);
        else
                journal_commit_beside(job, b, on_stored, p);
        return 0;
}

static struct failure *refuse(const char *text)
{
        return failure_new(FAILURE_BAD_BLOB, "%s", text);
}

/* One piece. CONDITION_REFUSED with failure; 0: answered or to be answered. */
static int put_piece(struct job *job, const json_t *params, jobs_reply_fn *on_reply, void *arg,
                     struct failure **ret_failure)
{
        const char *path = json_get_text(params, "path"), *hex = json_get_text(params, "sha256"),
                   *data = json_get_text(params, "data");
        uint64_t size = 0, offset = 0;
        struct upload *u;
        struct need *need;
        struct hash h, sum;
        int k;

        if (json_get_bool(params, "absent", false)) {
                need = find_need(job, path, NULL);
                *ret_failure = need && need->path ? NULL : refuse("nobody asked for this path");
                return *ret_failure ? CONDITION_REFUSED
                                    : store_content(job, need, NULL, (struct span){0}, true,
                                                    on_reply, arg);
        }
        (void)json_get_u64(params, "offset", &offset);
        if (!hex || hash_from_hex(span_of(hex), &h) < 0 || !json_get_u64(params, "size", &size) ||
            size > JOB_MAX_BLOB_BYTES)
                return (*ret_failure = refuse("`sha256` and `size` (at most 16 MiB) are needed"))
                               ? CONDITION_REFUSED
                               : -ENOMEM;
        need = find_need(job, path, &h);
        if (!need)
                return (*ret_failure = refuse("nobody asked for this content")) ? CONDITION_REFUSED
                                                                                : -ENOMEM;
        u = find_upload(job, &h, size);
        if (!u)
                return (*ret_failure = refuse("too many half-sent blobs")) ? CONDITION_REFUSED
                                                                           : -ENOMEM;
        if (offset != u->content.n)
                return (*ret_failure = refuse("`offset` is not where the last piece ended"))
                               ? CONDITION_REFUSED
                               : -ENOMEM;
        k = base64_decode(&u->content, span_of(data ? data : ""));
        if (k < 0 || u->content.n > size) {
                upload_free(job, u);
                return (*ret_failure = refuse("`data` is not base64, or longer than `size`"))
                               ? CONDITION_REFUSED
                               : -ENOMEM;
        }
        if (u->content.n < size) {
                reply_have(on_reply, arg, u->content.n, false);
                return 0;
        }
        hash_of(u->content.at ? u->content.at : "", u->content.n, &sum);
        if (!hash_is_equal(&sum, &h)) {
                upload_free(job, u);
                return (*ret_failure = refuse("the content does not match its hash"))
                               ? CONDITION_REFUSED
                               : -ENOMEM;
        }
        k = store_content(job, need, &h, buf_span(&u->content), false, on_reply, arg);
        upload_free(job, u);
        return k;
}

void jobs_put_blob(struct jobs *j, const struct peer *p, const json_t *params,
                   jobs_reply_fn *on_reply, void *arg)
{
        struct failure *failure = NULL;
        struct job *job = NULL;
        int k = job_find_param(j, p, params, &job, &failure);

        if (k == 0)
                k = put_piece(job, params, on_reply, arg, &failure);
        if (k < 0)
                failure = failure_new(FAILURE_INTERNAL, "%s", strerror(-k));
        if (k)
                on_reply(arg, (struct span){0}, failure);
        failure_free(failure);
        job_unref(job);
}

/* Whose it is: a client fetches thousands of contents of one job after it ended, and its record
 * needs reading for the first only. */
static int find_owner(struct jobs *j, const struct peer *p, const json_t *params, uint32_t *ret,
                      struct failure **ret_failure)
{
        const char *id = json_get_text(params, "job");
        struct job *job = NULL;
        struct ulid u;
        int k;

        if (j->owner.is_known && id && ulid_from_text(span_of(id), &u) == 0 &&
            memcmp(&u, &j->owner.job, sizeof(u)) == 0 && (p->is_root || p->uid == j->owner.uid)) {
                *ret = j->owner.uid;
                return 0;
        }
        k = job_find_param(j, p, params, &job, ret_failure);
        if (k)
                return k;
        *ret = j->owner.uid = job->uid;
        j->owner.job = job->id;
        j->owner.is_known = true;
        job_unref(job);
        return 0;
}

int jobs_get_blob(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
                  struct failure **ret_failure)
{
        uint64_t offset = 0, limit = (uint64_t)4 << 20, size = 0;
        const char *hex = json_get_text(params, "sha256");
        _cleanup_buf_ struct buf content = {0};
        uint32_t owner;
        struct hash h;
        int k = find_owner(j, p, params, &owner, ret_failure);

        if (k)
                return k;
        (void)json_get_u64(params, "offset", &offset);
        (void)json_get_u64(params, "limit", &limit);
        limit = MIN2(limit, (uint64_t)4 << 20);
        buf_init(&content, 0);
        k = hex && hash_from_hex(span_of(hex), &h) == 0
                    ? store_blob_size(j->c.store, owner, &h, &size)
                    : CONDITION_ABSENT;
        if (k == 0 && offset < size)
                k = store_blob_get(j->c.store, owner, &h, offset, limit, &content);
        if (k > 0) {
                *ret_failure = failure_new(FAILURE_NO_SUCH_BLOB, NULL);
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        if (k < 0)
                return k;
        buf_printf(out, "{\"size\":%llu,\"offset\":%llu,\"end\":%s,\"data\":\"",
                   (unsigned long long)size, (unsigned long long)offset,
                   offset + content.n >= size ? "true" : "false");
        k = base64_encode(out, buf_span(&content));
        buf_add_text(out, "\"}");
        return k ? k : out->failed;
}
