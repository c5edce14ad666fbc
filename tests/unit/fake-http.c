#include "tests/unit/fake-http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#define FAKE_MAX 512        /* requests and connections of one test */
#define FAKE_PATIENCE 60000 /* ms: a test that hangs ends */

struct fake {
        const struct fake_step *steps; /* borrowed: static in the test */
        size_t n_steps;
        int listener;
        unsigned port;
        pthread_t acceptor;
        pthread_mutex_t lock; /* of all below */
        pthread_cond_t changed;
        bool is_ending;
        unsigned n_requests, n_heads, n_connections, n_hung_up, n_released;
        int fds[FAKE_MAX];
        pthread_t threads[FAKE_MAX];
        char *requests[FAKE_MAX]; /* owned */
};

struct peer {
        struct fake *fake;
        int fd;
        char *at; /* bytes read */
        size_t n;
};

static unsigned get(struct fake *f, const unsigned *field)
{
        unsigned n;

        pthread_mutex_lock(&f->lock);
        n = *field;
        pthread_mutex_unlock(&f->lock);
        return n;
}

unsigned fake_port(const struct fake *f)
{
        return f->port;
}

unsigned fake_n_requests(struct fake *f)
{
        return get(f, &f->n_requests);
}

unsigned fake_n_heads(struct fake *f)
{
        return get(f, &f->n_heads);
}

unsigned fake_n_connections(struct fake *f)
{
        return get(f, &f->n_connections);
}

unsigned fake_n_hung_up(struct fake *f)
{
        return get(f, &f->n_hung_up);
}

const char *fake_request(struct fake *f, unsigned n)
{
        const char *text;

        pthread_mutex_lock(&f->lock);
        text = n < f->n_requests ? f->requests[n] : NULL;
        pthread_mutex_unlock(&f->lock);
        return text;
}

void fake_release(struct fake *f)
{
        pthread_mutex_lock(&f->lock);
        f->n_released++;
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->lock);
}

static bool wait_for_release(struct fake *f)
{
        bool is_released;

        pthread_mutex_lock(&f->lock);
        while (f->n_released == 0 && !f->is_ending)
                pthread_cond_wait(&f->changed, &f->lock);
        is_released = f->n_released > 0;
        if (is_released)
                f->n_released--;
        pthread_mutex_unlock(&f->lock);
        return is_released;
}

/* More bytes of the peer; false at its end. */
static bool read_more(struct peer *p)
{
        struct pollfd wait = {p->fd, POLLIN, 0};
        ssize_t n;
        char *at = realloc(p->at, p->n + 65536 + 1);

        if (!at)
                return false;
        p->at = at;
        if (poll(&wait, 1, FAKE_PATIENCE) <= 0)
                return false;
        n = recv(p->fd, p->at + p->n, 65536, 0);
        if (n <= 0)
                return false;
        p->n += (size_t)n;
        p->at[p->n] = '\0';
        return true;
}

/* Bytes of the first whole request; 0: the peer went. */
static size_t read_request(struct peer *p)
{
        for (;;) {
                const char *end = p->n > 0 ? strstr(p->at, "\r\n\r\n") : NULL;

                if (end) {
                        const char *length = strcasestr(p->at, "content-length: ");
                        size_t n = (size_t)(end - p->at) + 4;

                        if (length && length < end)
                                n += strtoul(length + 16, NULL, 10);
                        if (p->n >= n)
                                return n;
                }
                if (!read_more(p))
                        return 0;
        }
}

static bool send_all(int fd, const char *at, size_t n, size_t split)
{
        while (n > 0) {
                ssize_t k = send(fd, at, split ? MIN2(split, n) : n, MSG_NOSIGNAL);

                if (k <= 0)
                        return false;
                at += k;
                n -= (size_t)k;
        }
        return true;
}

static void hold(struct peer *p)
{
        while (read_more(p))
                ;
        pthread_mutex_lock(&p->fake->lock);
        p->fake->n_hung_up += !p->fake->is_ending;
        pthread_mutex_unlock(&p->fake->lock);
}

/* False when the connection ends. */
static bool answer(struct peer *p, const struct fake_step *s)
{
        size_t n = s->answer ? strlen(s->answer) : 0;

        if (s->waits && !wait_for_release(p->fake))
                return false;
        if (s->cut > 0)
                n = MIN2(n, s->cut);
        if (!send_all(p->fd, s->answer, n, s->split))
                return false;
        if (s->then == FAKE_HOLD)
                hold(p);
        if (s->then == FAKE_RESET)
                (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
                                 sizeof(struct linger));
        return s->then == FAKE_KEEP;
}

static bool serve_one(struct peer *p)
{
        static const char head_answer[] =
                "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n";
        struct fake *f = p->fake;
        size_t n = read_request(p);
        unsigned nth;

        if (n == 0)
                return false;
        pthread_mutex_lock(&f->lock);
        if (strncmp(p->at, "HEAD ", 5) == 0) {
                f->n_heads++;
                pthread_mutex_unlock(&f->lock);
                memmove(p->at, p->at + n, p->n - n + 1);
                p->n -= n;
                return send_all(p->fd, head_answer, sizeof(head_answer) - 1, 0);
        }
        nth = f->n_requests;
        if (nth < FAKE_MAX) {
                f->requests[nth] = strndup(p->at, n);
                f->n_requests++;
        }
        pthread_mutex_unlock(&f->lock);
        memmove(p->at, p->at + n, p->n - n + 1);
        p->n -= n;
        return answer(p, &f->steps[MIN2(nth, f->n_steps - 1)]);
}

static void *serve(void *arg)
{
        struct peer *p = arg;

        while (serve_one(p))
                ;
        pthread_mutex_lock(&p->fake->lock);
        for (unsigned i = 0; i < p->fake->n_connections; i++)
                if (p->fake->fds[i] == p->fd)
                        p->fake->fds[i] = -1;
        close(p->fd);
        pthread_mutex_unlock(&p->fake->lock);
        free(p->at);
        free(p);
        return NULL;
}

static void *accept_all(void *arg)
{
        struct fake *f = arg;
        int fd;

        while ((fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                struct peer *p = calloc(1, sizeof(*p));

                pthread_mutex_lock(&f->lock);
                if (!p || f->is_ending || f->n_connections == FAKE_MAX) {
                        pthread_mutex_unlock(&f->lock);
                        close(fd);
                        free(p);
                        continue;
                }
                *p = (struct peer){f, fd, NULL, 0};
                f->fds[f->n_connections] = fd;
                if (pthread_create(&f->threads[f->n_connections], NULL, serve, p) != 0)
                        abort();
                f->n_connections++;
                pthread_mutex_unlock(&f->lock);
        }
        return NULL;
}

int fake_new(const struct fake_step *steps, size_t n, struct fake **ret)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(to);
        struct fake *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        f->steps = steps;
        f->n_steps = n;
        pthread_mutex_init(&f->lock, NULL);
        pthread_cond_init(&f->changed, NULL);
        f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (f->listener < 0 || bind(f->listener, (struct sockaddr *)&to, sizeof(to)) < 0 ||
            listen(f->listener, 128) < 0 ||
            getsockname(f->listener, (struct sockaddr *)&to, &size) < 0 ||
            pthread_create(&f->acceptor, NULL, accept_all, f) != 0) {
                free(f);
                return -EIO;
        }
        f->port = ntohs(to.sin_port);
        *ret = f;
        return 0;
}

struct fake *fake_free(struct fake *f)
{
        if (!f)
                return NULL;
        pthread_mutex_lock(&f->lock);
        f->is_ending = true;
        for (unsigned i = 0; i < f->n_connections; i++)
                if (f->fds[i] >= 0)
                        (void)shutdown(f->fds[i], SHUT_RDWR);
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->lock);
        (void)shutdown(f->listener, SHUT_RDWR);
        pthread_join(f->acceptor, NULL);
        close(f->listener);
        for (unsigned i = 0; i < f->n_connections; i++)
                pthread_join(f->threads[i], NULL);
        for (unsigned i = 0; i < f->n_requests; i++)
                free(f->requests[i]);
        pthread_cond_destroy(&f->changed);
        pthread_mutex_destroy(&f->lock);
        free(f);
        return NULL;
}
