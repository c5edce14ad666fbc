#pragma once
/* What the verbs of a run share. Not for other rooms. */

#include <sys/queue.h>

#include "common/buf.h"
#include "common/log.h"
#include "daemon/calls/calls.h"
#include "daemon/exec/item.h"
#include "daemon/exec/remember.h"
#include "daemon/exec/run.h"
#include "daemon/work/evidence.h"

enum task_state {
        TASK_BLOCKED,
        TASK_READY,
        TASK_ASSIGNED,
        TASK_CHECKING,
        TASK_PARKED,
        TASK_DONE,
        TASK_FAILED,
        TASK_SKIPPED,
        N_TASK_STATES
};

extern const char *const task_state_names[N_TASK_STATES];

struct run_task {
        enum task_state state;
        uint32_t n_waiting; /* dependencies that are not done */
        struct hash key;    /* F, from TASK_READY on */
        struct hash interface_hash, content;
        char *interface; /* owned; kept while somebody may need it */
        size_t n_interface;
        uint32_t n_users;            /* tasks that depend on it and are not at rest */
        struct candidate *candidate; /* owned; while checking */
        enum source source;
        enum tier tier; /* of the attempt in hand */
        struct evidence evidence;
        enum run_wait wait;      /* TASK_PARKED */
        struct failure *failure; /* owned: why it failed, or is parked */
        uint32_t culprit;        /* TASK_SKIPPED: the task whose failure is the reason */
        char *mended;            /* owned: of the answer that was looked at last; or NULL */
        char *partial; /* owned: the beginning of its file, of an answer that ended too early */
        size_t n_partial;
        bool is_partial_edits;
        char partial_tag[17]; /* of the markers in it */
        uint64_t delay_ms;    /* its next call leaves no sooner */
        unsigned n_continued; /* answers that ended too early, and brought something */
        bool is_template_refused, was_edited, was_delivered;
        struct hash delivered;     /* what a command looks at, or looked at last */
        unsigned n_refused;        /* by the command; from 2 on: publish.h */
        char *refused_for;         /* owned: what it said then, for who writes it again; or NULL */
        bool is_withdrawn;         /* done, and taken back when the command refused it after all */
        bool is_reused;            /* what the command is to judge was known */
        bool needs_review;         /* a person is to look at the repair */
        uint32_t n_left, n_kept;   /* of its findings: not repaired; of them: need no change */
        struct left_finding *left; /* owned: n_left of them, by index; NULL: all are repaired */
        double candidate_score;    /* of what was published */
        bool is_shown_whole;       /* the whole context: its own was not enough */
        bool is_moved;             /* to `tier`, without an attempt: its own window is too small */
        bool is_decided, is_gathered; /* it joins the call planned for it or not; waits in it */
        bool is_queued; /* in the ready queue, or held: for all of its group that are gathered */
        struct stake *stake; /* owned by the table; in its key, while it is asked for or waits */
        bool is_elsewhere;   /* waits for another job that makes it */
        bool is_joined;      /* another job has made it, or paid for it, at the same time */
        uint64_t nanousd, started_usec;
        struct tokens tokens;
};

/* One model call of the run: for one or more tasks. */
struct run_call {
        TAILQ_ENTRY(run_call) entry;
        struct run *run; /* borrowed: it owns its calls */
        uint64_t n;
        uint32_t *tasks; /* owned */
        size_t n_tasks;
        struct call *call;     /* owned until it is settled */
        struct answer *answer; /* owned; NULL: one text */
        struct buf before;     /* of an earlier answer: what this one goes on from */
        char tag[17];
        struct text_bytes prompt_bytes;
        enum tier tier;
        uint32_t prefixes[N_BEGINNINGS]; /* of the plan */
        size_t n_answer_bytes;
        char *model, *provider; /* owned */
        size_t n_checking;
        uint32_t again; /* the first of its tasks that are asked for again together, or NO_TASK */
        unsigned n_resets;                      /* attempts whose text is void */
        bool has_ended, is_broken, has_brought; /* brought: too early, but there is something */
        /* of the outcome */
        enum stop_reason stop;
        struct failure *failure; /* owned */
        struct usage usage;
        uint64_t nanousd, ms, first_token_ms;
        unsigned n_attempts;
        bool is_payer;
        char request_id[80]; /* the provider's, or empty */
};

struct run {
        struct run_setup setup;
        struct run_events events;
        void *arg;
        struct work *work;      /* borrowed from the hold */
        struct work_hold *hold; /* counted: workers that judge have it, too */
        struct run_task *tasks; /* owned, as the two below */
        uint32_t *users; /* edges: users of task i are users[first_user[i]..first_user[i+1]) */
        uint32_t *first_user;
        TAILQ_HEAD(, run_call) calls;
        LIST_HEAD(, run_work_item) items;
        size_t n_calls, n_items, n_at_rest, n_parked;
        struct ready {
                uint64_t path_ms, n; /* longest path first; then as they came */
                uint32_t task;
        } * ready; /* owned: tasks that wait for a free call, a heap (ready.c) */
        size_t n_ready;
        uint64_t n_made_ready;
        struct run_prefix *prefixes; /* owned: per prefix of the plan (ready.c) */
        uint32_t *held;              /* owned: tasks that are ready and wait for a prefix */
        size_t n_held;
        uint32_t *due; /* likewise, of tasks to be settled, or whose users are to be skipped */
        size_t due_head, n_due;
        struct run_totals totals;
        uint64_t started_usec, earlier_ms; /* what earlier runs of the job took */
        struct store_batch *batch;         /* to be handed to on_news at the end of the turn */
        struct news *news;
        size_t n_news, n_orphans_told;
        const char *passed_over[8]; /* borrowed from the routes: providers that do not answer */
        size_t n_passed_over;
        struct failure *stops[N_TIERS]; /* owned: what parked the first task for a person; no
                                           further call of the tier leaves while it stands */
        uint32_t *undecided; /* owned; per step of the plan: tasks that may still join its call */
        size_t n_gathered;   /* tasks that wait for the others of their call */
        size_t n_elsewhere;  /* and for other jobs */
        json_t *claims;      /* owned: new path -> the task whose repair makes it, or NULL */
        struct remembered remembered; /* inputs and values that the cache is known to have */
        bool is_flush_due, is_pumping, is_ended, is_dead, has_warned, has_warned_window;
        bool was_verified, is_verified; /* a command of the user's: it ran, and passed at last */
        struct result text;             /* of a job of one text */
        bool has_text;
};

/* run.c */
void run_task_move(struct run *r, uint32_t task, enum task_state to);
void run_task_done(struct run *r, uint32_t task); /* wakes its users */
void run_task_fail(struct run *r, uint32_t task,
                   struct failure *why); /* takes why; skips its users */
void run_task_park(struct run *r, uint32_t task, enum run_wait wait, struct failure *why);
void run_pump(struct run *r);                      /* starts what can start, tells what cannot */
void run_task_woken(struct run *r, uint32_t task); /* it waited for another job */
struct run_task *run_task_of(struct run *r, uint32_t task);
/* A log line with the job and, unless it is NO_TASK, the task that it is about. */
#define NO_TASK UINT32_MAX
void run_log(const struct run *r, uint32_t task, enum log_level level, const char *event,
             const char *format, ...) _printf_(5, 6);
/* settle.c */
void settle(struct run *r, uint32_t task);
/* The interface of a file that was kept is read when somebody is to be shown it. */
int interface_load(struct run *r, uint32_t task) _must_check_;
/* The text that the answer for the task edits: what its dependency made of the file, what stands,
 * or what a template renders. CONDITION_ABSENT: it is written whole. */
int base_load(struct run *r, uint32_t task, struct span *ret) _must_check_;
/* obtain.c */
void obtain(struct run *r,
            uint32_t task); /* template at once; a call waits for its turn in the ready queue */
void obtain_by_call(struct run *r, uint32_t task);
void run_call_free(struct run_call *c);
/* A fault that a person can end parks the task; any other is its failure. Takes why. */
void task_stopped(struct run *r, uint32_t task, struct failure *why);
/* share.c: what other jobs make, and make with us */
void share_leave(struct run *r, uint32_t task, bool is_made); /* at rest, or parked */
void share_woken(struct run *r, uint32_t task);
void share_note(struct run_call *c); /* it ended: who paid is known */
/* The cache is given it, and whoever waits for it finds it there. */
bool share_is_for_others(const struct task *t);
/* late.c: the run goes, what came whole for it does not. Before its calls go. */
void late_let_go(struct run *r);
void late_finish(struct run_work_item *item); /* judged, and its run has gone */
/* check.c */
int judge_start(struct run *r, uint32_t task, struct run_call *call, struct span text,
                bool was_cut) _must_check_;
int render_start(struct run *r, uint32_t task) _must_check_;
/* What was refused of a void attempt is forgotten. */
void judge_again(struct run *r, uint32_t task);
void release_hold(struct work_hold *h, struct loop *loop);
/* Without confidence (strict) no doubt is left standing. */
bool candidate_is_good(const struct candidate *c, bool is_strict);
struct candidate *candidate_free(struct candidate *c);
DEFINE_CLEANUP(struct candidate, candidate_free);
/* Takes e->text; climbs the ladder. */
void task_refused(struct run *r, uint32_t task, struct evidence *e);
void call_checked(struct run_call *c); /* all that came with it is checked: publish and settle */

#include "daemon/exec/publish.h"
