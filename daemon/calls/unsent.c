#include "daemon/calls/unsent.h"

#include <fcntl.h>

#include "common/clock.h"
#include "common/log.h"
#include "daemon/store/store.h"

#define NAME "unsent"
#define MAGIC "genopt unsent 1\n"
#define MAGIC_BYTES (sizeof(MAGIC) - 1)

struct slot {
        uint8_t job[ULID_BYTES];
        uint8_t n[8];
        uint8_t rest[8];
};
static_assert(sizeof(struct slot) == 32, "no slot crosses a page");

struct image {
        char magic[MAGIC_BYTES];
        char boot_id[CLOCK_BOOT_ID_BYTES];
        char rest[12];
        struct slot slots[UNSENT_SLOTS];
};
static_assert(sizeof(struct image) == 64 + UNSENT_SLOTS * sizeof(struct slot), "the file's form");

struct unsent {
        int fd;               /* -1: there is no file, nothing is named */
        struct image *before; /* owned; as the last run left it; NULL: it named nothing */
        bool is_taken[UNSENT_SLOTS];
        unsigned next; /* where the search for a free one begins */
};

static void fill(struct slot *s, const struct ulid *job, uint64_t n)
{
        *s = (struct slot){};
        memcpy(s->job, job->at, ULID_BYTES);
        for (unsigned i = 0; i < sizeof(s->n); i++)
                s->n[i] = (uint8_t)(n >> (8 * (sizeof(s->n) - 1 - i)));
}

/* All of the file, when it is this boot's; else none of it. */
static void read_before(struct unsent *u)
{
        struct image *i = malloc(sizeof(*i));
        char id[CLOCK_BOOT_ID_BYTES];

        if (i && pread(u->fd, i, sizeof(*i), 0) == (ssize_t)sizeof(*i) && clock_boot_id(id) &&
            memcmp(i->magic, MAGIC, MAGIC_BYTES) == 0 && memcmp(i->boot_id, id, sizeof(id)) == 0)
                u->before = i;
        else
                free(i);
}

int unsent_new(struct store *s, struct unsent **ret)
{
        struct unsent *u = calloc(1, sizeof(*u));

        if (!u)
                return -ENOMEM;
        u->fd = openat(store_state_fd(s), NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (u->fd >= 0)
                read_before(u);
        *ret = u;
        return 0;
}

struct unsent *unsent_free(struct unsent *u)
{
        if (!u)
                return NULL;
        cleanup_close(&u->fd);
        free(u->before);
        free(u);
        return NULL;
}

bool unsent_was(const struct unsent *u, const struct ulid *job, uint64_t n)
{
        struct slot s;

        fill(&s, job, n);
        for (size_t i = 0; u->before && i < UNSENT_SLOTS; i++)
                if (memcmp(&u->before->slots[i], &s, sizeof(s)) == 0)
                        return true;
        return false;
}

/* First it is empty, which no full disk prevents; then all of it is written at once, so that later
 * none does. */
static int begin(struct unsent *u)
{
        struct image *i = calloc(1, sizeof(*i));
        ssize_t n = -1;

        if (!i)
                return -ENOMEM;
        memcpy(i->magic, MAGIC, MAGIC_BYTES);
        if (ftruncate(u->fd, 0) == 0 && clock_boot_id(i->boot_id))
                n = pwrite(u->fd, i, sizeof(*i), 0);
        free(i);
        return n == (ssize_t)sizeof(*i) ? 0 : -EIO;
}

void unsent_begin(struct unsent *u)
{
        free(u->before);
        u->before = NULL;
        if (u->fd < 0 || begin(u) == 0)
                return;
        log_debug("no file of what has not left: after a crash all counts as sent");
        cleanup_close(&u->fd);
        u->fd = -1;
}

static int write_slot(struct unsent *u, unsigned i, const struct slot *s)
{
        ssize_t n = pwrite(u->fd, s, sizeof(*s),
                           (off_t)(offsetof(struct image, slots) + i * sizeof(*s)));

        return n < 0 ? -errno : n == (ssize_t)sizeof(*s) ? 0 : -ENOSPC;
}

int unsent_add(struct unsent *u, const struct ulid *job, uint64_t n)
{
        struct slot s;

        if (!u || u->fd < 0)
                return UNSENT_NONE;
        fill(&s, job, n);
        for (unsigned k = 0; k < UNSENT_SLOTS; k++) {
                unsigned i = (u->next + k) % UNSENT_SLOTS;

                if (u->is_taken[i])
                        continue;
                if (write_slot(u, i, &s) < 0)
                        return UNSENT_NONE;
                u->is_taken[i] = true;
                u->next = i + 1;
                return (int)i;
        }
        return UNSENT_NONE;
}

int unsent_remove(struct unsent *u, int *slot)
{
        int i = *slot;

        *slot = UNSENT_NONE;
        if (!u || u->fd < 0 || i == UNSENT_NONE)
                return 0;
        u->is_taken[i] = false;
        return write_slot(u, (unsigned)i, &(struct slot){});
}
