"""Where a path leads."""

from django.urls import include, path

urlpatterns = [
    path("", include("ledger.api.urls")),
    path("", include("ledger.urls")),
]
