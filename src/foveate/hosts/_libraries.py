"""Networks of timm, torchvision, segmentation_models_pytorch and Ultralytics."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foveate import _traces
from foveate.errors import MissingExtraError, OptionError, UnknownNameError
from foveate.hosts._building import build, offer_near, parameters_of, refuse_unknown

__all__ = ["LIBRARIES"]

Options = Mapping[str, Any]

SCALE = re.compile(r"(?<=\d)[nslmx](?=[-.])")
"""The letter of a size, which Ultralytics reads from the name of a YAML file."""


def timm(name: str, options: Options) -> nn.Module:
    """Return a new network of timm."""
    library = _import("timm")
    architecture = name.partition(".")[0]
    # hf-hub:... and local-dir:... read their architecture from elsewhere
    if not library.is_model(architecture):
        known = library.list_models()
        raise _unknown("timm", name, known, "timm.list_models()")
    chosen = _without("timm", options, pretrained=False)
    return build(
        f"timm:{name}", library.create_model, chosen, model_name=name, pretrained=False
    )


def torchvision(name: str, options: Options) -> nn.Module:
    """Return a new network of torchvision."""
    models = _import("torchvision.models")
    names = models.list_models()
    if name.lower() not in names:
        raise _unknown("torchvision", name, names, "torchvision.models.list_models()")
    chosen = _without("torchvision", options, weights=None, weights_backbone=None)
    builder = models.get_model_builder(name)
    # detectors and others pass over a misspelt option in silence
    known = _named_beside(builder)
    refuse_unknown(f"torchvision:{name}", chosen, known, otherwise="")
    fixed = {"weights": None, "weights_backbone": None}
    taken = inspect.signature(builder).parameters
    fixed = {option: value for option, value in fixed.items() if option in taken}
    return build(f"torchvision:{name}", builder, chosen, **fixed)


def smp(name: str, options: Options) -> nn.Module:
    """Return a new network of segmentation_models_pytorch."""
    library = _import("segmentation_models_pytorch")
    known: Mapping[str, type[nn.Module]] = library.MODEL_ARCHITECTURES_MAPPING
    if name.lower() not in known:
        raise _unknown("smp", name, known, "smp.MODEL_ARCHITECTURES_MAPPING")
    chosen = _without("smp", options, encoder_weights=None)
    # further options go to an encoder of timm; others pass over them in silence
    if not str(chosen.get("encoder_name", "")).startswith("tu-"):
        refuse_unknown(f"smp:{name}", chosen, parameters_of(known[name.lower()]))
    return build(
        f"smp:{name}", library.create_model, chosen, arch=name, encoder_weights=None
    )


def ultralytics(name: str, options: Options) -> nn.Module:
    """Return the network of an Ultralytics YAML, or of a ``.pt`` file."""
    library = _import("ultralytics")
    # what is neither here nor there, the library would look for in the net
    if not (Path(name).is_file() or _is_brought(library, name)):
        near = f"{Path(name).stem}.yaml"
        known = [near] if _is_brought(library, near) else _brought(library)
        unknown = _unknown("ultralytics", name, known, "ultralytics/cfg/models")
        raise UnknownNameError(
            f"{unknown} Other files must be on this machine: none is downloaded."
        )
    return build(f"ultralytics:{name}", _yolo, options, path=name)


def _brought(library: Any) -> set[str]:
    """Return the names of the YAML files that Ultralytics brings."""
    folder = Path(library.__file__).parent / "cfg" / "models"
    return {path.name for path in folder.rglob("*.yaml")}


def _is_brought(library: Any, name: str) -> bool:
    return bool({name, SCALE.sub("", name)} & _brought(library))


def _yolo(path: str, **options: Any) -> Any:
    return _import("ultralytics").YOLO(path, **options).model


LIBRARIES: Mapping[str, Callable[[str, Options], nn.Module]] = {
    "timm": timm,
    "torchvision": torchvision,
    "smp": smp,
    "ultralytics": ultralytics,
}
"""What makes a network of a library, by what its names begin with."""

PACKAGES = {
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "ultralytics": "ultralytics",
}
"""What pip calls the libraries that no extra of ours brings."""


def _import(name: str) -> Any:
    """Return a library, or raise MissingExtraError that says what to install."""
    library = name.partition(".")[0]
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        missing = problem.name or library
        if not isinstance(problem, ModuleNotFoundError):
            raise MissingExtraError(
                f"the package {library!r} is installed and cannot be imported: "
                f"{_traces.in_one_line(problem)}. Install one that fits the others: "
                f"pip install --upgrade {PACKAGES.get(library, library)}"
            ) from problem
        if library in PACKAGES:
            raise MissingExtraError(
                f"this needs the package {missing!r}, which is not installed. "
                f"Install it with: pip install {PACKAGES[library]}"
            ) from None
        raise MissingExtraError.of("timm", missing) from None
    except RuntimeError as problem:
        if "torchvision::" not in str(problem):
            raise
        raise MissingExtraError(
            f"torchvision {metadata.version('torchvision')} was built for another "
            f"torch than the {torch.__version__} that is here "
            f"({_traces.in_one_line(problem)}). Install the two from one index: pip "
            "install --force-reinstall torch torchvision"
        ) from problem


def _unknown(
    library: str, name: str, known: Iterable[str], listed_by: str
) -> UnknownNameError:
    offer = offer_near(name, known, f"{listed_by} lists all.")
    return UnknownNameError(f"{library} has no network named {name!r}. {offer}")


def _without(library: str, options: Options, **set_here: Any) -> dict[str, Any]:
    """Return the options without those that ask for weights, after a look at them."""
    for option, only in set_here.items():
        if option in options and options[option] is not only:
            raise OptionError(
                f"{library}: {option} must be {only}, because no weights are "
                f"downloaded, got {options[option]!r}. Load a file of weights with "
                "fv.hosts.load_weights."
            )
    return {option: options[option] for option in options if option not in set_here}


def _named_beside(builder: Callable[..., Any]) -> set[str]:
    """Return every parameter of what the module of ``builder`` defines or imports."""
    found: set[str] = set()
    for value in vars(sys.modules[builder.__module__]).values():
        if inspect.isclass(value):
            # one that hands on its arguments takes those of its bases
            found = found.union(*map(parameters_of, inspect.getmro(value)))
        elif inspect.isfunction(value):
            found |= parameters_of(value)
    return found
