"""Class activation maps are those of captum, at the resolution of feature maps."""

import copy
import warnings

import pytest
import torch
from captum.attr import (
    LayerActivation,
    LayerGradCam,
    LayerGradientXActivation,
    Saliency,
)
from torch import nn

import foveate as fv
from foveate.explain._noise import noisy
from foveate.explain.activation import class_activation

NAMES = {
    "resnet18": "layer3",
    "mobilenetv3_small_100": "blocks.4",
    "convnext_atto": "stages.2",
    "cbam": "layer3",
    "grafted": "layer3",
    "vgg": "features",
}
CLASSES = [3, 0]


def vgg():
    """Return a network as torchvision's vgg11_bn, with fewer channels."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (8, 16, "pool", 24, 24, "pool", 32, 32):
        if width == "pool":
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [
            nn.Conv2d(channels, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        channels = width
    model = nn.Sequential()
    model.add_module("features", nn.Sequential(*layers))
    model.add_module("avgpool", nn.AdaptiveAvgPool2d(2))
    model.add_module("flatten", nn.Flatten())
    model.add_module("classifier", nn.Linear(4 * 32, 6))
    return model


@pytest.fixture(scope="module")
def network(request, timm):
    torch.manual_seed(7)
    if request.param == "vgg":
        return vgg().eval()
    if request.param == "cbam":
        return fv.backbones.create("resnet18", attention="cbam", num_classes=6).eval()
    name = "resnet18" if request.param == "grafted" else request.param
    model = timm.create_model(name, num_classes=6).eval()
    if request.param == "grafted":
        fv.graft(model, "eca", at="layer3", example=(1, 3, 96, 64), start="paper")
    return model


def images():
    return torch.randn(2, 3, 75, 50, generator=torch.Generator().manual_seed(3))


def theirs_of(network, layer):
    """Return a copy whose maps captum sees before in-place layers change them."""
    model = copy.deepcopy(network)
    for module in model.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    return model, model.get_submodule(layer)


def assert_equal(ours, theirs):
    """Compare to 1e-4 of the highest value of each map."""
    theirs = theirs.detach()
    assert theirs.any()
    for one, other in zip(torch.from_numpy(ours), theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4 * other.max(), rtol=0)


def cases():
    return pytest.mark.parametrize(
        ("network", "layer"), list(NAMES.items()), indirect=["network"]
    )


@pytest.fixture(autouse=True)
def _captums_hooks():
    with warnings.catch_warnings():
        # captum's hooks of modules, and its settings of requires_grad
        warnings.simplefilter("ignore", UserWarning)
        yield


@cases()
def test_gradcam_is_captums(network, layer):
    x = images()

    seen = class_activation(
        network, x, method="gradcam", target_layers=layer, targets=CLASSES
    )

    network, module = theirs_of(network, layer)
    theirs = LayerGradCam(network, module).attribute(
        x, target=CLASSES, relu_attributions=True
    )
    assert_equal(seen.native[0], theirs[:, 0])


@cases()
def test_layercam_is_made_of_captums_activations_and_gradients(network, layer):
    x = images()

    seen = class_activation(
        network, x, method="layercam", target_layers=layer, targets=CLASSES
    )

    network, module = theirs_of(network, layer)
    product = LayerGradientXActivation(
        network, module, multiply_by_inputs=True
    ).attribute(x, target=CLASSES)
    gradients = LayerGradientXActivation(
        network, module, multiply_by_inputs=False
    ).attribute(x, target=CLASSES)
    theirs = torch.where(gradients > 0, product, 0).sum(dim=1).relu()
    assert_equal(seen.native[0], theirs)


@cases()
def test_gradcam_plus_plus_is_made_of_captums(network, layer):
    x = images()

    seen = class_activation(
        network, x, method="gradcam++", target_layers=layer, targets=CLASSES
    )

    network, module = theirs_of(network, layer)
    activations = LayerActivation(network, module).attribute(x).detach().double()
    slopes = (
        LayerGradientXActivation(network, module, multiply_by_inputs=False)
        .attribute(x, target=CLASSES)
        .double()
    )
    # equation 19 as it is written
    alpha = slopes**2 / (
        2 * slopes**2 + activations.sum(dim=(2, 3), keepdim=True) * slopes**3
    )
    alpha = torch.where(slopes == 0, 0, alpha)
    weights = (alpha * slopes.relu()).sum(dim=(2, 3), keepdim=True)
    assert_equal(seen.native[0], (weights * activations).sum(dim=1).relu().float())


@cases()
def test_saliency_is_captums(network, layer):
    x = images()

    seen = class_activation(network, x, method="saliency", targets=CLASSES)

    theirs = Saliency(network).attribute(x.requires_grad_(), target=CLASSES)
    assert_equal(seen.native[0], theirs.amax(dim=1))


def test_smoothed_saliency_averages_the_gradients_of_noisy_images():
    torch.manual_seed(7)
    network, x = vgg().eval(), images()

    seen = class_activation(
        network, x, method="saliency", targets=CLASSES, noisy_copies=3
    )

    signed = Saliency(network)
    theirs = sum(
        signed.attribute(copy.requires_grad_(), target=CLASSES, abs=False)
        for copy in noisy(x, 3)
    )
    assert_equal(seen.native[0], (theirs / 3).abs().amax(dim=1))
