#pragma once
/* What can be set: one table; the values that hold for the daemon (config), for one job
 * (job_options).
 *
 *     default  <  genopt.yaml  <  the daemon's environment
 *              <  a job's own options (its client's environment, then --set)
 *
 * A job reaches only rows of scope job; of SCOPE_JOB_TIGHTEN it may lower what the daemon has,
 * never raise it. An unknown name is a fault that names the nearest known one. Names that earlier
 * systems used are accepted (aliases.c). Providers and tiers are not rows: they are maps of the
 * file. Without a file the block of docs/options.md holds.
 *
 * A config is immutable and counted (atomically: workers hold it). No key is ever part of it. */

#include <jansson.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/str.h"
#include "daemon/options/option-id.h"
#include "daemon/work/plan.h"
#include "daemon/work/price.h"
#include "proto/failure.h"

enum option_type {
        OPTION_BOOL,   /* on, off, true, false, yes, no, 1, 0 */
        OPTION_U64,    /* a number */
        OPTION_BYTES,  /* 2GiB, 500k, 12 */
        OPTION_MS,     /* 30d, 90s, 250ms; a bare number counts milliseconds */
        OPTION_USD,    /* dollars, "2.50" or "none"; held in nano-dollars, none as UINT64_MAX */
        OPTION_RATIO,  /* 0 to 1; held in millionths */
        OPTION_CHOICE, /* one of choices; held as its index */
        OPTION_TEXT,
};

enum option_scope { SCOPE_DAEMON, SCOPE_JOB, SCOPE_JOB_TIGHTEN };

enum approval_when { APPROVAL_TERMINAL, APPROVAL_ALWAYS, APPROVAL_NEVER };
enum unpriced { UNPRICED_ASK, UNPRICED_ALLOW };
enum objective { OBJECTIVE_COST, OBJECTIVE_BALANCED, OBJECTIVE_LATENCY };
struct option {
        const char *name;
        enum option_type type;
        enum option_scope scope;
        const char *otherwise; /* default, as it would be written; "" for an OPTION_TEXT that is not
                                  set */
        uint64_t min, max;     /* in the unit that is held */
        const char *const *choices;
        const char *variable;    /* of the environment */
        bool is_reloaded;        /* a reload changes it; else a restart */
        bool is_part_of_results; /* counted by config_hash() */
        const char *sentence;
};

extern const struct option option_table[N_OPTIONS];
const struct option *option_find(const char *name); /* aliases too; NULL */

enum key_source { KEY_NONE, KEY_ENV, KEY_FILE, KEY_CREDENTIAL };

struct limits_option {                           /* what a provider allows; 0: not said */
        uint64_t calls, requests, input, output; /* at once; a minute, for one model */
};

struct provider_option {
        char *name, *dialect, *base_url, *keep_alive; /* owned; the last may be NULL */
        enum key_source key_source;
        char *key_name; /* variable, absolute path or credential; owned, NULL for KEY_NONE */
        char *key_file; /* where `genopt key set` puts one: the key when key_source gives none;
                           owned */
        char *where;    /* "genopt.yaml:2:3", or "default" */
        struct limits_option limits; /* of each of its models that has none of its own */
};

#define TIER_MAX_ROUTES 8

struct tier_option {
        struct {
                char *provider, *model; /* owned */
                struct limits_option limits;
                struct price price; /* the user's word for it, in place of the price book's */
                bool has_limits, has_price;
                unsigned line, column; /* in the file; 0: a default */
        } routes[TIER_MAX_ROUTES];     /* in the order of falling back */
        size_t n_routes;
};

struct config;

/* path NULL: $GENOPT_CONFIG, $XDG_CONFIG_HOME/genopt/genopt.yaml (~/.config),
 * /etc/genopt/genopt.yaml, else the defaults. CONDITION_REFUSED: BAD_CONFIG, with file, line and
 * column, or the variable, in `where`. */
int config_load(const char *path, struct config **ret, struct failure **ret_failure) _must_check_;
/* As config_load(), with this text in place of a file; name is for messages, paths in it are
 * relative to dir. */
int config_parse(struct span text, const char *name, const char *dir, struct config **ret,
                 struct failure **ret_failure) _must_check_;
struct config *config_ref(struct config *c);
struct config *config_unref(struct config *c);
DEFINE_CLEANUP(struct config, config_unref);

uint64_t config_get_u64(const struct config *c,
                        enum option_id id); /* in the unit that is held; also for choices */
bool config_get_bool(const struct config *c, enum option_id id);
const char *config_get_text(const struct config *c,
                            enum option_id id);  /* NULL: not set. Directories are absolute */
const char *config_path(const struct config *c); /* of the file, NULL: there is none */
const struct provider_option *config_providers(const struct config *c,
                                               size_t *ret_n); /* sorted by name */
const struct provider_option *config_find_provider(const struct config *c, const char *name);
/* Of a model, else of its provider (also model NULL). */
struct limits_option config_limits(const struct config *c, const char *provider, const char *model);
const struct tier_option *config_tier(const struct config *c,
                                      enum tier t); /* never NULL; perhaps without routes */
/* Over all that changes results: marked options, providers (without keys), tiers. Equal configs
 * give equal hashes. */
int config_hash(const struct config *c, struct hash *ret) _must_check_;
/* Options that differ and that no reload changes. */
int config_list_restarts(const struct config *old, const struct config *new,
                         struct strlist *ret) _must_check_;

/* The key of a provider, now: from where its option says, else from its key_file, DIR/keys/NAME
 * (DIR is $XDG_CONFIG_HOME/genopt or ~/.config/genopt, without a home /etc/genopt), else from the
 * credential keys_NAME. ret is fresh; KEY_NONE without a key_file leaves it empty.
 * CONDITION_ABSENT: KEY_MISSING, where it was looked for. CONDITION_REFUSED: BAD_CONFIG, a file of
 * others or that they can read, or without a key. */
int key_read(const struct provider_option *p, struct buf *ret,
             struct failure **ret_failure) _must_check_;
void key_wipe(struct buf *b);
/* How this instance is given a key; `then` follows. */
int key_set_remedy(struct failure *f, const char *provider, const char *then) _must_check_;
#define KEY_MAX_BYTES 4096

/* What holds for one job. Plain data: copy it as you like. */
struct job_options {
        uint64_t values[N_OPTIONS]; /* of scope job; 0 elsewhere */
};

/* given: {name: text} of a submit, or NULL. CONDITION_REFUSED: BAD_OPTION, where =
 * "/params/options/NAME". */
int job_options_resolve(const struct config *c, const json_t *given, struct job_options *ret,
                        struct failure **ret_failure) _must_check_;
/* What a user's genopt.yaml asks of a daemon that is not theirs, as the base of
 * job_options_change(): its job options; the rest of it is read and passed over. A limit that is
 * wider than the daemon's stays the daemon's, with a warning (ret_warnings may be NULL).
 * CONDITION_REFUSED: BAD_CONFIG, where = "genopt.yaml:LINE:COLUMN". */
int job_options_read(const struct config *c, struct span text, struct job_options *ret,
                     struct strlist *ret_warnings, struct failure **ret_failure) _must_check_;
/* The same on top of options that a job has (resume): o is changed only when all is well. */
int job_options_change(struct job_options *o, const struct config *c, const json_t *given,
                       struct failure **ret_failure) _must_check_;
/* The JSON text {name: text}, as it is stored with the job, and back. Reading forgives names of
 * other versions: what is missing or unknown comes from the config. */
int job_options_write(const struct job_options *o, struct buf *out) _must_check_;
int job_options_from_json(const struct config *c, const json_t *stored,
                          struct job_options *ret) _must_check_;
uint64_t job_options_get_u64(const struct job_options *o, enum option_id id);
bool job_options_get_bool(const struct job_options *o, enum option_id id);
