"""`manage.py watch`: a running node, live in a terminal."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from ipaddress import ip_address
from typing import IO, Any, Final, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.live import Live

from ledger.client import Client, Problem
from ledger.hidden import visible
from ledger.management.watching.drawing import View
from ledger.management.watching.following import Follower

_DRAWN: Final = 4  # times a second: ages and countdowns tick


class Command(BaseCommand):
    help = "A running node, live in a terminal: tip, mining, events, peers. Ctrl-C ends it."
    requires_system_checks = ()  # it only asks a node, as any client does

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "url", nargs="?", default="", help="another node than this one, such as 10.0.0.5:8000"
        )
        parser.add_argument(
            "--once", action="store_true", help="print one picture and end, as without a terminal"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        url = options["url"] or _own_url()
        try:
            client = Client(url, patience=0)
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.ending = ""  # Django would end what is drawn in lines of its own
        if hasattr(self.stdout, "reconfigure"):  # not every terminal's encoding has every name
            self.stdout.reconfigure(errors="replace")
        console = Console(file=cast(IO[str], self.stdout), no_color=options["no_color"] or None)
        follower = Follower(client, visible(url))
        if options["once"] or not console.is_terminal:
            self._once(console, follower)
        else:
            self._live(console, follower)

    def _once(self, console: Console, follower: Follower) -> None:
        try:
            follower.look()
        except Problem as problem:
            raise CommandError(f"{follower.state.url}: {problem}") from None
        console.print(View(lambda: follower.state, whole=True))

    def _live(self, console: Console, follower: Follower) -> None:
        view = View(lambda: follower.state)
        threading.Thread(target=follower.run, daemon=True).start()
        try:
            with Live(view, console=console, screen=True, refresh_per_second=_DRAWN):
                threading.Event().wait()
        except KeyboardInterrupt:
            follower.stop()


def _own_url() -> str:
    """Where this installation's node listens, as this machine reaches it."""
    host = settings.NODE_HOST
    try:
        address = ip_address(host)
    except ValueError:
        pass  # a name
    else:
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
        host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.NODE_PORT}"
