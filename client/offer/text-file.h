#pragma once
/* A file of the user's that is sent as it is. */

#include "client/client.h"
#include "common/buf.h"

struct failure;

/* Reads all of it, at most max bytes of UTF-8. what: "a specification". fd < 0: errno says why it
 * could not be opened. CONDITION_REFUSED with a failure that names path. */
int text_file_read(int fd, const char *path, const char *what, size_t max, struct buf *out,
                   struct failure **ret_failure) _must_check_;
/* CONDITION_REFUSED: what stands at `where` is wrong, as text says. */
int text_file_refuse(struct failure **ret_failure, const char *where, const char *text);
