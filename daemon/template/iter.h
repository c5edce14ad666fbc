#pragma once
/* What `for` and the filters run over, and the variable `loop`. Comes with engine.h. */

#include "daemon/template/engine.h"

/* Iteration (iter.c). next: *ret is V_MISSING at the end. */
struct iter {
        int (*next)(struct render *r, struct iter *it, struct value *ret);
        const char *type; /* Python's name of it: "generator", "list_reverseiterator" */
        struct value over;
        struct iter *source;
        size_t index;
        bool is_done;
        const struct call *call;  /* of the filter that made it; arguments copied to the arena */
        const void *state;        /* particular to next */
        struct mapping *mapping;  /* likewise; in the arena */
        struct activation *frame; /* likewise */
};
int iter_open(struct render *r, struct value v, struct iter **ret) _must_check_;
int iter_next(struct render *r, struct iter *it, struct value *ret) _must_check_;
int iter_new(struct render *r, const char *type,
             int (*next)(struct render *, struct iter *, struct value *),
             struct iter **ret) _must_check_;
int iter_to_list(struct render *r, struct iter *it, struct value *ret) _must_check_;
int value_to_list(struct render *r, struct value v, struct value *ret) _must_check_; /* list(v) */

/* The variable `loop`. */
struct loop {
        struct iter *items;
        struct value over;
        int64_t index0;
        struct value before, current, after; /* after: V_MISSING when not looked at */
        bool has_after, is_at_end;
        int64_t length; /* -1: not known */
        unsigned depth0;
        struct value changed;    /* arguments of the last changed() */
        const struct node *node; /* recursive: its statement, the variables around it */
        struct activation *outer;
        struct extension *extension;
};
int loop_next(struct render *r, struct loop *l, struct value *ret) _must_check_;
int loop_length(struct render *r, struct loop *l, size_t *ret) _must_check_;
int loop_attribute(struct render *r, struct value loop, struct span name,
                   struct value *ret) _must_check_;
