"""ResNets with a place for attention in every residual block, as functional models."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, get_args

import keras
from keras import layers

from foveate import _checks
from foveate._networks import (
    RESNETS,
    STAGES,
    STEMS,
    AttentionPlace,
    StemName,
    StrideAt,
    check_stages,
    check_stride,
    layout_of,
    out_channels,
)
from foveate.errors import OptionError, UnknownNameError
from foveate.keras._attending import LayerOrMaker, check_named
from foveate.keras._formats import DataFormat
from foveate.keras._layers import linear, norm
from foveate.keras._stem import images_of, stem_of
from foveate.keras.residual import ResidualBlock

__all__ = ["resnet"]

OWNER = "ResNet"


def resnet(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: int = 64,
    stem: StemName = "imagenet",
    attention: LayerOrMaker | None = None,
    attention_options: Mapping[str, Any] | None = None,
    attention_stages: Sequence[int] = STAGES,
    attention_place: AttentionPlace = "auto",
    relu_before_attention: bool = False,
    stride_at: StrideAt = "3x3",
    spatial_size: Sequence[int] | None = None,
    data_format: DataFormat | None = None,
    dtype: Any = None,
) -> keras.Model:
    """Return a new ResNet, a functional model from images to logits.

    It is the twin of ``foveate.backbones.create(name, ...)``: the same options, layers,
    first weights and numbers, so ``from_torch`` and ``to_torch`` move the weights of
    whole networks. Residual block 0 of stage 1 is the layer ``layer1_0``, with its
    attention within. After the same ``keras.utils.set_random_seed`` the rest of the
    network starts from the same numbers with any block and with none.

    Args:
        name: ``resnet10``, ``18``, ``34``, ``50``, ``101`` or ``152``; ``resnet18v2``
            and so on for the second version (full pre-activation).
        num_classes: Logits of the last layer.
        in_channels: Channels of the image.
        width: Channels of the stem and of the first stage; each next has twice as many.
        stem: ``imagenet``: 7x7 of stride 2 and a max-pool of stride 2. ``half``: 3x3 of
            stride 2. ``small``: 3x3 of stride 1.
        attention: A block by name, such as ``se`` or ``cbam.keras``, or what makes a
            layer from a number of channels. Each residual block gets its own.
        attention_options: Options of the block, if it is given by name.
        attention_stages: Which stages have attention, 1 to 4.
        attention_place: As of ``ResidualBlock``.
        relu_before_attention: As of ``ResidualBlock``.
        stride_at: As of ``ResidualBlock``.
        spatial_size: Height and width of the images; None: any.
        data_format: Of the images; None: as Keras. Within, channels stand last.
        dtype: The dtype policy of all layers.

    Raises:
        UnknownNameError: There is no such network, or no such block for ``attention``;
            near names are offered.
        UnknownOptionError: The block has no such option.
        OptionError: A value cannot work, or a block does not fit, such as
            ``layer1_0: ShuffleAttention: channels must be a multiple of 16 ...``.

    Example:
        >>> import numpy as np
        >>> model = resnet("resnet10", width=16, num_classes=5, attention="eca")
        >>> tuple(model(np.ones((2, 64, 48, 3), "float32")).shape)
        (2, 5)
        >>> type(model.get_layer("layer4_0").attention).__name__
        'ECA'

    Source: He, Zhang, Ren, Sun (2015), https://arxiv.org/abs/1512.03385, and, for the
    second version, the same (2016), https://arxiv.org/abs/1603.05027; its stem is a
    convolution without BatchNorm and ReLU.
    """
    key = _key(name)
    depths, layout = layout_of(key)
    _checks.positive(
        OWNER, num_classes=num_classes, in_channels=in_channels, width=width
    )
    _checks.one_of(OWNER, STEMS, stem=stem)
    check_stages(attention_stages)
    _check_attention(attention, attention_options)
    check_stride(OWNER, stride_at, bottleneck=layout["bottleneck"])
    _checks.one_of(OWNER, get_args(AttentionPlace), attention_place=attention_place)
    if relu_before_attention and attention is None:
        raise OptionError(
            f"{OWNER}: relu_before_attention needs attention, got attention=None."
        )
    policy = keras.dtype_policies.get(dtype)
    # drawn before any attention is made, so that no block changes the rest
    seeds = _seeds(1 + sum(depths))
    last = out_channels(8 * width, bottleneck=layout["bottleneck"])
    fc = linear("fc", last, num_classes, dtype=policy)

    images, x = images_of(OWNER, in_channels, spatial_size, data_format, policy)
    x = stem_of(x, stem, width, next(seeds), policy, plain=layout["pre_activation"])
    plain = partial(
        ResidualBlock,
        **layout,
        stride_at=stride_at,
        data_format="channels_last",
        dtype=policy,
    )
    attended = partial(
        plain,
        attention=attention,
        attention_options=attention_options,
        attention_place=attention_place,
        relu_before_attention=relu_before_attention,
    )
    for stage, own in _residuals(depths, width):
        make = attended if stage in attention_stages else plain
        x = make(**own, seed=next(seeds))(x)
    if layout["pre_activation"]:
        x = norm("norm", last, dtype=policy)(x)
        x = layers.ReLU(name="relu", dtype=policy)(x)
    x = layers.GlobalAveragePooling2D("channels_last", name="mean", dtype=policy)(x)
    return keras.Model(images, fc(x), name=key)


def _key(name: str) -> str:
    """Return a name as it stands in ``RESNETS``."""
    key = str(name).strip().lower()
    if key in RESNETS:
        return key
    if key.removesuffix("_fpn") in RESNETS:
        raise UnknownNameError(
            f"no ResNet named {name!r}: pyramids exist for PyTorch alone, "
            f"foveate.backbones.create({key!r}). Did you mean "
            f"{key.removesuffix('_fpn')!r}?"
        )
    raise UnknownNameError(f"no ResNet named {name!r}. {_checks.suggest(key, RESNETS)}")


def _check_attention(
    attention: LayerOrMaker | None, options: Mapping[str, Any] | None
) -> None:
    check_named(OWNER, attention, options)
    one = isinstance(attention, keras.layers.Layer)
    if attention is None or isinstance(attention, str):
        return
    if one or not callable(attention):
        raise OptionError(
            f"{OWNER}: attention must be the name of a block, or take channels and "
            f"return a layer, got {attention!r} ({type(attention).__name__}). Each "
            "residual block gets one of its own: give the class, not an object of it."
        )


def _seeds(number: int) -> Iterator[int]:
    """Return random numbers, drawn at once from what seeds the weights of Keras."""
    return iter([random.randrange(2**30) for _ in range(number)])


def _residuals(
    depths: Sequence[int], width: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the stage of every residual block, and what is its own."""
    for stage, depth in zip(STAGES, depths, strict=True):
        for number in range(depth):
            yield (
                stage,
                {
                    "filters": width * 2 ** (stage - 1),
                    "stride": 2 if stage > 1 and number == 0 else 1,
                    "name": f"layer{stage}_{number}",
                },
            )
