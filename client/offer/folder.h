#pragma once
/* Folders of the user's own that travel with a request: blueprints and templates. Hidden files and
 * those that editors leave behind are none of them, links are not followed. */

#include <jansson.h>

#include "client/offer/offer.h"
#include "common/str.h"
#include "proto/failure.h"

#define FOLDER_MAX_FILES 500
#define FOLDER_FILE_BYTES ((size_t)1 << 20)

struct folder;

/* CONDITION_REFUSED: it cannot be read, or holds too much. */
int folder_open(const char *path, struct folder **ret, struct failure **ret_failure) _must_check_;
struct folder *folder_free(struct folder *f);
DEFINE_CLEANUP(struct folder, folder_free);
bool folder_has(const struct folder *f, const char *path);
/* The last part of its path, for which a link stands as what it leads to. */
const char *folder_name(const struct folder *f);
int folder_list(const struct folder *f, json_t **ret) _must_check_; /* [{path, sha256}] */
/* {path: text}; faults: a line for each text that is none, what of it is text is in the map. */
int folder_texts(const struct folder *f, json_t **ret, struct strlist *faults) _must_check_;
/* Each file under prefix and its path; the folder stays open until the offer is freed. */
int folder_offer(const struct folder *f, const char *prefix, struct offer *o) _must_check_;
