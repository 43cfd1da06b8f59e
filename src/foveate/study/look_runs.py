"""What one trained network of a comparison sees, kept until something changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.explain.activation import class_activation
from foveate.explain.cams import Method
from foveate.explain.faithfulness import deletion, insertion
from foveate.explain.localising import localise
from foveate.explain.randomising import randomised
from foveate.explain.refilling import road
from foveate.records import LookMetric, Run
from foveate.study.digit_scenes import load
from foveate.study.folders import Folder
from foveate.study.look_files import (
    Seen,
    Way,
    identity_of,
    load_seen,
    save_seen,
)
from foveate.study.look_networks import (
    device_of,
    network_as_trained,
    network_before,
    scaled,
)

__all__ = ["find_way", "see_random", "see_run"]

BATCH = 50

AT_ONCE = 250
"""For so many images maps are made at a time, since each is drawn as large as its
image as well."""

BOXED: tuple[LookMetric, ...] = ("energy", "pointing", "iou")
"""What is measured by the box of the object."""


def find_way(
    run: Run,
    *,
    method: Method,
    layers: str | tuple[str, ...] | None,
    images: int,
    removed: int,
) -> Way:
    """Return how to look at all networks of a comparison.

    Args:
        run: One of the plain host, in which the layer is looked for.
        method: What makes the maps.
        layers: Where, by their paths; None finds it.
        images: How many test images.
        removed: On how many of them the class is watched while they vanish.

    Raises:
        FoveateError: The host has no such layer, or none with a map.
    """
    test = load(run.data).test
    model = network_before(run)
    seen = class_activation(
        model,
        scaled(test, 1, model),
        method=method,
        target_layers=layers,
        targets=test.labels[:1].tolist(),
    )
    return Way(method, seen.layers, seen.reason, images, removed)


def see_run(home: Folder, run: Run, way: Way) -> Seen:
    """Return what the network of a run sees; from the folder if it is still true.

    Raises:
        FoveateError: Its weights are gone or do not fit, or it has no map there.
    """
    path = home.looks / way.method / f"{home.of(run).name}.npz"
    identity = identity_of(home.stamp(run), way, "trained")
    kept = load_seen(path, identity)
    if kept is None:
        kept = _see(network_as_trained(home, run), run, way)
        save_seen(path, identity, kept)
    return kept


def see_random(home: Folder, run: Run, way: Way) -> Seen:
    """Return what the network of a run sees when its weights are drawn anew.

    How the class vanishes says nothing of a network that knows no class.

    Raises:
        FoveateError: As for ``see_run``.
    """
    way = Way(way.method, way.layers, way.reason, way.images, removed=0)
    name = f"random-{home.of(run).name}.npz"
    path = home.looks / way.method / name
    identity = identity_of(home.stamp(run), way, "random")
    kept = load_seen(path, identity)
    if kept is None:
        model = randomised(network_as_trained(home, run), seed=run.seed)
        kept = _see(model, run, way)
        save_seen(path, identity, kept)
    return kept


def _see(model: nn.Module, run: Run, way: Way) -> Seen:
    test = load(run.data).test
    x = scaled(test, way.images, model.to(device_of(run)))
    classes = test.labels[: way.images].tolist()
    heats = np.concatenate(
        [
            _heats(model, x[part], classes[part], way)
            for part in (slice(n, n + AT_ONCE) for n in range(0, way.images, AT_ONCE))
        ]
    )
    size = x.shape[-2], x.shape[-1]
    inside = localise(heats, test.boxes[: way.images], size=size)
    scores = {metric: inside.scores[metric] for metric in BOXED}
    if way.removed:
        few = slice(way.removed)
        shown = model, x[few], heats[few], classes[few]
        scores["insertion"] = insertion(*shown)
        scores["deletion"] = deletion(*shown)
        scores["road"] = road(*shown)
    return Seen(heats, scores, {metric: inside.chance[metric] for metric in BOXED})


def _heats(
    model: nn.Module, x: Tensor, classes: list[int], way: Way
) -> NDArray[np.float32]:
    """Return the map of each image for its class, ``(N, h, w)``."""
    found = class_activation(
        model,
        x,
        method=way.method,
        # saliency is of the input itself, and takes none
        target_layers=None if way.method == "saliency" else way.layers,
        targets=classes,
        batch_size=BATCH,
    )
    return np.stack([found.heat(image).values for image in range(len(classes))])
