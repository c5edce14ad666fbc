/* The answer parser: whatever comes, in whatever pieces, the events are the same as in one piece,
 * and agree with the counts. */

#include "daemon/exec/answer.h"

#define TAG "4f2a9c01"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *const paths[] = {"a.go", "b/c.go", "d e.go"};

struct seen {
        struct buf parts[3], whole[3];
        size_t n_begun, n_ended;
};

static void on_begin(size_t file, void *arg)
{
        struct seen *s = arg;

        buf_clear(&s->parts[file]);
        s->n_begun++;
}

static void on_text(size_t file, struct span text, void *arg)
{
        struct seen *s = arg;

        if (text.n == 0)
                abort();
        buf_add_span(&s->parts[file], text);
}

static void on_end(size_t file, struct span text, void *arg)
{
        struct seen *s = arg;

        if (!span_is_equal(buf_span(&s->parts[file]), text) ||
            (text.n && text.at[text.n - 1] != '\n'))
                abort();
        buf_add_span(&s->whole[file], text);
        s->n_ended++;
}

static void read_in(const uint8_t *bytes, size_t n, size_t step, struct seen *s,
                    struct answer_counts *ret)
{
        static const struct answer_events events = {
                .on_file_begin = on_begin, .on_file_text = on_text, .on_file_end = on_end};
        _cleanup_(answer_freep) struct answer *a = NULL;
        size_t missing[3];

        if (answer_new(TAG, paths, N_ELEMENTS(paths), &events, s, &a) != 0)
                abort();
        answer_allow_edits(a, 0);
        for (size_t i = 0; i < n; i += step)
                if (answer_feed(a, (struct span){(const char *)bytes + i, MIN2(step, n - i)}) != 0)
                        abort();
        answer_finish(a);
        *ret = *answer_counts(a);
        if (answer_missing(a, missing, N_ELEMENTS(missing)) != N_ELEMENTS(paths) - ret->n_done ||
            ret->n_done != s->n_ended || s->n_begun < s->n_ended)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        struct seen whole = {0}, pieces = {0};
        struct answer_counts a, b;

        if (n == 0)
                return 0;
        read_in(bytes, n, n, &whole, &a);
        read_in(bytes, n, 1 + bytes[0] % 37, &pieces, &b);
        if (memcmp(&a, &b, sizeof(a)) != 0)
                abort();
        for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
                if (!span_is_equal(buf_span(&whole.whole[i]), buf_span(&pieces.whole[i])))
                        abort();
                buf_done(&whole.whole[i]);
                buf_done(&whole.parts[i]);
                buf_done(&pieces.whole[i]);
                buf_done(&pieces.parts[i]);
        }
        return 0;
}
