"""A page's numbers as a file for a spreadsheet program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.http import HttpResponse

from ledger.spreadsheet import Cell, text


def answer(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> HttpResponse:
    """A file of that name, to be saved."""
    response = HttpResponse(text(head, rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response
