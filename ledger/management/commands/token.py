"""`manage.py token`: make, list and revoke the tokens that programs show."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from ledger.management.base import NodeCommand
from ledger.models import AccessToken
from ledger.node import lifecycle, tokens


def _days(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 36_500:
        raise ArgumentTypeError("a number of days, from 1 on")
    return int(text)


class Command(NodeCommand):
    help = (
        "Tokens for programs that may do what the operator may: Authorization: Bearer TOKEN."
        " They hold from the moment they are made until they are revoked, on a running node too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        create = acts.add_parser("create", help="make one; its text is shown this once")
        create.add_argument("name", help="what it is for, to know it by")
        create.add_argument("--days", type=_days, help="how long it holds; for ever if not given")
        acts.add_parser("list", help="all that were made, without their texts")
        revoke = acts.add_parser("revoke", help="end one")
        revoke.add_argument("token", help="its name, or how it begins")

    def run(self, **options: Any) -> None:
        if options["act"] == "create":
            self._create(options["name"], options["days"])
        elif options["act"] == "revoke":
            with lifecycle.running() as node:
                token = node.writer.run(partial(tokens.revoke, options["token"]))
            self.stdout.write(f"{token} is revoked; it is refused from now on")
        else:
            for token in AccessToken.objects.order_by("created_at"):
                self.stdout.write(_described(token))

    def _create(self, name: str, days: int | None) -> None:
        expires_at = timezone.now() + timedelta(days=days) if days else None
        with lifecycle.running() as node:
            text, _ = node.writer.run(partial(tokens.create, name, expires_at=expires_at))
        self.stderr.write("Keep it now, it is not shown again. Who has it is the operator:")
        self.stdout.write(text)


def _described(token: AccessToken) -> str:
    parts = [
        str(token),
        f"made {_at(token.created_at)}",
        f"last used {_at(token.last_used_at)}" if token.last_used_at else "never used",
    ]
    if token.revoked_at:
        parts.append(f"revoked {_at(token.revoked_at)}")
    elif token.expires_at:
        word = "expired" if token.expires_at <= timezone.now() else "holds until"
        parts.append(f"{word} {_at(token.expires_at)}")
    return ", ".join(parts)


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
