"""Which site Django's admin is, and what is in it."""

from django.contrib.admin.apps import AdminConfig


class Administration(AdminConfig):
    default_site = "ledger.admin.site.OperatorSite"

    def ready(self) -> None:
        super().ready()
        from ledger.admin import tables  # noqa: F401  # they register themselves
