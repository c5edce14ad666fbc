#include "daemon/assembly.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#include "common/log.h"
#include "common/path.h"
#include "common/str.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/calls/calls.h"
#include "daemon/jobs/jobs.h"
#include "daemon/loop/loop.h"
#include "daemon/metrics/metrics.h"
#include "daemon/options/options.h"
#include "daemon/places.h"
#include "daemon/plan/prices.h"
#include "daemon/provider/provider.h"
#include "daemon/server/server.h"
#include "daemon/service.h"
#include "daemon/store/store.h"
#include "daemon/warn.h"
#include "proto/address.h"

#define N_WORKERS 4                 /* planning, parsing, rendering: short pieces, few at a time */
#define RETAIN_MS (uint64_t)3600000 /* between two slices of retention */
#define FIRST_RETAIN_MS (uint64_t)60000
/* How long calls under way may take to end when we are told to stop; their jobs ask again after it.
 * Below TimeoutStopSec= of the units, so that the end is ours and not SIGKILL's. */
#define DRAIN_MS (uint64_t)270000
#define LOCK_MS 10000 /* to commit, sync and close, of one that is gone for its clients */

struct assembly {
        const struct assembly_arguments *arguments;
        struct places places;
        struct config *config;
        struct price_book *prices;
        struct blueprint_shelf *shelf;
        struct loop *loop;
        struct store *store;
        struct provider_room *providers;
        struct calls *calls;
        struct jobs *jobs;
        struct server *server;
        struct service *service;
        struct timer *retain, *drain;
        bool is_stopping, is_state_lost;
        struct failure *refusal; /* owned; why it cannot start, where we know better than errno */
};

static int say(const char *what, int k, struct failure *failure)
{
        if (k > 0)
                log_error("%s: %s%s%s", what, failure && failure->where ? failure->where : "",
                          failure && failure->where ? ": " : "",
                          failure ? failure_message(failure) : "");
        else if (k < 0)
                log_error("%s: %s", what, strerror(-k));
        failure_free(failure);
        return k > 0 ? -EINVAL : k;
}

/* ---- what is read at start and reload ---- */

struct readings {
        struct config *config;
        struct price_book *prices;
        struct blueprint_shelf *shelf;
};

static void readings_done(struct readings *r)
{
        config_unref(r->config);
        price_book_unref(r->prices);
        blueprint_shelf_unref(r->shelf);
}

/* What the user's file says of prices. */
static int set_prices(struct readings *r)
{
        int k = 0;

        for (enum tier t = 0; t < N_TIERS; t++) {
                const struct tier_option *o = config_tier(r->config, t);

                for (size_t i = 0; i < o->n_routes && k == 0; i++)
                        if (o->routes[i].has_price)
                                k = price_book_set(r->prices, o->routes[i].model,
                                                   &o->routes[i].price);
        }
        return k;
}

static int read_all(const struct assembly *a, struct readings *r, struct failure **ret_failure)
{
        _cleanup_free_ char *book = path_join(a->places.data_dir, "models.yaml"),
                            *blueprints = path_join(a->places.data_dir, "blueprints");
        const char *own;
        int k = config_load(a->arguments->config, &r->config, ret_failure);

        if (k)
                return k;
        if (!book || !blueprints)
                return -ENOMEM;
        k = price_book_load(book, &r->prices, ret_failure);
        k = k ? k : set_prices(r);
        if (k)
                return k;
        own = config_get_text(r->config, OPTION_BLUEPRINT_DIR);
        return blueprint_shelf_open(own ? own : blueprints,
                                    config_get_text(r->config, OPTION_TEMPLATE_DIR), &r->shelf,
                                    ret_failure);
}

/* One provider of the configuration, with its key if there is one. A missing key is no fault here:
 * jobs that need it will wait. */
static void configure_provider(struct assembly *a, const struct provider_option *o)
{
        struct provider_config c = {
                .name = o->name,
                .dialect = o->dialect,
                .base_url = o->base_url,
                .keep_alive = o->keep_alive,
                .connect_timeout_ms = config_get_u64(a->config, OPTION_CONNECT_MS),
                .first_byte_timeout_ms = config_get_u64(a->config, OPTION_FIRST_BYTE_MS),
                .stall_timeout_ms = config_get_u64(a->config, OPTION_STALL_MS),
                .total_timeout_ms = config_get_u64(a->config, OPTION_TOTAL_MS)};
        struct failure *failure = NULL, *refusal = NULL;
        struct provider *p;
        struct buf key;
        int k;

        buf_init(&key, KEY_MAX_BYTES);
        k = key_read(o, &key, &failure);
        if (k == CONDITION_REFUSED && failure)
                c.key_fault = failure_message(failure);
        if (k == 0 && key.n > 0)
                c.key = key.at;
        if (k == CONDITION_REFUSED || k < 0)
                log_error("%s: %s", o->name, c.key_fault ?: k < 0 ? strerror(-k) : "no key");
        k = provider_configure(a->providers, &c, &p, &refusal);
        if (k)
                (void)say(o->name, k, refusal);
        failure_free(failure);
        key_wipe(&key);
        buf_done(&key);
}

static void configure_providers(struct assembly *a, const struct config *old)
{
        size_t n = 0, n_old = 0;
        const struct provider_option *all = config_providers(a->config, &n),
                                     *before = old ? config_providers(old, &n_old) : NULL;

        for (size_t i = 0; i < n_old; i++)
                if (!config_find_provider(a->config, before[i].name))
                        provider_remove(a->providers, before[i].name);
        for (size_t i = 0; i < n; i++)
                configure_provider(a, &all[i]);
}

/* Test builds may hurry. */
static uint64_t hurry(const char *variable, uint64_t ms)
{
#if GENOPT_TESTING
        const char *text = getenv(variable);

        if (text && str_to_u64(text, &ms) < 0)
                log_warning("%s is no number", variable);
#else
        (void)variable;
#endif
        return ms;
}

static struct calls_limits find_limits(const char *provider, const char *model, void *arg)
{
        const struct assembly *a = arg;
        struct limits_option l = config_limits(a->config, provider, model);

        return (struct calls_limits){.n_calls = (unsigned)l.calls,
                                     .requests = l.requests,
                                     .input = l.input,
                                     .output = l.output};
}

static void run_warn_program(const struct assembly *a, const char *what, uint64_t spent,
                             uint64_t limit)
{
        const char *program = config_get_text(a->config, OPTION_WARN_PROGRAM);

        if (program)
                warn_run(program, what, spent, limit);
}

static void on_budget(enum budget_period p, uint64_t spent, uint64_t limit, void *arg)
{
        static const char *const names[N_BUDGET_PERIODS] = {"day", "month"};
        struct assembly *a = arg;
        char text[120];

        (void)snprintf(text, sizeof(text), "%u %% of the budget of this %s is spent",
                       (unsigned)(spent / MAX2(limit / 100, UINT64_C(1))), names[p]);
        log_event(LOG_LEVEL_WARNING, "budget_warning", "%s", text);
        jobs_warn(a->jobs, text);
        run_warn_program(a, names[p], spent, limit);
}

static void on_job_budget(const char *job, uint64_t spent, uint64_t limit, void *arg)
{
        _cleanup_free_ char *what = str_printf("job %s", job);

        if (what)
                run_warn_program(arg, what, spent, limit);
}

/* To calls 0 is no limit. To a person it is the narrowest, which pays no call that costs anything.
 */
static uint64_t limit_of(const struct config *c, enum option_id id)
{
        uint64_t usd = config_get_u64(c, id);

        return usd == UINT64_MAX ? 0 : MAX2(usd, UINT64_C(1));
}

static void apply_config(struct assembly *a)
{
        struct calls_config c = {.n_calls_max = (unsigned)config_get_u64(a->config, OPTION_CALLS),
                                 .find_limits = find_limits,
                                 .arg = a,
                                 .n_hurry = (unsigned)hurry("GENOPT_TEST_HURRY", 1)};

        c.day_budget_nanousd = limit_of(a->config, OPTION_DAY_USD);
        c.month_budget_nanousd = limit_of(a->config, OPTION_MONTH_USD);
        c.warn_at_millionths = config_get_u64(a->config, OPTION_WARN_AT);
        c.on_budget = on_budget;
        c.keep_for_ms = config_get_u64(a->config, OPTION_PREFIX_KEEP_FOR);
        calls_configure(a->calls, &c);
        log_set_level(
                (enum log_level)(LOG_LEVEL_ERROR + config_get_u64(a->config, OPTION_LOG_LEVEL)));
}

/* ---- hooks of the server and of signals ---- */

static void warn_of_restarts(const struct config *old, const struct config *new)
{
        _cleanup_(strlist_done) struct strlist names = {0};

        if (config_list_restarts(old, new, &names) < 0)
                log_warning("some options may need a restart");
        for (size_t i = 0; i < names.n; i++)
                log_warning("%s will hold after a restart", names.at[i]);
}

static int reload(struct assembly *a, struct failure **ret_failure)
{
        _cleanup_(readings_done) struct readings r = {0};
        struct config *old;
        int k;

        service_reloading(a->service);
        k = read_all(a, &r, ret_failure);
        if (k == 0) {
                old = a->config;
                a->config = config_ref(r.config);
                configure_providers(a, old);
                apply_config(a);
                warn_of_restarts(old, a->config);
                config_unref(old);
                price_book_unref(a->prices);
                a->prices = price_book_ref(r.prices);
                blueprint_shelf_unref(a->shelf);
                a->shelf = blueprint_shelf_ref(r.shelf);
                jobs_reload(a->jobs, a->config, a->shelf, a->prices);
                server_configure(a->server, a->config);
                log_notice("configuration read again");
        }
        service_ready(a->service, "ready");
        return k;
}

static int on_reload(void *arg, struct failure **ret_failure)
{
        return reload(arg, ret_failure);
}

/* On purpose, and as the last thing: up to here who connects is told that we stop, and another
 * `genopt stop` is heard. */
static void end(struct assembly *a)
{
        server_stop_listening(a->server);
        loop_stop(a->loop);
}

static void on_drained(void *arg)
{
        end(arg);
}

static void on_impatient(void *arg)
{
        log_warning("calls still run; stopping without them: their jobs ask again");
        end(arg);
}

static void drain(struct assembly *a)
{
        a->is_stopping = true;
        log_notice("stopping: calls under way are finished first");
        jobs_drain(a->jobs, on_drained, a);
        if (timer_start(a->drain, hurry("GENOPT_TEST_DRAIN_MS", DRAIN_MS)) < 0)
                end(a);
}

static void stop(struct assembly *a, enum server_stop how)
{
        if (!a->is_stopping) {
                service_stopping(a->service);
                server_begin_stop(a->server);
        }
        /* Who connects waits for the next daemon, which is sure to come. */
        if (how == SERVER_STOP_RESTART || service_has_manager())
                server_stop_listening(a->server);
        if (how == SERVER_STOP_NOW)
                end(a);
        else if (!a->is_stopping)
                drain(a);
}

/* Nothing that is accepted from now on could be kept. The socket stays: who connects next has a
 * daemon started, with whatever state there is by then. */
static void on_state_lost(void *arg)
{
        struct assembly *a = arg;

        log_error("%s: the state was taken away while genoptd ran; it ends, because nothing can be "
                  "kept",
                  a->places.state_dir);
        a->is_state_lost = true;
        loop_stop(a->loop);
}

static void on_stop(enum server_stop how, void *arg)
{
        stop(arg, how);
}

static void on_signal(int number, void *arg)
{
        struct assembly *a = arg;
        struct failure *failure = NULL;

        if (number == SIGHUP)
                (void)say("reload", reload(a, &failure), failure);
        else
                stop(a, a->is_stopping ? SERVER_STOP_NOW : SERVER_STOP_DRAIN);
}

static void on_retain(void *arg)
{
        struct assembly *a = arg;

        jobs_retain(a->jobs);
        if (blueprint_shelf_trim(a->shelf))
                (void)malloc_trim(0); /* it lay in pieces, which malloc would keep */
        (void)!timer_start(a->retain, hurry("GENOPT_TEST_RETAIN_MS", RETAIN_MS));
}

/* ---- putting together ---- */

static int refuse_store(struct assembly *a, int k)
{
        const char *remedy = "see to that directory, or set GENOPT_STATE_DIR to another";
        const char *what = strerror(-k);
        struct failure *f;

        if (k == -EBUSY) {
                what = "another genoptd works on it";
                remedy = "end that one, or set GENOPT_STATE_DIR to another directory";
        } else if (k == -EPROTO) {
                what = "the state is of a newer version of genopt";
                remedy = "start that version, or set GENOPT_STATE_DIR to another directory";
        }
        f = failure_new(FAILURE_UNAVAILABLE, "%s: %s", a->places.state_dir, what);
        if (f && failure_set_remedy(f, "%s", remedy) < 0)
                f = failure_free(f);
        log_error("%s: %s; %s", a->places.state_dir, what, remedy);
        a->refusal = f;
        return k;
}

static int open_store(struct assembly *a)
{
        struct store_config c = {
                .state_dir = a->places.state_dir,
                .cache_dir = a->places.cache_dir,
                .cache_max_bytes = config_get_u64(a->config, OPTION_CACHE_DISK),
                .cache_memory_bytes = config_get_u64(a->config, OPTION_CACHE_MEMORY),
                .cache_max_age_ms = config_get_u64(a->config, OPTION_CACHE_MAX_AGE),
                .lock_patience_ms = (unsigned)hurry("GENOPT_TEST_LOCK_MS", LOCK_MS),
                .on_lost = on_state_lost,
                .arg = a};
        struct store_report report = {0};
        int k = store_open(a->loop, &c, &a->store, &report);

        if (k == 0 && report.text[0])
                log_warning("%s", report.text);
        return k < 0 ? refuse_store(a, k) : k;
}

static int make_rooms(struct assembly *a)
{
        struct jobs_config j;
        int k = provider_room_new(a->loop, &a->providers);

        k = k ? k : calls_new(a->loop, a->store, a->providers, &a->calls);
        if (k < 0)
                return say("start", k, NULL);
        configure_providers(a, NULL);
        apply_config(a);
        k = calls_recover(a->calls);
        if (k < 0)
                return say("recovery of calls", k, NULL);
        j = (struct jobs_config){.loop = a->loop,
                                 .store = a->store,
                                 .calls = a->calls,
                                 .providers = a->providers,
                                 .config = a->config,
                                 .shelf = a->shelf,
                                 .prices = a->prices,
                                 .on_budget = on_job_budget,
                                 .arg = a};
        k = jobs_new(&j, &a->jobs);
        k = k ? k : jobs_recover(a->jobs);
        return say("recovery of jobs", k, NULL);
}

/* The inherited socket, else our own. */
static int open_socket(struct assembly *a, int *ret_fd)
{
        struct address_list addresses;
        struct failure *failure = NULL;
        _cleanup_close_ int lock = -1;
        int k = service_take_socket();

        if (k >= 0) {
                *ret_fd = k;
                return 0;
        }
        if (k != -ENOENT)
                return say("the inherited socket", k, NULL);
        k = address_find(a->arguments->socket, &addresses, &failure);
        if (k)
                return say("socket", k, failure);
        k = address_make_dir(&addresses.at[0]);
        k = k ? k : address_lock(&addresses.at[0], &lock);
        k = k ? k : address_listen(&addresses.at[0], 0600, ret_fd);
        return say(addresses.at[0].path, k, NULL);
}

static int open_server(struct assembly *a)
{
        struct server_setup s = {.loop = a->loop,
                                 .jobs = a->jobs,
                                 .store = a->store,
                                 .calls = a->calls,
                                 .providers = a->providers,
                                 .config = a->config,
                                 .on_reload = on_reload,
                                 .on_stop = on_stop,
                                 .arg = a,
                                 .is_socket_ours = !service_has_manager(),
                                 .stop_ms = hurry("GENOPT_TEST_DRAIN_MS", DRAIN_MS),
                                 .drain_ms = hurry("GENOPT_TEST_PATIENCE_MS", 0),
                                 .half_frame_ms = hurry("GENOPT_TEST_PATIENCE_MS", 0)};
        int fd = -1, k = open_socket(a, &fd);

        if (k < 0)
                return k;
        s.listen_fd = fd;
        k = server_new(&s, &a->server);
        if (k < 0)
                close(fd);
        return say("server", k, NULL);
}

static int watch_signals(struct assembly *a)
{
        static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
        int k = 0;

        k = warn_new(a->loop);
        for (size_t i = 0; i < N_ELEMENTS(numbers) && k == 0; i++)
                k = loop_on_signal(a->loop, numbers[i], on_signal, a);
        return k;
}

static int build(struct assembly *a)
{
        struct readings r = {0};
        struct failure *failure = NULL;
        int k = places_find(&a->places);

        if (k < 0) {
                a->refusal = failure_new(FAILURE_BAD_CONFIG, "there is no place for the state");
                if (a->refusal)
                        (void)!failure_set_remedy(
                                a->refusal, "set HOME, or GENOPT_STATE_DIR and GENOPT_CACHE_DIR");
                return say("there is no place for the state: HOME is not set", k, NULL);
        }
        k = read_all(a, &r, &failure);
        a->config = r.config;
        a->prices = r.prices;
        a->shelf = r.shelf;
        if (k) {
                a->refusal = failure ? failure_copy(failure) : NULL;
                return say("configuration", k, failure);
        }
        k = loop_new(N_WORKERS, &a->loop);
        k = k ? k : watch_signals(a);
        if (k < 0)
                return say("start", k, NULL);
        k = open_store(a);
        k = k ? k : make_rooms(a);
        k = k ? k : open_server(a);
        k = k ? k : service_new(a->loop, a->store, &a->service);
        k = k ? k : timer_new(a->loop, on_retain, a, &a->retain);
        k = k ? k : timer_new(a->loop, on_impatient, a, &a->drain);
        return k ? k : timer_start(a->retain, hurry("GENOPT_TEST_RETAIN_MS", FIRST_RETAIN_MS));
}

/* To whoever started us, who would only see a closed connection. */
static int refuse(struct assembly *a, int k)
{
        int exit_code = failure_table[FAILURE_UNAVAILABLE].exit_code;

        if (!a->refusal)
                a->refusal =
                        failure_new(FAILURE_UNAVAILABLE, "genoptd cannot start: %s", strerror(-k));
        if (a->refusal) {
                exit_code = failure_table[a->refusal->id].exit_code;
                service_refuse(a->refusal);
        }
        return exit_code;
}

int assembly_new(const struct assembly_arguments *arguments, struct assembly **ret,
                 int *ret_exit_code)
{
        _cleanup_(assembly_freep) struct assembly *a = calloc(1, sizeof(*a));
        int k;

        *ret_exit_code = failure_table[FAILURE_UNAVAILABLE].exit_code;
        if (!a)
                return -ENOMEM;
        a->arguments = arguments;
        k = build(a);
        if (k < 0) {
                *ret_exit_code = refuse(a, k);
                return k;
        }
        *ret = take(a);
        return 0;
}

struct assembly *assembly_free(struct assembly *a)
{
        if (!a)
                return NULL;
        timer_free(a->retain);
        timer_free(a->drain);
        service_free(a->service);
        server_free(a->server);
        /* Work ends first, while all that it may touch is there; then what it wrote is committed
         * and told; then memory goes. */
        jobs_stop(a->jobs);
        if (a->loop)
                loop_end(a->loop);
        calls_free(a->calls);
        provider_room_free(a->providers);
        store_close(a->store);
        if (a->loop)
                loop_end(a->loop); /* what its last callbacks put off is about jobs */
        jobs_free(a->jobs);
        loop_free(a->loop);
        blueprint_shelf_unref(a->shelf);
        price_book_unref(a->prices);
        config_unref(a->config);
        places_done(&a->places);
        failure_free(a->refusal);
        free(a);
        return NULL;
}

int assembly_run(struct assembly *a)
{
        int k;

        service_ready(a->service, "ready");
        log_notice("genoptd " GENOPT_VERSION " is ready");
        k = loop_run(a->loop);
        return k == 0 && a->is_state_lost ? -ENOENT : k;
}

int assembly_check_config(const char *path)
{
        struct failure *failure = NULL;
        struct config *config = NULL;
        int k = config_load(path, &config, &failure);

        if (k) {
                fprintf(stderr, "%s%s%s\n", failure && failure->where ? failure->where : "",
                        failure && failure->where ? ": " : "",
                        failure ? failure_message(failure) : strerror(-k));
                failure_free(failure);
                return failure_table[FAILURE_BAD_CONFIG].exit_code;
        }
        config_unref(config);
        return 0;
}
