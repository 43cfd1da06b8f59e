/* Stride-one convolutions between maps of very few channels, as the spatial gates have
 * them: libraries take far longer to arrange such small work than to do it.
 *
 * Maps come with a border of zeros: `height + 2 * pad` rows of `stride` values, of which
 * the first `pad` are zeros too. A stride is a multiple of FV_STEP after the border, so
 * that whole steps are read, and what lies behind a row's end is zeros. */
#include "common.h"

/* Copies planes into frames of zeros. */
void fv_frame(const float *x, float *framed, int64_t images, int64_t channels,
              int64_t height, int64_t width, int64_t image_stride, int64_t pad,
              int64_t stride, int64_t threads) {
    const int64_t rows = height + 2 * pad;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++) {
        const float *from =
            x + plane / channels * image_stride + plane % channels * height * width;
        float *to = framed + plane * rows * stride;
        memset(to, 0, sizeof(float) * rows * stride);
        for (int64_t row = 0; row < height; row++)
            memcpy(to + (row + pad) * stride + pad, from + row * width,
                   sizeof(float) * width);
    }
}

/* FV_STEP values of one row: the sum over channels and taps of weight times input. */
static void fv_taps(const float *from, const float *weight, float bias, float *to,
                    int64_t channels, int64_t plane, int64_t stride, int64_t side) {
    fv_sixteen sum[4];
    for (int n = 0; n < 4; n++) sum[n] = (fv_sixteen){0.0f} + bias;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t row = 0; row < side; row++) {
            const float *at = from + c * plane + row * stride;
            for (int64_t tap = 0; tap < side; tap++, weight++)
                for (int n = 0; n < 4; n++)
                    sum[n] += *weight * *(const fv_sixteen *)(at + tap + 16 * n);
        }
    memcpy(to, sum, sizeof sum);
}

/* y, (images, outputs, height, width), from framed inputs and weights (outputs,
 * channels, side, side). bias: one value an output, or NULL. */
void fv_convolve(const float *framed, const float *weight, const float *bias, float *y,
                 int64_t images, int64_t channels, int64_t outputs, int64_t height,
                 int64_t width, int64_t side, int64_t stride, int64_t threads) {
    const int64_t plane = (height + side - 1) * stride;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t line = 0; line < images * outputs * height; line++) {
        const int64_t row = line % height, output = line / height % outputs;
        const float *from =
            framed + line / height / outputs * channels * plane + row * stride;
        const float *taps = weight + output * channels * side * side;
        for (int64_t start = 0; start < width; start += FV_STEP) {
            float step[FV_STEP];
            fv_taps(from + start, taps, bias ? bias[output] : 0.0f, step, channels,
                    plane, stride, side);
            const int64_t left = width - start;
            memcpy(y + line * width + start, step,
                   sizeof(float) * (left < FV_STEP ? left : FV_STEP));
        }
    }
}

/* The gradient of one tap of one image: the sum over all places of up times input. */
static float fv_tap_gradient(const float *up, const float *from, int64_t height,
                             int64_t width, int64_t stride) {
    fv_sixteen part[4] = {{0.0f}};
    for (int64_t row = 0; row < height; row++)
        for (int64_t start = 0; start < width; start += FV_STEP)
            for (int n = 0; n < 4; n++) {
                const int64_t at = row * stride + start + 16 * n;
                part[n] += *(const fv_sixteen *)(up + at) *
                           *(const fv_sixteen *)(from + at);
            }
    return fv_sum_of(part);
}

/* dweight of each image, (images, channels, side, side), for one output, from framed
 * inputs and the framed gradient of the output. */
void fv_convolve_weight(const float *up, const float *framed, float *dweight,
                        int64_t images, int64_t channels, int64_t height, int64_t width,
                        int64_t side, int64_t stride, int64_t threads) {
    const int64_t plane = (height + side - 1) * stride, pad = side / 2;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t line = 0; line < images * channels * side; line++) {
        const int64_t image = line / side / channels;
        const float *of_image = up + image * plane + pad * stride + pad;
        const float *from = framed + line / side * plane + line % side * stride;
        for (int64_t tap = 0; tap < side; tap++)
            dweight[line * side + tap] =
                fv_tap_gradient(of_image, from + tap, height, width, stride);
    }
}
