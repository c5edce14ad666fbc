#include "daemon/store/writer.h"

#include "daemon/loop/loop.h"

/* A burst is spread over turns of the loop. */
#define RUN_PER_TURN 128

struct completions {
        pthread_mutex_t lock;
        struct completion_list list;
        struct waker *waker; /* owned */
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

static void on_awake(void *arg)
{
        struct completions *c = arg;
        struct completion *first;

        for (unsigned i = 0; i < RUN_PER_TURN; i++) {
                first = pop(c);
                if (!first)
                        return;
                first->run(first);
        }
        waker_wake(c->waker);
}

int completions_new(struct loop *loop, struct completions **ret)
{
        struct completions *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        STAILQ_INIT(&c->list);
        (void)pthread_mutex_init(&c->lock, NULL);
        r = waker_new(loop, on_awake, c, &c->waker);
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
        (void)waker_free(c->waker);
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
                waker_wake(c->waker);
}
