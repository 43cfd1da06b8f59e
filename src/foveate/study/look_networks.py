"""The networks of a comparison, and what they are shown."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveate.errors import RunError
from foveate.records import Run
from foveate.study.digit_scenes import Images
from foveate.study.folders import Folder
from foveate.study.hosts import network_of
from foveate.study.training import PIXEL_MEAN, PIXEL_SD

__all__ = ["device_of", "network_as_trained", "network_before", "scaled"]


def network_as_trained(home: Folder, run: Run) -> nn.Module:
    """Return the network of a run with the weights that its training left.

    Raises:
        FoveateError: They are gone, or do not fit.
    """
    model, weights = network_before(run), home.weights(run)
    try:
        model.load_state_dict(weights)
    except (RuntimeError, KeyError) as problem:
        raise RunError(
            f"{run.title}: its weights do not fit the network that its recipe means "
            f"now: {' '.join(str(problem).split())[:200]}."
        ) from problem
    return model


def scaled(images: Images, count: int, model: nn.Module) -> Tensor:
    """Return the first images as training sees them, where the network is."""
    pixels = torch.from_numpy(images.pixels[:count]).float()
    device = next((tensor.device for tensor in model.parameters()), None)
    return ((pixels - PIXEL_MEAN) / PIXEL_SD).to(device)


def network_before(run: Run) -> nn.Module:
    """Return the network of a run, with random weights."""
    # those that it started from may be gone, and those that it ended with replace them
    host = run.host.model_copy(update={"weights": None, "reset": ()})
    with torch.random.fork_rng(devices=[]):
        return network_of(run.model_copy(update={"host": host})).eval()


def device_of(run: Run) -> torch.device:
    """Return where the run was trained, or the CPU if that is not here."""
    device = torch.device(run.training.device)
    here = device.type == "cpu" or (device.index or 0) < torch.cuda.device_count()
    return device if here else torch.device("cpu")
