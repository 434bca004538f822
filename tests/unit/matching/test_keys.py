"""What counts as the same name, tax id, bank account and address."""

from __future__ import annotations

import polars as pl
import pytest

from finance_sync.matching import keys


def one(expression: pl.Expr, **values: str | None) -> object:
    frame = pl.DataFrame(
        {name: [value] for name, value in values.items()}, schema=dict.fromkeys(values, pl.String)
    )
    return frame.select(found=expression)["found"].to_list()[0]


# (name, key). tests/unit/dbt/test_supplier_keys.py runs the same through the dbt macros, on both engines.
NAMES = [
    ("The Alder Components Co., Inc.", "alder components"),
    ("ALDER-COMPONENTS (Inc)", "alder components"),
    ("Müller & Söhne GmbH & Co. KG", "muller sohne"),
    ("Straße 5 AG", "strasse 5"),
    ("O'Brien\u2019s S.A.", "obriens"),
    ("Łódź  Chemia sp. z o.o.", "lodz chemia sp z oo"),
    ("Éclair\u00a0\u2013 Bäckerei", "eclair backerei"),
    ("Co Co Foods Company", "co co foods"),
    ("Theatre Supplies", "theatre supplies"),
    ("Inc", "inc"),
    ("...", None),
    ("", None),
    (None, None),
]  # fmt: skip
# (tax id, country, key)
TAX_IDS = [
    ("DE 123.456-789", "DE", "123456789"),
    ("123456789", "de", "123456789"),
    ("DE123456789", None, "DE123456789"),
    ("DE123456789", "FR", "DE123456789"),
    ("atu-1234567", "AT", "U1234567"),
    ("1234", "US", None),
    ("000000000", "US", None),
    ("XXXXX", None, None),
    ("unknown", None, None),
    ("", None, None),
    (None, "US", None),
]


@pytest.mark.parametrize(("name", "key"), NAMES)
def test_names(name: str | None, key: str | None) -> None:
    assert one(keys.name_key(pl.col("name")), name=name) == key


@pytest.mark.parametrize(("tax_id", "country", "key"), TAX_IDS)
def test_tax_ids(tax_id: str | None, country: str | None, key: str | None) -> None:
    assert one(keys.tax_key(pl.col("tax_id"), pl.col("country")), tax_id=tax_id, country=country) == key


def test_bank_accounts_and_postal_codes() -> None:
    assert one(keys.bank_key(pl.col("x")), x="de89 3704 0044") == "DE8937040044"
    assert one(keys.bank_key(pl.col("x")), x="999-9999") is None
    assert one(keys.postal_key(pl.col("x")), x="sw1a 1aa") == "SW1A1AA"
    assert one(keys.postal_key(pl.col("x")), x=" ") is None


@pytest.mark.parametrize(
    ("address", "number", "street"),
    [
        ("1345 N. Karlov Ave", "1345", "karlov"),
        ("1345 North Karlov", "1345", "karlov"),
        ("0516-18 E. 43rd St", "516", "18 43"),
        ("Hauptstrasse 12", "12", "hauptstrasse"),
        ("2001 W North Avenue", "2001", "ave n w"),
        ("P.O. Box", None, "box"),
        ("", None, None),
        (None, None, None),
    ],
)
def test_addresses(address: str | None, number: str | None, street: str | None) -> None:
    words = keys.address_words(pl.col("x"))
    assert (one(keys.house_number(words), x=address), one(keys.street_key(words), x=address)) == (
        number,
        street,
    )
