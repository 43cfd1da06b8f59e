"""``foveate sites`` as a person uses it."""

import json

import pytest

SMALL = ("resnet10", "--set", "width=8", "--input", "1x3x64x64")

NETWORKS = """
from torch import nn

print("imported")


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.act = nn.ReLU()

    def forward(self, x):
        print("running")
        return self.act(self.conv(x))


class Staged(nn.Module):
    feature_info = [{"module": "trunk.act", "num_chs": 4, "reduction": 2}]

    def __init__(self, classes=10):
        super().__init__()
        self.trunk = Trunk()
        self.fc = nn.Linear(4, classes)

    def forward(self, x):
        return self.fc(self.trunk(x).mean(dim=(2, 3)))


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(48, 5)

    def forward(self, x):
        return self.fc(x.flatten(1))


def deep():
    return nn.Sequential(*(Trunk() if i == 0 else nn.ReLU() for i in range(60)))
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(NETWORKS)
    return path


def paths(done):
    rows = [line.split() for line in done.out.splitlines() if " x " in line]
    return [row[0] for row in rows[1:]]


def test_prints_path_type_maps_stride_stage_and_positions(foveate):
    done = foveate("sites", *SMALL)

    # the stem halves the image twice, each later stage once more
    layer3 = "layer3 Sequential 32 x 4x4 16 stage:2 after before"
    assert done.code == 0
    assert done.row("layer3 ") == layer3.split()
    assert done.row("relu ")[-3:] == ["after", "before", "replace"]
    assert done.row("conv1 ")[-2:] == ["2", "before"]
    assert done.err == ""


def test_a_long_model_is_shown_without_the_insides_of_its_layers(foveate):
    done = foveate("sites", "resnet18", "--set", "width=8", "--input", "1x3x64x64")

    # 8 residual blocks in 4 stages, after a stem of 4 layers
    assert len(paths(done)) == 8 + 4 + 4
    assert "layer4.1" in paths(done)
    assert "not shown: 41 layers within these. --depth 2 (or more) or --all" in done.err


@pytest.mark.parametrize("words", [("--depth", "2"), ("--all",)])
def test_the_insides_are_shown_if_asked_for(foveate, words):
    done = foveate(
        "sites", "resnet18", "--set", "width=8", "--input", "1x3x64x64", *words
    )

    assert "layer4.1.conv2" in paths(done)
    assert done.err == ""


def test_the_end_of_a_stage_is_shown_at_any_depth(foveate, mine):
    done = foveate("sites", f"{mine}:Staged", "--depth", "1")

    assert paths(done) == ["trunk.act", "trunk"]


def test_a_table_that_is_too_long_anyway_is_cut_to_its_first_depth(foveate, mine):
    done = foveate("sites", f"{mine}:deep")

    assert len(paths(done)) == 60


def test_layers_that_are_asked_for_come_with_the_reasons_against_them(foveate):
    done = foveate("sites", *SMALL, "--at", "layer2.0.conv*", "--at", "stage:-1")

    assert paths(done) == ["layer2.0.conv1", "layer2.0.conv2", "layer4"]
    assert (
        "layer2.0.conv1: not after: its output goes straight into the BatchNorm "
        "layer2.0.bn1"
    ) in done.out
    assert "layer2.0.conv2: not after or replace: its output goes straight" in done.out


def test_a_layer_without_any_position_says_so(foveate):
    done = foveate("sites", *SMALL, "--at", "fc")

    assert done.row("fc ")[-1] == "none"
    assert "fc: not after: returns no feature maps: (1, 1000)." in done.out
    assert "fc: not before or replace: gets no feature maps: (1, 64)." in done.out


def test_json_holds_every_layer_and_what_the_model_prints_goes_elsewhere(foveate, mine):
    done = foveate("sites", f"{mine}:Staged", "--json", "--depth", "1")

    found = json.loads(done.out)
    assert found["host"] == "Staged"
    assert found["example"] == [[1, 3, 224, 224]]
    assert [site["path"] for site in found["sites"]] == [
        "trunk.conv",
        "trunk.act",
        "trunk",
    ]
    assert found["sites"][1]["stage"] == 0
    assert "imported" in done.err
    assert "running" in done.err


def test_a_model_without_maps_gets_a_note(foveate, mine):
    done = foveate("sites", f"{mine}:Flat", "--input", "1x3x4x4")

    assert done.code == 0
    assert "no layer of this Flat can have a block; --at '**' says why" in done.err


def test_shows_a_network_of_timm(foveate, timm):
    done = foveate("sites", "timm:test_resnet", "--set", "num_classes=3")

    assert "160x160" not in done.out
    assert done.row("layer4 ")[-2:] == ["after", "before"]
    assert "stage:4" in done.row("layer4 ")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["resnet9"], 1, "no backbone named 'resnet9'. Did you mean"),
        (["resnet10", "--input", "3x64"], 2, "--input is written BxCxHxW, such as"),
        (["resnet10", "--input", "1x3x0x64"], 2, "such as 1x3x224x224, got '1x3x0x64'"),
        (["resnet10", "--set", "width"], 2, "--set is written NAME=VALUE, got 'width'"),
        (["resnet10", "--set", "wdth=8"], 1, "no option 'wdth'. Did you mean 'width'?"),
        ([*SMALL, "--at", "layer9"], 1, "no layer matches 'layer9'. Did you mean"),
        ([*SMALL, "--depth", "0"], 2, "greater than or equal to 1"),
        (
            ["resnet10", "--set", "width=8", "--input", "1x4x64x64"],
            1,
            "ResNet: expects (B, 3, H, W), got (1, 4, 64, 64).",
        ),
    ],
)
def test_a_mistake_is_one_clear_message_and_an_exit_code(words, code, message, foveate):
    done = foveate("sites", *words)

    assert done.code == code
    assert message in done.said
    assert done.out == ""
