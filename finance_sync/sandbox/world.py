"""The demo company's fixed world: entities, calendars, chart of accounts, cost centers, projects, suppliers, rates.

Belongs here: what is the same for every seed and scale, because the deployment's reference tables state it. Does not:
documents (orders, documents, journals), planted problems (plants), writing (store).

All days are integers (days since 1970-01-01), all money is integers in the currency's minor unit, rates are integers of
one millionth: nothing here is a binary float once it has been drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

EPOCH: Final = date(1970, 1, 1)


def day(text: str) -> int:
    """Day number of an ISO date."""
    return (date.fromisoformat(text) - EPOCH).days


def to_date(number: int) -> date:
    """Date of a day number."""
    return EPOCH + timedelta(days=int(number))


NEVER: Final = 99_999
"""A day beyond every calendar: the event does not happen."""
FIRST_DAY: Final = day("2025-01-01")
LAST_DAY: Final = day("2026-12-26")
START_DAY: Final = day("2026-05-15")
"""The business date of a new sandbox."""
GROUP_CURRENCY: Final = "USD"

CURRENCIES: Final = ("USD", "EUR", "GBP", "JPY", "KWD", "CAD", "CHF", "SEK", "NOK")
MINOR: Final[Ints] = np.array([2, 2, 2, 0, 3, 2, 2, 2, 2], dtype=np.int64)
# Price level of the currency: its units for one US dollar, in hundredths, and dollars for one unit, in millionths.
LEVEL: Final[Ints] = np.array([100, 92, 79, 15000, 31, 138, 89, 1050, 1080], dtype=np.int64)
_START_RATES: Final = (1_000_000, 1_085_000, 1_268_000, 6_680, 3_255_000, 726_000, 1_122_000, 95_200, 93_100)

RELIEF_RECEIPT: Final = 1
RELIEF_INVOICE: Final = 0
QUANTITY: Final = 0
AMOUNT: Final = 1


@dataclass(frozen=True)
class Entity:
    """One legal entity and how its ledger posts.

    Args:
        code: legal entity id, also the ledger's company code.
        procurement_code: its code in procurement.
        currency: index of the functional currency.
        foreign: indexes of the currencies its foreign orders use.
        calendar: calendar id.
        relief: relief point of quantity lines and of amount lines.
        tax_bp: purchase tax in basis points.
        tax_is_cost: accounts (codes) whose tax is not recoverable; ``*`` is every account.
        weight: share of the documents.
    """

    code: str
    name: str
    country: str
    procurement_code: str
    currency: int
    foreign: tuple[int, int]
    calendar: str
    relief: tuple[int, int]
    tax_bp: int
    tax_is_cost: tuple[str, ...]
    weight: float
    locations: tuple[str, str]


ENTITIES: Final = (
    Entity("US01", "Northwind Instruments Inc.", "US", "US", 0, (1, 5), "US445", (1, 0), 700, ("*",), 0.36,
           ("US-AUSTIN", "US-BOSTON")),
    Entity("DE01", "Northwind Instruments GmbH", "DE", "DE", 1, (0, 6), "MONTH", (1, 1), 1900, (), 0.25,
           ("DE-JENA", "DE-ULM")),
    Entity("GB01", "Northwind Instruments Ltd", "GB", "UK", 2, (1, 0), "MONTH", (0, 0), 2000, ("6310", "6510", "6520"),
           0.19, ("GB-LEEDS", "GB-YORK")),
    Entity("JP01", "Northwind Instruments KK", "JP", "JP", 3, (0, 0), "MONTH", (1, 0), 1000, (), 0.12,
           ("JP-OSAKA", "JP-SENDAI")),
    Entity("KW01", "Northwind Instruments WLL", "KW", "KW", 4, (0, 1), "MONTH", (0, 0), 0, (), 0.08,
           ("KW-AHMADI", "KW-HAWALLI")),
)  # fmt: skip
US, DE, GB, JP, KW = range(5)
EXTRA_ENTITIES: Final = ("FR", "BR")
"""Codes that procurement uses and nobody has mapped; their indexes follow those of ENTITIES."""
PROCUREMENT_ENTITY_CODES: Final = (*(entity.procurement_code for entity in ENTITIES), *EXTRA_ENTITIES)
FUNCTIONAL: Final[Ints] = np.array([entity.currency for entity in ENTITIES], dtype=np.int64)
RELIEF: Final[Ints] = np.array([entity.relief for entity in ENTITIES], dtype=np.int64)
CALENDARS: Final = ("US445", "MONTH")
CALENDAR_OF: Final[Ints] = np.array([CALENDARS.index(e.calendar) for e in ENTITIES], dtype=np.int64)

# code, name, type, parent, budget controlled, procurement's code ('' = not used there)
ACCOUNTS: Final = (
    ("1000", "Bank", "asset", "", False, ""),
    ("1100", "Trade receivables", "asset", "", False, ""),
    ("1300", "Recoverable input tax", "asset", "", False, ""),
    ("1400", "Prepayments", "asset", "", False, ""),
    ("1460", "Interface clearing", "asset", "", False, ""),
    ("1470", "Payroll clearing", "asset", "", False, ""),
    ("1480", "Suspense", "asset", "", False, ""),
    ("1495", "Old bank clearing (do not use)", "asset", "", False, ""),
    ("2000", "Trade payables", "liability", "", False, ""),
    ("2100", "Goods received, not invoiced", "liability", "", False, ""),
    ("2200", "Payroll liabilities", "liability", "", False, ""),
    ("2300", "Accrued expenses", "liability", "", False, ""),
    ("3000", "Equity", "equity", "", False, ""),
    ("4000", "Revenue", "revenue", "", True, ""),
    ("4010", "Products", "revenue", "4000", True, ""),
    ("4020", "Services rendered", "revenue", "4000", True, ""),
    ("4030", "Licences", "revenue", "4000", True, ""),
    ("6000", "Personnel", "expense", "", True, ""),
    ("6010", "Salaries", "expense", "6000", True, ""),
    ("6020", "Social charges", "expense", "6000", True, ""),
    ("6100", "Materials", "expense", "", True, "MAT"),
    ("6110", "Raw materials", "expense", "6100", True, "MAT-RAW"),
    ("6120", "Packaging", "expense", "6100", True, "MAT-PACK"),
    ("6130", "Laboratory supplies", "expense", "6100", True, "MAT-LAB"),
    ("6200", "Services", "expense", "", True, "SRV"),
    ("6210", "Consulting", "expense", "6200", True, "SRV-CONS"),
    ("6220", "Maintenance", "expense", "6200", True, "SRV-MAINT"),
    ("6230", "Logistics", "expense", "6200", True, "SRV-LOG"),
    ("6300", "Information technology", "expense", "", True, "IT"),
    ("6310", "Equipment", "expense", "6300", True, "IT-EQUIP"),
    ("6320", "Software and hosting", "expense", "6300", True, "IT-SOFT"),
    ("6330", "Low-value equipment", "expense", "6300", True, ""),
    ("6400", "Travel", "expense", "", True, "TRV"),
    ("6410", "Travel and events", "expense", "6400", True, "TRV-EVENT"),
    ("6500", "Facilities", "expense", "", True, "FAC"),
    ("6510", "Cleaning and security", "expense", "6500", True, "FAC-SERV"),
    ("6520", "Office supplies", "expense", "6500", True, "FAC-SUPP"),
    ("7900", "Exchange differences", "expense", "", False, ""),
)  # fmt: skip
# Codes that only planted problems use, per system; their indexes follow those of ACCOUNTS.
EXTRA_ACCOUNTS: Final = (("MISC-999", ""), ("MISC-998", ""), ("MIX-100", ""), ("MIX-200", ""))
ACCOUNT_CODES: Final = tuple(row[0] for row in ACCOUNTS)
ACCOUNT: Final = {code: index for index, code in enumerate(ACCOUNT_CODES)}
EXTRA_ACCOUNT: Final = {row[0]: len(ACCOUNTS) + index for index, row in enumerate(EXTRA_ACCOUNTS)}
LEDGER_ACCOUNT_CODES: Final = (*ACCOUNT_CODES, *(row[1] for row in EXTRA_ACCOUNTS))
PROCUREMENT_ACCOUNT_CODES: Final = (*(row[5] for row in ACCOUNTS), *(row[0] for row in EXTRA_ACCOUNTS))
CONTROL_ACCOUNT: Final[Ints] = np.array(
    [ACCOUNT.get(row[3], index) for index, row in enumerate(ACCOUNTS)] + [-1] * len(EXTRA_ACCOUNTS),
    dtype=np.int64,
)
IS_CONTROLLED: Final = np.array([row[4] for row in ACCOUNTS] + [False] * len(EXTRA_ACCOUNTS))
IS_REVENUE: Final = np.array([row[2] == "revenue" for row in ACCOUNTS] + [False] * len(EXTRA_ACCOUNTS))
QUANTITY_ACCOUNTS: Final[Ints] = np.array(
    [ACCOUNT[c] for c in ("6110", "6120", "6130", "6310", "6520")], dtype=np.int64
)
AMOUNT_ACCOUNTS: Final[Ints] = np.array(
    [ACCOUNT[c] for c in ("6210", "6220", "6230", "6320", "6410", "6510")], dtype=np.int64
)
# The dated crosswalk: equipment is booked as low-value equipment from this day on.
EQUIPMENT_MOVES: Final = day("2026-01-01")

UNITS: Final = ("EA", "BOX", "KG", "HUR")

DEPARTMENTS: Final = ("Research", "Production", "Sales", "Administration")
CHILDREN: Final = 3
BLOCKED_CENTER: Final = 9
"""Department digit of each entity's blocked cost center, <entity>-990."""


def _cost_centers() -> tuple[tuple[str, str, int, str, bool], ...]:
    rows: list[tuple[str, str, int, str, bool]] = []
    for number, entity in enumerate(ENTITIES):
        for department, name in enumerate(DEPARTMENTS, start=1):
            head = f"{entity.code}-{department}00"
            rows.append((head, f"{name} {entity.country}", number, "", False))
            rows += [
                (
                    f"{entity.code}-{department}{child}0",
                    f"{name} {entity.country} {child}",
                    number,
                    head,
                    False,
                )
                for child in range(1, CHILDREN + 1)
            ]
        rows.append((f"{entity.code}-{BLOCKED_CENTER}90", f"Former depot {entity.country}", number, "", True))
    return tuple(rows)


COST_CENTERS: Final = _cost_centers()
"""code, name, entity, parent code, blocked."""
EXTRA_COST_CENTERS: Final = tuple(f"{entity.code}-777" for entity in ENTITIES)
"""Codes that no dimension has."""
COST_CENTER_CODES: Final = (*(row[0] for row in COST_CENTERS), *EXTRA_COST_CENTERS)
COST_CENTER: Final = {code: index for index, code in enumerate(COST_CENTER_CODES)}
CONTROL_COST_CENTER: Final[Ints] = np.array(
    [COST_CENTER.get(row[3], index) for index, row in enumerate(COST_CENTERS)]
    + [-1] * len(EXTRA_COST_CENTERS),
    dtype=np.int64,
)
_PER_ENTITY: Final = len(DEPARTMENTS) * (CHILDREN + 1) + 1


def cost_center(entity: Ints, department: Ints, child: Ints) -> Ints:
    """Index of a posting cost center: department 0..3, child 0..2."""
    return entity * _PER_ENTITY + department * (CHILDREN + 1) + 1 + child


PROJECTS_PER_DEPARTMENT: Final = 2
_REGULAR_PROJECTS: Final = PROJECTS_PER_DEPARTMENT * len(DEPARTMENTS)
# number, what it is for, valid from, valid to
_SPECIAL_PROJECTS: Final = (
    (90, "Plant closure", None, "2025-12-31"),
    (91, "Trade fair", None, None),
    (92, "Relocation", None, None),
    (93, "Pilot line", "2026-10-01", None),
)
PROJECTS: Final = tuple(
    (f"P-{entity.country}-{number:02d}", name, index, valid_from, valid_to)
    for index, entity in enumerate(ENTITIES)
    for number, name, valid_from, valid_to in (
        *((n, f"{DEPARTMENTS[(n - 1) // PROJECTS_PER_DEPARTMENT]} project {n}", None, None)
          for n in range(1, _REGULAR_PROJECTS + 1)),
        *_SPECIAL_PROJECTS,
    )
)  # fmt: skip
"""code, name, entity, valid from, valid to."""
EXTRA_PROJECTS: Final = ("P-XX-77", "P-XX-78")
PROJECT_CODES: Final = (*(row[0] for row in PROJECTS), *EXTRA_PROJECTS)
PROJECT: Final = {code: index for index, code in enumerate(PROJECT_CODES)}
_PROJECTS_PER_ENTITY: Final = _REGULAR_PROJECTS + len(_SPECIAL_PROJECTS)


def project(entity: Ints, department: Ints, choice: Ints) -> Ints:
    """Index of a department's project, choice 0 or 1."""
    return entity * _PROJECTS_PER_ENTITY + department * PROJECTS_PER_DEPARTMENT + choice


def special_project(entity: int, number: int) -> int:
    """Index of an entity's special project (90 expired, 91 and 92 for budgets, 93 not yet valid)."""
    return PROJECT[f"P-{ENTITIES[entity].country}-{number}"]


def department_of(centers: Ints) -> Ints:
    """Department (0..3, 4 = the blocked one) of cost center indexes."""
    return (centers % _PER_ENTITY) // (CHILDREN + 1)


LOCATION_CODES: Final = tuple(location for entity in ENTITIES for location in entity.locations)


def location_of(centers: Ints) -> Ints:
    """Index into LOCATION_CODES: the first two departments sit at an entity's first place, the others at its second."""
    return (centers // _PER_ENTITY) * 2 + (department_of(centers) >= len(DEPARTMENTS) // 2)


MAX_PROGRAMS: Final = 99
PROGRAM_CODES: Final = tuple(f"PG{d}{n:02d}" for d in range(1, 5) for n in range(MAX_PROGRAMS + 1))


def program(department: Ints, number: Ints) -> Ints:
    """Index into PROGRAM_CODES of a department's program."""
    return department * (MAX_PROGRAMS + 1) + number


SUPPLIERS: Final = 240
_OLD_SUPPLIERS: Final = 200
# number of the procurement code, number of the ledger code (0 = none), name, blocked
EXTRA_SUPPLIERS: Final = (
    (9001, 0, "Harbour Freight Cooperative", False),
    (9002, 0, "Delta Print Works", False),
    (9101, 9101, "Meridian Castings (in liquidation)", True),
    (9102, 9102, "Orchard Hydraulics (debarred)", True),
    (9201, 0, "Twin Rivers Supply", False),
    (9202, 0, "Twin Peaks Trading", False),
    (9301, 9301, "Blue Heron Catering", False),
    (9302, 9302, "Blue Heron Events", False),
    (9303, 0, "CEDAR LOGISTICS, LLC", False),
    (9304, 0, "Kestrel Couriers", False),
    (9305, 0, "Juniper Laboratory Group", False),
    (9401, 9401, "Harrow Lane Estates", False),
    (9402, 9402, "Castle Street Insurance", False),
)
_FIRST: Final = ("Alder", "Birch", "Cedar", "Dover", "Ember", "Falcon", "Granite", "Harbor", "Ivory", "Juniper", "Keystone",
                 "Lumen", "Meadow", "Nimbus", "Orion", "Pioneer", "Quarry", "Raven", "Summit", "Tundra")  # fmt: skip
_SECOND: Final = ("Components", "Logistics", "Laboratories", "Software", "Castings", "Packaging", "Consulting", "Chemicals",
                  "Tools", "Facilities", "Optics", "Electric")  # fmt: skip
SUPPLIER_NAMES: Final = (
    *(f"{_FIRST[n % len(_FIRST)]} {_SECOND[n // len(_FIRST) % len(_SECOND)]}" for n in range(SUPPLIERS)),
    *(row[2] for row in EXTRA_SUPPLIERS),
)
PROCUREMENT_SUPPLIER_CODES: Final = (
    *(f"S-{n + 1:05d}" for n in range(SUPPLIERS)),
    *(f"S-{row[0]:05d}" for row in EXTRA_SUPPLIERS),
)
LEDGER_SUPPLIER_CODES: Final = (
    *(f"V{10_001 + n}" for n in range(SUPPLIERS)),
    *(f"V{10_000 + row[1]}" if row[1] else "" for row in EXTRA_SUPPLIERS),
)
EXTRA_SUPPLIER: Final = {f"S-{row[0]:05d}": SUPPLIERS + n for n, row in enumerate(EXTRA_SUPPLIERS)}
_FIRST_NEW_SUPPLIER: Final = day("2025-02-03")
_NEW_SUPPLIER_EVERY: Final = 16


def supplier_created(numbers: Ints) -> Ints:
    """Day on which suppliers were created: most before the first day, then one every sixteen days."""
    late = _FIRST_NEW_SUPPLIER + (numbers - _OLD_SUPPLIERS) * _NEW_SUPPLIER_EVERY
    regular = (numbers >= _OLD_SUPPLIERS) & (numbers < SUPPLIERS)
    return np.where(regular, late, day("2024-06-03") + numbers % 90)


def suppliers_on(days: Ints) -> Ints:
    """How many of the regular suppliers exist on these days."""
    return np.clip(
        _OLD_SUPPLIERS + 1 + (days - _FIRST_NEW_SUPPLIER) // _NEW_SUPPLIER_EVERY, _OLD_SUPPLIERS, SUPPLIERS
    )


# ---------------------------------------------------------------------------------------------------- calendars
PERIODS: Final = 24
FIRST_YEAR: Final = 2025
PERIODS_PER_YEAR: Final = 12


@cache
def period_starts(calendar: int) -> Ints:
    """First days of the 24 normal periods of a calendar, and the day after the last."""
    if CALENDARS[calendar] == "MONTH":
        months = [date(FIRST_YEAR + m // 12, m % 12 + 1, 1) for m in range(PERIODS + 1)]
        return np.array([(d - EPOCH).days for d in months], dtype=np.int64)
    weeks = np.tile([4, 4, 5], PERIODS // 3) * 7
    return np.concatenate([[0], np.cumsum(weeks)]) + day("2024-12-29")


def period_of(entities: Ints, days: Ints) -> Ints:
    """Period number 0..23 of days in the calendars of their entities."""
    by_calendar = [np.searchsorted(period_starts(c), days, side="right") - 1 for c in range(len(CALENDARS))]
    return np.where(CALENDAR_OF[entities] == 0, by_calendar[0], by_calendar[1])


def period_id(entity: int, on: int) -> str:
    """Fiscal period id of a day in an entity's calendar; UNMAPPED outside of it."""
    starts = period_starts(int(CALENDAR_OF[entity]))
    number = int(np.searchsorted(starts, on, side="right")) - 1
    if not 0 <= number < PERIODS:
        return "UNMAPPED"
    year, period = FIRST_YEAR + number // PERIODS_PER_YEAR, number % PERIODS_PER_YEAR + 1
    return f"{ENTITIES[entity].calendar}:{year}-P{period:02d}"


# ---------------------------------------------------------------------------------------------------- rates
FIRST_RATE_DAY: Final = day("2024-12-23")
WEEKS: Final = (LAST_DAY - FIRST_RATE_DAY) // 7 + 1
RATE_UNIT: Final = 1_000_000
# Pairs whose rates stop: nobody maintains them any longer.
RATE_ENDS: Final = {("SEK", "EUR"): day("2026-03-09"), ("NOK", "GBP"): day("2026-02-02")}


@cache
def rate_table() -> Ints:
    """Spot rates in millionths, indexed [from currency, to currency, week]; the same for every seed."""
    rng = np.random.default_rng(20_250_101)
    steps = rng.integers(-60, 61, size=(len(CURRENCIES), WEEKS))
    steps[0] = 0
    usd = np.array(_START_RATES, dtype=np.int64)[:, None] * (10_000 + np.cumsum(steps, axis=1)) // 10_000
    return as_ints((usd[:, None, :] * RATE_UNIT * 2 + usd[None, :, :]) // (2 * usd[None, :, :]))


def rate_pairs() -> list[tuple[int, int]]:
    """Pairs that the reference table holds: to every entity's currency from those it uses, and to the group's."""
    pairs = {(c, 0) for c in range(1, len(CURRENCIES))}
    pairs |= {(f, e.currency) for e in ENTITIES for f in e.foreign if f != e.currency}
    pairs |= {(CURRENCIES.index(a), CURRENCIES.index(b)) for a, b in RATE_ENDS}
    return sorted(pairs)


def convert(amounts: Ints, from_currency: Ints, to_currency: Ints, days: Ints) -> Ints:
    """Convert minor units at the spot rate of the day, rounded half away from zero."""
    weeks = np.clip((days - FIRST_RATE_DAY) // 7, 0, WEEKS - 1)
    rate = rate_table()[from_currency, to_currency, weeks]
    shift = MINOR[to_currency] - MINOR[from_currency]
    numerator = np.abs(amounts) * rate * 10 ** np.maximum(shift, 0)
    denominator = RATE_UNIT * 10 ** np.maximum(-shift, 0)
    converted = np.sign(amounts) * ((2 * numerator + denominator) // (2 * denominator))
    return np.where(from_currency == to_currency, amounts, converted)


def half_up(numerator: Ints, denominator: Ints | int) -> Ints:
    """Division rounded half away from zero; the denominator is positive."""
    return as_ints(np.sign(numerator) * ((2 * np.abs(numerator) + denominator) // (2 * denominator)))


def value_of(quantity: Ints, price: Ints, currency: Ints) -> Ints:
    """Quantity (tenths) times price (ten-thousandths) in minor units of the currency."""
    return half_up(quantity * price, as_ints(10 ** (5 - MINOR[currency])))


@cache
def tax_tables() -> tuple[Ints, Ints]:
    """Tax in basis points by [entity, account]: the part that is cost, and the part that is recoverable."""
    cost = np.zeros((len(ENTITIES), len(LEDGER_ACCOUNT_CODES)), dtype=np.int64)
    recoverable = np.zeros_like(cost)
    for number, entity in enumerate(ENTITIES):
        for account, code in enumerate(ACCOUNT_CODES):
            is_cost = "*" in entity.tax_is_cost or code in entity.tax_is_cost
            (cost if is_cost else recoverable)[number, account] = entity.tax_bp
    return cost, recoverable


def ledger_account(accounts: Ints, days: Ints) -> Ints:
    """Account that the ledger posts for procurement's coding on a day (the dated crosswalk)."""
    moved = (accounts == ACCOUNT["6310"]) & (days >= EQUIPMENT_MOVES)
    return np.where(moved, ACCOUNT["6330"], accounts)


def chance(rng: np.random.Generator, size: int | tuple[int, ...], share: float) -> Flags:
    """Draw yes or no, yes with the given share."""
    drawn: Flags = rng.random(size) < share
    return drawn


def as_ints(values: Any) -> Ints:
    """Any integer array as int64."""
    return np.asarray(values, dtype=np.int64)
