/* Means and maxima over places, channels, rows and columns, each from one reading of
 * the map. A loop that takes maxima drops a NaN; where there was one the sum is NaN,
 * and the values are looked at again. */
#include "common.h"

/* values summed in float before the sum is added to a double */
#define RUN 4096
/* places that one task pools over channels */
#define TILE 2048
static inline int64_t fv_min(int64_t a, int64_t b) { return a < b ? a : b; }

/* A NaN among values that stand `step` apart, each times its gate if there are any,
 * else what is known to be the largest. */
static float fv_nan_or(float largest, const float *from, int64_t count, int64_t step,
                       const float *gate) {
    for (int64_t i = 0; i < count; i++) {
        const float v = from[i * step] * (gate ? gate[i] : 1.0f);
        if (v != v) return v;
    }
    return largest;
}

/* x: planes of `places` values; those of image b start at b * image_stride.
 * mean, largest: one value a plane. */
void fv_mean_max_over_places(const float *x, float *mean, float *largest,
                             int64_t images, int64_t channels, int64_t places,
                             int64_t image_stride, int64_t threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const float *from =
            x + (plane / channels) * image_stride + (plane % channels) * places;
        double total = 0.0;
        float most = -INFINITY;
        for (int64_t start = 0; start < places; start += RUN) {
            const int64_t end = fv_min(start + RUN, places);
            float sum = 0.0f;
#pragma omp simd reduction(+ : sum) reduction(max : most)
            for (int64_t i = start; i < end; i++) {
                sum += from[i];
                most = from[i] > most ? from[i] : most;
            }
            total += sum;
        }
        mean[plane] = (float)(total / (double)places);
        largest[plane] =
            total == total ? most : fv_nan_or(most, from, places, 1, NULL);
    }
}

/* dx = dmean / places, plus at the places of the maximum their share of dlargest. */
void fv_mean_max_over_places_backward(const float *dmean, const float *dlargest,
                                      const float *x, const float *largest, float *dx,
                                      int64_t images, int64_t channels, int64_t places,
                                      int64_t image_stride, int64_t threads) {
    fv_fresh(dx, images * channels * places);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const float *from =
            x + (plane / channels) * image_stride + (plane % channels) * places;
        float *to = dx + plane * places;
        const float most = largest[plane], every = dmean[plane] / (float)places;
        int32_t ties = 0;
#pragma omp simd reduction(+ : ties)
        for (int64_t i = 0; i < places; i++) ties += from[i] == most;
        const float share = dlargest[plane] / (float)ties;
        /* a product, as 0 times a share that is not finite is NaN, as in torch */
#pragma omp simd
        for (int64_t i = 0; i < places; i++)
            to[i] = every + share * (from[i] == most ? 1.0f : 0.0f);
    }
}

/* x: as above. gate: NULL, or a factor for each plane. pooled: for each image the means
 * and then the maxima of the scaled channels at each place. */
void fv_mean_max_over_channels(const float *x, const float *gate, float *pooled,
                               int64_t images, int64_t channels, int64_t places,
                               int64_t image_stride, int64_t threads) {
    const int64_t tiles = (places + TILE - 1) / TILE;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t tile = 0; tile < images * tiles; tile++) {
        const int64_t image = tile / tiles, start = tile % tiles * TILE;
        const int64_t count = fv_min(TILE, places - start);
        const float *from = x + image * image_stride + start;
        const float *factors = gate ? gate + image * channels : NULL;
        float sum[TILE], most[TILE];
        for (int64_t i = 0; i < count; i++) {
            sum[i] = 0.0f;
            most[i] = -INFINITY;
        }
        int64_t c = 0;
        for (; c + 4 <= channels; c += 4) {
            const float *a = from + c * places, *b = a + places;
            const float *d = b + places, *e = d + places;
            float g[4] = {1.0f, 1.0f, 1.0f, 1.0f};
            if (factors) memcpy(g, factors + c, sizeof g);
#pragma omp simd
            for (int64_t i = 0; i < count; i++) {
                const float p = a[i] * g[0], q = b[i] * g[1];
                const float r = d[i] * g[2], s = e[i] * g[3];
                const float pq = p > q ? p : q, rs = r > s ? r : s;
                const float pqrs = pq > rs ? pq : rs;
                sum[i] += (p + q) + (r + s);
                most[i] = pqrs > most[i] ? pqrs : most[i];
            }
        }
        for (; c < channels; c++) {
            const float *a = from + c * places;
            const float g = factors ? factors[c] : 1.0f;
#pragma omp simd
            for (int64_t i = 0; i < count; i++) {
                const float p = a[i] * g;
                sum[i] += p;
                most[i] = p > most[i] ? p : most[i];
            }
        }
        float *mean = pooled + 2 * image * places + start, *largest = mean + places;
        for (int64_t i = 0; i < count; i++) {
            mean[i] = sum[i] / (float)channels;
            largest[i] = most[i];
        }
        for (int64_t i = 0; i < count; i++)
            if (sum[i] != sum[i])
                largest[i] = fv_nan_or(most[i], from + i, channels, places, factors);
    }
}

/* dx and, with a gate, its gradient for each tile: (images, tiles, channels), to be
 * added up. A tile is so small that its second reading comes from the cache.
 * pooled: as it was given; the place's maximum is found by comparing. */
void fv_mean_max_over_channels_backward(const float *dpooled, const float *x,
                                        const float *gate, const float *pooled,
                                        float *dx, float *dgate, int64_t images,
                                        int64_t channels, int64_t places,
                                        int64_t image_stride, int64_t tile_size,
                                        int64_t threads) {
    fv_fresh(dx, images * channels * places);
    const int64_t tiles = (places + tile_size - 1) / tile_size;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t tile = 0; tile < images * tiles; tile++) {
        const int64_t image = tile / tiles, start = tile % tiles * tile_size;
        const int64_t count = fv_min(tile_size, places - start);
        const float *from = x + image * image_stride + start;
        float *to = dx + image * channels * places + start;
        const float *factors = gate ? gate + image * channels : NULL;
        const float *most = pooled + (2 * image + 1) * places + start;
        const float *dmean = dpooled + 2 * image * places + start;
        const float *dlargest = dmean + places;
        float share[TILE], every[TILE];
        for (int64_t i = 0; i < count; i++) share[i] = 0.0f;
        int64_t c = 0;
        for (; c + 4 <= channels; c += 4) {
            const float *a = from + c * places, *b = a + places;
            const float *d = b + places, *e = d + places;
            float g[4] = {1.0f, 1.0f, 1.0f, 1.0f};
            if (factors) memcpy(g, factors + c, sizeof g);
#pragma omp simd
            for (int64_t i = 0; i < count; i++) {
                const float m = most[i];
                const float p = a[i] * g[0] == m ? 1.0f : 0.0f;
                const float q = b[i] * g[1] == m ? 1.0f : 0.0f;
                const float r = d[i] * g[2] == m ? 1.0f : 0.0f;
                const float s = e[i] * g[3] == m ? 1.0f : 0.0f;
                share[i] += (p + q) + (r + s);
            }
        }
        for (; c < channels; c++) {
            const float g = factors ? factors[c] : 1.0f, *a = from + c * places;
#pragma omp simd
            for (int64_t i = 0; i < count; i++)
                share[i] += a[i] * g == most[i] ? 1.0f : 0.0f;
        }
        for (int64_t i = 0; i < count; i++) {
            share[i] = dlargest[i] / share[i];
            every[i] = dmean[i] / (float)channels;
        }
        for (c = 0; c + 2 <= channels; c += 2) {
            const float *a = from + c * places, *b = a + places;
            float *at = to + c * places, *bt = at + places, p = 0.0f, q = 0.0f;
            float g[2] = {1.0f, 1.0f};
            if (factors) memcpy(g, factors + c, sizeof g);
#pragma omp simd reduction(+ : p, q)
            for (int64_t i = 0; i < count; i++) {
                const float m = most[i], y = every[i], z = share[i];
                const float da = y + z * (a[i] * g[0] == m ? 1.0f : 0.0f);
                const float db = y + z * (b[i] * g[1] == m ? 1.0f : 0.0f);
                at[i] = da * g[0];
                bt[i] = db * g[1];
                p += da * a[i];
                q += db * b[i];
            }
            if (dgate) {
                dgate[tile * channels + c] = p;
                dgate[tile * channels + c + 1] = q;
            }
        }
        for (; c < channels; c++) {
            const float g = factors ? factors[c] : 1.0f, *a = from + c * places;
            float *down = to + c * places, sum = 0.0f;
#pragma omp simd reduction(+ : sum)
            for (int64_t i = 0; i < count; i++) {
                const float one = a[i] * g == most[i] ? 1.0f : 0.0f;
                const float d = every[i] + share[i] * one;
                down[i] = d * g;
                sum += d * a[i];
            }
            if (dgate) dgate[tile * channels + c] = sum;
        }
    }
}

/* rows: (images, channels, height). columns: (images, channels, width). */
void fv_mean_of_rows_and_columns(const float *x, float *rows, float *columns,
                                 int64_t images, int64_t channels, int64_t height,
                                 int64_t width, int64_t image_stride,
                                 int64_t threads) {
    const int64_t places = height * width;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const float *from =
            x + (plane / channels) * image_stride + (plane % channels) * places;
        float *row = rows + plane * height, *column = columns + plane * width;
        for (int64_t w = 0; w < width; w++) column[w] = 0.0f;
        int64_t h = 0;
        for (; h + 4 <= height; h += 4) {
            const float *a = from + h * width, *b = a + width;
            const float *d = b + width, *e = d + width;
            float p = 0.0f, q = 0.0f, r = 0.0f, s = 0.0f;
#pragma omp simd simdlen(8) reduction(+ : p, q, r, s)
            for (int64_t w = 0; w < width; w++) {
                p += a[w];
                q += b[w];
                r += d[w];
                s += e[w];
                column[w] += (a[w] + b[w]) + (d[w] + e[w]);
            }
            row[h] = p / (float)width;
            row[h + 1] = q / (float)width;
            row[h + 2] = r / (float)width;
            row[h + 3] = s / (float)width;
        }
        for (; h < height; h++) {
            const float *a = from + h * width;
            float p = 0.0f;
#pragma omp simd reduction(+ : p)
            for (int64_t w = 0; w < width; w++) {
                p += a[w];
                column[w] += a[w];
            }
            row[h] = p / (float)width;
        }
        for (int64_t w = 0; w < width; w++) column[w] /= (float)height;
    }
}

/* dx = drows / width + dcolumns / height. */
void fv_mean_of_rows_and_columns_backward(const float *drows, const float *dcolumns,
                                          float *dx, int64_t planes, int64_t height,
                                          int64_t width, int64_t threads) {
    fv_fresh(dx, planes * height * width);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < planes; plane++) {
        const float *row = drows + plane * height, *column = dcolumns + plane * width;
        float *first = dx + plane * height * width;
        /* the first row holds what all rows share until the others have it */
        for (int64_t w = 0; w < width; w++) first[w] = column[w] / (float)height;
        for (int64_t h = 1; h < height; h++) {
            float *to = first + h * width;
            const float of_row = row[h] / (float)width;
#pragma omp simd
            for (int64_t w = 0; w < width; w++) to[w] = of_row + first[w];
        }
        const float of_row = row[0] / (float)width;
        for (int64_t w = 0; w < width; w++) first[w] = of_row + first[w];
    }
}
