#pragma once
/* What an attempt at a task taught: goes to the ladder, which says what to try next, and into the
 * next prompt. */

#include "common/macros.h"
#include "proto/failure.h"

enum evidence_kind {
        EVIDENCE_CHECKS,
        EVIDENCE_MISSING,
        EVIDENCE_CUT,
        EVIDENCE_IDLE, /* a repair that repairs nothing, and does not say why */
        EVIDENCE_COMMAND,
        EVIDENCE_PROVIDER,
        EVIDENCE_BROKEN /* the stream broke off, and something had come */
};

struct evidence {
        enum evidence_kind kind;
        unsigned attempts;       /* attempts at the task so far, this one included */
        enum failure_id failure; /* EVIDENCE_PROVIDER: why */
        char *text; /* owned: for the model to read; NULL when there is nothing it could use */
};
