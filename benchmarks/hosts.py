"""What blocks add to a whole network, ours and the textbook's."""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import nn

import foveate as fv
from benchmarks import peers, textbook
from benchmarks.machine import stopwatch
from benchmarks.measuring import Settings, forward_call
from benchmarks.racing import race
from benchmarks.results import Host
from benchmarks.statistics import median, quartile_range

__all__ = ["BLOCKS", "TARGETED", "measure"]

TARGETED = ("se", "eca", "cbam", "simam", "coordinate")
BLOCKS = (*TARGETED, "channel", "spatial", "nam", "shuffle")
NAME, SHAPE = "resnet50", (8, 3, 224, 224)
EVERY_BLOCK = "layer[1-4].*"
PLAIN = "plain"


def measure(name: str, settings: Settings, *, seconds: float) -> Host:
    """Graft a block after every residual block of ResNet-50 and time a forward pass.

    Our block goes in as its paper has it, and as one that starts as the identity; the
    textbook form as its paper has it.
    """
    host = peers.import_timm().create_model(NAME).eval()
    images = settings.randn(*SHAPE)
    networks = {
        PLAIN: host,
        "ours": _grafted(host, name, "paper"),
        "ours_identity": _grafted(host, name, "identity"),
        "textbook": _grafted(host, textbook.FORMS[name], "paper"),
    }
    calls: dict[str, Callable[[], object]] = {
        column: forward_call(network.to(settings.device, settings.dtype), images)
        for column, network in networks.items()
    }
    times = race(calls, seconds, stopwatch(settings.device))
    added = {
        column: [one - plain for one, plain in zip(values, times[PLAIN], strict=True)]
        for column, values in times.items()
        if column != PLAIN
    }
    return Host(
        block=name,
        host=NAME,
        shape=SHAPE,
        plain_ms=median(times[PLAIN]),
        overhead_ms={column: median(values) for column, values in added.items()},
        iqr_ms={column: quartile_range(values) for column, values in added.items()},
        rounds=len(times[PLAIN]),
    )


def _grafted(host: nn.Module, block: str | type[nn.Module], start: str) -> nn.Module:
    network = copy.deepcopy(host)
    fv.graft(network, block, at=EVERY_BLOCK, example=(1, *SHAPE[1:]), start=start)
    return network
