"""`manage.py access`: who may do what from where, with these settings, and why."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from ledger.access import explanation
from ledger.access.policy import ACTS, Place, Policy

_WIDTH = 100  # of what is not a terminal


class Command(BaseCommand):
    help = "Who may do what from where, with the settings as they are, and why. Starts nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address the node listens on")

    def handle(self, *args: Any, **options: Any) -> None:
        host = options["host"]
        try:
            policy = Policy.from_settings()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Who may do what, of those who reach a node on {host}:\n\n")
        self._table(policy, host)
        self.stdout.write("\n\n".join(_remarks(policy, host)))

    def _table(self, policy: Policy, host: str) -> None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
        for name in ("act", *(place.value for place in explanation.places(policy, host))):
            table.add_column(name, no_wrap=True)
        if explanation.places(policy, host) != [Place.MACHINE]:
            table.add_column("a minute", no_wrap=True, justify="right")
        table.add_column("what it is, and why it is so")
        for act in ACTS:
            cells = [explanation.granted(policy, act, p) for p in explanation.places(policy, host)]
            if cells[1:]:
                cells.append(explanation.paced(policy, act))
            table.add_row(act.name, *cells, f"{act.what}\n{act.why}")
        console = Console(width=None if self.stdout.isatty() else _WIDTH)
        with console.capture() as captured:
            console.print(table)
        lines = (line.rstrip() for line in captured.get().splitlines())
        self.stdout.write("\n".join(lines) + "\n\n")


def _remarks(policy: Policy, host: str) -> list[str]:
    """What the words in the table mean."""
    remarks = [
        "this machine: connections from a loopback address that no proxy passed on.",
        "operator: who signed in at /admin/ as staff, or sends `Authorization: Bearer TOKEN`\n"
        "(`manage.py token create NAME`).",
        "Always: what a browser sends for a page of another site does nothing, and names that\n"
        "are not in CHAINSITE_ALLOWED_HOSTS are refused.",
    ]
    if explanation.places(policy, host) != [Place.MACHINE]:
        remarks.insert(
            2,
            "a minute: for each address outside of this machine (an IPv6 /64 is one), a quarter\n"
            "of it at once, acts of a kind together. Beyond it: 429 with Retry-After.",
        )
    elif not policy.proxies:
        remarks.append(
            "A reverse proxy on this machine would make everybody local: name it in\n"
            "CHAINSITE_TRUSTED_PROXIES."
        )
    if policy.classroom:
        remarks.append(f"classroom: {explanation.classroom(policy)} (CHAINSITE_CLASSROOM).")
    if policy.proxies:
        named = ", ".join(map(str, policy.proxies))
        remarks.append(
            f"proxies: {named} (CHAINSITE_TRUSTED_PROXIES).\n"
            "Their X-Forwarded-For is believed, and nothing that comes from them is this machine."
        )
    return remarks
