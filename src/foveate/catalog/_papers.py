"""Papers that several cards name."""

from __future__ import annotations

from foveate.catalog._card import Paper

__all__ = ["CBAM"]

CBAM = Paper(
    title="CBAM: Convolutional Block Attention Module",
    authors="Sanghyun Woo, Jongchan Park, Joon-Young Lee, In So Kweon",
    year=2018,
    link="https://arxiv.org/abs/1807.06521",
    venue="ECCV",
)
