"""Loaded before Django's settings are (`-p tests.environment`): the tests' own data folder.

Settings make a secret key in the data folder; a test run must leave none in the project.
"""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="chainsite-tests-")
os.environ["CHAINSITE_DATA"] = _folder
for _name in ("CHAINSITE_DIALECT", "CHAINSITE_DIFFICULTY"):
    os.environ.pop(_name, None)
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
