#include "daemon/store/writer.h"

#include <event2/event.h>
#include <sys/eventfd.h>

#include "daemon/loop/loop.h"

/* A burst is spread over turns of the loop. */
#define RUN_PER_TURN 128

struct completions {
        pthread_mutex_t lock;
        struct completion_list list;
        int fd;              /* owned: eventfd */
        struct event *event; /* owned; NULL without a loop */
};

static struct completion *pop(struct completions *c)
{
        struct completion *first;

        (void)pthread_mutex_lock(&c->lock);
        first = STAILQ_FIRST(&c->list);
        if (first)
                STAILQ_REMOVE_HEAD(&c->list, next);
        (void)pthread_mutex_unlock(&c->lock);
        return first;
}

static void wake(struct completions *c)
{
        uint64_t one = 1;

        /* Only a counter that is full already can refuse. */
        if (write(c->fd, &one, sizeof(one)) < 0)
                return;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
        struct completions *c = arg;
        struct completion *first;
        uint64_t n;

        (void)what;
        if (read(fd, &n, sizeof(n)) < 0)
                return;
        for (unsigned i = 0; i < RUN_PER_TURN; i++) {
                first = pop(c);
                if (!first)
                        return;
                first->run(first);
        }
        wake(c);
}

int completions_new(struct loop *loop, struct completions **ret)
{
        struct completions *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return -ENOMEM;
        STAILQ_INIT(&c->list);
        (void)pthread_mutex_init(&c->lock, NULL);
        c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (c->fd < 0) {
                r = -errno;
        } else {
                c->event = event_new(loop_base(loop), c->fd, EV_READ | EV_PERSIST, on_readable, c);
                if (c->event && event_add(c->event, NULL) == 0)
                        r = 0;
        }
        if (r < 0) {
                (void)completions_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

struct completions *completions_free(struct completions *c)
{
        struct completion *first;

        if (!c)
                return NULL;
        while ((first = pop(c)))
                first->run(first);
        if (c->event)
                event_free(c->event);
        cleanup_close(&c->fd);
        (void)pthread_mutex_destroy(&c->lock);
        free(c);
        return NULL;
}

void completions_add(struct completions *c, struct completion_list *done)
{
        bool was_empty;

        if (STAILQ_EMPTY(done))
                return;
        (void)pthread_mutex_lock(&c->lock);
        was_empty = STAILQ_EMPTY(&c->list);
        STAILQ_CONCAT(&c->list, done);
        (void)pthread_mutex_unlock(&c->lock);
        if (was_empty)
                wake(c);
}
