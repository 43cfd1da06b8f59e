"""Every block and fusion of the catalogue passes every check, or it is said why not."""

import pytest
import torch

from foveate import blocks, catalog
from foveate.checkup import Target, parametrize_with_checks
from foveate.errors import OptionError

WIDTHS = (16, 32, 64, 128)
NO_GATE = "Its answer is not its input times a gate in (0, 1)."
SEVERAL_MAPS = "It takes several maps, so output over input is no gate."
TWO_IMAGES = "It takes at least 2 images in training, as it declares."
ONE_SIZE = "It takes only maps of 16x12."


def smallest(name):
    """Return what the doctor is told of a name: the fewest channels that it takes."""
    size = {"spatial_size": (16, 12)} if catalog.card(name).sized else {}
    for channels in WIDTHS:
        try:
            blocks.create(name, channels, device="meta", **size)
        except OptionError:
            continue
        return Target(name, channels=channels)
    raise AssertionError(f"{name} takes none of {WIDTHS}")


TARGETS = [
    smallest(name)
    for card in catalog.find()
    for name in (card.name, *card.variant_names)
]
CHANNELS = {target.block: target.channels for target in TARGETS}


def starts_as_a_gate(block, channels):
    """Return whether a new block multiplies its input by what is within 0 and 1."""
    if not isinstance(block, blocks.Gate):
        return False
    random = torch.Generator().manual_seed(0)
    gate = (
        block.double()
        .eval()
        .gate(torch.randn(2, channels, 16, 12, generator=random, dtype=torch.float64))
    )
    return bool(((gate >= 0) & (gate <= 1)).all())


def reason_not_to_run(target, check):
    """Return why a check has nothing to say of a block, by what the block says."""
    size = {"spatial_size": (16, 12)} if catalog.card(target).sized else {}
    block = blocks.create(target, CHANNELS[target], **size)
    if check == "one_image_in_training" and block.training_batch > 1:
        return TWO_IMAGES
    if check == "tiny_maps" and block.spatial_size:
        return ONE_SIZE
    if check != "gate_not_saturated_at_start":
        return ""
    if isinstance(block, blocks.Fusion):
        return SEVERAL_MAPS
    return "" if starts_as_a_gate(block, CHANNELS[target]) else NO_GATE


@pytest.mark.slow
@parametrize_with_checks(TARGETS)
def test_is_healthy(check):
    name, _, promise = check.title.partition("-")

    finding = check.finding()

    reason = reason_not_to_run(name, promise)
    want = "not run" if reason else "passed"
    assert (finding.outcome, finding.cause) == (want, reason), str(finding)
