#pragma once
/* Commits what a job changed, with git, in the user's tree.
 *
 *     per file   a commit for each file, new ones with the file whose repair made them
 *     per rule   a commit for each rule: those lines of all files whose change is nearest to a
 *                finding of it; the tree of each is what the rules before it left
 *     at end     one for all
 *
 * Only these paths, whatever else is staged or changed. What HEAD has already is not
 * committed again; a file that was not as HEAD has it before, or was changed since, is told and
 * left out. */

#include "client/files/changes.h"

enum commit_style { COMMIT_PER_FILE, COMMIT_PER_RULE, COMMIT_AT_END, N_COMMIT_STYLES };
extern const char *const commit_style_names[N_COMMIT_STYLES];

/* CONDITION_REFUSED: git cannot commit there; why is what it says. */
int commits_check(const char *dir, struct buf *why) _must_check_;
/* CONDITION_REFUSED: git said no, which was told; the index is as it was. */
int commits_make(const struct changes *l, const char *dir, enum commit_style style,
                 const char *subject) _must_check_;
/* For per rule, and its test: which of the rules a change of lines belongs to, by nearness to
 * their findings; 0 where none has a line. rules: names. */
size_t commits_rule_of(const json_t *findings, const struct strlist *rules, size_t from, size_t n);
