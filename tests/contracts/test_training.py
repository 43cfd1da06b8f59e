"""What every block does when it learns."""

import pytest
import torch

from foveate import blocks

BOTH = pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])


@pytest.fixture
def _deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def spread(shape):
    """Return values that all differ by far more than the step of a gradcheck."""
    count = torch.Size(shape).numel()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(3))
    return (4 * order.double() / count - 2).reshape(shape)


def state_of(block):
    """Return what each module holds, by identity, and the numbers of each tensor."""
    held = {
        (path, key): id(value)
        for path, module in block.named_modules()
        for key, value in vars(module).items()
    }
    return held, {key: value.clone() for key, value in block.state_dict().items()}


def test_every_parameter_learns(name, new_block, new_input):
    block = new_block(name, size=(2, 3))
    # means far apart, so that no narrow bottleneck is cut to 0 for all images
    x = 3 * new_input(name, 32, 2, 3)

    block(x.requires_grad_()).square().sum().backward()

    named = block.named_parameters()
    still = [key for key, p in named if p.grad is None or p.grad.eq(0).all()]
    assert still == []


@BOTH
def test_gradients_of_parameters_are_finite(name, training, new_block, new_input):
    block = new_block(name, training=training)

    block(new_input(name).requires_grad_()).square().sum().backward()

    assert all(p.grad.isfinite().all() for p in block.parameters())


@BOTH
def test_the_input_gets_a_gradient_everywhere(name, training, new_block, new_input):
    block, x = new_block(name, training=training), new_input(name).requires_grad_()

    block(x).square().sum().backward()

    assert x.grad.isfinite().all()
    # in a block that is no gate, all that reads a value may end in a closed ReLU
    share = 1 if isinstance(block, blocks.Gate) else 0.99
    assert x.grad.ne(0).double().mean() >= share


@BOTH
def test_gradients_equal_finite_differences(name, training, new_block, new_input):
    block = new_block(name, training=training, size=(3, 2))
    x = spread(new_input(name, 2, 3, 2).shape).requires_grad_()
    weights = dict(block.named_parameters())
    if getattr(block, "detach", False):
        # it passes no more than a part of its gradient, on purpose
        del weights["channel_bn.weight"]

    def answer(x, *values):
        named = dict(zip(weights, values, strict=True))
        return torch.func.functional_call(block, named, (x,))

    # wide blocks in one random direction, narrow ones in all
    torch.autograd.gradcheck(answer, (x, *weights.values()), fast_mode=x.numel() > 200)


def test_trains_twice_in_a_row(name, new_block, new_input):
    block = new_block(name, training=True)
    x = new_input(name).requires_grad_()

    for _ in range(2):
        block.zero_grad()
        block(x).square().sum().backward()

    assert all(p.grad.isfinite().all() for p in block.parameters())


def test_forward_keeps_nothing_on_the_module(name, new_block, new_input):
    block = new_block(name)
    held, numbers = state_of(block)

    block(new_input(name))

    held_after, numbers_after = state_of(block)
    assert held_after == held
    assert all(numbers_after[key].equal(value) for key, value in numbers.items())


def test_maps_keep_nothing_on_the_module(name, new_block, new_input):
    block = new_block(name)
    held, _ = state_of(block)

    block.maps(new_input(name))

    assert state_of(block)[0] == held


def test_training_changes_only_running_statistics(name, new_block, new_input):
    block = new_block(name, training=True)
    _, numbers = state_of(block)

    block(new_input(name))

    changed = {k for k, v in state_of(block)[1].items() if not v.equal(numbers[k])}
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert {key.rpartition(".")[2] for key in changed} <= set(statistics)


@pytest.mark.usefixtures("_deterministic")
def test_runs_with_deterministic_algorithms(name, new_block, new_input):
    x = new_input(name).requires_grad_()

    new_block(name, training=True)(x).sum().backward()

    assert x.grad.isfinite().all()


def test_two_runs_give_equal_bits(name, new_block, new_input):
    runs = []
    for _ in range(2):
        x = new_input(name, dtype=torch.float32).requires_grad_()
        y = new_block(name, torch.float32, training=True)(x)
        y.square().sum().backward()
        runs.append((y.detach(), x.grad))

    assert all(first.equal(second) for first, second in zip(*runs, strict=True))


def test_forward_prints_nothing(name, new_block, new_input, capsys):
    new_block(name)(new_input(name))

    assert capsys.readouterr() == ("", "")
