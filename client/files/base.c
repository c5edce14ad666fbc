#include "client/files/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "client/files/place.h"
#include "common/path.h"

#define BASE_DIR ".genopt/base"
#define PATH_BYTES (sizeof(BASE_DIR "/") + HASH_HEX_BYTES)

static void make_path(const struct hash *sha256, char ret[PATH_BYTES])
{
        char hex[HASH_HEX_BYTES];

        hash_to_hex(sha256, hex);
        snprintf(ret, PATH_BYTES, BASE_DIR "/%s", hex);
}

bool base_has(int dir_fd, const struct hash *sha256)
{
        char path[PATH_BYTES];

        make_path(sha256, path);
        return faccessat(dir_fd, path, R_OK, 0) == 0;
}

int base_put(int dir_fd, const struct hash *sha256, struct span content)
{
        char path[PATH_BYTES];
        struct stat st;

        make_path(sha256, path);
        if (fstatat(dir_fd, path, &st, 0) == 0 && (uint64_t)st.st_size == content.n)
                return 0;
        return path_write_atomic(dir_fd, path, content, 0666, false);
}

int base_get(int dir_fd, const struct hash *sha256, struct buf *b)
{
        char path[PATH_BYTES];
        size_t start = b->n;
        struct hash h;
        int r;

        make_path(sha256, path);
        r = path_read(dir_fd, path, PLACE_FILE_BYTES, b);
        if (r < 0)
                return r == -ENOMEM ? r : CONDITION_ABSENT;
        hash_of(b->at ? b->at + start : "", b->n - start, &h);
        if (hash_is_equal(&h, sha256))
                return 0;
        b->n = start;
        return CONDITION_ABSENT;
}

struct spare {
        char hex[HASH_HEX_BYTES];
        struct timespec at;
        uint64_t n_bytes;
};

struct spares {
        struct spare *at; /* owned */
        size_t n, room;
};

static int by_hash(const void *a, const void *b)
{
        return memcmp(((const struct hash *)a)->at, ((const struct hash *)b)->at, HASH_BYTES);
}

/* The newest first. */
static int by_age(const void *a, const void *b)
{
        const struct timespec *x = &((const struct spare *)a)->at,
                              *y = &((const struct spare *)b)->at;

        if (x->tv_sec != y->tv_sec)
                return x->tv_sec < y->tv_sec ? 1 : -1;
        return x->tv_nsec == y->tv_nsec ? 0 : x->tv_nsec < y->tv_nsec ? 1 : -1;
}

static int add_spare(struct spares *s, const char *name, const struct stat *st)
{
        if (s->n == s->room) {
                size_t room = s->room ? 2 * s->room : 64;
                struct spare *more = realloc(s->at, room * sizeof(*more));

                if (!more)
                        return -ENOMEM;
                s->at = more;
                s->room = room;
        }
        s->at[s->n] = (struct spare){.at = st->st_mtim, .n_bytes = (uint64_t)st->st_size};
        memcpy(s->at[s->n++].hex, name, HASH_HEX_BYTES);
        return 0;
}

/* What the manifest lists stays; what is no content at all goes. */
static int collect(DIR *d, const struct hash *listed, size_t n_listed, struct spares *ret)
{
        struct dirent *e;
        int r = 0;

        while (r == 0 && (e = readdir(d))) {
                struct stat st;
                struct hash h;

                if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    S_ISDIR(st.st_mode))
                        continue;
                if (hash_from_hex(span_of(e->d_name), &h) < 0)
                        (void)unlinkat(dirfd(d), e->d_name, 0);
                else if (!bsearch(&h, listed, n_listed, sizeof(h), by_hash))
                        r = add_spare(ret, e->d_name, &st);
        }
        return r;
}

static DIR *open_base(int dir_fd)
{
        int fd = path_open_beneath(dir_fd, BASE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (fd >= 0 && !d)
                close(fd);
        return d;
}

int base_sweep(int dir_fd, const struct manifest *m)
{
        _cleanup_free_ struct hash *listed = calloc(manifest_n(m) + 1, sizeof(*listed));
        struct spares spares = {0};
        uint64_t n_bytes = 0;
        DIR *d;
        int r;

        if (!listed)
                return -ENOMEM;
        for (size_t i = 0; i < manifest_n(m); i++)
                listed[i] = manifest_at(m, i)->sha256;
        qsort(listed, manifest_n(m), sizeof(*listed), by_hash);
        d = open_base(dir_fd);
        if (!d)
                return 0; /* nothing was ever put there */
        r = collect(d, listed, manifest_n(m), &spares);
        if (spares.n > 0)
                qsort(spares.at, spares.n, sizeof(*spares.at), by_age);
        for (size_t i = 0; r == 0 && i < spares.n; i++) {
                n_bytes += spares.at[i].n_bytes;
                if (n_bytes > BASE_SPARE_BYTES)
                        (void)unlinkat(dirfd(d), spares.at[i].hex, 0);
        }
        free(spares.at);
        closedir(d);
        return r;
}
