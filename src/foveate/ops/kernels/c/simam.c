/* SimAM and its gradient, one channel of one image at a time, so that the channel is
 * read from memory once. */
#include "common.h"

/* y = x * sigmoid(k * (x - mean)^2 + 1/2) with k = 1 / (4 * (variance + lambda)).
 * x: planes of `places` values; those of image b start at b * image_stride.
 * y: contiguous. saved: mean and k of each plane. */
void fv_simam(const float *x, float *y, float *saved, int64_t images,
              int64_t channels, int64_t places, int64_t image_stride, double lambda,
              int64_t threads) {
    const float others = places > 1 ? (float)(places - 1) : 1.0f;
    fv_fresh(y, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const float *from =
            x + (plane / channels) * image_stride + (plane % channels) * places;
        float *to = y + plane * places;
        const float mean = fv_sum(from, places) / (float)places;
        const float squares = fv_squares(from, mean, places);
        const float k = 1.0f / (4.0f * (squares / others + (float)lambda));
#pragma omp simd
        for (int64_t i = 0; i < places; i++) {
            const float d = from[i] - mean;
            to[i] = from[i] * fv_sigmoid(k * d * d + 0.5f);
        }
        saved[2 * plane] = mean;
        saved[2 * plane + 1] = k;
    }
}

/* dx from dy, x and what was saved. With d = x - mean, s the sigmoid and
 * t = dy * x * s * (1 - s): dx = g - mean(g) + dy * s, where
 * g = d * (2 k t - 8 k^2 sum(t d^2) / others), and mean(d) = 0. */
void fv_simam_backward(const float *dy, const float *x, const float *saved, float *dx,
                       int64_t images, int64_t channels, int64_t places,
                       int64_t image_stride, int64_t threads) {
    const float others = places > 1 ? (float)(places - 1) : 1.0f;
    fv_fresh(dx, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const float *from =
            x + (plane / channels) * image_stride + (plane % channels) * places;
        const float *up = dy + plane * places;
        float *to = dx + plane * places;
        const float mean = saved[2 * plane], k = saved[2 * plane + 1];
        float first = 0.0f, second = 0.0f;
#pragma omp simd reduction(+ : first, second)
        for (int64_t i = 0; i < places; i++) {
            const float d = from[i] - mean;
            const float s = fv_sigmoid(k * d * d + 0.5f);
            const float t = up[i] * from[i] * s * (1.0f - s);
            to[i] = up[i] * s + 2.0f * k * d * t;
            first += d * t;
            second += d * d * t;
        }
        const float slope = -8.0f * k * k * second / others;
        const float shift = -2.0f * k * first / (float)places;
#pragma omp simd
        for (int64_t i = 0; i < places; i++)
            to[i] += slope * (from[i] - mean) + shift;
    }
}
