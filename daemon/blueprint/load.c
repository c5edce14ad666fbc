#include <fcntl.h>
#include <stdio.h>

#include "common/canon.h"
#include "common/path.h"
#include "daemon/blueprint/imports.h"
#include "daemon/blueprint/parse.h"

const struct blueprint_file *blueprint_find_file(const struct blueprint *b, const char *path)
{
        size_t low = 0, high = b->n_files;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = strcmp(b->files[middle].path, path);

                if (c == 0)
                        return &b->files[middle];
                if (c < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

static void blueprint_free(struct blueprint *b)
{
        blueprint_release_kinds(b);
        imports_release(b);
        blueprint_release_names(b);
        limits_release(b);
        rules_release(b);
        strlist_done(&b->unreached);
        strlist_done(&b->warnings);
        blueprint_files_free(b->files, b->n_files);
        free(b->name);
        free(b->description);
        free(b->language);
        free(b);
}

struct blueprint *blueprint_ref(struct blueprint *b)
{
        atomic_fetch_add(&b->n_refs, 1);
        return b;
}

struct blueprint *blueprint_unref(struct blueprint *b)
{
        if (b && atomic_fetch_sub(&b->n_refs, 1) == 1)
                blueprint_free(b);
        return NULL;
}

const char *blueprint_name(const struct blueprint *b)
{
        return b->name;
}

const char *blueprint_description(const struct blueprint *b)
{
        return b->description;
}

void blueprint_hash(const struct blueprint *b, struct hash *ret)
{
        *ret = b->hash;
}

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const struct blueprint_file *)a)->path,
                      ((const struct blueprint_file *)b)->path);
}

static int copy_files(struct blueprint *b, const struct blueprint_file *files, size_t n)
{
        b->files = calloc(n + 1, sizeof(*b->files));
        if (!b->files)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                struct blueprint_file *f = &b->files[b->n_files++];

                f->path = str_dup_span(span_of(files[i].path));
                f->text = str_dup_span((struct span){files[i].text, files[i].n_text});
                f->n_text = files[i].n_text;
                if (!f->path || !f->text)
                        return -ENOMEM;
        }
        qsort(b->files, b->n_files, sizeof(*b->files), compare_files);
        return 0;
}

static int hash_files(struct blueprint *b)
{
        struct canon *c;
        int r;

        r = canon_new(1, &c);
        if (r < 0)
                return r;
        canon_add_text(c, 1, b->name);
        for (size_t i = 0; i < b->n_files; i++) {
                canon_add_text(c, 2, b->files[i].path);
                canon_add_bytes(c, 3, b->files[i].text, b->files[i].n_text);
        }
        canon_get(c, &b->hash);
        canon_free(c);
        return 0;
}

static void check_files(const struct blueprint *b, struct faults *f)
{
        if (b->n_files > BLUEPRINT_MAX_FILES)
                fault_add(f, b->name, 0, 0, "more than %u files", BLUEPRINT_MAX_FILES);
        for (size_t i = 0; i < b->n_files; i++) {
                if (b->files[i].n_text > BLUEPRINT_MAX_FILE_BYTES)
                        fault_add(f, b->files[i].path, 0, 0, "larger than 1 MiB");
                if (b->files[i].n_text > 0 && memchr(b->files[i].text, '\0', b->files[i].n_text))
                        fault_add(f, b->files[i].path, 0, 0, "it holds a NUL byte: it is no text");
                if (!path_is_relative(span_of(b->files[i].path)))
                        fault_add(f, b->files[i].path, 0, 0, "not a relative path");
                if (i > 0 && strcmp(b->files[i].path, b->files[i - 1].path) == 0)
                        fault_add(f, b->files[i].path, 0, 0, "stands twice");
        }
}

static int refuse(const struct blueprint *b, struct faults *f, struct failure **ret_failure)
{
        _cleanup_free_ char *where = str_printf("%s/%s", b->name, f->first);

        if (!where)
                return -ENOMEM;
        if (f->n > FAULTS_MAX)
                (void)buf_printf(&f->text, "\nand %zu more", f->n - FAULTS_MAX);
        *ret_failure = f->n == 1 ? failure_new_at(FAILURE_BAD_BLUEPRINT, where, "blueprint %s: %s",
                                                  b->name, f->text.at)
                                 : failure_new_at(FAILURE_BAD_BLUEPRINT, where,
                                                  "blueprint %s has %zu faults:\n%s", b->name, f->n,
                                                  f->text.at);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

typedef int parse_fn(struct blueprint *b, struct faults *f);

static int make(const char *name, const struct blueprint_file *files, size_t n_files,
                parse_fn *parse, struct blueprint **ret, struct failure **ret_failure)
{
        _cleanup_(blueprint_unrefp) struct blueprint *b = calloc(1, sizeof(*b));
        struct faults f = {0};
        int r;

        if (!b)
                return -ENOMEM;
        b->n_refs = 1;
        b->name = str_dup_span(span_of(name));
        if (!b->name)
                return -ENOMEM;
        r = copy_files(b, files, n_files);
        if (r == 0) {
                check_files(b, &f);
                r = f.n > 0 ? 0 : parse(b, &f);
        }
        if (r == 0)
                r = f.error;
        if (r == 0 && f.n > 0)
                r = refuse(b, &f, ret_failure);
        if (r == 0)
                r = hash_files(b);
        if (r == 0)
                *ret = take(b);
        buf_done(&f.text);
        free(f.first);
        return r;
}

int blueprint_new(const char *name, const struct blueprint_file *files, size_t n_files,
                  struct blueprint **ret, struct failure **ret_failure)
{
        return make(name, files, n_files, blueprint_parse, ret, ret_failure);
}

int blueprint_load_head(const char *folder, const char *name, struct blueprint **ret,
                        struct failure **ret_failure)
{
        _cleanup_close_ int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_buf_ struct buf text = {0};
        struct blueprint_file file = {.path = (char *)BLUEPRINT_FILE};
        int r = dir < 0 ? -errno : path_read(dir, BLUEPRINT_FILE, BLUEPRINT_MAX_FILE_BYTES, &text);

        if (r < 0)
                return blueprint_files_refuse(folder, r, ret_failure);
        file.text = text.at;
        file.n_text = text.n;
        r = make(name, &file, 1, blueprint_parse_head, ret, ret_failure);
        if (r == 0) { /* the text is not needed any more */
                blueprint_files_free((*ret)->files, (*ret)->n_files);
                (*ret)->files = NULL;
                (*ret)->n_files = 0;
        }
        return r;
}

int blueprint_load(const char *dir, const char *name, struct blueprint **ret,
                   struct failure **ret_failure)
{
        _cleanup_free_ char *path = path_join(dir, name);
        struct blueprint_file *files = NULL;
        size_t n = 0;
        int r = path ? blueprint_files_read(path, &files, &n, ret_failure) : -ENOMEM;

        if (r == 0)
                r = blueprint_new(name, files, n, ret, ret_failure);
        blueprint_files_free(files, n);
        return r;
}
