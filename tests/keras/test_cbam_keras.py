"""The variant ``cbam.keras`` gives the numbers of the code that it is named after.

That code is written here anew, step by step, on arrays: what a user of it has are its
weights, and they must mean the same in the variant.
"""

import keras
import numpy as np
import pytest

import foveate.keras as fk
from foveate import catalog

CHANNELS = 6
SHAPE = (2, 7, 5, CHANNELS)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def relu(x):
    return np.maximum(x, 0)


def weights_of_copied_code(numbers, channels=CHANNELS, fraction=0.5):
    """Return its weights in the order in which Keras lists them."""
    hidden = int(channels * fraction)
    shapes = ((channels, hidden), (hidden,), (hidden, channels), (channels,))
    return [numbers.normal(size=shape) for shape in (*shapes, (3, 3, 2, 1))]


def channel_gate_of_copied_code(x, weights):
    """Return ``(B, 1, 1, C)``: a ReLU behind both layers, then the sigmoid."""
    kernel1, bias1, kernel2, bias2, _ = weights

    def answer(pooled):
        return relu(relu(pooled @ kernel1 + bias1) @ kernel2 + bias2)

    gate = sigmoid(answer(x.max(axis=(1, 2))) + answer(x.mean(axis=(1, 2))))
    return gate[:, None, None, :]


def spatial_gate_of_copied_code(x, kernel):
    """Return ``(B, H, W, 1)``: a 3x3 convolution over (max, mean), without bias."""
    height, width = x.shape[1:3]
    stacked = np.stack([x.max(axis=3), x.mean(axis=3)], axis=3)
    padded = np.pad(stacked, ((0, 0), (1, 1), (1, 1), (0, 0)))
    logits = sum(
        padded[:, row : row + height, column : column + width] @ kernel[row, column]
        for row in range(3)
        for column in range(3)
    )
    return sigmoid(logits)


def copied_code(x, weights):
    """Return its output: the input is added to its product with both gates."""
    scaled = x * channel_gate_of_copied_code(x, weights)
    return scaled * spatial_gate_of_copied_code(scaled, weights[-1]) + x


def layer_of(weights, channels=CHANNELS, **options):
    """Return the variant with the weights of the copied code."""
    kernel1, bias1, kernel2, bias2, kernel3 = weights
    layer = fk.create("cbam.keras", channels, dtype="float64", **options)
    state = {
        "channel.fc1.weight": kernel1.T[:, :, None, None],
        "channel.fc1.bias": bias1,
        "channel.fc2.weight": kernel2.T[:, :, None, None],
        "channel.fc2.bias": bias2,
        # that code stacks (max, mean), the variant (mean, max)
        "spatial.conv.weight": kernel3[:, :, ::-1].transpose(3, 2, 0, 1),
    }
    return fk.from_torch(layer, state)


def close(found, want):
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [SHAPE, (1, 1, 5, CHANNELS), (2, 8, 8, CHANNELS)])
def test_gives_the_output_of_the_copied_code_for_its_weights(shape):
    numbers = np.random.default_rng(0)
    weights, x = weights_of_copied_code(numbers), numbers.normal(size=shape)

    y = layer_of(weights)(x)

    close(y, copied_code(x, weights))


def test_gives_it_with_channels_first_where_the_copied_code_fails():
    numbers = np.random.default_rng(0)
    weights, x = weights_of_copied_code(numbers), numbers.normal(size=SHAPE)

    y = layer_of(weights, data_format="channels_first")(x.transpose(0, 3, 1, 2))

    close(y, copied_code(x, weights).transpose(0, 3, 1, 2))


def test_gives_the_gates_of_the_copied_code():
    numbers = np.random.default_rng(0)
    weights, x = weights_of_copied_code(numbers), numbers.normal(size=SHAPE)

    maps = layer_of(weights).maps(x)

    channel = channel_gate_of_copied_code(x, weights)
    close(maps["channel"], channel)
    close(maps["spatial"], spatial_gate_of_copied_code(x * channel, weights[-1]))


def test_the_order_of_the_pools_matters_so_the_kernel_is_flipped():
    numbers = np.random.default_rng(0)
    weights, x = weights_of_copied_code(numbers), numbers.normal(size=SHAPE)
    unflipped = [*weights[:-1], weights[-1][:, :, ::-1]]

    y = keras.ops.convert_to_numpy(layer_of(unflipped)(x))

    assert abs(y - copied_code(x, weights)).max() > 0.1


def test_a_fraction_of_one_half_is_a_reduction_of_2():
    weights = weights_of_copied_code(np.random.default_rng(0), channels=7)

    layer = layer_of(weights, channels=7)

    # int(7 * 0.5), as 7 // 2
    assert layer.channel.fc1.filters == 3


def test_its_channel_gate_never_falls_below_one_half():
    numbers = np.random.default_rng(0)
    weights, x = weights_of_copied_code(numbers), 10 * numbers.normal(size=SHAPE)

    gate = keras.ops.convert_to_numpy(layer_of(weights).maps(x)["channel"])

    assert gate.min() == 0.5


def test_without_the_second_relu_the_same_weights_close_the_gate():
    numbers = np.random.default_rng(0)
    weights, x = weights_of_copied_code(numbers), 10 * numbers.normal(size=SHAPE)

    layer = layer_of(weights, rectify_logits=False)

    assert keras.ops.convert_to_numpy(layer.maps(x)["channel"]).min() < 0.1


def test_its_output_is_never_smaller_than_its_input():
    numbers = np.random.default_rng(0)
    weights, x = weights_of_copied_code(numbers), numbers.normal(size=SHAPE)

    ratio = keras.ops.convert_to_numpy(layer_of(weights)(x)) / x

    assert ratio.min() >= 1
    assert ratio.max() <= 2


def test_a_closed_gate_still_lets_the_input_through():
    weights = weights_of_copied_code(np.random.default_rng(0))
    # both pools of a map of ones are 1: every place says no
    weights[-1] = np.full((3, 3, 2, 1), -1000.0)
    x = np.ones(SHAPE)

    y = layer_of(weights)(x)

    close(y, x)


def test_without_the_residual_a_closed_gate_lets_nothing_through():
    weights = weights_of_copied_code(np.random.default_rng(0))
    weights[-1] = np.full((3, 3, 2, 1), -1000.0)

    y = layer_of(weights, residual=False)(np.ones(SHAPE))

    close(y, np.zeros(SHAPE))


@pytest.mark.parametrize(
    "fault",
    [
        "A second ReLU before the sigmoid: the channel gate can never go below one",
        "The input is added to the output, which is then one to two times the input",
        "A 3x3 spatial convolution",
        "writes a reduction as a fraction, 0.5",
        "stacks (max, mean): its spatial kernel fits with its two inputs swapped",
    ],
)
def test_its_card_names_the_fault(fault):
    _, variant = catalog.resolve("cbam.keras")

    assert fault in " ".join(variant.differs)
