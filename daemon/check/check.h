#pragma once
/* Checks: is a result to be accepted, refused or doubted? Pure; used in workers and on the loop.
 *
 * A rule set belongs to a task kind of a blueprint and is compiled when the blueprint loads (PCRE2,
 * with match and heap limits; to machine code when it is first run). The basic rules
 * always hold: not empty, not cut, UTF-8 without NUL, no code fence around the whole, no talk
 * before or after code, strings, comments and brackets that end, expected names present, a line
 * break at the end. Each finding says what is wrong, where, and with what confidence c that it is a
 * fault. From them:
 *
 *      score      Π (1 − c) over the findings: 1 when there is none
 *      rejected   when one c ≥ CHECK_REJECT_CONFIDENCE, or score < CHECK_REJECT_SCORE
 *      accepted   when score ≥ CHECK_ACCEPT_SCORE
 *      doubted    else */

#include "common/buf.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/macros.h"

struct check_set; /* immutable to who looks; threads may run one at the same time */

#define CHECK_REJECT_CONFIDENCE 0.9
#define CHECK_REJECT_SCORE 0.3
#define CHECK_ACCEPT_SCORE 0.7

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

/* What a pattern looks at; what it does not see is blanks to it, so that lines agree. */
enum check_sight {
        CHECK_SEES_GUESSED, /* all if the pattern names the language's sign of a comment, strings if
                               it names a quote, else code */
        CHECK_SEES_CODE,    /* neither comments nor the inside of strings */
        CHECK_SEES_STRINGS, /* no comments */
        CHECK_SEES_ALL,
};

/* One rule as a blueprint writes it. Texts are borrowed during the call. */
struct check_rule_source {
        const char *name;
        const char *pattern; /* PCRE2, multi-line, UTF */
        bool must_match;     /* else: must not match */
        double confidence;   /* above 0, at most 1: that a breach is a fault */
        const char *message;
        enum check_sight sees;
};

/* CONDITION_REFUSED: diag names the rule and the pattern's fault. language: "go", "python", "text",
 * … chooses what the basic rules know of comments, strings and brackets. */
int check_set_new(const char *language, const struct check_rule_source *rules, size_t n_rules,
                  struct check_set **ret, struct diag *ret_diag) _must_check_;
struct check_set *check_set_free(struct check_set *s);
DEFINE_CLEANUP(struct check_set, check_set_free);
void check_set_hash(const struct check_set *s, struct hash *ret);

/* What its texts may lack is mended by; outlives the set, and changes its hash. */
struct check_imports;
void check_set_use_imports(struct check_set *s, const struct check_imports *m);
/* imports.h: 0, CONDITION_ABSENT, -ENOMEM. set may be NULL. */
int check_set_mend(const struct check_set *s, struct span text, struct buf *out,
                   struct buf *said) _must_check_;

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
