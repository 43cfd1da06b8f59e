"""The network that a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from foveate.cli._words import options_of, shape_of

if TYPE_CHECKING:
    from torch import nn

__all__ = ["InputWords", "Model", "SettingWords", "load_model"]

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="resnet18 (ours), timm:resnet50, torchvision:resnet50, smp:unet, "
        "ultralytics:yolo11n.yaml, path/to/file.py:factory or package.module:factory.",
        show_default=False,
    ),
]

InputWords = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="BxCxHxW",
        help="Shape of its input, such as 1x3x224x224; the usual one of the model if "
        "not given. Once for each input.",
    ),
]

SettingWords = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="An option of the model, such as num_classes=10.",
    ),
]


def load_model(
    model: str, settings: Sequence[str] | None, inputs: Sequence[str] | None
) -> tuple[nn.Module, tuple[tuple[int, ...], ...]]:
    """Return a network and the shapes of its inputs."""
    options = options_of(settings, "--set")
    shapes = tuple(shape_of(text) for text in inputs or ())

    from foveate import hosts

    host = hosts.load(model, **options)
    return host, shapes or (hosts.example_shape(host),)
