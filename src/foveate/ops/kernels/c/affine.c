/* Mean and variance of each channel of each image, and the map times the sigmoid of a
 * line through each value, both with their gradients. One plane, a channel of an image,
 * is the work of one thread. */
#include "moments.h"

/* mean and variance: one value a plane. */
void fv_moments(const float *x, float *mean, float *variance, int64_t images,
                int64_t channels, int64_t places, int64_t image_stride,
                int64_t threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++)
        moments_of(x + (plane / channels) * image_stride + (plane % channels) * places,
                   places, mean + plane, variance + plane);
}

/* dx = dmean / n + dvariance * 2 (x - mean) / n */
void fv_moments_backward(const float *dmean, const float *dvariance, const float *x,
                         const float *mean, float *dx, int64_t images,
                         int64_t channels, int64_t places, int64_t image_stride,
                         int64_t threads) {
    fv_fresh(dx, images * channels * places);
    const float count = (float)places;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const float *from =
            x + (plane / channels) * image_stride + (plane % channels) * places;
        float *to = dx + plane * places;
        const float middle = mean[plane], shift = dmean[plane] / count;
        const float slope = 2.0f * dvariance[plane] / count;
#pragma omp simd
        for (int64_t i = 0; i < places; i++)
            to[i] = slope * (from[i] - middle) + shift;
    }
}

/* y = x * sigmoid(weight * x + bias), at the shuffled channel. weight and bias have one
 * value a channel, those of image b from b * weight_stride and b * bias_stride. */
void fv_affine_sigmoid_scale(const float *x, const float *weight, const float *bias,
                             float *y, int64_t images, int64_t channels,
                             int64_t places, int64_t image_stride,
                             int64_t weight_stride, int64_t bias_stride,
                             int64_t groups, int64_t threads) {
    fv_fresh(y, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t b = plane / channels, c = plane % channels;
        const float *from = x + b * image_stride + c * places;
        float *to = y + (b * channels + shuffled(c, channels, groups)) * places;
        const float w = weight[b * weight_stride + c];
        const float v = bias[b * bias_stride + c];
        if (w == 0.0f) {
            const float gate = fv_sigmoid(v);
            /* w * from[i] is 0, or the NaN that an infinite value makes of it */
#pragma omp simd
            for (int64_t i = 0; i < places; i++)
                to[i] = from[i] * (w * from[i] + gate);
        } else {
#pragma omp simd
            for (int64_t i = 0; i < places; i++)
                to[i] = from[i] * fv_sigmoid(w * from[i] + v);
        }
    }
}

/* With s the sigmoid and t = dy * x * s * (1 - s): dx = dy * s + weight * t,
 * dbias = sum(t) and dweight = sum(t * x), one value a plane. */
void fv_affine_sigmoid_scale_backward(const float *dy, const float *x,
                                      const float *weight, const float *bias,
                                      float *dx, float *dweight, float *dbias,
                                      int64_t images, int64_t channels,
                                      int64_t places, int64_t image_stride,
                                      int64_t weight_stride, int64_t bias_stride,
                                      int64_t groups, int64_t threads) {
    fv_fresh(dx, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t b = plane / channels, c = plane % channels;
        const float *from = x + b * image_stride + c * places;
        const float *up = dy + (b * channels + shuffled(c, channels, groups)) * places;
        float *to = dx + plane * places;
        const float w = weight[b * weight_stride + c];
        const float v = bias[b * bias_stride + c];
        float slope = 0.0f, shift = 0.0f;
        if (w == 0.0f) {
            const float s = fv_sigmoid(v), rate = s * (1.0f - s);
#pragma omp simd reduction(+ : slope, shift)
            for (int64_t i = 0; i < places; i++) {
                const float t = up[i] * from[i] * (w * from[i] + rate);
                to[i] = up[i] * (w * from[i] + s);
                slope += t * from[i];
                shift += t;
            }
        } else {
#pragma omp simd reduction(+ : slope, shift)
            for (int64_t i = 0; i < places; i++) {
                const float s = fv_sigmoid(w * from[i] + v);
                const float t = up[i] * from[i] * s * (1.0f - s);
                to[i] = up[i] * s + w * t;
                slope += t * from[i];
                shift += t;
            }
        }
        dweight[plane] = slope;
        dbias[plane] = shift;
    }
}
