"""Put blocks into a Keras model, and take them out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from foveate import _checks
from foveate.errors import SiteError
from foveate.keras._choosing import Selector, choose
from foveate.keras._copying import copy_model
from foveate.keras._graft import Graft
from foveate.keras._held import held_by, row_of
from foveate.keras._making import BlockLike, Choice, check_choice, new_grafts
from foveate.keras._sites import every_site
from foveate.keras._survey import survey
from foveate.records import Grafts, Site, Start

__all__ = ["Graft", "graft", "grafts", "prune"]


def graft(
    model: Any,
    block: BlockLike,
    *,
    at: Selector | Sequence[Selector],
    start: Start = "identity",
    options: Mapping[str, Any] | None = None,
    example: Any = None,
) -> Any:
    """Return a model with blocks in it; the one that is given stays as it is.

    All layers are copied with their names, weights, states, dtype policies and what of
    them is trainable. Behind each chosen layer stands a ``Graft``, which is named after
    it: ``conv5_block3_out_cbam``. A layer that is called several times has one block,
    which is too. A compiled model is compiled again with the same settings; its
    optimizer starts anew.

    A model within the model may be frozen as a whole: in the copy its layers are frozen
    one by one, so that the blocks in it learn.

    Args:
        model: A functional or a sequential model, such as those of
            ``keras.applications``. What is returned is functional.
        block: The name of a block of the catalogue or of a variant; or a class of Keras
            layers, or a function, that returns a new layer.
        at: After which layers. A pattern over their names, where ``*`` is anything,
            ``{a,b}`` is either and ``[1-4]`` one character; layers of a model within
            have both names with a slash between, across which only ``**`` goes.
            ``re:`` and a regular expression; ``type:Conv2D|Add``; ``stage:-1``; a
            class; a function of a ``Site``; or several of these.
        start: ``identity``: a learned blend that begins as exactly the input; ``gate``:
            gates that begin at exactly one, for blocks whose card says so; ``paper``:
            the block as it is.
        options: Options of the block.
        example: The shape of an input, for a model that takes images of any size, where
            the block or ``at`` asks for a size.

    Raises:
        SiteError: A block cannot go to a place, or a layer cannot be copied; the
            message says why, and what would work.
        UnknownNameError: There is no such block.
        UnknownOptionError: The block has no such option.
        OptionError: A value cannot work.

    Example:
        >>> import keras, numpy as np
        >>> from keras import layers
        >>> x = keras.Input((16, 16, 3))
        >>> y = layers.Conv2D(8, 3, name="stem")(x)
        >>> model = keras.Model(x, layers.ReLU(name="act")(y))
        >>> grafted = graft(model, "cbam", at="act", options={"reduction": 4})
        >>> images = np.random.default_rng(0).random((2, 16, 16, 3), "float32")
        >>> bool(np.array_equal(grafted.predict(images, verbose=0),
        ...                     model.predict(images, verbose=0)))
        True
        >>> [layer.name for layer in grafted.layers[1:]]
        ['stem', 'act', 'act_cbam']
    """
    _checks.one_of("graft", get_args(Start), start=start)
    choice = Choice(block, start, dict(options or {}))
    check_choice(choice)
    seen = survey(model, example)
    sites = every_site(seen)
    chosen = choose(at, sites, seen)
    _refuse(model, chosen)
    return copy_model(model, after=new_grafts(seen, chosen, choice))


def prune(model: Any, *, at: Selector | Sequence[Selector] | None = None) -> Any:
    """Return a model without the blocks; the one that is given stays as it is.

    Its layers have the names and weights that they have in the given one: what they
    learned beside the blocks stays.

    Args:
        model: A model that ``graft`` returned, maybe trained, saved and loaded since.
        at: Only the blocks of these layers, or the grafts themselves; see ``graft``.
            None: all.

    Raises:
        SiteError: The model has no blocks, or ``at`` means none of them.
    """
    held = held_by(model)
    if not held:
        raise SiteError(f"prune: {model.name} has no blocks, so none can be taken out.")
    if at is not None:
        seen = survey(model)
        paths = {path for each in held for path in (each.path, each.site)}
        places = [site for site in every_site(seen) if site.path in paths]
        chosen = {site.path for site in choose(at, places, seen)}
        held = [each for each in held if not chosen.isdisjoint((each.path, each.site))]
    return copy_model(model, without=[each.path for each in held])


def grafts(model: Any) -> Grafts:
    """Return the blocks of a model, and how much of them each blend lets in.

    Args:
        model: Any model; what stands in models within is found too.

    Returns:
        A record with a row for each block; printed, it is a table. ``amount`` and
        ``largest_amount`` are those of a blend (``start="identity"``): 0 is the
        identity, 1 the block. How far blocks change their maps is not measured here.

    Example:
        >>> import keras
        >>> layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(8, 3, name="stem")]
        >>> model = graft(keras.Sequential(layers), "se", at="stem")
        >>> print(grafts(model))
        where       block  start     parameters  amount  largest  moved
        after stem  se     identity  24          0       0
    """
    rows = tuple(row_of(held) for held in held_by(model))
    return Grafts(host=model.name, blocks=rows)


def _refuse(model: Any, chosen: Sequence[Site]) -> None:
    """Raise SiteError if a block cannot go to a place."""
    taken = {each.site: each for each in held_by(model)}
    for site in chosen:
        if "after" in site.refusals:
            raise SiteError(f"{site.path}: {site.refusals['after']}")
        if site.path in taken:
            there = taken[site.path]
            raise SiteError(
                f"{site.path}: has {there.graft.block_name} already. Take it out "
                f"first, foveate.keras.prune(model, at={site.path!r}), or put another "
                f"one behind it, at={there.path!r}."
            )
