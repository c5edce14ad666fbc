#pragma once
/* Where a crash must do no harm: test builds end here by SIGKILL when $GENOPT_TEST_CRASH_POINT
 * counts down to this call (1 is the first). */

#include "common/macros.h"

#if GENOPT_TESTING
void crash_point(void);
#else
static inline void crash_point(void)
{
}
#endif
