"""Transactions that we or peers acknowledged, places of transactions in blocks, and addresses."""

from __future__ import annotations

import uuid
from typing import Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ledger import faults, wording
from ledger.models import Address, Block, Inclusion, ReorganisedTransaction, Transaction

from . import blocks, showing
from .acts import Offer, offer
from .operations import may_operate
from .reading import ReadOnly, choice
from .showing import Column

_BLOCKS: Final = 50  # with the same beginning of a hash
_IN_POOL: Final = (Transaction.State.PENDING, Transaction.State.RETURNED)


def named(text: str) -> SafeString | str:
    """A sender or recipient of a transaction, leading to its address where there is one."""
    row = Address.objects.filter(name=text).first()
    return showing.row_link(row) if row else showing.text(text)


def _state(row: Transaction) -> str:
    return wording.state(row.state, None)


def _acknowledged(row: Transaction) -> SafeString | str:
    return showing.text(row.relayed_by) if row.relayed_by else str(_("here"))


def _places(row: Transaction) -> SafeString | str:
    """Every block it was ever in, the newest first."""
    rows = row.inclusions.select_related("block__active").defer("block__canonical")
    found = list(rows.order_by("-pk")[:20])
    links = [
        format_html(
            "{} ({}) {}",
            blocks.link(place.block),
            _("active") if hasattr(place.block, "active") else _("stale"),
            showing.row_link(place, f"{place.index}/{place.position}"),
        )
        for place in found
    ]
    return format_html("<br>".join(["{}"] * len(links)), *links) if links else showing.NOTHING


_uid = Column("uid", _("id"), lambda row: showing.shortened(row.uid))
_amount = Column("amount", _("amount"), lambda row: showing.number(row.amount))
_state_column = Column("state", _("state"), _state)
_submitted = Column("submitted", _("submitted"), lambda row: showing.moment(row.submitted_at))
_from = Column("relayed_by", _("acknowledged"), _acknowledged)
_reason = Column("reason", _("reason"), lambda row: showing.text(faults.said(row.reason)))


@admin.register(Transaction)
class Transactions(ReadOnly):
    columns = (
        _uid,
        Column("sender", _("from"), lambda row: showing.shortened(row.sender)),
        Column("recipient", _("to"), lambda row: showing.shortened(row.recipient)),
        _amount,
        _state_column,
        _from,
        _submitted,
    )
    details = (
        Column("uid", _("id"), lambda row: showing.code(row.uid)),
        Column("sender", _("from"), lambda row: named(row.sender)),
        Column("recipient", _("to"), lambda row: named(row.recipient)),
        _amount,
        _state_column,
        _reason,
        _from,
        Column("places", _("blocks"), _places),
        Column(
            "reorganised",
            _("reorganisations"),
            lambda row: showing.rows_link(
                ReorganisedTransaction, _("what they did to it"), transaction__id__exact=row.pk
            ),
        ),
        Column("promised", _("promised block"), lambda row: showing.number(row.promised_index)),
        Column("key", _("idempotency key"), lambda row: showing.code(row.idempotency_key)),
        Column("size", _("size"), lambda row: wording.sized(row.size)),
        _submitted,
    )
    search_fields = ("uid",)
    search_help_text = _("An id, or the whole name of a sender or a recipient.")
    date_hierarchy = "submitted_at"
    indexed_lookups = frozenset({"id", "uid", "idempotency_key"})
    list_filter = (
        choice(
            "state",
            _("state"),
            {
                "waits": (_("in the pool"), Q(state__in=_IN_POOL)),
                "confirmed": (_("confirmed"), Q(state="confirmed")),
                "released": (_("left to its own node"), Q(state="released")),
                "refused": (_("refused"), Q(state="refused")),
            },
        ),
        choice(
            "by",
            _("acknowledged"),
            {
                "here": (_("by this node"), Q(relayed_by="")),
                "peer": (_("by another node"), ~Q(relayed_by="")),
            },
        ),
    )

    def search(self, text: str) -> Q:
        uid = _as_uid(text)
        return Q(sender=text) | Q(recipient=text) if uid is None else Q(uid=uid)

    def search_is_indexed(self, text: str) -> bool:
        return _as_uid(text) is not None

    def view_on_site(self, obj: Transaction) -> str:
        return reverse("ledger:transaction", args=[obj.uid])

    def offers(self, request: HttpRequest, row: Transaction) -> list[Offer]:
        can_drop = may_operate(request) and row.state in _IN_POOL
        return [offer("drop", row)] if can_drop else []


def _as_uid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None


@admin.register(Inclusion)
class Inclusions(ReadOnly):
    columns = (
        Column("place", _("place"), lambda row: f"{row.index}/{row.position}"),
        Column("block", _("block"), lambda row: blocks.link(row.block)),
        Column("sender", _("from"), lambda row: showing.row_link(row.sender)),
        Column("recipient", _("to"), lambda row: showing.row_link(row.recipient)),
        _amount,
        Column("own", _("ours"), lambda row: showing.row_link(row.transaction)),
        Column("irregular", _("irregular"), lambda row: showing.text(faults.said(row.irregular))),
    )
    details = columns
    search_fields = ("sender__name",)
    search_help_text = _(
        "An index, a hash of a block or its beginning, an id, or the whole name of an address."
    )
    indexed_lookups = frozenset({"id", "block", "transaction", "sender", "recipient"})
    list_select_related = ("block", "sender", "recipient", "transaction")
    list_filter = (
        choice(
            "kind",
            _("kind"),
            {
                "own": (_("acknowledged by this node"), Q(transaction__isnull=False)),
                "irregular": (_("irregular"), ~Q(irregular="")),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Inclusion]:
        rows = super().get_queryset(request)
        return rows.select_related(*self.list_select_related).defer("block__canonical")

    def search(self, text: str) -> Q:
        uid = _as_uid(text)
        if uid is not None and len(text) > 32:
            return Q(transaction__uid=uid)
        held = Block.objects.filter(blocks.find(text)).values_list("pk", flat=True)
        found = Q(block__in=list(held[:_BLOCKS]))
        address = Address.objects.filter(name=text).values_list("pk", flat=True).first()
        return found if address is None else found | Q(sender=address) | Q(recipient=address)

    def view_on_site(self, obj: Inclusion) -> str:
        if obj.transaction_id and obj.transaction:
            return reverse("ledger:transaction", args=[obj.transaction.uid])
        return reverse("ledger:entry", args=[obj.block.hash, obj.position])


@admin.register(Address)
class Addresses(ReadOnly):
    columns = (
        Column("name", _("name"), lambda row: showing.shortened(row.name)),
        Column("balance", _("balance"), lambda row: showing.number(row.balance)),
        Column("received", _("received"), lambda row: showing.number(row.received)),
        Column("sent", _("sent"), lambda row: showing.number(row.sent)),
        Column("entries", _("entries"), lambda row: showing.number(row.entries)),
    )
    details = (
        Column("name", _("name"), lambda row: showing.text(row.name)),
        *columns[1:],
        Column(
            "as_sender",
            _("as sender"),
            lambda row: showing.rows_link(Inclusion, _("transactions"), sender__id__exact=row.pk),
        ),
        Column(
            "as_recipient",
            _("as recipient"),
            lambda row: showing.rows_link(
                Inclusion, _("transactions"), recipient__id__exact=row.pk
            ),
        ),
    )
    search_fields = ("name",)
    search_help_text = _("A name or its beginning.")
    indexed_lookups = frozenset({"id", "name"})

    def search(self, text: str) -> Q:
        return Q(name__gte=text, name__lt=text + "\U0010ffff")

    def view_on_site(self, obj: Address) -> str:
        return f"{reverse('ledger:address-by-name')}?{urlencode({'name': obj.name})}"
