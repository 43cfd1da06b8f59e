/* Mean and variance of a plane, and where a channel stands after a shuffle. */
#ifndef FOVEATE_MOMENTS_H
#define FOVEATE_MOMENTS_H

#include "common.h"

/* A compiler keeps one sum a loop, and each addition would wait for the one before. */
enum { LANES = 16, SUMS = 4, STEP = LANES * SUMS };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static inline lanes loaded(const float *from) {
    lanes value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline float total(const lanes *sums) {
    const lanes all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    float sum = 0.0f;
    for (int lane = 0; lane < LANES; lane++) sum += all[lane];
    return sum;
}

static inline float sum_of(const float *from, int64_t places) {
    lanes sums[SUMS] = {{0.0f}};
    int64_t i = 0;
    for (; i + STEP <= places; i += STEP)
        for (int k = 0; k < SUMS; k++) sums[k] += loaded(from + i + k * LANES);
    float sum = total(sums);
    for (; i < places; i++) sum += from[i];
    return sum;
}

/* The deviations from a first mean are summed as well as their squares: what that sum
 * is off from 0 corrects mean and variance, so a mean far from 0 costs nothing. */
static inline void moments_of(const float *from, int64_t places, float *mean,
                              float *variance) {
    const float count = (float)places, first = sum_of(from, places) / count;
    lanes sums[SUMS] = {{0.0f}}, powers[SUMS] = {{0.0f}};
    int64_t i = 0;
    for (; i + STEP <= places; i += STEP)
        for (int k = 0; k < SUMS; k++) {
            /* the next plane is on its way while this one is in the cache */
            __builtin_prefetch(from + places + i + k * LANES);
            const lanes d = loaded(from + i + k * LANES) - first;
            sums[k] += d;
            powers[k] += d * d;
        }
    float rest = total(sums), squares = total(powers);
    for (; i < places; i++) {
        const float d = from[i] - first;
        rest += d;
        squares += d * d;
    }
    const float shift = rest / count, spread = squares / count - shift * shift;
    /* an infinite mean stays: its deviations are NaN, and so is the variance */
    *mean = isfinite(shift) ? first + shift : first;
    /* rounding must not make it negative; a NaN stays */
    *variance = spread < 0.0f ? 0.0f : spread;
}

/* Where channel c stands after `groups` runs of channels are interleaved. */
static inline int64_t shuffled(int64_t c, int64_t channels, int64_t groups) {
    const int64_t run = channels / groups;
    return (c % run) * groups + c / run;
}

#endif
