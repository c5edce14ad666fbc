#pragma once
/* What a call will be, before a provider has counted it: first guesses are data (models.yaml, the
 * blueprint's output_bytes), and every reply corrects them (fit.h).
 *
 *     tokens of a prompt  = Σ over classes a[class] × bytes ÷ bytes_per_token[class]     per model
 *     tokens of an answer = a × bytes ÷ bytes_per_token[code]                            per model
 *                           × density of its kind
 *     bytes of a file     = expected × exp(a + b × ln(input ÷ input of the first))       per kind
 *     bytes of its interface, likewise                                                   per kind
 *     first token         = a × first_token_ms + b × fresh tokens ÷ input_per_second     per model
 *     writing             = a × tokens ÷ output_per_second                               per model
 *
 * P50 and P90 of size and time come from the spread of the residuals, as of a log-normal: P90 = P50
 * × exp(1.2816 σ). Beside them stand counts: answers that were refused (per kind and tier), files
 * that a shared answer did not bring (per kind). What a provider has said of a prefix that it
 * cached is remembered by its hash: the next plan knows its tokens exactly, and whether it is still
 * warm.
 *
 * A copy goes to the planning worker: it has no pointers. What does not fit any more is not
 * learned: the first guesses stand. */

#include <jansson.h>

#include "common/hash.h"
#include "common/macros.h"
#include "daemon/plan/fit.h"
#include "daemon/plan/prices.h"
#include "daemon/work/plan.h"

/* More than anybody configures at one time; that which was not seen longest goes. */
#define ESTIMATOR_MAX_MODELS 16
#define ESTIMATOR_MODEL_BYTES 64
#define ESTIMATOR_MAX_KINDS \
        64 /* of all blueprints in use; the one that was not seen longest goes */
#define ESTIMATOR_KIND_BYTES 48
#define ESTIMATOR_MAX_PREFIXES 64

struct text_bytes {
        uint64_t at[N_TEXT_CLASSES];
};

struct estimated_model {
        char name[ESTIMATOR_MODEL_BYTES];
        uint64_t n_replies, seen; /* seen: by the estimator's own count, for who has to go */
        struct fit prompt, answer, first, writing;
        double first_spread, writing_spread; /* variance of ln(measured ÷ estimated) */
};

struct estimated_size {
        struct fit fit;
        double first_input; /* bytes of facts (and INPUT_SCALE) of the first file; 0: none yet */
};

struct estimated_kind {
        char name[ESTIMATOR_KIND_BYTES];        /* "go-service/service" */
        uint64_t n_files, seen;                 /* as of a model */
        struct estimated_size bytes, interface; /* of the file; of what others are shown of it */
        double spread;
        double density; /* tokens of its answers ÷ tokens of as many bytes of the model's answers */
        double n_asked[N_TIERS], n_refused[N_TIERS];
        double n_batched, n_missing;
};

struct known_prefix {
        struct hash hash; /* of model and text */
        uint64_t tokens;
        uint64_t until_ms; /* real time until which the provider keeps it */
};

struct estimator {
        struct estimated_model models[ESTIMATOR_MAX_MODELS];
        struct estimated_kind kinds[ESTIMATOR_MAX_KINDS];
        struct known_prefix prefixes[ESTIMATOR_MAX_PREFIXES];
        size_t n_models, n_kinds, n_prefixes;
        uint64_t n_learned;
        uint64_t n_changes; /* of anything, for who keeps it */
};

/* A guess with its spread: half of all stay below p50, nine in ten below p90. */
struct quantiles {
        double p50, p90;
};

/* What planning multiplies with. */
struct rates {
        double prompt[N_TEXT_CLASSES], answer; /* tokens per byte */
        double first_ms, fresh_ms,
                writing_ms; /* per call, per token of input, per token of output */
};

void estimator_rates(const struct estimator *e, const struct model_facts *f, const char *model,
                     struct rates *ret);
uint64_t estimator_tokens(const struct estimator *e, const struct model_facts *f, const char *model,
                          const struct text_bytes *bytes);
/* NULL: nothing was learned of it, which the functions below take as well. */
const struct estimated_kind *estimator_kind(const struct estimator *e, const char *kind);
/* Variances of ln(bytes): of each file anew; of all files of the kind alike, because it is not
 * known well. */
struct size_guess {
        double p50, own, alike;
};
/* expected: the blueprint's guess; input: bytes of its facts. */
struct size_guess estimator_file_bytes(const struct estimated_kind *k, uint64_t expected,
                                       uint64_t input);
/* Of several files of one kind; begins with zeros. more: bytes that come with each. */
struct size_sum {
        double p50, own, alike;
};
void size_sum_add(struct size_sum *sum, const struct size_guess *g, double more);
struct quantiles size_sum_get(const struct size_sum *sum);
/* Of an answer of so many tokens, after so many that are new to the provider. */
struct quantiles estimator_time(const struct estimator *e, const struct model_facts *f,
                                const char *model, uint64_t fresh, struct quantiles output);
double estimator_interface_bytes(const struct estimated_kind *k, uint64_t expected, uint64_t input);
double estimator_density(const struct estimated_kind *k);
/* Probability that an answer for a file of this kind is refused, when `first` was believed; and
 * that an answer for several files lacks one more: of n files, (n - 1) times that many are to be
 * asked for again. An answer that was cut short or forgot the rest has its first file. */
double estimator_refusals(const struct estimated_kind *k, enum tier tier, double first);
double estimator_missing(const struct estimated_kind *k);
const struct known_prefix *estimator_prefix(const struct estimator *e, const struct hash *hash);

/* One reply. Prompts and answers of a few words teach nothing: what a provider puts around them
 * weighs more than their text. */
struct counted_reply {
        const char *model;
        const struct model_facts *facts;
        struct text_bytes prompt;
        uint64_t input, fresh, output, answer_bytes; /* counted; fresh: not read from a cache */
        uint64_t first_token_ms, ms;                 /* 0: not known */
        bool is_prose; /* no files: what a token holds is said of its kind alone */
};
void estimator_learn(struct estimator *e, const struct counted_reply *r);
void estimator_learn_file(struct estimator *e, const char *kind, uint64_t expected, uint64_t input,
                          uint64_t bytes);
void estimator_learn_interface(struct estimator *e, const char *kind, uint64_t expected,
                               uint64_t input, uint64_t bytes);
/* Of an answer whose files are all of this kind, after estimator_learn() of it. */
void estimator_learn_density(struct estimator *e, const char *kind, const struct counted_reply *r);
void estimator_learn_attempt(struct estimator *e, const char *kind, enum tier tier,
                             bool was_refused);
/* One of n_files (2 or more) that one call was asked for. */
void estimator_learn_batched(struct estimator *e, const char *kind, size_t n_files,
                             bool was_missing);
/* tokens 0: only that it lives on. */
void estimator_learn_prefix(struct estimator *e, const struct hash *hash, uint64_t tokens,
                            uint64_t until_ms);

int estimator_to_json(const struct estimator *e, json_t **ret) _must_check_;
void estimator_from_json(struct estimator *e,
                         const json_t *value); /* what does not fit is left out */
