"""The acts an operator can take: what each asks for, what it says it will do, and what it calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from django import forms
from django.db.models import Model
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ledger.models import AccessToken, Block, Peer, Transaction
from ledger.node import lifecycle, operator, tokens
from ledger.queries import blocks
from ledger.wording import grouped

from .running import Progress

Values = Mapping[str, Any]
_DEPTHS: Final = (("", _("the whole chain")), *((str(n), grouped(n)) for n in (100, 1000, 10_000)))
_MOST_BLOCKS: Final = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to an act, as pages link it."""

    label: Any
    url: str


class ActForm(forms.Form):
    """`key` makes the form act once, however often it is sent."""

    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)

    @classmethod
    def first(cls, row: Any) -> dict[str, Any]:
        """What stands in the fields at first."""
        return {}


class CountForm(ActForm):
    count = forms.IntegerField(
        label=_("How many blocks"), min_value=1, max_value=_MOST_BLOCKS, initial=1
    )


class DepthForm(ActForm):
    last = forms.ChoiceField(
        label=_("How many of the newest blocks"), choices=_DEPTHS, required=False
    )


class ReasonForm(ActForm):
    reason = forms.CharField(label=_("Reason"), max_length=300, required=False)


class GoodReasonForm(ActForm):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        help_text=_("Everyone sees it on the transaction's page."),
    )


class NewPeerForm(ActForm):
    address = forms.CharField(
        label=_("Address"), max_length=300, help_text=_("host:port, or the URL of a node")
    )
    note = forms.CharField(label=_("Note"), max_length=200, required=False)


class EditPeerForm(NewPeerForm):
    @classmethod
    def first(cls, row: Peer) -> dict[str, Any]:
        return {"address": row.address, "note": row.note}


class BanForm(ActForm):
    reason = forms.CharField(label=_("Reason"), max_length=300, required=False)
    until = forms.DateTimeField(
        label=_("Until"),
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}),
        help_text=_("In UTC. Empty: for good."),
    )


@dataclass(frozen=True, slots=True)
class Act:
    """`name` stands in URLs, `model` is what it is done to (None: the node). `what` says before
    anything is done what will happen; `do` does it."""

    name: str
    label: Any
    what: Callable[[Any], str]
    do: Callable[[Any, Values, Progress], Any]
    form: type[ActForm] = ActForm
    model: type[Model] | None = None
    ends_row: bool = False


def _blocks_from(row: Block) -> str:
    return grouped(blocks.tip_index() - row.index + 1)


def _invalidating(row: Block) -> str:
    if not hasattr(row, "active"):
        return gettext(
            "The block is marked invalid: neither it nor a block above it can be on the active"
            " chain. It is not on it now, so nothing else changes. Reconsidering the block takes"
            " the mark off again."
        )
    return gettext(
        "The block is marked invalid. {n} blocks, this one and those above it, leave the active"
        " chain, as if they had broken a rule; the longest stored branch without a mark takes"
        " their place. Transactions of this node return to the pool. Nothing is deleted, and"
        " reconsidering the block brings it back."
    ).format(n=_blocks_from(row))


def _reconsidering(row: Block) -> str:
    return gettext(
        "The marks on this block, below it and above it are taken off, and the node goes back to"
        " the longest stored branch."
    )


def _preferring(row: Block) -> str:
    return gettext(
        "The branch that ends in this block becomes the active chain, if it is as long as the"
        " present one. Transactions of this node that are on one branch alone return to the pool"
        " or are confirmed."
    )


def _dropping(row: Transaction) -> str:
    return gettext(
        "The transaction leaves the pool and will not be mined by this node. It stays known as"
        " refused, with your reason. This cannot be taken back: whoever sent it has to send it"
        " again."
    )


def _plain(text: Any) -> Callable[[Any], str]:
    return lambda row: str(text)


def _ban(row: Peer, values: Values) -> Any:
    until = values["until"]
    return operator.ban_peer(row.address, values["reason"], until and until.astimezone(UTC))


def _edit(row: Peer, values: Values) -> Any:
    address = values["address"]
    new = address if address != row.address else None
    return operator.edit_peer(row.address, new_address=new, note=values["note"])


def _revoke(row: AccessToken) -> str:
    lifecycle.current().writer.run(lambda: tokens.revoke(row.prefix))
    return gettext("{name} is revoked: it is refused from now on.").format(name=row.name)


def _mine(values: Values, progress: Progress) -> Any:
    count = values["count"]
    return operator.mine(count, lambda done: progress(done, count))


def _verify(values: Values, progress: Progress) -> Any:
    return operator.verify(int(values["last"]) if values["last"] else None, progress)


ACTS: Final = {
    act.name: act
    for act in (
        Act(
            "mine",
            _("Mine blocks"),
            _plain(
                _(
                    "The node searches for so many blocks, one after the other, from what waits in"
                    " the pool. Each pays this node its reward. You can cancel the search."
                )
            ),
            lambda row, values, progress: _mine(values, progress),
            CountForm,
        ),
        Act(
            "cancel-mining",
            _("Cancel mining"),
            _plain(
                _(
                    "The search under way and those that wait are given up, whoever asked for"
                    " them. Blocks that were found stay."
                )
            ),
            lambda row, values, progress: operator.cancel_mining(),
        ),
        Act(
            "resolve",
            _("Resolve now"),
            _plain(
                _(
                    "All active peers are asked for their chains. If one is valid and longer than"
                    " ours, the node follows it, and transactions of this node that are not on it"
                    " return to the pool."
                )
            ),
            lambda row, values, progress: operator.resolve(),
        ),
        Act(
            "verify",
            _("Verify the chain"),
            _plain(
                _(
                    "Every hash, proof and link is computed again, and the tables are held against"
                    " the blocks, in a process of its own. Nothing is changed, and the node goes"
                    " on meanwhile."
                )
            ),
            lambda row, values, progress: _verify(values, progress),
            DepthForm,
        ),
        Act(
            "backup",
            _("Back up the database"),
            _plain(
                _(
                    "The database is copied as of one moment into the folder 'backups' of the data"
                    " folder, and the copy is verified. The node goes on meanwhile. You can"
                    " download the copy from here afterwards."
                )
            ),
            lambda row, values, progress: operator.backup(progress=progress),
        ),
        Act(
            "invalidate",
            _("Mark as invalid"),
            _invalidating,
            lambda row, values, progress: operator.invalidate_block(row.hash, values["reason"]),
            ReasonForm,
            Block,
        ),
        Act(
            "reconsider",
            _("Reconsider"),
            _reconsidering,
            lambda row, values, progress: operator.reconsider_block(row.hash),
            model=Block,
        ),
        Act(
            "prefer",
            _("Make this branch active"),
            _preferring,
            lambda row, values, progress: operator.prefer_block(row.hash),
            model=Block,
        ),
        Act(
            "drop",
            _("Drop from the pool"),
            _dropping,
            lambda row, values, progress: operator.drop_transaction(str(row.uid), values["reason"]),
            GoodReasonForm,
            Transaction,
        ),
        Act(
            "add-peer",
            _("Add a peer"),
            _plain(_("The peer is kept and asked for its chain with the next round.")),
            lambda row, values, progress: operator.add_peer(values["address"], values["note"]),
            NewPeerForm,
        ),
        Act(
            "edit-peer",
            _("Edit"),
            _plain(_("With another address, what was learned of the peer is forgotten.")),
            lambda row, values, progress: _edit(row, values),
            EditPeerForm,
            Peer,
        ),
        Act(
            "pause-peer",
            _("Pause"),
            _plain(_("The peer is kept, and not asked until it is resumed.")),
            lambda row, values, progress: operator.pause_peer(row.address),
            model=Peer,
        ),
        Act(
            "resume-peer",
            _("Resume"),
            _plain(_("The peer is asked again with the next round.")),
            lambda row, values, progress: operator.resume_peer(row.address),
            model=Peer,
        ),
        Act(
            "ban-peer",
            _("Ban"),
            _plain(
                _(
                    "The peer is not asked any more, and nobody can register its address, until"
                    " the time you name or until it is unbanned."
                )
            ),
            lambda row, values, progress: _ban(row, values),
            BanForm,
            Peer,
        ),
        Act(
            "unban-peer",
            _("Unban"),
            _plain(_("The ban ends, and the peer is asked again with the next round.")),
            lambda row, values, progress: operator.unban_peer(row.address),
            model=Peer,
        ),
        Act(
            "remove-peer",
            _("Remove"),
            _plain(_("The peer is forgotten. It may be registered again.")),
            lambda row, values, progress: operator.remove_peer(row.address),
            model=Peer,
            ends_row=True,
        ),
        Act(
            "revoke-token",
            _("Revoke"),
            _plain(
                _("Programs that show this token are refused from now on. It cannot be undone.")
            ),
            lambda row, values, progress: _revoke(row),
            model=AccessToken,
        ),
    )
}


def offer(name: str, row: Model | None = None) -> Offer:
    """The way to an act on a row, or on the node."""
    arguments = [name] if row is None else [name, row.pk]
    return Offer(ACTS[name].label, reverse("admin:act", args=arguments))
