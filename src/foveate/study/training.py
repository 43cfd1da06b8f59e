"""Train one run.

Everything random comes from the run's seed. The host's first weights, the order of
images and their shifts, and the numbers that its dropout begins with do not depend on
the block, so runs of one seed differ in the block alone.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from foveate import profile, surgery
from foveate.errors import RunError
from foveate.records import (
    MOST_LOOKED_AT,
    Epoch,
    GraftedBlock,
    Result,
    Run,
    Training,
)
from foveate.study.codebase import versions
from foveate.study.digit_scenes import CLASSES, Images, load
from foveate.study.hosts import network_of
from foveate.study.machines import machine_of

__all__ = ["Trained", "train"]

EVALUATION_BATCH = 250

LAST = torch.channels_last
"""The order in memory in which convolutions are fastest."""

ADAM_BETA2 = 0.999

PIXEL_MEAN = 75.0
PIXEL_SD = 55.0
"""Of digit-scenes, over all channels, rounded."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What training leaves.

    Attributes:
        result: Scores, curve, cost and machine.
        probabilities: Of each class for each test image, ``(N, classes)``, float32.
        weights: The state of host and block.
    """

    result: Result
    probabilities: Tensor
    weights: dict[str, Tensor]


def train(run: Run, listen: Callable[[Epoch], None] = lambda _: None) -> Trained:
    """Train a run from its seed to its result.

    Args:
        run: What to train.
        listen: Is told of each epoch as it ends.

    Raises:
        RunError: The loss is no longer finite, or the device is not there.
    """
    device = _device(run.training.device)
    with _reproducible(run.training.threads, device):
        split = load(run.data)
        model = network_of(run).to(device)
        # torch takes memory_format alone, its types do not say so
        model.to(memory_format=LAST)  # type: ignore[call-overload]
        start = time.perf_counter()
        curve = []
        for epoch, loss in _epochs(run, model, split.train, device):
            probabilities = _probabilities(model, split.test, device)
            accuracy = _accuracy(probabilities, split.test)
            curve.append(Epoch(epoch=epoch, train_loss=loss, test_accuracy=accuracy))
            listen(curve[-1])
        seconds = time.perf_counter() - start
        side = run.data.image_size
        cost = profile.count(model, (1, 3, side, side))
    return Trained(
        result=Result(
            accuracy=accuracy,
            class_accuracy=_class_accuracy(probabilities, split.test),
            curve=tuple(curve),
            parameters=cost.parameters,
            macs=cost.macs,
            seconds=round(seconds, 2),
            data_digest=split.test.digest,
            machine=machine_of(device, versions(model)),
            grafts=_grafts(model, split.test, device),
        ),
        probabilities=probabilities,
        weights={name: value.cpu() for name, value in model.state_dict().items()},
    )


def _epochs(
    run: Run, model: nn.Module, images: Images, device: torch.device
) -> Iterator[tuple[int, float]]:
    """Train epoch after epoch and yield its number and mean loss."""
    settings = run.training
    pixels = torch.from_numpy(images.pixels)
    labels = torch.from_numpy(images.labels)
    batches = len(labels) // settings.batch_size
    optimizer = _optimizer(model, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _rate(step / (batches * settings.epochs), settings)
    )
    generator = torch.Generator().manual_seed(run.seed)
    for epoch in range(1, settings.epochs + 1):
        model.train()
        order = torch.randperm(len(labels), generator=generator)
        total = 0.0
        for chosen in torch.split(order, settings.batch_size)[:batches]:
            batch = _shifted(pixels[chosen], settings.shift, generator)
            logits = model(_scaled(batch.to(device)))
            loss = functional.cross_entropy(
                logits,
                labels[chosen].to(device),
                label_smoothing=settings.label_smoothing,
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item()
        if not math.isfinite(total):
            raise RunError(
                f"{run.title}: the loss is no longer a number in epoch {epoch}. A "
                f"learning_rate below {settings.learning_rate} may help."
            )
        yield epoch, total / batches


def _optimizer(model: nn.Module, settings: Training) -> torch.optim.Optimizer:
    """Return the optimizer; vectors and scalars do not decay."""
    decaying = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": decaying, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.optimizer == "adamw":
        betas = (settings.momentum, ADAM_BETA2)
        return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=betas)
    return torch.optim.SGD(
        groups,
        lr=settings.learning_rate,
        momentum=settings.momentum,
        nesterov=settings.momentum > 0,
    )


def _rate(done: float, settings: Training) -> float:
    """Return the share of the learning rate when a share of all steps is done."""
    if done < settings.warmup:
        return max(done / settings.warmup, 0.01)
    rest = (done - settings.warmup) / max(1 - settings.warmup, 1e-9)
    return 0.5 * (1 + math.cos(math.pi * min(rest, 1.0)))


def _shifted(pixels: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Return each image moved by up to ``most`` pixels; edges are repeated."""
    if most == 0:
        return pixels
    count, _, height, width = pixels.shape
    moves = torch.randint(-most, most + 1, (2, count, 1), generator=generator)
    rows = (torch.arange(height) + moves[0]).clamp(0, height - 1)
    columns = (torch.arange(width) + moves[1]).clamp(0, width - 1)
    image = torch.arange(count)[:, None, None]
    moved = pixels.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _scaled(pixels: Tensor) -> Tensor:
    """Return pixels of 0 to 255 as floats of mean 0 and deviation 1, about."""
    scaled = (pixels.float() - PIXEL_MEAN) / PIXEL_SD
    return scaled.contiguous(memory_format=LAST)


@torch.no_grad()
def _probabilities(model: nn.Module, images: Images, device: torch.device) -> Tensor:
    """Return the probability of each class for each image, ``(N, classes)``."""
    model.eval()
    batches = torch.split(torch.from_numpy(images.pixels), EVALUATION_BATCH)
    answers = [model(_scaled(batch.to(device))).softmax(dim=1) for batch in batches]
    return torch.cat(answers).cpu()


def _right(probabilities: Tensor, images: Images) -> Tensor:
    return probabilities.argmax(dim=1) == torch.from_numpy(images.labels)


def _accuracy(probabilities: Tensor, images: Images) -> float:
    """Return the share of images that are named right."""
    return int(_right(probabilities, images).sum()) / len(images.labels)


def _class_accuracy(probabilities: Tensor, images: Images) -> tuple[float, ...]:
    """Return that share for each class; 0 for a class without images."""
    right = _right(probabilities, images)
    labels = torch.from_numpy(images.labels)
    members = [right[labels == c] for c in range(len(CLASSES))]
    return tuple(int(mine.sum()) / max(len(mine), 1) for mine in members)


def _device(name: str) -> torch.device:
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise RunError(
            f"training.device is {name!r}, but torch sees "
            f"{torch.cuda.device_count()} CUDA devices here. Use 'cpu'."
        )
    return device


@contextlib.contextmanager
def _reproducible(threads: int, device: torch.device) -> Iterator[None]:
    """Fix threads and algorithms, and put them back after."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True)
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


@torch.no_grad()
def _grafts(
    model: nn.Module, images: Images, device: torch.device
) -> tuple[GraftedBlock, ...]:
    """Return how far each graft has moved, seen on the first test images."""
    pixels = torch.from_numpy(images.pixels[:MOST_LOOKED_AT])
    return surgery.grafts(model, _scaled(pixels.to(device))).blocks
