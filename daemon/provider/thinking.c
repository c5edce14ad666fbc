/* Takes off what a model thinks aloud before it answers. */

#include "daemon/provider/dialects.h"

#define OPEN "<think>"
#define CLOSE "</think>"

static struct span skip_blanks(struct span s)
{
        size_t n = 0;

        while (n < s.n && (s.at[n] == ' ' || s.at[n] == '\n' || s.at[n] == '\r' || s.at[n] == '\t'))
                n++;
        return (struct span){s.at + n, s.n - n};
}

static int flush(struct reading *r, struct span text)
{
        int k = text.n > 0 ? reading_add_text(r, text.at, text.n) : 0;

        r->thinking = THINKING_PAST;
        buf_done(&r->held);
        return k;
}

/* Still at the beginning: 0 with a new state, or with the old one when more must come. */
static int judge_beginning(struct reading *r)
{
        struct span s = skip_blanks(buf_span(&r->held));
        size_t n = MIN2(s.n, sizeof(OPEN) - 1);

        if (memcmp(s.at, OPEN, n) != 0)
                return flush(r, buf_span(&r->held));
        if (n == sizeof(OPEN) - 1)
                r->thinking = THINKING_NOW;
        return 0;
}

/* Looks for the end; keeps no more than may be a part of it. */
static int judge_thought(struct reading *r)
{
        struct span s = buf_span(&r->held);
        const char *end = memmem(s.at, s.n, CLOSE, sizeof(CLOSE) - 1);

        if (end) {
                size_t n = (size_t)(end - s.at) + sizeof(CLOSE) - 1;

                return flush(r, skip_blanks((struct span){s.at + n, s.n - n}));
        }
        if (s.n >= sizeof(CLOSE))
                buf_consume(&r->held, s.n - (sizeof(CLOSE) - 2));
        return 0;
}

int reading_add_answer(struct reading *r, struct span text)
{
        int k;

        if (text.n == 0)
                return 0;
        if (r->thinking == THINKING_PAST)
                return reading_add_text(r, text.at, text.n);
        k = buf_add_span(&r->held, text);
        if (k == 0 && r->thinking == THINKING_MAYBE)
                k = judge_beginning(r);
        if (k == 0 && r->thinking == THINKING_NOW)
                k = judge_thought(r);
        return k;
}

int reading_end_answer(struct reading *r)
{
        if (r->thinking == THINKING_MAYBE && r->held.n > 0)
                return flush(r, buf_span(&r->held));
        return 0;
}
