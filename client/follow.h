#pragma once
/* Stays with a job until it ends: shows its events, delivers its files, answers its waits.
 *
 * Replay and live are one path: attaching gives all events from the start, `head` tells where the
 * past ends. What the past asked for is acted upon only if it is still asked when the replay is
 * over. A daemon that dies is started again and the job followed from where it was; one that was
 * stopped is left alone. Ctrl-C leaves the job running. */

#include <signal.h>

#include "client/files/writer.h"
#include "client/link/connection.h"
#include "client/offer/offer.h"
#include "client/view/view.h"

#define FOLLOW_RECONNECTS 3 /* without an event in between */

struct follow {
        const struct client *client;   /* borrowed */
        struct connection *connection; /* owned by the caller; replaced when the daemon went away */
        const char *job;               /* borrowed */
        struct view *view;             /* borrowed */
        struct outdir *outdir;         /* borrowed; NULL: files are not written */
        const struct outdir *planned;  /* borrowed; a dry run is about this one; or NULL */
        struct offer *offer;           /* borrowed; NULL: needs are someone else's */
        const json_t *commands;        /* borrowed: those of our own submit, or NULL */
        const char *verify;            /* borrowed: the command of a fix, or NULL */
        uint64_t verify_ms;            /* how long it may take; 0: as long as it likes */
        const char *hint_dir;          /* borrowed: what `-o` to name in hints, or NULL */
        bool is_text;                  /* a job of one text: print it */
        bool is_streaming;             /* print its text as it comes */
        bool is_editing;               /* see deliver.h; and these three */
        struct changes *changes;       /* borrowed, or NULL */
        json_t *done; /* the event of the end, owned by the caller; only with changes */
        bool is_pruning;
        bool is_handing_over; /* see follow_detach() */
        enum edits edits;
        struct fates *fates;  /* owned by follow_job() */
        bool needs_attention; /* fates were said that a person has to decide on */
        bool has_run;         /* a command of ours, to its end */
        bool is_unverified;   /* it failed in the end, or gave no verdict: */
        bool has_no_verdict;
        struct buf said; /* the last of it, until follow_job() returns */
};

/* From here on a Ctrl-C is noted, and a second one ends us: before a job is asked for, so that
 * nobody leaves one behind without being told of it. */
void follow_heed_signals(void);
/* Ctrl-C came since then. */
bool follow_is_interrupted(void);
/* Held between the look at follow_is_interrupted() and ppoll(), which lets them in: so none is
 * missed. Elsewhere a second ^C ends us at once. */
void follow_hold_signals(sigset_t *ret_before);
/* Returns the exit code; everything was said. */
int follow_job(struct follow *f);
/* Prints the job's id and leaves it; is_asked: once it has what only we can give, contents that it
 * asks for while it reads. Then it has a plan, waits for something else, or has ended. */
int follow_detach(struct follow *f, bool is_asked);
/* Prints a `done` event (or the result of a cached submit) and gives the exit code. */
int follow_print_done(struct follow *f, const json_t *done);
/* A remedy with the job's own id where the daemon's tables say JOB; owned by the caller, NULL for
 * lack of memory. */
char *follow_remedy(const struct follow *f, const char *remedy) _must_check_;
/* The command that comes back to the job and delivers its files; owned by the caller, NULL for lack
 * of memory. */
char *follow_way_back(const struct follow *f) _must_check_;
/* A result that was known, as the `done` event that it would have been: {"type": "done", "cached":
 * true, …}. */
int follow_put_known(const json_t *done) _must_check_;
/* Content of a job by its hash; appends. */
int follow_fetch(struct connection *k, const char *job, const struct hash *sha256, struct buf *b,
                 struct failure **ret_failure) _must_check_;
