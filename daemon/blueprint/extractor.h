#pragma once
/* What the two ways of finding an interface share: blocks in braces (extractor.c), blocks by
 * indentation (extractor-indent.c). Not for other rooms. */

#include "daemon/blueprint/parse.h"

struct keep_rule {
        struct regex match, member, cut;
        struct regex each; /* of indented blocks, with only_used */
        char *put;
        bool drop_body, only_used;
};

struct extractor {
        char *name;
        char *line_comment, *block_open, *block_close;
        struct strlist strings, raw_strings, long_strings;
        bool is_indented;
        struct regex heads; /* of indented blocks */
        struct keep_rule *rules;
        size_t n_rules;
        struct hash hash;
};

/* Bytes of the string, of the comment (a line's break stays) that begins at text, or 0. */
size_t extractor_string_at(const struct extractor *e, struct span text);
size_t extractor_comment_at(const struct extractor *e, struct span text);
/* Appends what matches `cut` replaced by `put`. */
int extractor_add_cut(const struct keep_rule *rule, struct span text, struct buf *out) _must_check_;
/* Writes the lines that each rule keeps, rules in their order, those of one rule by text. */
int extractor_write_sorted(struct strlist *by_rule, size_t n_rules, struct buf *out) _must_check_;
/* extractor-indent.c; appends nothing if nothing is kept. */
int extractor_run_indented(const struct extractor *e, struct span text,
                           struct buf *out) _must_check_;
