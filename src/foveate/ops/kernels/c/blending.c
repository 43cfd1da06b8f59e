/* A map scaled by the sigmoid of another of its size, or blended with it, and gradients.
 * Maps are images of `size` values, those of image b at b * stride; outputs and incoming
 * gradients are contiguous. */
#include "common.h"

/* y = x * sigmoid(logits). */
void fv_scale_full(const float *x, const float *logits, float *y, int64_t images,
                   int64_t channels, int64_t places, int64_t x_stride,
                   int64_t logits_stride, int64_t threads) {
    fv_fresh(y, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t image = plane / channels, at = (plane % channels) * places;
        const float *from = x + image * x_stride + at;
        const float *of = logits + image * logits_stride + at;
        float *to = y + plane * places;
#pragma omp simd
        for (int64_t i = 0; i < places; i++) to[i] = from[i] * fv_sigmoid(of[i]);
    }
}

/* dx = dy * s and dlogits = dy * x * s * (1 - s), where s is the sigmoid. */
void fv_scale_full_backward(const float *dy, const float *x, const float *logits,
                            float *dx, float *dlogits, int64_t images, int64_t channels,
                            int64_t places, int64_t x_stride, int64_t logits_stride,
                            int64_t threads) {
    fv_fresh(dx, images * channels * places);
    fv_fresh(dlogits, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t image = plane / channels, at = (plane % channels) * places;
        const float *from = x + image * x_stride + at;
        const float *of = logits + image * logits_stride + at;
        const float *up = dy + plane * places;
        float *to = dx + plane * places, *and_to = dlogits + plane * places;
#pragma omp simd
        for (int64_t i = 0; i < places; i++) {
            const float s = fv_sigmoid(of[i]);
            to[i] = up[i] * s;
            and_to[i] = up[i] * from[i] * ((1.0f - s) * s);
        }
    }
}

/* z = x + amount * (y - x), an amount for each channel. */
void fv_blend(const float *x, const float *y, const float *amount, float *z,
              int64_t images, int64_t channels, int64_t places, int64_t x_stride,
              int64_t y_stride, int64_t threads) {
    fv_fresh(z, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t image = plane / channels, c = plane % channels;
        const float *from = x + image * x_stride + c * places;
        const float *and_from = y + image * y_stride + c * places;
        const float share = amount[c];
        float *to = z + plane * places;
#pragma omp simd
        for (int64_t i = 0; i < places; i++)
            to[i] = from[i] + share * (and_from[i] - from[i]);
    }
}

/* dx = dz - amount * dz, dy = amount * dz, and of each plane the sum of dz * (y - x). */
void fv_blend_backward(const float *dz, const float *x, const float *y,
                       const float *amount, float *dx, float *dy, float *sums,
                       int64_t images, int64_t channels, int64_t places,
                       int64_t x_stride, int64_t y_stride, int64_t threads) {
    fv_fresh(dx, images * channels * places);
    fv_fresh(dy, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t image = plane / channels, c = plane % channels;
        const float *from = x + image * x_stride + c * places;
        const float *and_from = y + image * y_stride + c * places;
        const float *up = dz + plane * places;
        float *to = dx + plane * places, *and_to = dy + plane * places;
        const float share = amount[c];
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < places; i++) {
            const float given = share * up[i];
            to[i] = up[i] - given;
            and_to[i] = given;
            sum += up[i] * (and_from[i] - from[i]);
        }
        sums[plane] = sum;
    }
}
