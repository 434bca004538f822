"""The report says what the published marts say, to the cent, and nothing of a source gets out of its cell."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections import defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from report_kit import DAY, VERSION, Page, Published, cell, finding, registered

from finance_sync.errors import DeploymentError, FinanceSyncError, WarehouseError
from finance_sync.reports import render_report, write_report

HERE = "fiscal_period_id in ('MONTH:2026-P05', 'US445:2026-P05')"
SPENDING = "account_type <> 'revenue'"
PLACES = {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3}
SIGNS = {"en": ",.", "de": ".,", "fr": "\u202f,", "ch": "\u2019."}
CURRENCY = {"US01": "USD", "DE01": "EUR", "GB01": "GBP", "JP01": "JPY", "KW01": "KWD"}


def read(text: str, numbers: str) -> Decimal:
    """A number as a reader of that format reads it."""
    thousands, point = SIGNS[numbers]
    assert re.fullmatch(
        rf"-?\d{{1,3}}({thousands if thousands != '.' else '[.]'}\d{{3}})*([{point}]\d+)?", text
    ), text
    return Decimal(text.replace(thousands, "").replace(point, "."))


def rounded(value: Decimal, currency: str) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-PLACES[currency]), ROUND_HALF_UP)


@pytest.mark.parametrize("numbers", [*SIGNS])
def test_every_figure_of_the_summary_is_the_marts_to_the_cent(full: Published, numbers: str) -> None:
    page = Page(full.html(numbers=numbers))
    cells = f"mart_commitment_vs_actual where {SPENDING} and {HERE}"
    wanted = {
        "budget": full.one(f"select sum(ytd_budget_group) from {cells}"),
        "actual": full.one(f"select sum(ytd_actual_group) from {cells}"),
        "commitments": full.one(f"select sum(encumbrance_closing_group) + sum(pre_encumbrance_closing_group) from {cells}"),
        "funds": full.one(f"select sum(funds_available_group) from {cells}"),
        "question": full.one(
            "select sum(amount_group) from mart_exceptions as e where control_id not in ('C22', 'C25') and exists (select 1 from "
            f"mart_commitment_vs_actual as c where c.{SPENDING} and c.cell_id = e.cell_id and c.fiscal_period_id = e.fiscal_period_id)"
        ),
    }  # fmt: skip
    for name, value in wanted.items():
        found = page.one(id=f"fig-{name}")
        assert Decimal(found.values()[0]) == value, name
        assert read(found.shown()[0], numbers) == rounded(value, "USD"), name
    agree, compared = full.rows(
        "select sum(50 - rows_failed), sum(50) from mart_control_results where rows_compared > 0"
    )[0]
    assert page.one(id="fig-rate").values() == [f"{agree}/{compared}"]
    assert page.one(id="fig-exceptions").values() == ["40"]
    blocking = (
        "select count(*) from mart_exceptions inner join exception_register as r using (exception_id) "
        "where is_blocking and r.status <> 'waived'"
    )
    assert page.one(id="fig-close").values() == [str(full.one(blocking))]


def test_the_tables_by_entity_are_the_marts_in_both_currencies(full: Published) -> None:
    page = Page(full.html())
    names = {
        "budget": "ytd_budget", "actual": "ytd_actual", "pre": "pre_encumbrance_closing", "enc": "encumbrance_closing",
        "funds": "funds_available",
    }  # fmt: skip
    totals = [Decimal(0)] * 6
    for entity, currency in CURRENCY.items():
        for kind, shown_in in (("group", "USD"), ("functional", currency)):
            sums = ", ".join(f"sum({column}_{kind})" for column in names.values())
            wanted = list(full.rows(
                f"select {sums} from mart_commitment_vs_actual where {SPENDING} and {HERE} and legal_entity_id = '{entity}'"
            )[0])  # fmt: skip
            row = page.one("tr", data_entity=entity, data_currency=kind)
            if kind == "group":
                question = page_question(full, entity)
                totals = [total + value for total, value in zip(totals, [*wanted, question], strict=True)]
            else:
                question = full.one(
                    f"select sum(amount_in_question_functional) from mart_commitment_vs_actual where {SPENDING} "
                    f"and legal_entity_id = '{entity}' and fiscal_period_id <= '{'US445' if entity == 'US01' else 'MONTH'}:2026-P05'"
                )
            assert [Decimal(value) for value in row.values()[:6]] == [*wanted, question]
            assert [read(text, "en") for text in row.shown()[:6]] == [
                rounded(value, shown_in) for value in [*wanted, question]
            ]
    assert [Decimal(value) for value in page.one("tr", id="totals").values()] == totals


def page_question(full: Published, entity: str) -> Decimal:
    """In question of an entity, group currency, by a query of its own."""
    sql = (
        "select coalesce(sum(e.amount_group), 0) from mart_exceptions as e, mart_commitment_vs_actual as c "
        f"where c.cell_id = e.cell_id and c.fiscal_period_id = e.fiscal_period_id and c.{SPENDING} "
        f"and e.control_id not in ('C22', 'C25') and c.legal_entity_id = '{entity}'"
    )
    return Decimal(full.one(sql))


def test_movements_controls_and_exceptions_are_the_marts(full: Published) -> None:
    page = Page(full.html())
    for kind, new in (("encumbrance", "obligated"), ("pre_encumbrance", "new")):
        for entity, currency in CURRENCY.items():
            wanted = full.rows(
                f"select sum({kind}_opening_functional), sum({kind}_{new}_functional), sum({kind}_adjusted_functional), "
                f"-sum({kind}_relieved_functional), sum({kind}_reinstated_functional), -sum({kind}_released_functional), "
                f"sum({kind}_carried_in_functional - {kind}_carried_out_functional + {kind}_revalued_functional), "
                f"sum({kind}_closing_functional) from mart_commitment_vs_actual where {SPENDING} and {HERE} and legal_entity_id = '{entity}'"
            )[0]  # fmt: skip
            row = page.one("tr", data_roll=kind, data_entity=entity)
            assert [Decimal(value) for value in row.values()] == list(wanted)
            assert [read(text, "en") for text in row.shown()] == [
                rounded(value, currency) for value in wanted
            ]
    for control, compared, failed, agree in full.rows(
        "select control_id, sum(rows_compared), sum(rows_failed), sum(rows_matched + rows_within_tolerance) "
        "from mart_control_results where status <> 'not_applicable' group by control_id"
    ):
        many, amount = full.rows(
            f"select count(*), coalesce(sum(amount_group), 0) from mart_exceptions where control_id = '{control}'"
        )[0]
        values = page.one("tr", data_control=control).values()
        assert values[:4] == [str(compared), str(failed), f"{agree}/{compared}", str(many)]
        assert Decimal(values[4]) == amount
    for control in ("C02", "C07", "C09"):
        trend = [int(value) for value in page.one("tr", data_trend=control).values()[::2]]
        wanted_trend = [
            full.one(f"select sum(rows_failed) from mart_control_results where control_id = '{control}' and fiscal_period_id like '%P0{number}'")
            for number in range(1, 6)
        ]  # fmt: skip
        assert trend[-5:] == wanted_trend
    for owner in ("accounts-payable", "general-ledger", ""):
        found = full.rows(
            "select e.amount_group, r.age_days, r.status, r.is_overdue from mart_exceptions as e inner join exception_register as r "
            f"using (exception_id) where coalesce(e.owner, '') = '{owner}'"
        )
        ages: dict[str, int] = defaultdict(int)
        for _, age, _, _ in found:
            ages[
                next(
                    (name for last, name in ((7, "0"), (30, "8"), (60, "31"), (90, "61")) if age <= last),
                    "90",
                )
            ] += 1
        waiting = sum(status in {"open", "assigned"} for _, _, status, _ in found)
        values = page.one("tr", data_owner=owner).values()
        assert values[:8] == [
            *(str(ages[name]) for name in ("0", "8", "31", "61", "90")), str(waiting), str(sum(row[3] for row in found)), str(len(found)),
        ]  # fmt: skip
        assert Decimal(values[8]) == sum((row[0] for row in found if row[0] is not None), Decimal(0))
    assert page.one("tr", data_control="C26").values() == ["0", "0", "0", "0"]
    assert "nothing feeds document_total" in page.one("tr", data_control="C26").text


def test_the_largest_show_both_sides_and_what_to_do(full: Published) -> None:
    page = Page(full.html())
    for owner in ("accounts-payable", "general-ledger", ""):
        wanted = full.rows(
            "select e.exception_id, e.business_key from mart_exceptions as e inner join exception_register as r using (exception_id) "
            f"where coalesce(e.owner, '') = '{owner}' and r.status in ('open', 'assigned') order by e.amount_group desc nulls last, 1 limit 5"
        )  # fmt: skip
        shown = [
            row.attributes["data-exception"] for row in page.find("tr") if "data-exception" in row.attributes
        ]
        assert [name for name in shown if name in {row[0] for row in wanted}] == [row[0] for row in wanted]
        for name, key in wanted:
            text = page.one("tr", data_exception=name).text
            assert all(
                part in text
                for part in (key, "10.00", "missing", "-3.50", "Procurement", "General ledger", "2026-06-01")
            )
    assert "Compare the documents." in page.text


def test_what_changed_is_what_the_last_run_did(full: Published) -> None:
    section = next(
        element for element in Page(full.html()).find("section") if element.attributes["id"] == "changes"
    )
    new = [row for row in section.inner() if row.attributes.get("data-change") == "opened"]
    gone = [row for row in section.inner() if row.attributes.get("data-change") == "gone"]
    assert len(new) == 10
    assert "Shortened: 10 more of these are not shown" in section.text
    (row,) = gone
    assert "PO-GONE" in row.text
    assert "20 new, 0 returned, 0 reopened, 1 gone" in " ".join(section.text.split())
    assert "People since the run before: 1 waived." in " ".join(section.text.split())


def test_every_statement_on_the_page_runs_and_gives_the_figure(full: Published) -> None:
    page = Page(full.html())
    statements = [
        element.text for element in page.find("code") if element.text.startswith("finance-sync query")
    ]
    assert len(statements) == 8 * 2 + 4
    figures = ("budget", "actual", "commitments", "funds", "question", "rate", "exceptions", "close")
    for place, name in enumerate(figures):
        figure, drill = (
            full.rows(re.fullmatch(r'finance-sync query "([^"]*)"', text, re.DOTALL)[1])
            for text in statements[2 * place : 2 * place + 2]
        )
        shown = page.one(id=f"fig-{name}").values()[0]
        assert shown == ("/".join(map(str, figure[0])) if name == "rate" else str(figure[0][0])), name
        if place < 4:
            assert sum((row[-1] for row in drill), Decimal(0)) == Decimal(shown)
        elif name in {"exceptions", "close"}:
            assert len(drill) == int(shown)
        elif name == "question":
            assert sum((row[4] for row in drill if row[4] is not None), Decimal(0)) == Decimal(shown)
        else:
            assert sum(row[5] for row in drill) == figure[0][1] - figure[0][0]
    for text in statements[16:]:
        full.rows(re.fullmatch(r'finance-sync query "([^"]*)"', text, re.DOTALL)[1])


def test_a_period_has_its_own_report(full: Published) -> None:
    page = Page(full.html(period="MONTH:2026-P04"))
    # The month of April ends in the second period but one of the 4-4-5 calendar.
    shown = "('MONTH:2026-P04', 'US445:2026-P05')"
    budget = f"select sum(ytd_budget_group) from mart_commitment_vs_actual where {SPENDING} and fiscal_period_id in {shown}"
    assert Decimal(page.one(id="fig-budget").values()[0]) == full.one(budget)
    assert page.one(id="fig-exceptions").values()[0] == str(
        full.one(f"select count(*) from mart_exceptions where fiscal_period_id in {shown}")
    )
    # What is as of the business date alone is not told of a period that is over.
    assert "Open commitments by age" not in page.text
    with pytest.raises(DeploymentError, match=r"'MONTH:2026-P4' is in no calendar") as error:
        render_report(full.settings, full.deployment, period="MONTH:2026-P4")
    assert "did you mean" in error.value.remedy


def test_without_a_register_it_says_so(full: Published) -> None:
    full.drop("exception_run")
    page = Page(full.html())
    assert "the register of exceptions is not published" in page.text
    assert "The register is not published, so ages" in page.text
    assert page.one(id="fig-exceptions").values() == ["40"]
    assert page.one(id="fig-close").values() == [
        str(full.one("select count(*) from mart_exceptions where is_blocking"))
    ]


def test_the_same_publication_and_day_give_the_same_bytes(full: Published) -> None:
    first = full.html()
    assert render_report(full.settings, full.deployment) == (first, VERSION)
    later = full.settings.model_copy(update={"as_of": date(2026, 5, 19)})
    assert render_report(later, full.deployment)[0] != first


HOSTILE = (
    "</td></table><script>alert(1)</script>",
    '" onmouseover="alert(1)" x="',
    "'; drop table mart_exceptions; --",
    "{{ 7 * 7 }}{% raw %}",
    "evil\u202egnp.exe\u0000\u0007\n\r\ttab",
    "<svg/onload=alert(1)>&amp;&lt;",
    "=HYPERLINK(1)" + "A" * 5000,
)


@pytest.mark.parametrize("name", HOSTILE)
def test_texts_of_sources_stay_texts(empty: Published, name: str) -> None:
    stored = name.replace("\u0000", "\u0001")
    row = finding(
        stored, "5.0000", message=stored, left_value=stored, right_value=stored, owner=stored, control_name=stored,
        left_system_name=stored, right_system_name=stored, legal_entity_id=stored, reason_code=stored, remedy=stored,
        currency_code=stored, severity=stored, is_blocking=True,
    )  # fmt: skip
    empty.add("mart_exceptions", row)
    empty.add("exception_register", registered(row, assignee=stored, severity=stored))
    empty.add("exception_run", {"run_id": stored, "business_date": DAY, "at": "2026-05-14T02:00:00+00:00"})
    empty.add(
        "exception_history",
        {"seq": 1, "exception_id": row["exception_id"], "event": "opened", "run_id": stored},
    )
    empty.add("mart_sync_health", {
        "system": stored, "system_title": stored, "object": stored, "object_title": stored, "owner": stored, "freshness": stored,
    })  # fmt: skip
    empty.add("mart_control_results", {
        "control_id": stored, "control_name": stored, "legal_entity_id": stored, "fiscal_period_id": "MONTH:2026-P05",
        "status": "not_applicable", "reason": stored, "rows_compared": 1, "rows_matched": 1, "rows_within_tolerance": 0,
        "rows_failed": 0, "owner": stored,
    })  # fmt: skip
    empty.add("mart_commitment_vs_actual", cell(
        stored, "MONTH:2026-P05", "a", control_cost_center_id=stored, control_account_name=stored, project_id=stored,
        currency_code=stored, funds_window=stored, funds_available_group=Decimal(-1),
    ))  # fmt: skip
    html = empty.html()
    page = Page(html)
    assert {element.tag for element in page.all} <= {
        "html", "head", "meta", "title", "style", "body", "a", "header", "div", "h1", "h2", "h3", "h4", "p", "dl", "dt", "dd", "nav",
        "ul", "li", "main", "section", "strong", "small", "span", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td",
        "svg", "rect", "line", "text", "bdi", "data", "time", "br", "code", "pre", "footer",
    }  # fmt: skip
    assert not [
        name
        for element in page.all
        for name in element.attributes
        if name.startswith("on") or name == "style"
    ]
    assert not re.search("[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]", html)
    seen = name[:20].partition("\u202e")[0]
    assert any(seen in element.text for element in page.find("bdi"))
    assert max(len(element.text) for element in page.find("bdi")) <= 600


def test_the_page_loads_nothing_and_is_accessible(full: Published) -> None:
    html = full.html()
    page = Page(html)
    policy = next(element for element in page.find("meta") if "Content-Security" in str(element.attributes))
    digest = base64.b64encode(hashlib.sha256(page.one("style").text.encode()).digest()).decode()
    assert policy.attributes["content"].startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert not re.search(r"https?://|url\(|@import|<script|<link|<img|<iframe", html)
    ids = [element.attributes["id"] for element in page.all if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    links = [element.attributes["href"] for element in page.find("a")]
    assert links
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    levels = [int(element.tag[1]) for element in page.all if re.fullmatch("h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert {"header", "nav", "main", "footer"} <= {element.tag for element in page.all}
    assert all(element.attributes.get("scope") in {"col", "row"} for element in page.find("th"))
    for table in page.find("table"):
        assert table.children[0].tag == "caption"
        assert table.parents[-1].attributes.keys() >= {"tabindex", "role", "aria-label"}
        widths = {
            len([part for part in row.children if part.tag in {"td", "th"}])
            for row in table.inner()
            if row.tag == "tr"
        }
        assert len(widths) == 1, table.children[0].text
    assert all(
        element.attributes.get("role") == "img" and element.attributes["aria-label"]
        for element in page.find("svg")
    )
    css = page.one("style").text
    assert all(
        part in css
        for part in ("@media print", "prefers-reduced-motion", ":focus-visible", "table-header-group")
    )


def test_nothing_found_is_said_and_nothing_is_missing(empty: Published) -> None:
    page = Page(empty.html())
    assert "Nothing blocks the close." in page.text
    assert "None: every comparison holds." in page.text
    assert [row.attributes["data-entity"] for row in page.find("tr", data_currency="group")] == sorted(
        CURRENCY
    )


def test_two_hundred_thousand_exceptions_still_give_a_page(full: Published) -> None:
    full.connection.execute("delete from mart_exceptions")
    full.connection.execute("delete from exception_register")
    full.connection.execute("delete from exception_history")
    full.connection.execute(
        "insert into mart_exceptions (exception_id, control_id, legal_entity_id, fiscal_period_id, severity, status, reason_code, business_key, "
        "message, amount_group, owner, is_blocking, remedy) select md5(i::varchar), 'C' || lpad((i % 20)::varchar, 2, '0'), 'E' || i % 300, "
        "'MONTH:2026-P05', 'low', 'amount', 'x', repeat('key', 200) || i, repeat('message ', 100), i, 'owner ' || i % 40, i % 3 = 0, "
        "repeat('remedy ', 300) from range(200000) as r(i)"
    )  # fmt: skip
    full.connection.execute(
        "insert into exception_register (exception_id, control_id, legal_entity_id, fiscal_period_id, business_key, message, owner, status, "
        "severity, amount_group, age_days, is_there, is_overdue) select exception_id, control_id, legal_entity_id, fiscal_period_id, "
        "business_key, message, owner, 'open', severity, amount_group, 1, true, false from mart_exceptions"
    )  # fmt: skip
    full.connection.execute(
        "insert into exception_history (seq, exception_id, event, run_id) select row_number() over (), exception_id, 'opened', 'run-2' "
        "from exception_register"
    )  # fmt: skip
    begun = time.perf_counter()
    html = full.html()
    assert time.perf_counter() - begun < 10
    assert len(html.encode()) < 2_000_000
    page = Page(html)
    assert page.one(id="fig-exceptions").shown() == ["200,000"]
    assert page.one(id="fig-close").shown() == ["66,667"]
    for said in ("28 more owners", "199,990 more of these", "more lines are not shown"):
        assert said in page.text, said
    assert "5 of 5000 that wait" in page.text


def test_more_entities_than_a_page_holds(full: Published) -> None:
    full.add(
        "mart_commitment_vs_actual",
        *(
            cell(f"X{number:03d}", "MONTH:2026-P05", "a", ytd_budget_group=Decimal(number))
            for number in range(150)
        ),
    )
    page = Page(full.html())
    assert len(page.find("tr", data_currency="group")) == 100
    assert "55 more entities, with the smallest budgets, are not shown" in page.text
    assert Decimal(page.one("tr", id="totals").values()[0]) == Decimal(page.one(id="fig-budget").values()[0])


def test_the_file_is_written_whole_and_the_last_one_is_found(full: Published, tmp_path: Path) -> None:
    full.close()
    done = write_report(full.settings, full.deployment)
    assert done.path == full.settings.home / "reports" / f"2026-05-18-run-{VERSION}.html"
    assert done.path.stat().st_size == done.size
    latest = full.settings.reports_dir / "latest.html"
    assert latest.resolve() == done.path.resolve()
    period = write_report(full.settings, full.deployment, period="US445:2026-P04")
    assert period.path.name == f"2026-05-18-US445_2026-P04-{VERSION}.html"
    assert latest.resolve() == done.path.resolve()
    assert sorted(path.name for path in full.settings.reports_dir.iterdir()) == sorted(
        [done.path.name, period.path.name, "latest.html"]
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(FinanceSyncError, match="cannot be written"):
        write_report(full.settings, full.deployment, out=tmp_path / "file" / "report.html")


def test_nothing_published_is_told(full: Published) -> None:
    full.close()
    (full.settings.publish_dir / "current").unlink()
    with pytest.raises(WarehouseError, match="nothing is published"):
        write_report(full.settings, full.deployment)
    assert not full.settings.reports_dir.exists()
