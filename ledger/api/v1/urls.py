"""Where `/api/v1/` leads, but for what nodes ask each other (`ledger.api.urls`)."""

from .site import patterns

app_name = "v1"
urlpatterns = patterns()
