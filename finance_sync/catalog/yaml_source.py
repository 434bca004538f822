"""YAML with places: the data of a file, and the line of everything in it, so that an error can say where.

Belongs here: reading one YAML file. Does not: what the keys mean (models).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from finance_sync.errors import Problem

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class YamlDocument:
    """Data of a YAML file with the line of each key and item.

    Args:
        file: name used in messages.
        data: the parsed document.
        lines: path of keys and indexes -> 1-based line.
    """

    file: str
    data: Any
    lines: dict[tuple[str | int, ...], int]

    def line(self, path: Sequence[str | int]) -> int:
        """Line of the path, or of its nearest parent that is in the file."""
        for size in range(len(path), 0, -1):
            found = self.lines.get(tuple(path[:size]))
            if found is not None:
                return found
        return 1


def read_yaml(path: Path, file: str) -> tuple[YamlDocument | None, list[Problem]]:
    """Read a YAML file with its line numbers.

    Args:
        path: the file.
        file: its name in messages.

    Returns:
        The document (None when it cannot be parsed) and the problems found: syntax, encoding, a key given
        twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines: dict[tuple[str | int, ...], int] = {}
            problems: list[Problem] = []
            if node is not None:
                _places(node, (), lines, problems, file)
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        return None, [Problem(file, f"is not UTF-8 text (byte {error.start})", "save the file as UTF-8")]
    except OSError as error:
        return None, [
            Problem(file, f"cannot be read: {error.strerror}", "check that the file exists and may be read")
        ]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return None, [
            Problem(
                file,
                f"is not valid YAML: {error.problem or error.context}",
                "check indentation, quotes and the space after a colon; quote texts that contain ': '"
                " or begin with a special character",
                line=mark.line + 1 if mark else None,
            )
        ]
    except (yaml.YAMLError, ValueError) as error:
        return None, [Problem(file, f"is not valid YAML: {error}", "correct the value")]
    return YamlDocument(file, data, lines), problems


def _places(
    node: yaml.Node,
    path: tuple[str | int, ...],
    lines: dict[tuple[str | int, ...], int],
    problems: list[Problem],
    file: str,
) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen and name != "<<":
                problems.append(
                    Problem(
                        file,
                        f"the key {name!r} is given twice (first on line {seen[name]})",
                        "keep one of the two: YAML would silently take the last",
                        line=line,
                        path=dotted((*path, name)),
                    )
                )
            seen[name] = line
            lines[(*path, name)] = line
            _places(value, (*path, name), lines, problems, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            _places(item, (*path, index), lines, problems, file)


def dotted(path: Sequence[str | int]) -> str:
    """``('objects', 'orders', 'key', 0)`` -> ``objects.orders.key[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
