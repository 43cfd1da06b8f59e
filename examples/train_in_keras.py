"""Train a network with attention in Keras, and use it in PyTorch.

A small ResNet with CBAM in every residual block learns the handwritten digits that come
with scikit-learn, on whichever backend of Keras you have. It is saved and loaded again.
Then its weights move to the same network of `fv.backbones`, which must name every test
image as Keras does.

    pip install 'foveate[keras,compare]' jax
    KERAS_BACKEND=jax python examples/train_in_keras.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import foveate as fv

try:
    import keras

    import foveate.keras as fk
except ModuleNotFoundError as problem:
    raise SystemExit(
        f"{problem.name} is not installed. Name a backend of Keras that is: "
        "KERAS_BACKEND=torch python examples/train_in_keras.py (or jax, tensorflow)."
    ) from problem

NAME = "resnet10"
OPTIONS: dict[str, Any] = {
    "width": 8,
    "stem": "half",
    "in_channels": 1,
    "num_classes": 10,
    "attention": "cbam",
    "attention_options": {"reduction": 8},
}
"""The network, in the same words for both."""


class Digits(NamedTuple):
    """Images ``(N, 24, 24, 1)`` and labels ``(N,)``, to learn from and for the test."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


def digits(images: int = 1797) -> Digits:
    """Return the first so many digits; every third is for the test."""
    found = load_digits()
    pixels = (found.images[:images] / 8 - 1).astype("float32")
    x = pixels.repeat(3, axis=1).repeat(3, axis=2)[..., None]
    y = found.target[:images]
    test = np.arange(len(y)) % 3 == 0
    return Digits(x[~test], y[~test], x[test], y[test])


def train(data: Digits, epochs: int) -> keras.Model:
    """Return a network trained in Keras."""
    keras.utils.set_random_seed(0)
    model = fk.resnet(NAME, data_format="channels_last", **OPTIONS)
    steps = epochs * -(-len(data.train_y) // 64)
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-2, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(data.train_x, data.train_y, batch_size=64, epochs=epochs, verbose=0)
    return model


def reloaded(model: keras.Model) -> keras.Model:
    """Return the model as it is after it was saved; nothing has to be named."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.keras"
        model.save(path)
        return keras.models.load_model(path)


def moved(model: keras.Model) -> nn.Module:
    """Return the network of PyTorch with the weights of the model."""
    return fk.to_torch(model, fv.backbones.create(NAME, **OPTIONS)).eval()


@torch.no_grad()
def logits_of(network: nn.Module, images: np.ndarray) -> np.ndarray:
    """Return what the network of PyTorch says of images with channels last."""
    return network(torch.tensor(images).permute(0, 3, 1, 2)).numpy()


def main() -> None:
    """Train, save, load, move, and print what came of it."""
    # more threads are no faster for maps this small
    torch.set_num_threads(1)
    data = digits()
    print(f"Backend: {keras.backend.backend()}.")
    model = train(data, epochs=6)
    logits = model.predict(data.test_x, verbose=0)
    right = np.mean(logits.argmax(axis=1) == data.test_y)
    print(f"Trained in Keras: {right:.1%} of {len(data.test_y)} test images.")

    again = reloaded(model).predict(data.test_x, verbose=0)
    change = np.abs(again - logits).max()
    print(f"Saved and loaded: the largest change of a logit is {change}.")

    there = logits_of(moved(model), data.test_x)
    same = np.mean(there.argmax(axis=1) == logits.argmax(axis=1))
    largest = np.abs(there - logits).max()
    print(f"In PyTorch: {same:.1%} of them named alike, logits within {largest:.1g}.")


if __name__ == "__main__":
    main()
