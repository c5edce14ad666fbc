#include "client/manifest.h"

#include "common/path.h"
#include "common/str.h"

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
        if (json_integer_value(json_object_get(root, "version")) != 1 || !json_is_array(files) ||
            json_object_size(root) != 2)
                return refuse(ret_diag, 0, "not a manifest of version 1");
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

static int write_entry(struct buf *b, const char *path, const char *fingerprint,
                       const struct hash *sha256)
{
        char hex[HASH_HEX_BYTES];
        int r;

        (void)buf_add_text(b, "{\"fingerprint\": ");
        r = json_write_string(b, span_of(fingerprint));
        (void)buf_add_text(b, ", \"path\": ");
        if (r == 0)
                r = json_write_string(b, span_of(path));
        if (sha256) {
                hash_to_hex(sha256, hex);
                (void)buf_printf(b, ", \"sha256\": \"%s\"}", hex);
        } else
                (void)buf_add_text(b, ", \"sha256\": null}");
        return r < 0 ? r : b->failed;
}

int manifest_write(const struct manifest *m, struct buf *b)
{
        int r = buf_add_text(b, "{\"version\": 1, \"files\": [\n");

        for (size_t i = 0; r == 0 && i < m->n; i++) {
                r = write_entry(b, m->at[i].path, m->at[i].fingerprint, &m->at[i].sha256);
                (void)buf_add_text(b, i + 1 < m->n ? ",\n" : "\n");
        }
        (void)buf_add_text(b, "]}\n");
        return r < 0 ? r : b->failed;
}

int pending_write(struct buf *b, const char *path, const char *fingerprint,
                  const struct hash *sha256)
{
        int r = write_entry(b, path, fingerprint, sha256);

        return r < 0 ? r : buf_add_char(b, '\n');
}

static int fold_line(struct manifest *m, struct span line, pending_disk_fn *disk, void *arg)
{
        _cleanup_json_ json_t *entry = NULL;
        const char *path;
        struct hash wanted = {0}, found;
        struct diag diag;
        bool is_removal;
        int r;

        r = json_read(line, &entry, &diag);
        if (r != 0)
                return r < 0 ? r : 0;
        is_removal = json_is_null(json_object_get(entry, "sha256"));
        if (is_removal && json_object_set_new(entry, "sha256",
                                              json_string("00000000000000000000000000000000"
                                                          "00000000000000000000000000000000")) < 0)
                return -ENOMEM;
        if (entry_fault(entry, &wanted))
                return 0;
        path = json_get_text(entry, "path");
        r = disk(path, &found, arg);
        if (is_removal && r == CONDITION_ABSENT)
                manifest_remove(m, path);
        else if (!is_removal && r == 0 && hash_is_equal(&wanted, &found))
                return manifest_set(m, path, json_get_text(entry, "fingerprint"), &wanted);
        return r == -ENOMEM ? r : 0;
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
