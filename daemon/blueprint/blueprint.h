#pragma once
/* Blueprints: everything that is particular to a language or a framework, as data
 * (blueprints/NAME/blueprint.yaml and the files it names). This room reads one, and from a model
 * makes tasks: which files, their declared inputs (slices with closure), what they depend on, their
 * prompt blocks, templates, check rules and static keys. docs/blueprints.md describes the format.
 *
 * A blueprint is immutable and counted (atomically: workers hold it). All faults of a blueprint are
 * found when it loads. */

#include <jansson.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"
#include "common/str.h"
#include "proto/failure.h"

struct blueprint;
struct extractor;
struct model;
struct work;

/* A file of a blueprint, as loaded from a directory or sent by a client. */
struct blueprint_file {
        char *path; /* below the blueprint's folder */
        char *text;
        size_t n_text;
};

/* CONDITION_REFUSED: failure with where and every fault in its message. */
int blueprint_new(const char *name, const struct blueprint_file *files, size_t n_files,
                  struct blueprint **ret, struct failure **ret_failure) _must_check_;
int blueprint_load(const char *dir, const char *name, struct blueprint **ret,
                   struct failure **ret_failure) _must_check_;
struct blueprint *blueprint_ref(struct blueprint *b);
struct blueprint *blueprint_unref(struct blueprint *b);
DEFINE_CLEANUP(struct blueprint, blueprint_unref);
const char *blueprint_name(const struct blueprint *b);
const char *blueprint_description(const struct blueprint *b);
void blueprint_hash(const struct blueprint *b, struct hash *ret); /* of all its files */

/* The blueprint with those of the files in place of its own whose path is its name and that of one
 * of its templates: "go-service/templates/makefile.tmpl". Others are passed over. */
int blueprint_overlay(const struct blueprint *b, const struct blueprint_file *more, size_t n_more,
                      struct blueprint **ret, struct failure **ret_failure) _must_check_;
/* Adds a sentence for each folder of an overlay that is called like no blueprint, and for files
 * outside of folders. paths: of the overlay's files, or of its folders with a "/" behind them. */
int blueprint_overlay_strays(const struct strlist *names, const struct strlist *paths,
                             struct strlist *ret) _must_check_;
/* For people: {name, description, language, parameters, files [{kind, each, path, tier,
 * template?, fixed_bytes?}], unreached: templates that no kind leads to}. */
int blueprint_to_json(const struct blueprint *b, json_t **ret) _must_check_;

/* The blueprints of the package and the configuration. Opening it lists them; each is read and
 * compiled (milliseconds: in a worker) by the first who gets it, and told its faults then. */
struct blueprint_shelf;
/* templates: a folder of templates that go before (overlay.c), or NULL. */
int blueprint_shelf_open(const char *dir, const char *templates, struct blueprint_shelf **ret,
                         struct failure **ret_failure) _must_check_;
/* s with one more, which goes before one of the same name. */
int blueprint_shelf_with(const struct blueprint_shelf *s, struct blueprint *b,
                         struct blueprint_shelf **ret) _must_check_;
size_t blueprint_shelf_count(const struct blueprint_shelf *s);
const char *blueprint_shelf_name(const struct blueprint_shelf *s, size_t i); /* in their order */
const struct strlist *blueprint_shelf_strays(
        const struct blueprint_shelf *s); /* of its `templates` */
int blueprint_shelf_get(const struct blueprint_shelf *s, size_t i, struct blueprint **ret,
                        struct failure **ret_failure) _must_check_;
/* Lets go what nobody has asked for since the last time: it is read again when somebody does.
 * Whether there was any. */
bool blueprint_shelf_trim(struct blueprint_shelf *s);
struct blueprint_shelf *blueprint_shelf_ref(struct blueprint_shelf *s);
struct blueprint_shelf *blueprint_shelf_unref(struct blueprint_shelf *s);
DEFINE_CLEANUP(struct blueprint_shelf, blueprint_shelf_unref);
/* Of all that stands on it, as it was when it was opened or, later, read. Changes when files are
 * read that were changed since. */
void blueprint_shelf_hash(const struct blueprint_shelf *s, struct hash *ret);
/* A file of the folder `fix` beside the blueprints, which is for repairs what they are for
 * projects; appends. CONDITION_ABSENT: there is none of that name. */
int blueprint_shelf_fix(const struct blueprint_shelf *s, const char *name,
                        struct buf *ret) _must_check_;
/* By name, else as the specification asks, else by features; *ret_reason (owned by the caller) says
 * why. */
int blueprint_choose(const struct blueprint_shelf *s, const char *name, const struct model *m,
                     struct blueprint **ret, char **ret_reason,
                     struct failure **ret_failure) _must_check_;

/* Tasks of a model. The work holds a reference to the blueprint. */
int blueprint_apply(struct blueprint *b, const struct model *m, struct work **ret,
                    struct failure **ret_failure) _must_check_;

/* The version of interfaces: a change of what the extractor makes of any text must change keys. */
#define INTERFACE_VERSION 1

/* The interface of a text: what others may rely on, by the extractor's rules; deterministic, never
 * empty for a text that is not. NULL extractor: the whole text. */
int extractor_run(const struct extractor *e, struct span text, struct buf *out) _must_check_;
