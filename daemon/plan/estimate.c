#include "daemon/plan/estimate.h"

#include <math.h>
#include <stdio.h>

#define PROMPT_SPREAD 0.3 /* belief in the price book's ratios: right within a third */
#define PROMPT_NOISE 0.02 /* content of one class differs that much from prompt to prompt */
#define TIME_SPREAD 0.5
#define TIME_NOISE 0.3
#define BYTES_SPREAD 0.3 /* of ln(bytes): the blueprint's guess is right within a third, mostly */
/* Files of one specification are long or short together, so that each of them says little: of ten
 * more is learned than of one, and a second specification still moves it. */
#define BYTES_NOISE 0.3
/* Of ln(bytes) over ln(facts): some of a file is the same for all, less of its declarations. */
#define SIZE_SLOPE 0.3
#define INTERFACE_SLOPE 0.6
#define FIRST_SPREAD 0.09 /* variance: sizes and times before anything was measured */
#define SPREAD_WEIGHT 0.1 /* of the newest squared residual */
#define COEFFICIENT_MIN 0.25
#define COEFFICIENT_MAX 4.0
#define TIME_FACTOR_MAX 1000.0 /* a small machine is so much slower than the book */
#define LEARN_TOKENS_MIN 200
#define P90_SIGMAS 1.2816
#define INPUT_SCALE 500.0   /* bytes of facts of a small entity */
#define DENSITY_WEIGHT 0.15 /* of the newest answer */
#define DENSITY_MIN 0.5
#define DENSITY_MAX 2.0
#define COUNT_FADING 0.98
#define REFUSALS_BELIEF 10.0 /* the first guess counts as much as that many answers */
#define MISSING_FIRST 0.005
#define MISSING_BELIEF 10.0

/* ---- rows ---- */

static const double ones[FIT_MAX] = {1, 1, 1};

static struct estimated_model *find_model(const struct estimator *e, const char *name)
{
        for (size_t i = 0; i < e->n_models; i++)
                if (strcmp(e->models[i].name, name) == 0)
                        return (struct estimated_model *)&e->models[i];
        return NULL;
}

static void init_model(struct estimated_model *m, const char *name)
{
        *m = (struct estimated_model){.first_spread = FIRST_SPREAD, .writing_spread = FIRST_SPREAD};
        snprintf(m->name, sizeof(m->name), "%s", name);
        fit_init(&m->prompt, ones, PROMPT_SPREAD, N_TEXT_CLASSES);
        fit_init(&m->answer, ones, PROMPT_SPREAD, 1);
        fit_init(&m->first, ones, TIME_SPREAD, 2);
        fit_init(&m->writing, ones, TIME_SPREAD, 1);
}

static struct estimated_model *get_model(struct estimator *e, const char *name)
{
        struct estimated_model *m = find_model(e, name);
        size_t oldest = 0;

        if (strlen(name) >= ESTIMATOR_MODEL_BYTES)
                return NULL;
        if (!m && e->n_models < ESTIMATOR_MAX_MODELS) {
                m = &e->models[e->n_models++];
                init_model(m, name);
        } else if (!m) {
                for (size_t i = 1; i < e->n_models; i++)
                        if (e->models[i].seen < e->models[oldest].seen)
                                oldest = i;
                m = &e->models[oldest];
                init_model(m, name);
        }
        m->seen = ++e->n_learned;
        return m;
}

static struct estimated_kind *find_kind(const struct estimator *e, const char *name)
{
        for (size_t i = 0; name && i < e->n_kinds; i++)
                if (strcmp(e->kinds[i].name, name) == 0)
                        return (struct estimated_kind *)&e->kinds[i];
        return NULL;
}

static void init_kind(struct estimated_kind *k, const char *name)
{
        static const double first[FIT_MAX] = {0, SIZE_SLOPE};
        static const double declared[FIT_MAX] = {0, INTERFACE_SLOPE};

        *k = (struct estimated_kind){.spread = FIRST_SPREAD, .density = 1};
        snprintf(k->name, sizeof(k->name), "%s", name);
        fit_init(&k->bytes.fit, first, BYTES_SPREAD, 2);
        fit_init(&k->interface.fit, declared, BYTES_SPREAD, 2);
}

static struct estimated_kind *get_kind(struct estimator *e, const char *name)
{
        struct estimated_kind *k = find_kind(e, name);
        size_t oldest = 0;

        if (!name || strlen(name) >= ESTIMATOR_KIND_BYTES)
                return NULL;
        if (!k && e->n_kinds < ESTIMATOR_MAX_KINDS) {
                k = &e->kinds[e->n_kinds++];
                init_kind(k, name);
        } else if (!k) {
                for (size_t i = 1; i < e->n_kinds; i++)
                        if (e->kinds[i].seen < e->kinds[oldest].seen)
                                oldest = i;
                k = &e->kinds[oldest];
                init_kind(k, name);
        }
        k->seen = ++e->n_learned;
        e->n_changes++;
        return k;
}

static double clamp(double x)
{
        return fmin(fmax(x, COEFFICIENT_MIN), COEFFICIENT_MAX);
}

/* ---- guesses ---- */

void estimator_rates(const struct estimator *e, const struct model_facts *f, const char *model,
                     struct rates *ret)
{
        const struct estimated_model *m = find_model(e, model);

        for (size_t c = 0; c < N_TEXT_CLASSES; c++)
                ret->prompt[c] = (m ? clamp(m->prompt.at[c]) : 1) / f->bytes_per_token[c];
        ret->answer = (m ? clamp(m->answer.at[0]) : 1) / f->bytes_per_token[TEXT_CODE];
        ret->first_ms = (double)f->first_token_ms * (m ? clamp(m->first.at[0]) : 1);
        ret->fresh_ms = 1000.0 / (double)f->input_per_second * (m ? clamp(m->first.at[1]) : 1);
        ret->writing_ms = 1000.0 / (double)f->output_per_second * (m ? clamp(m->writing.at[0]) : 1);
}

uint64_t estimator_tokens(const struct estimator *e, const struct model_facts *f, const char *model,
                          const struct text_bytes *bytes)
{
        struct rates rates;
        double tokens = 0;

        estimator_rates(e, f, model, &rates);
        for (size_t c = 0; c < N_TEXT_CLASSES; c++)
                tokens += (double)bytes->at[c] * rates.prompt[c];
        return (uint64_t)llround(tokens);
}

/* Facts, beside those of the first file that was seen of the kind. */
static void size_features(const struct estimated_size *z, uint64_t input, double x[FIT_MAX])
{
        x[0] = 1;
        x[1] = z->first_input > 0 ? log(((double)input + INPUT_SCALE) / z->first_input) : 0;
}

static double guess_size(const struct estimated_size *z, uint64_t expected, uint64_t input)
{
        double x[FIT_MAX];

        size_features(z, input, x);
        return (double)expected * fmin(fmax(exp(fit_get(&z->fit, x, 2)), 0.05), 20.0);
}

static struct quantiles spread_of(double p50, double variance)
{
        return (struct quantiles){p50, p50 * exp(P90_SIGMAS * sqrt(variance))};
}

const struct estimated_kind *estimator_kind(const struct estimator *e, const char *kind)
{
        return find_kind(e, kind);
}

struct size_guess estimator_file_bytes(const struct estimated_kind *k, uint64_t expected,
                                       uint64_t input)
{
        double x[FIT_MAX];

        if (!k || k->n_files == 0)
                return (struct size_guess){(double)expected, 0, FIRST_SPREAD};
        size_features(&k->bytes, input, x);
        return (struct size_guess){guess_size(&k->bytes, expected, input), k->spread,
                                   fit_variance(&k->bytes.fit, x, 2)};
}

void size_sum_add(struct size_sum *sum, const struct size_guess *g, double more)
{
        double p50 = g->p50 + more;

        sum->p50 += p50;
        sum->own += p50 * p50 * g->own;
        sum->alike += p50 * sqrt(g->alike);
}

struct quantiles size_sum_get(const struct size_sum *sum)
{
        if (sum->p50 <= 0)
                return (struct quantiles){0, 0};
        return spread_of(sum->p50, (sum->own + sum->alike * sum->alike) / (sum->p50 * sum->p50));
}

/* Of independent parts. */
static struct quantiles add_quantiles(struct quantiles a, struct quantiles b)
{
        double p50 = a.p50 + b.p50;

        return (struct quantiles){p50, p50 + hypot(a.p90 - a.p50, b.p90 - b.p50)};
}

struct quantiles estimator_time(const struct estimator *e, const struct model_facts *f,
                                const char *model, uint64_t fresh, struct quantiles output)
{
        const struct estimated_model *m = find_model(e, model);
        struct rates r;
        struct quantiles first, writing, length;

        estimator_rates(e, f, model, &r);
        first = spread_of(r.first_ms + r.fresh_ms * (double)fresh,
                          m ? m->first_spread : FIRST_SPREAD);
        writing = spread_of(r.writing_ms * output.p50, m ? m->writing_spread : FIRST_SPREAD);
        length = (struct quantiles){0, r.writing_ms * (output.p90 - output.p50)};
        return add_quantiles(add_quantiles(first, writing), length);
}

double estimator_interface_bytes(const struct estimated_kind *k, uint64_t expected, uint64_t input)
{
        return k ? guess_size(&k->interface, expected, input) : (double)expected;
}

double estimator_density(const struct estimated_kind *k)
{
        return k ? k->density : 1;
}

double estimator_refusals(const struct estimated_kind *k, enum tier tier, double first)
{
        if (!k)
                return first;
        return (REFUSALS_BELIEF * first + k->n_refused[tier]) /
               (REFUSALS_BELIEF + k->n_asked[tier]);
}

double estimator_missing(const struct estimated_kind *k)
{
        if (!k)
                return MISSING_FIRST;
        return fmin(1, (MISSING_BELIEF * MISSING_FIRST + k->n_missing) /
                               (MISSING_BELIEF + k->n_batched));
}

const struct known_prefix *estimator_prefix(const struct estimator *e, const struct hash *hash)
{
        for (size_t i = 0; i < e->n_prefixes; i++)
                if (hash_is_equal(&e->prefixes[i].hash, hash))
                        return &e->prefixes[i];
        return NULL;
}

/* ---- learning ---- */

static void learn_spread(double *variance, double measured, double estimated)
{
        double error;

        if (measured <= 0 || estimated <= 0)
                return;
        error = log(measured / estimated);
        *variance += SPREAD_WEIGHT * (fmin(error * error, 4.0) - *variance);
}

static void learn_prompt(struct estimated_model *m, const struct counted_reply *r)
{
        double x[FIT_MAX], y = (double)r->input, sum = 0;

        for (size_t c = 0; c < N_TEXT_CLASSES; c++) {
                x[c] = (double)r->prompt.at[c] / r->facts->bytes_per_token[c] / y;
                sum += x[c];
        }
        /* What is further off than the book can be is no count of this prompt. */
        if (r->input < LEARN_TOKENS_MIN || sum < 1 / COEFFICIENT_MAX || sum > 1 / COEFFICIENT_MIN)
                return;
        m->n_replies++;
        fit_learn(&m->prompt, x, 1, PROMPT_NOISE, N_TEXT_CLASSES);
}

static void learn_time(struct estimated_model *m, const struct counted_reply *r)
{
        double first = (double)r->first_token_ms, rest = (double)r->ms - first, x[FIT_MAX] = {0};
        double guess, fresh = (double)r->fresh * 1000.0 / (double)r->facts->input_per_second;
        double writing = (double)r->output * 1000.0 / (double)r->facts->output_per_second;

        if (r->first_token_ms > 0) {
                guess = m->first.at[0] * (double)r->facts->first_token_ms + m->first.at[1] * fresh;
                learn_spread(&m->first_spread, first, guess);
                x[0] = (double)r->facts->first_token_ms / first;
                x[1] = fresh / first;
                fit_learn(&m->first, x, 1, TIME_NOISE, 2);
        }
        if (r->first_token_ms == 0 || rest < 1 || r->output < LEARN_TOKENS_MIN)
                return;
        x[0] = writing / rest;
        if (x[0] < 1 / TIME_FACTOR_MAX || x[0] > TIME_FACTOR_MAX)
                return; /* no clock of this model */
        learn_spread(&m->writing_spread, rest, m->writing.at[0] * writing);
        fit_learn(&m->writing, x, 1, TIME_NOISE, 1);
}

void estimator_learn(struct estimator *e, const struct counted_reply *r)
{
        struct estimated_model *m = r->input > 0 ? get_model(e, r->model) : NULL;
        double x[FIT_MAX] = {0};

        if (!m)
                return;
        e->n_changes++;
        learn_prompt(m, r);
        learn_time(m, r);
        x[0] = (double)r->answer_bytes / r->facts->bytes_per_token[TEXT_CODE] /
               (double)MAX2(r->output, 1u);
        if (!r->is_prose && r->output >= LEARN_TOKENS_MIN && x[0] > 1 / COEFFICIENT_MAX &&
            x[0] < COEFFICIENT_MAX)
                fit_learn(&m->answer, x, 1, PROMPT_NOISE * 2, 1);
}

/* ln(bytes ÷ expected). */
static void learn_size(struct estimated_size *z, uint64_t expected, uint64_t input, uint64_t bytes,
                       double noise)
{
        double x[FIT_MAX], y = log((double)bytes / (double)expected);

        if (z->first_input <= 0)
                z->first_input = (double)input + INPUT_SCALE;
        size_features(z, input, x);
        fit_learn(&z->fit, x, fmin(fmax(y, -3), 3), noise, 2);
}

void estimator_learn_file(struct estimator *e, const char *kind, uint64_t expected, uint64_t input,
                          uint64_t bytes)
{
        struct estimated_kind *k = get_kind(e, kind);

        if (!k || bytes == 0 || expected == 0)
                return;
        learn_spread(&k->spread, (double)bytes, guess_size(&k->bytes, expected, input));
        learn_size(&k->bytes, expected, input, bytes, BYTES_NOISE);
        k->n_files++;
}

void estimator_learn_interface(struct estimator *e, const char *kind, uint64_t expected,
                               uint64_t input, uint64_t bytes)
{
        struct estimated_kind *k = get_kind(e, kind);

        if (k && expected > 0)
                learn_size(&k->interface, expected, input, MAX2(bytes, (uint64_t)1), BYTES_NOISE);
}

void estimator_learn_density(struct estimator *e, const char *kind, const struct counted_reply *r)
{
        struct estimated_kind *k = get_kind(e, kind);
        struct rates rates;
        double ratio;

        if (!k || r->output < LEARN_TOKENS_MIN || r->answer_bytes == 0)
                return;
        estimator_rates(e, r->facts, r->model, &rates);
        ratio = (double)r->output / ((double)r->answer_bytes * rates.answer);
        ratio = fmin(fmax(ratio, DENSITY_MIN), DENSITY_MAX);
        k->density += DENSITY_WEIGHT * (ratio - k->density);
}

void estimator_learn_attempt(struct estimator *e, const char *kind, enum tier tier,
                             bool was_refused)
{
        struct estimated_kind *k = get_kind(e, kind);

        if (!k)
                return;
        k->n_asked[tier] = COUNT_FADING * k->n_asked[tier] + 1;
        k->n_refused[tier] = COUNT_FADING * k->n_refused[tier] + was_refused;
}

void estimator_learn_batched(struct estimator *e, const char *kind, size_t n_files,
                             bool was_missing)
{
        struct estimated_kind *k = get_kind(e, kind);

        if (!k)
                return;
        k->n_batched = COUNT_FADING * k->n_batched + (double)(n_files - 1) / (double)n_files;
        k->n_missing = COUNT_FADING * k->n_missing + was_missing;
}

void estimator_learn_prefix(struct estimator *e, const struct hash *hash, uint64_t tokens,
                            uint64_t until_ms)
{
        struct known_prefix *p = (struct known_prefix *)estimator_prefix(e, hash);
        size_t oldest = 0;

        if (!p && tokens == 0)
                return;
        if (!p && e->n_prefixes < ESTIMATOR_MAX_PREFIXES) {
                p = &e->prefixes[e->n_prefixes++];
        } else if (!p) {
                for (size_t i = 1; i < e->n_prefixes; i++)
                        if (e->prefixes[i].until_ms < e->prefixes[oldest].until_ms)
                                oldest = i;
                p = &e->prefixes[oldest];
        }
        e->n_changes++;
        p->hash = *hash;
        p->tokens = tokens ? tokens : p->tokens;
        p->until_ms = until_ms;
}
