"""Criss-cross attention in chunks gives what its reference gives."""

from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from foveate import ops
from foveate._loading import load_file
from foveate.ops.kernels import crossing

agreement = load_file(Path(__file__).with_name("agreement.py"))


def inputs(batch, channels, height, width, *, queried=3):
    random = torch.Generator().manual_seed(batch + channels + height + width)
    shapes = [(batch, c, height, width) for c in (queried, queried, channels)]
    return [torch.randn(shape, generator=random) for shape in shapes]


class LiveBytes(TorchDispatchMode):
    """Note the most bytes that live at a time in tensors that are not given."""

    def __init__(self, given):
        super().__init__()
        self.live, self.most = {}, 0
        self.given = {value.untyped_storage()._cdata for value in given}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for value in tree_leaves(found):
            if isinstance(value, torch.Tensor):
                storage = value.untyped_storage()
                if storage._cdata in self.given:
                    continue
                self.live[storage._cdata] = (
                    torch.multiprocessing.reductions.StorageWeakRef(storage),
                    storage.nbytes(),
                )
        self.live = {k: v for k, v in self.live.items() if not v[0].expired()}
        self.most = max(self.most, sum(size for _, size in self.live.values()))
        return found


@pytest.mark.parametrize("least", [1, 2**20], ids=["lines", "whole"])
@pytest.mark.parametrize("shape", agreement.SHAPES, ids=str)
def test_outputs_and_gradients_are_those_of_the_reference(shape, least, monkeypatch):
    monkeypatch.setattr(crossing, "LEAST_BYTES", least)

    agreement.assert_agrees(
        ops.criss_cross, *inputs(*shape), path="eager", rtol=1e-4, atol=1e-5
    )


def test_every_value_is_written():
    with agreement.filled_with_nan():
        agreement.assert_agrees(
            ops.criss_cross, *inputs(2, 5, 7, 4), path="eager", rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("at", [0, 1, 2], ids=["queries", "keys", "values"])
def test_values_that_are_not_finite_come_through_as_in_the_reference(at):
    agreement.assert_agrees_where_not_finite(
        ops.criss_cross, *inputs(2, 3, 5, 7), at=at, path="eager"
    )


def test_a_row_of_keys_far_off_leaves_all_to_the_column():
    queries, keys = torch.ones(1, 1, 3, 2), torch.zeros(1, 1, 3, 2)
    keys[:, :, 1] = -torch.inf
    values = torch.arange(6.0).reshape(1, 1, 3, 2)

    seen = ops.criss_cross(queries, keys, values)

    # above and below row 1 stand 0 and 4, 1 and 5
    assert seen[0, 0, 1].tolist() == [2.0, 3.0]


def test_large_logits_have_the_gradient_of_the_reference():
    given = [1e4 * value for value in inputs(1, 3, 4, 5)]

    agreement.assert_agrees(
        ops.criss_cross, *given, path="eager", dtype=None, rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_as_near_as_the_reference(dtype):
    given = [value.to(dtype) for value in inputs(2, 4, 6, 5)]

    found = ops.criss_cross(*given)

    assert found.dtype == dtype
    wanted = ops.criss_cross.reference(*(value.double() for value in given))
    torch.testing.assert_close(found.double(), wanted, rtol=0.02, atol=0.02)


def test_second_gradients_are_those_of_the_reference():
    agreement.assert_agrees_twice(
        ops.criss_cross, *inputs(1, 3, 3, 4), path="eager", rtol=1e-4, atol=1e-4
    )


def test_operations_are_registered_as_torch_expects():
    given = inputs(2, 3, 4, 5)
    seen, sums = crossing.criss_cross(*given)

    agreement.assert_registered(
        crossing.criss_cross, *(value.requires_grad_() for value in given)
    )
    plain = [value.detach() for value in given]
    agreement.assert_registered(crossing.criss_cross_backward, seen, *plain, seen, sums)


def test_a_graph_gives_the_outputs_and_gradients():
    agreement.assert_compiles(
        ops.criss_cross, *inputs(2, 3, 5, 4), rtol=1e-4, atol=1e-5
    )


def test_keeps_what_goes_in_what_comes_out_and_two_numbers_a_place():
    given = inputs(2, 8, 9, 7)

    kept = agreement.saved_bytes(ops.criss_cross, *given)

    assert kept == 4 * 2 * 9 * 7 * (3 + 3 + 8 + 8 + 2)


@pytest.mark.parametrize("side", [48, 68, 96])
def test_the_most_memory_grows_with_the_places_alone(side):
    given = inputs(1, 64, side, side, queried=8)

    with LiveBytes(given) as used:
        crossing.criss_cross.kernel(*given)

    # the output, and a chunk with what it copies
    output = given[2].numel() * 4
    assert used.most < output + 1.5 * max(crossing.LEAST_BYTES, output // 8)


def test_counts_the_products_of_the_reference():
    given = inputs(2, 8, 5, 7)

    with FlopCounterMode(display=False) as counter:
        ops.criss_cross(*given)

    with FlopCounterMode(display=False) as wanted:
        ops.criss_cross.reference(*given)
    assert counter.get_total_flops() == wanted.get_total_flops()
    assert wanted.get_total_flops() == 2 * 2 * 5 * 7 * (5 + 7) * (3 + 8)
