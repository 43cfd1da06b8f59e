"""Say in one line what is wrong with the values of a record."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from foveate._checks import suggest

__all__ = ["describe"]

_WHOLE = "must be a whole number"
_MAPPING = "must be fields with values, as in 'field: value'"
_WORDS = {
    "dict_type": _MAPPING,
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "model_type": _MAPPING,
    "string_type": "must be text",
    "too_short": "must not be empty",
    "tuple_type": "must be a list, as in [1, 2]",
}
"""What pydantic says of these in words of its own trade, by its names for them."""


def describe(model: type[BaseModel], problem: ValidationError) -> str:
    """Return every problem as ``path: what is wrong``, joined by ``; ``."""
    return "; ".join(
        f"{_path(error['loc'])}: {_reason(model, error)}"
        if error["loc"]
        else _reason(model, error)
        for error in problem.errors(include_url=False)
    )


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location)


def _reason(model: type[BaseModel], error: Any) -> str:
    kind, value, location = error["type"], error["input"], error["loc"]
    if kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        near = suggest(str(location[-1]), known)
        return f"there is no such field (got {value!r}). {near}"
    if kind == "missing":
        return "this field is missing."
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "literal_error":
        expected = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return f"cannot be {value!r}. {suggest(str(value), expected.split(', '))}"
    message = _WORDS.get(kind) or error["msg"].replace("Input should be", "must be")
    return f"{message[0].lower()}{message[1:]}, got {value!r}."


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the names of the fields of the part that stands at ``location``."""
    for step in location:
        if isinstance(step, int) or step not in model.model_fields:
            continue
        inner = _models_in(model.model_fields[step].annotation)
        if inner:
            model = inner[0]
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation such as ``tuple[Part, ...]`` names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]
