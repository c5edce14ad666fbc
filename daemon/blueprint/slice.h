#pragma once
/* The slice of a task: what of the model it declares, and what follows from that. Not for other
 * rooms. */

#include "common/macros.h"

struct kind;
struct layout;
struct refs;
struct task;
struct variables;

struct subject { /* what a task is about; -1: nothing of the kind */
        int64_t entity, package, contract;
};
/* Fills context, inputs, blocks and static key of a task whose path, names and dependencies are
 * there. */
int slice_make(struct layout *l, const struct kind *k, const struct subject *s,
               const struct variables *v, struct task *t) _must_check_;
/* Entities that the task's slice names, by name: what `of: references` means. */
int slice_references(struct layout *l, const struct kind *k, const struct subject *s,
                     struct refs *ret) _must_check_;
/* The whole model as statements of the work. */
int slice_whole(struct layout *l) _must_check_;
