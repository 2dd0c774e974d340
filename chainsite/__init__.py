"""The wiring: settings, urls, and the server. Nothing below imports from here."""

__version__ = "0.1.0"
