"""A grafted host trains: a step, checkpointed stages, DistributedDataParallel."""

import copy

import pytest
import torch
from torch import distributed, nn
from torch.utils.checkpoint import checkpoint

CHECKPOINTING = [
    "timm:resnet18",
    "timm:convnext_tiny",
    "timm:mobilenetv3_small_100",
    "timm:efficientnet_b0",
]
"""Hosts that have ``set_grad_checkpointing``."""

STAGES = {
    "torchvision:resnet18": ("layer2", 64),
    "torchvision:mobilenet_v3_small": ("features", 3),
    "torchvision:deeplabv3_resnet50": ("classifier", 2048),
    "smp:unet": ("encoder.layer3", 128),
}
"""Of the others, a part that holds a block, and the channels that it gets."""


def parts(host):
    """Return a copy of all parameters, those of the host and those of the blocks."""
    named = {key: value.detach().clone() for key, value in host.named_parameters()}
    own = {key: value for key, value in named.items() if ".foveate." not in key}
    return own, {key: value for key, value in named.items() if key not in own}


def loss_of(cell, host, images):
    return cell.tensor(host(images)).square().mean()


def gradients(module, output):
    output.square().sum().backward()
    return {key: parameter.grad for key, parameter in module.named_parameters()}


def assert_alike(found, want):
    for key, value in want.items():
        scale = float(value.abs().max())
        torch.testing.assert_close(found[key], value, rtol=0, atol=1e-3 * scale + 1e-9)


def test_the_first_step_moves_the_host_and_every_block(cell, images):
    host = cell.host().train()
    cell.graft(host)
    own, blocks = parts(host)
    optimizer = torch.optim.SGD(host.parameters(), lr=0.1)

    loss_of(cell, host, images).backward()
    optimizer.step()

    new_own, new_blocks = parts(host)
    assert any(not new_own[key].equal(value) for key, value in own.items())
    moved = [key for key, value in blocks.items() if not new_blocks[key].equal(value)]
    assert len({key.partition(".foveate.")[0] for key in moved}) == 3


def test_the_host_gets_the_gradients_that_it_had_to_the_bit(cell, images):
    plain, host = cell.host().train(), cell.host().train()
    cell.graft(host)

    for each in (plain, host):
        # for the hosts that have dropout
        torch.manual_seed(0)
        loss_of(cell, each, images).backward()

    for key, parameter in plain.named_parameters():
        assert host.get_parameter(key).grad.equal(parameter.grad), key


def test_all_weights_of_a_block_learn_once_it_has_left_its_start(cell, images):
    host = cell.grafted().train()

    loss_of(cell, host, images).backward()

    # not biases: a softmax, or a norm that follows, takes no notice of some
    weights = [
        parameter
        for key, parameter in host.named_parameters()
        if ".foveate." in key and not key.endswith("bias")
    ]
    assert weights
    assert all(weight.grad.any() for weight in weights)


@pytest.mark.parametrize("block", ["cbam", "criss_cross"])
@pytest.mark.parametrize("name", CHECKPOINTING)
def test_checkpointing_of_the_host_keeps_all_gradients(name, block, new_cell, images):
    cell = new_cell(name, block)
    host, twin = cell.grafted().train(), cell.grafted().train()

    host.set_grad_checkpointing()
    found = gradients(host, host(images))

    assert_alike(found, gradients(twin, twin(images)))


@pytest.mark.parametrize("block", ["cbam", "criss_cross"])
@pytest.mark.parametrize("name", STAGES)
def test_a_checkpoint_around_a_stage_keeps_all_gradients(name, block, new_cell, timm):
    path, channels = STAGES[name]
    # without dropout, which is random
    stage = new_cell(name, block).grafted().get_submodule(path)
    twin, x = copy.deepcopy(stage), torch.randn(2, channels, 8, 8)

    found = gradients(stage, checkpoint(stage, x, use_reentrant=False))

    assert_alike(found, gradients(twin, twin(x)))


@pytest.fixture
def _one_process(tmp_path):
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1
    )
    yield
    distributed.destroy_process_group()


@pytest.mark.filterwarnings(
    # torch's own: of the 7x7 convolutions of ConvNeXt, also without blocks
    "ignore:Grad strides do not match bucket view strides:UserWarning"
)
@pytest.mark.usefixtures("_one_process")
def test_distributed_training_uses_every_parameter_of_every_block(cell, images):
    host = cell.grafted().train()
    parallel = nn.parallel.DistributedDataParallel(host)

    # the second pass fails if the first left a parameter unused
    for _ in range(2):
        loss_of(cell, parallel, images).backward()

    _, blocks = parts(host)
    assert all(host.get_parameter(key).grad is not None for key in blocks)
