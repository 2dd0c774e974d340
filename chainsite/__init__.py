"""The wiring: settings, urls, and the server. Nothing below imports from here."""
