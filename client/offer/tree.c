#include "client/offer/tree.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "client/files/outdir.h"
#include "client/offer/mentioned.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/path.h"
#include "common/str.h"
#include "common/walk.h"

#define FILE_BYTES ((off_t)16 << 20)
#define THREADS 8

struct file {
        char *path; /* owned */
        struct hash hash;
        bool is_read;
};

struct tree {
        int fd;
        const struct mentioned *names;
        struct file *at; /* owned */
        size_t n, room, n_more;
        atomic_size_t next;
};

static int add_file(struct tree *t, const char *path)
{
        if (t->n == TREE_MAX_FILES) {
                t->n_more++;
                return 0;
        }
        if (t->n == t->room) {
                struct file *grown = reallocarray(t->at, t->room * 2 + 64, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                t->at = grown;
                t->room = t->room * 2 + 64;
        }
        t->at[t->n] = (struct file){.path = strdup(path)};
        return t->at[t->n].path ? (int)(t->n++, 0) : -ENOMEM;
}

static int on_file(const struct walk_file *f, void *arg)
{
        struct tree *t = arg;

        if (f->st->st_size > FILE_BYTES || !mentioned_has(t->names, f->name) ||
            !path_is_relative(span_of(f->path)) || !str_is_utf8(span_of(f->path)))
                return 0;
        return add_file(t, f->path);
}

/* ---- hashes ---- */

static void read_file(struct tree *t, struct file *f)
{
        _cleanup_close_ int fd = path_open_beneath(t->fd, f->path, O_RDONLY | O_CLOEXEC, 0);
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
        struct tree *t = arg;

        for (size_t i; (i = atomic_fetch_add(&t->next, 1)) < t->n;)
                read_file(t, &t->at[i]);
        return NULL;
}

static void read_all(struct tree *t)
{
        pthread_t threads[THREADS];
        size_t n = 0;

        while (n < THREADS && n + 1 < t->n && pthread_create(&threads[n], NULL, read_files, t) == 0)
                n++;
        (void)read_files(t);
        while (n > 0)
                pthread_join(threads[--n], NULL);
}

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static int write_list(const struct tree *t, json_t **ret)
{
        _cleanup_json_ json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < t->n && r == 0; i++) {
                char hex[HASH_HEX_BYTES];

                if (!t->at[i].is_read)
                        continue;
                hash_to_hex(&t->at[i].hash, hex);
                r = json_add(list, json_pack("{s:s, s:s}", "path", t->at[i].path, "sha256", hex));
        }
        if (r == 0)
                *ret = take(list);
        return r;
}

int tree_list(int dir_fd, struct span analysis, json_t **ret, size_t *ret_more)
{
        _cleanup_(mentioned_done) struct mentioned names = {0};
        struct tree t = {.fd = dir_fd, .names = &names};
        const struct walk w = {.max_depth = OUTDIR_MAX_DEPTH,
                               .is_lenient = true,
                               .is_wanted = outdir_is_looked_at,
                               .on_file = on_file,
                               .arg = &t};
        int r = mentioned_read(&names, analysis);

        r = r ? r : walk_files(dir_fd, &w);
        if (r == 0) {
                if (t.n > 0)
                        qsort(t.at, t.n, sizeof(*t.at), compare_files);
                read_all(&t);
                r = write_list(&t, ret);
        }
        *ret_more = t.n_more;
        for (size_t i = 0; i < t.n; i++)
                free(t.at[i].path);
        free(t.at);
        return r;
}
