"""A small network and images for the tests of class activation maps."""

import torch

import foveate as fv


def network(**options):
    torch.manual_seed(5)
    return fv.backbones.create("resnet10", width=8, num_classes=5, **options).eval()


def images(count=2, height=65, width=33):
    return torch.randn(
        count, 3, height, width, generator=torch.Generator().manual_seed(2)
    )
