#!/usr/bin/env python
"""Django's command line for this project."""

import importlib
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chainsite.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        # Django would read them later, and end in a traceback.
        importlib.import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    except ImproperlyConfigured as error:
        sys.exit("\n".join(f"manage.py: {line}" for line in str(error).splitlines()))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
