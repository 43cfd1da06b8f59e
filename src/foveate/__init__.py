"""Try any attention or fusion block in any vision model, and know whether it helped.

Names are resolved on first use, so that ``import foveate`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foveate import (
        backbones,
        blocks,
        catalog,
        errors,
        explain,
        hosts,
        interop,
        keras,
        ops,
        pictures,
        profile,
        records,
        study,
        surgery,
    )
    from foveate.blocks import create
    from foveate.catalog import card, names
    from foveate.checkup import doctor
    from foveate.explain import look
    from foveate.profile import cost
    from foveate.study import compare
    from foveate.surgery import graft, grafts, load, plan, prune, save, sites, swap

__all__ = [
    "backbones",
    "blocks",
    "card",
    "catalog",
    "compare",
    "cost",
    "create",
    "doctor",
    "errors",
    "explain",
    "graft",
    "grafts",
    "hosts",
    "interop",
    "keras",
    "load",
    "look",
    "names",
    "ops",
    "pictures",
    "plan",
    "profile",
    "prune",
    "records",
    "save",
    "sites",
    "study",
    "surgery",
    "swap",
]

_HOMES = {
    "card": "catalog",
    "compare": "study",
    "cost": "profile",
    "create": "blocks",
    "doctor": "checkup",
    "graft": "surgery",
    "grafts": "surgery",
    "load": "surgery",
    "look": "explain",
    "names": "catalog",
    "plan": "surgery",
    "prune": "surgery",
    "save": "surgery",
    "sites": "surgery",
    "swap": "surgery",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("foveate")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, name)}")
    return getattr(home, name) if name in _HOMES else home


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
