"""The admin's site: its name, its way in, and the node's operations among its pages."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ledger.access.policy import Place
from ledger.access.visitor import visitor_of

from . import throttle

logger = logging.getLogger(__name__)

DEVICE: Final = "device"  # the cookie of a device that signed in before
_SALT: Final = "ledger.admin.device"
_DEVICE_SECONDS: Final = 90 * 24 * 3600
_ORDER: Final = (
    *("block", "activeblock", "transaction", "inclusion", "address", "peer"),
    *("reorganisation", "reorganisedtransaction", "invalidblock", "event", "nodeidentity"),
    "accesstoken",
)
_tries: Final = throttle.Throttle()


class SignInForm(AdminAuthenticationForm):
    """Django's, but so many tries in so much time."""

    wait = 0  # seconds, where there were too many

    def clean(self) -> Any:
        assert self.request is not None  # the site's view gives it
        request, name = self.request, self.cleaned_data.get("username", "")
        visitor = visitor_of(request)
        is_machine = visitor.place is Place.MACHINE
        keys = throttle.keys(visitor.address, name, _device(request, name), is_machine=is_machine)
        self.wait = _tries.take(keys)
        if self.wait:
            text = _("Too many tries to sign in. Wait %(n)s seconds, then try again.")
            raise ValidationError(text, code="throttled", params={"n": self.wait})
        try:
            cleaned = super().clean()
        except ValidationError:
            logger.warning("a sign-in from %s was refused", visitor.address)
            raise
        if self.user_cache is not None:
            _tries.give_back(keys)
        return cleaned


def _device(request: HttpRequest, name: str) -> str:
    """The cookie, if this device signed in with this name before."""
    cookie = request.COOKIES.get(DEVICE, "")
    try:
        known = signing.TimestampSigner(salt=_SALT).unsign(cookie, max_age=_DEVICE_SECONDS)
    except signing.BadSignature:
        return ""
    return cookie if known == _fingerprint(name) else ""


def _fingerprint(name: str) -> str:
    """A name of any characters as one of few."""
    return signing.Signer(salt=_SALT).signature(name.casefold())


class OperatorSite(admin.AdminSite):
    site_title = "chainsite"
    site_header = "chainsite"
    index_title = _("Administration")
    login_form = SignInForm

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().login(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if wait := getattr(context.get("form"), "wait", 0):
            response.status_code = 429
            response["Retry-After"] = str(wait)
        if request.method == "POST" and response.status_code == 302:
            self._remember(request, response)
        return response

    def _remember(self, request: HttpRequest, response: HttpResponse) -> None:
        """Know this device again; and sweep up sessions that are over."""
        signed = signing.TimestampSigner(salt=_SALT).sign(_fingerprint(request.user.get_username()))
        response.set_cookie(
            DEVICE,
            signed,
            max_age=_DEVICE_SECONDS,
            path=reverse("admin:index"),
            httponly=True,
            samesite="Strict",
        )
        SessionStore.clear_expired()

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from . import operations, tokens  # they need this site

        pages = [
            ("node/", operations.overview, "operations"),
            ("node/now/", operations.now, "operations-now"),
            ("node/export/", operations.export, "export"),
            ("node/backups/<str:name>/", operations.download_backup, "backup"),
            ("node/make-token/", tokens.make, "make-token"),
            ("node/<slug:name>/", operations.act, "act"),
            ("node/<slug:name>/<int:pk>/", operations.act, "act"),
        ]
        own = [path(route, self.admin_view(view), name=name) for route, view, name in pages]
        return [*own, *super().get_urls()]

    def get_app_list(self, request: Any, app_label: str | None = None) -> list[Any]:
        """The node first, and its tables in the order in which they explain each other."""
        from .operations import may_operate

        apps = super().get_app_list(request, app_label)
        apps.sort(key=lambda app: app["app_label"] != "ledger")
        for app in apps:
            if app["app_label"] == "ledger":
                app["models"].sort(key=lambda model: _place(model["object_name"].lower()))
        if app_label is None and may_operate(request):
            apps.insert(0, _node_entry())
        return apps


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _node_entry() -> dict[str, Any]:
    """Operations, as Django's lists of apps and models have it."""
    url = reverse("admin:operations")
    page = {
        "name": gettext("Operations"),
        "object_name": "Operations",
        "perms": {"view": True},
        "admin_url": url,
        "add_url": None,
        "view_only": True,
    }
    return {
        "name": gettext("Operator"),
        "app_label": "node",
        "app_url": url,
        "has_module_perms": True,
        "models": [page],
    }
