/* https and HTTP/2, by nginx in front of the scripted server. Skipped where nginx or openssl is
 * missing. */

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/path.h"
#include "common/str.h"
#include "daemon/loop/loop.h"
#include "daemon/provider/provider.h"
#include "tests/unit/fake-http.h"

#define NGINX "/usr/sbin/nginx"
#define OPENSSL "/usr/bin/openssl"
#define DEADLINE_MS 40000 /* the machine may be busy with others */
#define N_AT_ONCE 20

struct bench {
        char dir[64];
        struct loop *loop;
        struct timer *deadline;
        struct provider_room *room;
        struct provider *provider;
        struct fake *fake;
        pid_t nginx;
        unsigned port, n_ends, n_wanted, n_good;
        enum failure_id id;
        bool is_late, is_retryable;
};

extern char **environ;

static pid_t spawn(const char *const argv[])
{
        posix_spawn_file_actions_t actions;
        pid_t pid;

        assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
        assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0),
                         0);
        assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0),
                         0);
        assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ),
                         0);
        posix_spawn_file_actions_destroy(&actions);
        return pid;
}

static void make_certificate(const struct bench *b)
{
        _cleanup_free_ char *key = str_printf("%s/key.pem", b->dir),
                            *cert = str_printf("%s/cert.pem", b->dir);
        const char *const argv[] = {OPENSSL,
                                    "req",
                                    "-x509",
                                    "-newkey",
                                    "ec",
                                    "-pkeyopt",
                                    "ec_paramgen_curve:P-256",
                                    "-nodes",
                                    "-days",
                                    "2",
                                    "-subj",
                                    "/CN=x",
                                    "-addext",
                                    "subjectAltName=IP:127.0.0.1",
                                    "-keyout",
                                    key,
                                    "-out",
                                    cert,
                                    NULL};
        int status;

        assert_int_equal(waitpid(spawn(argv), &status, 0) > 0, 1);
        assert_int_equal(status, 0);
}

static unsigned free_port(void)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(to);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &size), 0);
        close(fd);
        return ntohs(to.sin_port);
}

/* A test that fails leaves its bench open, but no server behind. */
static pid_t nginx_of_now;

static void stop_forgotten(void)
{
        if (nginx_of_now > 0)
                (void)kill(nginx_of_now, SIGTERM);
}

static void start_nginx(struct bench *b)
{
        _cleanup_free_ char *config = str_printf("%s/nginx.conf", b->dir), *text = NULL;
        const char *const argv[] = {NGINX, "-c", config, "-p", b->dir, "-e", "stderr", NULL};
        int dir = open(b->dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);

        b->port = free_port();
        text = str_printf("daemon off; master_process off; pid %s/pid; error_log %s/error.log;\n"
                          "events { worker_connections 256; }\n"
                          "http {\n"
                          " client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path "
                          "%s/t3; uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;\n"
                          " log_format one '$connection $server_protocol $request_method'; "
                          "access_log %s/access.log one;\n"
                          " server { listen 127.0.0.1:%u ssl http2; ssl_certificate %s/cert.pem; "
                          "ssl_certificate_key %s/key.pem;\n"
                          "  location / { proxy_pass http://127.0.0.1:%u; proxy_buffering off; "
                          "proxy_http_version 1.1; } } }\n",
                          b->dir, b->dir, b->dir, b->dir, b->dir, b->dir, b->dir, b->dir, b->port,
                          b->dir, b->dir, fake_port(b->fake));
        assert_true(dir >= 0);
        assert_int_equal(path_write_atomic(dir, "nginx.conf", span_of(text), 0600, false), 0);
        close(dir);
        b->nginx = nginx_of_now = spawn(argv);
}

/* Tries until the port answers. */
static void wait_for_nginx(const struct bench *b)
{
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                 .sin_port = htons((uint16_t)b->port)};
        uint64_t late = clock_monotonic_usec() + DEADLINE_MS * 1000;
        int r;

        do {
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

                r = connect(fd, (struct sockaddr *)&to, sizeof(to));
                close(fd);
        } while (r < 0 && clock_monotonic_usec() < late);
        assert_int_equal(r, 0);
}

static void on_deadline(void *arg)
{
        struct bench *b = arg;

        b->is_late = true;
        loop_stop(b->loop);
}

static void open_bench(struct bench *b)
{
        static const struct fake_step steps[] = {{.answer = FAKE_GOOD, .then = FAKE_CLOSE}};
        _cleanup_free_ char *url = NULL;
        struct failure *f = NULL;

        *b = (struct bench){};
        (void)snprintf(b->dir, sizeof(b->dir), "/tmp/genopt-tls-XXXXXX");
        assert_non_null(mkdtemp(b->dir));
        assert_int_equal(fake_new(steps, 1, &b->fake), 0);
        make_certificate(b);
        start_nginx(b);
        wait_for_nginx(b);
        assert_int_equal(loop_new(2, &b->loop), 0);
        assert_int_equal(timer_new(b->loop, on_deadline, b, &b->deadline), 0);
        assert_int_equal(provider_room_new(b->loop, &b->room), 0);
        url = str_printf("https://127.0.0.1:%u", b->port);
        assert_int_equal(provider_configure(b->room,
                                            &(struct provider_config){.name = "p",
                                                                      .dialect = "anthropic",
                                                                      .base_url = url,
                                                                      .key = "sk-x"},
                                            &b->provider, &f),
                         0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
        (void)st;
        (void)kind;
        (void)ftw;
        return remove(path);
}

static void stop_nginx(struct bench *b)
{
        if (b->nginx > 0) {
                (void)kill(b->nginx, SIGQUIT);
                (void)waitpid(b->nginx, NULL, 0);
        }
        b->nginx = nginx_of_now = 0;
}

static void close_bench(struct bench *b)
{
        provider_room_free(b->room);
        timer_free(b->deadline);
        loop_free(b->loop);
        stop_nginx(b);
        fake_free(b->fake);
        (void)nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void on_started(struct attempt *a, void *arg)
{
        (void)a;
        (void)arg;
}

static void on_text(struct attempt *a, struct span text, void *arg)
{
        (void)a;
        (void)text;
        (void)arg;
}

static void on_end(struct attempt *a, enum stop_reason stop, const struct usage *usage,
                   const struct failure *failure, const struct advice *advice, void *arg)
{
        struct bench *b = arg;

        (void)a;
        b->n_ends++;
        b->n_good += !failure && stop == STOP_END && usage->output == 20;
        if (failure)
                b->id = failure->id;
        b->is_retryable = advice->is_retryable;
        if (b->n_ends == b->n_wanted)
                loop_stop(b->loop);
}

static void send_some(struct bench *b, unsigned n)
{
        static const struct attempt_events events = {
                .on_started = on_started, .on_text = on_text, .on_end = on_end};
        const struct prompt_block blocks[] = {{.text = SPAN("say hello")}};
        struct attempt *a;

        b->n_wanted = b->n_ends + n;
        for (unsigned i = 0; i < n; i++)
                assert_int_equal(provider_send(b->provider,
                                               &(struct request){.model = "m",
                                                                 .blocks = blocks,
                                                                 .n_blocks = 1,
                                                                 .max_tokens = 9},
                                               &events, b, &a),
                                 0);
        assert_int_equal(timer_start(b->deadline, DEADLINE_MS), 0);
        assert_int_equal(loop_run(b->loop), 0);
        timer_stop(b->deadline);
        assert_false(b->is_late);
}

/* Every request on one connection, by HTTP/2. */
static void expect_one_connection(const struct bench *b, unsigned n)
{
        _cleanup_buf_ struct buf log = {};
        int dir = open(b->dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        unsigned n_lines = 0;
        size_t n_first;

        assert_int_equal(path_read(dir, "access.log", 1 << 20, &log), 0);
        close(dir);
        n_first = strcspn(log.at, " ") + 1;
        for (const char *line = log.at; *line; line = strchr(line, '\n') + 1) {
                assert_memory_equal(line, log.at, n_first);
                assert_memory_equal(line + n_first, "HTTP/2.0 POST", 13);
                n_lines++;
        }
        assert_int_equal(n_lines, n);
}

static void trust(const struct bench *b)
{
        _cleanup_free_ char *cert = str_printf("%s/cert.pem", b->dir);

        assert_int_equal(setenv("SSL_CERT_FILE", cert, 1), 0);
}

static void test_many_streams_on_one_connection(void **state)
{
        struct bench b;

        (void)state;
        open_bench(&b);
        trust(&b);
        send_some(&b, N_AT_ONCE);
        send_some(&b, 1);
        assert_int_equal(b.n_good, N_AT_ONCE + 1);
        assert_int_equal(fake_n_requests(b.fake), N_AT_ONCE + 1);
        stop_nginx(&b); /* its log is written then */
        expect_one_connection(&b, N_AT_ONCE + 1);
        close_bench(&b);
}

static void test_unknown_certificate_is_refused(void **state)
{
        struct bench b;

        (void)state;
        assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
        open_bench(&b);
        send_some(&b, 2);
        assert_int_equal(b.n_good, 0);
        assert_int_equal(b.id, FAILURE_UNREACHABLE);
        assert_false(b.is_retryable);
        assert_int_equal(fake_n_requests(b.fake), 0);
        close_bench(&b);
}

static void test_no_certificates_at_all(void **state)
{
        struct bench b;

        (void)state;
        open_bench(&b);
        assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
        send_some(&b, 1);
        assert_int_equal(b.id, FAILURE_UNREACHABLE);
        close_bench(&b);
}

/* A reload reads certificates that were changed; the store of before is not used any more. */
static void test_reload_reads_new_certificates(void **state)
{
        struct bench b;
        struct failure *f = NULL;
        _cleanup_free_ char *url = NULL;

        (void)state;
        assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
        open_bench(&b);
        send_some(&b, 1);
        assert_int_equal(b.n_good, 0);
        trust(&b);
        url = str_printf("https://127.0.0.1:%u/v1", b.port);
        assert_int_equal(provider_configure(b.room,
                                            &(struct provider_config){.name = "p",
                                                                      .dialect = "anthropic",
                                                                      .base_url = url,
                                                                      .key = "sk-x"},
                                            &b.provider, &f),
                         0);
        send_some(&b, 1);
        assert_int_equal(b.n_good, 1);
        close_bench(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_many_streams_on_one_connection),
                cmocka_unit_test(test_unknown_certificate_is_refused),
                cmocka_unit_test(test_no_certificates_at_all),
                cmocka_unit_test(test_reload_reads_new_certificates),
        };

        if (access(NGINX, X_OK) < 0 || access(OPENSSL, X_OK) < 0)
                return 77; /* skipped */
        if (atexit(stop_forgotten) != 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
