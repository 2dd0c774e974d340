"""What verification finds, and how each fault is repaired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_FAULTS: Final = 20  # enough to act on; a broken chain may have one a block

REPAIR_BLOCK: Final = (
    "`manage.py repairchain --from FILE` takes a good copy from an exported chain; without FILE it"
    " sets the block aside and cuts the chain before it, and `manage.py resolve` or"
    " `manage.py importchain FILE` brings the rest back"
)
REPAIR_INDEX: Final = "`manage.py repairchain` builds the tables anew from the blocks' texts"
REPAIR_MARK: Final = (
    "`manage.py reconsiderblock HASH` lifts the mark, `manage.py invalidateblock HASH` then leaves"
    " the block"
)
RESTORE: Final = "restore the data folder from a backup"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not hold. `invariant` is its name (I1 …), `index` the block's."""

    invariant: str
    what: str
    repair: str
    index: int | None = None

    def __str__(self) -> str:
        where = f"block {self.index}: " if self.index is not None else ""
        return f"{self.invariant}: {where}{self.what}. To repair: {self.repair}"


@dataclass(slots=True)
class Report:
    """What was checked, and what was found. `supply` counts the regular rewards."""

    blocks: int = 0
    stale: int = 0
    transactions: int = 0
    supply: int = 0
    irregular: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.faults

    def note(self, invariant: str, what: str, repair: str, index: int | None = None) -> None:
        self._add(Fault(invariant, what, repair, index))

    def take(self, other: Report) -> None:
        """Add what another check found."""
        self.blocks += other.blocks
        self.stale += other.stale
        self.transactions += other.transactions
        self.supply += other.supply
        self.irregular += other.irregular
        for fault in other.faults:
            self._add(fault)

    def _add(self, fault: Fault) -> None:
        if len(self.faults) < _FAULTS and fault not in self.faults:
            self.faults.append(fault)
