"""What is not needed at a start is not paid for at a start."""

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import sys
import django
django.setup()
from django.core.management import call_command, get_commands, load_command_class
from django.urls import resolve, reverse
{}
print("ninja" in sys.modules)
"""

pytestmark = pytest.mark.long


def loads_the_api(tmp_path, code: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(code)],
        env={
            **os.environ,
            "CHAINSITE_DATA": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "chainsite.settings",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1] == "True"


def test_what_nodes_ask_each_other_and_the_checks_of_a_start_do_without_the_api(tmp_path):
    code = """
for path in ("/chain", "/mine", "/api/v1/node", "/api/v1/network/blocks"):
    resolve(path)
reverse("mine"), reverse("ledger:dashboard")
from ledger.management.commands.runnode import Command
command = Command()
command.check(tags=command.requires_system_checks)
"""
    assert not loads_the_api(tmp_path, code)


@pytest.mark.parametrize("code", ["resolve('/api/v1/blocks')", "reverse('v1:blocks')"])
def test_the_api_comes_when_it_is_asked_for(tmp_path, code):
    assert loads_the_api(tmp_path, code)


def test_a_server_loads_it_by_itself_after_a_while(tmp_path):
    code = """
import time
from chainsite import late
late._AFTER = 0.01
late.load_soon()
end = time.monotonic() + 30
while late.API not in sys.modules and time.monotonic() < end:
    time.sleep(0.01)
"""
    assert loads_the_api(tmp_path, code)
