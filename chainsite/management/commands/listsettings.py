"""`manage.py listsettings`: what can be set, what is in force, and where that came from."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chainsite import configuration


class Command(BaseCommand):
    help = "List every setting: its value in force and where it came from, its type and default."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--markdown", action="store_true", help="the table of docs/settings.md, and no values"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["markdown"]:
            self.stdout.write(configuration.as_markdown(), ending="")
            return
        for setting in configuration.SETTINGS:
            given = setting.is_given()
            default = configuration.default_of(setting)
            value = configuration.shown(setting.value()) if given else default
            self.stdout.write(self.style.MIGRATE_LABEL(f"{setting.name} = {value or '(none)'}"))
            source = "from the environment" if given else "the default"
            usual = f"; the default is {default or '(none)'}" if given else ""
            option = f" Option: {setting.option}." if setting.option else ""
            self.stdout.write(f"    {source}{usual}; {setting.kind}")
            self.stdout.write(f"    {setting.meaning}{option}")
