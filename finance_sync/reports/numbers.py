"""Numbers as their readers write them, exact.

Belongs here: separators, decimals, shares. Does not: what is shown, or HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from finance_sync.catalog.product import minor_units

# name -> separator of thousands, of decimals. French: narrow no-break space; Swiss: right quotation mark.
_SEPARATORS = {"en": (",", "."), "de": (".", ","), "fr": ("\u202f", ","), "ch": ("\u2019", ".")}
_SHORT = ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "m"), (Decimal(10) ** 3, "k"))


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written.

    Attributes:
        thousands: separator of thousands.
        decimals: separator of decimals.
    """

    thousands: str
    decimals: str

    @classmethod
    def named(cls, name: str) -> NumberFormat:
        """The format of a setting: en, de, fr or ch.

        Raises:
            KeyError: there is none of that name; the settings do not let it through.
        """
        return cls(*_SEPARATORS[name])

    def number(self, value: Decimal | int, places: int = 0) -> str:
        """A number with exactly ``places`` decimals, half away from zero; never a negative zero."""
        rounded = Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        text = f"{rounded or abs(rounded):,f}"
        return text.translate({ord(","): self.thousands, ord("."): self.decimals})

    def amount(self, value: Decimal, currency: str | None) -> str:
        """An amount in the minor units of its currency (ISO 4217), two where the currency is unknown."""
        return self.number(value, places_of(currency))

    def share(self, part: int, whole: int) -> str:
        """``99.98 %``: rounded down, so that 100 says that nothing is missing."""
        exact = (Decimal(100) * part / whole).quantize(Decimal("0.01"), ROUND_DOWN)
        return f"{self.number(exact, 2)}\u00a0%"

    def short(self, value: Decimal) -> str:
        """``2.5 m``: for the axis of a chart."""
        for unit, name in _SHORT:
            if abs(value) >= unit:
                scaled = value / unit
                return f"{self.number(scaled, 0 if scaled == scaled.to_integral_value() else 1)} {name}"
        return self.number(value, 0 if value == value.to_integral_value() else 2)


def places_of(currency: str | None) -> int:
    """Decimals of an amount in a currency."""
    return minor_units().get(currency or "", 2)
