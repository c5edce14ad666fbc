#include "client/files/manifest.h"

#include "common/path.h"
#include "common/str.h"

#define TEXT_OF(number) #number
#define TEXT_OF_VALUE(number) TEXT_OF(number)
#define MANIFEST_VERSION_TEXT TEXT_OF_VALUE(MANIFEST_VERSION)

/* Sorted by path. New entries come mostly in any order, a few hundred at a time: insertion by
 * memmove is cheap enough up to the limit. */
struct manifest {
        struct manifest_entry *at; /* owned */
        size_t n, room;
};

int manifest_new(struct manifest **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

static void entry_done(struct manifest_entry *e)
{
        free(e->path);
        free(e->fingerprint);
}

struct manifest *manifest_free(struct manifest *m)
{
        if (!m)
                return NULL;
        for (size_t i = 0; i < m->n; i++)
                entry_done(&m->at[i]);
        free(m->at);
        free(m);
        return NULL;
}

/* Index of the path, or where it would stand. */
static bool find(const struct manifest *m, const char *path, size_t *ret)
{
        size_t low = 0, high = m->n;

        /* Reading a sorted file asks for the end each time. */
        if (m->n > 0 && strcmp(m->at[m->n - 1].path, path) < 0)
                low = m->n;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(m->at[middle].path, path);

                if (order == 0) {
                        *ret = middle;
                        return true;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret = low;
        return false;
}

const struct manifest_entry *manifest_get(const struct manifest *m, const char *path)
{
        size_t i;

        return find(m, path, &i) ? &m->at[i] : NULL;
}

size_t manifest_n(const struct manifest *m)
{
        return m->n;
}

const struct manifest_entry *manifest_at(const struct manifest *m, size_t i)
{
        return &m->at[i];
}

static int make_room(struct manifest *m)
{
        struct manifest_entry *more;
        size_t room = m->room ? 2 * m->room : 64;

        if (m->n < m->room)
                return 0;
        if (m->n >= MANIFEST_ENTRIES)
                return -E2BIG;
        more = realloc(m->at, room * sizeof(*more));
        if (!more)
                return -ENOMEM;
        m->at = more;
        m->room = room;
        return 0;
}

int manifest_set(struct manifest *m, const char *path, const char *fingerprint,
                 const struct hash *sha256)
{
        struct manifest_entry e = {.sha256 = *sha256};
        size_t i;
        int r;

        r = make_room(m);
        if (r < 0)
                return r;
        e.path = str_dup_span(span_of(path));
        e.fingerprint = str_dup_span(span_of(fingerprint));
        if (!e.path || !e.fingerprint) {
                entry_done(&e);
                return -ENOMEM;
        }
        if (find(m, path, &i)) {
                entry_done(&m->at[i]);
        } else {
                memmove(&m->at[i + 1], &m->at[i], (m->n - i) * sizeof(*m->at));
                m->n++;
        }
        m->at[i] = e;
        return 0;
}

void manifest_remove(struct manifest *m, const char *path)
{
        size_t i;

        if (!find(m, path, &i))
                return;
        entry_done(&m->at[i]);
        m->n--;
        memmove(&m->at[i], &m->at[i + 1], (m->n - i) * sizeof(*m->at));
}

static bool is_fingerprint(const char *text)
{
        size_t n = text ? strlen(text) : 0;

        if (n == 0 || n > MANIFEST_FINGERPRINT_BYTES)
                return false;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] > '~')
                        return false;
        return true;
}

/* NULL when the entry has no fault. */
static const char *entry_fault(const json_t *entry, struct hash *ret)
{
        const char *path = json_get_text(entry, "path"), *sha256 = json_get_text(entry, "sha256");

        if (!json_is_object(entry) || json_object_size(entry) != 3)
                return "an entry has path, fingerprint and sha256";
        if (!path || !path_is_relative(span_of(path)))
                return "a path is not relative and plain";
        if (!is_fingerprint(json_get_text(entry, "fingerprint")))
                return "a fingerprint is malformed";
        if (!sha256 || hash_from_hex(span_of(sha256), ret) < 0)
                return "a sha256 is not 64 hex digits";
        return NULL;
}

static int refuse(struct diag *diag, size_t i, const char *fault)
{
        *diag = (struct diag){.line = (unsigned)i + 2};
        snprintf(diag->text, sizeof(diag->text), "%s", fault);
        return CONDITION_REFUSED;
}

int manifest_read(struct manifest *m, struct span text, struct diag *ret_diag)
{
        _cleanup_json_ json_t *root = NULL;
        const char *fault;
        json_t *files, *entry;
        size_t i;
        int r;

        r = json_read(text, &root, ret_diag);
        if (r != 0)
                return r;
        files = json_object_get(root, "files");
        if (json_integer_value(json_object_get(root, "version")) != MANIFEST_VERSION ||
            !json_is_array(files) || json_object_size(root) != 2)
                return refuse(ret_diag, 0, "not a manifest of version " MANIFEST_VERSION_TEXT);
        json_array_foreach (files, i, entry) {
                struct hash sha256;

                fault = entry_fault(entry, &sha256);
                if (!fault && manifest_get(m, json_get_text(entry, "path")))
                        fault = "a path stands twice";
                if (!fault && i >= MANIFEST_ENTRIES)
                        fault = "too many entries";
                if (fault)
                        return refuse(ret_diag, i, fault);
                r = manifest_set(m, json_get_text(entry, "path"),
                                 json_get_text(entry, "fingerprint"), &sha256);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void add_hash(struct buf *b, const char *key, const struct hash *h)
{
        char hex[HASH_HEX_BYTES];

        if (!h) {
                (void)buf_printf(b, "\"%s\": null", key);
                return;
        }
        hash_to_hex(h, hex);
        (void)buf_printf(b, "\"%s\": \"%s\"", key, hex);
}

static int add_name(struct buf *b, const char *path, const char *fingerprint)
{
        int r;

        (void)buf_add_text(b, "\"fingerprint\": ");
        r = json_write_string(b, span_of(fingerprint));
        (void)buf_add_text(b, ", \"path\": ");
        if (r == 0)
                r = json_write_string(b, span_of(path));
        (void)buf_add_text(b, ", ");
        return r;
}

static int write_entry(struct buf *b, const struct manifest_entry *e)
{
        int r;

        (void)buf_add_char(b, '{');
        r = add_name(b, e->path, e->fingerprint);
        add_hash(b, "sha256", &e->sha256);
        (void)buf_add_char(b, '}');
        return r < 0 ? r : b->failed;
}

int manifest_write(const struct manifest *m, struct buf *b)
{
        int r = buf_add_text(b, "{\"version\": " MANIFEST_VERSION_TEXT ", \"files\": [\n");

        for (size_t i = 0; r == 0 && i < m->n; i++) {
                r = write_entry(b, &m->at[i]);
                (void)buf_add_text(b, i + 1 < m->n ? ",\n" : "\n");
        }
        (void)buf_add_text(b, "]}\n");
        return r < 0 ? r : b->failed;
}

int pending_write(struct buf *b, const struct pending_line *line)
{
        int r;

        (void)buf_add_char(b, '{');
        add_hash(b, "before", line->before);
        if (line->disk) {
                (void)buf_add_text(b, ", ");
                add_hash(b, "disk", line->disk);
        }
        (void)buf_add_text(b, ", ");
        r = add_name(b, line->path, line->fingerprint);
        add_hash(b, "sha256", line->sha256);
        (void)buf_add_text(b, "}\n");
        return r < 0 ? r : b->failed;
}

/* A pending line as it was read. */
struct announced {
        const char *path, *fingerprint; /* borrowed: the entry */
        struct hash sha256, before, disk;
        bool is_removal, was_absent;
};

/* A member that is a hash, or null where that is allowed. */
static bool read_hash(const json_t *entry, const char *key, struct hash *ret, bool *ret_is_null)
{
        const json_t *value = json_object_get(entry, key);

        *ret_is_null = json_is_null(value);
        return *ret_is_null || (json_is_string(value) &&
                                hash_from_hex(span_of(json_string_value(value)), ret) == 0);
}

static bool read_announced(const json_t *entry, struct announced *ret)
{
        bool has_disk = json_object_get(entry, "disk"), is_null;

        *ret = (struct announced){.path = json_get_text(entry, "path"),
                                  .fingerprint = json_get_text(entry, "fingerprint")};
        if (json_object_size(entry) != 4 + (size_t)has_disk || !ret->path ||
            !path_is_relative(span_of(ret->path)) || !is_fingerprint(ret->fingerprint) ||
            !read_hash(entry, "sha256", &ret->sha256, &ret->is_removal) ||
            !read_hash(entry, "before", &ret->before, &ret->was_absent))
                return false;
        ret->disk = ret->sha256;
        return !has_disk || (read_hash(entry, "disk", &ret->disk, &is_null) && !is_null);
}

static int fold_line(struct manifest *m, struct span line, pending_disk_fn *disk, void *arg)
{
        _cleanup_json_ json_t *entry = NULL;
        struct announced a;
        struct hash found;
        struct diag diag;
        bool is_done;
        int r;

        r = json_read(line, &entry, &diag);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!read_announced(entry, &a))
                return 0;
        r = disk(a.path, &found, arg);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (a.is_removal) {
                if (r == CONDITION_ABSENT)
                        manifest_remove(m, a.path);
                return 0;
        }
        is_done = r == 0 &&
                  (hash_is_equal(&a.disk, &found) || (a.was_absent && !manifest_get(m, a.path)));
        return is_done ? manifest_set(m, a.path, a.fingerprint, &a.sha256) : 0;
}

/* The next line of text without its end, and text after it. False: there is none. */
static bool take_line(struct span *text, struct span *ret)
{
        const char *end = text->n > 0 ? memchr(text->at, '\n', text->n) : NULL;
        size_t n = end ? (size_t)(end - text->at) : text->n;

        if (text->n == 0)
                return false;
        *ret = (struct span){text->at, n};
        text->at += end ? n + 1 : n;
        text->n -= end ? n + 1 : n;
        return true;
}

bool manifest_has_conflicts(struct span text)
{
        struct span line;

        while (take_line(&text, &line))
                if (line.n >= 8 && memcmp(line.at, "<<<<<<< ", 8) == 0)
                        return true;
        return false;
}

static int salvage_line(struct manifest *m, struct span line, pending_disk_fn *disk, void *arg)
{
        _cleanup_json_ json_t *entry = NULL;
        struct hash sha256, found;
        struct diag diag;
        const char *path;
        int r;

        while (line.n > 0 && (line.at[line.n - 1] == ',' || line.at[line.n - 1] == '\r'))
                line.n--;
        r = json_read(line, &entry, &diag);
        if (r != 0)
                return r < 0 ? r : 0;
        if (entry_fault(entry, &sha256))
                return 0;
        path = json_get_text(entry, "path");
        if (manifest_get(m, path)) {
                r = disk(path, &found, arg);
                if (r != 0 || !hash_is_equal(&found, &sha256))
                        return r == -ENOMEM ? r : 0;
        }
        return manifest_set(m, path, json_get_text(entry, "fingerprint"), &sha256);
}

int manifest_salvage(struct manifest *m, struct span text, pending_disk_fn *disk, void *arg)
{
        struct span line;
        int r = 0;

        while (r == 0 && take_line(&text, &line))
                r = salvage_line(m, line, disk, arg);
        return r;
}

int pending_fold(struct manifest *m, struct span text, pending_disk_fn *disk, void *arg)
{
        while (text.n > 0) {
                const char *end = memchr(text.at, '\n', text.n);
                struct span line = {text.at, end ? (size_t)(end - text.at) : 0};
                int r;

                if (!end)
                        return 0; /* torn: the change it announces did not follow */
                r = fold_line(m, line, disk, arg);
                if (r < 0)
                        return r;
                text.at += line.n + 1;
                text.n -= line.n + 1;
        }
        return 0;
}
