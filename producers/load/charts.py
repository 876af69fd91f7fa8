"""Lines over time as SVG, to stand inside a page that has the colours.

Pure. The drawing is small, so that its text can be read on a phone, and is enlarged with its place on a wide page. It
says with its shape what it says with colour: lines of one chart have strokes of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

WIDTH, HEIGHT = 440, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 12, 12, 36
# As many as can be told apart.
_MOST_POINTS = 390
# Seconds between the marks of the time axis, from which the unit of its labels follows.
_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
_MOST_TIME_MARKS = 6
_MOST_VALUE_MARKS = 5

Value = float | None


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its name and a value for each interval, None where there is none."""

    name: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same time.

    Attributes:
        title: what is shown.
        unit: of the values.
        series: three at the most.
        step_s: how long an interval is.
        is_log: decades are equally high; values below 1 are drawn at 1.
        keeps_peaks: where intervals have to share a point, it is their largest value and not their mean.
    """

    title: str
    unit: str
    series: Sequence[Series]
    step_s: float
    is_log: bool = False
    keeps_peaks: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is no value."""
        return all(value is None for line in self.series for value in line.values)

    @property
    def highest(self) -> float:
        """The largest value, 0 where there is none."""
        return max((value for line in self.series for value in line.values if value is not None), default=0.0)

    @property
    def seconds(self) -> float:
        """How long its time is."""
        return max((len(line.values) for line in self.series), default=0) * self.step_s


def draw(chart: Chart, name: str) -> str:
    """Return the SVG element of a chart.

    Args:
        chart: what to draw.
        name: an id that no other chart of the page has.
    """
    marks, top = _value_marks(chart)
    seconds = chart.seconds or chart.step_s

    def x(at_s: float) -> float:
        return _LEFT + at_s / seconds * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        share = math.log10(max(value, 1)) / math.log10(top) if chart.is_log else value / top
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-title {name}-desc">',
        f'<title id="{name}-title">{escape(chart.title)}</title>',
        f'<desc id="{name}-desc">{escape(_description(chart))}</desc>',
    ]
    for value in marks:
        parts.append(f'<path class="grid" d="M{_LEFT} {y(value):.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="end" x="{_LEFT - 6}" y="{y(value) + 3.5:.1f}">{short(value)}</text>')
    unit, unit_s, times = _time_marks(seconds)
    for at_s in times:
        parts.append(f'<path class="tick" d="M{x(at_s):.1f} {HEIGHT - _BOTTOM}v4"/>')
        parts.append(f'<text class="middle" x="{x(at_s):.1f}" y="{HEIGHT - _BOTTOM + 15}">{at_s / unit_s:g}</text>')
    parts.append(f'<path class="axis" d="M{_LEFT} {HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}"/>')
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(f'<text class="middle" x="{middle:g}" y="{HEIGHT - 5}">{unit} since the start</text>')
    for place, line in enumerate(chart.series, 1):
        points, every_s = _thinned(line.values, chart)
        drawn = "".join(_strokes(points, lambda index, every_s=every_s: x((index + 0.5) * every_s), y))  # type: ignore[misc]
        if drawn:
            parts.append(f'<path class="line s{place}" d="{drawn}"/>')
    return "\n".join([*parts, "</svg>"])


def short(value: float) -> str:
    """Return a number as few characters: 1500 as 1.5k, 2000000 as 2M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _description(chart: Chart) -> str:
    told = [
        f"{line.name}: from {short(min(known))} to {short(max(known))}"
        for line in chart.series
        if (known := [value for value in line.values if value is not None])
    ]
    return f"In {chart.unit}, over {chart.seconds:g} seconds. {'; '.join(told) or 'No values'}."


def _value_marks(chart: Chart) -> tuple[list[float], float]:
    """Return where the marks of the value axis are, and its upper end."""
    if chart.is_log:
        decades = max(1, math.ceil(math.log10(max(chart.highest, 1))))
        return [10.0**power for power in range(decades + 1)], 10.0**decades
    highest = chart.highest or 1.0
    size = 10.0 ** math.floor(math.log10(highest / _MOST_VALUE_MARKS))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor * _MOST_VALUE_MARKS >= highest)
    count = math.ceil(highest / step - 1e-9)
    return [place * step for place in range(count + 1)], count * step


def _time_marks(seconds: float) -> tuple[str, int, list[float]]:
    """Return the unit of the time axis, its seconds, and where the marks are."""
    step = next((step for step in _TIME_STEPS if seconds / step <= _MOST_TIME_MARKS), _TIME_STEPS[-1])
    unit, unit_s = ("hours", 3600) if step >= 3600 else ("minutes", 60) if step >= 60 else ("seconds", 1)
    return unit, unit_s, [float(place * step) for place in range(int(seconds / step) + 1)]


def _thinned(values: Sequence[Value], chart: Chart) -> tuple[list[Value], float]:
    """Return the points to draw, and how many seconds each stands for."""
    every = max(1, math.ceil(len(values) / _MOST_POINTS))
    points: list[Value] = []
    for first in range(0, len(values), every):
        known = [value for value in values[first : first + every] if value is not None]
        merged = (max(known) if chart.keeps_peaks else sum(known) / len(known)) if known else None
        points.append(merged)
    return points, every * chart.step_s


def _strokes(points: Sequence[Value], x: Callable[[int], float], y: Callable[[float], float]) -> Iterator[str]:
    """Yield a stroke for each run of points that have a value; one alone becomes a dot."""
    for is_known, run in groupby(enumerate(points), key=lambda point: point[1] is not None):
        if not is_known:
            continue
        corners = [f"{x(index):.1f} {y(value):.1f}" for index, value in run if value is not None]
        yield f"M{'L'.join(corners)}" if len(corners) > 1 else f"M{corners[0]}h.1"
