"""Scaling in one pass, forward and backward, gives what the reference gives."""

from pathlib import Path

import pytest
import torch

from foveate import ops
from foveate._loading import load_file
from foveate.errors import OptionError
from foveate.ops.kernels import native, scaling

agreement = load_file(Path(__file__).with_name("agreement.py"))
map_of = agreement.map_of

pytestmark = pytest.mark.skipif(
    native.why_not() is not None, reason=str(native.why_not())
)

# and more channels than one block adds up
SHAPES = [*agreement.SHAPES, (2, 70, 13, 11)]
KINDS = {
    "channel": ("channel",),
    "place": ("place",),
    "row": ("row",),
    "column": ("column",),
    "channel and place": ("channel", "place"),
    "row and column": ("row", "column"),
}


def gates_of(kind, shape):
    batch, channels, height, width = shape
    sizes = {
        "channel": (batch, channels, 1, 1),
        "place": (batch, 1, height, width),
        "row": (batch, channels, height, 1),
        "column": (batch, channels, 1, width),
    }
    return [map_of(*sizes[name]) for name in KINDS[kind]]


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_gates_scale_as_in_the_reference(kind, shape, sliced):
    x = map_of(*shape, sliced=sliced)

    with agreement.filled_with_nan():
        agreement.assert_agrees(ops.scale, x, *gates_of(kind, shape), atol=1e-5)


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_full_logits_scale_as_in_the_reference(shape, sliced):
    x, logits = map_of(*shape, sliced=sliced), map_of(*shape, sliced=sliced).flip(3)

    with agreement.filled_with_nan():
        agreement.assert_agrees(ops.sigmoid_scale, x, 3 * logits)


def test_logits_sliced_from_a_larger_map_are_read_where_they_are():
    x, logits = map_of(2, 6, 5, 7), map_of(2, 6, 5, 7, sliced=True)

    agreement.assert_agrees(ops.sigmoid_scale, x, logits)


@pytest.mark.parametrize("kind", KINDS)
def test_the_scaled_map_has_the_bits_of_the_reference(kind):
    x, gates = map_of(2, 6, 9, 11), gates_of(kind, (2, 6, 9, 11))

    y = agreement.path_of(ops.scale)(x, *gates)

    assert y.equal(ops.scale.reference(x, *gates))


def test_logits_of_zero_halve_to_the_bit():
    x = map_of(2, 6, 9, 11)

    y = agreement.path_of(ops.sigmoid_scale)(x, torch.zeros_like(x))

    assert (2 * y).equal(x)


@pytest.mark.parametrize(("logit", "gate"), [(1e4, 1.0), (-1e4, 0.0)])
def test_far_logits_open_and_close_to_the_bit(logit, gate):
    x = map_of(2, 6, 9, 11)

    y = agreement.path_of(ops.sigmoid_scale)(x, torch.full_like(x, logit))

    assert y.equal(gate * x)


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_values_that_are_not_finite_come_through(kind, at):
    x, gates = map_of(2, 3, 5, 7), gates_of(kind, (2, 3, 5, 7))

    agreement.assert_agrees_where_not_finite(ops.scale, x, *gates, at=at)


@pytest.mark.parametrize("at", [0, 1])
def test_maps_and_logits_that_are_not_finite_come_through(at):
    x, logits = map_of(2, 3, 5, 7), map_of(2, 3, 5, 7).flip(3)

    agreement.assert_agrees_where_not_finite(ops.sigmoid_scale, x, logits, at=at)


@pytest.mark.parametrize("kind", KINDS)
def test_second_gradients_are_those_of_the_reference(kind):
    x, gates = map_of(2, 3, 5, 7), gates_of(kind, (2, 3, 5, 7))

    agreement.assert_agrees_twice(ops.scale, x, *gates, rtol=1e-4, atol=1e-5)


def test_second_gradients_of_logits_are_those_of_the_reference():
    x, logits = map_of(2, 3, 5, 7), map_of(2, 3, 5, 7).flip(3)

    agreement.assert_agrees_twice(ops.sigmoid_scale, x, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_and_other_images_change_no_bit(kind):
    x, gates = map_of(3, 5, 53, 41), gates_of(kind, (3, 5, 53, 41))

    agreement.assert_same_bits_with_any_threads(ops.scale, x, *gates)
    agreement.assert_same_bits_for_an_image_alone(ops.scale, x, *gates)


@pytest.mark.parametrize("shape", [(2, 3, 129, 131), (2, 130, 13, 11)], ids=str)
@pytest.mark.parametrize("kind", ["place", "channel and place"])
def test_maps_of_several_blocks_are_added_up_the_same_way_each_time(kind, shape):
    x, gates = map_of(*shape), gates_of(kind, shape)

    agreement.assert_same_bits_with_any_threads(ops.scale, x, *gates)
    agreement.assert_same_bits_for_an_image_alone(ops.scale, x, *gates)
    agreement.assert_agrees(ops.scale, x, *gates, atol=1e-3)


@pytest.mark.parametrize("kind", ["place", "row", "channel and place"])
def test_gates_are_registered_as_torch_expects(kind):
    x, gates = map_of(2, 3, 5, 7), gates_of(kind, (2, 3, 5, 7))
    learned = [value.clone().requires_grad_() for value in (x, *gates)]
    forward, backward = {
        1: (scaling.scale_one, scaling.scale_one_backward),
        2: (scaling.scale_two, scaling.scale_two_backward),
    }[len(gates)]

    agreement.assert_registered(forward, *learned)
    agreement.assert_registered(backward, x, x, *gates)


def test_full_logits_are_registered_as_torch_expects():
    x = map_of(2, 3, 5, 7)

    learned = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    agreement.assert_registered(scaling.scale_full, *learned)
    agreement.assert_registered(scaling.scale_full_backward, x, x, x)


@pytest.mark.parametrize("kind", ["column", "channel and place"])
def test_a_graph_has_the_same_numbers(kind):
    shape = (2, 64, 9, 31)

    agreement.assert_compiles(
        ops.scale, map_of(*shape), *gates_of(kind, shape), atol=2e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_map_and_the_gates_are_saved(kind):
    x, gates = map_of(2, 64, 16, 24), gates_of(kind, (2, 64, 16, 24))

    saved = agreement.saved_bytes(agreement.path_of(ops.scale), x, *gates)

    assert saved == 4 * (x.numel() + sum(gate.numel() for gate in gates))


def test_only_the_map_and_the_logits_are_saved():
    x = map_of(2, 64, 16, 24)

    saved = agreement.saved_bytes(agreement.path_of(ops.sigmoid_scale), x, x + 1)

    assert saved == 2 * 4 * x.numel()


@pytest.mark.parametrize("kind", ["row", "row and column"])
def test_gates_of_autocast_are_taken_in_the_type_of_the_map(kind):
    x = map_of(2, 64, 16, 24)
    gates = [gate.bfloat16() for gate in gates_of(kind, (2, 64, 16, 24))]

    y = agreement.path_of(ops.scale)(x, *gates)

    assert y.dtype == torch.float32
    assert y.equal(ops.scale.reference(x, *gates))


@pytest.mark.parametrize("kind", ["channel", "place", "row", "column"])
def test_small_logits_are_scaled_by_the_kernel_of_their_gate(kind):
    x, (logits,) = map_of(3, 6, 9, 11), gates_of(kind, (3, 6, 9, 11))

    agreement.assert_agrees(ops.sigmoid_scale, x, logits, atol=1e-5)


@pytest.mark.parametrize(
    ("shapes", "got"),
    [
        ([(1, 64, 1, 1), (2, 1, 32, 72)], "(1, 64, 1, 1), (2, 1, 32, 72)"),
        ([(2, 1, 32, 72), (2, 64, 1, 1)], "(2, 1, 32, 72), (2, 64, 1, 1)"),
        ([(2, 64, 1, 1)] * 3, "(2, 64, 1, 1), (2, 64, 1, 1), (2, 64, 1, 1)"),
    ],
)
def test_other_gates_are_refused_in_words(shapes, got):
    x, gates = map_of(2, 64, 32, 72), [torch.rand(shape) for shape in shapes]

    (choice,) = ops.explain(ops.scale, x, *gates)

    assert choice.path == "reference"
    assert choice.refusals["native"] == (
        f"takes one gate, or channels and places, or rows and columns, got {got}"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda logits: logits.double(),
            "takes logits of torch.float32, as the map, got torch.float64",
        ),
        (
            lambda logits: logits.contiguous(memory_format=torch.channels_last),
            "takes logits that are contiguous, got strides (32768, 1, 2048, 64)",
        ),
    ],
    ids=["type", "layout"],
)
def test_other_logits_are_refused_in_words(change, reason):
    x = map_of(2, 64, 16, 32)

    choice, *_ = ops.explain(ops.sigmoid_scale, x, change(x))

    assert choice.path == "reference"
    assert choice.refusals["native"] == reason


@pytest.mark.parametrize(
    ("shape", "gates", "reason"),
    [
        ((2, 64, 16, 24), 1, "one gate without a gradient is one pass in torch too"),
        ((2, 64, 16, 24), 2, "pays from 262144 values, got 49152"),
    ],
)
def test_work_too_small_for_a_kernel_is_refused_in_words(shape, gates, reason):
    x, given = map_of(*shape), gates_of("channel and place", shape)[:gates]

    (choice,) = ops.explain(ops.scale, x, *given)

    assert choice.refusals["native"] == reason


def test_one_gate_runs_in_the_kernel_where_gradients_of_a_large_map_are_asked():
    x = torch.zeros(1, 64, 128, 128)
    gate = torch.zeros(1, 64, 1, 1, requires_grad=True)

    y = ops.scale(x, gate)

    assert "foveate_scale_one" in type(y.grad_fn).__name__


def test_asked_for_and_not_possible_is_an_error():
    x, gates = map_of(2, 64, 32, 72), gates_of("row and column", (2, 64, 32, 72))

    with (
        ops.using("native"),
        pytest.raises(OptionError, match=r"takes float32, got torch\.float64"),
    ):
        ops.scale(x.double(), *gates)
