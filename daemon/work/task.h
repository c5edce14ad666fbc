#pragma once
/* Tasks: what is to be obtained, with all that later rooms need to know about it, so that no room
 * asks an earlier one.
 *
 * Invariants: `depends` holds smaller indices only (tasks stand in a topological order, ties in the
 * blueprint's and the specification's order); paths are unique and relative; a task's prompt and
 * template see nothing but `context` and the interfaces of what it depends on; static_key covers
 * kind, path, declared inputs, hashes of template, prompt, standards, check rules and extractor,
 * and the required tier: never a presentation, a batch, a model, a time, an absolute path. */

#include <jansson.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/str.h"
#include "daemon/work/repair.h"

struct template;
struct check_set;
struct extractor;

/* From the most stable to the most volatile; the order of blocks in a prompt. */
enum block_class {
        BLOCK_STANDARDS,
        BLOCK_PROMPT,
        BLOCK_FACTS,
        BLOCK_INTERFACE,
        BLOCK_TASK,
        BLOCK_EVIDENCE,
        BLOCK_ANSWER,
        N_BLOCK_CLASSES
};

/* A piece of prompt text that one or more tasks share. */
struct block {
        enum block_class class;
        char *text; /* owned, ends with a line break */
        size_t n_text;
        struct hash hash;    /* of the text */
        uint32_t compressed; /* the same in fewer words: another block, or NO_BLOCK */
};

#define NO_BLOCK UINT32_MAX

/* One thing that a specification says, as a prompt states it. A task's own facts are a block;
 * statements are the same facts in pieces, so that one prompt can state the facts of many tasks
 * once: a set of them, by section, is written as one fenced block. */
struct spec_statement {
        uint8_t section;     /* into work.sections: sets are written in this order */
        uint32_t fullest;    /* the statement that says this and more of its subject; or itself */
        const char *subject; /* owned; what a prompt calls it: "Order", "POST /orders", "FR-002";
                                NULL: the section has no items, it is one value */
        char *text;          /* owned: lines of the list item, or `key: value` lines */
        size_t n_text;
};

/* The version of keys. Whatever changes S or F of any task, or what stands in a declared input,
 * raises it: then all is made again, once, and nothing is taken for what it is not. It may stay
 * where no key of then can mean anything else now. A test holds keys of a fixed specification by
 * version. */
#define TASK_KEY_VERSION 2

/* One declared input: its name, the hash of its value, and the value, which `why` shows. */
struct task_input {
        char *name; /* "entity:Order", "requirement:FR-002", "parameter:module", "task", "depends",
                       "template", "prompt", "standards", "checks", "extractor", "tier" */
        struct hash hash;
        json_t *data;     /* counted; or NULL, then: */
        struct span json; /* borrowed: the work's keeper; empty: the value is not kept */
};

struct task {
        uint32_t index;
        char *kind;                /* of the blueprint: "domain", "repository"; "ask"; "echo" */
        char *path;                /* file to make; NULL for a task whose result is a text */
        char *title;               /* for people: "internal/order/order.go" or "answer" */
        char *tier;                /* required: "fast", "balanced", "quality" */
        json_t *context;           /* declared inputs as data: what templates render from */
        struct task_input *inputs; /* in a fixed order */
        size_t n_inputs;
        uint32_t *depends; /* tasks whose interfaces it declares */
        size_t n_depends;
        uint32_t *blocks; /* into work.blocks, by class: standards, prompt, facts, task */
        size_t n_blocks;
        uint32_t *statements; /* into work.statements: what `facts` says, but for `rest` */
        size_t n_statements;
        uint32_t rest; /* block: facts of this kind alone, without a fence; NO_BLOCK */
        char *batch;   /* tasks of one kind and this group may be asked for together; NULL: alone */
        const struct template
                *template;  /* borrowed: work.keeper keeps the blueprint; NULL: none covers it */
        char *uncovered;    /* why the template does not do for it; NULL: it does */
        uint32_t n_changes; /* what the template passes over: things, each of them an edit or two */
        bool is_frame;      /* what it renders is right as far as it goes: a text to be edited */
        char *base; /* the text that stands: it is shown, and edits of it are the answer; or NULL */
        size_t n_base;
        struct repair *repair;          /* owned; NULL: it is none */
        const struct check_set *checks; /* borrowed likewise; NULL: the basic rules only */
        const struct extractor
                *extractor;           /* borrowed likewise; NULL: the interface is the whole text */
        size_t expected_output_bytes; /* first guess of the size of the result */
        size_t expected_interface_bytes; /* of what others are shown of it; 0: none */
        uint64_t max_tokens;             /* 0: as the model allows */
        int command;                     /* index of the client's command that checks it, or -1 */
        struct hash static_key;          /* S */
};

struct work {
        struct task *tasks;
        size_t n_tasks;
        struct block *blocks;
        size_t n_blocks;
        uint32_t *slots; /* owned: index of the blocks, for work_add_block() alone */
        size_t n_slots;
        struct spec_statement *statements; /* owned */
        size_t n_statements, room_statements;
        uint32_t *whole; /* owned: the whole model as statements, in the order of sections */
        size_t n_whole;
        const char *const *sections; /* borrowed: keys of the facts; constants */
        struct standing_tree *tree;  /* owned: where repairs may change it; or NULL */
        json_t *findings;            /* owned: what became of an analysis, in numbers; or NULL */
        json_t *needless;            /* owned: of them [{path, rule, line?}] that need no change, as
                                        earlier answers say; or NULL */
        json_t *routing; /* owned: which requirement went where, and why, for EXPLAIN; or NULL */
        struct strlist warnings;
        struct strlist unknown_types; /* "`colour` of Article.paint", which no template knows */
        char *known_types;            /* owned: words for those that are; NULL: nobody says */
        struct strlist notes;     /* "blueprint go-service: the specification names Go packages" */
        char *blueprint;          /* name, or NULL */
        size_t whole_facts_bytes; /* the whole model presented as facts: what a naive prompt
                                     carries; 0: as the task's own */
        bool is_one_text;         /* its single result is a text, delivered in `done` */
        void *keeper;             /* owned: what the borrowed pointers of the tasks live in */
        void (*release)(void *keeper);
};

static inline bool task_follows(const struct task *t)
{
        return t->repair && t->repair->follows;
}

/* Its result is there before the run. */
static inline bool task_is_given(const struct task *t)
{
        return t->repair && t->repair->given;
}

static inline bool task_is_mechanical(const struct task *t)
{
        return task_is_given(t) && !t->repair->is_noted;
}

struct work *work_new(void);
struct work *work_free(struct work *w);
DEFINE_CLEANUP(struct work, work_free);
/* Finds or adds a block with this text; takes no ownership. */
int work_add_block(struct work *w, enum block_class class, struct span text,
                   uint32_t *ret_index) _must_check_;
/* Takes no ownership. subject may be NULL. */
int work_add_statement(struct work *w, const struct spec_statement *s,
                       uint32_t *ret_index) _must_check_;
/* S, from the inputs and nothing else. */
int task_static_key(struct task *t) _must_check_;
/* Full key F = hash(S, interface hashes of `depends` in their order); of a repair that follows no
 * other, of the text that stands. */
void task_full_key(const struct task *t, const struct hash *interfaces, struct hash *ret);
