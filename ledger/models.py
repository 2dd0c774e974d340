"""What is on disk.

`Block.canonical` is the truth: the exact text that was hashed. Every other column of a block, and
the tables of inclusions and addresses, are indexes over it. Blocks are never changed or deleted
(constraints and `triggers` see to it); which of them are active is another table.

Amounts of regular transactions fit 64 bits, sums of them need not: totals are exact integers kept
as decimal text.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    _Text = models.TextField[int, int]
else:
    _Text = models.TextField


class ExactIntegerField(_Text):
    """An integer of any size, stored as decimal text (no database's integer is wide enough)."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def to_python(self, value: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(int(value))


class Block(models.Model):
    """A valid block, active or stale. `parent` is null for a genesis."""

    class Origin(models.TextChoices):
        GENESIS = "genesis", "made with this node"
        MINED = "mined", "mined here"
        PEER = "peer", "from a peer"
        IMPORT = "import", "from a file"

    hash = models.CharField(max_length=64, unique=True)
    parent = models.ForeignKey(
        "self",
        to_field="hash",
        db_column="parent_hash",
        null=True,
        on_delete=models.PROTECT,
        related_name="children",
    )
    index = models.BigIntegerField(db_index=True)
    canonical = models.TextField()
    size = models.IntegerField(help_text="bytes of the canonical text in UTF-8")
    # Null where the maker's clock said NaN or infinity; the canonical text keeps what it said.
    timestamp = models.FloatField(null=True)
    proof = models.TextField(help_text="an integer of up to 400 digits")
    transaction_count = models.IntegerField()
    irregular_count = models.IntegerField(default=0)
    origin = models.CharField(max_length=8, choices=Origin.choices)
    source = models.CharField(max_length=300, blank=True, help_text="the peer or file it came from")
    received_at = models.DateTimeField()

    class Meta:
        verbose_name = _("block")
        verbose_name_plural = _("blocks")
        constraints = [
            models.CheckConstraint(condition=Q(index__gte=1), name="block_index_from_1"),
            models.CheckConstraint(
                condition=Q(index=1, parent__isnull=True) | Q(index__gt=1, parent__isnull=False),
                name="block_has_parent_unless_genesis",
            ),
        ]

    def __str__(self) -> str:
        return f"block {self.index} {self.hash[:8]}"


class ActiveBlock(models.Model):
    """The active chain: one row an index."""

    index = models.BigIntegerField(primary_key=True)
    block = models.OneToOneField(Block, on_delete=models.PROTECT, related_name="active")

    class Meta:
        verbose_name = _("block of the active chain")
        verbose_name_plural = _("active chain")

    def __str__(self) -> str:
        return f"active {self.index}"


class InvalidBlock(models.Model):
    """The operator's mark on a block: neither it nor what descends from it may be active.

    `left` is the tip that was left because of it; null where the block was not active anyway.
    """

    block = models.OneToOneField(Block, on_delete=models.PROTECT, related_name="mark")
    left = models.ForeignKey(Block, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("mark on a block")
        verbose_name_plural = _("marks on blocks")

    def __str__(self) -> str:
        return f"mark on {self.block_id}"


class Tip(models.Model):
    """The one row that says where the active chain ends; `version` counts its changes."""

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    index = models.BigIntegerField()
    version = models.BigIntegerField()

    class Meta:
        verbose_name = _("tip")
        verbose_name_plural = _("tips")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="tip_is_one_row")]

    def __str__(self) -> str:
        return f"tip {self.index}, version {self.version}"


_TRUTH = models.BooleanField()


class TransactionQuerySet(models.QuerySet["Transaction"]):
    """With a name for what is asked most."""

    def waiting(self) -> Self:
        """Those in the pool.

        The states stand in the SQL as they stand in the index `transaction_pool`: a parameter could
        be anything, and SQLite would look at every row there is.
        """
        return self.filter(RawSQL("state IN ('pending', 'returned')", [], _TRUTH))

    def released(self) -> Self:
        """Those that wait for their own node's word, by the index `transaction_released`."""
        return self.filter(RawSQL("state = 'released'", [], _TRUTH))


class Transaction(models.Model):
    """A transaction this node or a peer acknowledged. It is never absent again, whatever happens.

    `id` orders by arrival; `uid` is the name the world knows. `promised_index` is the block named
    in the acknowledgement, kept so that a repeated request gets the same answer.

    `relayed_by` is the peer it was fetched from; empty where it was acknowledged here. `entered`
    is a new number, the highest there is, whenever it enters the pool or is released: peers ask
    for what entered after the last number they saw. `floor` is an index of the active chain: the
    transaction came later than the blocks up to it, and is in none of them.
    """

    class State(models.TextChoices):
        PENDING = "pending", "pending"
        CONFIRMED = "confirmed", "confirmed"
        RETURNED = "returned", "returned to the pool by a reorganisation"
        RELEASED = "released", "left to the node that acknowledged it, by a reorganisation"
        REFUSED = "refused", "refused"

    uid = models.UUIDField(unique=True, default=uuid.uuid4)
    sender = models.CharField(max_length=256)
    recipient = models.CharField(max_length=256)
    amount = models.BigIntegerField()
    size = models.IntegerField(help_text="bytes it takes in a block")
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    reason = models.CharField(max_length=300, blank=True)
    promised_index = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=255, null=True, unique=True)  # noqa: DJ001
    submitted_at = models.DateTimeField()
    relayed_by = models.CharField(max_length=300, blank=True, help_text="the peer it came from")
    entered = models.BigIntegerField(unique=True)
    floor = models.BigIntegerField(help_text="it came after the active block of this index")

    objects = TransactionQuerySet.as_manager()

    class Meta:
        verbose_name = _("transaction")
        verbose_name_plural = _("transactions")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="transaction_amount_from_0"),
            models.CheckConstraint(
                condition=Q(state="refused") & ~Q(reason="") | ~Q(state="refused") & Q(reason=""),
                name="transaction_refused_with_reason",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "confirmed", "returned", "released", "refused"]),
                name="transaction_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="released", relayed_by=""),
                name="transaction_released_is_relayed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id", "size"],
                condition=Q(state__in=["pending", "returned"]),
                name="transaction_pool",
            ),
            models.Index(
                fields=["entered"],
                condition=Q(state="released"),
                name="transaction_released",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uid)


class Address(models.Model):
    """A name that sent or received on some chain, with its totals on the active one.

    Irregular transactions count as entries, and not in `received` and `sent`.
    """

    name = models.CharField(max_length=256, unique=True)
    received = ExactIntegerField(default=0)
    sent = ExactIntegerField(default=0)
    entries = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")

    def __str__(self) -> str:
        return self.name

    @property
    def balance(self) -> int:
        return self.received - self.sent


class Inclusion(models.Model):
    """A transaction's place in a block, active or stale.

    `transaction` links it to the one we acknowledged, where there is one: identity is local, since
    the protocol has none. `sender` and `recipient` are null where they cannot name an address,
    `amount` where it is irregular.
    """

    block = models.ForeignKey(
        Block, on_delete=models.PROTECT, related_name="inclusions", db_index=False
    )
    position = models.IntegerField(help_text="from 0")
    index = models.BigIntegerField(help_text="the block's index")
    transaction = models.ForeignKey(
        Transaction, null=True, on_delete=models.PROTECT, related_name="inclusions"
    )
    sender = models.ForeignKey(
        Address, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    recipient = models.ForeignKey(
        Address, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    amount = models.BigIntegerField(null=True)
    irregular = models.CharField(max_length=300, blank=True, help_text="why, if it is")

    class Meta:
        verbose_name = _("inclusion")
        verbose_name_plural = _("inclusions")
        constraints = [
            models.UniqueConstraint(fields=["block", "position"], name="inclusion_place"),
            models.CheckConstraint(
                condition=Q(irregular="", amount__isnull=False)
                | ~Q(irregular="") & Q(amount__isnull=True),
                name="inclusion_amount_unless_irregular",
            ),
        ]
        indexes = [
            models.Index(fields=["sender", "index", "position"], name="inclusion_sender"),
            models.Index(fields=["recipient", "index", "position"], name="inclusion_recipient"),
            models.Index(
                fields=["sender", "recipient", "amount", "index", "position"],
                name="inclusion_content",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.index}/{self.position}"


class Peer(models.Model):
    """Another node, as `host:port`, and how it did when last asked.

    `length`, `tip_hash` and `shared` are of its last chain that was valid; `shared` counts the
    blocks it had in common with ours after that round (0: not even the genesis).

    `standing` is the operator's word on it. Only active peers are asked. A banned one cannot be
    registered either, until `banned_until`; from then on it counts as active.

    `kind`, `version`, `capabilities`, `identifier` and `speaks` are what it was recognised as when
    last asked. `failures` counts those since it last answered; `score` is its misbehaviour as of
    `scored_at`, and decays (`score_at`).
    """

    class Fault(models.TextChoices):
        UNREACHABLE = "unreachable", "could not be asked"
        NETWORK = "network", "speaks another network's rules"
        INVALID = "invalid", "its chain breaks a rule"
        MARKED = "marked", "its chain holds a block that is marked invalid here"

    SCORE_HALF_LIFE = 3600.0  # seconds
    ITSELF = "itself"  # in `alias_of`: the address leads to this node

    class Standing(models.TextChoices):
        ACTIVE = "active", "active"
        PAUSED = "paused", "paused"
        BANNED = "banned", "banned"

    class Kind(models.TextChoices):
        UNKNOWN = "", "not asked yet"
        OURS = "ours", "a node of this software"
        OLD = "old", "an old node: the five endpoints and nothing else"

    class Source(models.TextChoices):
        OPERATOR = "operator", "added by the operator"
        BOOTSTRAP = "bootstrap", "named in the settings"
        REGISTERED = "registered", "registered over the protocol"
        INTRODUCED = "introduced", "introduced itself"
        EXCHANGED = "exchanged", "named by another peer"
        DISCOVERED = "discovered", "found on the local network"

    address = models.CharField(max_length=300, unique=True)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.REGISTERED)
    kind = models.CharField(max_length=4, blank=True, choices=Kind.choices)
    version = models.CharField(max_length=40, blank=True)
    capabilities = models.CharField(max_length=200, blank=True, help_text="with spaces between")
    identifier = models.CharField(max_length=64, blank=True)
    speaks = models.CharField(max_length=200, blank=True, help_text="the network, in words")
    alias_of = models.CharField(
        max_length=300, blank=True, help_text="the address of a peer that is the same node"
    )
    told = models.BigIntegerField(
        default=0, help_text="the number up to which its transactions were taken"
    )
    knows_us = models.BooleanField(default=False, help_text="this node was introduced to it")
    failures = models.IntegerField(default=0, help_text="since it last answered")
    score = models.FloatField(default=0.0)
    scored_at = models.DateTimeField(null=True)
    next_visit_at = models.DateTimeField(null=True, help_text="when it is asked again by itself")
    registered_at = models.DateTimeField()
    last_success_at = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True, help_text="why it failed last")
    fault = models.CharField(max_length=11, blank=True, choices=Fault.choices)
    length = models.BigIntegerField(null=True, help_text="blocks counted in its chain")
    tip_hash = models.CharField(max_length=64, blank=True)
    shared = models.BigIntegerField(null=True, help_text="blocks in common with our chain")
    latency = models.FloatField(null=True, help_text="seconds until its answer began")
    standing = models.CharField(max_length=6, choices=Standing.choices, default=Standing.ACTIVE)
    banned_until = models.DateTimeField(null=True, help_text="empty: for good")
    ban_reason = models.CharField(max_length=300, blank=True)
    note = models.CharField(max_length=200, blank=True, help_text="the operator's own")

    class Meta:
        verbose_name = _("peer")
        verbose_name_plural = _("peers")
        constraints = [
            models.CheckConstraint(
                condition=Q(standing="banned") | Q(banned_until__isnull=True, ban_reason=""),
                name="peer_ban_only_if_banned",
            ),
            models.CheckConstraint(
                condition=Q(standing__in=["active", "paused", "banned"]),
                name="peer_standing_known",
            ),
        ]

    def __str__(self) -> str:
        return self.address

    def score_at(self, now: datetime) -> float:
        """What is left of `score` by now."""
        if self.scored_at is None or self.score <= 0:
            return 0.0
        age = max(0.0, (now - self.scored_at).total_seconds())
        return float(self.score * 0.5 ** (age / self.SCORE_HALF_LIFE))

    def standing_at(self, now: datetime) -> str:
        """`standing`, but a ban that is over is none."""
        is_over = self.banned_until is not None and self.banned_until <= now
        return self.Standing.ACTIVE if is_over else self.standing


class Reorganisation(models.Model):
    """The active chain left `old_tip` for `new_tip`. `fork_index` is the last index both share
    (0: not even the genesis); `disconnected` blocks went, `connected` came."""

    old_tip = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    new_tip = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    fork_index = models.BigIntegerField()
    disconnected = models.BigIntegerField()
    connected = models.BigIntegerField()
    source = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("reorganisation")
        verbose_name_plural = _("reorganisations")
        constraints = [
            models.CheckConstraint(
                condition=Q(disconnected__gte=1), name="reorganisation_disconnects"
            )
        ]

    def __str__(self) -> str:
        return f"reorganisation {self.pk}, depth {self.disconnected}"


class ReorganisedTransaction(models.Model):
    """What a reorganisation did to one of our transactions."""

    class Effect(models.TextChoices):
        RETURNED = "returned", "returned to the pool"
        CONFIRMED = "confirmed", "confirmed on the new branch"
        RELEASED = "released", "left to the node that acknowledged it"

    reorganisation = models.ForeignKey(
        Reorganisation, on_delete=models.PROTECT, related_name="transactions"
    )
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="+")
    effect = models.CharField(max_length=9, choices=Effect.choices)

    class Meta:
        verbose_name = _("transaction in a reorganisation")
        verbose_name_plural = _("transactions in reorganisations")
        constraints = [
            models.UniqueConstraint(
                fields=["reorganisation", "transaction"], name="reorganised_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.transaction_id} {self.effect}"


class Event(models.Model):
    """Something that happened, written in the transaction that made it so.

    `id` is the sequence number clients count by: ascending in commit order. `payload` is JSON text.
    """

    kind = models.CharField(max_length=32)
    payload = models.TextField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        return f"{self.pk} {self.kind}"


class NodeIdentity(models.Model):
    """Who this node is, made once and kept: mined coins are paid to `identifier`."""

    identifier = models.CharField(max_length=32)
    dialect = models.CharField(max_length=16)
    difficulty = models.IntegerField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("node")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="identity_is_one_row")]

    def __str__(self) -> str:
        return self.identifier


class DamagedBlock(models.Model):
    """A block whose stored text no longer has its hash, set aside by `repairchain` as evidence."""

    hash = models.CharField(max_length=64)
    index = models.BigIntegerField()
    canonical = models.TextField()
    found_at = models.DateTimeField()

    class Meta:
        verbose_name = _("damaged block")
        verbose_name_plural = _("damaged blocks")

    def __str__(self) -> str:
        return f"damaged block {self.index} {self.hash[:8]}"


class AccessToken(models.Model):
    """A token that lets a program do what the operator may. Its text is kept nowhere."""

    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, help_text="how it begins, to know it by")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of its text")
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, help_text="to the hour")
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


# --- what several processes on one database share: no history, and nothing that lasts ------------
# Times are in seconds since the epoch by the database's clock (`ledger.node.shared.clock`).


class Lease(models.Model):
    """Who has the duties that one process has for all. `term` counts the holders; `until` is when
    the term ends, unless it is renewed.

    `fault` says why the stored chain may not be served, if whoever checked it last found it broken.
    """

    name = models.CharField(max_length=20, primary_key=True)
    holder = models.CharField(max_length=100, blank=True)
    term = models.BigIntegerField(default=0)
    until = models.FloatField(default=0.0)
    fault = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.name}, term {self.term} of {self.holder or 'nobody'}"


class Job(models.Model):
    """What one process asks of the one that has the duties.

    Who asks stays interested until `until`, and moves that on; a job past it is nobody's. `term` is
    of whoever took it; in a later term it is taken again. `arguments` and `answer` are JSON text.
    """

    class State(models.TextChoices):
        ASKED = "asked", "asked"
        TAKEN = "taken", "taken"
        DONE = "done", "done"
        REFUSED = "refused", "refused"
        WITHDRAWN = "withdrawn", "withdrawn"

    kind = models.CharField(max_length=20)
    arguments = models.TextField(default="{}")
    state = models.CharField(max_length=9, choices=State.choices, default=State.ASKED)
    answer = models.TextField(blank=True)
    asked_by = models.CharField(max_length=100)
    asked_at = models.FloatField()
    until = models.FloatField()
    term = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}, {self.state}"


class SharedState(models.Model):
    """How one of the duties stands, for other processes' pages. `payload` is JSON text."""

    kind = models.CharField(max_length=20, primary_key=True)
    payload = models.TextField()

    def __str__(self) -> str:
        return self.kind


class ShownToken(models.Model):
    """A probe (`ledger/node/network/README.md`) that was shown to one of the processes."""

    token = models.CharField(max_length=64, primary_key=True)
    at = models.FloatField()

    def __str__(self) -> str:
        return self.token
