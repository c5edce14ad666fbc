#include "daemon/store/pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "daemon/store/env.h"

#define META_MAGIC 0xBEEFC0DEu
#define META_VERSION 1u
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 32 /* LMDB's CURSOR_STACK */
#define PAGE_BYTES_MIN 512u
#define PAGE_BYTES_MAX 65536u
#define TURN 4096 /* pages between looks at the clock */

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1, NODE_SUB = 2 };

struct db {
        uint32_t pad;
        uint16_t flags, depth;
        uint64_t branch, leaf, overflow, entries, root;
};

struct page {
        uint64_t pgno;
        uint16_t pad, flags;
        union {
                struct {
                        uint16_t lower, upper;
                } bounds;
                uint32_t n_pages;
        };
};

struct meta {
        struct page page;
        uint32_t magic, version;
        uint64_t address, mapsize;
        struct db free, main;
        uint64_t last_pgno, txnid;
};

struct node {
        uint16_t lo, hi, flags, n_key;
};

_Static_assert(sizeof(struct db) == 48 && sizeof(struct page) == 16 && sizeof(struct node) == 8,
               "as LMDB lays them out");

struct walk {
        const char *at; /* the file, mapped */
        size_t n;
        size_t page_bytes;
        uint64_t n_pages; /* that lie wholly in the file */
        uint64_t last_pgno;
        uint8_t *seen; /* owned: a bit for each page */
        uint64_t deadline_usec;
        unsigned turn;
};

enum tree { TREE_FREE, TREE_MAIN, TREE_TABLE };

static int read_metas(int fd, struct meta *ret, uint64_t *ret_n)
{
        struct meta metas[2];
        struct stat st;
        bool is_good[2];

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size == 0)
                return CONDITION_EMPTY;
        *ret_n = (uint64_t)st.st_size;
        if (pread(fd, &metas[0], sizeof(metas[0]), 0) != (ssize_t)sizeof(metas[0]))
                return CONDITION_DAMAGED;
        for (unsigned i = 0; i < 2; i++) {
                const struct meta *m = &metas[i];

                /* The first says where the second is; with a first that is no meta LMDB opens
                 * nothing. */
                is_good[i] = m->magic == META_MAGIC && m->version == META_VERSION &&
                             (m->page.flags & PAGE_META) && m->free.pad >= PAGE_BYTES_MIN &&
                             m->free.pad <= PAGE_BYTES_MAX &&
                             (m->free.pad & (m->free.pad - 1)) == 0;
                if (!is_good[0])
                        return CONDITION_DAMAGED;
                if (i == 0 && pread(fd, &metas[1], sizeof(metas[1]), m->free.pad) !=
                                      (ssize_t)sizeof(metas[1]))
                        return CONDITION_DAMAGED;
        }
        if (!is_good[1] || metas[1].free.pad != metas[0].free.pad)
                return CONDITION_DAMAGED;
        *ret = metas[metas[1].txnid > metas[0].txnid];
        return 0;
}

int pages_glance(int dir_fd)
{
        _cleanup_close_ int fd = openat(dir_fd, ENV_DATA, O_RDONLY | O_CLOEXEC);
        struct meta meta = {0};
        uint64_t n = 0;
        int r;

        if (fd < 0)
                return errno == ENOENT ? CONDITION_EMPTY : -errno;
        r = read_metas(fd, &meta, &n);
        if (r != 0)
                return r;
        return n / meta.free.pad <= meta.last_pgno ? CONDITION_UNFINISHED : 0;
}

/* Takes a run of pages for one use. CONDITION_DAMAGED: it is used already, or not in the file. */
static int claim(struct walk *w, uint64_t pgno, uint64_t n, bool is_in_file)
{
        if (pgno < 2 || n == 0 || pgno > w->last_pgno || n > w->last_pgno + 1 - pgno)
                return CONDITION_DAMAGED;
        if (is_in_file && pgno + n > w->n_pages)
                return CONDITION_DAMAGED;
        for (uint64_t p = pgno; p < pgno + n; p++) {
                if (w->seen[p / 8] & 1u << p % 8)
                        return CONDITION_DAMAGED;
                w->seen[p / 8] |= (uint8_t)(1u << p % 8);
        }
        return 0;
}

static int page_at(struct walk *w, uint64_t pgno, struct page *ret)
{
        int r;

        if (++w->turn % TURN == 0 && clock_monotonic_usec() > w->deadline_usec)
                return CONDITION_UNFINISHED;
        r = claim(w, pgno, 1, true);
        if (r != 0)
                return r;
        memcpy(ret, w->at + pgno * w->page_bytes, sizeof(*ret));
        return ret->pgno == pgno ? 0 : CONDITION_DAMAGED;
}

/* The data of a node with NODE_BIG: only its first page has a head. */
static int check_run(struct walk *w, uint64_t pgno, uint64_t n_bytes, const char **ret)
{
        uint64_t n = (sizeof(struct page) + n_bytes + w->page_bytes - 1) / w->page_bytes;
        struct page page;
        int r;

        r = page_at(w, pgno, &page);
        if (r != 0)
                return r;
        if (!(page.flags & PAGE_OVERFLOW) || page.n_pages < n)
                return CONDITION_DAMAGED;
        *ret = w->at + pgno * w->page_bytes + sizeof(page);
        return page.n_pages > 1 ? claim(w, pgno + 1, page.n_pages - 1u, true) : 0;
}

static int check_free(struct walk *w, const char *at, uint64_t n_bytes)
{
        uint64_t n, pgno;
        int r = 0;

        if (n_bytes < sizeof(n))
                return CONDITION_DAMAGED;
        memcpy(&n, at, sizeof(n));
        if (n > n_bytes / sizeof(n) - 1)
                return CONDITION_DAMAGED;
        for (uint64_t i = 1; i <= n && r == 0; i++) {
                memcpy(&pgno, at + i * sizeof(pgno), sizeof(pgno));
                r = claim(w, pgno, 1, false); /* free pages may lie behind the end */
        }
        return r;
}

static int check_tree(struct walk *w, uint64_t root, enum tree kind, unsigned depth);

static int check_data(struct walk *w, const struct node *node, const char *data, uint64_t n_inline,
                      enum tree kind)
{
        uint64_t n = (uint64_t)node->lo | (uint64_t)node->hi << 16, pgno;
        struct db db;
        int r = 0;

        if (node->flags & NODE_BIG) {
                if (n_inline < sizeof(pgno))
                        return CONDITION_DAMAGED;
                memcpy(&pgno, data, sizeof(pgno));
                r = check_run(w, pgno, n, &data);
        } else if (n > n_inline) {
                return CONDITION_DAMAGED;
        }
        if (r == 0 && kind == TREE_FREE)
                return check_free(w, data, n);
        if (r != 0 || kind != TREE_MAIN)
                return r;
        if (!(node->flags & NODE_SUB) || n != sizeof(db))
                return CONDITION_DAMAGED;
        memcpy(&db, data, sizeof(db));
        return check_tree(w, db.root, TREE_TABLE, 0);
}

static bool is_ascending(struct span before, struct span key, enum tree kind)
{
        uint64_t a, b;
        int c;

        if (kind == TREE_FREE) {
                if (before.n != sizeof(a) || key.n != sizeof(b))
                        return false;
                memcpy(&a, before.at, sizeof(a));
                memcpy(&b, key.at, sizeof(b));
                return a < b;
        }
        c = memcmp(before.at, key.at, MIN2(before.n, key.n));
        return c < 0 || (c == 0 && before.n < key.n);
}

/* page: the head of the page at `at`. */
static int check_nodes(struct walk *w, const struct page *page, const char *at, enum tree kind,
                       unsigned depth)
{
        unsigned n = (page->bounds.lower - (unsigned)sizeof(*page)) / 2;
        bool is_branch = page->flags & PAGE_BRANCH;
        struct span before = {NULL, 0}, key;
        struct node node;
        uint16_t offset;
        int r = 0;

        for (unsigned i = 0; i < n && r == 0; i++) {
                memcpy(&offset, at + sizeof(*page) + 2 * (size_t)i, sizeof(offset));
                if (offset < page->bounds.upper || offset + sizeof(node) > w->page_bytes)
                        return CONDITION_DAMAGED;
                memcpy(&node, at + offset, sizeof(node));
                key = (struct span){at + offset + sizeof(node), node.n_key};
                if (offset + sizeof(node) + key.n > w->page_bytes)
                        return CONDITION_DAMAGED;
                if (before.at && !is_ascending(before, key, kind))
                        return CONDITION_DAMAGED;
                if (!is_branch || i > 0) /* the first key of a branch is empty */
                        before = key;
                if (is_branch)
                        r = check_tree(w,
                                       (uint64_t)node.lo | (uint64_t)node.hi << 16 |
                                               (uint64_t)node.flags << 32,
                                       kind, depth + 1);
                else
                        r = check_data(w, &node, key.at + key.n,
                                       w->page_bytes - offset - sizeof(node) - key.n, kind);
        }
        return r;
}

static int check_tree(struct walk *w, uint64_t root, enum tree kind, unsigned depth)
{
        struct page page;
        unsigned flags;
        int r;

        if (root == NO_PAGE && depth == 0)
                return 0;
        if (depth >= DEPTH_MAX)
                return CONDITION_DAMAGED;
        r = page_at(w, root, &page);
        if (r != 0)
                return r;
        flags = page.flags & (PAGE_BRANCH | PAGE_LEAF | PAGE_OVERFLOW | PAGE_META);
        if ((flags != PAGE_BRANCH && flags != PAGE_LEAF) || page.bounds.lower < sizeof(page) ||
            page.bounds.lower > page.bounds.upper || page.bounds.upper > w->page_bytes)
                return CONDITION_DAMAGED;
        return check_nodes(w, &page, w->at + root * w->page_bytes, kind, depth);
}

static int walk_all(struct walk *w, const struct meta *meta)
{
        int r;

        w->page_bytes = meta->free.pad;
        w->n_pages = w->n / w->page_bytes;
        w->last_pgno = meta->last_pgno;
        if (w->last_pgno >
            w->n_pages + ((uint64_t)1 << 24)) /* far more than one commit frees at the end */
                return CONDITION_DAMAGED;
        w->seen = calloc(1, w->last_pgno / 8 + 1);
        if (!w->seen)
                return -ENOMEM;
        r = check_tree(w, meta->main.root, TREE_MAIN, 0);
        if (r == 0)
                r = check_tree(w, meta->free.root, TREE_FREE, 0);
        free(w->seen);
        return r;
}

int pages_check_file(int fd, uint64_t deadline_usec)
{
        struct walk w = {.deadline_usec = deadline_usec};
        struct meta meta = {0};
        uint64_t n = 0;
        void *at;
        int r;

        r = read_metas(fd, &meta, &n);
        if (r != 0)
                return r;
        at = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED)
                return -errno;
        w.at = at;
        w.n = n;
        r = walk_all(&w, &meta);
        (void)munmap(at, n);
        return r;
}

int pages_check(int dir_fd, uint64_t deadline_usec)
{
        _cleanup_close_ int fd = openat(dir_fd, ENV_DATA, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? CONDITION_EMPTY : -errno;
        return pages_check_file(fd, deadline_usec);
}
