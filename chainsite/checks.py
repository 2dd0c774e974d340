"""What an operator should know before others rely on this node: Django's system checks, and ours.

`manage.py check` runs them, and so do `runnode` and every start of the tests.
"""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning, register

from . import configuration


@register
def unknown_settings(**_: Any) -> list[CheckMessage]:
    """A name in the environment that nothing reads is most often a slip of the pen."""
    return [
        Warning(
            f"{name} is in the environment, and there is no such setting.",
            hint=f"Did you mean {nearest}?" if nearest else "manage.py listsettings lists them.",
            id="chainsite.W001",
        )
        for name, nearest in configuration.strangers().items()
    ]
