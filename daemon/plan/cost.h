#pragma once
/* What texts come to: bytes of prompts and their parts, tokens and money of one step by itself.
 * What steps cost together (caches, waves, the whole run) is scheme.h's. */

#include "daemon/plan/planner.h"

enum text_class cost_text_class(const struct block *b);

/* What block 7 of a prompt takes (docs/prompts.md) beside the paths of its files: where all of them
 * are written whole, all are edited, or some are; test-answer compares. */
#define COST_ANSWER_BYTES 420
#define COST_ANSWER_EDITS_BYTES 905
#define COST_ANSWER_MIXED_BYTES 1080
static inline size_t cost_answer_bytes(size_t n_files, size_t n_edited)
{
        return n_edited == 0         ? COST_ANSWER_BYTES
               : n_edited == n_files ? COST_ANSWER_EDITS_BYTES
                                     : COST_ANSWER_MIXED_BYTES;
}
#define COST_PATH_BYTES 7 /* around each path: it is an item of a list */
/* Around an interface: fences, language, path. And around a file in an answer: marks, path, tag. */
#define COST_INTERFACE_BYTES 55
#define COST_FILE_BYTES 70

/* Bytes of a call's prompt, by class. Interfaces that do not exist yet count as a share of the
 * expected text. p: the plan whose sets the recipe names; may be NULL when it names none. */
void cost_prompt_bytes(const struct planning *in, const struct plan *p, const struct step *s,
                       struct text_bytes *ret);
/* Of the interface of a task, as it is shown, before it exists. */
uint64_t cost_interface_bytes(const struct planning *in, uint32_t task);
/* Sets s->estimate, as if nothing of it were in a provider's cache. */
void cost_step(const struct planning *in, const struct plan *p, struct step *s);
uint64_t cost_expected_bytes(const struct task *t);     /* the blueprint's first guess */
uint64_t cost_expected_interface(const struct task *t); /* likewise */
/* What is around a text that a prompt shows to be edited: fences, language, path. */
#define COST_BASE_BYTES 60
uint64_t cost_edits_bytes(const struct task *t); /* first guess: of what it lacks */
uint64_t cost_facts_bytes(const struct work *w, const struct task *t);
/* A set of statements as one block; the block that says which of them are a task's own. */
size_t cost_set_bytes(const struct work *w, const uint32_t *set, size_t n);
size_t cost_uses_bytes(const struct work *w, const struct task *t);
void estimate_add(struct estimate *sum, const struct estimate *e);
