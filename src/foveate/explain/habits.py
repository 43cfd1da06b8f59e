"""The classes by which other libraries offer class activation maps."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.explain._layer_maps import Transform
from foveate.explain.activation import Layers, class_activation
from foveate.explain.cams import Method
from foveate.explain.targets import Targets
from foveate.pictures.cam_image import show_cam_on_image

__all__ = [
    "CAM",
    "EigenCAM",
    "GradCAM",
    "GradCAMPlusPlus",
    "LayerCAM",
    "Saliency",
    "ScoreCAM",
    "show_cam_on_image",
]


class CAM(AbstractContextManager["CAM"]):
    """A method of class activation maps, for one network.

    Nothing is hooked to the network but while it runs, so there is nothing to release;
    ``with`` is allowed for the sake of code that is used to it.

    Args:
        model: See ``class_activation``, which says the rest of each map too.
        target_layers: Where to look; None finds the place.
        reshape_transform: Makes ``(N, C, h, w)`` of what the layers return.
    """

    method: ClassVar[Method]

    def __init__(
        self,
        model: nn.Module,
        target_layers: Layers = None,
        reshape_transform: Transform | None = None,
    ) -> None:
        self.model = model
        self.target_layers = target_layers
        self.reshape_transform = reshape_transform
        self.batch_size = 16

    @final
    def __call__(
        self,
        input_tensor: Tensor,
        targets: Targets = None,
        *,
        eigen_smooth: bool = False,
        aug_smooth: bool = False,
    ) -> NDArray[np.float32]:
        """Return the maps ``(N, H, W)``, each from 0 to 1."""
        seen = class_activation(
            self.model,
            input_tensor,
            method=self.method,
            target_layers=self.target_layers,
            targets=targets,
            reshape_transform=self.reshape_transform,
            eigen_smooth=eigen_smooth,
            aug_smooth=aug_smooth,
            batch_size=self.batch_size,
        )
        return seen.maps

    @final
    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave errors to the caller."""


@final
class GradCAM(CAM):
    """Grad-CAM: each channel by its mean gradient. See ``cams.gradcam``."""

    method = "gradcam"


@final
class GradCAMPlusPlus(CAM):
    """Grad-CAM++: finds several objects. See ``cams.gradcam_plus_plus``."""

    method = "gradcam++"


@final
class LayerCAM(CAM):
    """LayerCAM: place by place, in any layer. See ``cams.layercam``."""

    method = "layercam"


@final
class EigenCAM(CAM):
    """Eigen-CAM: knows no class, and ignores targets. See ``cams.eigencam``."""

    method = "eigencam"


@final
class ScoreCAM(CAM):
    """Score-CAM: a run of the network for each channel, and no gradients.

    Slow: ``batch_size``, 16, says how many masked images the network gets at once. What
    a mask hides becomes 0, which is no neutral image to a network trained without
    it; and where scores are large, one channel gets all the weight.

    Source: Wang et al. (2020), https://arxiv.org/abs/1910.01279, algorithm 1.
    """

    method = "scorecam"


@final
class Saliency(CAM):
    """The gradient of the input: fine and noisy, and takes no layers.

    Source: Simonyan, Vedaldi, Zisserman (2014), https://arxiv.org/abs/1312.6034,
    section 3.1.
    """

    method = "saliency"
