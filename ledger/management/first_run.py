"""What a server does about accounts before it serves."""

from __future__ import annotations

from typing import Any, Final

from ledger.node import accounts

_NONE_YET: Final = "  admin       no account yet: `python3 dev.py manage adminpassword` makes one\n"


def greet(stream: Any) -> str:
    """Make the first account and answer with the line that shows its password, this once.

    The password is for eyes: where output goes to a file or a service's log, no account is made,
    and the line names the command that makes it. Empty where there are accounts already.
    """
    accounts.forget_ended_sessions()
    if not stream.isatty():
        return "" if accounts.exist() else _NONE_YET
    password = accounts.make_first()
    if password is None:
        return ""
    return f"  admin       account {accounts.ADMIN}, password {password} (shown this once)\n"
