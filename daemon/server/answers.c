#include "daemon/server/answers.h"

#include <sys/uio.h>

#include "daemon/loop/loop.h"
#include "daemon/server/session.h"

struct answer {
        struct session *session; /* borrowed: it says when it ends; NULL then */
        struct span text;        /* in `bytes` */
};

struct answers {
        struct loop *loop; /* borrowed: outlives the server */
        bool is_due;       /* the end of this turn will call */
        bool is_over;      /* freed then */
        struct answer at[ANSWERS_MAX];
        size_t i, n; /* those before i are sent */
        size_t n_bytes;
        char bytes[ANSWERS_BYTES];
};

int answers_new(struct loop *loop, struct answers **ret)
{
        struct answers *a = malloc(sizeof(*a)); /* bytes[] costs memory only once it is used */

        if (!a)
                return -ENOMEM;
        a->loop = loop;
        a->is_due = a->is_over = false;
        a->i = a->n = a->n_bytes = 0;
        *ret = a;
        return 0;
}

struct answers *answers_free(struct answers *a)
{
        if (!a)
                return NULL;
        a->is_over = true;
        if (!a->is_due)
                free(a);
        return NULL;
}

/* Sending may end a session, which may send what others of it wait for: so it may come in here
 * again. */
void answers_send(struct answers *a)
{
        while (a->i < a->n) {
                struct answer *next = &a->at[a->i++];

                if (next->session)
                        session_deliver(next->session, next->text);
        }
        a->i = a->n = a->n_bytes = 0;
}

static void at_end_of_turn(void *arg)
{
        struct answers *a = arg;

        a->is_due = false;
        if (a->is_over)
                free(a);
        else
                answers_send(a);
}

bool answers_add(struct answers *a, struct session *s, const struct iovec *pieces, size_t n_pieces)
{
        size_t n = 0;
        char *at;

        for (size_t i = 0; i < n_pieces; i++)
                n += pieces[i].iov_len;
        if (n > ANSWERS_BYTES)
                return false;
        if (a->n == ANSWERS_MAX || n > ANSWERS_BYTES - a->n_bytes)
                answers_send(a);
        if (!a->is_due && loop_defer(a->loop, at_end_of_turn, a) < 0)
                return false;
        a->is_due = true;
        at = a->bytes + a->n_bytes;
        a->at[a->n++] = (struct answer){s, {at, n}};
        a->n_bytes += n;
        for (size_t i = 0; i < n_pieces; i++)
                at = mempcpy(at, pieces[i].iov_base, pieces[i].iov_len);
        return true;
}

void answers_forget(struct answers *a, const struct session *s)
{
        for (size_t i = a->i; i < a->n; i++)
                if (a->at[i].session == s)
                        a->at[i].session = NULL;
}
