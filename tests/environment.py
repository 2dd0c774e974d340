"""Loaded before Django's settings are (`-p tests.environment`): where the tests keep their data.

Settings make a secret key in the data folder; a test run must leave none in the project. The
databases are kept in memory where the system offers a place for that (tmpfs): each commit of each
of thousands of tests flushes to the disk, which is what the tests would wait for most of the time.
What a killed process leaves behind is the same there; power cuts no test of this kind can show.
"""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ENOUGH = 2 * 1024**3  # bytes

if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# Hundreds of processes are started, and each would compile all of the project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

_folder = tempfile.mkdtemp(prefix="chainsite-tests-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
os.environ["CHAINSITE_DATA"] = _folder
for _name in ("CHAINSITE_DIALECT", "CHAINSITE_DIFFICULTY"):
    os.environ.pop(_name, None)
atexit.register(shutil.rmtree, _folder, ignore_errors=True)


def pytest_collection_finish() -> None:
    """Thousands of tests and all modules stay to the end: no collection needs to look at them."""
    gc.collect()
    gc.freeze()
