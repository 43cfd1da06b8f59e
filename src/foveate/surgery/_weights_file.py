"""The file of a host with its blocks: tensors, and the plan in the header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from foveate import _traces
from foveate.errors import WeightsError
from foveate.records import Plan, whole_file
from foveate.surgery.host_weights import refuse_meta

__all__ = ["has_plan", "read_file", "write_file"]

NOTE = "foveate"
"""Under which name the plan stands in the header of a file."""

SCHEMA = 1


def write_file(path: Path, plan: Plan, state: Mapping[str, Any]) -> None:
    """Write tensors and a plan, whole or not at all.

    Raises:
        WeightsError: One has no values or is sparse, or is no tensor.
    """
    content = {"schema_number": SCHEMA, "plan": plan.plain()}
    header = {"format": "pt", NOTE: json.dumps(content)}
    tensors = _writable(state)
    with whole_file(path) as file:
        safetensors.torch.save_file(tensors, file, metadata=header)


def read_file(path: Path) -> tuple[Plan, dict[str, Tensor]]:
    """Return the plan and the tensors in a file.

    Raises:
        WeightsError: There is no such file, or it has no plan.
        RecordError: The plan cannot be read.
    """
    if not path.is_file():
        raise WeightsError(f"no file {path}.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as problem:
        raise WeightsError(
            f"{path.name}: is no whole file of safetensors "
            f"({_traces.in_one_line(problem)}). fv.load reads what fv.save wrote."
        ) from problem
    if NOTE not in header:
        raise WeightsError(
            f"{path.name}: has no plan in it, so fv.save did not write it. The weights "
            "of a host without blocks are loaded with fv.surgery.load_host(model, "
            "safetensors.torch.load_file(path))."
        )
    return _plan_in(path, header[NOTE]), tensors


def has_plan(path: str | Path) -> bool:
    """Return whether ``fv.save`` wrote a file, so that it brings its blocks."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return NOTE in (file.metadata() or {})
    except (OSError, safetensors.SafetensorError):
        return False


def _writable(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return tensors that safetensors writes: dense, and none shares its memory."""
    refuse_meta("save", state)
    tensors: dict[str, Tensor] = {}
    memory: set[int] = set()
    for key, value in state.items():
        if not isinstance(value, Tensor) or value.layout != torch.strided:
            kind = value.layout if isinstance(value, Tensor) else type(value).__name__
            raise WeightsError(
                f"save: {key} is no dense tensor ({kind}), and a file of safetensors "
                "holds nothing else. Take it out of the state dict of its layer."
            )
        tensor = value.detach().cpu().contiguous()
        address = tensor.untyped_storage().data_ptr()
        tensors[key] = tensor.clone() if address in memory else tensor
        memory.add(address)
    return tensors


def _plan_in(path: Path, text: str) -> Plan:
    try:
        content = json.loads(text)
        number, plan = content["schema_number"], content["plan"]
    except (ValueError, TypeError, KeyError):
        raise WeightsError(
            f"{path.name}: its header is damaged: the plan cannot be read. Write it "
            "again with fv.save."
        ) from None
    if number != SCHEMA:
        raise WeightsError(
            f"{path.name}: was written in form {number!r}, and this version of foveate "
            f"reads form {SCHEMA}. Use the version that wrote it, or a newer one."
        )
    return Plan.parse(plan, path.name)
