"""The wiring as an app of its own: for its commands and its system checks."""

from django.apps import AppConfig


class ChainsiteConfig(AppConfig):
    name = "chainsite"

    def ready(self) -> None:
        from . import checks  # noqa: F401 - importing them registers them
        from .postgresql import checks as of_postgresql  # noqa: F401
