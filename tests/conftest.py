"""What every test starts from, and timm as a peer to compare with."""

import importlib
import sys

import pytest
import torch

BOXES = "Tensor boxes, float scale, int height, int width"
ROI = f"Tensor x, {BOXES}"
GRADIENT = f"Tensor gradient, {BOXES}"
SIZES = "int batch, int channels, int in_height, int in_width"
TWO = "(Tensor, Tensor)"
CONVOLUTION = (
    "Tensor x, Tensor weight, Tensor offset, Tensor mask, Tensor bias, int stride_h, "
    "int stride_w, int pad_h, int pad_w, int dilation_h, int dilation_w, int groups, "
    "int offset_groups, bool use_mask"
)
OPERATORS = (
    "nms(Tensor boxes, Tensor scores, float threshold) -> Tensor",
    "qnms(Tensor boxes, Tensor scores, float threshold) -> Tensor",
    f"roi_align({ROI}, int ratio, bool aligned) -> Tensor",
    f"qroi_align({ROI}, int ratio, bool aligned) -> Tensor",
    f"_roi_align_backward({GRADIENT}, {SIZES}, int ratio, bool aligned) -> Tensor",
    f"ps_roi_align({ROI}, int ratio) -> {TWO}",
    f"_ps_roi_align_backward({GRADIENT}, {SIZES}, int ratio) -> Tensor",
    f"roi_pool({ROI}) -> {TWO}",
    f"_roi_pool_backward({GRADIENT}, {SIZES}) -> Tensor",
    f"ps_roi_pool({ROI}) -> {TWO}",
    f"_ps_roi_pool_backward({GRADIENT}, {SIZES}) -> Tensor",
    f"deform_conv2d({CONVOLUTION}) -> Tensor",
    f"_deform_conv2d_backward(Tensor gradient, {CONVOLUTION}) -> Tensor[]",
)
"""The operators of torchvision, which nothing here calls."""


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _same_random_numbers():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def timm():
    """The library timm, which imports torchvision although it needs none of it here.

    A build of torchvision for GPUs does not find its operators on a machine without
    one and cannot be imported; their names are enough for it.
    """
    library = None
    try:
        importlib.import_module("torchvision")
    except RuntimeError as problem:
        if "torchvision::nms does not exist" not in str(problem):
            raise
        library = torch.library.Library("torchvision", "DEF")
        for schema in OPERATORS:
            library.define(schema)
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
    yield importlib.import_module("timm")
    # the names are taken back with it, so it has to last as long as the tests
    del library
