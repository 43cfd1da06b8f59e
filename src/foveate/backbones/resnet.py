"""ResNet, both versions, with a place for attention in every residual block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from torch import Tensor, nn

from foveate import _checks
from foveate.backbones._attention import (
    AttentionPlace,
    attend,
    attention_maker,
    check_stages,
)
from foveate.backbones._layout import (
    STAGES,
    STEMS,
    StemName,
    check_depths,
    residual_maker,
)
from foveate.backbones._making import NameOrMaker
from foveate.backbones._residual import Residual, StrideAt, conv
from foveate.errors import ShapeError

__all__ = ["ResNet"]

IMAGE_DIMS = 4


@final
class ResNet(nn.Module):
    """Classify images by four stages of residual blocks.

    The keys of a checkpoint are torchvision's. Attention stands at
    ``layerS.B.attention``, inside a residual block, so the keys of the rest never
    change: a checkpoint without attention loads into a network with it, and only keys
    with ``.attention.`` are missing.

    Attention is made after everything else has its first weights. So after the same
    ``torch.manual_seed`` the rest of the network starts from the same numbers, bit for
    bit, with any block and with none.

    Args:
        depths: Residual blocks in each of the four stages.
        bottleneck: Whether they are bottlenecks, with four times as many channels out.
        pre_activation: The second version: BatchNorm and ReLU before each convolution,
            nothing after the addition, and one BatchNorm and ReLU, ``norm``, at the
            end.
        num_classes: Logits of the last layer.
        in_channels: Channels of the image.
        width: Channels of the stem and of the first stage; each next has twice as many.
        stem: ``imagenet``: 7x7 of stride 2 and a max-pool of stride 2. ``half``: 3x3 of
            stride 2. ``small``: 3x3 of stride 1.
        attention: A block by name, such as ``se`` or ``cbam.keras``, or what makes a
            module from a number of channels. Each residual block gets its own.
        attention_options: Options of the block, if it is given by name.
        attention_stages: Which stages have attention, 1 to 4.
        attention_place: ``branch_end``: the last thing in the residual branch, before
            the addition. ``after_conv2``: right after the second convolution, before
            the BatchNorm that follows it. ``auto``: where the block's authors put it,
            which is ``after_conv2`` for SimAM and ``branch_end`` for all others.
        relu_before_attention: Put a ReLU between the branch and its attention, an order
            that is widely copied and in no paper. With a gate, which cannot turn a
            sign, the branch can then only increase activations.
        stride_at: Which convolution of a bottleneck halves the map: ``3x3``, as in
            torchvision (v1.5), or the first ``1x1``, as in the paper.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, num_classes)``, for any ``H, W >= 1``. In
        training, torch raises ValueError for one image whose map shrinks to one place.

    Attributes:
        feature_info: Of each stage its ``module``, its channels (``num_chs``) and how
            many times smaller its map is than the image (``reduction``), as in timm.

    Raises:
        OptionError: A value cannot work, or a block does not fit, such as
            ``layer1.0: ShuffleAttention: channels must be a multiple of 16 ...``.
        UnknownNameError: No block is named ``attention``.
        UnknownOptionError: The block has no such option.
        ShapeError: The input is not ``(B, in_channels, H, W)`` of floating point.

    Example:
        >>> import torch
        >>> model = ResNet((1, 1, 1, 1), num_classes=10, width=16, attention="se")
        >>> model(torch.randn(2, 3, 64, 48)).shape
        torch.Size([2, 10])
        >>> [tuple(stage.shape) for stage in model.features(torch.randn(2, 3, 64, 48))]
        [(2, 16, 16, 12), (2, 32, 8, 6), (2, 64, 4, 3), (2, 128, 2, 2)]

    Source: He, Zhang, Ren, Sun (2015), https://arxiv.org/abs/1512.03385, and, for
    ``pre_activation``, the same (2016), https://arxiv.org/abs/1603.05027; its stem is a
    convolution without BatchNorm and ReLU, as in timm.
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
        attention: NameOrMaker | None = None,
        attention_options: Mapping[str, Any] | None = None,
        attention_stages: Sequence[int] = STAGES,
        attention_place: AttentionPlace = "auto",
        relu_before_attention: bool = False,
        stride_at: StrideAt = "3x3",
    ) -> None:
        super().__init__()
        _checks.positive(
            "ResNet", num_classes=num_classes, in_channels=in_channels, width=width
        )
        _checks.boolean(
            "ResNet",
            bottleneck=bottleneck,
            pre_activation=pre_activation,
            relu_before_attention=relu_before_attention,
        )
        _checks.one_of("ResNet", STEMS, stem=stem)
        check_depths(depths)
        check_stages(attention_stages)
        make_attention = attention_maker(attention, attention_options)
        make = residual_maker(
            bottleneck=bottleneck, pre_activation=pre_activation, stride_at=stride_at
        )
        self.in_channels = in_channels
        first = STEMS[stem]
        self.conv1 = conv(in_channels, width, first.kernel_size, first.stride)
        self.bn1 = None if pre_activation else nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = (
            nn.MaxPool2d(3, stride=2, padding=1) if first.pool else nn.Identity()
        )
        out = [width * 2**stage * (4 if bottleneck else 1) for stage in range(4)]
        self.layer1 = _stage(make, width, width, depths[0], stride=1)
        self.layer2 = _stage(make, out[0], width * 2, depths[1], stride=2)
        self.layer3 = _stage(make, out[1], width * 4, depths[2], stride=2)
        self.layer4 = _stage(make, out[2], width * 8, depths[3], stride=2)
        self.norm = nn.BatchNorm2d(out[3]) if pre_activation else None
        self.fc = nn.Linear(out[3], num_classes)
        self.feature_info: list[dict[str, Any]] = [
            {
                "module": f"layer{stage}",
                "num_chs": out[stage - 1],
                "reduction": first.reduction * 2 ** (stage - 1),
            }
            for stage in STAGES
        ]
        _initialise(self)
        # last, so that no block changes the first weights of the rest
        attend(
            self,
            make_attention,
            stages=attention_stages,
            place=attention_place,
            relu_before=relu_before_attention,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, ``(B, num_classes)``."""
        last = self.features(x)[-1]
        if self.norm is not None:
            last = self.relu(self.norm(last))
        logits: Tensor = self.fc(last.mean(dim=(2, 3)))
        return logits

    def features(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the outputs of the four stages; ``feature_info`` says their sizes.

        With ``pre_activation`` they are sums to which no ReLU was applied.
        """
        self._check_input(x)
        x = self.conv1(x)
        if self.bn1 is not None:
            x = self.relu(self.bn1(x))
        first = self.layer1(self.maxpool(x))
        second = self.layer2(first)
        third = self.layer3(second)
        return first, second, third, self.layer4(third)

    def _check_input(self, x: Tensor) -> None:
        expected = f"(B, {self.in_channels}, H, W)"
        if x.dim() != IMAGE_DIMS or x.shape[1] != self.in_channels:
            raise ShapeError(f"ResNet: expects {expected}, got {tuple(x.shape)}.")
        if not x.is_floating_point():
            raise ShapeError(
                f"ResNet: expects {expected} of floating point, got {x.dtype}. "
                "Convert and scale it first: x.float() / 255."
            )


def _stage(
    make: Callable[..., Residual],
    in_channels: int,
    width: int,
    depth: int,
    *,
    stride: int,
) -> nn.Sequential:
    first = make(in_channels, width, stride=stride)
    rest = [make(first.out_channels, width) for _ in range(depth - 1)]
    return nn.Sequential(first, *rest)


def _initialise(network: nn.Module) -> None:
    """Set the weights of every convolution as He et al. do: normal, by fan-out."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
