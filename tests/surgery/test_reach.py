"""Hosts whose layers hooks do not reach, and what is said of them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from foveate._loading import load_file
from foveate.errors import SiteError

small = load_file(Path(__file__).with_name("small.py"))
EXAMPLE = small.EXAMPLE
conv = small.conv
net = small.net
graft = small.graft


class YOLO(nn.Module):
    """A wrapper that has a network and what predicts with it."""

    def __init__(self):
        super().__init__()
        self.model = net()
        self.predictor = None


def scripted():
    with pytest.warns(DeprecationWarning, match="torch.jit.script"):
        return torch.jit.script(nn.Sequential(nn.ReLU()))


def compiled():
    host = net()
    host.compile(backend="eager")
    return host


REACHED = {
    "compiled": (
        lambda: torch.compile(net(), backend="eager"),
        "{} is wrapped in OptimizedModule, which would not notice a block that comes "
        "later. Graft to the model inside first, then wrap or compile it.",
    ),
    "compiled in place": (
        compiled,
        "{} was compiled in place (model.compile()), which would not notice a block "
        "that comes later. Graft first, then compile.",
    ),
    "scripted": (
        scripted,
        "{} is TorchScript, which takes no hooks. Graft to the Python model, and "
        "export that with torch.export or to ONNX.",
    ),
}


@pytest.mark.parametrize(("make", "words"), REACHED.values(), ids=REACHED)
def test_a_host_that_hooks_do_not_reach_is_refused(make, words):
    with pytest.raises(SiteError) as caught:
        graft(make(), "0")

    assert str(caught.value) == words.format("the host")


@pytest.mark.parametrize(("make", "words"), REACHED.values(), ids=REACHED)
def test_a_host_with_a_part_that_hooks_do_not_reach_is_refused(make, words):
    with pytest.raises(SiteError) as caught:
        graft(nn.Sequential(conv(), make()), "0")

    assert str(caught.value) == words.format("the host's layer 1")


def test_a_host_in_data_parallel_is_refused():
    words = r"^the host is wrapped in DataParallel, .* Graft to the model inside first"

    with pytest.raises(SiteError, match=words):
        graft(nn.DataParallel(net()), "0")


def test_a_host_in_distributed_data_parallel_is_refused(tmp_path):
    store = f"file://{tmp_path}/store"
    torch.distributed.init_process_group("gloo", store, rank=0, world_size=1)
    try:
        host = nn.parallel.DistributedDataParallel(net())
        words = "^the host is wrapped in DistributedDataParallel, which would not"
        with pytest.raises(SiteError, match=words):
            graft(host, "0")
    finally:
        torch.distributed.destroy_process_group()


def test_what_predicts_with_a_network_is_told_to_give_the_network():
    words = r"^YOLO wraps the network. Give the network itself: yolo\.model\.$"

    with pytest.raises(SiteError, match=words):
        graft(YOLO(), "0")


@pytest.mark.parametrize(
    ("make", "name"),
    [(net, "0"), (lambda: YOLO().model, "0")],
    ids=["inside", "network"],
)
def test_the_model_inside_takes_a_block(make, name):
    assert graft(make(), name).places[0].path == name


def test_a_host_with_layers_that_wait_for_their_channels_is_run_first():
    host = nn.Sequential(nn.LazyConv2d(3, 1))
    words = r"^the host's layer 0 \(LazyConv2d\) does not know its channels before it"

    with pytest.raises(SiteError, match=words):
        graft(host, "0")

    host(torch.randn(EXAMPLE))
    assert graft(host, "0").places[0].maps[0].channels == 3


def test_a_traced_graph_of_modules_is_a_host():
    host = torch.fx.symbolic_trace(net())

    assert graft(host, "1.1.1").places[0].path == "1.1.1"
