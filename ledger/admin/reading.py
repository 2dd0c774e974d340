"""What the admin's pages of history have in common: they only read, and anyone may only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from ledger.hidden import visible

from .acts import Offer
from .lists import RowList
from .showing import Column

Choices = Mapping[str, tuple[Any, Q]]

NO_ROW: Final = Q(pk__in=[])


def choice(name: str, label: Any, choices: Choices) -> type[admin.SimpleListFilter]:
    """A filter with so many choices, each a word for people and what it asks of a row."""

    class Choice(admin.SimpleListFilter):
        title = label
        parameter_name = name

        def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
            return [(key, words) for key, (words, _condition) in choices.items()]

        def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
            found = choices.get(self.value() or "")
            return queryset if found is None else queryset.filter(found[1])

    return Choice


class ReadOnly(admin.ModelAdmin):
    """Rows that nobody may add, change or delete, a superuser neither.

    `columns` are those of the list, `details` those of a row's page. `indexed_lookups` names the
    fields of a URL that an index answers; the others are looked through window by window.
    """

    columns: ClassVar[Sequence[Column]]
    details: ClassVar[Sequence[Column]]
    indexed_lookups: ClassVar[frozenset[str]] = frozenset()

    actions = None
    change_list_template = "admin/rows/change_list.html"
    change_form_template = "admin/rows/change_form.html"
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()
    save_on_top = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RowList]:
        return RowList

    def get_list_display(self, request: HttpRequest) -> Any:
        return self.columns

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.details

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.details

    def search(self, text: str) -> Q:
        """What a text in the search box asks of a row; `search_is_indexed` says at what cost."""
        return NO_ROW

    def search_is_indexed(self, text: str) -> bool:
        return True

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip().replace("\0", "")
        return (queryset.filter(self.search(text)) if text else queryset), False

    def offers(self, request: HttpRequest, row: Any) -> list[Offer]:
        """The acts that make sense on a row, for who may act."""
        return []

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        context["subtitle"] = context["named"] = visible(row)
        context["offers"] = self.offers(request, row)
        return super().render_change_form(request, context, *args, **kwargs)
