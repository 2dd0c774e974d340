"""CSV that a spreadsheet program opens as what it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

Cell = int | float | str | None

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def text(head: Sequence[str] | None, rows: Iterable[Sequence[Cell]]) -> str:
    """Rows as RFC 4180 has them. Without a head it is how a text goes on."""
    file = io.StringIO()
    writer = csv.writer(file)
    if head is not None:
        writer.writerow(head)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return file.getvalue()


def _safe(cell: Cell) -> Cell:
    """Numbers stay numbers; a text that a spreadsheet would run as a formula becomes a text."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA):
        return f"'{cell}"
    return cell
