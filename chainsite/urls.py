"""Where a path leads."""

from typing import Any

from django.contrib import admin
from django.urls import include, path

from ledger.live.document import document as live_document
from ledger.views import live_reference, reference

from . import late
from .late import LateResolver

handler400 = "ledger.views.errors.bad_request"
handler403 = "ledger.views.errors.forbidden"
handler404 = "ledger.views.errors.not_found"
handler500 = "ledger.views.errors.failed"


def document() -> dict[str, Any]:
    """The OpenAPI document of the versioned API."""
    from ledger.api.v1.site import document  # see `late`

    return document()


# The pages that explain what programs can ask for; it is here that they meet.
live: dict[str, Any] = {"document": live_document}
reference_patterns = [
    path("docs/live", live_reference.docs, live, name="live"),
    path("docs/live/try", live_reference.attempt, live, name="live-try"),
    path("v1/asyncapi.json", live_reference.asyncapi, live, name="asyncapi"),
    path("docs", reference.docs, {"document": document}, name="docs"),
    path("problems/<slug:name>", reference.problem, {"document": document}, name="problem"),
]
urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("chainsite.instruments.urls")),
    path("", include("ledger.api.urls")),
    path("api/", include((reference_patterns, "reference"))),
    LateResolver("api/v1/", late.API, "v1"),
    path("", include("ledger.urls")),
]
