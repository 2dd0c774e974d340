"""A balance after each movement, as the steps of a line. Balances may be integers of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

WIDTH: Final = 600
HEIGHT: Final = 120
_FINE: Final = 10  # tenths of a unit, counted in integers: a float cannot hold these balances


def chart(balances: Sequence[int]) -> dict[str, Any]:
    """The line, the area below it and the line of zero, in a box of WIDTH by HEIGHT."""
    highest, lowest = max(0, *balances), min(0, *balances)
    span = max(1, highest - lowest)

    def height(balance: int) -> str:
        return _tenths((highest - balance) * HEIGHT * _FINE // span)

    across = [_tenths(at * WIDTH * _FINE // len(balances)) for at in range(len(balances) + 1)]
    line = f"M{across[0]},{height(balances[0])}H{across[1]}"
    for at, balance in enumerate(balances[1:], 1):
        line += f"V{height(balance)}H{across[at + 1]}"
    zero = height(0)
    return {
        "line": line,
        "area": f"{line}V{zero}H0Z",
        "zero": zero,
        "highest": str(highest),
        "lowest": str(lowest),
    }


def _tenths(count: int) -> str:
    return f"{count // _FINE}.{count % _FINE}"
