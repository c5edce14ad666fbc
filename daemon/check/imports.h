#pragma once
/* A library that is used and was not imported: the slip is mended by adding the line, because
 * asking again costs a call and may bring the same slip. How a language says it, and which names
 * are what, is data of a blueprint.
 *
 * A name is missing when `use` finds it, no match of `said` names it, and every place where it
 * stands as a word of its own is such a use: a variable of that name is nobody's import. What is
 * missing goes, in the order of its paths, into the first of `places` that the text has; none: it
 * stays missing. */

#include "common/buf.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/macros.h"

struct check_imports; /* immutable */
struct check_set;

#define CHECK_IMPORTS_MAX_PLACES 4
#define CHECK_IMPORTS_MAX_NAMES 256

struct check_imports_source {
        const char *language;
        const char *use;  /* sees code; its first group is a name */
        const char *said; /* sees strings too; the words of its first group are names */
        struct {
                const char *after; /* sees code; the line goes where it ends */
                const char *skip;  /* or NULL; sees strings too: what it matches from there stays
                                      before, while its first group is less than the path */
                const char *line;  /* $ is the path */
        } places[CHECK_IMPORTS_MAX_PLACES];
        size_t n_places;
        struct {
                const char *name, *path;
        } names[CHECK_IMPORTS_MAX_NAMES];
        size_t n_names;
};

/* CONDITION_REFUSED: diag says what is wrong. */
int check_imports_new(const struct check_imports_source *source, struct check_imports **ret,
                      struct diag *ret_diag) _must_check_;
struct check_imports *check_imports_free(struct check_imports *m);
DEFINE_CLEANUP(struct check_imports, check_imports_free);
void check_imports_hash(const struct check_imports *m, struct hash *ret);
/* 0: out has the text with what was missing, said the names. CONDITION_ABSENT: nothing is, or it
 * cannot be told. */
int check_imports_mend(const struct check_imports *m, struct span text, struct buf *out,
                       struct buf *said) _must_check_;
