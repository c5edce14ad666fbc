/* genopt-sim: see README.md and --help. */

#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/str.h"
#include "tests/sim/cache.h"
#include "tests/sim/control.h"
#include "tests/sim/dialect.h"
#include "tests/sim/exchange.h"
#include "tests/sim/faults.h"
#include "tests/sim/http.h"
#include "tests/sim/journal.h"
#include "tests/sim/lists.h"
#include "tests/sim/loaded.h"
#include "tests/sim/pace.h"
#include "tests/sim/sim.h"

#define DEFAULT_SPEED 50
#define DEFAULT_KEEP 2000
#define DEFAULT_DELTA_TOKENS 8
#define EXIT_USAGE 2

static const char help[] =
        "Usage: genopt-sim [OPTION]...\n"
        "A simulated model provider over HTTP/1.1, for tests, demonstrations and benchmarks. It "
        "speaks\nAnthropic Messages (/v1/messages), OpenAI Chat Completions "
        "(/v1/chat/completions) and Ollama\n(/api/chat, /api/generate), all at once.\n"
        "\n"
        "  --port N               listen on 127.0.0.1:N; 0 (default): any, printed as `listening "
        "on 127.0.0.1:PORT`\n"
        "  --unix PATH            listen on a Unix socket too\n"
        "  --speed N              the provider's time runs N times faster (default 50); 0: nothing "
        "waits\n"
        "  --seed N               of everything that happens by chance (default 1)\n"
        "  --key KEY              accept this key; repeatable; without it any key is good\n"
        "  --log FILE             append a JSON line per request\n"
        "  --keep N               requests remembered for /sim/log (default 2000)\n"
        "  --fault SPEC           KIND[,NAME=VALUE]...; repeatable; see README.md\n"
        "  --miss-rate P          share of prompts that miss the provider's cache for no reason\n"
        "  --visible-delay-ms N   from a stream's first event until its prompt can be read from "
        "the cache\n"
        "  --first-ms N           to the first token of an empty prompt; 0: no latency at all\n"
        "  --tokens-per-second N  of output, whatever the model\n"
        "  --delta-tokens N       tokens in one delta of a stream (default 8)\n"
        "  --tier NAME            rate limits: none (default), start, build, scale\n"
        "  --rpm N --itpm N --otpm N   requests, input and output tokens a minute; 0: no limit\n"
        "  --flavour NAME         who speaks OpenAI's dialect: openai (default), ollama, lmstudio, "
        "llamacpp, vllm\n"
        "  --context N            tokens that a local server holds, when the request does not say\n"
        "  --load-ms N            to load a model of a local server\n"
        "  --parallel N --queue N Ollama: requests at once (0, default: any number), and waiting "
        "before it is full\n"
        "  --details 1            vLLM tells what it had cached\n"
        "  --help                 this text\n"
        "\n"
        "Tests steer it by GET /sim/stats, /sim/log?from=N, /sim/faults; POST /sim/faults, "
        "/sim/options, /sim/advance, /sim/reset.\n";

struct arguments {
        uint64_t port;
        const char *unix_path, *log_path; /* borrowed: argv */
};

uint64_t sim_now_usec(const struct sim *s)
{
        double scale = s->options.speed > 0 ? s->options.speed : 1;

        return (uint64_t)((double)(clock_monotonic_usec() - s->started_usec) * scale) +
               s->shifted_usec;
}

uint64_t sim_to_real_usec(const struct sim *s, uint64_t usec)
{
        return s->options.speed > 0 ? (uint64_t)((double)usec / s->options.speed) : 0;
}

uint64_t sim_fault_usec(const struct sim *s, uint64_t ms)
{
        return s->options.speed > 0 ? sim_to_real_usec(s, ms * 1000) : ms * 1000;
}

/* xorshift64*: repeatable, good enough for chance. */
double sim_chance(struct sim *s)
{
        s->chance ^= s->chance >> 12;
        s->chance ^= s->chance << 25;
        s->chance ^= s->chance >> 27;
        return (double)(s->chance * 0x2545F4914F6CDD1Dull >> 11) / 9007199254740992.0;
}

void sim_reset(struct sim *s)
{
        cache_clear(s->cache);
        limits_configure(s->limits, &s->options.limits);
        faults_clear(s->faults);
        pace_release_all(s);
        loaded_clear(s->loaded);
        journal_clear(s->journal);
        s->chance = s->options.seed * 0x9E3779B97F4A7C15ull | 1;
}

static void on_request(struct http_conn *c, struct http_request *r, void *arg)
{
        struct sim *s = arg;
        bool is_post = str_is_equal(r->method, "POST");

        if (str_has_prefix(r->path, "/sim/"))
                control_serve(s, c, r);
        else if (is_post && sim_dialect_find(r->path))
                exchange_start(s, c, r);
        else if (is_post && str_is_equal(r->path, "/v1/messages/count_tokens"))
                exchange_count_tokens(s, c, r);
        else if (lists_serve(s, c, r))
                return;
        else if (str_is_equal(r->path, "/"))
                http_reply(c, 200, "text/plain", SPAN("genopt-sim\n"));
        else
                http_reply(c, sim_dialect_find(r->path) ? 405 : 404, "application/json",
                           SPAN("{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\","
                                "\"message\":\"Not Found\"}}"));
}

static void on_gone(_unused_ struct http_conn *c, void *owner, _unused_ void *arg)
{
        exchange_gone(owner);
}

static void on_signal(_unused_ evutil_socket_t fd, _unused_ short what, void *arg)
{
        event_base_loopbreak(arg);
}

static int add_key(struct sim *s, const char *key)
{
        char **keys = realloc(s->options.keys, (s->options.n_keys + 1) * sizeof(*keys));

        if (!keys)
                return -ENOMEM;
        s->options.keys = keys;
        keys[s->options.n_keys] = strdup(key);
        return keys[s->options.n_keys++] ? 0 : -ENOMEM;
}

/* 0; CONDITION_REFUSED: why says; CONDITION_ABSENT: help was asked for. */
static int read_arguments(int argc, char **argv, struct sim *s, struct arguments *ret,
                          struct buf *why)
{
        static const struct option table[] = {
                {"port", 1, 0, 'p'},
                {"unix", 1, 0, 'u'},
                {"log", 1, 0, 'l'},
                {"key", 1, 0, 'k'},
                {"fault", 1, 0, 'f'},
                {"help", 0, 0, 'h'},
                {"speed", 1, 0, 0},
                {"seed", 1, 0, 0},
                {"keep", 1, 0, 0},
                {"miss-rate", 1, 0, 0},
                {"visible-delay-ms", 1, 0, 0},
                {"first-ms", 1, 0, 0},
                {"tokens-per-second", 1, 0, 0},
                {"delta-tokens", 1, 0, 0},
                {"tier", 1, 0, 0},
                {"rpm", 1, 0, 0},
                {"itpm", 1, 0, 0},
                {"otpm", 1, 0, 0},
                {"flavour", 1, 0, 0},
                {"context", 1, 0, 0},
                {"load-ms", 1, 0, 0},
                {"parallel", 1, 0, 0},
                {"queue", 1, 0, 0},
                {"details", 1, 0, 0},
                {0},
        };
        int c, i, r = 0;

        while (!r && (c = getopt_long(argc, argv, "", table, &i)) >= 0) {
                if (c == 'p')
                        r = str_to_u64(optarg, &ret->port) < 0 || ret->port > 65535
                                    ? CONDITION_REFUSED
                                    : 0;
                else if (c == 'u')
                        ret->unix_path = optarg;
                else if (c == 'l')
                        ret->log_path = optarg;
                else if (c == 'k')
                        r = add_key(s, optarg);
                else if (c == 'f')
                        r = faults_add_spec(s->faults, optarg, why);
                else if (c == 'h')
                        r = CONDITION_ABSENT;
                else if (c == 0)
                        r = control_set_option(s, table[i].name, optarg, why);
                else
                        r = CONDITION_REFUSED;
        }
        if (!r && optind < argc) {
                buf_printf(why, "'%s' is not an option", argv[optind]);
                r = CONDITION_REFUSED;
        }
        s->options.delta_tokens = MAX2(s->options.delta_tokens, (uint64_t)1);
        return r;
}

static int sim_listen(struct sim *s, const struct arguments *a)
{
        uint16_t port;
        int r = http_server_listen(s->http, "127.0.0.1", (uint16_t)a->port, &port);

        if (r < 0)
                return r;
        if (a->unix_path)
                r = http_server_listen_unix(s->http, a->unix_path);
        if (r < 0)
                return r;
        printf("listening on 127.0.0.1:%u\n", port);
        (void)fflush(stdout);
        return 0;
}

static int sim_run(struct sim *s, const struct arguments *a)
{
        static const struct http_events events = {on_request, on_gone};
        struct event_config *config = event_config_new();
        struct event *signals[2] = {NULL, NULL};
        int r;

        if (config) {
                event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
                s->base = event_base_new_with_config(config);
                event_config_free(config);
        }
        if (!s->base)
                return -ENOMEM;
        signals[0] = evsignal_new(s->base, SIGTERM, on_signal, s->base);
        signals[1] = evsignal_new(s->base, SIGINT, on_signal, s->base);
        r = signals[0] && signals[1] ? http_server_new(s->base, &events, s, &s->http) : -ENOMEM;
        if (!r) {
                event_add(signals[0], NULL);
                event_add(signals[1], NULL);
                r = journal_new(a->log_path, s->options.keep, &s->journal);
        }
        if (!r) {
                limits_configure(s->limits, &s->options.limits);
                s->started_usec = clock_monotonic_usec();
                r = sim_listen(s, a);
        }
        if (!r)
                event_base_dispatch(s->base);
        for (size_t i = 0; i < 2; i++)
                if (signals[i])
                        event_free(signals[i]);
        return r;
}

static void sim_done(struct sim *s)
{
        s->http = http_server_free(s->http);
        s->journal = journal_free(s->journal);
        s->faults = faults_free(s->faults);
        s->limits = limits_free(s->limits);
        s->loaded = loaded_free(s->loaded);
        s->cache = cache_free(s->cache);
        for (size_t i = 0; i < s->options.n_keys; i++)
                free(s->options.keys[i]);
        free(s->options.keys);
        if (s->base)
                event_base_free(s->base);
        libevent_global_shutdown();
}

int main(int argc, char **argv)
{
        struct sim s = {
                .options = {.speed = DEFAULT_SPEED,
                            .seed = 1,
                            .delta_tokens = DEFAULT_DELTA_TOKENS,
                            .first_ms = UINT64_MAX,
                            .keep = DEFAULT_KEEP},
        };
        struct arguments a = {0};
        struct buf why = {0};
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        r = cache_new(&s.cache);
        if (!r)
                r = limits_new(&s.limits);
        if (!r)
                r = faults_new(&s.faults);
        if (!r)
                r = loaded_new(&s.loaded);
        if (!r)
                r = read_arguments(argc, argv, &s, &a, &why);
        if (r > 0) {
                (void)(r == CONDITION_ABSENT ? fputs(help, stdout)
                                             : fprintf(stderr, "genopt-sim: %s\n",
                                                       why.n ? why.at : "see --help"));
                r = r == CONDITION_ABSENT ? 0 : EXIT_USAGE;
        } else if (!r) {
                s.chance = s.options.seed * 0x9E3779B97F4A7C15ull | 1;
                r = sim_run(&s, &a);
                if (r < 0)
                        (void)fprintf(stderr, "genopt-sim: %s\n", strerror(-r));
                r = r < 0 ? 1 : 0;
        }
        buf_done(&why);
        sim_done(&s);
        return r;
}
