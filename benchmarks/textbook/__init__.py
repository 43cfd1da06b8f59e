"""Each block as textbooks and widely copied code write it, from its formula.

Plain and correct, with the calls that one reaches for first: adaptive pools, ``max``
with its positions, ``expand_as``, ``permute``, a group norm, a centring matrix. Nothing
is slowed down on purpose and nothing is tuned. The names of the parameters are those of
``foveate``, so that both can be given the same weights.
"""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.textbook.channel import (
    ECA,
    SOCA,
    ChannelAttention,
    CoordinateAttention,
    SqueezeExcite,
)
from benchmarks.textbook.mixed import CBAM, GAM, NAM, JointCBAM, SimAM
from benchmarks.textbook.pairwise import OSRA, CrissCrossAttention
from benchmarks.textbook.scale import MFE, SAFM, SelectiveKernel
from benchmarks.textbook.shifting import S2Attention, ShuffleAttention
from benchmarks.textbook.spatial import SpatialAttention

__all__ = ["FORMS", "copy_weights", "create"]

FORMS: dict[str, type[nn.Module]] = {
    "se": SqueezeExcite,
    "eca": ECA,
    "channel": ChannelAttention,
    "spatial": SpatialAttention,
    "cbam": CBAM,
    "simam": SimAM,
    "nam": NAM,
    "coordinate": CoordinateAttention,
    "shuffle": ShuffleAttention,
    "joint_cbam": JointCBAM,
    "safm": SAFM,
    "soca": SOCA,
    "gam": GAM,
    "criss_cross": CrissCrossAttention,
    "osra": OSRA,
    "s2": S2Attention,
    "sk": SelectiveKernel,
    "mfe": MFE,
}
"""The textbook form of each block, by the name of the block."""


def create(name: str, channels: int, **options: object) -> nn.Module:
    """Return the textbook form of a block."""
    return FORMS[name](channels, **options)


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Give ``target`` the weights of ``source``, by their names.

    A linear layer takes the weights of a 1x1 convolution.
    """
    wanted = target.state_dict()
    with torch.no_grad():
        given = {
            key: value.reshape(wanted[key].shape) if key in wanted else value
            for key, value in source.state_dict().items()
        }
    target.load_state_dict(given)
