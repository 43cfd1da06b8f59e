"""Networks of timm, torchvision and segmentation_models_pytorch, by name."""

import importlib
import re
import sys

import pytest

from foveate import hosts
from foveate.errors import (
    MissingExtraError,
    OptionError,
    UnknownNameError,
    UnknownOptionError,
)

pytestmark = pytest.mark.usefixtures("timm")

PEERS = {
    "timm": "timm",
    "torchvision": "torchvision.models",
    "smp": "segmentation_models_pytorch",
    "ultralytics": "ultralytics",
}


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("timm:test_resnet", {"num_classes": 7}, "timm.models.resnet"),
        ("timm:test_resnet.r160_in1k", {"pretrained": False}, "timm.models.resnet"),
        ("torchvision:squeezenet1_1", {"num_classes": 7}, "torchvision.models"),
        ("torchvision:MobileNet_V3_Small", {"width_mult": 0.5}, "torchvision.models"),
        ("smp:unet", {"encoder_name": "resnet18"}, "segmentation_models_pytorch"),
        (
            "smp:FPN",
            {"encoder_name": "tu-test_resnet", "encoder_weights": None, "classes": 2},
            "segmentation_models_pytorch",
        ),
    ],
)
def test_makes_a_network_of_a_library(name, options, kind):
    assert type(hosts.load(name, **options)).__module__.startswith(kind)


def test_gives_its_options_to_the_library():
    model = hosts.load("timm:test_resnet", num_classes=7, in_chans=1)

    assert (model.fc.out_features, model.conv1[0].in_channels) == (7, 1)


def test_no_weights_of_a_backbone_are_fetched(monkeypatch):
    api = importlib.import_module("torchvision.models._api")

    def fetch(*arguments, **options):
        raise AssertionError("weights were asked for")

    monkeypatch.setattr(api, "load_state_dict_from_url", fetch)
    model = hosts.load("torchvision:lraspp_mobilenet_v3_large", num_classes=2)

    assert model.classifier.low_classifier.out_channels == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:test_resnets", "timm has no network named 'test_resnets'. Did you mean"),
        ("timm:qqqq", "timm.list_models() lists all."),
        ("timm:hf-hub:someone/net", "timm has no network named 'hf-hub:someone/net'."),
        ("timm:", "timm has no network named ''. timm.list_models() lists all."),
        ("torchvision:resnet51", "Did you mean 'resnet50'"),
        ("torchvision:qqqq", "torchvision.models.list_models() lists all."),
        ("smp:unett", "smp has no network named 'unett'. Did you mean 'unet'"),
    ],
)
def test_near_names_are_offered(name, message):
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        hosts.load(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:test_resnet", "timm:test_resnet has no option 'num_clases': ResNet"),
        ("torchvision:squeezenet1_1", "Did you mean 'num_classes'?"),
        # these two pass over it by themselves
        ("torchvision:fasterrcnn_mobilenet_v3_large_fpn", "has no option 'num_clases'"),
        ("torchvision:fcn_resnet50", "Did you mean 'num_classes' or 'norm_layer'?"),
        ("smp:unet", "smp:unet has no option 'num_clases'. Did you mean 'classes'?"),
    ],
)
def test_an_option_that_does_not_exist_is_named(name, message):
    with pytest.raises(UnknownOptionError, match=re.escape(message)):
        hosts.load(name, num_clases=3)


def test_an_option_like_no_other_is_named_alone():
    with pytest.raises(
        UnknownOptionError, match=r"fcn_resnet50 has no option 'qqq'\.$"
    ):
        hosts.load("torchvision:fcn_resnet50", qqq=3)


def test_an_option_that_is_handed_to_a_base_is_taken():
    model = hosts.load("torchvision:quantized_shufflenet_v2_x0_5", num_classes=3)

    assert model.fc.out_features == 3


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("timm:test_resnet", "pretrained", True),
        ("torchvision:squeezenet1_1", "weights", "DEFAULT"),
        ("torchvision:fcn_resnet50", "weights_backbone", "DEFAULT"),
        ("smp:unet", "encoder_weights", "imagenet"),
    ],
)
def test_weights_that_would_be_downloaded_are_refused(name, option, value):
    with pytest.raises(
        OptionError, match=rf"{option} must be \w+, because no weights are .*, got"
    ):
        hosts.load(name, **{option: value})


def test_what_the_library_refuses_is_said_in_one_line():
    with pytest.raises(OptionError, match=r"RuntimeError: Invalid pretrained tag \(no"):
        hosts.load("timm:test_resnet.nosuch")


@pytest.mark.parametrize(
    ("library", "install"),
    [
        ("timm", "pip install 'foveate[timm]'"),
        ("torchvision", "pip install 'foveate[timm]'"),
        ("smp", "pip install segmentation-models-pytorch"),
        ("ultralytics", "pip install ultralytics"),
    ],
)
def test_a_library_that_is_not_installed_says_how_to_install_it(
    library, install, monkeypatch
):
    monkeypatch.setitem(sys.modules, PEERS[library], None)

    with pytest.raises(MissingExtraError, match=re.escape(install)):
        hosts.load(f"{library}:some_network")


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            RuntimeError("operator torchvision::nms does not exist"),
            "Install the two from one index: pip install",
        ),
        (ImportError("cannot import name 'x'"), "installed and cannot be imported"),
    ],
)
def test_a_library_that_does_not_fit_torch_says_so(problem, message, monkeypatch):
    def refuse(name):
        raise problem

    monkeypatch.setattr(importlib, "import_module", refuse)

    with pytest.raises(MissingExtraError, match=re.escape(message)):
        hosts.load("torchvision:resnet18")
