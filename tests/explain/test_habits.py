"""Code that was written for pytorch-grad-cam runs."""

import numpy as np
import pytest
import torch

import foveate as fv
from foveate.explain.activation import class_activation
from foveate.explain.habits import (
    EigenCAM,
    GradCAM,
    GradCAMPlusPlus,
    LayerCAM,
    Saliency,
    ScoreCAM,
    show_cam_on_image,
)
from foveate.explain.targets import ClassifierOutputTarget

CLASSES = {
    "gradcam": GradCAM,
    "gradcam++": GradCAMPlusPlus,
    "layercam": LayerCAM,
    "eigencam": EigenCAM,
    "scorecam": ScoreCAM,
    "saliency": Saliency,
}


def network():
    torch.manual_seed(5)
    return fv.backbones.create("resnet10", width=8, num_classes=5)


def test_the_code_that_everybody_writes_runs():
    model = network()
    x = torch.randn(2, 3, 48, 32)
    targets = [ClassifierOutputTarget(3), ClassifierOutputTarget(1)]

    with GradCAM(model=model, target_layers=[model.layer3]) as cam:
        grayscale_cam = cam(input_tensor=x, targets=targets)
    picture = show_cam_on_image(
        np.zeros((48, 32, 3), np.float32), grayscale_cam[0, :], use_rgb=True
    )

    assert grayscale_cam.shape == (2, 48, 32)
    assert (picture.shape, picture.dtype) == ((48, 32, 3), np.uint8)


@pytest.mark.parametrize("method", CLASSES)
def test_each_class_is_its_method(method):
    model, x = network(), torch.randn(1, 3, 40, 33)

    maps = CLASSES[method](model)(x, targets=[ClassifierOutputTarget(2)])

    want = class_activation(model, x, method=method, targets=2).maps
    np.testing.assert_array_equal(maps, want)


def test_smoothing_is_passed_on():
    model, x = network(), torch.randn(1, 3, 40, 33)

    maps = LayerCAM(model)(x, eigen_smooth=True, aug_smooth=True)

    want = class_activation(
        model, x, method="layercam", eigen_smooth=True, aug_smooth=True
    ).maps
    np.testing.assert_array_equal(maps, want)


def test_errors_are_left_to_the_caller():
    with pytest.raises(IndexError), GradCAM(network()):
        raise IndexError
