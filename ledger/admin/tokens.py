"""Access tokens: what was made, a form that makes one and shows it once, and their end."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from ledger.models import AccessToken
from ledger.node import lifecycle, tokens
from ledger.node.errors import NodeError

from . import running, showing
from .acts import ActForm, Offer, offer
from .operations import may_operate, operators_only
from .reading import ReadOnly
from .showing import Column

_LONGEST = 36_500  # days


class TokenForm(ActForm):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("What it is for."))
    days = forms.IntegerField(
        label=_("Days"),
        min_value=1,
        max_value=_LONGEST,
        required=False,
        help_text=_("How long it holds. Empty: until it is revoked."),
    )


@operators_only
@sensitive_variables("text")
def make(request: HttpRequest) -> HttpResponse:
    """The form; on POST, the token itself, in this one answer and nowhere else."""
    form = TokenForm(request.POST or None, initial={"key": uuid.uuid4().hex})
    text = ""
    if request.method == "POST" and form.is_valid():
        name, days = form.cleaned_data["name"], form.cleaned_data["days"]
        expires_at = timezone.now() + timedelta(days=days) if days else None
        line = running.write_line(
            gettext("Make the token {name}").format(name=name), request.user, gettext("Begun.")
        )
        create = partial(tokens.create, name, expires_at=expires_at)
        try:
            text, row = lifecycle.current().writer.run(create)
        except NodeError as error:
            form.add_error("name", str(error))
            running.amend_line(line, gettext("Failed: {text}").format(text=error))
        else:
            running.amend_line(line, gettext("Done: {text}").format(text=row))
    context = {
        **admin.site.each_context(request),
        "title": _("Make a token"),
        "form": form,
        "text": text,
        "back": reverse("admin:ledger_accesstoken_changelist"),
    }
    response = render(request, "admin/node/token.html", context, status=422 if form.errors else 200)
    response["Cache-Control"] = "no-store"
    return response


def _standing(row: AccessToken) -> str:
    if row.revoked_at:
        return gettext("revoked")
    if row.expires_at and row.expires_at <= timezone.now():
        return gettext("expired")
    return gettext("good")


def _time(name: str, label: Any) -> Column:
    def value(row: AccessToken) -> Any:
        moment = getattr(row, name)
        return showing.NOTHING if moment is None else showing.moment(moment)

    return Column(name, label, value)


@admin.register(AccessToken)
class Tokens(ReadOnly):
    columns = (
        Column("name", _("name"), lambda row: showing.text(row.name)),
        Column("prefix", _("begins with"), lambda row: showing.code(row.prefix)),
        Column("standing", _("standing"), _standing),
        _time("created_at", _("made")),
        _time("last_used_at", _("used last")),
        _time("expires_at", _("holds until")),
    )
    details = (*columns, _time("revoked_at", _("revoked")))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        make = Offer(_("Make a token"), reverse("admin:make-token"))
        offers = [make] if may_operate(request) else []
        return super().changelist_view(request, {"offers": offers, **(extra_context or {})})

    def offers(self, request: HttpRequest, row: AccessToken) -> list[Offer]:
        is_good = row.revoked_at is None
        return [offer("revoke-token", row)] if is_good and may_operate(request) else []
