/* A map scaled by small gates, and the gradients:
 * each in one pass over memory. Maps are planes of `height * width` values; those of
 * image b start at b * image_stride; outputs, incoming gradients and gates are
 * contiguous. */
#include "common.h"

/* The shape of a gate; as in scaling.py. */
enum { CHANNEL, PLACE, ROW, COLUMN };

/* The most places and channels whose gradients one thread adds up: the sums stay in its
 * cache, and long runs of places are read in their order. As in scaling.py. How a map is
 * cut depends on its size alone, so that no sum depends on the number of threads. */
enum { BLOCK_PLACES = 16384, BLOCK_CHANNELS = 64 };

static inline int64_t fv_least(int64_t a, int64_t b) { return a < b ? a : b; }

static inline void fv_times(const float *from, float gate, float *to, int64_t count) {
    int64_t i = 0;
    for (; i + FV_STEP <= count; i += FV_STEP)
        for (int n = 0; n < 4; n++)
            *(fv_sixteen *)(to + i + 16 * n) =
                *(const fv_sixteen *)(from + i + 16 * n) * gate;
    for (; i < count; i++) to[i] = from[i] * gate;
}

static inline void fv_times_each(const float *from, float first, const float *gate,
                                 float *to, int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) to[i] = from[i] * first * gate[i];
}

/* y = x * gate. */
void fv_scale_one(const float *x, const float *gate, float *y, int64_t kind,
                  int64_t images, int64_t channels, int64_t height, int64_t width,
                  int64_t image_stride, int64_t threads) {
    const int64_t places = height * width;
    fv_fresh(y, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t image = plane / channels;
        const float *from = x + image * image_stride + (plane % channels) * places;
        float *to = y + plane * places;
        if (kind == CHANNEL) {
            fv_times(from, gate[plane], to, places);
        } else if (kind == PLACE) {
            fv_times_each(from, 1.0f, gate + image * places, to, places);
        } else {
            for (int64_t row = 0; row < height; row++) {
                const int64_t at = row * width;
                if (kind == ROW)
                    fv_times(from + at, gate[plane * height + row], to + at, width);
                else
                    fv_times_each(from + at, 1.0f, gate + plane * width, to + at,
                                  width);
            }
        }
    }
}

/* y = x * first * second: a gate of channels and one of places (by_rows = 0), or one of
 * rows and one of columns (by_rows = 1). */
void fv_scale_two(const float *x, const float *first, const float *second, float *y,
                  int64_t by_rows, int64_t images, int64_t channels, int64_t height,
                  int64_t width, int64_t image_stride, int64_t threads) {
    const int64_t places = height * width;
    fv_fresh(y, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const int64_t image = plane / channels;
        const float *from = x + image * image_stride + (plane % channels) * places;
        float *to = y + plane * places;
        if (by_rows) {
            for (int64_t row = 0; row < height; row++)
                fv_times_each(from + row * width, first[plane * height + row],
                              second + plane * width, to + row * width, width);
        } else {
            fv_times_each(from, first[plane], second + image * places, to, places);
        }
    }
}

/* to = up * gate; returns the sum of up * from. */
static inline float fv_times_and_sum(const float *up, const float *from, float gate,
                                     float *to, int64_t count) {
    fv_sixteen part[4] = {{0.0f}};
    int64_t i = 0;
    for (; i + FV_STEP <= count; i += FV_STEP)
        for (int n = 0; n < 4; n++) {
            const fv_sixteen given = *(const fv_sixteen *)(up + i + 16 * n);
            *(fv_sixteen *)(to + i + 16 * n) = given * gate;
            part[n] += given * *(const fv_sixteen *)(from + i + 16 * n);
        }
    float rest = 0.0f;
#pragma omp simd reduction(+ : rest)
    for (int64_t last = i; last < count; last++) {
        to[last] = up[last] * gate;
        rest += up[last] * from[last];
    }
    return fv_sum_of(part) + rest;
}

/* to = up * gate * first, and to each of `second` up * from * first is added; returns
 * the sum of up * gate * from. */
static inline float fv_times_and_add(const float *up, const float *from, float first,
                                     const float *gate, float *to, float *second,
                                     int64_t count) {
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) {
        const float gated = up[i] * gate[i];
        to[i] = gated * first;
        second[i] += up[i] * (from[i] * first);
        sum += gated * from[i];
    }
    return sum;
}

/* Gradients of gates of channels or rows: `count` gates, each of `run` values. */
static void fv_backward_of_runs(const float *up, const float *from, const float *gate,
                                float *to, float *dgate, int64_t count, int64_t run) {
    for (int64_t i = 0; i < count; i++)
        dgate[i] =
            fv_times_and_sum(up + i * run, from + i * run, gate[i], to + i * run, run);
}

/* dx and the gradients of rows (may be NULL) and columns, of one plane. */
static void fv_backward_of_plane(const float *up, const float *from, const float *rows,
                                 const float *columns, float *to, float *drows,
                                 float *dcolumns, int64_t height, int64_t width) {
    memset(dcolumns, 0, sizeof(float) * width);
    for (int64_t row = 0; row < height; row++) {
        const int64_t at = row * width;
        const float sum = fv_times_and_add(up + at, from + at, rows ? rows[row] : 1.0f,
                                           columns, to + at, dcolumns, width);
        if (drows) drows[row] = sum;
    }
}

/* dx, and what one block adds to the gradients: to each of its places, and to each of
 * its channels. first: a factor of each channel; may be NULL, and then `sums` too. */
static void fv_backward_of_block(const float *up, const float *from, const float *first,
                                 const float *gate, float *to, float *dgate,
                                 float *sums, int64_t channels, int64_t places,
                                 int64_t count) {
    memset(dgate, 0, sizeof(float) * count);
    for (int64_t c = 0; c < channels; c++) {
        const int64_t at = c * places;
        const float sum = fv_times_and_add(up + at, from + at, first ? first[c] : 1.0f,
                                           gate, to + at, dgate, count);
        if (sums) sums[c] = sum;
    }
}

/* dx of y = x * first * second, gates of channels (may be NULL) and of places.
 * dfirst: the part of each block of places, (images, blocks, channels); may be NULL.
 * dsecond: the part of each block of channels, (images, blocks, places). */
void fv_scale_places_backward(const float *dy, const float *x, const float *first,
                              const float *second, float *dx, float *dfirst,
                              float *dsecond, int64_t images, int64_t channels,
                              int64_t places, int64_t image_stride, int64_t threads) {
    const int64_t across = (places + BLOCK_PLACES - 1) / BLOCK_PLACES;
    const int64_t down = (channels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS;
    fv_fresh(dx, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t unit = 0; unit < images * down * across; unit++) {
        const int64_t image = unit / (down * across), part = unit % across;
        const int64_t at = part * BLOCK_PLACES;
        const int64_t c = unit / across % down * BLOCK_CHANNELS;
        const int64_t start = (image * channels + c) * places + at;
        const int64_t of_channel = (image * across + part) * channels + c;
        fv_backward_of_block(dy + start, x + image * image_stride + c * places + at,
                             first ? first + image * channels + c : NULL,
                             second + image * places + at, dx + start,
                             dsecond + unit / across * places + at,
                             dfirst ? dfirst + of_channel : NULL,
                             fv_least(BLOCK_CHANNELS, channels - c), places,
                             fv_least(BLOCK_PLACES, places - at));
    }
}

/* dx and dgate of y = x * gate, of channels, rows or columns. */
void fv_scale_one_backward(const float *dy, const float *x, const float *gate, float *dx,
                           float *dgate, int64_t kind, int64_t images, int64_t channels,
                           int64_t height, int64_t width, int64_t image_stride,
                           int64_t threads) {
    const int64_t places = height * width, gates = kind == ROW ? height : 1;
    fv_fresh(dx, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const float *from =
            x + (plane / channels) * image_stride + (plane % channels) * places;
        const float *up = dy + plane * places;
        float *to = dx + plane * places;
        if (kind == COLUMN)
            fv_backward_of_plane(up, from, NULL, gate + plane * width, to, NULL,
                                 dgate + plane * width, height, width);
        else
            fv_backward_of_runs(up, from, gate + plane * gates, to,
                                dgate + plane * gates, gates, places / gates);
    }
}

/* dx and dgate of y = x * first * second, gates of rows and of columns. */
void fv_scale_rows_backward(const float *dy, const float *x, const float *first,
                            const float *second, float *dx, float *dfirst,
                            float *dsecond, int64_t images, int64_t channels,
                            int64_t height, int64_t width, int64_t image_stride,
                            int64_t threads) {
    const int64_t places = height * width;
    fv_fresh(dx, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++)
        fv_backward_of_plane(
            dy + plane * places,
            x + (plane / channels) * image_stride + (plane % channels) * places,
            first + plane * height, second + plane * width, dx + plane * places,
            dfirst + plane * height, dsecond + plane * width, height, width);
}
