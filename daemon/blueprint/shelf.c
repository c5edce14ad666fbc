#include "daemon/blueprint/shelf.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "common/path.h"

/* Nothing of a blueprint is read before somebody needs it: a daemon starts, and stands idle, as
 * light with many of them as with none. The shelf knows names and stamps.
 *
 * A place is read once, and again when it was let go (blueprint_shelf_trim). If its files were
 * changed meanwhile, they are taken as they are then, under their new stamp: whoever keeps
 * something under the shelf's hash asks for that again. */

#define SHELF_MAX 100    /* folders that are looked at */
#define READ_TRIES_MAX 3 /* while somebody writes into the folder */
#define FIX_FILE_BYTES ((size_t)1 << 20)

/* ---- one place ---- */

static struct place *place_unref(struct place *p)
{
        if (!p || atomic_fetch_sub(&p->n_refs, 1) != 1)
                return NULL;
        blueprint_unref(p->head);
        blueprint_unref(p->whole);
        (void)pthread_mutex_destroy(&p->lock);
        (void)pthread_mutex_destroy(&p->reading);
        free(p->name);
        free(p->folder);
        free(p->templates);
        free(p);
        return NULL;
}
DEFINE_CLEANUP(struct place, place_unref);

static struct place *place_ref(struct place *p)
{
        atomic_fetch_add(&p->n_refs, 1);
        return p;
}

static int place_new(const char *name, struct place **ret)
{
        struct place *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->n_refs = 1;
        (void)pthread_mutex_init(&p->lock, NULL); /* of the default kind: cannot fail */
        (void)pthread_mutex_init(&p->reading, NULL);
        p->name = str_dup_span(span_of(name));
        if (!p->name) {
                place_unref(p);
                return -ENOMEM;
        }
        *ret = p;
        return 0;
}

/* Of the folder, and of the templates that go before. */
static int stamp(const struct place *p, struct hash *ret, struct failure **ret_failure)
{
        struct hash both[2] = {0};
        int r = blueprint_files_stamp(p->folder, &both[0], ret_failure);

        if (r == 0 && p->templates)
                r = blueprint_files_stamp(p->templates, &both[1], ret_failure);
        if (r == 0)
                hash_of(both, sizeof(both), ret);
        return r;
}

static int read_whole(const struct place *p, struct blueprint **ret, struct failure **ret_failure)
{
        struct blueprint_file *files = NULL, *more = NULL;
        size_t n = 0, n_more = 0;
        int r = blueprint_files_read(p->folder, &files, &n, ret_failure);

        if (r == 0 && p->templates)
                r = blueprint_files_read(p->templates, &more, &n_more, ret_failure);
        if (r == 0)
                r = blueprint_new_over(p->name, files, n, more, n_more, ret, ret_failure);
        blueprint_files_free(files, n);
        blueprint_files_free(more, n_more);
        return r;
}

static bool is_as(const struct place *p, const struct hash *as)
{
        struct failure *failure = NULL;
        struct hash now;
        bool is_same = stamp(p, &now, &failure) == 0 && hash_is_equal(&now, as);

        failure_free(failure);
        return is_same;
}

/* Of one state of the files, also where that is a faulty one. */
static int read_steadily(const struct place *p, bool is_head, struct hash *ret_stamp,
                         struct blueprint **ret, struct failure **ret_failure)
{
        for (unsigned i = 0; i < READ_TRIES_MAX; i++) {
                _cleanup_(blueprint_unrefp) struct blueprint *b = NULL;
                _cleanup_(failure_freep) struct failure *f = NULL;
                int r = stamp(p, ret_stamp, ret_failure);

                if (r != 0)
                        return r;
                r = is_head ? blueprint_load_head(p->folder, p->name, &b, &f)
                            : read_whole(p, &b, &f);
                if (r < 0)
                        return r;
                if (!is_as(p, ret_stamp))
                        continue;
                if (r == 0)
                        *ret = take(b);
                else
                        *ret_failure = take(f);
                return r;
        }
        *ret_failure = failure_new_at(FAILURE_BAD_BLUEPRINT, p->folder,
                                      "its files change while they are read; try again");
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

/* Counted, or NULL. */
static struct blueprint *look(struct place *p, bool is_head)
{
        struct blueprint *b;

        (void)pthread_mutex_lock(&p->lock);
        b = p->whole || !is_head ? p->whole : p->head;
        p->was_used = true;
        if (b)
                blueprint_ref(b);
        (void)pthread_mutex_unlock(&p->lock);
        return b;
}

static void put(struct place *p, bool is_head, const struct hash *as, struct blueprint *b)
{
        struct blueprint *old;

        (void)pthread_mutex_lock(&p->lock);
        old = take(p->head); /* of files that were, or needed no more */
        *(is_head ? &p->head : &p->whole) = blueprint_ref(b);
        p->stamp = *as;
        (void)pthread_mutex_unlock(&p->lock);
        blueprint_unref(old);
}

static int get(struct place *p, bool is_head, struct blueprint **ret, struct failure **ret_failure)
{
        struct blueprint *b = look(p, is_head);
        struct hash as;
        int r = 0;

        if (!b) {
                (void)pthread_mutex_lock(&p->reading);
                b = look(p, is_head); /* who was before us may have read it */
                if (!b) {
                        r = read_steadily(p, is_head, &as, &b, ret_failure);
                        if (r == 0)
                                put(p, is_head, &as, b);
                }
                (void)pthread_mutex_unlock(&p->reading);
        }
        if (r == 0)
                *ret = b;
        return r;
}

int place_get(struct place *p, struct blueprint **ret, struct failure **ret_failure)
{
        return get(p, false, ret, ret_failure);
}

int place_get_head(struct place *p, struct blueprint **ret, struct failure **ret_failure)
{
        return get(p, true, ret, ret_failure);
}

static bool place_trim(struct place *p)
{
        struct blueprint *old = NULL;

        (void)pthread_mutex_lock(&p->lock);
        if (p->folder && p->whole && !p->was_used && atomic_load(&p->whole->n_refs) == 1)
                old = take(p->whole);
        p->was_used = false;
        (void)pthread_mutex_unlock(&p->lock);
        blueprint_unref(old);
        return old != NULL;
}

/* ---- the shelf ---- */

struct blueprint_shelf *blueprint_shelf_ref(struct blueprint_shelf *s)
{
        atomic_fetch_add(&s->n_refs, 1);
        return s;
}

struct blueprint_shelf *blueprint_shelf_unref(struct blueprint_shelf *s)
{
        if (!s || atomic_fetch_sub(&s->n_refs, 1) != 1)
                return NULL;
        for (size_t i = 0; i < s->n; i++)
                place_unref(s->at[i]);
        free(s->at);
        strlist_done(&s->strays);
        free(s->dir);
        free(s);
        return NULL;
}

void blueprint_shelf_hash(const struct blueprint_shelf *s, struct hash *ret)
{
        struct hasher *h = NULL;

        *ret = (struct hash){0};
        if (hasher_new(&h) < 0)
                return;
        for (size_t i = 0; i < s->n; i++) {
                struct place *p = s->at[i];
                struct hash one;

                (void)pthread_mutex_lock(&p->lock);
                one = p->stamp;
                (void)pthread_mutex_unlock(&p->lock);
                hasher_add(h, p->name, strlen(p->name) + 1);
                hasher_add(h, one.at, HASH_BYTES);
        }
        hasher_get(h, ret);
        hasher_free(h);
}

int blueprint_shelf_fix(const struct blueprint_shelf *s, const char *name, struct buf *ret)
{
        _cleanup_free_ char *folder = s->dir ? path_join(s->dir, "fix") : NULL;
        _cleanup_close_ int fd = -1;
        int r;

        if (!folder)
                return s->dir ? -ENOMEM : CONDITION_ABSENT;
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = fd < 0 ? -errno : path_read(fd, name, FIX_FILE_BYTES, ret);
        return r == -ENOENT || r == -EACCES || r == -ENOTDIR ? CONDITION_ABSENT : r;
}

size_t blueprint_shelf_count(const struct blueprint_shelf *s)
{
        return s->n;
}

const char *blueprint_shelf_name(const struct blueprint_shelf *s, size_t i)
{
        return s->at[i]->name;
}

int blueprint_shelf_get(const struct blueprint_shelf *s, size_t i, struct blueprint **ret,
                        struct failure **ret_failure)
{
        return place_get(s->at[i], ret, ret_failure);
}

bool blueprint_shelf_trim(struct blueprint_shelf *s)
{
        bool has_freed = false;

        for (size_t i = 0; i < s->n; i++)
                has_freed |= place_trim(s->at[i]);
        return has_freed;
}

static int shelf_new(size_t room, struct blueprint_shelf **ret)
{
        struct blueprint_shelf *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->n_refs = 1;
        s->at = calloc(room + 1, sizeof(struct place *));
        if (!s->at) {
                free(s);
                return -ENOMEM;
        }
        *ret = s;
        return 0;
}

int blueprint_shelf_with(const struct blueprint_shelf *s, struct blueprint *b,
                         struct blueprint_shelf **ret)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *new = NULL;
        _cleanup_(place_unrefp) struct place *own = NULL;
        int r = shelf_new(s->n + 1, &new);

        r = r ? r : place_new(b->name, &own);
        if (r < 0)
                return r;
        own->whole = blueprint_ref(b);
        own->stamp = b->hash;
        for (size_t i = 0; i < s->n; i++) {
                int c = strcmp(s->at[i]->name, b->name);

                if (c >= 0 && own)
                        new->at[new->n++] = take(own);
                if (c != 0)
                        new->at[new->n++] = place_ref(s->at[i]);
        }
        if (own)
                new->at[new->n++] = take(own);
        *ret = take(new);
        return 0;
}

static int add_folder(struct blueprint_shelf *s, const char *dir, const char *name,
                      const char *templates, struct failure **ret_failure)
{
        _cleanup_free_ char *file = str_printf("%s/%s/" BLUEPRINT_FILE, dir, name);
        _cleanup_(place_unrefp) struct place *p = NULL;
        int r;

        if (!file)
                return -ENOMEM;
        if (name[0] == '.' || s->n >= SHELF_MAX || access(file, R_OK) != 0)
                return 0;
        r = place_new(name, &p);
        if (r < 0)
                return r;
        p->folder = path_join(dir, name);
        p->templates = templates ? str_dup_span(span_of(templates)) : NULL;
        if (!p->folder || (templates && !p->templates))
                return -ENOMEM;
        r = stamp(p, &p->stamp, ret_failure);
        if (r == 0)
                s->at[s->n++] = take(p);
        return r;
}

/* Only the folders are looked at: what is in them is read with the blueprint. */
static int list_folders(const char *dir, struct strlist *ret)
{
        struct dirent **entries = NULL;
        int n = scandir(dir, &entries, NULL, alphasort), r = 0;

        for (int i = 0; i < n; i++) {
                const char *name = entries[i]->d_name;
                _cleanup_free_ char *path = str_printf("%s/%s/.", dir, name), *line = NULL;

                line = path ? str_printf("%s%s", name, access(path, F_OK) == 0 ? "/" : "") : NULL;
                if (r == 0 && name[0] != '.' && !str_has_suffix(name, "~"))
                        r = line ? strlist_add(ret, line) : -ENOMEM;
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int find_strays(struct blueprint_shelf *s, const char *templates)
{
        struct strlist folders = {0}, names = {0};
        int r = list_folders(templates, &folders);

        for (size_t i = 0; i < s->n && r == 0; i++)
                r = strlist_add(&names, s->at[i]->name);
        r = r ? r : blueprint_overlay_strays(&names, &folders, &s->strays);
        strlist_done(&folders);
        strlist_done(&names);
        return r;
}

const struct strlist *blueprint_shelf_strays(const struct blueprint_shelf *s)
{
        return &s->strays;
}

int blueprint_shelf_open(const char *dir, const char *templates, struct blueprint_shelf **ret,
                         struct failure **ret_failure)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *s = NULL;
        struct dirent **entries;
        int n, r = shelf_new(SHELF_MAX, &s);

        if (r < 0)
                return r;
        s->dir = str_dup_span(span_of(dir));
        if (!s->dir)
                return -ENOMEM;
        n = scandir(dir, &entries, NULL, alphasort);
        if (n < 0 && errno == ENOMEM)
                return -ENOMEM;
        if (n < 0) {
                *ret_failure = failure_new_at(FAILURE_BAD_BLUEPRINT, dir,
                                              "the blueprints cannot be read: %s", strerror(errno));
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        if (templates && !*templates)
                templates = NULL;
        for (int i = 0; i < n; i++) {
                if (r == 0)
                        r = add_folder(s, dir, entries[i]->d_name, templates, ret_failure);
                free(entries[i]);
        }
        free(entries);
        if (r == 0 && templates)
                r = find_strays(s, templates);
        if (r == 0)
                *ret = take(s);
        return r;
}
