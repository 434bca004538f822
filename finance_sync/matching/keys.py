"""Keys under which supplier attributes are compared: names, addresses, tax ids, bank accounts.

Belongs here: normalisation as Polars expressions. Does not: scores (scoring). The dbt macros in dbt_project/macros/suppliers.sql
say the same of names and tax ids for the nightly control; a test holds the two together.
"""

from __future__ import annotations

from typing import Final

import polars as pl

ACCENTED: Final = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŠŽŁàáâãäåçèéêëìíîïñòóôõöøùúûüýÿšžłąćęńśźżčďěňřťůğıőű"
PLAIN: Final = "AAAAAACEEEEIIIINOOOOOOUUUUYSZLaaaaaaceeeeiiiinoooooouuuuyyszlacenszzcdenrtugiou"
LEGAL_FORMS: Final = (
    "ab", "ag", "as", "asa", "bv", "co", "company", "corp", "corporation", "cv", "eg", "ev", "gmbh", "inc", "incorporated", "kft",
    "kg", "kgaa", "kk", "lda", "limited", "llc", "llp", "lp", "ltd", "ltda", "mbh", "nv", "ohg", "oy", "oyj", "plc", "pte", "pty",
    "sa", "sarl", "sas", "se", "sl", "sp", "spa", "srl", "ug", "zoo",
)  # fmt: skip
"""Legal forms that are dropped from the end of a name."""
PLACEHOLDERS: Final = ("UNKNOWN", "NOTAVAILABLE", "NOTAPPLICABLE", "PENDING", "EXEMPT")
SHORTEST_IDENTIFIER: Final = 5
_STREET_WORDS: Final = {
    "street": "st", "str": "st", "strasse": "st", "avenue": "ave", "av": "ave", "boulevard": "blvd", "bvd": "blvd", "road": "rd",
    "drive": "dr", "lane": "ln", "place": "pl", "court": "ct", "parkway": "pkwy", "terrace": "ter", "square": "sq",
    "highway": "hwy", "north": "n", "south": "s", "east": "e", "west": "w",
}  # fmt: skip
STREET_TYPES: Final = ("st", "ave", "blvd", "rd", "dr", "ln", "pl", "ct", "pkwy", "ter", "sq", "hwy", "way")
"""Street types are written by one source and left out by the next: they do not count in a comparison."""
PUNCTUATION: Final = "[ -/:-@\\[-`{-~\\t\\r\\n\u00a0\u2013\u2014\u201c\u201d\u201e\u00ab\u00bb\u00b7]+"
"""Signs that separate words: ASCII's, hard spaces, dashes, quotes. Apostrophes and full stops do not: they are dropped
first (O'Brien, S.A.)."""
SILENT: Final = "[.'\u2019`]"


def _text(expression: pl.Expr) -> pl.Expr:
    """Letters without accents in lower case; ``ß`` and ``&`` are spelled out or dropped as a comparison wants them."""
    return (
        expression.str.replace_many(list(ACCENTED), list(PLAIN))
        .str.replace_all("ß", "ss", literal=True)
        .str.to_lowercase()
    )


def name_key(name: pl.Expr) -> pl.Expr:
    """A name as lower-case words, without accents, punctuation, leading ``the`` and legal form at its end; NULL if none is left.

    Args:
        name: text.
    """
    plain = _text(name).str.replace_all(SILENT, "").str.replace_all(PUNCTUATION, " ").str.strip_chars(" ")
    without = plain.str.replace(r"^the ", "").str.replace(rf"( ({'|'.join(LEGAL_FORMS)}))+$", "")
    return _filled(without)


def tax_key(tax_id: pl.Expr, country: pl.Expr) -> pl.Expr:
    """A tax id as upper-case letters and digits, without the country's prefix; NULL for what is too short or one repeated sign.

    Args:
        tax_id: text.
        country: ISO 3166 code or NULL.
    """
    key = tax_id.str.replace_all(PUNCTUATION, "").str.to_uppercase()
    prefixed = (key.str.head(2) == country.str.to_uppercase()).fill_null(value=False)
    return _identifier(pl.when(prefixed).then(key.str.slice(2)).otherwise(key))


def bank_key(account: pl.Expr) -> pl.Expr:
    """A bank account as upper-case letters and digits; NULL for placeholders."""
    return _identifier(account.str.replace_all(PUNCTUATION, "").str.to_uppercase())


def postal_key(postal_code: pl.Expr) -> pl.Expr:
    """A postal code as upper-case letters and digits."""
    return _filled(postal_code.str.replace_all(PUNCTUATION, "").str.to_uppercase())


def _identifier(key: pl.Expr) -> pl.Expr:
    repeated = key.str.strip_chars(key.str.head(1)) == ""
    says_nothing = (key.str.len_chars() < SHORTEST_IDENTIFIER) | repeated | key.is_in(PLACEHOLDERS)
    return pl.when(~says_nothing).then(key)


def address_words(address: pl.Expr) -> pl.Expr:
    """An address as a list of lower-case words: directions and street types in one spelling, ordinals as numbers."""
    plain = (
        _text(address)
        .str.replace_all(SILENT, " ")
        .str.replace_all(PUNCTUATION, " ")
        .str.replace_all(r"\b(\d+)(st|nd|rd|th)\b", "$1")
        .str.strip_chars(" ")
    )
    return plain.str.split(" ").list.eval(pl.element().replace(_STREET_WORDS)).list.drop_nulls()


def house_number(words: pl.Expr) -> pl.Expr:
    """First word of an address that begins with a digit, its digits only; NULL without one."""
    return words.list.eval(pl.element().str.extract(r"^0*(\d+)")).list.drop_nulls().list.first()


def street_key(words: pl.Expr) -> pl.Expr:
    """Words of the street in alphabetical order, without house number, street types and directions; NULL when there are none.

    A street whose name is a direction (North Avenue) keeps its words.
    """
    element = pl.element()
    number = element.filter(element.str.contains(r"^\d")).first().fill_null("")
    named = words.list.eval(element.filter(element != number))
    telling = named.list.eval(element.filter((element.str.len_chars() > 1) & ~element.is_in(STREET_TYPES)))
    kept = pl.when(telling.list.len() > 0).then(telling).otherwise(named)
    return _filled(kept.list.sort().list.join(" "))


def _filled(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)
