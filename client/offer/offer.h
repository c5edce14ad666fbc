#pragma once
/* What a submit offered, and answering what the daemon asks for of it.
 *
 * Only what was offered is ever sent, read below the directory it was offered from and never
 * through a link. A need that names anything else is answered with `absent`, as if it were not
 * there. */

#include "client/link/connection.h"
#include "common/hash.h"

#define OFFER_PART_BYTES ((size_t)3 << 20) /* of one blob/put: 4 MiB of base 64 */
#define OFFER_FILE_BYTES ((size_t)16 << 20)

struct offer;

/* dir_fd: borrowed until offer_free(). */
int offer_new(int dir_fd, struct offer **ret) _must_check_;
struct offer *offer_free(struct offer *o);
DEFINE_CLEANUP(struct offer, offer_free);
/* sha256 in hex; NULL: by path only. */
int offer_add(struct offer *o, const char *path, const char *sha256) _must_check_;
/* Offered under another name than it has: path below dir_fd, which is borrowed likewise. */
int offer_add_as(struct offer *o, const char *name, int dir_fd, const char *path,
                 const char *sha256) _must_check_;
/* All entries of a list of job/submit: path, and hash as `disk` or `sha256`. */
int offer_add_list(struct offer *o, const json_t *list, const char *hash_key) _must_check_;
/* Sends what `need` names and was not sent before: the need of a submit's reply may come again as
 * an event that was under way. CONDITION_REFUSED with a failure: a file changed since it was
 * offered.
 */
int offer_answer(struct offer *o, struct connection *k, const char *job, const json_t *need,
                 struct failure **ret_failure) _must_check_;
