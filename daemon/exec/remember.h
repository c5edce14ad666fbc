#pragma once
/* Remembering, in the cache: results by their full key; and what they are made from
 * (work/inputs.h), names and hashes under the full key, values under their hashes, each once. Any
 * thread. What cannot be kept is left out: it is asked for again, `why` says that it is not known.
 */

#include <jansson.h>

#include "common/hash.h"
#include "common/macros.h"
#include "daemon/work/inputs.h"

struct plan;
struct result;
struct stand;
struct store;
struct task;
struct work;

/* Values that were seen to be there: looked up once in a run. */
struct remembered {
        struct hash *at; /* owned; open addressing, zero: free */
        size_t n, room;  /* room: a power of two */
};

/* And, with its interface, what is newest for its static key. */
void result_remember(struct store *s, const struct task *t, const struct hash *key,
                     const struct hash *interface, const struct result *result);
void remembered_done(struct remembered *m);
void inputs_remember(struct store *s, struct remembered *m, const struct work *w,
                     const struct task *t, const struct hash *interfaces, const struct hash *key);
void interface_remember(struct store *s, struct remembered *m, const struct hash *hash,
                        struct span text);

/* For the files of a plan that do not simply stand: {path: {key?, old?, disk?, unsure?}},
 * docs/protocol.md; and their inputs, as far as the plan foretells them. */
int plan_remember(struct store *s, const struct work *w, const struct stand *stands,
                  const struct plan *p, json_t **ret) _must_check_;
