"""How an image becomes what a network takes, and back."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from foveate import backbones, surgery
from foveate.errors import ImageError, OptionError
from foveate.explain.preparing import (
    Preparation,
    picture_of,
    preparation_of,
    prepare,
)
from foveate.pictures.seen import Picture

IMAGENET = (0.485, 0.456, 0.406)


def picture(height, width, colour=(255, 0, 51)):
    return Picture(np.full((height, width, 3), colour, np.uint8), "drawn")


def way(**changes):
    usual = {
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.25, 0.25),
        "size": (224, 224),
        "multiple": 32,
        "keeps_aspect": True,
        "channels": 3,
        "source": "given",
    }
    return Preparation(**usual | changes)


@pytest.mark.parametrize(
    ("size", "want"),
    [
        ((427, 640), (224, 320)),  # 335.7 wide: nearest 320 or 352
        ((640, 427), (320, 224)),
        ((50, 50), (224, 224)),
        ((100, 1000), (96, 896)),  # at most 4 times 224, so 89.6 high
        ((1, 5000), (32, 896)),
    ],
)
def test_the_shorter_side_is_brought_near_to_the_size(size, want):
    assert way().size_for(*size) == want


def test_the_longer_side_can_be_what_counts():
    assert way(size=(640, 640), side="longer").size_for(427, 640) == (416, 640)


def test_without_a_size_images_keep_their_own_to_the_nearest_multiple():
    assert way(size=None).size_for(427, 640) == (416, 640)


def test_without_proportion_every_image_gets_the_size():
    assert way(size=(96, 160), keeps_aspect=False).size_for(427, 640) == (96, 160)


def test_values_are_scaled_by_mean_and_deviation():
    how = way(size=(32, 64), keeps_aspect=False)

    x = prepare(picture(90, 70), how, nn.Conv2d(3, 1, 1))

    # a quarter is one: 1 lies two above the mean, 0.2 lies 1.2 below
    want = torch.tensor([2.0, -2.0, -1.2])[None, :, None, None].expand(1, 3, 32, 64)
    torch.testing.assert_close(x, want)


def test_the_input_has_the_precision_of_the_network():
    x = prepare(picture(40, 40), way(), nn.Conv2d(3, 1, 1).to(torch.bfloat16))

    assert x.dtype == torch.bfloat16


def test_fine_patterns_are_smoothed_where_an_image_gets_smaller():
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    how = way(size=(32, 32), keeps_aspect=False, mean=(0.0,) * 3, std=(1.0,) * 3)

    x = prepare(Picture(stripes, "stripes"), how, nn.Conv2d(3, 1, 1))

    assert (x - 0.5).abs().max() < 0.1


def test_a_network_of_one_channel_gets_grey():
    network = backbones.resnet10(width=16, in_channels=1)

    how = preparation_of(network)
    x = prepare(picture(64, 128, (90, 90, 90)), how, network)

    # the means of ImageNet's three
    assert how.mean == pytest.approx((0.449,))
    assert how.std == pytest.approx((0.226,))
    assert x.shape == (1, 1, 224, 448)
    assert float(x[0, 0, 5, 5]) == pytest.approx((90 / 255 - 0.449) / 0.226)


def test_a_network_that_does_not_say_is_taken_to_be_for_imagenet():
    how = preparation_of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))

    assert (how.mean, how.size, how.multiple) == (IMAGENET, (224, 224), 32)
    assert how.keeps_aspect
    assert "the network does not say" in how.source


def test_a_transformer_of_timm_gets_its_one_size(timm):
    network = timm.create_model("vit_tiny_patch16_224", img_size=(96, 160), depth=1)

    how = preparation_of(network)

    assert how.size_for(427, 640) == (96, 160)
    assert (how.mean, how.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert "timm" in how.source


def test_a_transformer_of_any_size_gets_multiples_of_its_patches(timm):
    network = timm.create_model(
        "vit_small_patch14_dinov2", img_size=70, dynamic_img_size=True, depth=1
    )

    how = preparation_of(network, size=70)

    # 70 * 640 / 427 is 104.9, and 98 is 7 patches of 14
    assert how.size_for(427, 640) == (70, 98)


def test_a_convolutional_network_of_timm_keeps_the_proportion(timm):
    how = preparation_of(timm.create_model("resnet18", in_chans=1))

    assert how.keeps_aspect
    assert how.channels == 1
    assert how.mean == pytest.approx((0.449,))


def like_ultralytics(stride):
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    network.yaml = {"nc": 80, "channels": 3}
    network.stride = torch.tensor(stride)
    return network


def test_detectors_of_ultralytics_take_0_to_1_by_the_longer_side():
    how = preparation_of(like_ultralytics([8.0, 16.0, 64.0]))

    assert (how.mean, how.std) == ((0.0,) * 3, (1.0,) * 3)
    # 427 is nearest to 448 = 7 * 64
    assert how.size_for(427, 640) == (448, 640)


def test_classifiers_of_ultralytics_are_smaller():
    assert preparation_of(like_ultralytics([1.0])).size_for(427, 640) == (224, 320)


def test_detectors_of_torchvision_prepare_their_images_themselves():
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    network.transform = SimpleNamespace(
        image_mean=[0.485, 0.456, 0.406], min_size=(320,), fixed_size=None
    )

    how = preparation_of(network)

    assert (how.mean, how.std, how.size_for(427, 640)) == (
        (0.0,) * 3,
        (1.0,) * 3,
        (320, 480),
    )


def test_a_network_with_a_size_of_its_own_gets_it():
    network = nn.Conv2d(3, 4, 3)
    network.image_size = 96

    assert preparation_of(network).size_for(427, 640) == (96, 96)


def test_blocks_that_are_bound_to_a_size_bind_the_network():
    network = backbones.resnet10(width=16)
    surgery.graft(network, "joint_cbam", at="layer3", example=(1, 3, 96, 160))

    how = preparation_of(network)

    assert how.size_for(427, 640) == (96, 160)


def test_a_wrapped_network_is_looked_into():
    network = nn.DataParallel(backbones.resnet10(width=16, in_channels=1))

    assert preparation_of(network).channels == 1


def test_a_side_keeps_the_proportion_and_a_pair_is_exact():
    network = backbones.resnet10(width=16)

    assert preparation_of(network, size=100).size_for(427, 640) == (100, 148)
    assert preparation_of(network, size=(40, 90)).size_for(427, 640) == (40, 90)


def test_a_given_scaling_is_taken_and_said():
    how = preparation_of(nn.Conv2d(3, 1, 1), mean=0.5, std=(0.1, 0.2, 0.4))

    assert (how.mean, how.std) == ((0.5, 0.5, 0.5), (0.1, 0.2, 0.4))
    assert how.source == "given"


def test_it_can_be_said_in_a_sentence():
    assert str(way(std=(0.1, 0.2, 0.4))) == (
        "images go in whole, with a shorter side near 224; "
        "mean 0.5, deviation 0.1, 0.2, 0.4 (given)"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "size must be greater than 0, got 0"),
        ({"size": (3,)}, r"size must be the shorter side, .* got \(3,\)"),
        ({"size": "224"}, "size must be the shorter side, .* got '224'"),
        ({"size": (4, 0)}, r"size\[1\] must be greater than 0, got 0"),
        ({"mean": 0.5}, "mean was given without std. Give both"),
        ({"mean": (1, 2), "std": (1, 2)}, r"mean must have 3 numbers, .* \(1, 2\)"),
        ({"mean": 0.5, "std": 0}, r"std\[0\] must be a number greater than 0"),
        ({"mean": float("nan"), "std": 1}, "mean.* must be a finite number"),
    ],
)
def test_values_that_cannot_work_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        preparation_of(nn.Conv2d(3, 1, 1), **options)


def test_a_network_of_four_channels_cannot_take_an_image():
    network = nn.Conv2d(4, 1, 1)
    how = preparation_of(network)

    with pytest.raises(OptionError, match=r"takes 4 channels, .* Give tensors"):
        prepare(picture(40, 40), how, network)


def test_a_tensor_becomes_the_image_that_it_was_made_of():
    how = way(size=(32, 64), keeps_aspect=False)
    x = prepare(picture(32, 64), how, nn.Conv2d(3, 1, 1))

    seen = picture_of(x[0], how, "again")

    np.testing.assert_array_equal(seen.pixels, picture(32, 64).pixels)
    assert (seen.name, seen.notes) == ("again", ())


def test_a_grey_tensor_of_half_precision_is_an_image():
    seen = picture_of(torch.full((1, 3, 5), 0.2, dtype=torch.float16))

    assert seen.pixels.shape == (3, 5, 3)
    assert (seen.pixels == 51).all()


def test_values_of_another_scale_are_stretched_and_said():
    x = torch.tensor([[[-3.0, 0.0, 5.0]]])

    seen = picture_of(x)

    # 3 of 8 parts of 255
    assert seen.pixels[0, :, 0].tolist() == [0, 96, 255]
    assert seen.notes == ("stretched from its lowest value to its highest",)


def test_of_many_channels_the_mean_is_shown():
    x = torch.stack([torch.zeros(3, 5), torch.ones(3, 5)])

    seen = picture_of(x)

    assert (seen.pixels == 128).all()
    assert seen.notes == ("the mean of 2 channels",)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.zeros(1, 3, 4, 5), r"must be \(C, H, W\) .* got \(1, 3, 4, 5\)"),
        (torch.zeros(3, 0, 5), r"not empty, got \(3, 0, 5\)"),
        (torch.full((3, 4, 5), torch.nan), "values that are not finite"),
    ],
)
def test_tensors_that_show_no_image_are_refused(x, words):
    with pytest.raises(ImageError, match=words):
        picture_of(x, way(), "mine")
