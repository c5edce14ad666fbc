#include "daemon/work/result.h"

#include "common/str.h"

/* Format 1, integers big endian:
 *     result = 'G' 'R' version:u8 made_by:u8 content:32 interface:32 nanousd:u64 score:u64 model
 * text model  = length:u32 bytes          (length 0: no model) text   = length:u64 bytes (to the
 * end) score is the bit pattern of an IEEE double. */

#define RESULT_VERSION 1
#define FIXED_BYTES (4 + 2 * HASH_BYTES + 8 + 8 + 4)
#define MODEL_MAX_BYTES 512 /* names of models are short: more is damage */

const char *const source_names[N_SOURCES] = {"keep", "reuse", "template", "mechanical", "call"};

void result_done(struct result *r)
{
        free(r->text);
        free(r->model);
        *r = (struct result){0};
}

static void put_u64(struct buf *b, uint64_t v, unsigned n_bytes)
{
        uint8_t at[8];

        for (unsigned i = 0; i < n_bytes; i++)
                at[i] = (uint8_t)(v >> (8 * (n_bytes - 1 - i)));
        (void)buf_add(b, at, n_bytes);
}

static uint64_t get_u64(const char **at, unsigned n_bytes)
{
        uint64_t v = 0;

        while (n_bytes--)
                v = v << 8 | (uint8_t) * (*at)++;
        return v;
}

int result_encode(const struct result *r, struct buf *out)
{
        size_t n_model = r->model ? strlen(r->model) : 0;
        uint64_t score;

        if (n_model > MODEL_MAX_BYTES)
                return -EINVAL;
        memcpy(&score, &r->score, sizeof(score));
        (void)buf_add(out, "GR", 2);
        put_u64(out, RESULT_VERSION, 1);
        put_u64(out, (uint64_t)r->made_by, 1);
        (void)buf_add(out, r->content.at, HASH_BYTES);
        (void)buf_add(out, r->interface.at, HASH_BYTES);
        put_u64(out, r->nanousd, 8);
        put_u64(out, score, 8);
        put_u64(out, n_model, 4);
        (void)buf_add(out, r->model, n_model);
        put_u64(out, r->n_text, 8);
        (void)buf_add(out, r->text, r->n_text);
        return out->failed;
}

int result_decode(struct span bytes, struct result *ret)
{
        _cleanup_result_ struct result r = {0};
        const char *at = bytes.at, *end = bytes.at + bytes.n;
        uint64_t n, score;

        if (bytes.n < FIXED_BYTES + 8 || memcmp(at, "GR\1", 3) != 0 || (uint8_t)at[3] >= N_SOURCES)
                return -EBADMSG;
        r.made_by = (enum source)at[3];
        at += 4;
        memcpy(r.content.at, at, HASH_BYTES);
        at += HASH_BYTES;
        memcpy(r.interface.at, at, HASH_BYTES);
        at += HASH_BYTES;
        r.nanousd = get_u64(&at, 8);
        score = get_u64(&at, 8);
        memcpy(&r.score, &score, sizeof(score));
        n = get_u64(&at, 4);
        if (n > MODEL_MAX_BYTES || (size_t)(end - at) < n + 8)
                return -EBADMSG;
        if (n > 0) {
                r.model = str_dup_span((struct span){at, n});
                if (!r.model)
                        return -ENOMEM;
                at += n;
        }
        n = get_u64(&at, 8);
        if ((size_t)(end - at) != n)
                return -EBADMSG;
        r.text = str_dup_span((struct span){at, n});
        if (!r.text)
                return -ENOMEM;
        r.n_text = n;
        *ret = r;
        r = (struct result){0};
        return 0;
}
