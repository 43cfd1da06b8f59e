"""Class activation maps of a network."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from foveate import _checks
from foveate.errors import OptionError, ShapeError
from foveate.explain._choosing import one_each, several_of_one, those
from foveate.explain._layer_maps import Transform
from foveate.explain._mapping import Look
from foveate.explain._mirroring import averaged
from foveate.explain._network import moved, network_of
from foveate.explain._watching import INPUT
from foveate.explain.cams import METHODS, Method
from foveate.explain.layers import (
    TargetLayers,
    Watched,
    chosen_layers,
    default_layers,
)
from foveate.explain.targets import Targets
from foveate.pictures.activation import Activation, Values, heat_of
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.target import Target

__all__ = ["Layers", "class_activation", "heat_maps"]

Layers = TargetLayers | None
"""Where to look; None finds the place."""

IMAGES_DIMS = 4


def class_activation(
    model: nn.Module,
    input_tensor: Tensor,
    *,
    method: Method = "layercam",
    target_layers: Layers = None,
    targets: Targets = None,
    reshape_transform: Transform | None = None,
    eigen_smooth: bool = False,
    aug_smooth: bool = False,
    batch_size: int = 16,
    noisy_copies: int = 0,
) -> Activation:
    """Return where a network looks in a batch of images, one map an image.

    The network is evaluated and left as it was: modes, buffers, ``.grad``,
    ``requires_grad``, hooks, random numbers. Frozen parameters, half precision, DDP,
    ``torch.compile`` and a caller's ``torch.no_grad`` do not matter. The formulas, what
    each is good for and where it misleads: ``foveate.explain.cams``.

    Args:
        model: A classifier, or a network that segments or detects.
        input_tensor: Images as the network takes them, ``(N, C, H, W)``; they are
            moved to its device and precision.
        method: ``layercam``, ``gradcam``, ``gradcam++``, ``eigencam``, ``scorecam`` or
            ``saliency``. ``eigencam`` is for no class, and does not ask for targets.
            ``saliency`` is the largest of the absolute gradients by the channels of
            the input: fine and noisy, and often about edges.
        target_layers: Where; None finds the place, and ``reason`` says which.
        targets: What the maps are for: a class for all, or one for each image; a
            callable gets the answer to one image and returns a number. None: the
            likeliest class, or the best box.
        reshape_transform: Makes ``(N, C, h, w)`` of what the layers return.
        eigen_smooth: Take the first principal component of the weighted activations,
            which has less noise, instead of their sum.
        aug_smooth: Average the native maps, each divided by its highest, of six
            images: this and its mirror image, each times 0.9, 1 and 1.1. For
            classifiers; the targets are those of the image itself.
        batch_size: How many images the network gets at once.
        noisy_copies: Of ``saliency``, over how many noisy copies of the image to
            average the gradients (SmoothGrad; 50 are plenty); 0 for none.

    Raises:
        OptionError: A value cannot work, a layer has no map, a target does not depend
            on it, or a number is not finite.
        ShapeError: ``input_tensor`` is not ``(N, C, H, W)``.
        UnknownNameError: There is no such layer or class.

    Example:
        >>> import foveate as fv
        >>> model = fv.backbones.create("resnet18", num_classes=5)
        >>> seen = class_activation(model, torch.rand(2, 3, 65, 33), targets=[3, 0])
        >>> seen.maps.shape
        (2, 65, 33)

    Source: Simonyan, Vedaldi, Zisserman (2014), https://arxiv.org/abs/1312.6034,
    section 3.1, for ``saliency``; Smilkov et al. (2017),
    https://arxiv.org/abs/1706.03825, for ``noisy_copies``.
    """
    look, x = _look(
        model,
        input_tensor,
        method,
        layers=target_layers,
        transform=reshape_transform,
        batch_size=batch_size,
    )
    _check_fit(method, noisy_copies, eigen_smooth=eigen_smooth, aug_smooth=aug_smooth)
    look = replace(look, eigen_smooth=eigen_smooth, noisy_copies=noisy_copies)
    maps_of = averaged if aug_smooth else Look.maps
    found: list[Target] = []
    batches: list[list[Tensor]] = []
    for start in range(0, len(x), batch_size):
        few = x[start : start + batch_size]
        choose = one_each(those(targets, len(x), start, batch_size))
        rounds, maps = maps_of(look, few, choose)
        found += rounds[0]
        batches.append(maps[0])
    return Activation.of(
        [_numbers(torch.cat(parts)) for parts in zip(*batches, strict=True)],
        (x.shape[2], x.shape[3]),
        layers=look.watched.paths,
        targets=found,
        method=method,
        reason=look.watched.reason,
    )


def heat_maps(
    model: nn.Module,
    input_tensor: Tensor,
    *,
    method: Method = "layercam",
    target_layers: Layers | Watched = None,
    targets: Targets = None,
    most_boxes: int = 3,
    least_score: float = 0.25,
    reshape_transform: Transform | None = None,
    batch_size: int = 16,
) -> list[tuple[Target, HeatMap]]:
    """Return where a network looks in one image, one map a target.

    Args:
        model: See ``class_activation``, also for the other arguments.
        input_tensor: The image, ``(1, C, H, W)``.
        method: How.
        target_layers: Where; also what was found of an image of the same size.
        targets: What the maps are for. None: the likeliest class, or the best boxes.
        most_boxes: Of a detector, the most boxes to make a map of.
        least_score: The score that such a box has at least.
        reshape_transform: Makes ``(N, C, h, w)`` of what the layers return.
        batch_size: How many masked images the network gets at once in ``scorecam``.

    Raises:
        OptionError: See ``class_activation``; or there are several images.
        ShapeError: ``input_tensor`` is not ``(1, C, H, W)``.
    """
    look, x = _look(
        model,
        input_tensor,
        method,
        layers=target_layers,
        transform=reshape_transform,
        batch_size=batch_size,
    )
    if len(x) != 1:
        raise ShapeError(
            f"heat_maps: input_tensor must be one image (1, C, H, W), got "
            f"{tuple(x.shape)}. For one map of each of several use class_activation."
        )

    rounds, maps = look.maps(x, several_of_one(targets, most_boxes, least_score))
    return [
        (
            target,
            heat_of(
                [_numbers(layer)[0] for layer in of_layers],
                method,
                look.watched.paths,
                target,
            ),
        )
        for (target,), of_layers in zip(rounds, maps, strict=True)
    ]


def _numbers(maps: Tensor) -> Values:
    """Return maps as float32, on the CPU."""
    values: Values = maps.float().cpu().numpy()
    return values


def _look(
    model: nn.Module,
    x: Tensor,
    method: str,
    *,
    layers: Layers | Watched,
    transform: Transform | None,
    batch_size: int,
) -> tuple[Look, Tensor]:
    """Return how to look, and the images as the network takes them."""
    _checks.one_of("class_activation", METHODS, method=method)
    _checks.positive("class_activation", batch_size=batch_size)
    if not isinstance(x, Tensor) or x.dim() != IMAGES_DIMS or 0 in x.shape:
        came = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ShapeError(
            f"class_activation: input_tensor must be images (N, C, H, W), got {came}."
        )
    network = network_of(model)
    x = moved(x, network)
    watched = _watched(network, x[:1], method, layers, transform)
    return Look(network, method, watched, batch_size), x


def _watched(
    network: nn.Module,
    x: Tensor,
    method: str,
    layers: Layers | Watched,
    transform: Transform | None,
) -> Watched:
    if method == "saliency":
        if layers is not None or transform is not None:
            raise OptionError(
                "class_activation: saliency is of the input itself and takes neither "
                "target_layers nor reshape_transform. For a layer use layercam."
            )
        if not x.is_floating_point():
            raise OptionError(
                "class_activation: saliency is a gradient of the input, which must be "
                f"of floating point, got {x.dtype}. Use layercam."
            )
        return Watched((INPUT,), (), None, "saliency is of the input itself")
    if isinstance(layers, Watched):
        return layers
    if layers is not None:
        return chosen_layers(network, layers, x, transform)
    found = default_layers(network, x)
    return found if transform is None else replace(found, transform=transform)


def _check_fit(method: str, copies: int, **smooth: bool) -> None:
    """Raise OptionError if options do not go with a method."""
    _checks.boolean("class_activation", **smooth)
    if type(copies) is not int or copies < 0:
        raise OptionError(
            "class_activation: noisy_copies must be a whole number, 0 for none, got "
            f"{copies!r}."
        )
    if copies and method != "saliency":
        raise OptionError(
            f"class_activation: noisy_copies are of saliency, not of {method}. Use "
            "aug_smooth=True or eigen_smooth=True."
        )
    if method == "saliency" and smooth["eigen_smooth"]:
        raise OptionError(
            "class_activation: saliency has no channels to take a first component "
            "of, so eigen_smooth cannot be True. Use noisy_copies=50."
        )
