#include "daemon/provider/dialects.h"

#include <ctype.h>
#include <curl/curl.h>

#include "common/str.h"

static const struct dialect *const table[] = {
#define X(name) &dialect_##name,
        DIALECT_TABLE(X)
#undef X
};

const struct dialect *dialect_find(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(table); i++)
                if (str_is_equal(table[i]->name, name))
                        return table[i];
        return NULL;
}

void dialect_list(struct buf *out)
{
        for (size_t i = 0; i < N_ELEMENTS(table); i++)
                (void)buf_printf(out, "%s%s", i > 0 ? ", " : "", table[i]->name);
}

void reading_init(struct reading *r)
{
        *r = (struct reading){.stop = STOP_OTHER};
        sse_init(&r->sse);
        buf_init(&r->text, PROVIDER_ANSWER_BYTES);
        buf_init(&r->held, PROVIDER_ANSWER_BYTES);
        advice_init(&r->advice);
}

void reading_done(struct reading *r)
{
        sse_done(&r->sse);
        buf_done(&r->text);
        buf_done(&r->held);
        r->failure = failure_free(r->failure);
}

int reading_fail(struct reading *r, struct failure *failure, bool is_retryable)
{
        if (!failure)
                return -ENOMEM;
        if (r->failure) {
                failure_free(failure);
                return 0;
        }
        r->failure = failure;
        r->advice.is_retryable = is_retryable;
        return 0;
}

int reading_add_text(struct reading *r, const char *text, size_t n)
{
        int k = buf_add(&r->text, text, n);

        if (k == 0)
                r->n_text += n;
        return k;
}

int head_add(struct head *h, const char *name, const char *value)
{
        struct head_line *line = &h->at[h->n];
        size_t n = strlen(name);

        assert(h->n < N_ELEMENTS(h->at) && n < sizeof(line->name));
        line->value = strdup(value);
        if (!line->value)
                return -ENOMEM;
        memcpy(line->name, name, n + 1);
        h->n++;
        return 0;
}

void head_done(struct head *h)
{
        for (size_t i = 0; i < h->n; i++) {
                explicit_bzero(h->at[i].value, strlen(h->at[i].value));
                free(h->at[i].value);
        }
        h->n = 0;
}

void advice_init(struct advice *a)
{
        *a = (struct advice){
                .requests_limit = UINT64_MAX,
                .requests_remaining = UINT64_MAX,
                .requests_reset_ms = UINT64_MAX,
                .input_limit = UINT64_MAX,
                .input_remaining = UINT64_MAX,
                .input_reset_ms = UINT64_MAX,
                .output_limit = UINT64_MAX,
                .output_remaining = UINT64_MAX,
                .output_reset_ms = UINT64_MAX,
        };
}

uint64_t advice_number(const char *value)
{
        uint64_t n;

        return value && str_to_u64(value, &n) == 0 ? n : UINT64_MAX;
}

#define CLOCK_DOUBT_MS 5000U /* a date has no parts of a second, and takes its way */

uint64_t advice_now_ms(header_fn *header, void *arg, uint64_t now_ms)
{
        const char *date = header("date", arg);
        time_t when = date ? curl_getdate(date, NULL) : -1;

        uint64_t at = when > 0 ? (uint64_t)when * 1000 : now_ms;

        return MAX2(at, now_ms) - MIN2(at, now_ms) > CLOCK_DOUBT_MS ? at : now_ms;
}

uint64_t advice_retry_after_ms(header_fn *header, void *arg, uint64_t now_ms)
{
        const char *value = header("retry-after-ms", arg);
        double n;
        time_t when;

        if (value && str_to_double(value, &n) == 0 && n > 0 && n < 1e12)
                return (uint64_t)n;
        value = header("retry-after", arg);
        if (!value)
                return 0;
        if (str_to_double(value, &n) == 0)
                return n > 0 && n < 1e9 ? (uint64_t)(n * 1000) : 0;
        when = curl_getdate(value, NULL);
        now_ms = advice_now_ms(header, arg, now_ms);
        if (when < 0 || (uint64_t)when * 1000 <= now_ms)
                return 0;
        return (uint64_t)when * 1000 - now_ms;
}

bool block_is_empty(const struct prompt_block *b)
{
        for (size_t i = 0; i < b->text.n; i++)
                if (!strchr(" \t\r\n\f\v", b->text.at[i]) || b->text.at[i] == '\0')
                        return false;
        return true;
}

void dialect_quote(struct span words, struct buf *out)
{
        size_t n = MIN2(words.n, (size_t)PROVIDER_MESSAGE_BYTES);
        bool is_utf8;

        /* Not within a character: continuation bytes are 10xxxxxx. */
        while (n > 0 && n < words.n && ((unsigned char)words.at[n] & 0xc0) == 0x80)
                n--;
        is_utf8 = str_is_utf8((struct span){words.at, n});
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)words.at[i];

                (void)buf_add_char(out, c < 0x20 || c == 0x7f   ? ' '
                                        : c >= 0x80 && !is_utf8 ? '?'
                                                                : (char)c);
        }
        if (n < words.n)
                (void)buf_add_text(out, "…");
}

/* Trouble of theirs that passes is all dealt with as an overload is, but is not called so. */
static const char *what_of(enum failure_id id, unsigned status)
{
        if (id != FAILURE_OVERLOADED || status == 0)
                return failure_table[id].what;
        if (status == 408 || status == 504)
                return "the provider did not answer in time";
        if (status == 409 || status == 503 || status == 529)
                return failure_table[id].what;
        return "the provider has a fault of its own";
}

struct failure *dialect_failure(enum failure_id id, unsigned status, const char *message,
                                bool is_api)
{
        _cleanup_buf_ struct buf words = {};

        if (message)
                dialect_quote(span_of(message), &words);
        if (words.failed)
                return NULL;
        if (status >= 300 && status < 400)
                return failure_new(FAILURE_BAD_CONFIG,
                                   "the provider sends elsewhere (HTTP %u), which is not followed: "
                                   "correct base_url",
                                   status);
        if (status == 404 && !is_api)
                return failure_new(FAILURE_BAD_CONFIG, "there is no model API at the provider's "
                                                       "address (HTTP 404): correct base_url");
        if (words.n > 0)
                return failure_new(id, "%s: %s", what_of(id, status), words.at);
        if (status > 0)
                return failure_new(id, "%s (HTTP %u)", what_of(id, status), status);
        return failure_new(id, NULL);
}

void advice_read_headers(struct advice *a, const struct error_answer *e)
{
        const char *again = e->header("x-should-retry", e->arg);

        if (str_is_equal(again, "true"))
                a->is_retryable = true;
        if (str_is_equal(again, "false"))
                a->is_retryable = false;
        if (a->is_retryable)
                a->retry_after_ms = advice_retry_after_ms(e->header, e->arg, e->now_ms);
}
