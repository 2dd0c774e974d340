"""The operator against the chain: invalidate a block and reconsider it, prefer a branch.

Everything here runs inside one database transaction, opened by the writer. The words are bitcoin's
(`invalidateblock`, `reconsiderblock`, `preciousblock`), which are also the sources that the
reorganisations name: they alone, beside repairs, may leave a chain that is no shorter.
"""

from __future__ import annotations

from typing import Final

from django.utils import timezone

from ledger.consensus import Network
from ledger.models import Block, InvalidBlock, Tip

from . import chainstate, events, marks
from .chainstate import Switch
from .errors import NotAccepted
from .outcomes import BlockName, Invalidated, Preferred, Reconsidered

INVALIDATE: Final = "invalidateblock"
RECONSIDER: Final = "reconsiderblock"
PREFER: Final = "preciousblock"


def invalidate(digest: str, reason: str) -> Invalidated:
    """Set a mark, and leave the block if it is active. See `operator.invalidate_block`."""
    block = _find(digest)
    if block.origin == Block.Origin.GENESIS:
        raise NotAccepted("the genesis of this node cannot be invalidated")
    if InvalidBlock.objects.filter(block=block).exists():
        raise NotAccepted(f"block {block.index} is marked invalid already")
    tip = chainstate.tip_for_update()
    active = _is_active(block)
    InvalidBlock.objects.create(
        block=block, left=tip.block if active else None, reason=reason, at=timezone.now()
    )
    events.record_act("invalidate-block", block.hash, index=block.index, reason=reason)
    switch = _go_to(marks.longest_without()[0], tip, INVALIDATE) if active else None
    return Invalidated(_name(block), _tip_now(), switch)


def reconsider(digest: str, network: Network) -> Reconsidered:
    """Lift marks, and go back if that is better. See `operator.reconsider_block`."""
    block = _find(digest)
    lifted = marks.around(block)
    if not lifted:
        raise NotAccepted(f"neither block {block.index} nor its branch is marked invalid")
    InvalidBlock.objects.filter(pk__in=[mark.pk for mark in lifted]).delete()
    events.record_act("reconsider-block", block.hash, index=block.index)
    tip = chainstate.tip_for_update()
    best = _best_after(lifted, tip, network)
    switch = _go_to(best, tip, RECONSIDER) if best != tip.block_id else None
    return Reconsidered(_name(block), _tip_now(), len(lifted), switch)


def prefer(digest: str) -> Preferred:
    """Make a branch active that is as long as ours. See `operator.prefer_block`."""
    block = _find(digest)
    tip = chainstate.tip_for_update()
    if _is_active(block):
        return Preferred(_name(block), None)
    if block.index < tip.index:
        raise NotAccepted(
            f"the branch that ends in this block has {block.index} blocks, the active chain has"
            f" {tip.index}"
        )
    marks.check_path(block)
    events.record_act("prefer-block", block.hash, index=block.index)
    return Preferred(_name(block), chainstate.force_tip(block, tip, PREFER))


def _best_after(lifted: list[InvalidBlock], tip: Tip, network: Network) -> int:
    """The tip (row) to have now: the longest; of equals the one that was left for a mark, so that
    to invalidate and to reconsider are each other's undoing; else ours stays."""
    longest = marks.longest_without()
    left = next((mark.left_id for mark in lifted if mark.left_id in longest), None)
    if left is not None:
        return left
    height = Block.objects.values_list("index", flat=True).get(pk=longest[0])
    return longest[0] if network.prefers(height, tip.index) else tip.block_id


def _find(digest: str) -> Block:
    wanted = digest.strip().lower()
    block = Block.objects.filter(hash=wanted).first() if wanted.isalnum() else None
    if block is None:
        raise NotAccepted(f"there is no block with the hash {digest.strip()[:64]!a}")
    return block


def _is_active(block: Block) -> bool:
    return Block.objects.filter(pk=block.pk, active__isnull=False).exists()


def _go_to(pk: int, tip: Tip, source: str) -> Switch:
    return chainstate.force_tip(Block.objects.get(pk=pk), tip, source)


def _name(block: Block) -> BlockName:
    return BlockName(block.index, block.hash)


def _tip_now() -> BlockName:
    return _name(Tip.objects.select_related("block").get(pk=1).block)
