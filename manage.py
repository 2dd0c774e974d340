#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chainsite.settings")
    from django.core.management import execute_from_command_line

    from chainsite import configuration

    if faults := configuration.faults():
        sys.exit("\n".join(f"manage.py: {fault}" for fault in faults))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
