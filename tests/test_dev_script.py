"""dev.py, run as people run it: in a copy of the project, with a stand-in for uv and no network."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are POSIX scripts")

ROOT = Path(__file__).resolve().parent.parent
BASE_PYTHON = Path(getattr(sys, "_base_executable", None) or sys.executable)
VERSION = "{}.{}".format(*sys.version_info)
LOCKS = ("run", "lan", "scale", "fast", "test")  # each holds every pin of the one before

# Writes down how it was called, and makes environments that are just good enough.
FAKE_UV = """\
#!{python} -S
import json, os, pathlib, sys, time

project = pathlib.Path({project!r})
with open(project / "uv.log", "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "venv":
    venv = pathlib.Path(sys.argv[-1])
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to({python!r})
    (venv / "pyvenv.cfg").write_text("home = {home}\\nversion_info = {version}\\n")
elif sys.argv[1:3] == ["pip", "install"]:
    (project / "installing").touch()
    time.sleep(float(os.environ.get("FAKE_UV_SECONDS", "0")))
    if "FAKE_UV_FAILS" in os.environ:
        sys.exit("the disk is full")
    python = pathlib.Path(sys.argv[sys.argv.index("--python") + 1])
    (python.parent / "lint-imports").write_text(
        f'#!/bin/sh\\nexec "{{python}}" -m stand_in lint-imports\\n'
    )
    (python.parent / "lint-imports").chmod(0o755)
    (project / "installing").unlink()
"""

FAILING_PIP = """\
import sys
sys.exit(0 if "--version" in sys.argv else "no route to the index")
"""

# Stands in for pytest, ruff and mypy: says its name and arguments, and fails when told to.
STAND_IN = """\
import os, pathlib, sys
name = pathlib.Path(sys.argv[0]).stem
words = sys.argv[1:] if name == "stand_in" else [name, *sys.argv[1:]]
print(*words, flush=True)
sys.exit(7 if os.environ.get("STAND_IN_FAILS") in words else 0)
"""

MANAGE = """\
import json, os, sys
print(json.dumps({
    "arguments": sys.argv[1:],
    "chainsite": {key: value for key, value in os.environ.items() if key[:10] == "CHAINSITE_"},
}))
"""

NODE_UNTIL_STOPPED = """\
import os, signal, sys
def stop(number, frame):
    os.write(1, b"stopped\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
print("node", os.getpid(), flush=True)
while True:
    signal.pause()
"""


@dataclass
class Project:
    """A copy of dev.py in a folder of its own, with its environment variables."""

    folder: Path
    environment: dict[str, str]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            # -S: it has to do with the standard library, whatever else is installed
            [str(BASE_PYTHON), "-S", str(self.folder / "dev.py"), *arguments],
            env=self.environment | environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a shell that runs the tests in the background has taken SIGINT from them
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def dev(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, **environment) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    @property
    def uv_calls(self) -> list[list[str]]:
        log = self.folder / "uv.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def installed(self) -> list[str]:
        """What uv was asked to make, in order: `venv`, `run.txt`, `test.txt`."""
        return [
            "venv" if call[0] == "venv" else Path(call[-1]).name
            for call in self.uv_calls
            if call[0] == "venv" or call[:2] == ["pip", "install"]
        ]

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    def without_uv(self) -> None:
        (self.folder / "path" / "uv").unlink()

    def with_failing_pip(self) -> None:
        (self.folder / "stand-ins" / "ensurepip.py").touch()
        (self.folder / "stand-ins" / "pip.py").write_text(FAILING_PIP)

    def keep_pip(self) -> None:
        """Let the next environment find the pip of this one, which takes seconds to unpack."""
        (pip,) = self.venv.glob("lib/python*/site-packages/pip")
        shutil.copytree(pip, self.folder / "stand-ins" / "pip")
        (self.folder / "stand-ins" / "ensurepip.py").touch()

    def wait_until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not true():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "a project"  # with a space, as on many a desk
    for name in ("path", "requirements", "stand-ins"):
        (folder / name).mkdir(parents=True)
    (folder / "dev.py").write_bytes((ROOT / "dev.py").read_bytes())
    (folder / "manage.py").write_text(MANAGE)
    for name in LOCKS:
        (folder / "requirements" / f"{name}.txt").write_text(f"# the {name} lock\n")
    for name in ("pytest", "ruff", "mypy", "stand_in"):
        (folder / "stand-ins" / f"{name}.py").write_text(STAND_IN)
    (folder / "tests").mkdir()
    (folder / "tests" / "catalogue.py").write_text(STAND_IN)
    uv = folder / "path" / "uv"
    uv.write_text(
        FAKE_UV.format(
            python=str(BASE_PYTHON),
            home=BASE_PYTHON.parent,
            version=f"{VERSION}.0",
            project=str(folder),
        )
    )
    uv.chmod(0o755)
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("CHAINSITE_", "PIP_", "UV_", "PYTHON", "COV_"))
    }
    environment |= {"PATH": str(folder / "path"), "PYTHONPATH": str(folder / "stand-ins")}
    return Project(folder, environment)


# --- words


def test_without_a_command_it_prints_help(project: Project) -> None:
    done = project.dev()
    assert done.returncode == 0
    assert done.stdout == project.dev("--help").stdout
    for command in ("run", "network", "cluster", "test", "manage", "check", "lock"):
        assert re.search(rf"^ +{command} ", done.stdout, re.MULTILINE), command
    assert project.uv_calls == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("rum",),
        ("run", "--dialect", "klingon"),
        ("run", "--port", "http"),
        ("network", "1"),
        ("network", "--mine-every", "nan"),
    ],
)
def test_a_mistyped_command_line_is_refused_before_anything_is_installed(
    project: Project, arguments: tuple[str, ...]
) -> None:
    done = project.dev(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert project.uv_calls == []


def test_an_old_python_is_told_so(project: Project) -> None:
    pretend = (
        "import runpy, sys; sys.version_info = (3, 8, 10, 'final', 0);"
        "runpy.run_path('dev.py', run_name='__main__')"
    )
    done = subprocess.run(
        [str(BASE_PYTHON), "-c", pretend],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs Python 3.11 or newer; this is 3.8.10" in done.stderr
    assert "Traceback" not in done.stderr
    assert project.uv_calls == []


def test_an_old_python_can_parse_it() -> None:
    ast.parse((ROOT / "dev.py").read_text("utf-8"), feature_version=(3, 8))


# --- installing


def test_the_first_start_makes_the_environment_and_installs_the_lock(project: Project) -> None:
    done = project.dev("run")
    assert done.returncode == 0, done.stderr
    assert project.installed == ["venv", "run.txt"]
    assert "Installing" in done.stderr
    assert "first start only" in done.stderr


def test_packages_are_installed_by_hash_and_from_the_index_the_user_configured(
    project: Project,
) -> None:
    project.dev("run")
    install = project.uv_calls[-1]
    assert {"--require-hashes", "--no-deps"} <= set(install)
    assert not [word for word in install if "index" in word or "find-links" in word]


def test_a_second_start_installs_nothing(project: Project) -> None:
    project.dev("run")
    before = project.uv_calls
    done = project.dev("run")
    assert done.returncode == 0
    assert project.uv_calls == before
    assert done.stderr == ""


@pytest.mark.long
def test_the_quick_search_is_added_when_it_is_asked_for_and_stays(project: Project) -> None:
    project.dev("run")
    assert project.dev("run", "--fast").returncode == 0
    assert project.installed == ["venv", "run.txt", "fast.txt"]
    project.dev("run")
    project.dev("test")
    assert project.installed == ["venv", "run.txt", "fast.txt", "test.txt"]


@pytest.mark.long
def test_a_changed_lock_is_installed_into_a_fresh_environment(project: Project) -> None:
    project.dev("run")
    (project.folder / "requirements" / "run.txt").write_text("# another lock\n")
    done = project.dev("run")
    assert project.installed == ["venv", "run.txt"] * 2
    assert "Remaking" in done.stderr
    assert "not the locked ones" in done.stderr


@pytest.mark.long
def test_the_tests_add_their_packages_to_what_the_node_runs_with(project: Project) -> None:
    project.dev("run")
    assert project.dev("test").returncode == 0
    assert project.installed == ["venv", "run.txt", "test.txt"]


@pytest.mark.long
def test_an_environment_for_the_tests_serves_the_node_too(project: Project) -> None:
    project.dev("test")
    project.dev("run")
    project.dev("test")
    assert project.installed == ["venv", "test.txt"]


@pytest.mark.long
def test_the_local_network_adds_its_packages_and_is_served(project: Project) -> None:
    project.dev("run")
    node = json.loads(project.dev("run", "--lan").stdout)
    assert project.installed == ["venv", "run.txt", "lan.txt"]
    assert node["chainsite"]["CHAINSITE_DISCOVERY"] == "mdns"
    assert node["chainsite"]["CHAINSITE_HOST"] == "0.0.0.0"
    node = json.loads(project.dev("run", "--lan", "--host", "192.168.7.1").stdout)
    assert node["chainsite"]["CHAINSITE_HOST"] == "192.168.7.1"
    project.dev("test")
    project.dev("run", "--lan")
    project.dev("run")
    assert project.installed == ["venv", "run.txt", "lan.txt", "test.txt"]


@pytest.mark.long
@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_node_that_lives_on_servers_gets_what_speaks_to_them(project: Project, name: str) -> None:
    project.environment[name] = "service://"
    project.dev("manage", "check")
    project.dev("run", "--lan")
    assert project.installed == ["venv", "scale.txt"]


@pytest.mark.long
def test_an_environment_of_another_python_is_remade(project: Project) -> None:
    project.dev("run")
    (project.venv / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.4.10\n")
    done = project.dev("run")
    assert done.returncode == 0
    assert f"it was made for Python 3.4, and this is {VERSION}" in done.stderr
    assert project.installed == ["venv", "run.txt"] * 2


@pytest.mark.long
def test_an_environment_whose_python_was_uninstalled_is_remade(project: Project) -> None:
    project.dev("run")
    (project.venv / "bin" / "python").unlink()
    (project.venv / "bin" / "python").symlink_to("/nowhere/python")
    done = project.dev("run")
    assert done.returncode == 0
    assert "its Python is gone" in done.stderr
    assert project.installed == ["venv", "run.txt"] * 2


@pytest.mark.long
@pytest.mark.parametrize("stamp", [None, "", "[]", '{"run": "'])
def test_an_unfinished_environment_is_remade(project: Project, stamp: str | None) -> None:
    project.dev("run")
    (project.venv / "chainsite-stamp.json").unlink()
    if stamp is not None:
        (project.venv / "chainsite-stamp.json").write_text(stamp)
    done = project.dev("run")
    assert done.returncode == 0
    assert "it is unfinished" in done.stderr
    assert project.installed == ["venv", "run.txt"] * 2


@pytest.mark.long
def test_an_environment_that_failed_while_tests_were_added_is_remade(project: Project) -> None:
    project.dev("run")
    project.with_failing_pip()
    assert project.dev("test", FAKE_UV_FAILS="1").returncode == 1
    assert project.dev("run").returncode == 0
    assert project.installed == ["venv", "run.txt", "test.txt", "venv", "run.txt"]


def test_a_failed_installation_shows_what_the_installer_said_and_leaves_no_stamp(
    project: Project,
) -> None:
    project.with_failing_pip()
    done = project.dev("run", FAKE_UV_FAILS="1")
    assert done.returncode == 1
    for words in ("the disk is full", "trying pip", "no route to the index", "not be installed"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.venv / "chainsite-stamp.json").exists()
    assert done.stdout == ""


@pytest.mark.long
def test_two_first_starts_at_once_install_once(project: Project) -> None:
    starts = [project.start("run", FAKE_UV_SECONDS="2") for _ in range(3)]
    errors = [start.communicate(timeout=60)[1] for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0], errors
    assert project.installed == ["venv", "run.txt"]
    assert sum("Waiting for another dev.py" in error for error in errors) == 2


@pytest.mark.long
def test_after_a_killed_start_the_next_one_waits_for_its_installer_and_begins_anew(
    project: Project,
) -> None:
    killed = project.start("run", FAKE_UV_SECONDS="1.5")
    project.wait_until((project.folder / "installing").exists)
    killed.kill()
    killed.wait()
    done = project.dev("run")
    killed.communicate()
    assert done.returncode == 0, done.stderr
    assert "Waiting for another dev.py" in done.stderr
    assert "it is unfinished" in done.stderr
    assert project.installed == ["venv", "run.txt"] * 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_start_stopped_while_it_installs_takes_its_installer_along(
    project: Project, number: signal.Signals, code: int
) -> None:
    start = project.start("run", FAKE_UV_SECONDS="30")
    project.wait_until((project.folder / "installing").exists)
    start.send_signal(number)
    _, error = start.communicate(timeout=10)  # the pipe closes only once the installer has ended
    assert start.returncode == code
    assert "Traceback" not in error
    assert not (project.venv / "chainsite-stamp.json").exists()


def test_another_environment_may_be_named_relative_to_the_project(project: Project) -> None:
    done = project.dev("run", CHAINSITE_VENV=".venvs/other")
    assert done.returncode == 0, done.stderr
    assert (project.folder / ".venvs" / "other" / "chainsite-stamp.json").exists()
    assert not project.venv.exists()


def test_a_folder_that_is_no_environment_is_left_alone(project: Project, tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "to-mother.txt").write_text("Dear mother")
    done = project.dev("run", CHAINSITE_VENV=str(letters))
    assert done.returncode == 2
    assert "name another folder" in done.stderr
    assert (letters / "to-mother.txt").read_text() == "Dear mother"
    assert project.uv_calls == []


# --- without uv


@pytest.mark.long
def test_without_uv_the_lock_is_installed_by_pip(project: Project) -> None:
    project.without_uv()
    wheel = project.folder / "greeting-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("greeting.py", "WORDS = 'hello from the wheel'\n")
        info = "greeting-1.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = project.folder / "requirements" / "run.txt"
    lock.write_text(f"greeting @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    (project.folder / "manage.py").write_text("import greeting\nprint(greeting.WORDS)\n")

    done = project.dev("run", PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "hello from the wheel\n"

    project.keep_pip()
    lock.write_text(f"greeting @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    done = project.dev("run", PIP_NO_INDEX="1")
    assert done.returncode == 1
    assert "HASH" in done.stderr.upper()


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.setenv("CHAINSITE_VENV", str(tmp_path / "venv"))
    spec = importlib.util.spec_from_file_location("dev_under_test", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "DEBIAN_WHEELS", tmp_path / "wheels")
    return module


def test_without_ensurepip_the_pip_of_this_python_is_used(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "works", lambda *command: "--python" in command)
    assert dev.find_pip() == [dev.BASE_PYTHON, "-m", "pip", "--python", str(dev.PYTHON)]


def test_without_any_pip_the_wheel_debian_ships_is_used(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev.DEBIAN_WHEELS.mkdir()
    (dev.DEBIAN_WHEELS / "pip-23.0.1-py3-none-any.whl").touch()
    monkeypatch.setattr(dev, "works", lambda *command: any(".whl" in word for word in command))
    wheel = dev.DEBIAN_WHEELS / "pip-23.0.1-py3-none-any.whl"
    assert dev.find_pip() == [str(dev.PYTHON), str(wheel / "pip")]


def test_where_there_is_no_pip_at_all_the_debian_package_is_named(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "works", lambda *command: False)
    with pytest.raises(SystemExit) as ended:
        dev.find_pip()
    assert ended.value.code == 2
    assert f"apt install python{VERSION}-venv" in capsys.readouterr().err


# --- the node


def test_the_node_gets_an_absolute_data_folder(project: Project) -> None:
    node = json.loads(project.dev("run").stdout)
    assert node["arguments"] == ["runnode"]
    assert node["chainsite"] == {"CHAINSITE_DATA": str(project.folder / "var")}


def test_what_is_given_goes_before_the_environment_and_nothing_else_does(project: Project) -> None:
    options = ("--host", "0.0.0.0", "--port", "5001", "--data", "other", "--dialect", "js")
    given = {"CHAINSITE_PORT": "5002", "CHAINSITE_PEERS": "3"}
    node = json.loads(project.dev("run", *options, "--difficulty", "3", **given).stdout)
    assert node["arguments"] == ["runnode"]
    assert node["chainsite"] == {
        "CHAINSITE_DATA": str(project.folder / "other"),
        "CHAINSITE_HOST": "0.0.0.0",
        "CHAINSITE_PORT": "5001",
        "CHAINSITE_PEERS": "3",
        "CHAINSITE_DIALECT": "js",
        "CHAINSITE_DIFFICULTY": "3",
    }


def test_a_classroom_is_one_option(project: Project) -> None:
    node = json.loads(project.dev("run", "--classroom").stdout)
    assert node["arguments"] == ["runnode"]
    assert node["chainsite"]["CHAINSITE_HOST"] == "0.0.0.0"
    assert node["chainsite"]["CHAINSITE_CLASSROOM"] == "lan"
    options = ("--classroom", "--host", "192.168.7.1")
    node = json.loads(project.dev("run", *options, CHAINSITE_CLASSROOM="10.0.0.0/8").stdout)
    assert node["chainsite"]["CHAINSITE_HOST"] == "192.168.7.1"
    assert node["chainsite"]["CHAINSITE_CLASSROOM"] == "10.0.0.0/8"


def test_the_data_folder_may_come_from_the_environment(project: Project, tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    node = json.loads(project.dev("manage", "check", CHAINSITE_DATA=elsewhere).stdout)
    assert node["chainsite"]["CHAINSITE_DATA"] == elsewhere
    node = json.loads(project.dev("run", "--data", "here", CHAINSITE_DATA=elsewhere).stdout)
    assert node["chainsite"]["CHAINSITE_DATA"] == str(project.folder / "here")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_node_and_its_exit_code_comes_back(
    project: Project, number: signal.Signals
) -> None:
    (project.folder / "manage.py").write_text(NODE_UNTIL_STOPPED)
    start = project.start("run")
    assert start.stdout is not None
    assert start.stdout.readline() == f"node {start.pid}\n"  # one process, so one to signal
    start.send_signal(number)
    out, _ = start.communicate(timeout=5)
    assert out == "stopped\n"
    assert start.returncode == 0


def test_a_network_gets_its_options_in_the_nodes_environment(project: Project) -> None:
    (project.folder / "demo.py").write_text("import sys; print(sys.argv[1])")
    given = json.loads(project.dev("network").stdout)
    assert given == {
        **{"count": 3, "data": None, "dialect": "seed", "difficulty": 3},
        **{"mine_every": 8.0, "partition": False},
    }
    options = ("--data", "kept", "--dialect", "js", "--mine-every", "2.5", "--partition")
    given = json.loads(project.dev("network", "9", *options, "--difficulty", "4").stdout)
    assert given == {
        **{"count": 9, "data": str(project.folder / "kept"), "dialect": "js", "difficulty": 4},
        **{"mine_every": 2.5, "partition": True},
    }
    assert project.installed == ["venv", "run.txt"]


def test_manage_hands_every_argument_on(project: Project) -> None:
    arguments = ["migrate", "--plan", "--data", "mine", "-v", "2", "--", "x y"]
    node = json.loads(project.dev("manage", "--data", "d", *arguments).stdout)
    assert node["arguments"] == arguments
    assert node["chainsite"]["CHAINSITE_DATA"] == str(project.folder / "d")


# --- tests, checks, locks


def test_pytest_gets_every_argument_and_its_exit_code_comes_back(project: Project) -> None:
    arguments = ["-k", "a or b", "--help", "-x", "--", "tests/api"]
    done = project.dev("test", *arguments)
    assert done.stdout.split("\n")[0] == " ".join(["pytest", *arguments])
    assert done.returncode == 0
    assert project.dev("test", STAND_IN_FAILS="pytest").returncode == 7


def test_every_check_is_announced_and_run_even_after_one_failed(project: Project) -> None:
    done = project.dev("check", STAND_IN_FAILS="format")
    announced = re.findall(r"^== (.*)$", done.stderr, re.MULTILINE)
    assert announced == [
        "ruff check",
        "ruff format",
        "mypy",
        "lint-imports",
        "locale",
        "deployment",
        "migrations",
    ]
    assert "makemigrations" in done.stdout
    assert done.stderr.endswith("failed: ruff format\n")
    assert done.returncode == 1


def test_checks_that_all_pass_exit_with_zero_and_touch_no_data(project: Project) -> None:
    done = project.dev("check")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout.splitlines()[-1])["chainsite"]["CHAINSITE_DATA"]
    assert not Path(data).exists()
    assert not (project.folder / "var").exists()


def test_the_locks_are_remade_by_uv_the_run_lock_first(project: Project) -> None:
    assert project.dev("lock", "--upgrade").returncode == 0
    calls = project.uv_calls
    for call, name in zip(calls, LOCKS, strict=True):
        assert f"requirements/{name}.txt" in call
        assert {"--universal", "--generate-hashes", "--no-emit-index-url", "--upgrade"} <= set(call)
    assert not project.venv.exists()


def test_remaking_the_locks_without_uv_says_what_is_missing(project: Project) -> None:
    project.without_uv()
    done = project.dev("lock")
    assert done.returncode == 2
    assert "uv" in done.stderr


# --- the locks themselves


def entries(name: str) -> dict[str, str]:
    """Each entry of a lock, `name==version ; marker`, with the hashes that follow it."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "")
    return dict(line.split(" --hash", 1) for line in map(str.strip, text.splitlines()) if line)


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_is_pinned_and_hashed(name: str) -> None:
    for entry, hashes in entries(name).items():
        assert re.match(r"[a-z0-9-]+==[0-9][0-9a-z.]*( *;.*)?$", entry.strip()), entry
        assert re.match(r"=sha256:[0-9a-f]{64}", hashes), entry


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_and_no_path(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert not re.search(r"://|index-url|find-links|trusted-host| @ |(?:^|\s)[/~]", text)


@pytest.mark.parametrize(("less", "more"), list(itertools.pairwise(LOCKS)))
def test_a_lock_holds_every_pin_of_the_one_before(less: str, more: str) -> None:
    held = {entry.strip() for entry in entries(more)}
    # What only some machines needed may be needed by all for the sake of what was added.
    lacking = {entry.strip() for entry in entries(less)} - held
    assert not [entry for entry in lacking if entry.partition(" ;")[0] not in held]
