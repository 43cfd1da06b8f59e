"""Class activation maps of whole networks, and what is refused."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from foveate._loading import load_file
from foveate.explain.activation import class_activation, heat_maps
from foveate.explain.cams import METHODS

small = load_file(Path(__file__).with_name("small.py"))
network = small.network
images = small.images


def two_layers():
    """Return a network whose first convolution is the identity, and whose head adds."""
    model = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 2)
    )
    model[0].weight.data = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1)
    model[3].weight.data = torch.tensor([[1.0, 1.0], [0.0, 4.0]])
    return model


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_of_the_size_of_the_images_and_from_0_to_1(method):
    seen = class_activation(network(), images(), method=method, targets=[1, 4])

    assert seen.maps.shape == (2, 65, 33)
    assert seen.maps.dtype == np.float32
    assert seen.maps.min(axis=(1, 2)).tolist() == [0.0, 0.0]
    assert seen.maps.max(axis=(1, 2)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("method", METHODS)
def test_a_map_of_a_batch_is_that_of_the_image_alone(method):
    model, x = network(attention="cbam"), images(3)

    together = class_activation(model, x, method=method, targets=[1, 4, 1])
    alone = [
        class_activation(model, x[i : i + 1], method=method, targets=category)
        for i, category in enumerate((1, 4, 1))
    ]

    native = np.concatenate([each.native[0] for each in alone])
    np.testing.assert_allclose(
        together.native[0], native, atol=1e-5 * native.max(), rtol=0
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_network_is_left_as_it_was(method):
    model = network().train()
    model.fc.weight.requires_grad_(requires_grad=False)
    before = copy.deepcopy(model.state_dict())
    hooks = [len(module._forward_hooks) for module in model.modules()]
    random = torch.get_rng_state()

    class_activation(model, images(), method=method, aug_smooth=True)

    after = model.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.fc.weight.requires_grad
    assert model.conv1.weight.requires_grad
    assert [len(module._forward_hooks) for module in model.modules()] == hooks
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        pytest.param(
            lambda model: torch.compile(model, backend="eager"), marks=pytest.mark.slow
        ),
    ],
)
def test_wrapped_networks_are_looked_through(wrap):
    model, x = network(), images()
    want = class_activation(model, x, targets=4).native[0]

    seen = class_activation(wrap(model), x, targets=4)

    np.testing.assert_array_equal(seen.native[0], want)


def test_batches_are_put_together():
    model, x = network(), images(5)
    targets = [3, None, 1, 2, 0]

    whole = class_activation(model, x, targets=targets)
    parts = class_activation(model, x, targets=targets, batch_size=2)

    np.testing.assert_allclose(whole.maps, parts.maps, atol=1e-4)
    assert [one.label for one in whole.targets] == [one.label for one in parts.targets]


def test_gradcam_of_a_network_by_hand():
    x = torch.tensor([[[[1.0, 2.0], [0.0, 3.0]]]])

    seen = class_activation(
        two_layers(), x, method="gradcam", target_layers="0", targets=0
    )

    # the largest place alone has a gradient, 1 in both channels, so both means are 1/4
    want = [[[0.75 * 1, 0.75 * 2], [0.0, 0.75 * 3]]]
    np.testing.assert_allclose(seen.native[0], want, rtol=1e-6)
    np.testing.assert_allclose(seen.maps, np.array(want) / 2.25, rtol=1e-6)


def test_layercam_of_a_network_by_hand():
    x = torch.tensor([[[[1.0, 2.0], [0.0, 3.0]]]])

    seen = class_activation(
        two_layers(), x, method="layercam", target_layers="0", targets=1
    )

    # class 1 has 4 times the second channel, which is 6 at the largest place
    assert seen.native[0].tolist() == [[[0.0, 0.0], [0.0, 24.0]]]


def test_several_layers_are_scaled_resized_and_averaged():
    model, x = network(), images(1)

    seen = class_activation(model, x, target_layers=["layer2", "layer3"], targets=1)

    fine, coarse = (torch.from_numpy(native) for native in seen.native)
    large = interpolate(coarse[None] / coarse.max(), fine.shape[1:], mode="bilinear")[0]
    want = (fine / fine.max() + large) / 2
    heat = seen.heat(0)
    np.testing.assert_allclose(heat.values, want[0].numpy(), atol=1e-5)
    assert (heat.where, heat.source, heat.kind) == (
        "layer2, layer3",
        "layercam",
        "activation",
    )


def test_the_place_is_found_and_said():
    seen = class_activation(network(), images(1, 224, 160))

    assert seen.layers == ("layer3",)
    assert "layer3, the deepest stage" in seen.reason


def test_a_module_is_a_place():
    model = network()

    seen = class_activation(model, images(1), target_layers=[model.layer2])

    assert seen.layers == ("layer2",)


def test_a_transform_of_ones_own_is_used():
    model = network()

    seen = class_activation(
        model,
        images(1),
        target_layers="layer2",
        reshape_transform=lambda maps: maps.flip(-1),
    )

    plain = class_activation(model, images(1), target_layers="layer2")
    np.testing.assert_allclose(seen.native[0], plain.native[0][..., ::-1], rtol=1e-5)


def test_eigencam_is_for_no_class():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return {"what": [self.last(x)]}

    seen = class_activation(Odd(), images(1, 9, 9), method="eigencam")

    assert seen.targets[0].label == "no class"
    assert seen.native[0].any()


@pytest.mark.parametrize(
    ("method", "weights"),
    [("gradcam", (1 / 4, 1 / 4)), ("gradcam++", (1 / (2 + 6), 1 / (2 + 12)))],
)
def test_eigen_smooth_is_the_first_component_of_weighted_maps(method, weights):
    x = torch.tensor([[[[1.0, 2.0], [0.0, 3.0]]]])

    seen = class_activation(
        two_layers(),
        x,
        method=method,
        target_layers="0",
        targets=0,
        eigen_smooth=True,
    )

    # the channels are 1 and 2 times the image, whose mean is 1.5
    size = np.hypot(weights[0] * 1, weights[1] * 2)
    want = size * np.array([[[0.0, 0.5], [0.0, 1.5]]])
    np.testing.assert_allclose(seen.native[0], want, rtol=1e-5)


def test_aug_smooth_averages_six_images():
    model, x = network(), images(1, 64, 48)
    options = {"target_layers": "layer2", "targets": 4}

    seen = class_activation(model, x, aug_smooth=True, **options)

    want = 0
    for factor in (0.9, 1.0, 1.1):
        (plain,) = class_activation(model, x * factor, **options).native
        (mirrored,) = class_activation(model, x.flip(-1) * factor, **options).native
        want = want + plain / plain.max() + mirrored[..., ::-1] / mirrored.max()
    np.testing.assert_allclose(seen.native[0], want / 6, atol=1e-5)


def test_aug_smooth_keeps_to_what_the_image_itself_shows():
    model = nn.Sequential(
        nn.Conv2d(1, 3, 1, bias=False), nn.Flatten(), nn.Linear(12, 2)
    )
    model[2].weight.data[:] = 0.0
    # class 0 likes the left, class 1 the right
    model[2].weight.data[0, 0::2] = 1.0
    model[2].weight.data[1, 1::2] = 1.0
    model[0].weight.data[:] = 1.0
    x = torch.tensor([[[[3.0, 0.0], [3.0, 0.0]]]])

    seen = class_activation(
        model, x, method="layercam", target_layers="0", aug_smooth=True
    )

    # the mirrored image has nothing on the left, where class 0 looks: an empty map
    assert seen.targets[0].category == 0
    np.testing.assert_allclose(seen.native[0], [[[0.5, 0.0], [0.5, 0.0]]])


def test_heat_maps_are_one_for_each_target():
    model, x = network(), images(1)

    found = heat_maps(model, x, targets=[[4, 1]], target_layers="layer2")

    assert [target.category for target, _ in found] == [4, 1]
    for target, heat in found:
        alone = class_activation(
            model, x, targets=target.category, target_layers="layer2"
        ).heat(0)
        np.testing.assert_allclose(heat.values, alone.values, rtol=1e-4, atol=1e-9)
        assert heat.target == target.label


def test_segmentation_has_maps_of_the_pixels_of_a_class():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1))

    seen = class_activation(model, images(2, 9, 7), targets=2, target_layers="1")

    assert seen.maps.shape == (2, 9, 7)
    assert [target.category for target in seen.targets] == [2, 2]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_gives_about_the_same_map(dtype):
    model, x = network(), images(1)
    want = class_activation(model, x, targets=1).maps

    seen = class_activation(model.to(dtype), x, targets=1)

    assert np.abs(seen.maps - want).mean() < 0.05


def test_a_tensor_of_targets_is_one_for_each_image():
    model, x = network(), images(3)

    seen = class_activation(model, x, targets=torch.tensor([4, 0, 2]), batch_size=2)

    assert [target.category for target in seen.targets] == [4, 0, 2]


def test_callables_get_the_answer_to_one_image():
    shapes = []

    def largest(output):
        shapes.append(tuple(output.shape))
        return output.max()

    class_activation(network(), images(), targets=[largest, None])

    assert shapes == [(5,)]
