#pragma once
/* What the user has of blueprints and templates: a folder given on the command line, and those
 * below $XDG_CONFIG_HOME/genopt/blueprints. They are listed with a submit and travel when they are
 * asked for. */

#include "client/offer/folder.h"

#define OWN_BLUEPRINTS_MAX 50

struct own_blueprints {
        struct folder *at[OWN_BLUEPRINTS_MAX]; /* owned */
        size_t n;
        struct folder *templates; /* owned; NULL: none */
        const char *wanted;       /* borrowed: name of the blueprint that was asked for, or NULL */
};

/* blueprint: a name, or a folder (it holds a slash, is `.`, or is no name of one of the user's and
 * a folder of that name with a blueprint.yaml is here). Both may be NULL. */
int own_blueprints_open(const char *blueprint, const char *templates, struct own_blueprints *ret,
                        struct failure **ret_failure) _must_check_;
void own_blueprints_done(struct own_blueprints *o);
/* Into the input of a submit, and into what it offers. */
int own_blueprints_list(const struct own_blueprints *o, json_t *input) _must_check_;
int own_blueprints_offer(const struct own_blueprints *o, struct offer *offer) _must_check_;
/* $XDG_CONFIG_HOME/genopt/blueprints, owned by the caller; NULL: there is no home. */
char *own_blueprints_home(void) _must_check_;
