/* What the kernels share: an exponential and sums that vectorise, and new memory. */
#ifndef FOVEATE_COMMON_H
#define FOVEATE_COMMON_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* exp(v) within 4 units of the last place: 2^k * e^r with |r| <= ln(2) / 2, and for e^r
 * a polynomial in parts that do not wait for each other. exp(0) is exactly 1. From 88 it
 * is infinite and below -87 it is 0, which is said last, when nothing waits for it. A
 * NaN stays a NaN: both comparisons are false for it. */
static inline float fv_exp(float v) {
    /* so large that the sum has no fraction left, and k in its last bits */
    const float round = 12582912.0f;
    const float sum = v * 1.44269504088896341f + round;
    const float k = sum - round;
    const float r = v - k * 0.693147180559945309f;
    const float r2 = r * r;
    const float low = 0.49999225f + 0.16667119f * r;
    const float high = 0.04189099f + 0.00831243f * r;
    const float q = (1.0f + r) + r2 * (low + r2 * high);
    uint32_t bits;
    memcpy(&bits, &sum, sizeof bits);
    bits = (bits + 127u) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    const float value = v < -87.0f ? 0.0f : q * power;
    return v > 88.0f ? (float)INFINITY : value;
}

static inline float fv_sigmoid(float v) { return 1.0f / (1.0f + fv_exp(-v)); }

/* A larger value, or a NaN if either is one, as torch.amax. */
static inline float fv_max(float a, float b) {
    return (a > b || a != a) ? a : b;
}

/* Sixteen values, wherever they lie; four of them keep an adder busy. */
typedef float fv_sixteen __attribute__((vector_size(64), aligned(4), may_alias));
enum { FV_STEP = 64 };

static inline float fv_sum_of(const fv_sixteen *part) {
    const fv_sixteen all = (part[0] + part[1]) + (part[2] + part[3]);
    float sum = 0.0f;
    for (int i = 0; i < 16; i++) sum += all[i];
    return sum;
}

/* The sum of `count` values, in an order that depends on their number alone. */
static inline float fv_sum(const float *from, int64_t count) {
    fv_sixteen part[4] = {{0.0f}};
    int64_t i = 0;
    for (; i + FV_STEP <= count; i += FV_STEP)
        for (int n = 0; n < 4; n++) part[n] += *(const fv_sixteen *)(from + i + 16 * n);
    float rest = 0.0f;
    for (; i < count; i++) rest += from[i];
    return fv_sum_of(part) + rest;
}

/* The sum of the squares of `count` values less `mean`, in such an order. */
static inline float fv_squares(const float *from, float mean, int64_t count) {
    fv_sixteen part[4] = {{0.0f}};
    int64_t i = 0;
    for (; i + FV_STEP <= count; i += FV_STEP)
        for (int n = 0; n < 4; n++) {
            const fv_sixteen d = *(const fv_sixteen *)(from + i + 16 * n) - mean;
            part[n] += d * d;
        }
    float rest = 0.0f;
    for (; i < count; i++) rest += (from[i] - mean) * (from[i] - mean);
    return fv_sum_of(part) + rest;
}

/* Values from which glibc never keeps freed memory, so that it is new each time. Memory
 * that was kept has its small pages, and the hint would have them moved: that halts. */
enum { FV_LARGE = 1 << 23 };

/* Ask for large pages where `count` values of new memory are about to be written: on
 * small ones a map of 100 MB takes longer to come into being than to be computed. Only a
 * hint; the memory may be old, and the system may not know them. */
static inline void fv_fresh(float *to, int64_t count) {
#ifdef MADV_HUGEPAGE
    const uintptr_t page = 4096, start = ((uintptr_t)to + page - 1) / page * page;
    const uintptr_t end = (uintptr_t)(to + count) / page * page;
    if (count >= FV_LARGE) madvise((void *)start, end - start, MADV_HUGEPAGE);
#else
    (void)to, (void)count;
#endif
}

#endif
