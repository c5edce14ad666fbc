#pragma once
/* Recursive least squares of up to three coefficients, with a memory that fades:
 *
 *     y ≈ Σ at[i] × x[i]
 *     gain k = P x ÷ (λ s² + xᵀ P x),  at += k (y − at·x),  P = (P − k xᵀ P) ÷ λ
 *
 * P begins as what is believed of the first guess, s is the noise of one observation. Observations
 * are scaled by the caller so that y is about 1 and s is relative. */

#include "common/macros.h"

#define FIT_MAX 3

struct fit {
        double at[FIT_MAX], p[FIT_MAX][FIT_MAX];
};

void fit_init(struct fit *f, const double *first, double spread, size_t n);
double fit_get(const struct fit *f, const double *x, size_t n);
/* The variance that the coefficients themselves still have at x. */
double fit_variance(const struct fit *f, const double *x, size_t n);
void fit_learn(struct fit *f, const double *x, double y, double noise, size_t n);
