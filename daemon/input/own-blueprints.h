#pragma once
/* Blueprints and templates of the user's own, which travel with a submit: listed in its input by
 * name, path and hash, asked for by path, and checked against the hash when they are here.
 *
 *     blueprints  [{name, files [{path, sha256}]}]   before those of the daemon
 *     templates   [{path, sha256}]                   before those of the blueprint that is taken;
 *                                                    path: "go-service/templates/makefile.tmpl" */

#include "daemon/input/input.h"

struct blueprint;

/* Their fields of a kind's input. */
#define OWN_BLUEPRINT_FIELDS                   \
        {"blueprints", JSON_ARRAY, false},     \
        {                                      \
                "templates", JSON_ARRAY, false \
        }

/* Checks them, and adds the paths to ask for: of blueprint `name` alone where one is named.
 * CONDITION_REFUSED. */
int own_blueprints_need(const json_t *input, const char *name, struct strlist *ret_paths,
                        struct failure **ret_failure) _must_check_;
/* The shelf with those that came. */
int own_blueprints_read(const struct input *in, const char *name, struct blueprint_shelf **ret,
                        struct failure **ret_failure) _must_check_;
/* The blueprint with the templates that came. warnings: of templates that belong to none. */
int own_templates_read(const struct input *in, const struct blueprint *b, struct strlist *warnings,
                       struct blueprint **ret, struct failure **ret_failure) _must_check_;
