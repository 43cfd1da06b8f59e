"""What class activation maps cannot be made of is refused, with a way out."""

from pathlib import Path

import pytest
import torch
from torch import nn

from foveate._loading import load_file
from foveate.errors import OptionError, ShapeError
from foveate.explain.activation import class_activation, heat_maps

small = load_file(Path(__file__).with_name("small.py"))
network = small.network
images = small.images


def test_an_unknown_method_offers_the_known_ones():
    with pytest.raises(OptionError, match=r"method cannot be 'gradcam2'. Did you mean"):
        class_activation(network(), images(), method="gradcam2")


def test_targets_must_be_one_for_each_image():
    with pytest.raises(OptionError, match="one for each of 2 images, got 3"):
        class_activation(network(), images(), targets=[1, 2, 3])


def test_several_targets_of_an_image_belong_to_heat_maps():
    with pytest.raises(OptionError, match=r"got 2 for image 1\. For several maps of"):
        class_activation(network(), images(), targets=[1, [2, 3]])


def test_heat_maps_take_one_image():
    with pytest.raises(ShapeError, match=r"one image \(1, C, H, W\), got \(2, 3, 65"):
        heat_maps(network(), images())


@pytest.mark.parametrize("x", [torch.ones(3, 8, 8), [[1.0]], torch.ones(0, 3, 8, 8)])
def test_the_input_is_images(x):
    with pytest.raises(ShapeError, match=r"input_tensor must be images \(N, C, H, W\)"):
        class_activation(network(), x)


def test_a_target_returns_one_number():
    with pytest.raises(
        OptionError, match="must return one number as a tensor, got Tens"
    ):
        class_activation(network(), images(1), targets=lambda output: output * 2)


def test_saliency_takes_no_layers():
    with pytest.raises(OptionError, match="saliency is of the input itself and takes"):
        class_activation(network(), images(), method="saliency", target_layers="layer1")


def test_noisy_copies_are_of_saliency():
    with pytest.raises(OptionError, match="noisy_copies are of saliency, not of layer"):
        class_activation(network(), images(), noisy_copies=5)


def test_saliency_has_no_first_component():
    with pytest.raises(OptionError, match="saliency has no channels to take a first"):
        class_activation(network(), images(), method="saliency", eigen_smooth=True)


def test_mirror_images_are_for_classifiers():
    model = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1))

    with pytest.raises(
        OptionError, match="aug_smooth is for classifiers, but the netw"
    ):
        class_activation(model, images(1, 9, 7), target_layers="1", aug_smooth=True)


def test_numbers_that_are_not_finite_name_the_layer():
    model = network()
    model.layer2.register_forward_hook(lambda *args: args[2] * float("nan"))

    with pytest.raises(OptionError, match="layer 'layer2' is not finite"):
        class_activation(
            model, images(1), target_layers="layer2", targets=lambda o: o[0]
        )


def test_saliency_needs_numbers_that_have_gradients():
    model = nn.Sequential(nn.Flatten(), nn.Linear(60, 3))
    x = torch.zeros(1, 3, 4, 5, dtype=torch.uint8)

    with pytest.raises(OptionError, match=r"of floating point, got torch\.uint8"):
        class_activation(model, x, method="saliency")
