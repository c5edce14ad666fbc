#pragma once
/* How calls of a run leave: their order, what they wait for, whether they fit, and their prompts.
 * Not for other rooms. */

#include "daemon/exec/internal.h"

/* settle.c: a known result may be taken for it. Before its call leaves, has another job made it
 * since? Then settle_again() takes it: true. */
bool may_reuse(const struct run *r, uint32_t task);
bool is_made(const struct run *r, uint32_t task);
bool settle_again(struct run *r, uint32_t task) _must_check_;
/* share.c: another job makes it now, and it may be waited for: true when it is. share_make(): its
 * call leaves. */
bool share_is_elsewhere(const struct run *r, uint32_t task);
bool share_wait(struct run *r, uint32_t task);
void share_make(struct run *r, uint32_t task);
/* group.c */
int groups_init(struct run *r) _must_check_;
void group_ask(struct run *r, uint32_t task); /* has to be asked for: with its group, or alone */
void group_decide(struct run *r,
                  uint32_t task);   /* at rest, or on another way: not with its group */
bool groups_release(struct run *r); /* true: calls became ready that wait for nobody any more */
/* It waited for another job, in vain: asked for with its group as far as that waits too, or alone.
 */
void group_ask_again(struct run *r, uint32_t task);
/* What other jobs have of those that its call is for. */
enum group_share { GROUP_UNSHARED, GROUP_SHARED, GROUP_MADE /* all of it */ };
enum group_share group_look(const struct run *r, uint32_t task);
/* Takes what others have made, waits for what they make. Whom the call is then to be asked for: the
 * task, or another of its group, or NO_TASK. */
uint32_t group_share(struct run *r, uint32_t task);
/* The marked beginnings that its call will have, as planned. */
void group_prefixes(const struct run *r, uint32_t task, uint32_t ret[N_BEGINNINGS]);
/* Its call states less than the whole model. */
bool group_may_show_more(const struct run *r, uint32_t task);
/* A call for several tasks does not fit: each of them is asked for alone. */
void group_split(struct run *r, const struct step *s);
/* It cannot be asked for, nor can they that wait for it. */
void group_fail(struct run *r, uint32_t task, int error);
/* The step for a task that stands in the ready queue: its own, or its group's. group_taken(): it is
 * what leaves now. */
void group_taken(struct run *r, uint32_t task);
int group_step(struct run *r, uint32_t task, struct step *ret) _must_check_;
/* ready.c */
int ready_init(struct run *r) _must_check_;
void ready_done(struct run *r);
void ready_add(struct run *r, uint32_t task, uint64_t path_ms);
uint32_t ready_take(struct run *r);
/* A call with these prefixes would leave: false when it is to wait for the writer of one, in this
 * job or another. Then it is held until that one's answer begins, or it is gone. */
bool prefixes_enter(struct run *r, uint32_t task, const uint32_t prefixes[N_BEGINNINGS]);
/* was_written: its answer has begun; else it is gone before that. */
void prefixes_leave(struct run *r, const uint32_t prefixes[N_BEGINNINGS], bool was_written);
/* routes.c: the first provider of the tier that can be used; else the first, whose refusal says
 * what is missing. False: the tier has none. */
bool run_choose_route(struct run *r, enum tier tier);
/* True: the task is asked of the next one, because that of the call does not answer. */
bool routes_go_on(struct run_call *c, uint32_t task);
/* warm.c */
void run_warm(struct run *r);
/* window.c: does the call fit the model's window? 0: yes. CONDITION_ABSENT: it was split, or goes
 * to another tier. CONDITION_REFUSED: *ret_failure. */
int window_check(struct run *r, const struct step *s, struct failure **ret_failure) _must_check_;
/* prompt.c */
struct prompt {
        struct prompt_block *blocks; /* owned */
        size_t n_blocks;
        char **texts; /* owned: what was written for this call */
        size_t n_texts;
        char tag[17];
        struct text_bytes bytes;
        struct span before; /* in texts: what the model has said of it before; empty: nothing */
};
int prompt_write(struct run *r, const struct step *s, struct prompt *ret) _must_check_;
size_t prompt_squeezed_bytes(struct span text); /* of an interface, as it is shown */
void prompt_done(struct prompt *p);
/* unfinished.c: answers that ended too early */
bool unfinished_has_enough(const struct run_call *c);
/* Keeps what the open file has, before the answer is finished. */
void unfinished_keep(struct run_call *c, struct span text);
/* True: the task is asked for again, going on from what there is. */
bool unfinished_go_on(struct run_call *c, uint32_t task);
/* The task is ready, and not refused: with the others of its call for which this is said, or alone
 * if there is something to go on from. */
void ask_again(struct run_call *c, uint32_t task);
void unfinished_forget(struct run_task *t); /* what it would have gone on from */
void unfinished_start(struct run_call *c);  /* when all tasks of the call were looked at */
uint64_t unfinished_delay_ms(const struct run *r, const struct step *s);
