"""Pages of rows that cost the same however many rows there are.

Django's own list counts the whole table, jumps with OFFSET and gathers all dates. Here a page is
the newest rows, or those that continue above or below a row; where a filter has no index, a page
looks through so many rows at most and says where to look on.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList
from django.http import HttpRequest
from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext

from ledger.queries import arrival

WINDOW: Final = 200_000  # rows that a filter without an index looks through for one page
_BEHIND: Final = re.compile(r"(below|above)-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Dates:
    """Years, months or days to choose from, each with its link, and the way back up."""

    back: tuple[str, str] | None
    choices: list[tuple[str, str]]


class RowList(ChangeList):
    """Newest rows first. `older` and `newer` lead on; `looked_to` is the row down to which a filter
    was tried, where there may be more below it."""

    older: str | None
    newer: str | None
    looked_to: int | None
    dates: Dates | None
    without_search: str

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        return ["-pk"]  # nobody's `?o=` sorts a table by a column without an index

    def get_filters(self, request: HttpRequest) -> Any:
        """Django's, but a date is a range of primary keys, not a comparison of each row's time."""
        try:
            specs, has_filters, lookups, duplicates, active = super().get_filters(request)
        except (ValueError, OverflowError) as error:  # a date that no calendar has
            raise IncorrectLookupParameters(error) from error
        self._range: tuple[int, int] | None = None
        if self.date_hierarchy:
            times: Any = lookups  # Django puts lists of times among the strings
            since = times.pop(f"{self.date_hierarchy}__gte", None)
            until = times.pop(f"{self.date_hierarchy}__lt", None)
            if since and until:
                first = arrival.first_since(self.model, self.date_hierarchy, since[0])
                after = arrival.first_since(self.model, self.date_hierarchy, until[0])
                self._range = (first, after - 1)
        return specs, has_filters, lookups, duplicates, active

    def get_results(self, request: HttpRequest) -> None:
        bounds = self._range or arrival.ends(self.root_queryset) or (1, 0)
        found = _BEHIND.fullmatch(request.GET.get(PAGE_VAR, ""))
        upwards = found is not None and found[1] == "above"
        low, high = bounds
        if found and upwards:
            low = max(low, int(found[2]) + 1)
        elif found:
            high = min(high, int(found[2]) - 1)
        scans = self._must_scan()
        window = WINDOW if scans else high - low + 1
        if upwards:
            reached = min(high, low + window - 1)
            low_seen, high_seen, order = low, reached, "pk"
        else:
            reached = max(low, high - window + 1)
            low_seen, high_seen, order = reached, high, "-pk"
        rows = self.queryset.order_by(order)
        if scans or found or self._range or not self.queryset.query.where:
            # Else an index finds the rows, and a range of keys would mislead the planner.
            rows = rows.filter(pk__gte=low_seen, pk__lte=high_seen)
        # Keys first: whatever has to be sorted is sorted before anything is joined to it.
        keys = list(rows.values_list("pk", flat=True)[: self.list_per_page + 1])
        whole = self.apply_select_related(self.root_queryset)
        page = list(whole.filter(pk__in=keys).order_by(order))
        more = len(page) > self.list_per_page
        page = page[: self.list_per_page]
        self._lead_on(page, bounds, (low_seen, high_seen), more=more, upwards=upwards)
        self.result_list = page[::-1] if upwards else page
        self.result_count = len(page)
        self.full_result_count = None
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.dates = self._dates()
        self.without_search = str(self.get_query_string({SEARCH_VAR: None}))

    def _must_scan(self) -> bool:
        """Whether a condition is on a column without an index."""
        if not self.queryset.query.where:
            return False
        table: Any = self.model_admin  # a `ReadOnly`
        if self.query:
            return not table.search_is_indexed(self.query)
        named = {key.split("__")[0] for key in self.get_filters_params()}
        return not named & table.indexed_lookups

    def _lead_on(
        self,
        page: list[Any],
        bounds: tuple[int, int],
        seen: tuple[int, int],
        *,
        more: bool,
        upwards: bool,
    ) -> None:
        """Where the page continues. A row's place is its primary key."""
        places = sorted(row.pk for row in page)
        if upwards:
            lowest = places[0] if places else seen[0]
            highest = places[-1] if more else seen[1]
        else:
            highest = places[-1] if places else seen[1]
            lowest = places[0] if more else seen[0]
        self.older = self._page(f"below-{lowest}") if lowest > bounds[0] else None
        self.newer = self._page(f"above-{highest}") if highest < bounds[1] else None
        self.looked_to = lowest if self.older and not more and not upwards else None

    def _page(self, behind: str) -> str:
        return str(self.get_query_string({PAGE_VAR: behind}))

    def _dates(self) -> Dates | None:
        """The step of the calendar below the one that is chosen: years, months, days."""
        field = self.date_hierarchy
        span = arrival.span(self.model, field) if field else None
        if span is None:
            return None
        first, last = (moment.astimezone(UTC).date() for moment in span)
        year, month, day = (_number(self.params.get(f"{field}__{part}")) for part in _PARTS)
        if year is None:
            years = range(last.year, max(first.year, last.year - 20) - 1, -1)
            return Dates(None, [(str(n), self._at(n)) for n in years])
        if month is None:
            months = [date(year, n, 1) for n in range(1, 13)]
            held = [m for m in months if (first.year, first.month) <= (m.year, m.month)]
            held = [m for m in held if (m.year, m.month) <= (last.year, last.month)]
            choices = [(_said(m, "YEAR_MONTH_FORMAT"), self._at(year, m.month)) for m in held]
            return Dates((gettext("All dates"), self._at()), choices)
        if day is None:
            days = [date(year, month, n + 1) for n in range(monthrange(year, month)[1])]
            held = [d for d in days if first <= d <= last]
            choices = [(_said(d, "MONTH_DAY_FORMAT"), self._at(year, month, d.day)) for d in held]
            return Dates((str(year), self._at(year)), choices)
        back = (_said(date(year, month, 1), "YEAR_MONTH_FORMAT"), self._at(year, month))
        return Dates(back, [(_said(date(year, month, day), "MONTH_DAY_FORMAT"), "")])

    def _at(self, *parts: int) -> str:
        field = self.date_hierarchy
        chosen = {f"{field}__{name}": part for name, part in zip(_PARTS, parts, strict=False)}
        return str(self.get_query_string(chosen, [f"{field}__"]))


_PARTS: Final = ("year", "month", "day")


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdigit() else None


def _said(day: date, how: str) -> str:
    return capfirst(formats.date_format(datetime(day.year, day.month, day.day, tzinfo=UTC), how))
