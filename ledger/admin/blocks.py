"""Blocks, the active chain, marks and damaged texts."""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ledger import wording
from ledger.consensus import hash_of
from ledger.hidden import visible
from ledger.models import ActiveBlock, Block, DamagedBlock, Inclusion, InvalidBlock

from . import showing
from .acts import Offer, offer
from .operations import may_operate
from .reading import NO_ROW, ReadOnly, choice
from .showing import Column

_HASH: Final = re.compile(r"[0-9a-f]{4,64}")
_INDEX: Final = re.compile(r"[0-9]{1,18}")
_SHOWN: Final = 64 * 1024  # characters of a text on its page


def find(text: str, prefix: str = "") -> Q:
    """The blocks whose index a text is, or whose hash begins with it. `prefix` leads to them."""
    text, found = text.lower(), NO_ROW
    if _INDEX.fullmatch(text):
        found |= Q(**{f"{prefix}index": int(text)})
    if _HASH.fullmatch(text):
        found |= Q(**{f"{prefix}hash__gte": text, f"{prefix}hash__lt": text + "g"})
    return found


def link(block: Block | None) -> SafeString | str:
    return showing.row_link(block, block and f"{block.index} · {block.hash[:12]}")


def _is_active(block: Block) -> bool:
    return hasattr(block, "active")


def _is_marked(block: Block) -> bool:
    return hasattr(block, "mark")


def _place(block: Block) -> str:
    if _is_marked(block):
        return gettext("marked invalid")
    return gettext("active") if _is_active(block) else gettext("stale")


def _canonical(row: Any) -> SafeString:
    """The text that was hashed; of a very long one the beginning."""
    text = row.canonical[:_SHOWN]
    more = len(row.canonical) - len(text)
    rest = gettext("… and {n} more characters").format(n=wording.grouped(more)) if more else ""
    return format_html('<pre class="bytes" tabindex="0">{}</pre>{}', visible(text), rest)


def _computed(row: Any) -> SafeString:
    """The hash of the stored text, computed now, and whether it is the block's."""
    computed = hash_of(row.canonical)
    if computed == row.hash:
        return format_html(
            '<code>{}</code> <b class="holds">✓ {}</b>', computed, gettext("matches")
        )
    return format_html(
        '<code>{}</code> <b class="fails">✗ {}</b>', computed, gettext("does not match: damaged")
    )


def _children(block: Block) -> SafeString | str:
    links = [link(child) for child in block.children.defer("canonical").order_by("pk")[:20]]
    return format_html(" ".join(["{}"] * len(links)), *links) if links else showing.NOTHING


def _mark(block: Block) -> SafeString | str:
    if not _is_marked(block):
        return showing.NOTHING
    return showing.row_link(block.mark, block.mark.reason or gettext("marked invalid"))


def _inclusions(block: Block) -> SafeString:
    words = wording.counted(block.transaction_count, "transaction")
    return showing.rows_link(Inclusion, words, block__id__exact=block.pk)


_index = Column("index", _("index"), lambda row: showing.number(row.index))
_hash = Column("hash", _("hash"), lambda row: showing.shortened(row.hash))
_place_column = Column("place", _("place"), _place)
_time = Column("time", _("time it says"), lambda row: showing.moment(row.timestamp))
_transactions = Column("transactions", _("transactions"), _inclusions)
_size = Column("size", _("size"), lambda row: wording.sized(row.size))
_origin = Column(
    "origin", _("origin"), lambda row: showing.text(wording.came_from(row.origin, row.source))
)
_received = Column("received", _("received"), lambda row: showing.moment(row.received_at))


@admin.register(Block)
class Blocks(ReadOnly):
    columns = (_index, _hash, _place_column, _transactions, _size, _origin, _received)
    details = (
        _index,
        Column("hash", _("hash"), lambda row: showing.code(row.hash)),
        Column("computed", _("hash of the text, computed now"), _computed),
        _place_column,
        Column("mark", _("mark"), _mark),
        Column("parent", _("block before"), lambda row: link(row.parent)),
        Column("children", _("blocks after"), _children),
        _transactions,
        Column("irregular", _("irregular"), lambda row: showing.number(row.irregular_count)),
        Column("proof", _("proof"), lambda row: showing.code(row.proof)),
        _time,
        _origin,
        _received,
        Column("bytes", _("bytes"), lambda row: showing.number(row.size)),
        Column("canonical", _("text that was hashed"), _canonical),
    )
    search_fields = ("hash",)
    search_help_text = _("An index, or a hash or its beginning (4 characters or more).")
    date_hierarchy = "received_at"
    indexed_lookups = frozenset({"id", "hash", "index", "parent"})
    list_select_related = ("active", "mark")
    list_filter = (
        choice(
            "place",
            _("place"),
            {
                "active": (_("active"), Q(active__isnull=False)),
                "stale": (_("stale"), Q(active__isnull=True)),
                "marked": (_("marked invalid"), Q(mark__isnull=False)),
            },
        ),
        choice(
            "origin",
            _("origin"),
            {
                "genesis": (_("genesis"), Q(origin="genesis")),
                "mined": (_("mined here"), Q(origin="mined")),
                "peer": (_("from a peer"), Q(origin="peer")),
                "import": (_("from a file"), Q(origin="import")),
            },
        ),
        choice(
            "contents",
            _("contents"),
            {"irregular": (_("with irregular transactions"), Q(irregular_count__gt=0))},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Block]:
        rows = super().get_queryset(request).select_related("active", "mark")
        # A block's text may be a megabyte: lists leave it where it is.
        return rows.defer("canonical")  # the page of one block reads it when it shows it

    def search(self, text: str) -> Q:
        return find(text)

    def view_on_site(self, obj: Block) -> str:
        return reverse("ledger:block", args=[obj.hash])

    def offers(self, request: HttpRequest, row: Block) -> list[Offer]:
        if not may_operate(request):
            return []
        names = ["reconsider"] if _is_marked(row) else ["invalidate"]
        if not _is_active(row) and not _is_marked(row):
            names = ["prefer", "reconsider", "invalidate"]
        return [offer(name, row) for name in names]


@admin.register(ActiveBlock)
class ActiveChain(ReadOnly):
    columns = (
        _index,
        Column("block", _("block"), lambda row: link(row.block)),
        Column("time", _("time it says"), lambda row: showing.moment(row.block.timestamp)),
        Column("transactions", _("transactions"), lambda row: _inclusions(row.block)),
        Column("received", _("received"), lambda row: showing.moment(row.block.received_at)),
    )
    details = columns
    search_fields = ("block__hash",)
    search_help_text = Blocks.search_help_text
    indexed_lookups = frozenset({"index", "block"})
    list_select_related = ("block",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ActiveBlock]:
        rows = super().get_queryset(request).select_related("block")
        return rows.defer("block__canonical")

    def search(self, text: str) -> Q:
        return find(text, "block__")

    def view_on_site(self, obj: ActiveBlock) -> str:
        return reverse("ledger:block", args=[obj.index])


@admin.register(InvalidBlock)
class Marks(ReadOnly):
    columns = (
        Column("at", _("when"), lambda row: showing.moment(row.at)),
        Column("block", _("block"), lambda row: link(row.block)),
        Column("left", _("tip that was left"), lambda row: link(row.left)),
        Column("reason", _("reason"), lambda row: showing.text(row.reason)),
    )
    details = columns
    list_select_related = ("block", "left")
    indexed_lookups = frozenset({"block"})

    def offers(self, request: HttpRequest, row: InvalidBlock) -> list[Offer]:
        return [offer("reconsider", row.block)] if may_operate(request) else []


@admin.register(DamagedBlock)
class DamagedBlocks(ReadOnly):
    columns = (
        Column("found", _("found"), lambda row: showing.moment(row.found_at)),
        _index,
        Column("hash", _("hash"), lambda row: showing.code(row.hash)),
    )
    details = (
        *columns,
        Column("computed", _("hash of the text, computed now"), _computed),
        Column("canonical", _("text that was found"), _canonical),
    )
