"""Papers that several cards name."""

from __future__ import annotations

from foveate.catalog._card import Paper

__all__ = ["CBAM", "SHISRCNET"]

CBAM = Paper(
    title="CBAM: Convolutional Block Attention Module",
    authors="Sanghyun Woo, Jongchan Park, Joon-Young Lee, In So Kweon",
    year=2018,
    link="https://arxiv.org/abs/1807.06521",
    venue="ECCV",
)

SHISRCNET = Paper(
    title="SHISRCNet: Super-resolution And Classification Network For Low-resolution "
    "Breast Cancer Histopathology Image",
    authors="Luyuan Xie, Cong Li, Zirui Wang, Xin Zhang, Boyan Chen, Qingni Shen, "
    "Zhonghai Wu",
    year=2023,
    link="https://arxiv.org/abs/2306.14119",
    venue="MICCAI",
)
