"""Which build this is: the commit of the checkout it runs from, where there is one."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")
_SHOWN: Final = 12


def of(folder: Path) -> str:
    """The commit's first digits; empty where the folder is no checkout. Git itself is not asked:
    it need not be installed where a node runs."""
    with suppress(OSError, UnicodeDecodeError):
        commit = _commit(_git_folder(folder / ".git"))
        if _COMMIT.fullmatch(commit):
            return commit[:_SHOWN]
    return ""


def _git_folder(path: Path) -> Path:
    if path.is_dir():
        return path
    return path.parent / path.read_text().removeprefix("gitdir:").strip()  # a further worktree


def _commit(git: Path) -> str:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    folders = [git]
    if (git / "commondir").exists():
        folders.append(git / (git / "commondir").read_text().strip())
    for folder in folders:
        if (folder / name).exists():
            return (folder / name).read_text().strip()
    packed = (folders[-1] / "packed-refs").read_text()
    found = re.search(rf"^([0-9a-f]+) {re.escape(name)}$", packed, re.MULTILINE)
    return found[1] if found else ""
