/* A map scaled by the GELU of another, and its gradients, in one pass. */
#include "common.h"

/* The normal distribution's mass below v, and its density there, by one exponential.
 * The mass is within 1e-7: Abramowitz and Stegun, formula 7.1.26. */
static inline void normal(float v, float *mass, float *density) {
    const float bell = fv_exp(-0.5f * v * v);
    const float t = 1.0f / (1.0f + 0.3275911f * 0.70710678118f * fabsf(v));
    float tail = 1.061405429f;
    tail = tail * t - 1.453152027f;
    tail = tail * t + 1.421413741f;
    tail = tail * t - 0.284496736f;
    tail = tail * t + 0.254829592f;
    tail = 0.5f * tail * t * bell;
    *mass = v > 0.0f ? 1.0f - tail : tail;
    *density = 0.39894228040f * bell;
}

/* y = x * gelu(logits), all of `images` times `values`; those of image b of x start at
 * b * image_stride, y may be logits. */
void fv_gelu_scale(const float *x, const float *logits, float *y, int64_t images,
                   int64_t values, int64_t image_stride, int64_t threads) {
    for (int64_t image = 0; image < images; image++) {
        const float *from = x + image * image_stride;
        const float *by = logits + image * values;
        float *to = y + image * values;
#pragma omp parallel for simd num_threads(threads) schedule(static)
        for (int64_t i = 0; i < values; i++) {
            float mass, density;
            normal(by[i], &mass, &density);
            to[i] = from[i] * (by[i] * mass);
        }
    }
}

/* dx and dlogits from dy; dlogits may be logits. */
void fv_gelu_scale_backward(const float *dy, const float *x, const float *logits,
                            float *dx, float *dlogits, int64_t images, int64_t values,
                            int64_t image_stride, int64_t threads) {
    for (int64_t image = 0; image < images; image++) {
        const float *from = x + image * image_stride;
        const float *up = dy + image * values, *by = logits + image * values;
        float *to = dx + image * values, *steep = dlogits + image * values;
#pragma omp parallel for simd num_threads(threads) schedule(static)
        for (int64_t i = 0; i < values; i++) {
            float mass, density;
            const float v = by[i];
            normal(v, &mass, &density);
            to[i] = up[i] * (v * mass);
            steep[i] = up[i] * from[i] * (mass + v * density);
        }
    }
}
