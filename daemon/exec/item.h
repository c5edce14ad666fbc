#pragma once
/* What a worker makes of a text, and what it is given for it. Not for other rooms; internal.h
 * includes it. */

#include <sys/queue.h>

#include "common/buf.h"
#include "daemon/check/check.h"
#include "daemon/edit/edits.h"
#include "daemon/work/result.h"
#include "daemon/work/task.h"

struct loop;
struct notes;
struct run;
struct run_call;
struct stake;
struct store;
struct work_hold;

/* A text on its way to becoming a result: made by a worker, from text and task alone. */
struct candidate {
        struct result result;
        char *interface; /* owned */
        size_t n_interface;
        struct check_report report;
        bool was_cut, is_edits; /* is_edits: what result.text is until it is judged */
        bool is_idle;        /* a repair that touches nothing of what was found, and says nothing */
        size_t n_answer;     /* bytes of the answer that it is from */
        struct notes *notes; /* owned: of a repair (note.h); or NULL */
        char *mended;        /* owned: what a rule mended of it; NULL: nothing */
};

/* Of a judgement whose run has gone: what becomes of its result (late.c). */
struct late {
        struct store *store; /* borrowed: outlives all rooms; NULL: nobody is to have it */
        struct hash key;     /* F */
        char *model;         /* owned */
        struct stake *stake; /* owned by the table: who waits for it in another job */
        bool is_strict;
};

/* A rendering or a judgement in a worker. */
struct run_work_item {
        LIST_ENTRY(run_work_item) entry;
        struct run *run;   /* NULL when the run was freed meanwhile */
        struct loop *loop; /* borrowed: outlives all rooms */
        uint32_t task;
        struct run_call *call;       /* borrowed: ends with the run; NULL: a template */
        const struct task *source;   /* borrowed from the hold */
        struct work_hold *hold;      /* counted */
        struct candidate *candidate; /* owned */
        struct edit_base base;       /* of edits; its own: the plan may be gone by then */
        struct buf shown;            /* the part of it that was shown; empty: all */
        char tag[17];
        struct diag diag;
        int error;           /* 0, -ENOMEM, CONDITION_REFUSED: the template cannot be rendered */
        unsigned n_resets;   /* of the call, when the text came */
        unsigned n_attempts; /* that were refused before */
        struct late late;
};

/* The work outlives the run while workers look at it. */
struct work_hold {
        struct work *work;
        unsigned n_refs; /* loop thread only */
};
