#pragma once
/* What a prompt says: the fenced blocks of its user parts.
 *
 *     fence = "```" info LF *(line LF) "```" LF
 *             from column 1; longer fences close with their own length
 *
 * `yaml` or `json` with the key `task` is a task, with `answer` the form of the answer, with `uses`
 * what of the facts belongs to one file, else facts. `LANG interface PATH` shows what another file
 * declares, `LANG text PATH` what stands in a file that is to be edited. Everything else is prose.
 */

#include "common/buf.h"
#include "common/str.h"
#include "common/yaml.h"
#include "tests/sim/prompt.h"

#define FACTS_DOCS_MAX 512 /* fenced blocks of one kind in a prompt */

struct shown {
        char *path; /* owned */
        char *text; /* owned */
        size_t n_text;
};

struct facts {
        struct yaml_node *docs[FACTS_DOCS_MAX]; /* owned */
        size_t n_docs;
        struct yaml_node *tasks[FACTS_DOCS_MAX]; /* owned: the value of `task` stands below */
        size_t n_tasks;
        struct yaml_node *answer;               /* owned; NULL: the prompt asks for one text */
        struct yaml_node *uses[FACTS_DOCS_MAX]; /* owned: which of the facts a file uses */
        size_t n_uses;
        struct yaml_node *made[FACTS_DOCS_MAX]; /* owned shells around borrowed items */
        size_t n_made;
        struct shown shown[FACTS_DOCS_MAX];
        size_t n_shown;
        struct shown texts[FACTS_DOCS_MAX]; /* to be edited */
        size_t n_texts;
        bool has_evidence;
        struct buf
                prose; /* all parts as they are, for conventions that the prompt tells in words */
        struct strlist faults; /* blocks that could not be read */
};

int facts_read(const struct prompt *p, struct facts **ret) _must_check_;
struct facts *facts_free(struct facts *f);
DEFINE_CLEANUP(struct facts, facts_free);

/* Reading nodes: NULL-safe. */
const char *node_text(struct yaml_node *n, const char *key); /* NULL: absent, null or no scalar */
size_t node_size(const struct yaml_node *n);                 /* items of a list or map */
struct yaml_node *node_at(const struct yaml_node *n, size_t i);
/* A value on one line, as prose: "name: Order, package: order". */
void node_write(const struct yaml_node *n, struct buf *b);

/* The facts that a task may use. A document with the key `uses` and the task's path names them, by
 * section, among all that the prompt says; without one: all documents, or of several entities'
 * those that begin with its own, of several packages' those that tell of its own alone. */
struct facts_view {
        struct yaml_node *docs[FACTS_DOCS_MAX]; /* borrowed */
        size_t n_docs;
        struct yaml_node *task;    /* borrowed: the value of `task` */
        const struct facts *facts; /* borrowed */
};
int facts_view_of(struct facts *f, size_t i_task, struct facts_view *ret) _must_check_;
/* Calls fn for every item of the list `key` in all documents. */
typedef void facts_item_fn(struct yaml_node *item, void *arg);
void facts_each(const struct facts_view *v, const char *key, facts_item_fn *fn, void *arg);
size_t facts_list(const struct facts_view *v, const char *key, struct yaml_node **items,
                  size_t max);
struct yaml_node *facts_find(const struct facts_view *v, const char *list, const char *key,
                             const char *value);
struct yaml_node *facts_get(const struct facts_view *v,
                            const char *key); /* the first document that has it */
/* Whether the prompt says this word for word, anywhere. */
bool facts_says(const struct facts_view *v, const char *text);
/* A value of the project: below `project`, `parameters`, or by itself; NULL: nowhere. */
const char *facts_setting(const struct facts_view *v, const char *name);
uint32_t facts_digest(const struct facts_view *v);
