"""What every test starts from, and timm as a peer to compare with."""

import importlib
import os
import shutil
import sys
from contextlib import contextmanager

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


CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Flags with which it runs as root and asks the network for nothing by itself."""


@pytest.fixture(scope="session")
def browser():
    """Chromium without a screen; CI fails where it is not there, others skip."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        missing = "no chromium: apt-get install chromium"
        if os.environ.get("FOVEATE_BROWSER") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    playwright = importlib.import_module("playwright.sync_api")
    with playwright.sync_playwright() as runner:
        chromium = runner.chromium.launch(executable_path=program, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """A function that opens a page of ours and refuses what no page may do.

    ``with visit(path, width=390, dark=True) as page`` yields playwright's page. At the
    end nothing may have gone to the console as an error, no error have been thrown, and
    nothing but the file itself have been asked for.
    """

    @contextmanager
    def opened(path, *, width=1280, height=900, dark=False):
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        address = path.resolve().as_uri()
        problems, asked = [], []
        page.on("pageerror", lambda problem: problems.append(str(problem)))
        page.on(
            "console",
            lambda said: (
                problems.append(said.text) if said.type in {"error", "warning"} else ()
            ),
        )
        page.on("request", lambda request: asked.append(request.url))
        try:
            page.goto(address)
            yield page
        finally:
            page.close()
        assert problems == []
        assert {url for url in asked if not url.startswith("data:")} == {address}

    return opened
