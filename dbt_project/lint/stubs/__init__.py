"""What sqlfluff sees instead of the project's macros: SQL of the same shape, without a database.

Belongs here: stand-ins, made by looking at how each macro begins. Does not: what macros really do
(dbt_project/macros). A macro that begins with `select` is a query, with `with` a list of CTEs, with a join a
join; any other is an expression.
Set `lint` in a comment of the macro (`{#- lint: query -#}`) where the beginning misleads.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

_MACRO = re.compile(r"{%-?\s*macro\s+(\w+)\s*\(.*?%}(.*?){%-?\s*endmacro", re.DOTALL)
_HINT = re.compile(r"lint: (\w+)")
_TEMPLATING = re.compile(r"{#.*?#}|{%.*?%}", re.DOTALL)
_SHAPES = {
    "query": "select * from stub_{name}",
    "ctes": "with members as (select * from stub_{name})",
    "join": "left join stub_{name} on true",
    "relation": "stub_{name}",
    "condition": "stub_{name} = 1",
    "expression": "stub_{name}",
}


def _shape(body: str) -> str:
    hint = _HINT.search(body)
    if hint:
        return hint.group(1)
    sql = _TEMPLATING.sub(" ", body).lstrip(" \n-,").lower()
    if re.match(r"(left|right|inner|cross|full)?\s*join\b", sql):
        return "join"
    return "query" if sql.startswith("select") else "ctes" if sql.startswith("with") else "expression"


def _macros() -> Iterator[tuple[str, Callable[..., str]]]:
    for path in sorted((Path(__file__).resolve().parents[2] / "macros").rglob("*.sql")):
        for name, body in _MACRO.findall(path.read_text(encoding="utf-8")):
            text = _SHAPES[_shape(body)].format(name=name)
            yield name, lambda *_, text=text, **__: text


_stubs: dict[str, Callable[..., str]] = {
    **dict(_macros()),
    "cast_to_contract": lambda relation: f"select * from {relation}",
    "code_join": lambda kind, *_, **__: f"left join stub_code_map as {kind}_map on true",
    "fact_feed": lambda *_, **__: "select * from stub_fact_feed",
    "version_feed": lambda *_, **__: "select * from stub_version_feed",
    "numbered_versions": lambda *_, **__: "select * from stub_numbered_versions",
    "touched_lines": lambda *_, **__: "select * from stub_touched_lines",
    "documents_without_rate": lambda: "select * from stub_documents",
    # lists of CTEs within a model's own
    "document_terms": lambda: "explained as (select * from stub_terms)",
    "document_rows": lambda *_, **__: "final as (select * from fed)",
    "document_moves": lambda name, *_, **__: f"{name}_moves as (select * from stub_moves)",
    "line_changes": lambda spec, *_, **__: f"{spec['name']}_line_changes as (select * from stub_changes)",
    "policy_tables": lambda *_, **__: "stub_policies as (select 1),",
    "rated_changes": lambda *_, **__: "rated as (select * from changes)",
    "late_movements": lambda *_, **__: "late as (select * from stub_late)",
    # what macros return that are no text
    "coding_columns": lambda: ["legal_entity_id", "currency_code"],
    "segment_columns": lambda: ["segment_1"],
    "segment_pairs": list,
    "commitment_measures": lambda kind: [f"{kind}_change_functional"],
    "commitment_moves": lambda kind: {"adjust": {"name": f"{kind}_adjusted", "sign": ""}},
    "commitment_policies": lambda: {"revalue": False, "carry": False, "lapse": False, "any": False},
    "variance_parts": lambda: ["price", "other"],
    "named": lambda columns: ", ".join(c if isinstance(c, str) else f"{c[1]} as {c[0]}" for c in columns),
}
globals().update(_stubs)
finance_sync = SimpleNamespace(**_stubs)
