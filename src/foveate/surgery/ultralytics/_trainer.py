"""A trainer of Ultralytics whose model has blocks."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from foveate import _checks
from foveate.errors import OptionError
from foveate.records import Plan
from foveate.surgery._graft import CHILD, Graft
from foveate.surgery.grafting import graft, planned
from foveate.surgery.ultralytics._weights import (
    Weights,
    WeightsLike,
    host_of,
    load_blocks,
    load_fitting,
    weights_of,
)

__all__ = ["PlanLike", "trainer"]

PlanLike = Plan | str | Path | nn.Module
"""A plan, its file, or a model that was grafted."""

KEY = "foveate"
"""Where the YAML of a model, which every checkpoint holds, keeps the plan."""


def trainer(
    base: type, plan: PlanLike | None = None, *, weights: WeightsLike | None = None
) -> type:
    """Return a trainer class whose model has the blocks of a plan.

    Ultralytics makes the model that it trains from its YAML. This trainer lets it do
    so and load the pretrained weights, then grafts, then loads the blocks if the
    weights have them. The log says how much was loaded. The plan is kept in the YAML
    of the model (``model.yaml["foveate"]``), and so in every checkpoint.

    ``freeze=`` freezes layers of the host and leaves their blocks to train.

    Args:
        base: A trainer class of Ultralytics, such as ``DetectionTrainer``, or yours.
        plan: The plan; the file of one; or a grafted model (a ``YOLO`` or its
            ``.model``), which stands for its plan and its weights. If None, that of
            the model or checkpoint that is trained, as for ``resume=True``.
        weights: The first weights, instead of those that Ultralytics has at hand: the
            path of a ``.pt``, a model, or a state dict of the host. A run that is
            resumed has its own.

    Returns:
        A class to give as ``model.train(trainer=...)``. Worker processes of several
        GPUs rebuild it.

    Raises:
        OptionError: ``base`` is no trainer, or ``plan`` holds no plan. In training: the
            model has no plan either.
        SiteError: In training: the plan does not fit the model.
        WeightsError: In training: the weights do not fit the model.

    Example:
        >>> from foveate.records import Plan
        >>> class Base:  # stands for ultralytics.models.yolo.detect.DetectionTrainer
        ...     def get_model(self, cfg=None, weights=None, verbose=True): ...
        >>> plan = Plan(host="DetectionModel", example=((1, 3, 640, 640),), places=())
        >>> trainer(Base, plan).__name__
        'GraftedBase'
    """
    _check_base(base)
    given, model = _plan_of(plan)
    first = _lasting(model if weights is None else weights)

    class Grafted(base):  # type: ignore[misc]
        """The base trainer, with blocks in its model."""

        foveate_plan = given
        foveate_weights = first

        def get_model(
            self,
            cfg: Any = None,
            weights: Any = None,
            verbose: Any = True,  # noqa: FBT002 - the signature of Ultralytics
        ) -> Any:
            """Return a model with its blocks and its first weights."""
            return _model(self, super().get_model, cfg, weights, verbose=verbose)

        @property
        def freeze_layer_names(self) -> list[str]:
            """The patterns of the layers that are frozen."""
            names: list[str] = self._frozen
            return names

        @freeze_layer_names.setter
        def freeze_layer_names(self, names: list[str]) -> None:
            self._frozen = list(names)
            # Ultralytics notes its list here and then freezes each parameter whose
            # name has one of its patterns in it, which a block of the layer has too
            names[:] = _of_the_host(self.model, names)

        def _model_train(self) -> None:
            super()._model_train()
            # it has stopped the statistics of frozen layers, blocks and all
            for module in self.model.modules():
                if isinstance(module, Graft):
                    module.train()

    Grafted.__name__ = Grafted.__qualname__ = f"Grafted{base.__name__}"
    Grafted.__module__ = base.__module__
    return Grafted


def _check_base(base: Any) -> None:
    if not isinstance(base, type) or not hasattr(base, "get_model"):
        raise OptionError(
            "trainer: expected a trainer class of Ultralytics, such as "
            "ultralytics.models.yolo.detect.DetectionTrainer, got "
            f"{base if isinstance(base, str | type) else type(base).__name__!r}."
        )
    if hasattr(base, "foveate_plan"):
        raise OptionError(
            f"trainer: {base.__name__} grafts already. Give the class that it was "
            "made from."
        )


def _plan_of(value: PlanLike | None) -> tuple[Plan | None, nn.Module | None]:
    """Return the plan in ``value``, and the model that it came with."""
    if value is None or isinstance(value, Plan):
        return value, None
    if isinstance(value, str | Path):
        return Plan.load(value), None
    host = host_of(value)
    plan = planned(host)
    if plan is None:
        raise OptionError(
            f"trainer: {type(host).__name__} has no blocks, so there is no plan in it. "
            "Graft first: fv.graft(model.model, 'cbam', at=..., example=...)."
        )
    return plan, host


def _lasting(weights: Any) -> Any:
    """Return weights that a worker process finds too, which may run elsewhere."""
    if isinstance(weights, str | Path):
        # what is not there may be a name that Ultralytics knows
        return str(Path(weights).resolve()) if Path(weights).exists() else str(weights)
    return weights


def _model(
    trainer: Any, make: Callable[..., Any], cfg: Any, weights: Any, *, verbose: Any
) -> Any:
    """Let Ultralytics ``make`` a host, and graft to it."""
    chosen = _chosen(trainer, weights)
    source = None if chosen is None else weights_of(chosen)
    host = make(cfg=cfg, weights=source and source.model, verbose=verbose)
    plan = trainer.foveate_plan or _plan_in(cfg, weights, host, source)
    if plan is None:
        raise OptionError(
            f"{type(trainer).__name__}: there is no plan, as none was given and the "
            "model that is trained has no blocks. Give one: "
            "fv.surgery.ultralytics.trainer(DetectionTrainer, plan)."
        )
    note = _put(plan, host, source)
    if verbose:
        _logger(trainer).info(note)
    return host


def _chosen(trainer: Any, weights: Any) -> Any:
    """Return which weights a model begins with; None for none."""
    if getattr(trainer, "resume", False):
        return weights
    if getattr(getattr(trainer, "args", None), "pretrained", None) is False:
        return None
    return weights if trainer.foveate_weights is None else trainer.foveate_weights


def _plan_in(
    cfg: Any, weights: Any, host: nn.Module, source: Weights | None
) -> Plan | None:
    """Return the plan of the model that is trained; None if it has none."""
    if weights is not None and getattr(weights, "yaml", None) is cfg:
        # that model itself: what it holds now counts, not what its YAML says of before
        return planned(weights)
    values: Any = host.yaml
    if values.get(KEY):
        return Plan.parse(values[KEY], f"the plan in the YAML of {type(host).__name__}")
    return source.plan if source else None


def _put(plan: Plan, host: Any, source: Weights | None) -> str:
    """Graft a plan to a new host, load its blocks, and say what was loaded."""
    of_host = load_fitting(host, source) if source else ""
    graft(host, plan)
    # a dict of its own, as that of the old model must not change
    host.yaml = {**host.yaml, KEY: plan.plain()}
    note = f"foveate: grafted to {_checks.cut([p.path for p in plan.places])}. "
    if source is None:
        return f"{note}No weights were given, so all begin at random."
    return f"{note}{source.name}: {of_host} and {load_blocks(host, source.state)} fit."


def _of_the_host(model: nn.Module, patterns: list[str]) -> list[str]:
    """Return the names of the host's parameters with one of ``patterns`` in them."""
    return [
        name
        for name, _ in model.named_parameters()
        if CHILD not in name.split(".") and any(part in name for part in patterns)
    ]


def _logger(trainer: Any) -> Any:
    """Return the logger of the trainer's own module."""
    for cls in type(trainer).__mro__:
        found = getattr(sys.modules.get(cls.__module__), "LOGGER", None)
        if found is not None:
            return found
    return logging.getLogger("foveate")
