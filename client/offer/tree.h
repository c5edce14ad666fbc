#pragma once
/* The files of a tree that an analysis may be about: those whose name stands in it. They are read
 * ahead, by several threads, for their hashes. */

#include <jansson.h>

#include "common/macros.h"

#define TREE_MAX_FILES 60000u /* listed; a submit is one frame */

/* [{path, sha256}] sorted by path; *ret_more: files beyond TREE_MAX_FILES that were left out. */
int tree_list(int dir_fd, struct span analysis, json_t **ret, size_t *ret_more) _must_check_;
