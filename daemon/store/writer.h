#pragma once
/* The thread that writes an environment.
 *
 * Batches that wait are committed together: while one commit is being synced the next group forms,
 * and no timer delays a lone batch. If a group fails, its batches are tried one by one, so that one
 * that cannot be written takes no other down. *Chores* (trim, clear, verify) are done in slices
 * between groups. What is done goes back to the loop in order. */

#include "daemon/store/batch.h"
#include "daemon/store/env.h"

struct writer;
struct completions;

/* Long work in slices. step() runs in the writer: 0 = again, CONDITION_CHORE_DONE, < 0 failed.
 * After either, completion.run comes on the loop with `result` 0 or the error; -ECANCELED if the
 * store closed first. */
#define CONDITION_CHORE_DONE 20
struct chore {
        struct completion completion;
        STAILQ_ENTRY(chore) next;
        int (*step)(struct chore *c);
        int result;
};
STAILQ_HEAD(chore_list, chore);

/* What differs between state and cache; all in the writer's thread; members may be NULL. */
struct writer_hooks {
        int (*apply)(void *arg, MDB_txn *txn,
                     const struct op *op); /* of OP_CACHE_*: as env_error() */
        void (*after)(void *arg);          /* a group was committed */
        bool (*rest)(void *arg); /* every WRITER_REST_MS while true was returned or something was
                                    written */
        void *arg;
};

#define WRITER_REST_MS 60000
#define WRITER_SYNC_MS 30000 /* cache: what a power cut may take */
#define WRITER_GROUP_BYTES \
        ((size_t)4 << 20) /* bounds LMDB's dirty pages, which are anonymous memory */
#define WRITER_GROUP_BATCHES 1024

struct writer_counts {
        uint64_t n_batches, n_commits, n_failed;
};

int writer_new(struct env *e, struct completions *done, const struct writer_hooks *hooks,
               int pack_level, struct writer **ret) _must_check_;
struct writer *writer_free(
        struct writer *w); /* commits what was submitted; breaks off chores; joins */
void writer_submit(struct writer *w, struct store_batch *b); /* consumes b */
void writer_add(
        struct writer *w,
        struct store_batch *b); /* the same without writer_wake(): by then more may have come */
void writer_wake(struct writer *w);
void writer_submit_chore(struct writer *w, struct chore *c);
void writer_poke(struct writer *w,
                 bool is_urgent); /* hooks->rest() within WRITER_REST_MS; urgent: after() at once */
size_t writer_n_pending(struct writer *w);
size_t writer_pending_bytes(struct writer *w);
void writer_get_counts(struct writer *w, struct writer_counts *ret);
/* Writer's thread: somebody waits, so a long hook should return. */
bool writer_is_wanted(struct writer *w);

/* Within a transaction of the writer: OP_PUT and OP_CACHE_PUT as packed before. */
int op_put(struct env *e, MDB_txn *txn, const struct op *op) _must_check_;

/* Completions on their way to the loop (completions.c). */
struct loop;
int completions_new(struct loop *loop, struct completions **ret) _must_check_;
struct completions *completions_free(struct completions *c); /* runs what is left */
void completions_add(struct completions *c,
                     struct completion_list *done); /* any thread; takes all */
