"""Others' words with nothing hidden in them, for people to read."""

from __future__ import annotations

import re
from typing import Final

# What cannot be seen and changes what is: controls, bidirectional marks, lines and spaces of no
# width. The joiners that emoji and some scripts are written with stay.
_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: object) -> str:
    """The text with what is hidden in it named by its code point."""
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", str(text))
