"""What files of whole models, such as Ultralytics' checkpoints, name of ours."""

import pickle
import pickletools

from torch import nn

import foveate as fv
from foveate.surgery import freeze_host

NAMED = {
    "foveate.surgery._graft Graft",
    "foveate.surgery._graft Replacement",
    "foveate.surgery._graft run_after",
    "foveate.surgery._graft run_before",
    "foveate.surgery._starts Blended",
    "foveate.surgery._starts Opened",
    "foveate.surgery._starts Plain",
    "foveate.surgery.training keep_statistics",
}


def globals_of(data):
    """Return the names that a pickle imports, as ``module name``."""
    return {name for code, name, _ in pickletools.genops(data) if code.name == "GLOBAL"}


def test_a_pickle_of_a_grafted_host_names_these():
    host = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Tanh())
    example = (1, 3, 9, 7)
    fv.graft(host, "se", at="1", example=example)
    fv.graft(host, "se", at="2", example=example, position="before", start="gate")
    fv.graft(host, "se", at="3", example=example, position="replace", start="paper")
    freeze_host(host)

    # protocol 2, which torch.save takes, writes each name whole
    named = globals_of(pickle.dumps(host, protocol=2))

    ours = {name for name in named if name.startswith("foveate.")}
    assert ours - {"foveate.blocks.se SqueezeExcite"} == NAMED
