#pragma once
/* Whoever writes templates wants to hear of all faults, not of the first alone. With a report,
 * reading goes on behind a fault: an unknown filter or test is told and passed over, a tag that
 * cannot be read is left out. What follows from a tag that is left out (an end without a beginning,
 * an end that is missing) is no fault of its own. What was read so is never rendered. */

#include "common/json.h"
#include "common/macros.h"

#define REPORT_MAX 100u /* of one template; more help nobody */

struct report {
        void (*on_fault)(const struct diag *d, void *arg);
        void *arg;
        size_t n;     /* faults */
        bool is_torn; /* some tag was left out */
};

/* Whether to go on. r: NULL, or full: the first fault, or this one, is the last. */
static inline bool report_fault(struct report *r, const struct diag *d)
{
        if (!r || r->n == REPORT_MAX)
                return false;
        r->n++;
        r->on_fault(d, r->arg);
        return true;
}
