#include "client/offer/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/path.h"
#include "common/str.h"

#define DEPTH_MAX 64
#define FILE_BYTES ((off_t)16 << 20)
#define THREADS 8
#define NAME_BYTES 255u

/* ---- names that the analysis speaks of ---- */

struct names {
        char **at; /* owned, sorted, each once */
        size_t n, room;
};

static void names_done(struct names *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->at[i]);
        free(l->at);
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_name(const struct names *l, const char *name)
{
        return l->n > 0 && bsearch(&name, l->at, l->n, sizeof(*l->at), compare) != NULL;
}

static bool ends_name(char c)
{
        return (unsigned char)c < 0x20 || strchr("\"<>|", c) != NULL;
}

/* A name may end there, or hold it. */
static bool may_end_name(char c)
{
        return strchr(" '`*?:#", c) != NULL;
}

/* As a URI has it: %20. */
static char *decode(struct span s)
{
        char *text = str_dup_span(s), *to = text;

        for (const char *at = text; at && *at; at++) {
                if (at[0] == '%' && isxdigit((unsigned char)at[1]) &&
                    isxdigit((unsigned char)at[2])) {
                        const char hex[] = {at[1], at[2], 0};

                        *to++ = (char)strtol(hex, NULL, 16);
                        at += 2;
                } else {
                        *to++ = *at;
                }
        }
        if (to)
                *to = '\0';
        return text;
}

static int add_name(struct names *l, struct span s)
{
        if (l->n == l->room) {
                char **grown = reallocarray(l->at, l->room * 2 + 256, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                l->at = grown;
                l->room = l->room * 2 + 256;
        }
        l->at[l->n] = decode(s);
        if (!l->at[l->n])
                return -ENOMEM;
        l->n++;
        return 0;
}

static void drop_repeated(struct names *l)
{
        size_t kept = 0;

        if (l->n > 0)
                qsort(l->at, l->n, sizeof(*l->at), compare);
        for (size_t i = 0; i < l->n; i++)
                if (kept > 0 && strcmp(l->at[kept - 1], l->at[i]) == 0)
                        free(l->at[i]);
                else
                        l->at[kept++] = l->at[i];
        l->n = kept;
}

/* What stands behind a slash may be a file's name; a name may hold blanks and quotes, so that every
 * beginning up to one counts as well. */
static int add_names(struct span text, struct names *ret)
{
        const char *end = text.at + text.n;
        int r = 0;

        for (const char *at = text.at; r == 0 && (at = memchr(at, '/', (size_t)(end - at)));) {
                const char *from = ++at, *to = from;

                while (to < end && to - from < NAME_BYTES && *to != '/' && !ends_name(*to)) {
                        if (to > from && may_end_name(*to))
                                r = r ? r : add_name(ret, (struct span){from, (size_t)(to - from)});
                        to++;
                }
                if (to > from)
                        r = r ? r : add_name(ret, (struct span){from, (size_t)(to - from)});
                if (ret->n > 100000) /* mostly the same ones */
                        drop_repeated(ret);
        }
        drop_repeated(ret);
        return r;
}

/* C:\\app\\src\\A.java: of each part, all of it and what stands before a blank, a quote or alike.
 */
static int add_parts(const char *at, const char *end, struct names *ret)
{
        int r = 0;

        while (at < end && !ends_name(*at) && r == 0) {
                const char *from = at + strspn(at, "\\/"), *to = from;

                for (; to < end && to - from < NAME_BYTES && *to != '\\' && *to != '/' &&
                       !ends_name(*to);
                     to++)
                        if (to > from && may_end_name(*to))
                                r = r ? r : add_name(ret, (struct span){from, (size_t)(to - from)});
                if (to > from)
                        r = r ? r : add_name(ret, (struct span){from, (size_t)(to - from)});
                if (to == at || to - from == NAME_BYTES)
                        break;
                at = to;
        }
        return r;
}

static int add_windows_names(struct span text, struct names *ret)
{
        const char *end = text.at + text.n;
        int r = 0;

        for (const char *at = text.at; r == 0 && (at = memmem(at, (size_t)(end - at), ":\\", 2));
             at++) {
                bool is_drive = at > text.at && isalpha((unsigned char)at[-1]) &&
                                (at - 1 == text.at || !isalnum((unsigned char)at[-2]));

                r = is_drive ? add_parts(at + 1, end, ret) : 0;
                if (ret->n > 100000)
                        drop_repeated(ret);
        }
        drop_repeated(ret);
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

/* As the text has them, and as they are meant. */
static int read_names(struct span text, struct names *ret)
{
        static const char *const escapes[] = {"\\u", "\\x", "\\U", "''"};
        _cleanup_buf_ struct buf meant = {0};
        bool has_escapes = false;
        int r = add_names(text, ret);

        r = r ? r : add_windows_names(text, ret);
        for (size_t i = 0; i < N_ELEMENTS(escapes); i++)
                has_escapes |= memmem(text.at, text.n, escapes[i], 2) != NULL;
        if (r < 0 || !has_escapes)
                return r;
        buf_init(&meant, 0);
        r = unescape(text, &meant);
        r = r ? r : add_names(buf_span(&meant), ret);
        return r ? r : add_windows_names(buf_span(&meant), ret);
}

/* ---- the tree ---- */

struct file {
        char *path; /* owned */
        struct hash hash;
        bool is_read;
};

struct walk {
        int fd;
        const struct names *names;
        struct file *at; /* owned */
        size_t n, room, n_more;
        atomic_size_t next;
};

static int keep_name(const struct dirent *e)
{
        static const char *const skipped[] = {".", "..", ".git", ".genopt", "node_modules"};

        for (size_t i = 0; i < N_ELEMENTS(skipped); i++)
                if (strcmp(e->d_name, skipped[i]) == 0)
                        return 0;
        return 1;
}

static int add_file(struct walk *w, const char *path)
{
        if (w->n == TREE_MAX_FILES) {
                w->n_more++;
                return 0;
        }
        if (w->n == w->room) {
                struct file *grown = reallocarray(w->at, w->room * 2 + 64, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                w->at = grown;
                w->room = w->room * 2 + 64;
        }
        w->at[w->n] = (struct file){.path = strdup(path)};
        return w->at[w->n].path ? (int)(w->n++, 0) : -ENOMEM;
}

static int walk_dir(struct walk *w, int parent, const char *name, const char *path, unsigned depth);

static int walk_entry(struct walk *w, int fd, const char *name, const char *path, unsigned depth)
{
        _cleanup_free_ char *below =
                *path ? str_printf("%s/%s", path, name) : str_printf("%s", name);
        struct stat st;

        if (!below)
                return -ENOMEM;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (S_ISDIR(st.st_mode))
                return walk_dir(w, fd, name, below, depth + 1);
        if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES || !has_name(w->names, name) ||
            !path_is_relative(span_of(below)) || !str_is_utf8(span_of(below)))
                return 0;
        return add_file(w, below);
}

static int walk_dir(struct walk *w, int parent, const char *name, const char *path, unsigned depth)
{
        _cleanup_close_ int fd =
                openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct dirent **entries = NULL;
        int n, r = 0;

        if (fd < 0 || depth > DEPTH_MAX)
                return 0;
        n = scandirat(fd, ".", &entries, keep_name, NULL);
        for (int i = 0; i < n; i++) {
                r = r ? r : walk_entry(w, fd, entries[i]->d_name, path, depth);
                free(entries[i]);
        }
        free(entries);
        return r;
}

/* ---- hashes ---- */

static void read_file(struct walk *w, struct file *f)
{
        _cleanup_close_ int fd = path_open_beneath(w->fd, f->path, O_RDONLY | O_CLOEXEC, 0);
        struct hasher *h = NULL;
        char buffer[65536];
        ssize_t n = -1;

        if (fd < 0 || hasher_new(&h) < 0)
                return;
        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                hasher_add(h, buffer, (size_t)n);
        hasher_get(h, &f->hash);
        hasher_free(h);
        f->is_read = n == 0;
}

static void *read_files(void *arg)
{
        struct walk *w = arg;

        for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n;)
                read_file(w, &w->at[i]);
        return NULL;
}

static void read_all(struct walk *w)
{
        pthread_t threads[THREADS];
        size_t n = 0;

        while (n < THREADS && n + 1 < w->n && pthread_create(&threads[n], NULL, read_files, w) == 0)
                n++;
        (void)read_files(w);
        while (n > 0)
                pthread_join(threads[--n], NULL);
}

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static int write_list(const struct walk *w, json_t **ret)
{
        _cleanup_json_ json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < w->n && r == 0; i++) {
                char hex[HASH_HEX_BYTES];

                if (!w->at[i].is_read)
                        continue;
                hash_to_hex(&w->at[i].hash, hex);
                r = json_add(list, json_pack("{s:s, s:s}", "path", w->at[i].path, "sha256", hex));
        }
        if (r == 0)
                *ret = take(list);
        return r;
}

int tree_list(int dir_fd, struct span analysis, json_t **ret, size_t *ret_more)
{
        _cleanup_(names_done) struct names names = {0};
        struct walk w = {.fd = dir_fd, .names = &names};
        int r = read_names(analysis, &names);

        r = r ? r : walk_dir(&w, dir_fd, ".", "", 0);
        if (r == 0) {
                if (w.n > 0)
                        qsort(w.at, w.n, sizeof(*w.at), compare_files);
                read_all(&w);
                r = write_list(&w, ret);
        }
        *ret_more = w.n_more;
        for (size_t i = 0; i < w.n; i++)
                free(w.at[i].path);
        free(w.at);
        return r;
}
