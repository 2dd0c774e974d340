"""Lines small enough to be drawn on the server: points for an SVG `polyline`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_SMALL: Final = (120, 32)
_LARGE: Final = (600, 160)
_EDGE: Final = 2  # so that the stroke stays inside
_POINTS: Final = 300


@dataclass(frozen=True, slots=True)
class Line:
    """A picture of `width` by `height`, and the strokes in it: one, or more where values lack."""

    width: int
    height: int
    strokes: Sequence[str]
    lowest: float
    highest: float


def draw(values: Sequence[float | None]) -> Line | None:
    """A line over the values, evenly spaced; None if there are not even two."""
    return _draw(values, *_SMALL)


def draw_large(values: Sequence[float | None]) -> Line | None:
    return _draw(values, *_LARGE)


def _draw(values: Sequence[float | None], width: int, height: int) -> Line | None:
    values = values[:: max(1, len(values) // _POINTS)]
    present = [value for value in values if value is not None]
    if len(present) < 2:
        return None
    lowest, highest = min(present), max(present)
    across = (width - 2 * _EDGE) / (len(values) - 1)
    up = (height - 2 * _EDGE) / ((highest - lowest) or 1)
    strokes: list[list[str]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            strokes.append([])
            continue
        x, y = _EDGE + at * across, height - _EDGE - (value - lowest) * up
        strokes[-1].append(f"{x:.1f},{y:.1f}")
    drawn = [" ".join(stroke) for stroke in strokes if len(stroke) > 1]
    return Line(width, height, drawn, lowest, highest)
