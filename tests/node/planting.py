"""How bugs are planted.

A mutation replaces one function of the node, or edits its source. An edit names the words it
replaces, so that a mutation which no longer applies fails instead of testing nothing.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Mutation:
    """`what` goes wrong, in words; `changed` makes the wrong function from the right one.

    `caught_by` are the checks that may notice it first. It shows when `by_killing`, an operation,
    is killed, or in a `scenario`; else in what the state machine does by dice.
    """

    what: str
    owner: Any
    name: str
    changed: Callable[[Function], Function]
    caught_by: tuple[str, ...]
    by_killing: str = ""
    scenario: str = ""

    def plant(self) -> None:
        """For good: in a process that is to die anyway."""
        setattr(self.owner, self.name, self.changed(getattr(self.owner, self.name)))

    @contextmanager
    def planted(self) -> Iterator[None]:
        right = getattr(self.owner, self.name)
        self.plant()
        try:
            yield
        finally:
            setattr(self.owner, self.name, right)


def edit(*edits: tuple[str, str]) -> Callable[[Function], Function]:
    """The function with some of its source replaced."""

    def changed(function: Function) -> Function:
        source = textwrap.dedent(inspect.getsource(function))
        for old, new in edits:
            assert source.count(old) == 1, f"{function.__name__} has not one {old!r} any more"
            source = source.replace(old, new)
        # It looks its globals up where the right one does: other planted changes included.
        names: dict[str, Any] = {}
        exec(compile(source, function.__name__, "exec"), function.__globals__, names)  # noqa: S102
        return names[function.__name__]

    return changed


def instead(replacement: Function) -> Callable[[Function], Function]:
    return lambda _right: replacement
