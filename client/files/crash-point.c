#include "client/files/crash-point.h"

#if GENOPT_TESTING
#include <signal.h>

#include "common/str.h"

void crash_point(void)
{
        static uint64_t n_passed;
        const char *text = getenv("GENOPT_TEST_CRASH_POINT");
        uint64_t at;

        if (text && str_to_u64(text, &at) == 0 && ++n_passed == at)
                (void)kill(getpid(), SIGKILL);
}
#endif
