#pragma once
/* Shared by the files of this room. */

#include <stdatomic.h>

#include "common/yaml.h"
#include "daemon/options/options.h"

#define OPTION_WHY_BYTES 160

/* What one source (a file, an environment, what a job says itself) has said of an option so far. */
struct option_taken {
        const char *as; /* the name there, static; NULL: nothing */
        bool is_switch; /* by the switch of a number, which was off */
};

struct config {
        atomic_uint n_refs;
        uint64_t values[N_OPTIONS];
        char *texts[N_OPTIONS];               /* owned; OPTION_TEXT */
        struct option_taken taken[N_OPTIONS]; /* by the source that is being read */
        char *path;                           /* owned; NULL: no file */
        struct provider_option *providers;    /* owned */
        size_t n_providers;
        struct tier_option tiers[N_TIERS];
};

/* A name as it was written, and what it stands for. */
struct option_match {
        const struct option *option;
        bool is_switch_of_number; /* an on/off for a row that is a number: off means 1, on changes
                                     nothing */
        const char *name;         /* static */
};

/* The same option again, in one source. */
enum option_again {
        OPTION_FIRST, /* it is not: now it is taken */
        OPTION_INERT, /* a number beside its switch, which is off: the switch holds */
        OPTION_TWICE, /* m->name and t->as say the same thing */
};
enum option_again option_take(struct option_taken *t, const struct option_match *m);

bool option_match(const char *name, struct option_match *ret); /* aliases too */
bool option_match_variable(const char *variable, struct option_match *ret);
/* Variables of the environment beside those in the option table; ended by NULL. */
extern const char *const option_alias_variables[];
const char *option_suggest(const char *name); /* the nearest known name, or NULL */
bool option_is_group(const char *name);       /* options begin with it and a dot */

static inline enum option_id option_id(const struct option *o)
{
        return (enum option_id)(o - option_table);
}

/* CONDITION_REFUSED: why is a sentence without subject ("is not a number"). Texts are checked only.
 * *ret_is_given false: the words change nothing (a switch that is on). */
int option_read(const struct option_match *m, const char *text, uint64_t *ret, bool *ret_is_given,
                char why[OPTION_WHY_BYTES]) _must_check_;
int option_write(const struct option *o, uint64_t value,
                 struct buf *b) _must_check_; /* as option_read() takes it */

/* Takes a value into a config that is being made: text as it was written, dir for relative paths.
 * where is for messages. */
int config_take(struct config *c, const struct option_match *m, const char *written_as,
                const char *text, const char *dir, const char *where,
                struct failure **ret_failure) _must_check_;

int config_new(struct config **ret) _must_check_; /* all defaults */
/* file.c: all of a file into a config that has the defaults. Afterwards seen[] tells which options
 * it gave. */
int config_read_file(struct config *c, struct span text, const char *name, const char *dir,
                     struct failure **ret_failure) _must_check_;

/* providers.c */
int config_add_default_providers(struct config *c) _must_check_;
int config_read_providers(struct config *c, struct yaml_node *n, const char *name, const char *dir,
                          struct failure **ret_failure) _must_check_;
int config_read_tiers(struct config *c, struct yaml_node *n, const char *name,
                      struct failure **ret_failure) _must_check_;
int config_check_tiers(const struct config *c, const char *name,
                       struct failure **ret_failure) _must_check_;
void provider_option_done(struct provider_option *p);
void tier_option_done(struct tier_option *t);

/* BAD_CONFIG at a node: CONDITION_REFUSED, -ENOMEM. */
int config_refuse(struct failure **ret, const char *name, const struct yaml_node *at,
                  const char *format, ...) _printf_(4, 5);
char *config_resolve_path(const char *dir, const char *path)
        _must_check_;                    /* ~/, and paths relative to dir; NULL: no memory */
char *config_key_dir(void) _must_check_; /* see key_read(); NULL: no memory */
