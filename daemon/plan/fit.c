#include "daemon/plan/fit.h"

#include <math.h>

#define FADING 0.98      /* of what was known, with each observation: half is gone after 34 */
#define VARIANCE_MAX 1.0 /* fading must not make an unused coefficient jump at the next word */

void fit_init(struct fit *f, const double *first, double spread, size_t n)
{
        *f = (struct fit){0};
        for (size_t i = 0; i < n; i++) {
                f->at[i] = first[i];
                f->p[i][i] = spread * spread;
        }
}

double fit_get(const struct fit *f, const double *x, size_t n)
{
        double y = 0;

        for (size_t i = 0; i < n; i++)
                y += f->at[i] * x[i];
        return y;
}

double fit_variance(const struct fit *f, const double *x, size_t n)
{
        double v = 0;

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < n; k++)
                        v += x[i] * f->p[i][k] * x[k];
        return fmax(v, 0);
}

void fit_learn(struct fit *f, const double *x, double y, double noise, size_t n)
{
        double px[FIT_MAX] = {0}, sum = FADING * noise * noise, error = y - fit_get(f, x, n);

        if (!isfinite(y))
                return;
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < n; k++)
                        px[i] += f->p[i][k] * x[k];
        for (size_t i = 0; i < n; i++)
                sum += x[i] * px[i];
        for (size_t i = 0; i < n; i++)
                f->at[i] += px[i] / sum * error;
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < n; k++)
                        f->p[i][k] = (f->p[i][k] - px[i] * px[k] / sum) / FADING;
        for (size_t i = 0; i < n; i++)
                if (f->p[i][i] > VARIANCE_MAX) {
                        for (size_t k = 0; k < n; k++)
                                f->p[i][k] = f->p[k][i] = 0;
                        f->p[i][i] = VARIANCE_MAX;
                }
}
