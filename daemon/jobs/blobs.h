#pragma once
/* Content that a job needs from its client: what is lacking, and what is half sent. Not for other
 * rooms. */

#include <jansson.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/str.h"
#include "common/ulid.h"

struct job;

#define JOB_MAX_BLOB_BYTES ((uint64_t)16 << 20)
#define JOB_MAX_UPLOADS 64 /* half-sent blobs of one job */

/* Content that the daemon lacks: asked for by path or by hash. */
struct need {
        char *path; /* owned; NULL: by hash */
        struct hash hash;
        bool is_met, is_absent;
        bool is_storing; /* it came and is being committed: met when it is durable */
};

/* The job whose contents were asked for last, and whose it is. */
struct blob_owner {
        struct ulid job;
        uint32_t uid;
        bool is_known;
};

struct upload {
        LIST_ENTRY(upload) entry;
        struct hash hash;
        uint64_t size;
        struct buf content;
};

/* Files that came, and are not there any more, have to come again; content that was asked for by
 * its hash, and is there, need not. */
void job_check_needs(struct job *job);
bool job_needs_met(const struct job *job);
int job_add_need(struct job *job, const char *path, const struct hash *h) _must_check_;
/* Instead of what was asked for by hash before. */
int job_ask_for(struct job *job, const struct strlist *hashes) _must_check_;
json_t *job_needs_json(const struct job *job);
void job_forget_uploads(struct job *job);
void job_forget_needs(struct job *job);
