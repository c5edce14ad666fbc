#pragma once
/* The files of a folder: their texts, or only what the file system tells of them. Hidden files and
 * those that editors leave behind are none of them, links are not followed. Not for other rooms. */

#include "common/hash.h"
#include "common/macros.h"
#include "daemon/blueprint/blueprint.h"
#include "proto/failure.h"

#define BLUEPRINT_MAX_FILES 500u
#define BLUEPRINT_MAX_FILE_BYTES ((size_t)1 << 20)

/* All files below a folder; free with blueprint_files_free(). */
int blueprint_files_read(const char *path, struct blueprint_file **ret, size_t *ret_n,
                         struct failure **ret_failure) _must_check_;
int blueprint_files_refuse(const char *path, int error, struct failure **ret_failure)
        _must_check_; /* an errno of reading them as a failure; -ENOMEM stays */
void blueprint_files_free(struct blueprint_file *files, size_t n);
/* Of what the file system tells of them (names, times, sizes): cheap, and never the same again once
 * a file was touched. */
int blueprint_files_stamp(const char *path, struct hash *ret,
                          struct failure **ret_failure) _must_check_;
