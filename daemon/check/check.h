#pragma once
/* Checks: is a result to be accepted, refused or doubted? Pure; used in workers and on the loop.
 *
 * A rule set belongs to a task kind of a blueprint and is compiled when the blueprint loads (PCRE2
 * with JIT, match limit set). The basic rules always hold: not empty, not cut, no code fence around
 * the whole, no chatter before or after code, expected names present, UTF-8 without NUL. Each
 * finding says what is wrong, where, and with what confidence. */

#include "common/buf.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/macros.h"

struct check_set; /* immutable once compiled */

enum verdict { VERDICT_ACCEPTED, VERDICT_DOUBTED, VERDICT_REJECTED };

struct finding {
        char rule[48];
        unsigned line;     /* 0: the whole */
        double confidence; /* 0..1 that something is wrong */
        char text[240];
};

#define CHECK_MAX_FINDINGS 32

struct check_report {
        enum verdict verdict;
        double score; /* 0 (refused for certain) .. 1 (accepted for certain) */
        struct finding findings[CHECK_MAX_FINDINGS];
        size_t n_findings;
        size_t n_rules; /* rules that were applied */
};

/* One rule as a blueprint writes it. Texts are borrowed during the call. */
struct check_rule_source {
        const char *name;
        const char *pattern; /* PCRE2, multi-line, UTF; rendered per task before: see expected */
        bool must_match;     /* else: must not match */
        double confidence;   /* that a breach is a fault */
        const char *message;
};

/* CONDITION_REFUSED: diag names the rule and the pattern's fault. language: "go", "python", "text",
 * … chooses what the basic rules know of comments, strings and brackets. */
int check_set_new(const char *language, const struct check_rule_source *rules, size_t n_rules,
                  struct check_set **ret, struct diag *ret_diag) _must_check_;
struct check_set *check_set_free(struct check_set *s);
DEFINE_CLEANUP(struct check_set, check_set_free);
void check_set_hash(const struct check_set *s, struct hash *ret);

struct check_subject {
        const char *path; /* or NULL */
        struct span text;
        const char *const
                *expected; /* names that must stand in the text as whole words (entity, package) */
        size_t n_expected;
        bool was_cut; /* the model stopped for length */
};

/* Never fails: a rule that cannot be run (match limit) is a finding of its own with low confidence.
 * set may be NULL. */
void check_run(const struct check_set *set, const struct check_subject *subject,
               struct check_report *ret);
/* Evidence for the next attempt: one line per finding, for a model to read. */
int check_report_write(const struct check_report *r, struct buf *out) _must_check_;

/* Takes away what a rule can mend without a call: a fence around the whole, chatter before the
 * first line of code when a fence marks the code. Returns the part of text that is the content
 * (borrowed from text). */
struct span check_mend(const char *language, struct span text);
