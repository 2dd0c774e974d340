"""Accounts and the admin's history: who may sign in, and who did what."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import admin as django_accounts
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from . import showing
from .reading import ReadOnly
from .showing import Column

admin.site.unregister(User)


@admin.register(User)
class Accounts(django_accounts.UserAdmin):
    """Django's own, but an account is never deleted: its line in the history would go with it.
    One that is not active cannot sign in."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


_when = Column("when", _("when"), lambda row: showing.moment(row.action_time))
_who = Column("who", _("who"), lambda row: showing.text(row.user.get_username()))
_what = Column("what", _("what"), lambda row: showing.text(row.object_repr))
_outcome = Column("outcome", _("outcome"), lambda row: showing.text(row.get_change_message()))


@admin.register(LogEntry)
class History(ReadOnly):
    """Who did what in the admin, when, and what came of it."""

    columns = (_when, _who, _what, _outcome)
    details = columns
    list_select_related = ("user",)
    date_hierarchy = "action_time"
