#pragma once
/* The order of a prompt: stable text first. With facts of many tasks in it they stand behind the
 * standards, because calls of all kinds share them:
 *
 *     own             standards, prompt | facts of each task, interfaces, tasks, evidence, answer
 *     shared, whole   standards | set, prompt, uses of each task, interfaces, tasks, evidence,
 *                     answer
 *
 * Each block stands once, for however many tasks. A mark goes to the end of each beginning that the
 * step has a prefix for. */

#include "daemon/plan/planner.h"

/* From s->tasks, presentation and prefixes. */
int recipe_write(const struct planning *in, const struct plan *p, struct step *s) _must_check_;
