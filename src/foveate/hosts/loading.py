"""Make a network by its name."""

from __future__ import annotations

import copy
import difflib
from typing import Any

from torch import nn

from foveate import _checks, _loading, backbones
from foveate.errors import OptionError, UnknownNameError, UnknownOptionError
from foveate.hosts._building import build
from foveate.hosts._libraries import LIBRARIES

__all__ = ["load"]

FORMS = (
    "A network of another library is written timm:resnet50, torchvision:resnet50, "
    "smp:unet or ultralytics:yolo11n.yaml, one of your own path/to/file.py:factory or "
    "package.module:factory."
)


def load(name: str, /, **options: Any) -> nn.Module:
    """Return a new network with random weights; nothing is ever downloaded.

    - ``resnet18``: a network of ours; ``fv.backbones.names()`` lists them.
    - ``timm:resnet50``, ``torchvision:resnet50``, ``smp:unet``: what these libraries
      call so.
    - ``ultralytics:yolo11n.yaml``: a YAML that Ultralytics brings, or a YAML or ``.pt``
      file on this machine. A ``.pt`` brings its weights, and Ultralytics runs the code
      in it: take it only from whom you trust.
    - ``path/to/file.py:name``, ``package.module:name``: a class, a function that
      returns a network, or a network.

    Args:
        name: One of these.
        **options: What the class or function takes by name, such as ``num_classes``.

    Returns:
        The network, in training mode unless its maker says otherwise. A network that
        stands in the user's file is copied.

    Raises:
        UnknownNameError: There is no such network, module or file; near names are
            offered.
        UnknownOptionError: The network does not take one of the options.
        OptionError: It cannot be made with them, or is no ``nn.Module``.
        MissingExtraError: The library is not installed, or cannot be imported.

    Example:
        >>> load("resnet10", width=16, num_classes=5).fc.out_features
        5
        >>> load("torch.nn:Conv2d", in_channels=3, out_channels=8, kernel_size=1)
        Conv2d(3, 8, kernel_size=(1, 1), stride=(1, 1))
    """
    if not isinstance(name, str):
        raise OptionError(
            f"hosts.load: the name must be text, got a {type(name).__name__}. {FORMS}"
        )
    first, colon, rest = name.partition(":")
    if first in LIBRARIES and colon:
        return LIBRARIES[first](rest, options)
    if not colon:
        return _ours(name, options)
    return _of_the_user(name, options)


def _ours(name: str, options: dict[str, Any]) -> nn.Module:
    if name.endswith(".py"):
        raise UnknownNameError(
            f"{name} names a file and nothing in it. Write {name}:NAME, with the name "
            "of a class or function."
        )
    try:
        return backbones.create(name, **options)
    except UnknownNameError as problem:
        # the network may be known, and the block that it asks for not
        if name.strip().lower() in backbones.names():
            raise
        raise UnknownNameError(f"{problem} {FORMS}") from None


def _of_the_user(name: str, options: dict[str, Any]) -> nn.Module:
    try:
        found = _loading.load(name)
    except UnknownNameError as problem:
        first, _, rest = name.partition(":")
        near = difflib.get_close_matches(first, LIBRARIES, n=1)
        if not near:
            raise
        raise UnknownNameError(f"{problem} Did you mean '{near[0]}:{rest}'?") from None
    if isinstance(found, nn.Module):
        if options:
            raise UnknownOptionError(
                f"{name} is a network already and takes no options, got "
                f"{_checks.cut(list(options))}. Name its class, or a function that "
                "returns it."
            )
        return copy.deepcopy(found)
    if not callable(found):
        raise OptionError(
            f"{name} is of type {type(found).__name__}. Name a class, a function that "
            "returns a network, or a network."
        )
    return build(name, found, options)
