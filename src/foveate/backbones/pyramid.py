"""A feature pyramid on a ResNet, with a place for a fusion at every join."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast, final

from torch import Tensor, nn
from torch.nn import functional

from foveate import _checks
from foveate.backbones._attention import (
    AttentionPlace,
    attend,
    attention_maker,
    check_stages,
)
from foveate.backbones._joins import join, join_maker
from foveate.backbones._layout import STAGES, StemName
from foveate.backbones._making import NameOrMaker
from foveate.backbones._residual import StrideAt
from foveate.backbones.resnet import ResNet
from foveate.errors import OptionError

__all__ = ["Pyramid"]

CHANNELS_PER_WIDTH = 4
"""The paper has 256 channels on a ResNet of width 64."""


@final
class Pyramid(nn.Module):
    """Classify images by the finest level of a feature pyramid.

    A 1x1 convolution, the lateral, brings each stage of a ResNet to as many channels.
    From the coarsest stage down, each level is enlarged to the size of the lateral
    below, nearest neighbours, and joined with it. A 3x3 convolution follows on each
    level that is returned. Logits are a linear layer of the mean over the places of the
    finest level, so every join is on their way.

    The paper joins by addition; ``fusion`` puts something else there, at ``joins.N``.
    Attention goes into the residual blocks of the ResNet. Both are made after
    everything else has its first weights, first the attention. So after the same
    ``torch.manual_seed`` the rest of the network starts from the same numbers, bit for
    bit, with any fusion and any attention.

    The ResNet is ``trunk``, with the keys of torchvision and without ``fc``.
    ``model.trunk.load_state_dict(state, strict=False)`` loads a checkpoint of a ResNet;
    its ``fc.weight`` and ``fc.bias`` are returned as unexpected, and nothing else.

    The stages of the second version are sums that nothing has rectified, so a
    BatchNorm and a ReLU precede each lateral, as they do each branch of the ResNet:
    ``trunk.norm`` the last, ``norm.N`` the others.

    Args:
        depths: Residual blocks in each of the four stages.
        bottleneck: As for ``ResNet``.
        pre_activation: The second version of the ResNet.
        num_classes: Logits of the last layer.
        in_channels: Channels of the image.
        width: Channels of the first stage of the ResNet.
        stem: As for ``ResNet``.
        pyramid_channels: Channels of every level; ``4 * width`` if not given.
        levels: How many levels ``features`` returns, counted from the finest. What
            is only ever trained to classify needs one: the 3x3 convolutions of the
            others would learn nothing.
        fusion: What joins a lateral, first, and the enlarged level above, second: a
            fusion by name, or what makes a module of two inputs from a number of
            channels. Each join gets its own.
        fusion_options: Options of the fusion, if it is given by name. ``num_inputs`` is
            2 where a fusion has that option.
        attention: As for ``ResNet``.
        attention_options: As for ``ResNet``.
        attention_stages: As for ``ResNet``.
        attention_place: As for ``ResNet``.
        relu_before_attention: As for ``ResNet``.
        stride_at: As for ``ResNet``.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, num_classes)``, for any ``H, W >= 1``. In
        training, torch raises ValueError for one image whose map shrinks to one place.

    Attributes:
        feature_info: Of each level that ``features`` returns its ``module``, its
            channels (``num_chs``) and how many times smaller its map is than the image
            (``reduction``), as in timm.

    Raises:
        OptionError: A value cannot work, or a fusion or block does not fit, such as
            ``joins.0: a join has two maps, but MSF takes 4 ...``.
        UnknownNameError: Nothing is named ``fusion`` or ``attention``.
        UnknownOptionError: The fusion or block has no such option.
        ShapeError: The input is not ``(B, in_channels, H, W)`` of floating point.

    Example:
        >>> import torch
        >>> model = Pyramid((1, 1, 1, 1), num_classes=10, width=16, fusion="gated")
        >>> model(torch.randn(2, 3, 64, 48)).shape
        torch.Size([2, 10])
        >>> [tuple(level.shape) for level in model.features(torch.randn(2, 3, 64, 48))]
        [(2, 64, 16, 12), (2, 64, 8, 6), (2, 64, 4, 3), (2, 64, 2, 2)]

    Source: Lin, Dollar, Girshick, He, Hariharan, Belongie (2017),
    https://arxiv.org/abs/1612.03144, section 3 and figure 3, with the first weights of
    torchvision; the classifier is ours.
    """

    def __init__(
        self,
        depths: Sequence[int],
        *,
        bottleneck: bool = False,
        pre_activation: bool = False,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: int = 64,
        stem: StemName = "imagenet",
        pyramid_channels: int | None = None,
        levels: int = len(STAGES),
        fusion: NameOrMaker = "add",
        fusion_options: Mapping[str, Any] | None = None,
        attention: NameOrMaker | None = None,
        attention_options: Mapping[str, Any] | None = None,
        attention_stages: Sequence[int] = STAGES,
        attention_place: AttentionPlace = "auto",
        relu_before_attention: bool = False,
        stride_at: StrideAt = "3x3",
    ) -> None:
        super().__init__()
        _checks.positive_or_none("Pyramid", pyramid_channels=pyramid_channels)
        _check_levels(levels)
        check_stages(attention_stages)
        make_attention = attention_maker(attention, attention_options)
        make_join = join_maker(fusion, fusion_options)
        self.trunk = ResNet(
            depths,
            bottleneck=bottleneck,
            pre_activation=pre_activation,
            num_classes=num_classes,
            in_channels=in_channels,
            width=width,
            stem=stem,
            stride_at=stride_at,
        )
        # the pyramid has a classifier of its own
        self.trunk.fc = nn.Identity()  # type: ignore[assignment]
        channels = pyramid_channels or CHANNELS_PER_WIDTH * width
        stages = [stage["num_chs"] for stage in self.trunk.feature_info]
        norms = stages[:-1] if pre_activation else []
        self.norm = nn.ModuleList(nn.BatchNorm2d(stage) for stage in norms)
        self.lateral = nn.ModuleList(_linear(stage, channels, 1) for stage in stages)
        self.smooth = nn.ModuleList(
            _linear(channels, channels, 3) for _ in range(levels)
        )
        self.fc = nn.Linear(channels, num_classes)
        self.feature_info = [
            {**stage, "module": f"smooth.{place}", "num_chs": channels}
            for place, stage in enumerate(self.trunk.feature_info[:levels])
        ]
        # last, so that no block changes the first weights of the rest
        attend(
            self,
            make_attention,
            stages=attention_stages,
            place=attention_place,
            relu_before=relu_before_attention,
        )
        self.joins = _joins(make_join, channels, len(stages) - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, ``(B, num_classes)``."""
        finest = self.smooth[0](self._merged(x)[0])
        logits: Tensor = self.fc(finest.mean(dim=(2, 3)))
        return logits

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the levels, finest first; ``feature_info`` says their sizes."""
        merged = self._merged(x)[: len(self.smooth)]
        return tuple(
            smooth(level) for smooth, level in zip(self.smooth, merged, strict=True)
        )

    def _merged(self, x: Tensor) -> list[Tensor]:
        """Return every level before its 3x3 convolution, finest first."""
        stages = self._stages(x)
        laterals = [
            lateral(stage) for lateral, stage in zip(self.lateral, stages, strict=True)
        ]
        merged = [laterals.pop()]
        for join_two, lateral in zip(
            reversed(self.joins), reversed(laterals), strict=True
        ):
            above = functional.interpolate(
                merged[0], size=lateral.shape[2:], mode="nearest"
            )
            merged.insert(0, join_two(lateral, above))
        return merged

    def _stages(self, x: Tensor) -> Sequence[Tensor]:
        """Return the stages of the trunk, rectified."""
        stages = self.trunk.features(x)
        if self.trunk.norm is None:
            return stages
        norms = (*self.norm, self.trunk.norm)
        return [
            functional.relu(norm(stage))
            for norm, stage in zip(norms, stages, strict=True)
        ]


def _check_levels(levels: int) -> None:
    _checks.positive("Pyramid", levels=levels)
    if levels > len(STAGES):
        raise OptionError(
            f"Pyramid: levels must be 1 to {len(STAGES)}, as many as the ResNet has "
            f"stages, got {levels}."
        )


def _linear(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv2d:
    """Return a convolution whose first weights keep the variance of what comes in."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
    nn.init.kaiming_uniform_(conv.weight, a=1)
    nn.init.zeros_(cast("Tensor", conv.bias))
    return conv


def _joins(
    make: Callable[[int], nn.Module], channels: int, number: int
) -> nn.ModuleList:
    return nn.ModuleList(
        join(f"joins.{place}", make, channels) for place in range(number)
    )
