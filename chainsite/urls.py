"""Where a path leads."""

from django.contrib import admin
from django.urls import include, path

handler400 = "ledger.views.errors.bad_request"
handler403 = "ledger.views.errors.forbidden"
handler404 = "ledger.views.errors.not_found"
handler500 = "ledger.views.errors.failed"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("chainsite.instruments.urls")),
    path("", include("ledger.api.urls")),
    path("", include("ledger.urls")),
]
