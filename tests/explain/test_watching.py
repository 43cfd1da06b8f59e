"""What is seen in a network that is watched, and that it is left as it was."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import foveate as fv
from foveate.errors import OptionError
from foveate.explain._network import network_of
from foveate.explain._watching import watching


class Host(nn.Module):
    """A network with dropout, BatchNorm, in-place layers and a layer that tells."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.last = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(6, 5)
        self.unused = nn.Conv2d(1, 1, 1)

    def forward(self, x):
        x = self.relu(self.norm(self.stem(x)))
        # in place on what the last layer returned
        x = self.last(x).relu_()
        return self.head(self.drop(x.mean(dim=(2, 3))))


def images(count=2, height=9, width=6):
    return torch.randn(
        count, 3, height, width, generator=torch.Generator().manual_seed(2)
    )


def layers_of(model, *paths):
    return {path: model.get_submodule(path) for path in paths}


def state_of(model):
    """Return all that must be the same afterwards."""
    return {
        "tensors": {key: value.clone() for key, value in model.state_dict().items()},
        "modes": [module.training for module in model.modules()],
        "grads": [parameter.grad for parameter in model.parameters()],
        "needs": [parameter.requires_grad for parameter in model.parameters()],
        "hooks": [
            (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks))
            for m in model.modules()
        ],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "random": torch.get_rng_state(),
        "grad mode": torch.is_grad_enabled(),
    }


def assert_same(one, other):
    for key, value in one.pop("tensors").items():
        assert torch.equal(value, other["tensors"][key]), key
    assert torch.equal(one.pop("random"), other["random"])
    assert one == {key: other[key] for key in one}


def interrupt(model, problem):
    with watching(model, layers_of(model, "last")) as seen:
        seen.run(images())
        raise problem


def by_hand(model, x, category):
    """Return what the last layer of ``Host`` returns, and the gradients there."""
    model = copy.deepcopy(model).eval().requires_grad_(requires_grad=True)
    activations = model.last(model.norm(model.stem(x)).relu())
    activations.retain_grad()
    model.head(activations.relu().mean(dim=(2, 3)))[:, category].sum().backward()
    return activations.detach(), activations.grad


def test_sees_what_a_layer_returned_and_the_gradients_there():
    model, x = Host(), images()

    with watching(model, layers_of(model, "last")) as seen:
        (gradients,) = seen.gradients(seen.run(x)[:, 3].sum())
        (activations,) = seen.activations

    want = by_hand(model, x, 3)
    torch.testing.assert_close((activations, gradients), want)
    assert activations.min() < 0  # before the in-place layer after it


def test_each_image_of_a_batch_has_the_gradients_it_has_alone():
    model, x = Host(), images(3)

    with watching(model, layers_of(model, "last")) as seen:
        together = seen.gradients(seen.run(x)[:, 1].sum())[0]
        alone = [seen.gradients(seen.run(one[None])[0, 1])[0] for one in x]

    torch.testing.assert_close(together, torch.cat(alone))


def test_several_layers_come_in_the_order_in_which_they_were_given():
    model = Host()

    with watching(model, layers_of(model, "last", "stem")) as seen:
        seen.run(images())
        shapes = [tuple(activations.shape) for activations in seen.activations]

    assert shapes == [(2, 6, 5, 3), (2, 4, 9, 6)]


def test_without_layers_the_input_is_watched():
    model, x = Host(), images()

    with watching(model, {}) as seen:
        (gradients,) = seen.gradients(seen.run(x)[:, 0].sum())

    leaf = x.clone().requires_grad_()
    (want,) = torch.autograd.grad(copy.deepcopy(model).eval()(leaf)[:, 0].sum(), leaf)
    torch.testing.assert_close(gradients, want)


def test_several_targets_are_asked_for_after_one_run():
    model, x = Host(), images()

    with watching(model, layers_of(model, "last")) as seen:
        output = seen.run(x)
        found = [seen.gradients(output[:, category].sum())[0] for category in (0, 4)]

    want = [by_hand(model, x, category)[1] for category in (0, 4)]
    torch.testing.assert_close(found, want)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training):
    model = Host().train(training)
    model.head.weight.requires_grad_(requires_grad=False)
    model.norm.eval()
    before = state_of(model)

    with watching(model, layers_of(model, "last", "relu")) as seen:
        seen.gradients(seen.run(images())[:, 0].sum())

    assert_same(before, state_of(model))


@pytest.mark.parametrize("problem", [RuntimeError, KeyboardInterrupt])
def test_the_network_is_left_as_it_was_after_an_error(problem):
    model = Host().train()
    before = state_of(model)

    with pytest.raises(problem):
        interrupt(model, problem)

    assert_same(before, state_of(model))


def test_a_network_that_cannot_run_is_left_as_it_was():
    model = Host().train()
    before = state_of(model)

    with (
        pytest.raises(OptionError, match=r"Host does not run with an input of \(1, 4"),
        watching(model, layers_of(model, "last")) as seen,
    ):
        seen.run(torch.ones(1, 4, 5, 5))
    assert_same(before, state_of(model))


def test_the_images_of_the_caller_are_left_as_they_were():
    x = images().requires_grad_()
    before = x.detach().clone()
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 2, 1), nn.Flatten())

    with watching(model, {}) as seen:
        seen.gradients(seen.run(x).sum())

    assert torch.equal(x.detach(), before)
    assert x.grad is None


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_a_caller_without_gradients_gets_them_all_the_same(context):
    model, x = Host(), images()

    with context(), watching(model, layers_of(model, "last")) as seen:
        (gradients,) = seen.gradients(seen.run(x.clone())[:, 3].sum())

    torch.testing.assert_close(gradients, by_hand(model, x, 3)[1])


def test_tensors_made_in_inference_mode_are_put_back():
    x = images()
    with torch.inference_mode():
        model = Host()
        model.told = torch.ones(3)
    before = {id(tensor) for tensor in model.state_dict(keep_vars=True).values()}

    with watching(model, layers_of(model, "last")) as seen:
        seen.gradients(seen.run(x)[:, 3].sum())
        assert not model.told.is_inference()

    after = model.state_dict(keep_vars=True).values()
    assert {id(tensor) for tensor in after} == before
    assert all(tensor.is_inference() for tensor in [*after, model.told])


def test_frozen_networks_have_gradients():
    model, x = Host().requires_grad_(requires_grad=False), images()

    with watching(model, layers_of(model, "last", "stem")) as seen:
        gradients, early = seen.gradients(seen.run(x)[:, 3].sum())

    torch.testing.assert_close(gradients, by_hand(model, x, 3)[1])
    assert early.any()


def test_a_part_that_runs_without_gradients_has_them():
    class Frozen(Host):
        def forward(self, x):
            with torch.no_grad():
                x = self.last(self.relu(self.norm(self.stem(x))))
            return self.head(x.relu_().mean(dim=(2, 3)))

    model, x = Frozen(), images()

    with watching(model, layers_of(model, "last")) as seen:
        (gradients,) = seen.gradients(seen.run(x)[:, 3].sum())

    torch.testing.assert_close(gradients, by_hand(model, x, 3)[1])


def test_checkpointed_parts_have_gradients():
    class Saving(Host):
        def body(self, x):
            return self.last(self.relu(self.norm(self.stem(x)))).relu_()

        def forward(self, x):
            x = checkpoint(self.body, x, use_reentrant=False)
            return self.head(x.mean(dim=(2, 3)))

    model, x = Saving(), images()

    with watching(model, layers_of(model, "last")) as seen:
        (gradients,) = seen.gradients(seen.run(x)[:, 3].sum())

    torch.testing.assert_close(gradients, by_hand(model, x, 3)[1])


def test_an_identity_has_the_gradients_of_its_own_way_alone():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.same = nn.Identity()

        def forward(self, x):
            return (self.same(x) + 2 * x).sum(dim=(2, 3))

    model = Skip()

    with watching(model, layers_of(model, "same")) as seen:
        (gradients,) = seen.gradients(seen.run(images())[:, 0].sum())

    assert gradients.unique().tolist() == [0.0, 1.0]


def test_a_graft_belongs_to_the_layer_that_it_is_at():
    model = Host().eval()
    fv.graft(model, "se", at="last", example=(1, 3, 9, 6), start="paper")
    x = images()

    with watching(model, layers_of(model, "last")) as seen:
        seen.run(x)
        (activations,) = seen.activations

    want = model.last(model.norm(model.stem(x)).relu())
    torch.testing.assert_close(activations, want.detach())
    assert not torch.allclose(
        activations,
        model.last._conv_forward(
            model.norm(model.stem(x)).relu(), model.last.weight, model.last.bias
        ),
    )


def test_wrappers_are_looked_through():
    model = Host()

    assert network_of(nn.DataParallel(model)) is model
    assert network_of(torch.compile(model, backend="eager")) is model


def test_a_network_compiled_in_place_is_seen():
    model, x = Host().eval(), images()
    want = by_hand(model, x, 3)[1]
    model.compile(backend="eager")
    model(x)

    with watching(model, layers_of(model, "last")) as seen:
        (gradients,) = seen.gradients(seen.run(x)[:, 3].sum())

    torch.testing.assert_close(gradients, want)


def test_channels_last_gives_the_same():
    model, x = Host(), images()
    want = by_hand(model, x, 3)[1]
    model.to(memory_format=torch.channels_last)

    with watching(model, layers_of(model, "last")) as seen:
        output = seen.run(x.to(memory_format=torch.channels_last))
        (gradients,) = seen.gradients(output[:, 3].sum())

    torch.testing.assert_close(gradients, want)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_comes_in_single_at_least(dtype):
    model, x = Host(), images()
    want = by_hand(model, x, 3)[1]
    model.to(dtype)

    with watching(model, layers_of(model, "last")) as seen:
        (gradients,) = seen.gradients(seen.run(x)[:, 3].sum())

    assert gradients.dtype == torch.promote_types(dtype, torch.float32)
    torch.testing.assert_close(gradients.float(), want, rtol=0.02, atol=1e-3)


def test_gradients_that_float16_loses_are_kept():
    model = Host().half()
    x = images()

    with watching(model, layers_of(model, "last")) as seen:
        score = seen.run(x)[:, 3].sum()
        (gradients,) = seen.gradients(score)
        # below the least number of float16, 6e-8
        (small,) = seen.gradients(score.float() * 1e-7)

    torch.testing.assert_close(small, 1e-7 * gradients, rtol=0.02, atol=0)


def test_gradients_that_float16_cannot_hold_back_off():
    model = Host().half()

    with watching(model, layers_of(model, "last")) as seen:
        score = seen.run(images())[:, 3].sum()
        (gradients,) = seen.gradients(score)
        (large,) = seen.gradients(score.float() * 2.0**17)

    torch.testing.assert_close(large, 2.0**17 * gradients, rtol=0.02, atol=0)


def test_autocast_of_the_caller_is_kept():
    model, x = Host(), images()

    with (
        torch.autocast("cpu", dtype=torch.float16),
        watching(model, layers_of(model, "last")) as seen,
    ):
        output = seen.run(x)
        (gradients,) = seen.gradients(output[:, 3].sum() * 1e-6)

    assert output.dtype == torch.float16
    want = 1e-6 * by_hand(model, x, 3)[1]
    torch.testing.assert_close(gradients, want, rtol=0.02, atol=1e-9)


@pytest.mark.parametrize(("height", "width"), [(1, 5), (33, 1), (7, 13)])
def test_any_size_of_input_is_seen(height, width):
    model = Host()

    with watching(model, layers_of(model, "last")) as seen:
        (gradients,) = seen.gradients(seen.run(images(1, height, width))[0, 0])

    assert gradients.shape == (1, 6, (height + 1) // 2, (width + 1) // 2)


def test_without_gradients_none_are_kept():
    model = Host()

    with watching(model, layers_of(model, "last"), with_gradients=False) as seen:
        output = seen.run(images())
        (activations,) = seen.activations

    assert not output.requires_grad
    torch.testing.assert_close(activations, by_hand(model, images(), 0)[0])


def test_a_run_may_keep_what_the_last_one_saw():
    model, x = Host(), images()

    with watching(model, layers_of(model, "last"), with_gradients=False) as seen:
        seen.run(x)
        seen.run(torch.zeros(5, 3, 4, 4), keep=False)
        (activations,) = seen.activations

    torch.testing.assert_close(activations, by_hand(model, x, 0)[0])


def test_a_transform_makes_maps_of_tokens():
    tokens = nn.Sequential(nn.Flatten(2), nn.Linear(6, 6), nn.Flatten())

    with watching(
        tokens, layers_of(tokens, "1"), lambda kept: kept.unflatten(2, (2, 3))
    ) as seen:
        (gradients,) = seen.gradients(seen.run(torch.ones(2, 5, 2, 3)).sum())
        (activations,) = seen.activations

    assert activations.shape == gradients.shape == (2, 5, 2, 3)
    assert gradients.unique().tolist() == [1.0]


def test_gradients_are_zeros_at_a_layer_that_a_target_does_not_depend_on():
    class Fork(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 1, 1), nn.Conv2d(3, 1, 1)

        def forward(self, x):
            return self.left(x).mean(dim=(2, 3)), self.right(x).mean(dim=(2, 3))

    model = Fork()

    with watching(model, layers_of(model, "left", "right")) as seen:
        left, right = seen.gradients(seen.run(images())[1].sum())

    assert not left.any()
    assert right.any()
