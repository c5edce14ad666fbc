/* Of any text: reading it takes steps that grow with it, and what stands plainly behind a slash is
 * a name. */

#include "client/offer/mentioned.h"

#include <ctype.h>

/* Not assert(), which a build may leave out. */
#define check(condition)          \
        do {                      \
                if (!(condition)) \
                        abort();  \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_plain(char c)
{
        return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '_';
}

static void check_plain(const struct mentioned *m, const char *at, const char *end)
{
        char name[256];
        size_t n = 0;

        while (n < 255 && at + n < end && is_plain(at[n]))
                n++;
        if (n == 0 || n == 255 || (at + n < end && at[n] != '/' && at[n] != '\n' && at[n] != ' '))
                return;
        memcpy(name, at, n);
        name[n] = '\0';
        check(mentioned_has(m, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct mentioned m = {0};
        char *text = malloc(size + 1); /* its own, so that reading past its end is seen */

        check(text);
        memcpy(text, data, size);
        text[size] = '\0'; /* as texts of files are */
        check(mentioned_read(&m, (struct span){text, size}) == 0);
        check(m.n_probes <= 32 * size + 4096);
        for (size_t i = 0; i < size; i++)
                if (text[i] == '/')
                        check_plain(&m, text + i + 1, text + size);
        mentioned_done(&m);
        free(text);
        return 0;
}
