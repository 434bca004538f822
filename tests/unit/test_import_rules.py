"""Imports run one way, only orchestration knows Dagster, and every module says what belongs in it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from finance_sync.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "finance_sync"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# A part may import its own layer and those below.
LAYERS = (
    {"errors"},
    {"settings"},
    {"catalog", "operations"},
    {"extract"},
    {"landing"},
    {"warehouse"},
    {"matching", "controls", "exceptions", "periods", "reports"},
    {"orchestration"},
    {"definitions", "cli"},
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}
# The demo company stands beside the product: it makes sources, so it may know the catalog and nothing that reads them.
SANDBOX_MAY_IMPORT = {"errors", "settings", "catalog", "sandbox"}
MAY_IMPORT_SANDBOX = {"sandbox", "cli"}
KNOWS_DAGSTER = {"orchestration", "definitions"}


def part_of(path: Path) -> str:
    """``finance_sync/catalog/loader.py`` -> ``catalog``; ``cli_output.py`` belongs to ``cli``."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "cli" if first.startswith("cli_") else first


def imported(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def wrong_imports(path: Path) -> list[str]:
    part = part_of(path)
    if part == "__init__":
        return []
    wrong = []
    for name in imported(path):
        root, _, rest = name.partition(".")
        if root.startswith("dagster") and part not in KNOWS_DAGSTER:
            wrong.append(name)
        if root != "finance_sync" or not rest:
            continue
        target = rest.split(".")[0]
        target = "cli" if target.startswith("cli_") else target
        if part == "sandbox":
            allowed = target in SANDBOX_MAY_IMPORT
        elif target == "sandbox":
            allowed = part in MAY_IMPORT_SANDBOX
        elif target in RANK:
            allowed = RANK[target] <= RANK[part]
        else:
            allowed = target == "__version__"
        if not allowed:
            wrong.append(name)
    return sorted(wrong)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_below_it_and_says_what_belongs_in_it(path: Path) -> None:
    assert wrong_imports(path) == []
    text = path.read_text(encoding="utf-8")
    docstring = " ".join((ast.get_docstring(ast.parse(text)) or "").split())
    assert docstring, "a module opens with what belongs there"
    if path.name not in {"__init__.py", "__main__.py", "definitions.py"}:
        assert "Belongs here" in docstring
        assert "Does not" in docstring
    assert text.count("\n") < 450, "a module says one thing"


def test_the_rule_finds_a_wrong_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    (tmp_path / "landing").mkdir()
    for line, found in [
        (
            "from finance_sync.warehouse import build",
            ["finance_sync.warehouse", "finance_sync.warehouse.build"],
        ),
        ("def f():\n    import dagster_dbt", ["dagster_dbt"]),
        ("from finance_sync import cli_output", ["finance_sync.cli_output"]),
        ("import finance_sync.sandbox.world", ["finance_sync.sandbox.world"]),
        ("from finance_sync.extract import files\nfrom finance_sync import errors\nimport polars", []),
    ]:
        module = tmp_path / "landing" / "x.py"
        module.write_text(line)
        assert wrong_imports(module) == found, line
    cli = tmp_path / "cli_output.py"
    cli.write_text("from finance_sync.orchestration import run_nightly\nimport finance_sync.sandbox")
    assert wrong_imports(cli) == []
    demo = tmp_path / "sandbox.py"
    demo.write_text("from finance_sync.landing import land_system")
    assert wrong_imports(demo) == ["finance_sync.landing", "finance_sync.landing.land_system"]
