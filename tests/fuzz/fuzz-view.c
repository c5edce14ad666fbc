/* The views over any events, one per line: whatever a daemon says, lines keep their width and hold
 * no control characters. */

#include "client/view/format.h"
#include "client/view/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_lines(const struct buf *b, size_t columns)
{
        const char *at = b->at, *end;

        for (; at && (end = strchr(at, '\n')); at = end + 1) {
                if (format_width((struct span){at, (size_t)(end - at)}) > columns)
                        abort();
                for (const char *c = at; c < end; c++)
                        if ((unsigned char)*c < ' ' || *c == 0x7f)
                                abort();
        }
}

static void take_event(struct progress *p, struct span line, size_t columns)
{
        _cleanup_buf_ struct buf words = {0}, live = {0}, table = {0};
        _cleanup_json_ json_t *event = NULL;
        struct diag diag;

        if (json_read(line, &event, &diag) != 0 || progress_apply(p, event) < 0)
                return;
        (void)!view_describe(p, event, columns % 2, &words);
        if (view_render(p, columns, 1, true, &live) == 0)
                check_lines(&live, columns);
        if (view_tabulate_plan(json_object_get(event, "plan"), columns, &table) < 0 ||
            view_summarise(json_object_get(event, "summary"), &table) < 0)
                return;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        struct span text = {(const char *)bytes, n};
        size_t columns = n > 0 ? bytes[0] : 1;
        struct progress p;

        progress_init(&p);
        while (text.n > 0) {
                const char *end = memchr(text.at, '\n', text.n);
                struct span line = {text.at, end ? (size_t)(end - text.at) : text.n};

                take_event(&p, line, columns);
                text.at += MIN2(line.n + 1, text.n);
                text.n -= MIN2(line.n + 1, text.n);
        }
        progress_done(&p);
        return 0;
}
