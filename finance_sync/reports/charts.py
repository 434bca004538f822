"""Charts as static SVG, drawn here: no library, no script, nothing loaded. Every chart stands beside a table of its figures.

Belongs here: geometry. Coordinates are whole tenths of a unit, made of exact amounts. Does not: colours (report.css) or figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

WIDTH = 1140
_LABEL, _END, _ROW, _BAR = 150, 24, 34, 18
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))


@dataclass(frozen=True)
class Bar:
    """One row of a chart of stacked bars.

    Attributes:
        label: of the row.
        parts: (class, value) from left to right; what is below zero is not drawn.
        mark: where a line stands, as a budget does; None is none.
        end: text behind the bar.
    """

    label: str
    parts: Sequence[tuple[str, Decimal]]
    mark: Decimal | None = None
    end: str = ""


def stacked(
    bars: Sequence[Bar], *, title: str, axis: Callable[[Decimal], str] | None, end: int = _END
) -> Markup:
    """Horizontal stacked bars.

    Args:
        bars: from top to bottom.
        title: what the chart says, for those who do not see it.
        axis: writes a value of the axis; None draws none.
        end: room on the right, for the texts behind the bars.
    """
    room = WIDTH - _LABEL - end
    longest = max([Decimal(1), *(_length(bar) for bar in bars)])
    step, top = _scale(longest)

    def at(value: Decimal) -> str:
        return _tenths(max(Decimal(0), value) * room / top)

    height = _ROW * len(bars) + (22 if axis else 4)
    pieces = [_open(WIDTH, height, title)]
    if axis:
        value = Decimal(0)
        while value <= top:
            x = _tenths(_LABEL + value * room / top)
            pieces.append(
                Markup('<line class="grid" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(x, _ROW * len(bars))
            )
            pieces.append(
                Markup('<text class="tick" x="{}" y="{}">{}</text>').format(x, height - 6, axis(value))
            )
            value += step
    for place, bar in enumerate(bars):
        y = place * _ROW + (_ROW - _BAR) // 2
        pieces.append(
            Markup('<text class="name" x="{}" y="{}">{}</text>').format(_LABEL - 10, y + 13, _cut(bar.label))
        )
        begin = Decimal(0)
        for name, value in bar.parts:
            if value > 0:
                x = _tenths(_LABEL + begin * room / top)
                pieces.append(
                    Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                        name, x, y, at(value), _BAR
                    )
                )
                begin += value
        if bar.mark is not None:
            x = _tenths(_LABEL + max(Decimal(0), bar.mark) * room / top)
            pieces.append(
                Markup('<line class="mark" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
                    x, y - 5, y + _BAR + 5
                )
            )
        if bar.end:
            x = _tenths(_LABEL + begin * room / top + 8)
            pieces.append(Markup('<text class="end" x="{}" y="{}">{}</text>').format(x, y + 13, bar.end))
    return Markup("").join([*pieces, Markup("</svg>")])


def trend(values: Sequence[int | None], *, title: str) -> Markup:
    """A few upright bars, one a period; a period without comparisons is a dash below the line."""
    step, height = 15, 28
    top = max([1, *(value or 0 for value in values)])
    pieces = [_open(step * max(1, len(values)), height, title, name="spark")]
    for place, value in enumerate(values):
        x = place * step + 1
        tall = Decimal(0) if value is None else Decimal(value) * (height - 3) / top
        if value:
            tall = max(tall, Decimal(2))
        name = "none" if value is None else "bar" if value else "zero"
        tall = tall or Decimal(2 if value == 0 else 1)
        pieces.append(
            Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                name, x, _tenths(height - tall), step - 3, _tenths(tall)
            )
        )
    return Markup("").join([*pieces, Markup("</svg>")])


def _open(width: int, height: int, title: str, name: str = "chart") -> Markup:
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
    ).format(name, width, height, width, height, title)


def _length(bar: Bar) -> Decimal:
    whole = sum((value for _, value in bar.parts if value > 0), Decimal(0))
    return max(whole, bar.mark or Decimal(0))


def _scale(longest: Decimal) -> tuple[Decimal, Decimal]:
    """Step and end of an axis with some five ticks at round values."""
    power = Decimal(1).scaleb((longest / 5).adjusted())
    step = next(power * factor for factor in _STEPS if power * factor * 5 >= longest)
    count = -(-longest // step)
    return step, step * (count if count * step >= longest else count + 1)


def _tenths(value: Decimal | int) -> str:
    return f"{Decimal(value).quantize(Decimal('0.1')):f}"


def _cut(text: str, most: int = 20) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
