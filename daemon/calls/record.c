#include "daemon/calls/record.h"

#include "common/json.h"

const struct ulid record_keeping = {{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255}}; /* no job of any time to come */

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
        memcpy(at, bytes, n);
        return at + n;
}

static uint8_t *put_u64(uint8_t *at, uint64_t value)
{
        for (int shift = 56; shift >= 0; shift -= 8)
                *at++ = (uint8_t)(value >> shift);
        return at;
}

void record_key_of(const struct ulid *job, uint64_t n, struct record_key *ret)
{
        put_u64(put(ret->at, job->at, ULID_BYTES), n);
        ret->n = RECORD_KEY_BYTES;
}

void record_key_of_prompt(const struct ulid *job, uint64_t n, struct record_key *ret)
{
        record_key_of(job, n | CALLS_PROMPT_BIT, ret);
}

void record_key_of_mark(const struct ulid *job, uint64_t n, struct record_key *ret)
{
        memset(ret->at, 0, ULID_BYTES);
        put_u64(put(ret->at + ULID_BYTES, job->at, ULID_BYTES), n);
        ret->n = MARK_KEY_BYTES;
}

struct span record_mark_prefix(void)
{
        static const char zeros[ULID_BYTES];

        return (struct span){zeros, sizeof(zeros)};
}

bool record_read_mark(struct span key, struct ulid *ret_job, uint64_t *ret_n)
{
        const uint8_t *at = (const uint8_t *)key.at + ULID_BYTES;

        if (key.n != MARK_KEY_BYTES)
                return false;
        memcpy(ret_job->at, at, ULID_BYTES);
        *ret_n = 0;
        for (size_t i = 0; i < 8; i++)
                *ret_n = *ret_n << 8 | at[ULID_BYTES + i];
        return true;
}

bool record_is_prompt(struct span key)
{
        return key.n == RECORD_KEY_BYTES && (uint8_t)key.at[ULID_BYTES] & 0x80;
}

static json_t *tokens_of(const struct usage *u)
{
        return json_pack("{s:I, s:I, s:I, s:I}", "input", (json_int_t)u->input, "cache_read",
                         (json_int_t)u->cache_read, "cache_write",
                         (json_int_t)(u->cache_write_5m + u->cache_write_1h), "output",
                         (json_int_t)u->output);
}

/* What is no JSON array of numbers is our own fault: it becomes an empty one. */
static json_t *tasks_of(const char *text)
{
        json_t *tasks = json_loads(text ? text : "[]", 0, NULL);

        if (json_is_array(tasks))
                return tasks;
        json_decref(tasks);
        return json_array();
}

int record_write(const struct record *r, struct buf *out)
{
        _cleanup_json_ json_t *o = NULL;
        int k = 0;

        o = json_pack("{s:I, s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "call",
                      (json_int_t)r->n, "uid", (json_int_t)r->uid, "provider", r->provider, "model",
                      r->model, "state", r->state, "started", (json_int_t)r->started_ms, "estimate",
                      (json_int_t)r->estimate_nanousd, "nanousd", (json_int_t)r->nanousd,
                      "attempts", (json_int_t)r->n_attempts, "ms", (json_int_t)r->ms,
                      "first_token_ms", (json_int_t)r->first_token_ms);
        if (!o)
                return -ENOMEM;
        k = json_put(o, "tasks", tasks_of(r->tasks));
        if (k == 0)
                k = json_put(o, "tokens", tokens_of(&r->usage));
        if (k == 0 && r->request_id)
                k = json_put(o, "request_id", json_string(r->request_id));
        if (k == 0 && r->error)
                k = json_put(o, "error", json_string(r->error));
        if (k == 0 && r->is_joined)
                k = json_put(o, "joined", json_true());
        return k < 0 ? k : json_write(o, out);
}

static int add_block(const struct prompt_block *b, struct buf *out)
{
        bool is_ended = b->text.n == 0 || b->text.at[b->text.n - 1] == '\n';

        (void)buf_printf(out, "--- %s%s\n",
                         b->is_system      ? "system"
                         : b->is_assistant ? "assistant"
                                           : "user",
                         !b->is_marked       ? ""
                         : b->is_mark_for_1h ? ", cached for 1 hour"
                                             : ", cached for 5 minutes");
        (void)buf_add_span(out, b->text);
        (void)buf_add_text(out, is_ended ? "" : "\n");
        return out->failed;
}

/* Not within a character. */
static size_t boundary(const char *text, size_t at)
{
        while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
                at--;
        return at;
}

int record_write_prompt(const struct prompt_block *blocks, size_t n, struct buf *out)
{
        _cleanup_buf_ struct buf whole = {};
        size_t head, tail;

        for (size_t i = 0; i < n; i++) {
                int r = add_block(&blocks[i], &whole);

                if (r < 0)
                        return r;
        }
        if (whole.n <= CALLS_PROMPT_BYTES)
                return buf_add_span(out, buf_span(&whole));
        head = boundary(whole.at, CALLS_PROMPT_BYTES / 2);
        tail = boundary(whole.at, whole.n - CALLS_PROMPT_BYTES / 2);
        (void)buf_add(out, whole.at, head);
        (void)buf_printf(out, "\n--- %zu bytes were not kept\n", tail - head);
        (void)buf_add(out, whole.at + tail, whole.n - tail);
        return out->failed;
}
