"""``foveate graft`` as a person uses it."""

import json

import pytest
import torch

import foveate as fv
from foveate.records import Plan

SMALL = ("resnet10", "--set", "width=16", "--input", "1x3x64x64")

BLOCKS = """
from torch import nn

print("imported")


class Mine(nn.Module):
    def __init__(self, channels, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1, groups=groups, bias=False)

    def forward(self, x):
        return self.conv(x)
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(BLOCKS)
    return f"{path}:Mine"


def costs(done):
    return {
        name: (cost["parameters"], cost["macs"])
        for name, cost in json.loads(done.out)["cost"].items()
        if name != "places"
    }


def test_prints_each_place_with_what_it_adds(foveate):
    done = foveate("graft", *SMALL, "se", "--at", "layer3")

    # 64 channels to 4 and back, and an amount for each channel
    row = done.row("after layer3 ")
    assert done.code == 0
    assert row[2:7] == ["se", "identity", "64", "x", "4x4"]
    assert (row[7], row[9]) == ("576", "512")
    assert done.err == ""


def test_prints_the_totals_in_shares_of_the_host(foveate, mine):
    done = foveate("graft", *SMALL, mine, "--at", "layer3", "--start", "paper")

    # a 1x1 convolution of 64 channels over 4x4 places
    alone = sum(p.numel() for p in fv.backbones.resnet10(width=16).parameters())
    assert done.row("ResNet ")[1] == f"{alone:,}"
    assert done.row("1 block ")[2:5] == ["4,096", f"{4096 / alone:.2%}", "65,536"]
    assert done.row("ResNet with them ")[3] == f"{alone + 4096:,}"


def test_the_host_with_blocks_costs_as_much_as_host_and_blocks(foveate):
    done = foveate("graft", *SMALL, "cbam", "--at", "layer?.0", "--json")

    found = costs(done)
    together = [sum(pair) for pair in zip(found["host"], found["blocks"], strict=True)]
    assert list(found["together"]) == together
    assert len(json.loads(done.out)["cost"]["places"]) == 4


def test_a_layer_that_is_replaced_no_longer_costs(foveate):
    words = ("--at", "layer3.0.attention", "--position", "replace", "--start", "paper")

    done = foveate("graft", *SMALL, "--set", "attention=se", "eca", *words, "--json")

    # squeeze-and-excitation of 64 channels goes out, a kernel of 3 comes in
    found = costs(done)
    assert found["blocks"] == (3, 3 * 64)
    assert found["together"][0] == found["host"][0] + 3 - 512


def test_a_batch_costs_as_much_as_an_image(foveate):
    one = foveate("graft", *SMALL, "se", "--at", "layer3", "--json")
    two = foveate("graft", *SMALL[:-1], "2x3x64x64", "se", "--at", "layer3", "--json")

    assert costs(one) == costs(two)


def test_takes_a_block_of_the_users_with_options(foveate, mine):
    done = foveate(
        "graft", *SMALL, mine, "--at", "stage:-1", "--option", "groups=4", "--json"
    )

    place = json.loads(done.out)["plan"]["places"][0]
    assert place["block"] == mine
    assert place["options"] == {"groups": 4}
    assert costs(done)["blocks"][0] == 128 * 128 // 4 + 128
    assert "imported" in done.err


def test_the_plan_that_is_written_can_be_applied(foveate, tmp_path):
    path = tmp_path / "plan.yaml"
    words = ("--at", "layer1", "--at", "layer3.0", "--start", "gate")

    done = foveate("graft", *SMALL, "se", *words, "--out", str(path))

    host = fv.backbones.resnet10(width=16).eval()
    x = torch.randn(2, 3, 40, 24)
    before = host(x)
    plan = fv.graft(host, Plan.load(path))
    assert f"wrote the plan to {path}" in done.err
    assert [(p.path, p.start) for p in plan.places] == [
        ("layer1", "gate"),
        ("layer3.0", "gate"),
    ]
    assert torch.equal(host(x), before)


def test_what_is_refused_is_listed_with_reasons_and_ends_with_1(foveate, tmp_path):
    path = tmp_path / "plan.yaml"

    done = foveate("graft", *SMALL, "se", "--at", "layer3.0.*", "--out", str(path))

    assert done.code == 1
    assert done.out == ""
    assert "foveate: layer3.0.conv1: its output goes straight into" in done.err
    assert "foveate: layer3.0.relu: runs 2 times in one pass" in done.err
    assert done.err.splitlines()[-1] == (
        "foveate: 3 of 6 layers cannot have the block. Name others with --at, or leave "
        "these out with --fitting."
    )
    assert not path.exists()


def test_what_is_refused_may_be_left_out(foveate):
    done = foveate("graft", *SMALL, "se", "--at", "layer3.0.*", "--fitting", "--json")

    found = json.loads(done.out)["plan"]
    assert done.code == 0
    assert [place["path"] for place in found["places"]] == [
        "layer3.0.downsample",
        "layer3.0.bn1",
        "layer3.0.bn2",
    ]
    assert found["refused"] == []
    assert done.err.count("foveate: layer3.0.") == 3


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["se"], 2, "Missing option '--at'"),
        (["cbm", "--at", "layer1"], 1, "no block named 'cbm'. Did you mean 'cbam'?"),
        (["add", "--at", "layer1"], 1, "'add' is a fusion of several maps"),
        (["se", "--at", "layr1"], 1, "no layer matches 'layr1'. Did you mean 'layer1'"),
        (["se", "--at", "layer1", "--position", "at"], 2, "'at' is not one of"),
        (["se", "--at", "layer1", "--start", "now"], 2, "'now' is not one of"),
        (["simam", "--at", "layer1", "--start", "gate"], 1, "simam cannot start as"),
        (
            ["se", "--at", "layer1", "--option", "r"],
            2,
            "--option is written NAME=VALUE",
        ),
        (["se", "--at", "layer1", "--option", "r=4"], 1, "se has no option 'r'"),
        (["se", "--at", "fc", "--fitting"], 1, "the plan has no places"),
        (["none.py:A", "--at", "layer1"], 1, "no file none.py."),
    ],
)
def test_a_mistake_is_one_clear_message_and_an_exit_code(words, code, message, foveate):
    done = foveate("graft", *SMALL, *words)

    assert done.code == code
    assert message in done.said
    assert done.out == ""
