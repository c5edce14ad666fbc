#pragma once
/* What texts come to: bytes of prompts and their parts, tokens and money of one step by itself.
 * What steps cost together (caches, waves, the whole run) is scheme.h's. */

#include "daemon/plan/planner.h"

enum text_class cost_text_class(const struct block *b);

/* What block 7 of a prompt takes (docs/prompts.md), and the path of each file in it. */
#define COST_ANSWER_BYTES 420
#define COST_ANSWER_BYTES_PER_FILE 40
/* Around an interface: fences, language, path. And around a file in an answer: marks, path, tag. */
#define COST_INTERFACE_BYTES 55
#define COST_FILE_BYTES 70

/* Bytes of a call's prompt, by class. Interfaces that do not exist yet count as a share of the
 * expected text. p: the plan whose sets the recipe names; may be NULL when it names none. */
void cost_prompt_bytes(const struct planning *in, const struct plan *p, const struct step *s,
                       struct text_bytes *ret);
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
