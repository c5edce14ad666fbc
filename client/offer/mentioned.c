#include "client/offer/mentioned.h"

#include <ctype.h>
#include <sys/random.h>

#include "common/buf.h"

#define NAME_BYTES 255u /* of a file's name, on any file system */

/* ---- the set ---- */

/* FNV-1a, as far as a name has been read; the seed keeps a text from being written against it. */
static uint64_t fold(uint64_t h, unsigned char c)
{
        return (h ^ c) * 0x100000001b3u;
}

static uint64_t begin(const struct mentioned *m)
{
        return 0xcbf29ce484222325u ^ m->seed;
}

/* The end of it: all bits of it count (the last step of MurmurHash3), and it is not 0. */
static uint64_t finish(uint64_t h)
{
        h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
        h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
        h ^= h >> 33;
        return h ? h : 1;
}

/* Where it is, or would be. */
static size_t find(const struct mentioned *m, uint64_t h, uint64_t *n_probes)
{
        size_t at = h & (m->n_slots - 1);

        for (++*n_probes; m->slots[at] && m->slots[at] != h; ++*n_probes)
                at = (at + 1) & (m->n_slots - 1);
        return at;
}

static int grow(struct mentioned *m)
{
        struct mentioned more = *m;

        more.n_slots = m->n_slots ? m->n_slots * 2 : 1024;
        more.slots = calloc(more.n_slots, sizeof(*more.slots));
        if (!more.slots)
                return -ENOMEM;
        for (size_t i = 0; i < m->n_slots; i++)
                if (m->slots[i])
                        more.slots[find(&more, m->slots[i], &more.n_probes)] = m->slots[i];
        free(m->slots);
        *m = more;
        return 0;
}

static int add(struct mentioned *m, uint64_t h)
{
        int r = 2 * m->n >= m->n_slots ? grow(m) : 0;
        size_t at;

        if (r < 0)
                return r;
        h = finish(h);
        at = find(m, h, &m->n_probes);
        m->n += m->slots[at] == 0;
        m->slots[at] = h;
        return 0;
}

bool mentioned_has(const struct mentioned *m, const char *name)
{
        uint64_t h = begin(m), n_probes = 0;

        for (const char *at = name; *at; at++)
                h = fold(h, (unsigned char)*at);
        return m->n > 0 && m->slots[find(m, finish(h), &n_probes)] != 0;
}

void mentioned_done(struct mentioned *m)
{
        free(m->slots);
        *m = (struct mentioned){0};
}

/* ---- what stands in a text ---- */

static bool ends_name(char c)
{
        return (unsigned char)c < 0x20 || strchr("\"<>|", c) != NULL;
}

/* A name may end there, or hold it. */
static bool may_end_name(char c)
{
        return strchr(" '`*?:#", c) != NULL;
}

/* A byte, also as a URI has it (%20); how much of the text that is. */
static size_t read_byte(const char *at, const char *end, unsigned char *ret)
{
        if (end - at > 2 && at[0] == '%' && isxdigit((unsigned char)at[1]) &&
            isxdigit((unsigned char)at[2])) {
                const char hex[] = {at[1], at[2], 0};

                *ret = (unsigned char)strtol(hex, NULL, 16);
                return 3;
        }
        *ret = (unsigned char)*at;
        return 1;
}

/* A name and its beginnings; *at moves behind it, or behind as much of it as a name may have. */
static int add_name(struct mentioned *m, const char **at, const char *end, char separator)
{
        uint64_t h = begin(m);
        unsigned char c;
        size_t n = 0;
        int r = 0;

        for (; r == 0 && *at < end && n < NAME_BYTES && **at != separator && **at != '/' &&
               !ends_name(**at);
             n++) {
                if (n > 0 && may_end_name(**at))
                        r = add(m, h);
                *at += read_byte(*at, end, &c);
                h = fold(h, c);
        }
        return r || n == 0 ? r : add(m, h);
}

static int add_names(struct mentioned *m, struct span text)
{
        const char *end = text.at + text.n;
        int r = 0;

        for (const char *at = text.at; r == 0 && (at = memchr(at, '/', (size_t)(end - at)));) {
                at++;
                r = add_name(m, &at, end, '/');
        }
        return r;
}

/* \\app\\src\\A.java; *at moves behind all of it. */
static int add_parts(struct mentioned *m, const char **at, const char *end)
{
        int r = 0;

        while (r == 0 && *at < end && !ends_name(**at))
                if (**at == '\\' || **at == '/')
                        ++*at;
                else
                        r = add_name(m, at, end, '\\');
        return r;
}

static bool is_drive(struct span text, const char *colon)
{
        return colon > text.at && isalpha((unsigned char)colon[-1]) &&
               (colon - 1 == text.at || !isalnum((unsigned char)colon[-2]));
}

static int add_windows_names(struct mentioned *m, struct span text)
{
        const char *end = text.at + text.n;
        int r = 0;

        for (const char *at = text.at; r == 0 && (at = memmem(at, (size_t)(end - at), ":\\", 2));) {
                bool is_path = is_drive(text, at);

                at++;
                if (is_path) /* others in the same line are parts of it */
                        r = add_parts(m, &at, end);
        }
        return r;
}

static unsigned read_hex(const char *at, const char *end, size_t n)
{
        char hex[9] = {0};

        if ((size_t)(end - at) < n)
                return 0;
        memcpy(hex, at, n);
        return strspn(hex, "0123456789abcdefABCDEF") == n ? (unsigned)strtoul(hex, NULL, 16) : 0;
}

static void add_point(struct buf *b, unsigned c)
{
        if (c < 0x80) {
                (void)buf_add_char(b, (char)c);
                return;
        }
        if (c >= 0x10000)
                (void)buf_add_char(b, (char)(0xf0 | c >> 18));
        if (c >= 0x800)
                (void)buf_add_char(b,
                                   (char)(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3f) : 0xe0 | c >> 12));
        (void)buf_add_char(b, (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6));
        (void)buf_add_char(b, (char)(0x80 | (c & 0x3f)));
}

/* A character that is written as \\xfc, \\u00fc (in pairs, too) or \\U000000fc; how long that is.
 */
static size_t read_escape(const char *at, const char *end, unsigned *ret)
{
        size_t n = at[1] == 'x' ? 2 : at[1] == 'u' ? 4 : at[1] == 'U' ? 8 : 0;
        unsigned c = n ? read_hex(at + 2, end, n) : 0, low;

        n += 2;
        if (c >= 0xd800 && c < 0xdc00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
                low = read_hex(at + 8, end, 4);
                c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00)
                                                  : 0;
                n = 12;
        }
        *ret = c;
        return c >= 0x20 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

/* As strings of JSON and YAML have it. */
static int unescape(struct span text, struct buf *b)
{
        const char *end = text.at + text.n;
        unsigned c;

        for (const char *at = text.at; at < end && !b->failed;) {
                size_t n = *at == '\\' && at + 1 < end ? read_escape(at, end, &c) : 0;

                if (n > 0)
                        add_point(b, c);
                else
                        (void)buf_add_char(b, *at);
                if (n == 0 && *at == '\'' && at + 1 < end && at[1] == '\'')
                        n = 2;
                at += n > 0 ? n : 1;
        }
        return b->failed;
}

int mentioned_read(struct mentioned *m, struct span text)
{
        static const char *const escapes[] = {"\\u", "\\x", "\\U", "''"};
        _cleanup_buf_ struct buf meant = {0};
        bool has_escapes = false;
        int r;

        if (text.n == 0)
                return 0;
        if (getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) < 0)
                m->seed = 0; /* soon after the machine's start */
        r = add_names(m, text);
        r = r ? r : add_windows_names(m, text);
        for (size_t i = 0; i < N_ELEMENTS(escapes); i++)
                has_escapes |= memmem(text.at, text.n, escapes[i], 2) != NULL;
        if (r < 0 || !has_escapes)
                return r;
        buf_init(&meant, 0);
        r = unescape(text, &meant);
        r = r ? r : add_names(m, buf_span(&meant));
        return r ? r : add_windows_names(m, buf_span(&meant));
}
