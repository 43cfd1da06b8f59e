/* Maxima of windows and copies of the nearest place, between a map and a smaller one.
 * Planes of the larger map lie at an image stride of its own, so that it can be some
 * channels of another. */
#include <stdlib.h>

#include "common.h"

/* Where each of `count` windows of a side of `size` starts, and then where each ends:
 * 2 * count numbers, as a division takes longer than a window. */
static int64_t *windows_of(int64_t size, int64_t count) {
    int64_t *edges = malloc(2 * (size_t)count * sizeof(int64_t));
    for (int64_t i = 0; i < count; i++) {
        edges[i] = i * size / count;
        edges[count + i] = ((i + 1) * size + count - 1) / count;
    }
    return edges;
}

/* Where the places that are copied from each of `count` start: count + 1 numbers. */
static int64_t *copies_of(int64_t size, int64_t count) {
    int64_t *edges = malloc(((size_t)count + 1) * sizeof(int64_t));
    for (int64_t i = 0; i <= count; i++) edges[i] = (i * size + count - 1) / count;
    return edges;
}

/* The maximum of each column over the rows from `first` to before `last`. */
static void column_maxima(const float *plane, float *maxima, int64_t first,
                          int64_t last, int64_t width) {
    memcpy(maxima, plane + first * width, (size_t)width * sizeof(float));
    for (int64_t row = first + 1; row < last; row++) {
        const float *values = plane + row * width;
#pragma omp simd
        for (int64_t i = 0; i < width; i++) maxima[i] = fv_max(maxima[i], values[i]);
    }
}

static float maximum(const float *values, int64_t first, int64_t last) {
    float found = values[first];
    for (int64_t i = first + 1; i < last; i++) found = fv_max(found, values[i]);
    return found;
}

/* maximum of each `factor` in turn; with a factor that is known it vectorises. */
static inline void even_maxima(const float *values, float *to, int64_t columns,
                               const int64_t factor) {
    for (int64_t i = 0; i < columns; i++) {
        float found = values[i * factor];
        for (int64_t j = 1; j < factor; j++)
            found = fv_max(found, values[i * factor + j]);
        to[i] = found;
    }
}

static void row_maxima(const float *maxima, float *to, const int64_t *along,
                       int64_t width, int64_t columns) {
    if (width == 2 * columns) {
        even_maxima(maxima, to, columns, 2);
    } else if (width == 4 * columns) {
        even_maxima(maxima, to, columns, 4);
    } else if (width == 8 * columns) {
        even_maxima(maxima, to, columns, 8);
    } else {
        for (int64_t i = 0; i < columns; i++)
            to[i] = maximum(maxima, along[i], along[columns + i]);
    }
}

/* y: (images, channels, rows, columns), contiguous. */
void fv_max_pool(const float *x, float *y, int64_t images, int64_t channels,
                 int64_t height, int64_t width, int64_t image_stride, int64_t rows,
                 int64_t columns, int64_t threads) {
    int64_t *down = windows_of(height, rows), *along = windows_of(width, columns);
#pragma omp parallel num_threads(threads)
    {
        float *maxima = malloc((size_t)width * sizeof(float));
#pragma omp for schedule(static)
        for (int64_t plane = 0; plane < images * channels; plane++) {
            const float *from = x + (plane / channels) * image_stride +
                                (plane % channels) * height * width;
            float *to = y + plane * rows * columns;
            for (int64_t row = 0; row < rows; row++, to += columns) {
                column_maxima(from, maxima, down[row], down[rows + row], width);
                row_maxima(maxima, to, along, width, columns);
            }
        }
        free(maxima);
    }
    free(down);
    free(along);
}

/* Shares `value` among those from `first` to before `last` that are `largest`; if that
 * is a NaN none is, and all become NaN. */
static void share(const float *values, float *shares, int64_t first, int64_t last,
                  float largest, float value) {
    int64_t ties = 0;
    for (int64_t i = first; i < last; i++) ties += values[i] == largest;
    const float part = ties ? value / (float)ties : NAN;
    for (int64_t i = first; i < last; i++)
        if (values[i] == largest || !ties) shares[i] += part;
}

/* Shares what each column got among its rows from `first` to before `last`. */
static void share_columns(const float *plane, float *to, const float *maxima,
                          float *shares, float *ties, int64_t first, int64_t last,
                          int64_t width) {
    memset(ties, 0, (size_t)width * sizeof(float));
    for (int64_t row = first; row < last; row++) {
        const float *values = plane + row * width;
#pragma omp simd
        for (int64_t i = 0; i < width; i++)
            ties[i] += values[i] == maxima[i] ? 1.0f : 0.0f;
    }
#pragma omp simd
    for (int64_t i = 0; i < width; i++)
        shares[i] = ties[i] > 0.0f ? shares[i] / ties[i] : NAN;
    for (int64_t row = first; row < last; row++) {
        const float *values = plane + row * width;
        float *target = to + row * width;
#pragma omp simd
        for (int64_t i = 0; i < width; i++)
            target[i] +=
                values[i] == maxima[i] || ties[i] == 0.0f ? shares[i] : 0.0f;
    }
}

/* Adds to dx: the columns that hold the maximum of a window share its gradient, and the
 * rows that hold the maximum of a column share that of the column. */
void fv_max_pool_backward(const float *dy, const float *x, float *dx, int64_t images,
                          int64_t channels, int64_t height, int64_t width,
                          int64_t image_stride, int64_t target_stride, int64_t rows,
                          int64_t columns, int64_t threads) {
    int64_t *down = windows_of(height, rows), *along = windows_of(width, columns);
#pragma omp parallel num_threads(threads)
    {
        float *maxima = malloc(3 * (size_t)width * sizeof(float));
        float *shares = maxima + width, *ties = maxima + 2 * width;
#pragma omp for schedule(static)
        for (int64_t plane = 0; plane < images * channels; plane++) {
            const int64_t start = (plane % channels) * height * width;
            const float *from = x + (plane / channels) * image_stride + start;
            float *to = dx + (plane / channels) * target_stride + start;
            const float *up = dy + plane * rows * columns;
            for (int64_t row = 0; row < rows; row++) {
                const int64_t first = down[row], last = down[rows + row];
                column_maxima(from, maxima, first, last, width);
                memset(shares, 0, (size_t)width * sizeof(float));
                for (int64_t i = 0; i < columns; i++) {
                    const int64_t left = along[i], right = along[columns + i];
                    share(maxima, shares, left, right, maximum(maxima, left, right),
                          *up++);
                }
                share_columns(from, to, maxima, shares, ties, first, last, width);
            }
        }
        free(maxima);
    }
    free(down);
    free(along);
}

/* Row i of y is row i * rows / height of x, and columns alike. */
void fv_nearest(const float *x, float *y, int64_t images, int64_t channels,
                int64_t height, int64_t width, int64_t image_stride, int64_t rows,
                int64_t columns, int64_t threads) {
    int64_t *down = copies_of(height, rows), *along = copies_of(width, columns);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const float *from = x + plane * rows * columns;
        float *to = y + (plane / channels) * image_stride +
                    (plane % channels) * height * width;
        for (int64_t row = 0; row < rows; row++, from += columns) {
            if (down[row] == down[row + 1]) continue;
            float *first = to + down[row] * width;
            for (int64_t i = 0; i < columns; i++)
                for (int64_t j = along[i]; j < along[i + 1]; j++) first[j] = from[i];
            for (int64_t other = down[row] + 1; other < down[row + 1]; other++)
                memcpy(to + other * width, first, (size_t)width * sizeof(float));
        }
    }
    free(down);
    free(along);
}

/* dx: (images, channels, rows, columns), contiguous: sums over what was copied. */
void fv_nearest_backward(const float *dy, float *dx, int64_t images, int64_t channels,
                         int64_t height, int64_t width, int64_t image_stride,
                         int64_t rows, int64_t columns, int64_t threads) {
    int64_t *down = copies_of(height, rows), *along = copies_of(width, columns);
#pragma omp parallel num_threads(threads)
    {
        float *sums = malloc((size_t)width * sizeof(float));
#pragma omp for schedule(static)
        for (int64_t plane = 0; plane < images * channels; plane++) {
            const float *from = dy + (plane / channels) * image_stride +
                                (plane % channels) * height * width;
            float *to = dx + plane * rows * columns;
            for (int64_t row = 0; row < rows; row++, to += columns) {
                memset(sums, 0, (size_t)width * sizeof(float));
                for (int64_t other = down[row]; other < down[row + 1]; other++) {
                    const float *values = from + other * width;
#pragma omp simd
                    for (int64_t i = 0; i < width; i++) sums[i] += values[i];
                }
                for (int64_t i = 0; i < columns; i++) {
                    float sum = 0.0f;
                    for (int64_t j = along[i]; j < along[i + 1]; j++) sum += sums[j];
                    to[i] = sum;
                }
            }
        }
        free(sums);
    }
    free(down);
    free(along);
}
