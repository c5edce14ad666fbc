/* Interfaces of foreign texts, by the extractors of the blueprints. The first byte chooses one: 'g'
 * Go (blocks in braces), 'p' Python (indented), and the rest is the text. An interface is the same
 * each time, never empty for a text that is not, UTF-8 where the text is, and not longer than the
 * text by more than what rules put there. */

#include <stdio.h>

#include "common/str.h"
#include "daemon/blueprint/internal.h"

#define MAX_PUT 64 /* times the length: `put` stands for what a rule drops */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static struct blueprint *must_load(const char *name)
{
        struct blueprint *b = NULL;
        struct failure *f = NULL;

        if (blueprint_load(BLUEPRINTS, name, &b, &f) != 0 || b->n_extractors == 0) {
                fprintf(stderr, "%s: %s\n", name, f ? failure_message(f) : "no extractor");
                abort();
        }
        return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        static struct blueprint *go, *python;
        _cleanup_buf_ struct buf once = {0}, twice = {0};
        const struct extractor *e;
        struct span text;

        if (!go) {
                go = must_load("go-service");
                python = must_load("fastapi-crud");
        }
        if (n < 1)
                return 0;
        e = bytes[0] == 'p' ? python->extractors[0] : go->extractors[0];
        text = (struct span){(const char *)bytes + 1, n - 1};
        if (extractor_run(e, text, &once) != 0 || extractor_run(e, text, &twice) != 0)
                abort();
        if (!span_is_equal(buf_span(&once), buf_span(&twice)) || (text.n > 0) != (once.n > 0))
                abort();
        if (str_is_utf8(text) && !str_is_utf8(buf_span(&once)))
                abort();
        if (once.n > text.n * MAX_PUT)
                abort();
        return 0;
}
