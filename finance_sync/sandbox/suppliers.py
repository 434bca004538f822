"""Supplier attributes of the demo company: tax ids, bank accounts, addresses, and what is wrong with some of them (C18).

Belongs here: what each system keeps of a supplier on a day, and the rows of the answer key. Does not: names, codes and
creation days (world), the tables themselves (procurement, ledger).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.casebook import Casebook
from finance_sync.sandbox.orders import PENDING
from finance_sync.sandbox.text import codes, numbers

_COUNTRIES: Final = tuple(entity.country for entity in w.ENTITIES)
_CITIES: Final = ("Austin", "Jena", "Leeds", "Osaka", "Ahmadi")
_POSTAL_CODES: Final = ("73301", "07743", "LS1 4DY", "530-0001", "61000")
_STREETS: Final = (
    "Mill Lane",
    "Harbor Street",
    "Station Road",
    "Canal Street",
    "Orchard Avenue",
    "Foundry Way",
    "Castle Street",
)
_PRIME: Final = 999_999_937

_TWIN, _OTHER_TWIN = (w.EXTRA_SUPPLIER[code] for code in ("S-09301", "S-09302"))
_SAME_NAME, _SAME_BANK, _SPELT = (w.EXTRA_SUPPLIER[code] for code in ("S-09303", "S-09304", "S-09305"))
"""Without a tax id: one has name and address of a supplier, one its bank account, one nearly its name and its address."""
_NAMESAKE: Final = w.SUPPLIER_NAMES.index("Cedar Logistics")
_ACCOUNT_HOLDER: Final = 40
_NEIGHBOUR: Final = w.SUPPLIER_NAMES.index("Juniper Laboratories")
_OTHER_TAX_ID: Final = 31
_OTHER_COUNTRY: Final = 64
# supplier: day of a new bank account in procurement, and in the ledger
_NEW_ACCOUNTS: Final = {47: (w.day("2026-04-20"), w.NEVER), 58: (w.day("2026-05-18"), w.day("2026-05-21"))}
PROCUREMENT, LEDGER = 0, 1


def present(number: w.Ints, *, planted: bool) -> w.Ints:
    """The suppliers that a system keeps: without planted problems, nobody twice."""
    doubles = [_TWIN, _OTHER_TWIN, _SAME_NAME, _SAME_BANK, _SPELT]
    return number if planted else number[~np.isin(number, doubles)]


def account_days(number: w.Ints, system: int, *, planted: bool) -> w.Ints:
    """Day on which a system learns of a supplier's new bank account.

    Args:
        number: supplier numbers.
        system: PROCUREMENT or LEDGER.
        planted: False: nobody has a new one.
    """
    days = np.full(len(number), w.NEVER)
    for supplier, known in _NEW_ACCOUNTS.items() if planted else ():
        days[number == supplier] = known[system]
    return days


def tax_ids(number: pl.Series, system: int, *, planted: bool) -> pl.Series:
    """Tax ids as a system writes them: the ledger in one run, procurement with a hyphen."""
    own = number.to_numpy()
    if planted:
        own = np.where(own == _OTHER_TWIN, _TWIN, own)
    values = own * 7_654_321 % _PRIME
    if planted:
        values = np.where((own == _OTHER_TAX_ID) & (system == PROCUREMENT), values + 9, values)
        values = np.where(np.isin(own, [_SAME_NAME, _SAME_BANK, _SPELT]), -1, values)
    return numbers(pl.Series(values), "TX" if system == LEDGER else "TX-", 9)


def bank_accounts(
    number: pl.Series, changed: pl.Series, today: int, system: int, *, planted: bool
) -> pl.Series:
    """Bank accounts as a system writes them: the ledger in one run, procurement in groups.

    Args:
        number: supplier numbers.
        changed: ``account_days`` of the system.
        today: the day.
        system: PROCUREMENT or LEDGER.
        planted: whether two suppliers share one.
    """
    own = number.to_numpy()
    if planted:
        own = np.where(own == _SAME_BANK, _ACCOUNT_HOLDER, own)
    digits = (own * 48_271 + 11 + np.where(changed.to_numpy() <= today, 5_000_011, 0)) % _PRIME
    text = numbers(pl.Series(digits), "NW76", 12)
    if system == LEDGER:
        return text
    groups = [pl.col("t").str.slice(start, 4) for start in (0, 4, 8, 12)]
    return pl.DataFrame({"t": text}).select(pl.concat_str(groups, separator=" ")).to_series()


def places(number: pl.Series, system: int, *, planted: bool) -> dict[str, pl.Series]:
    """Address, postal code, city and country of suppliers, under the system's own field names."""
    own = number.to_numpy()
    if planted:
        own = np.where(own == _SPELT, _NEIGHBOUR, np.where(own == _SAME_NAME, _NAMESAKE, own))
    country = own % len(_COUNTRIES)
    shown = np.where(
        planted & (own == _OTHER_COUNTRY) & (system == PROCUREMENT), (country + 1) % len(_COUNTRIES), country
    )
    house, street = (
        numbers(pl.Series(1 + own * 37 % 180), "", 1),
        codes(pl.Series(own * 5 % len(_STREETS)), _STREETS),
    )
    address, postal = ("street", "postcode") if system == PROCUREMENT else ("address", "postal_code")
    return {
        address: house + " " + street, postal: codes(pl.Series(country), _POSTAL_CODES),
        "city": codes(pl.Series(country), _CITIES),
        "country": codes(pl.Series(shown), _COUNTRIES),
    }  # fmt: skip


def plant_suppliers(book: Casebook) -> None:
    """Plant suppliers that are one, and attributes that differ between the systems (C18)."""
    for supplier in (_TWIN, _OTHER_TWIN):
        book.order(supplier % len(w.ENTITIES), w.day("2026-05-06"), sup=supplier, fate=PENDING)
    ledger, procurement = w.LEDGER_SUPPLIER_CODES, w.PROCUREMENT_SUPPLIER_CODES
    for left, right, why in (
        (ledger[_TWIN], ledger[_OTHER_TWIN], "one tax id, two accounts in the ledger"),
        (ledger[_NAMESAKE], f"procurement|{procurement[_SAME_NAME]}", "the name of another one, not mapped"),
        (
            ledger[_ACCOUNT_HOLDER],
            f"procurement|{procurement[_SAME_BANK]}",
            "the bank account of another one, not mapped",
        ),
    ):
        key = f"supplier|{left}|{right}"
        book.answer("C18", "supplier_duplicate", None, None, key, "identity", None, w.FIRST_DAY, note=why)
    differing = [
        (_OTHER_TAX_ID, "tax_id", w.FIRST_DAY, w.NEVER, "another tax id in procurement"),
        (_OTHER_COUNTRY, "country", w.FIRST_DAY, w.NEVER, "another country in procurement"),
    ]
    for supplier, (ours, theirs) in _NEW_ACCOUNTS.items():
        late = "the ledger never hears of it" if theirs >= w.NEVER else "the ledger is late"
        until = theirs if theirs >= w.NEVER else theirs - 1
        differing.append(
            (supplier, "bank_account", ours, until, f"a new bank account in procurement, {late}")
        )
    for supplier, aspect, seen, until, why in differing:
        key = f"supplier|procurement|{procurement[supplier]}"
        book.answer("C18", "attribute_differs", None, None, key, aspect, None, seen, until, why)
