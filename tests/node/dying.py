"""A process that dies in a long reorganisation.

It is forked before Django is set up, so what needs that is imported once it is.
"""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from pathlib import Path


def die_in_it(path: str, texts: str, nth: int, out: Connection) -> None:
    """Adopt the chain in the file `texts`, and die before the `nth` statement of the switch."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "chainsite.settings"
    os.environ["CHAINSITE_DATA"] = str(Path(path).parent)
    import django

    django.setup()
    from .test_long_reorganisation import reorganise

    reorganise(Path(path), Path(texts), nth)
    out.send("it lives")
