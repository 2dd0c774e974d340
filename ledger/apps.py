"""The ledger: a chain, what this node does with it, and the ways to reach it."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    name = "ledger"
    verbose_name = _("Ledger")

    def ready(self) -> None:
        post_migrate.connect(_guard_history, sender=self, dispatch_uid="ledger.triggers")


def _guard_history(using: str, **_options: Any) -> None:
    from . import triggers

    triggers.install(connections[using])
