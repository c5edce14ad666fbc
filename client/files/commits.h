#pragma once
/* Commits what a job changed, with git, in the user's tree.
 *
 *     per file   a commit for each file, new ones with the file whose repair made them
 *     per rule   a commit for each rule: those lines of all files whose change is nearest to a
 *                finding of it; the tree of each is what the rules before it left
 *     at end     one for all
 *
 * Only these paths, whatever else is staged or changed. What git says no to is told, and no error
 * of ours. */

#include "client/files/changes.h"

enum commit_style { COMMIT_PER_FILE, COMMIT_PER_RULE, COMMIT_AT_END, N_COMMIT_STYLES };
extern const char *const commit_style_names[N_COMMIT_STYLES];

int commits_make(const struct changes *l, const char *dir, enum commit_style style,
                 const char *subject) _must_check_;
/* For per rule, and its test: which of the rules a change of lines belongs to, by nearness to
 * their findings; 0 where none has a line. rules: names. */
size_t commits_rule_of(const json_t *findings, const struct strlist *rules, size_t from, size_t n);
