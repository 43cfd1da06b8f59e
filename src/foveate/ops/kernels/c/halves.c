/* The gates of shuffle attention and their gradients, one plane, a channel of an image,
 * at a time, so that it is read from memory once. Of each group of 2 * half channels the
 * first half is gated by its mean, the second by its normalised self. */
#include "moments.h"

/* With p the place of a channel in its group: y = x * sigmoid(weight[p] * m + bias[p])
 * where m is the mean in the first half, and (x - mean) * rate in the second, with
 * rate = 1 / sqrt(variance + eps). y is written with both halves of all channels
 * interleaved. saved: mean and rate of each plane. */
void fv_halves_scale(const float *x, const float *weight, const float *bias, float *y,
                     float *saved, int64_t images, int64_t channels, int64_t places,
                     int64_t image_stride, int64_t half, double eps, int64_t threads) {
    fv_fresh(y, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t b = plane / channels, c = plane % channels, p = c % (2 * half);
        const float *from = x + b * image_stride + c * places;
        float *to = y + (b * channels + shuffled(c, channels, 2)) * places;
        float mean, variance;
        moments_of(from, places, &mean, &variance);
        const float rate = 1.0f / sqrtf(variance + (float)eps);
        saved[2 * plane] = mean;
        saved[2 * plane + 1] = rate;
        const float w = p < half ? 0.0f : weight[p] * rate, v = bias[p];
        if (w == 0.0f) {
            const float gate = fv_sigmoid(p < half ? weight[p] * mean + v : v);
#pragma omp simd
            for (int64_t i = 0; i < places; i++) to[i] = from[i] * gate;
        } else {
#pragma omp simd
            for (int64_t i = 0; i < places; i++)
                to[i] = from[i] * fv_sigmoid(w * (from[i] - mean) + v);
        }
    }
}

/* dx of a plane with one gate: the mean passes its gradient on to all places. */
static void by_mean(const float *dy, const float *x, float *dx, int64_t places,
                    float w, float v, float mean, float *dweight, float *dbias) {
    const float gate = fv_sigmoid(w * mean + v);
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < places; i++) sum += dy[i] * x[i];
    const float t = sum * gate * (1.0f - gate);
    const float shift = w * t / (float)places;
#pragma omp simd
    for (int64_t i = 0; i < places; i++) dx[i] = dy[i] * gate + shift;
    *dweight = t * mean;
    *dbias = t;
}

/* dx of a plane that is normalised. With n = (x - mean) * rate, s the sigmoid and
 * t = dy * x * s * (1 - s):
 * dx = dy * s + w * rate * (t - sum(t) / places - n * sum(t * n) / places). */
static void by_place(const float *dy, const float *x, float *dx, int64_t places,
                     float w, float v, float mean, float rate, float *dweight,
                     float *dbias) {
    const float slope = w * rate;
    float first = 0.0f, second = 0.0f;
#pragma omp simd reduction(+ : first, second)
    for (int64_t i = 0; i < places; i++) {
        const float d = x[i] - mean, s = fv_sigmoid(slope * d + v);
        const float t = dy[i] * x[i] * s * (1.0f - s);
        dx[i] = dy[i] * s + slope * t;
        first += t;
        second += t * d;
    }
    const float shift = slope * first / (float)places;
    const float tilt = slope * second * rate * rate / (float)places;
#pragma omp simd
    for (int64_t i = 0; i < places; i++) dx[i] -= shift + tilt * (x[i] - mean);
    *dweight = second * rate;
    *dbias = first;
}

/* dweight and dbias: one value a plane. */
void fv_halves_scale_backward(const float *dy, const float *x, const float *weight,
                              const float *bias, const float *saved, float *dx,
                              float *dweight, float *dbias, int64_t images,
                              int64_t channels, int64_t places, int64_t image_stride,
                              int64_t half, int64_t threads) {
    fv_fresh(dx, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t b = plane / channels, c = plane % channels, p = c % (2 * half);
        const float *from = x + b * image_stride + c * places;
        const float *up = dy + (b * channels + shuffled(c, channels, 2)) * places;
        float *to = dx + plane * places;
        const float mean = saved[2 * plane], rate = saved[2 * plane + 1];
        if (p < half)
            by_mean(up, from, to, places, weight[p], bias[p], mean, dweight + plane,
                    dbias + plane);
        else
            by_place(up, from, to, places, weight[p], bias[p], mean, rate,
                     dweight + plane, dbias + plane);
    }
}
