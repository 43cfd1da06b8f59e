"""Check that a network can be the host of a comparison."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from foveate import _traces
from foveate.errors import FoveateError, RecipeError
from foveate.records import Host, Recipe, Slot
from foveate.study.digit_scenes import CLASSES
from foveate.study.hosts import host_of, imported

__all__ = ["check_answers", "check_seeded"]

BATCH = 2
"""The fewest images that a step of training sees."""


def check_answers(model: nn.Module, recipe: Recipe) -> None:
    """Raise unless a network returns logits, in evaluation and in training.

    Afterwards it is in training mode, and its statistics have seen the images.

    Args:
        model: On any device.
        recipe: Says how large images are.

    Raises:
        RecipeError: It does not run, or returns something else.
        FoveateError: A block of ours refuses its map.
    """
    side = recipe.data.image_size
    device = next((tensor.device for tensor in model.parameters()), None)
    images = torch.zeros(BATCH, 3, side, side, device=device)
    for mode in ("evaluation", "training"):
        model.train(mode == "training")
        try:
            with torch.no_grad():
                answer = model(images)
        except FoveateError:
            raise
        except Exception as problem:
            raise RecipeError(
                f"{recipe.host.title} does not run in {mode} with images "
                f"{tuple(images.shape)}: {_traces.seen(problem)}. Set data.image_size "
                "or host.options so that they fit, or name a function of yours that "
                "returns a network for such images."
            ) from problem
        _check_logits(answer, mode, recipe.host)


def check_seeded(host: Host) -> None:
    """Raise unless a network of others is made anew, from the seed, for each run.

    Raises:
        RecipeError: It is not.
        FoveateError: It cannot be made.
    """
    found = imported(host.name)
    torch.manual_seed(0)
    one = host_of(host, Slot(), None)
    torch.manual_seed(0)
    other = host_of(host, Slot(), None)
    shared = {id(p) for p in one.parameters()} & {id(p) for p in other.parameters()}
    if shared or not _same(one, other) or isinstance(found, nn.Module):
        raise RecipeError(
            f"{host.title} does not start from the seed, so blocks of one seed would "
            "start from different hosts. Name a class, or a function that makes a new "
            "network whenever it is called and takes random numbers from torch alone."
        )


def _same(one: nn.Module, other: nn.Module) -> bool:
    again = other.state_dict()
    return all(
        # a state dict may hold what is no tensor
        not isinstance(value, Tensor) or torch.equal(value, again[key])
        for key, value in one.state_dict().items()
    )


def _check_logits(answer: Any, mode: str, host: Host) -> None:
    wanted = (BATCH, len(CLASSES))
    if isinstance(answer, Tensor) and answer.shape == wanted:
        return
    if isinstance(answer, Tensor):
        seen = str(tuple(answer.shape))
    else:
        seen = f"a {type(answer).__name__}"
    if "num_classes" in host.options:
        cure = f"Set host.options.num_classes to {len(CLASSES)}, or leave it out."
    else:
        cure = (
            "Name a classifier, or a function of yours that takes num_classes and "
            "returns a network with one tensor of logits."
        )
    raise RecipeError(
        f"{host.title} returns {seen} in {mode} for {BATCH} images of "
        f"{len(CLASSES)} classes, where logits {wanted} are needed. {cure}"
    )
