/* Methods of the daemon itself. */

#include <stdio.h>

#include "common/json.h"
#include "common/str.h"
#include "daemon/calls/calls.h"
#include "daemon/loop/loop.h"
#include "daemon/metrics/metrics.h"
#include "daemon/options/options.h"
#include "daemon/provider/provider.h"
#include "daemon/server/methods.h"
#include "daemon/store/store.h"
#include "proto/frame.h"

static const struct server_setup *rooms(const struct server_call *c)
{
        return server_rooms(server_call_server(c));
}

bool server_may_manage(const struct server_call *c)
{
        const struct peer *p = server_call_peer(c);

        return p->is_root || p->uid == getuid();
}

void server_refuse_manage(struct server_call *c)
{
        struct failure *f =
                failure_new(FAILURE_BAD_STATE, "only root and the daemon's own user may do this");

        if (f && failure_set_remedy(f, "as root: `sudo genopt …`") < 0)
                f = failure_free(f);
        server_call_fail(c, f);
        failure_free(f);
}

int method_initialize(struct server_call *c, const json_t *params)
{
        (void)params;
        server_call_reply_json(c,
                               json_pack("{s:i,s:s,s:s,s:{s:I,s:I}}", "protocol", PROTOCOL_VERSION,
                                         "version", GENOPT_VERSION, "server", "genoptd",
                                         "capabilities", "frame_bytes", (json_int_t)FRAME_MAX_BYTES,
                                         "blob_bytes", (json_int_t)BLOB_MAX_BYTES));
        return 0;
}

int method_rpc_discover(struct server_call *c, const json_t *params)
{
        json_t *document = NULL;
        int k = methods_to_openrpc(GENOPT_VERSION, &document);

        (void)params;
        if (k < 0)
                return k;
        server_call_reply_json(c, document);
        return 0;
}

int method_stats_get(struct server_call *c, const json_t *params)
{
        json_t *stats = NULL;
        int k;

        (void)params;
        metrics_set(METRIC_loop_turn_usec_max, loop_turn_usec_max(rooms(c)->loop));
        metrics_set(METRIC_loop_turn_processor_usec_max,
                    loop_turn_processor_usec_max(rooms(c)->loop));
        metrics_set(METRIC_loop_turns, loop_n_turns(rooms(c)->loop));
        k = metrics_to_json(&stats);
        if (k < 0)
                return k;
        server_call_reply_json(c, stats);
        return 0;
}

static json_t *providers_json(const struct server_setup *s)
{
        size_t n = 0;
        const struct provider_option *all = config_providers(s->config, &n);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++) {
                struct provider *p = provider_find(s->providers, all[i].name);
                const char *reason = p ? NULL : "its configuration cannot be used";
                enum failure_id lack;
                bool is_ready = p && provider_is_ready(p, &lack, &reason);
                json_t *warm = NULL;

                if (p && provider_describe(p, &warm) < 0)
                        break;
                if (json_add(list, json_pack("{s:s,s:s,s:s,s:b,s:s?,s:o*}", "name", all[i].name,
                                             "dialect", all[i].dialect, "base_url", all[i].base_url,
                                             "configured", is_ready, "reason",
                                             is_ready ? NULL : reason, "warm", warm)) < 0)
                        break;
        }
        return list;
}

static int put_limit(json_t *o, const char *name, const struct config *c, enum option_id id)
{
        uint64_t usd = config_get_u64(c, id);

        return usd == UINT64_MAX ? 0 : json_put(o, name, json_integer((json_int_t)usd));
}

/* What may be spent; a limit that there is none of is not named. */
static json_t *budget_json(const struct config *c)
{
        json_t *o = json_object();
        int r = o ? put_limit(o, "day_nanousd", c, OPTION_DAY_USD) : -ENOMEM;

        if (r == 0)
                r = put_limit(o, "month_nanousd", c, OPTION_MONTH_USD);
        if (r == 0)
                r = put_limit(o, "job_nanousd", c, OPTION_JOB_USD);
        if (r == 0)
                r = json_put(o, "warn_at",
                             json_real((double)config_get_u64(c, OPTION_WARN_AT) / 1e6));
        if (r < 0) {
                json_decref(o);
                return NULL;
        }
        return o;
}

/* Pages of this process that are nobody else's, in bytes (/proc/self/smaps_rollup). */
static json_t *memory_json(void)
{
        FILE *f = fopen("/proc/self/smaps_rollup", "re");
        unsigned long long rss = 0, anonymous = 0;
        char line[128];

        while (f && fgets(line, sizeof(line), f)) {
                (void)sscanf(line, "Rss: %llu", &rss);
                (void)sscanf(line, "Anonymous: %llu", &anonymous);
        }
        if (f)
                fclose(f);
        return json_pack("{s:I,s:I}", "rss", (json_int_t)(rss * 1024), "anonymous",
                         (json_int_t)(anonymous * 1024));
}

/* Read transactions that are open: one that stays so lets an environment grow without end. */
static json_t *readers_json(struct store *store)
{
        struct store_counters c;

        store_get_counters(store, &c);
        return json_pack("{s:i,s:i}", "state", (int)c.state_readers, "cache", (int)c.cache_readers);
}

int method_daemon_status(struct server_call *c, const json_t *params)
{
        const struct server_setup *s = rooms(c);
        json_t *counts = NULL;
        int k = jobs_count(s->jobs, &counts);

        (void)params;
        if (k < 0)
                return k;
        server_call_reply_json(
                c,
                json_pack("{s:s,s:i,s:i,s:I,s:s,s:o,s:{s:I,s:I},s:I,s:I,s:o,s:o,s:o,s:o,s:o}",
                          "version", GENOPT_VERSION, "pid", (int)getpid(), "uid", (int)getuid(),
                          "uptime_s", (json_int_t)server_uptime_s(server_call_server(c)), "state",
                          server_is_stopping(server_call_server(c)) ? "stopping" : "ready", "jobs",
                          counts, "calls", "running", (json_int_t)calls_n_running(s->calls),
                          "joined", (json_int_t)metrics_get(METRIC_tasks_joined),
                          "spent_today_nanousd", (json_int_t)calls_spent_today(s->calls),
                          "spent_month_nanousd", (json_int_t)calls_spent_this_month(s->calls),
                          "budget", budget_json(s->config), "providers", providers_json(s), "kept",
                          calls_describe_kept(s->calls), "readers", readers_json(s->store),
                          "memory", memory_json()));
        return 0;
}

int method_daemon_reload(struct server_call *c, const json_t *params)
{
        struct failure *failure = NULL;
        int k;

        (void)params;
        if (!server_may_manage(c)) {
                server_refuse_manage(c);
                return 0;
        }
        k = rooms(c)->on_reload(rooms(c)->arg, &failure);
        if (k < 0)
                return k;
        if (k)
                server_call_fail(c, failure);
        else
                server_call_reply(c, SPAN("{}"));
        failure_free(failure);
        return 0;
}

int method_daemon_stop(struct server_call *c, const json_t *params)
{
        const struct server_setup *s = rooms(c);
        const char *mode = json_get_text(params, "mode");
        enum server_stop how = str_is_equal(mode, "now")       ? SERVER_STOP_NOW
                               : str_is_equal(mode, "restart") ? SERVER_STOP_RESTART
                                                               : SERVER_STOP_DRAIN;

        if (!server_may_manage(c)) {
                server_refuse_manage(c);
                return 0;
        }
        server_call_reply_json(c, json_pack("{s:I}", "drain_ms",
                                            (json_int_t)(how == SERVER_STOP_NOW ? 0 : s->stop_ms)));
        s->on_stop(how, s->arg);
        return 0;
}
