"""The Korean catalogue against the code, and its compiled form against its text.

    python -m tests.catalogue

Needs gettext (apt-get install gettext) to look for words that are not in it yet.
"""

from __future__ import annotations

import ast
import functools
import gettext
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "locale" / "ko" / "LC_MESSAGES"
_CONTEXT = "\4"  # between a message's context and the message, as in the compiled form
MAKE = ["makemessages", "-l", "ko", "--no-location", "--no-obsolete", "--no-wrap"]


@functools.cache
def read_po(path: Path = FOLDER / "django.po") -> dict[str, str]:
    """Message and translation; of a plural its singular and, in Korean, its one form."""
    entries: dict[str, str] = {}
    values: dict[str, str] = {}
    field = ""
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        if line.startswith("msg"):
            field, _, line = line.partition(" ")
            values[field] = ""
        if line.startswith('"'):
            values[field] += ast.literal_eval(line)
        elif not line and values:
            translated = values.get("msgstr", values.get("msgstr[0]", ""))
            context = values.get("msgctxt", "")
            entries[context + _CONTEXT * bool(context) + values["msgid"]] = translated
            values = {}
    return entries


def faults() -> list[str]:
    """What is wrong with the catalogue as it is committed."""
    entries = {message: text for message, text in read_po().items() if message}
    found = [f"not translated: {message}" for message, text in entries.items() if not text]
    if "fuzzy" in (FOLDER / "django.po").read_text("utf-8"):
        found.append("a translation is marked fuzzy")
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message, text in entries.items():
        if text not in (compiled.gettext(message), compiled.ngettext(message, message, 1)):
            found.append(f"not compiled: {message}")
    return found


def missing() -> list[str]:
    """Messages of the code that are not in the catalogue, and those that nothing says any more."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("ledger", "chainsite", "templates", "locale"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / name, Path(folder, name), ignore=ignored)
        command = [sys.executable, "-m", "django", *MAKE]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        wanted = read_po(Path(folder, "locale/ko/LC_MESSAGES/django.po"))
    present = read_po()
    return [
        *(f"not in the catalogue: {message}" for message in sorted(set(wanted) - set(present))),
        *(f"nothing says this now: {message}" for message in sorted(set(present) - set(wanted))),
    ]


def main() -> int:
    if shutil.which("xgettext") is None:
        print("This check needs gettext: apt-get install gettext", file=sys.stderr)
        return 1
    found = [*faults(), *missing()]
    for fault in found:
        print(fault)
    if found:
        print(
            f"In the project: python3 dev.py manage {' '.join(MAKE)}; translate what is empty in"
            " locale/ko/LC_MESSAGES/django.po; python3 dev.py manage compilemessages"
        )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
