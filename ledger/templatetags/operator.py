"""What the admin's templates need: others' words with nothing hidden in them."""

from __future__ import annotations

from django import template

from ledger.admin import showing
from ledger.hidden import visible

register = template.Library()
register.filter("visible", visible)

register.filter("visible_lines", showing.lines)
