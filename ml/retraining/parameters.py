"""`params.yaml`: every number that decides what a model becomes and whether it serves."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from ml.data_checks import Limits
from ml.gate.bar import Bar
from ml.knn import Params

_T = TypeVar("_T")


@dataclass(frozen=True)
class ByHand:
    """Which model `dvc repro` trains; `until` is a date, the newest event's day where it is empty."""

    label: int
    until: str
    days: int


@dataclass(frozen=True)
class Parameters:
    """The sections of the file."""

    knn: Params
    data: Limits
    gate: Bar
    by_hand: ByHand


class ParameterError(Exception):
    """The file and what in it is wrong, and what is expected."""


def read(path: Path, neighbours: int = 0) -> Parameters:
    """The file's parameters, with `neighbours` in place of the file's where it is not 0.

    ParameterError where one is missing, unknown or of the wrong kind.
    """
    try:
        found = _made(Parameters, yaml.safe_load(path.read_text()), "")
        return replace(found, knn=replace(found.knn, neighbours=neighbours or found.knn.neighbours))
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise ParameterError(f"{path}: {error}") from None


def _made(kind: type[_T], given: Any, place: str) -> _T:
    """A dataclass from a mapping that has exactly its fields."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if not isinstance(given, Mapping) or sorted(given) != sorted(names):
        raise ValueError(f"{place or 'the file'} {_amiss(given, names)}; expected {', '.join(names)}")
    types, start = get_type_hints(kind), place and f"{place}."
    return kind(**{name: _value(types[name], given[name], start + name) for name in names})


def _amiss(given: Any, names: list[str]) -> str:
    if not isinstance(given, Mapping):
        return f"is {given!r}"
    unknown, missing = set(map(str, given)) - set(names), set(names) - set(map(str, given))
    told = {"does not know": unknown, "lacks": missing}
    return " and ".join(f"{verb} {', '.join(sorted(found))}" for verb, found in told.items() if found)


_KINDS: Mapping[Any, tuple[tuple[type, ...], str]] = {
    int: ((int,), "a whole number from 0"),
    float: ((int, float), "a number from 0"),
    str: ((str, date), "some text"),
}


def _value(kind: Any, given: Any, name: str) -> Any:
    if kind not in _KINDS:
        return _made(kind, given, name)
    types, expected = _KINDS[kind]
    if not isinstance(given, types) or isinstance(given, bool) or (kind is not str and kind(given) < 0):
        raise ValueError(f"{name} is {given!r}; expected {expected}")
    return kind(given)
