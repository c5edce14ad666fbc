#include "client/offer/folder.h"

#include <fcntl.h>
#include <stdlib.h>

#include "common/path.h"
#include "common/str.h"
#include "common/walk.h"

#define MAX_DEPTH 4

struct entry {
        char *path, *text; /* owned */
        size_t n_text;
        char hex[HASH_HEX_BYTES];
};

struct folder {
        char *real; /* owned: absolute */
        int fd;     /* owned */
        struct entry *files;
        size_t n;
};

struct folder *folder_free(struct folder *f)
{
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n; i++) {
                free(f->files[i].path);
                free(f->files[i].text);
        }
        free(f->files);
        free(f->real);
        if (f->fd >= 0)
                close(f->fd);
        free(f);
        return NULL;
}

static bool is_wanted(const char *name)
{
        return name[0] != '.' && !str_has_suffix(name, "~");
}

static int read_file(const struct walk_file *file, void *arg)
{
        struct folder *f = arg;
        struct entry *e = &f->files[f->n];
        _cleanup_buf_ struct buf b = {0};
        struct hash h;
        int r;

        if (f->n >= FOLDER_MAX_FILES)
                return -E2BIG;
        r = path_read(f->fd, file->path, FOLDER_FILE_BYTES, &b);
        if (r < 0)
                return r;
        hash_of(b.at ? b.at : "", b.n, &h);
        hash_to_hex(&h, e->hex);
        r = buf_add(&b, "", 0);
        e->text = r == 0 ? buf_steal(&b, &e->n_text) : NULL;
        e->path = strdup(file->path);
        f->n++;
        return e->text && e->path ? 0 : -ENOMEM;
}

int folder_open(const char *path, struct folder **ret, struct failure **ret_failure)
{
        _cleanup_(folder_freep) struct folder *f = calloc(1, sizeof(*f));
        const struct walk w = {
                .max_depth = MAX_DEPTH, .is_wanted = is_wanted, .on_file = read_file, .arg = f};
        int r;

        if (!f)
                return -ENOMEM;
        f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        f->real = f->fd >= 0 ? realpath(path, NULL) : NULL;
        f->files = calloc(FOLDER_MAX_FILES, sizeof(*f->files));
        if (!f->files)
                return -ENOMEM;
        r = f->real ? walk_files(f->fd, &w) : -errno;
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                *ret_failure = failure_new_at(FAILURE_BAD_BLUEPRINT, path, "%s",
                                              r == -E2BIG   ? "it has more than 500 files"
                                              : r == -EFBIG ? "it has a file of more than 1 MiB"
                                                            : strerror(-r));
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        *ret = take(f);
        return 0;
}

bool folder_has(const struct folder *f, const char *path)
{
        for (size_t i = 0; i < f->n; i++)
                if (strcmp(f->files[i].path, path) == 0)
                        return true;
        return false;
}

const char *folder_name(const struct folder *f)
{
        return strrchr(f->real, '/') + 1;
}

int folder_list(const struct folder *f, json_t **ret)
{
        json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < f->n && r == 0; i++)
                r = json_add(list, json_pack("{s:s, s:s}", "path", f->files[i].path, "sha256",
                                             f->files[i].hex));
        if (r < 0) {
                json_decref(list);
                return r;
        }
        *ret = list;
        return 0;
}

static int add_fault(struct strlist *faults, const char *path, const char *what)
{
        _cleanup_free_ char *line = str_printf("%s: %s", path, what);

        return line ? strlist_add(faults, line) : -ENOMEM;
}

/* With blanks for NUL bytes, which nobody would take: the rest is looked at all the same. */
static int put_text(json_t *texts, const char *path, struct span text, struct strlist *faults)
{
        _cleanup_free_ char *clean = str_dup_span(text);
        int r = clean ? 0 : -ENOMEM;

        if (r == 0 && text.n > 0 && memchr(text.at, '\0', text.n))
                r = add_fault(faults, path, "it holds a NUL byte: it is no text");
        for (size_t i = 0; i < text.n && r == 0; i++)
                clean[i] = text.at[i] ? text.at[i] : ' ';
        return r ? r : json_put(texts, path, json_stringn(clean, text.n));
}

int folder_texts(const struct folder *f, json_t **ret, struct strlist *faults)
{
        json_t *texts = json_object();
        int r = texts ? 0 : -ENOMEM;

        for (size_t i = 0; i < f->n && r == 0; i++) {
                struct span text = {f->files[i].text, f->files[i].n_text};
                const char *path = f->files[i].path;

                if (str_is_utf8(text))
                        r = put_text(texts, path, text, faults);
                else if (str_has_prefix(path, "templates/") || str_has_prefix(path, "prompts/"))
                        r = add_fault(faults, path, "it is not UTF-8");
        }
        if (r < 0) {
                json_decref(texts);
                return r;
        }
        *ret = texts;
        return 0;
}

int folder_offer(const struct folder *f, const char *prefix, struct offer *o)
{
        int r = 0;

        for (size_t i = 0; i < f->n && r == 0; i++) {
                _cleanup_free_ char *name = str_printf("%s/%s", prefix, f->files[i].path);

                r = name ? offer_add_as(o, name, f->fd, f->files[i].path, f->files[i].hex)
                         : -ENOMEM;
        }
        return r;
}
