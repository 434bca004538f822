"""Reading deployment.yaml and systems/*.yaml: every problem with its file, line, place, value and remedy.

Belongs here: YAML to models, and pydantic's findings in words that help. Does not: the rules themselves
(models), the reference tables (reference), rules across files (crosschecks).
"""

from __future__ import annotations

import difflib
import os.path
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from finance_sync.catalog.models import CURRENCY, DURATION, DeploymentFile, System
from finance_sync.catalog.yaml_source import YamlDocument, dotted, read_yaml
from finance_sync.errors import Problem

M = TypeVar("M", bound=BaseModel)

PATTERNS = {
    DURATION: "write a number and minutes, hours or days, such as `26 hours`",
    CURRENCY: "write an ISO 4217 code, such as EUR",
}
MOST_NAMES = 20  # allowed names listed in a remedy
MOST_TEXT = 80  # characters shown of a value found


def did_you_mean(found: object, allowed: Iterable[str]) -> str:
    """Remedy for a wrong name: the nearest allowed one, else the whole (short) list."""
    names = sorted(set(allowed))
    near = difflib.get_close_matches(str(found), names, n=9, cutoff=0.6)
    if near:
        return f"did you mean {max(near, key=lambda name: _likeness(str(found), name))!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")
    return f"allowed: {shown}"


def _likeness(found: str, name: str) -> tuple[float, int]:
    """Share of equal characters; among equals the longer common beginning."""
    return difflib.SequenceMatcher(None, name, found).ratio(), len(os.path.commonprefix([name, found]))  # noqa: RUF071 (characters are meant)


def read_deployment_file(folder: Path) -> tuple[DeploymentFile | None, YamlDocument | None, list[Problem]]:
    """Read deployment.yaml.

    Returns:
        The model and its document (None when not valid), and the problems.
    """
    return _read(folder / "deployment.yaml", "deployment.yaml", DeploymentFile)


@dataclass(frozen=True)
class SystemFiles:
    """What systems/*.yaml say.

    Args:
        systems: the valid systems by name.
        documents: their places in the files.
        names: names of all systems, also of those that are not valid, so that one error is not told twice.
    """

    systems: dict[str, System]
    documents: dict[str, YamlDocument]
    names: set[str]


def read_systems(folder: Path) -> tuple[SystemFiles, list[Problem]]:
    """Read systems/*.yaml: the systems, and the problems of all files."""
    systems: dict[str, System] = {}
    documents: dict[str, YamlDocument] = {}
    names: set[str] = set()
    problems: list[Problem] = []
    files = sorted([*(folder / "systems").glob("*.yaml"), *(folder / "systems").glob("*.yml")])
    if not files:
        problems.append(
            Problem(
                "systems/", "has no *.yaml file", "write one file per source system; see docs/deployment.md"
            )
        )
    for path in files:
        file = f"systems/{path.name}"
        system, document, found = _read(path, file, System)
        problems += found
        names.add(str(_get(document.data, "system")) if document is not None else path.stem)
        if system is None or document is None:
            continue
        if system.system in systems:
            problems.append(
                Problem(
                    file,
                    f"the system {system.system!r} is declared in {documents[system.system].file} too",
                    "give each system its own name, or put its objects into one file",
                    line=document.line(("system",)),
                    path="system",
                )
            )
            continue
        systems[system.system], documents[system.system] = system, document
    return SystemFiles(systems, documents, names), problems


def _read(path: Path, file: str, model: type[M]) -> tuple[M | None, YamlDocument | None, list[Problem]]:
    document, problems = read_yaml(path, file)
    if document is None:
        return None, None, problems
    if not isinstance(document.data, dict):
        found = "is empty" if document.data is None else f"holds {_shown(document.data)} instead of keys"
        return None, document, [*problems, Problem(file, found, f"needs: {', '.join(_required(model))}")]
    try:
        return model.model_validate(document.data), document, problems
    except ValidationError as error:
        return None, document, [*problems, *(_problem(document, model, item) for item in error.errors())]


def _problem(document: YamlDocument, model: type[BaseModel], error: ErrorDetails) -> Problem:
    place, inner = _walk(document.data, model, error["loc"])
    kind, found = error["type"], error.get("input")
    message, remedy = f"{error['msg']} (found {_shown(found)})", ""
    if kind == "extra_forbidden":
        message = f"unknown key {place[-1]!r}"
        remedy = did_you_mean(place[-1], _keys(inner))
    elif kind == "missing":
        message, remedy = f"the key {error['loc'][-1]!r} is missing", _describe(inner, str(error["loc"][-1]))
    elif kind in {"literal_error", "union_tag_invalid"}:
        context = error.get("ctx", {})
        allowed = str(context.get("expected") or context.get("expected_tags", ""))
        names = allowed.replace(" or ", ", ").replace("'", "").split(", ")
        value = found if kind == "literal_error" else _get(found, "kind")
        message, remedy = f"{_shown(value)} is not allowed", did_you_mean(value, names)
    elif kind == "union_tag_not_found":
        message, remedy = "the key 'kind' is missing", "say `kind: file` or `kind: sql`"
    elif kind == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        remedy = PATTERNS.get(pattern, f"must match {pattern}")
        message = f"{_shown(found)} is not valid"
    elif kind == "value_error":
        message, _, remedy = str(error["ctx"]["error"]).partition(" -> ")
    elif kind == "string_type" and not isinstance(found, (dict, list)):
        remedy = f'put it in quotes: "{found}"' if found is not None else "give a text"
    return Problem(document.file, message, remedy, line=document.line(place), path=dotted(place))


def _walk(
    data: Any, model: type[BaseModel], loc: Sequence[str | int]
) -> tuple[list[str | int], type[BaseModel] | None]:
    """Follow pydantic's location through data and models.

    Returns:
        The place in the file, and the model that holds its last key.
    """
    place: list[str | int] = []
    annotation: Any = model
    holder: type[BaseModel] | None = model
    for part in loc:
        if part == "[key]":
            continue
        models = _models(annotation)
        tagged = [m for m in models if len(models) > 1 and _tag(m) == part]
        if tagged and not (isinstance(data, dict) and part in data):
            annotation, holder = tagged[0], tagged[0]
            continue
        holder = models[0] if models else holder if place == [] else None
        place.append(part)
        data = _get(data, part)
        field = holder.model_fields.get(str(part)) if holder is not None else None
        annotation = field.annotation if field is not None else _inner(annotation)
    return place, holder


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Models that an annotation allows directly (through unions and Annotated, not through containers)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (dict, list, tuple) or annotation is None:
        return []
    return [model for part in get_args(annotation) for model in _models(part)]


def _inner(annotation: Any) -> Any:
    """Type of the items of a container."""
    if get_origin(annotation) in (dict, list, tuple):
        return get_args(annotation)[-1]
    return next(
        (_inner(part) for part in get_args(annotation) if get_origin(part) in (dict, list, tuple)), None
    )


def _tag(model: type[BaseModel]) -> Any:
    field = model.model_fields.get("kind")
    return field.default if field is not None else None


def _get(data: Any, part: Any) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


def _keys(model: type[BaseModel] | None) -> list[str]:
    return list(model.model_fields) if model is not None else []


def _required(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]


def _describe(model: type[BaseModel] | None, key: str) -> str:
    """What a field is for, as its model says; else its allowed values."""
    field = model.model_fields.get(key) if model is not None else None
    if field is None:
        return ""
    if field.description:
        return f"give it: {field.description}"
    options = get_args(field.annotation) if get_origin(field.annotation) is typing.Literal else ()
    return f"give one of: {', '.join(map(str, options))}" if options else f"add `{key}:`"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "..."
