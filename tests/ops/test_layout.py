"""Order of channels and of memory, by hand."""

import pytest
import torch

from foveate import ops

LAST = torch.channels_last


@pytest.mark.parametrize(
    ("groups", "order"),
    [
        (1, [0, 1, 2, 3, 4, 5]),
        (2, [0, 3, 1, 4, 2, 5]),
        (3, [0, 2, 4, 1, 3, 5]),
        (6, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_shuffle_interleaves_runs_of_channels(groups, order):
    x = torch.arange(6.0).reshape(1, 6, 1, 1)

    assert ops.channel_shuffle(x, groups).flatten().tolist() == order


def test_shuffle_moves_whole_maps():
    x = torch.randn(2, 4, 3, 5)

    assert ops.channel_shuffle(x, 2).equal(x[:, [0, 2, 1, 3]])


def test_shuffling_by_the_other_factor_undoes_it():
    x = torch.randn(2, 6, 3, 5)

    assert ops.channel_shuffle(ops.channel_shuffle(x, 2), 3).equal(x)


def test_shuffle_takes_a_strided_map():
    x = torch.randn(2, 6, 5, 3).transpose(2, 3)

    assert ops.channel_shuffle(x, 2).equal(x[:, [0, 3, 1, 4, 2, 5]])


def test_follows_a_map_that_is_channels_last():
    x = torch.randn(2, 4, 3, 5).contiguous(memory_format=LAST)

    y = ops.in_layout_of(torch.randn(2, 4, 3, 5), x)

    assert y.is_contiguous(memory_format=LAST)


def test_leaves_a_map_alone_next_to_a_contiguous_one():
    y = torch.randn(2, 4, 3, 5)

    assert ops.in_layout_of(y, torch.randn(2, 4, 3, 5)) is y


@pytest.mark.parametrize("shape", [(2, 1, 3, 5), (2, 4, 1, 1)])
def test_leaves_a_map_alone_where_both_orders_are_one(shape):
    y = torch.randn(shape)

    assert ops.in_layout_of(y, torch.randn(shape)) is y


def test_a_new_order_changes_no_number():
    x = torch.randn(2, 4, 3, 5).contiguous(memory_format=LAST)
    y = torch.randn(2, 4, 3, 5)

    assert ops.in_layout_of(y, x).equal(y)
