"""Does a trained network keep its accuracy when attention is put into it?

A small ResNet learns the handwritten digits that come with scikit-learn. Then every
block of the catalogue is grafted into it, after each of its last three stages, and the
network is scored before any further training:

- ``paper``: the block as its paper has it, which is what putting it in by hand does;
- ``gate``: its gates begin at exactly one, where the block has gates that can;
- ``identity``: a learned blend of the map and the block begins at the map alone.

Last, some of them are trained for 30 steps more.

    pip install 'foveate[compare]'
    python examples/keep_your_accuracy.py
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

import foveate as fv

AT = "layer[2-4]"
STARTS = ("paper", "gate", "identity")
FINE_TUNED = ("se", "cbam", "coordinate", "simam", "sk")


class Digits(NamedTuple):
    """Images ``(N, 1, 24, 24)`` and labels ``(N,)``, to learn from and for the test."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor


def digits(images: int = 1797) -> Digits:
    """Return the first so many digits; every third is for the test."""
    found = load_digits()
    pixels = torch.tensor(found.images[:images, None] / 8 - 1, dtype=torch.float32)
    x = functional.interpolate(pixels, size=(24, 24), mode="bilinear")
    y = torch.tensor(found.target[:images])
    test = torch.arange(len(y)) % 3 == 0
    return Digits(x[~test], y[~test], x[test], y[test])


def train(model: nn.Module, data: Digits, steps: int, rate: float) -> nn.Module:
    """Train for so many batches of 64, and return the model."""
    torch.manual_seed(0)
    # made after grafting, so that it knows the parameters of the blocks
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for _ in range(steps):
        chosen = torch.randint(len(data.train_y), (64,))
        logits = model(data.train_x[chosen])
        loss = functional.cross_entropy(logits, data.train_y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model


@torch.no_grad()
def logits_of(model: nn.Module, data: Digits) -> Tensor:
    """Return the logits of the test images, ``(N, 10)``."""
    return model.eval()(data.test_x)


def accuracy(logits: Tensor, data: Digits) -> float:
    """Return the share of test images that are named right."""
    return (logits.argmax(dim=1) == data.test_y).float().mean().item()


def grafted(host: nn.Module, block: str, start: fv.catalog.Start) -> nn.Module:
    """Return a copy of the host with the block after each of its stages."""
    torch.manual_seed(0)
    model = copy.deepcopy(host)
    fv.graft(model, block, at=AT, example=(1, 1, 24, 24), start=start)
    return model


def at_once(
    host: nn.Module, data: Digits, block: str, start: fv.catalog.Start
) -> tuple[float, float]:
    """Return the accuracy with a block and the largest change of a logit."""
    before = logits_of(host, data)
    after = logits_of(grafted(host, block, start), data)
    return accuracy(after, data), (after - before).abs().max().item()


def trained_on(
    host: nn.Module, data: Digits, block: str, start: fv.catalog.Start
) -> float:
    """Return the accuracy with a block after 30 steps of training."""
    model = train(grafted(host, block, start), data, steps=30, rate=1e-3)
    return accuracy(logits_of(model, data), data)


def table(blocks: Iterable[str], cell: Callable[[str, str], str]) -> str:
    """Return a table in Markdown: a row a block, a column a start."""
    lines = [["block", *STARTS], ["---"] * (1 + len(STARTS))]
    for block in blocks:
        known = fv.catalog.starts_of(block)
        cells = [cell(block, start) if start in known else "" for start in STARTS]
        lines.append([f"`{block}`", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Train a network, graft, and print what came of it."""
    # the order of sums, and with it the last bits, depends on the number of threads
    torch.set_num_threads(1)
    data = digits()
    torch.manual_seed(0)
    host = fv.backbones.resnet10(width=16, stem="half", in_channels=1, num_classes=10)
    train(host, data, steps=200, rate=3e-3)
    trained = accuracy(logits_of(host, data), data)
    print(f"Trained: {trained:.1%} of {len(data.test_y)} test images.\n")

    def first_cell(block: str, start: fv.catalog.Start) -> str:
        share, change = at_once(host, data, block, start)
        return f"{share:.1%}, {change:.3g}"

    print("Accuracy at once, and the largest change of a logit:\n")
    blocks = [name for name in fv.names() if fv.catalog.starts_of(name)]
    print(table(blocks, first_cell))

    def second_cell(block: str, start: fv.catalog.Start) -> str:
        return f"{trained_on(host, data, block, start):.1%}"

    print("\nAccuracy after 30 more steps:\n")
    print(table(FINE_TUNED, second_cell))


if __name__ == "__main__":
    main()
