"""A noun that is handed from one stage to the next, and its file."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from foveate.errors import FoveateError, RecordError
from foveate.records._problems import describe

__all__ = ["Part", "Record", "Value", "whole_file", "write_atomically"]

Value = bool | int | float | str | None | tuple[str, ...] | tuple[int, ...]
"""The value of an option of a block."""


class Part(BaseModel):
    """A frozen set of plain values; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Record(Part):
    """A part with a file of its own, JSON or YAML by its ending."""

    error: ClassVar[type[FoveateError]] = RecordError

    schema_number: Literal[1] = 1

    @classmethod
    def parse(cls, values: Any, source: str) -> Self:
        """Return the record of plain ``values``; ``source`` names them in errors.

        Raises:
            RecordError: The values do not make a record (``RecipeError`` for recipes);
                each problem is named by the path of its field.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as problem:
            raise cls.error(f"{source}: {describe(cls, problem)}") from None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the record in the file ``path``.

        Raises:
            RecordError: There is no such file, or it does not hold this record.
        """
        return cls.parse(cls.read(path), str(path))

    @classmethod
    def read(cls, path: str | Path) -> Any:
        """Return the plain values in the file ``path``, unchecked.

        Raises:
            RecordError: There is no such file, or it is not JSON or YAML.
        """
        path = Path(path)
        parse = json.loads if path.suffix == ".json" else yaml.safe_load
        try:
            return parse(path.read_text(encoding="utf-8"))
        except OSError as problem:
            raise cls.error(f"cannot read {path}: {problem.strerror}.") from None
        except UnicodeDecodeError:
            raise cls.error(f"cannot read {path}: it is not text.") from None
        except json.JSONDecodeError as problem:
            raise cls.error(f"{path} is not JSON: {problem}.") from None
        except yaml.YAMLError as problem:
            raise cls.error(f"{path} is not YAML: {_yaml_reason(problem)}.") from None

    def plain(self) -> dict[str, Any]:
        """Return the record as values that JSON and YAML can write."""
        return self.model_dump(mode="json")

    def yaml(self) -> str:
        """Return the record as YAML."""
        return yaml.safe_dump(self.plain(), sort_keys=False, allow_unicode=True)

    def save(self, path: str | Path) -> Path:
        """Write the record to ``path``, whole or not at all, and return the path."""
        path = Path(path)
        if path.suffix == ".json":
            text = json.dumps(self.plain(), indent=2) + "\n"
        else:
            text = self.yaml()
        return write_atomically(path, text)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Lend a new file beside ``path``, which becomes ``path`` if nothing goes wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(handle)
    try:
        yield Path(name)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_atomically(path: Path, text: str) -> Path:
    """Write ``text`` to ``path``, whole or not at all, and return the path."""
    with whole_file(path) as file:
        file.write_text(text, encoding="utf-8")
    return path


def _yaml_reason(problem: yaml.YAMLError) -> str:
    """Return what is wrong and where, in one line."""
    if isinstance(problem, yaml.MarkedYAMLError) and problem.problem_mark is not None:
        mark = problem.problem_mark
        return f"{problem.problem} in line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(problem).split())
