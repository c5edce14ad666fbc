#include "daemon/work/result.h"

#include "common/str.h"

/* Integers are big endian. Format 1:
 *
 *     result = 'G' 'R' version:u8 made_by:u8 content:32 interface:32 nanousd:u64
 *              score:u64 (the bit pattern of an IEEE double) model text
 *     model  = length:u32 bytes          (length 0: no model)
 *     text   = length:u64 bytes          (to the end)
 *
 * Format 2, of results that change a tree, has before the text:
 *
 *     tree = is_gone:u8 moved_to n_made:u8 {path content:32 text}    (moved_to, path: as model)
 *
 * Format 3, of repairs that leave findings as they are, has after `tree`:
 *
 *     left = n_left:u16 {index:u32 is_kept:u8 why}                   (why: as model) */

#define RESULT_VERSION 1
#define RESULT_VERSION_TREE 2
#define RESULT_VERSION_LEFT 3
#define FIXED_BYTES (4 + 2 * HASH_BYTES + 8 + 8 + 4)
#define PATH_MAX_BYTES 1024
#define MODEL_MAX_BYTES 512 /* names of models are short: more is damage */

const char *const source_names[N_SOURCES] = {"keep", "reuse", "template", "mechanical", "call"};

void left_findings_free(struct left_finding *list, size_t n)
{
        for (size_t i = 0; list && i < n; i++)
                free(list[i].why);
        free(list);
}

struct left_finding *left_findings_copy(const struct left_finding *list, size_t n)
{
        struct left_finding *copy = n > 0 ? calloc(n, sizeof(*copy)) : NULL;

        for (size_t i = 0; copy && i < n; i++) {
                copy[i] = list[i];
                copy[i].why = strdup(list[i].why);
                if (!copy[i].why) {
                        left_findings_free(copy, i);
                        return NULL;
                }
        }
        return copy;
}

void result_done(struct result *r)
{
        for (size_t i = 0; r->made && i < r->n_made; i++) {
                free(r->made[i].path);
                free(r->made[i].text);
        }
        free(r->made);
        left_findings_free(r->left, r->n_left);
        free(r->moved_to);
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

static void put_name(struct buf *b, const char *name)
{
        size_t n = name ? strlen(name) : 0;

        put_u64(b, n, 4);
        (void)buf_add(b, name, n);
}

static void put_tree(struct buf *b, const struct result *r)
{
        put_u64(b, r->is_gone, 1);
        put_name(b, r->moved_to);
        put_u64(b, r->n_made, 1);
        for (size_t i = 0; i < r->n_made; i++) {
                const struct made_file *m = &r->made[i];

                put_name(b, m->path);
                (void)buf_add(b, m->content.at, HASH_BYTES);
                put_u64(b, m->text ? m->n_text : 0, 8);
                (void)buf_add(b, m->text, m->text ? m->n_text : 0);
        }
}

static void put_left(struct buf *b, const struct result *r)
{
        put_u64(b, r->n_left, 2);
        for (size_t i = 0; i < r->n_left; i++) {
                put_u64(b, r->left[i].index, 4);
                put_u64(b, r->left[i].is_kept, 1);
                put_name(b, r->left[i].why);
        }
}

int result_encode(const struct result *r, struct buf *out)
{
        size_t n_model = r->model ? strlen(r->model) : 0;
        uint64_t score;

        if (n_model > MODEL_MAX_BYTES || r->n_made > RESULT_MADE_MAX || r->n_left > RESULT_LEFT_MAX)
                return -EINVAL;
        memcpy(&score, &r->score, sizeof(score));
        (void)buf_add(out, "GR", 2);
        put_u64(out,
                r->n_left > 0            ? RESULT_VERSION_LEFT
                : result_changes_tree(r) ? RESULT_VERSION_TREE
                                         : RESULT_VERSION,
                1);
        put_u64(out, (uint64_t)r->made_by, 1);
        (void)buf_add(out, r->content.at, HASH_BYTES);
        (void)buf_add(out, r->interface.at, HASH_BYTES);
        put_u64(out, r->nanousd, 8);
        put_u64(out, score, 8);
        put_name(out, r->model);
        if (result_changes_tree(r) || r->n_left > 0)
                put_tree(out, r);
        if (r->n_left > 0)
                put_left(out, r);
        put_u64(out, r->n_text, 8);
        (void)buf_add(out, r->text, r->n_text);
        return out->failed;
}

/* Every reader below checks what is left before it takes it: the bytes are a disk's. */
static int get_text(const char **at, const char *end, unsigned n_length, uint64_t max, char **ret,
                    size_t *ret_n)
{
        uint64_t n;

        if (end - *at < (ptrdiff_t)n_length)
                return -EBADMSG;
        n = get_u64(at, n_length);
        if (n > max || (uint64_t)(end - *at) < n)
                return -EBADMSG;
        *ret = str_dup_span((struct span){*at, n});
        *ret_n = n;
        *at += n;
        return *ret ? 0 : -ENOMEM;
}

static int get_made(const char **at, const char *end, struct made_file *m)
{
        size_t n_path;
        int k = get_text(at, end, 4, PATH_MAX_BYTES, &m->path, &n_path);

        if (k < 0 || end - *at < HASH_BYTES)
                return k < 0 ? k : -EBADMSG;
        memcpy(m->content.at, *at, HASH_BYTES);
        *at += HASH_BYTES;
        return get_text(at, end, 8, (uint64_t)(end - *at), &m->text, &m->n_text);
}

static int get_tree(const char **at, const char *end, struct result *r)
{
        size_t n_path = 0;
        uint64_t n;
        int k;

        if (end == *at)
                return -EBADMSG;
        r->is_gone = get_u64(at, 1) != 0;
        k = get_text(at, end, 4, PATH_MAX_BYTES, &r->moved_to, &n_path);
        if (k < 0 || end == *at)
                return k < 0 ? k : -EBADMSG;
        if (n_path == 0) {
                free(r->moved_to);
                r->moved_to = NULL;
        }
        n = get_u64(at, 1);
        if (n > RESULT_MADE_MAX)
                return -EBADMSG;
        r->made = calloc(n + 1, sizeof(*r->made));
        if (!r->made)
                return -ENOMEM;
        for (r->n_made = 0; r->n_made < n && k == 0;)
                k = get_made(at, end, &r->made[r->n_made++]);
        return k;
}

static int get_left(const char **at, const char *end, struct result *r)
{
        size_t n, n_why;
        int k = 0;

        if (end - *at < 2)
                return -EBADMSG;
        n = get_u64(at, 2);
        if (n > RESULT_LEFT_MAX)
                return -EBADMSG;
        r->left = calloc(n + 1, sizeof(*r->left));
        if (!r->left)
                return -ENOMEM;
        while (r->n_left < n && k == 0) {
                struct left_finding *l = &r->left[r->n_left];

                if (end - *at < 5)
                        return -EBADMSG;
                l->index = (uint32_t)get_u64(at, 4);
                l->is_kept = get_u64(at, 1) != 0;
                k = get_text(at, end, 4, LEFT_WHY_BYTES, &l->why, &n_why);
                r->n_left++;
        }
        return k;
}

int result_decode(struct span bytes, struct result *ret)
{
        _cleanup_result_ struct result r = {0};
        const char *at = bytes.at, *end = bytes.at + bytes.n;
        uint64_t n, score;
        int k, version;

        if (bytes.n < FIXED_BYTES + 8 || memcmp(at, "GR", 2) != 0 || (uint8_t)at[3] >= N_SOURCES ||
            at[2] < RESULT_VERSION || at[2] > RESULT_VERSION_LEFT)
                return -EBADMSG;
        version = at[2];
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
        k = version >= RESULT_VERSION_TREE ? get_tree(&at, end, &r) : 0;
        if (k == 0 && version >= RESULT_VERSION_LEFT)
                k = get_left(&at, end, &r);
        if (k < 0 || end - at < 8)
                return k < 0 ? k : -EBADMSG;
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
