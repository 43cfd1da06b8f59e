"""A grafted host begins as the host that it was, and runs each block once."""

import copy

import pytest
import torch
from torch import nn

BESIDE = {
    "timm:resnet18": "layer3",
    "timm:convnext_tiny": "stages.2",
    "timm:mobilenetv3_small_100": "blocks.2",
    "timm:efficientnet_b0": "blocks.3.0",
    "torchvision:resnet18": "layer4.1",
    "torchvision:mobilenet_v3_small": "features.5",
    "torchvision:deeplabv3_resnet50": "classifier",
    "smp:unet": "decoder.blocks.3.conv2",
}
"""Layers, some of them sequences, that can have a block before and after them."""

REPLACED = {
    "timm:resnet18": "layer1.1",
    "timm:convnext_tiny": "stages.2.blocks.1",
    "timm:mobilenetv3_small_100": "blocks.3.1.se",
    "timm:efficientnet_b0": "blocks.4.0.se",
    "torchvision:resnet18": "layer3.1",
    "torchvision:mobilenet_v3_small": "features.5",
    "torchvision:deeplabv3_resnet50": "backbone.layer2.1",
    "smp:unet": "encoder.layer1.1",
}
"""Layers that keep the shape of their map."""


def is_block(path):
    return ".foveate." in path and path.endswith(".block")


def count_calls(host):
    calls = {path: 0 for path, _ in host.named_modules() if is_block(path)}

    def count(path):
        def hook(*_):
            calls[path] += 1

        return hook

    for path in calls:
        host.get_submodule(path).register_forward_hook(count(path))
    return calls


def grafted_module(host):
    """Return the one block of a host, with what it starts by."""
    (path,) = (path for path, _ in host.named_modules() if is_block(path))
    return host.get_submodule(path.removesuffix(".block"))


def watched(host, path, images):
    """Return what a layer gets and returns when the host runs."""
    seen = []
    layer = host.get_submodule(path)
    handle = layer.register_forward_hook(lambda _, x, y: seen.append((x, y)))
    with torch.no_grad():
        host(images)
    handle.remove()
    (pair,) = seen
    return pair


def test_a_new_graft_changes_no_bit_of_the_output(cell, images):
    host = cell.host()
    want = cell.answer(host, images)

    cell.graft(host)

    assert (cell.answer(host, images) - want).abs().max() == 0


def test_opened_gates_change_no_bit_of_the_output(host_cell, images):
    host = host_cell.host()
    want = host_cell.answer(host, images)

    host_cell.graft(host, block="se", start="gate")

    assert (host_cell.answer(host, images) - want).abs().max() == 0


def test_a_new_graft_changes_no_bit_in_training(cell, images):
    plain, host = cell.host().train(), cell.host().train()
    cell.graft(host)

    torch.manual_seed(5)
    want = cell.answer(plain, images)
    torch.manual_seed(5)
    found = cell.answer(host, images)

    assert found.equal(want)
    here = dict(host.named_buffers())
    assert all(here[key].equal(value) for key, value in plain.named_buffers())


def test_blocks_that_have_left_their_start_change_the_output(cell, images):
    want = cell.answer(cell.host(), images)

    found = cell.answer(cell.grafted(), images)

    assert found.isfinite().all()
    assert not torch.allclose(found, want, rtol=1e-2)


def test_each_block_runs_once_in_a_pass(cell, images):
    host = cell.grafted()
    calls = count_calls(host)

    cell.answer(host, images)

    assert list(calls.values()) == [1, 1, 1]


def test_a_new_graft_before_a_layer_changes_no_bit_of_the_output(cell, images):
    host = cell.host()
    want = cell.answer(host, images)

    cell.graft(host, at=BESIDE[cell.name], position="before")

    assert cell.answer(host, images).equal(want)


@pytest.mark.parametrize("position", ["before", "after"])
def test_a_layer_and_its_block_compute_one_after_the_other(cell, position, images):
    host, path = cell.host(), BESIDE[cell.name]
    layer = copy.deepcopy(host).get_submodule(path)
    args, _ = watched(host, path, images)
    cell.graft(host, at=path, position=position)
    block = grafted_module(cell.rouse(host))

    _, found = watched(host, path, images)

    with torch.no_grad():
        want = layer(block(*args)) if position == "before" else block(layer(*args))
    assert found.equal(want)


def test_what_replaces_a_layer_begins_as_nothing_in_its_place(cell, images):
    host, path = cell.host(), REPLACED[cell.name]
    without = copy.deepcopy(host)
    without.set_submodule(path, nn.Identity())

    cell.graft(host, at=path, position="replace")

    assert cell.answer(host, images).equal(cell.answer(without, images))


def test_what_replaces_a_layer_gets_its_map(cell, images):
    host, path = cell.host(), REPLACED[cell.name]
    (x,), _ = watched(host, path, images)
    cell.graft(host, at=path, position="replace")
    block = grafted_module(cell.rouse(host))

    _, found = watched(host, path, images)

    with torch.no_grad():
        assert found.equal(block(x))
