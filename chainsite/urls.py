"""Where a path leads."""

from django.contrib import admin
from django.urls import include, path

from ledger.api.v1.site import document
from ledger.views import reference

handler400 = "ledger.views.errors.bad_request"
handler403 = "ledger.views.errors.forbidden"
handler404 = "ledger.views.errors.not_found"
handler500 = "ledger.views.errors.failed"

# The pages that explain the API; it is here that they meet.
reference_patterns = [
    path("docs", reference.docs, {"document": document}, name="docs"),
    path("problems/<slug:name>", reference.problem, {"document": document}, name="problem"),
]
urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("chainsite.instruments.urls")),
    path("", include("ledger.api.urls")),
    path("api/", include((reference_patterns, "reference"))),
    path("api/v1/", include("ledger.api.v1.urls")),
    path("", include("ledger.urls")),
]
