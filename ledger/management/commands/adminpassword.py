"""`manage.py adminpassword`: a new password for the operator's account, shown once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from ledger.management.base import NodeCommand
from ledger.node import accounts


class Command(NodeCommand):
    help = (
        "Give the operator's account a new random password and print it. Makes the account if it"
        " is not there, and signs it out everywhere. For a password of your own: changepassword."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default=accounts.ADMIN, help="admin, if not given")

    def run(self, **options: Any) -> None:
        try:
            password = accounts.renew(options["name"])
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"account   {options['name']}\npassword  {password}")
