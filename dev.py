#!/usr/bin/env python3
"""Run, test and look after chainsite, with nothing but Python 3.11 or newer.

The packages live in `.venv` beside this file (CHAINSITE_VENV names another folder), installed
from the hash-pinned locks in `requirements/`: with uv where it is on PATH, else with venv and
pip. A stamp inside the environment says which locks it holds, so only a first start, or the
first one after a lock changed, installs anything.
"""

import sys

if sys.version_info < (3, 11):  # first of all: an old Python need only parse what follows
    found = ".".join(map(str, sys.version_info[:3]))
    sys.stderr.write(
        f"dev.py: chainsite needs Python 3.11 or newer; this is {found} ({sys.executable}).\n"
        "Start dev.py with a newer one, for example: python3.11 dev.py run\n"
    )
    sys.exit(2)

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

ROOT = Path(__file__).resolve().parent
VENV = ROOT / (os.environ.get("CHAINSITE_VENV") or ".venv")
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "chainsite-stamp.json"
# Started from inside a virtual environment (perhaps the one to be remade), this is the Python
# that environment was made from.
BASE_PYTHON = str(getattr(sys, "_base_executable", None) or sys.executable)
DEBIAN_WHEELS = Path("/usr/share/python-wheels")
VERSION = "{}.{}".format(*sys.version_info)

# Each of these locks holds every pin of those before it.
LOCKS = ("run", "lan", "scale", "fast", "test")
RUN, LAN, SCALE, FAST, TEST = (LOCKS[: n + 1] for n in range(len(LOCKS)))


def say(message: str) -> None:
    """Speak on stderr, so that `manage dumpdata > file` stays clean."""
    print(message, file=sys.stderr, flush=True)


def stop(message: str, code: int = 2) -> NoReturn:
    """End with a message: 2 when this machine cannot do it, 1 when an attempt failed."""
    say(f"dev.py: {message}")
    raise SystemExit(code)


def wanted(locks: tuple[str, ...]) -> dict[str, str]:
    """The stamp of an environment that holds these locks as they are now."""
    digests = {
        name: hashlib.sha256((ROOT / "requirements" / f"{name}.txt").read_bytes()).hexdigest()
        for name in locks
    }
    return {"python": f"{sys.implementation.name} {VERSION}", **digests}


def held() -> dict[str, str]:
    """The stamp in the environment; empty where there is none to be trusted."""
    try:
        stamp = json.loads(STAMP.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def broken() -> str:
    """Why the folder cannot serve as our environment, or an empty string."""
    try:
        config = (VENV / "pyvenv.cfg").read_text("utf-8")
    except OSError:
        return "it is not a virtual environment"
    if not PYTHON.exists():  # also true of a link to a Python that was uninstalled
        return "its Python is gone"
    # venv writes `version`, uv writes `version_info`
    version = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", config, re.MULTILINE)
    if version is None or version[1] != VERSION:
        return f"it was made for Python {version[1] if version else '?'}, and this is {VERSION}"
    return ""


def ready(locks: tuple[str, ...]) -> bool:
    """Whether the environment holds these locks already (a few milliseconds)."""
    return not broken() and wanted(locks).items() <= held().items()


def prepare(locks: tuple[str, ...]) -> None:
    """Install what these locks name, unless it is there."""
    if ready(locks):
        return
    with alone(VENV.with_name(VENV.name + ".lock")) as lock_file:
        if not ready(locks):  # another start may just have done it
            install(locks, lock_file)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[IO[bytes]]:
    """Hold a lock file, so that two first starts install once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as lock_file:
        if not try_lock(lock_file):
            say("Waiting for another dev.py that is installing ...")
            while not try_lock(lock_file):
                time.sleep(0.1)
        yield lock_file


def try_lock(lock_file: IO[bytes]) -> bool:
    """Take the lock if it is free; closing the file gives it back."""
    try:
        if sys.platform == "win32":
            lock_file.seek(0)
            msvcrt.locking(lock_file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # held; anything else would be waited for in vain
        return False
    return True


def install(locks: tuple[str, ...], lock_file: IO[bytes]) -> None:
    """Bring the environment to these locks, and write the stamp last.

    Only one thing is done in place: adding a larger lock to an environment that holds a current
    one. Anything else starts from an empty folder, because what an interrupted or older install
    left behind cannot be told from what belongs there.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave through subprocess.run's kill
    target = wanted(locks)
    add = not broken() and bool(held()) and held().items() <= target.items()
    if not add:
        clear()
    lock = ROOT / "requirements" / f"{locks[-1]}.txt"
    say(f"Installing {lock.relative_to(ROOT)} into {VENV} (first start only) ...")
    STAMP.unlink(missing_ok=True)
    begun = time.monotonic()
    if not with_uv(lock, add, lock_file) and not with_pip(lock, add, lock_file):
        stop("the packages could not be installed; the installer's words are above.", 1)
    unfinished = STAMP.with_suffix(".new")
    unfinished.write_text(json.dumps(target, indent=2) + "\n", "utf-8")
    unfinished.replace(STAMP)
    say(f"Installed in {time.monotonic() - begun:.0f} s.")


def clear() -> None:
    """Remove an environment that cannot be used, with a word about it."""
    if not VENV.exists() or (VENV.is_dir() and not any(VENV.iterdir())):
        return
    reason = broken() or ("its packages are not the locked ones" if held() else "it is unfinished")
    if VENV != ROOT / ".venv" and not (VENV / "pyvenv.cfg").is_file():
        stop(f"CHAINSITE_VENV names {VENV}, which is no virtual environment; name another folder.")
    say(f"Remaking {VENV}: {reason}.")
    shutil.rmtree(VENV) if VENV.is_dir() else VENV.unlink()


def with_uv(lock: Path, add: bool, lock_file: IO[bytes]) -> bool:
    """Make the environment with uv; False where there is none or it fails."""
    uv = shutil.which("uv")
    if uv is None:
        return False
    make = [uv, "venv", "--quiet", "--python", BASE_PYTHON, str(VENV)]
    # Compiled now, as pip does it: else the first processes all compile the same files.
    fill = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON)]
    fill += ["--no-deps", "--require-hashes", "--requirements", str(lock)]
    if (add or quietly(make, lock_file)) and quietly(fill, lock_file):
        return True
    # uv does not read pip's configuration, which may name the only index in reach
    say("uv could not do it; trying pip ...")
    return False


def with_pip(lock: Path, add: bool, lock_file: IO[bytes]) -> bool:
    """Make the environment with venv and pip."""
    # --without-pip: venv would refuse outright where Debian has taken ensurepip away
    make = [BASE_PYTHON, "-m", "venv", "--without-pip", str(VENV)]
    if not add:
        shutil.rmtree(VENV, ignore_errors=True)
        if not quietly(make, lock_file):
            return False
    fill = [*find_pip(), "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(lock)]
    return quietly(fill, lock_file, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1")


def find_pip() -> list[str]:
    """A pip that installs into the environment: its own, this Python's, or Debian's wheel."""
    works(str(PYTHON), "-m", "ensurepip")
    wheels = sorted(DEBIAN_WHEELS.glob("pip-*.whl"), reverse=True)
    candidates = [
        [str(PYTHON), "-m", "pip"],
        [BASE_PYTHON, "-m", "pip", "--python", str(PYTHON)],
        *([str(PYTHON), str(wheel / "pip")] for wheel in wheels),
    ]
    for candidate in candidates:
        if works(*candidate, "--version"):
            return candidate
    stop(
        f"Python {VERSION} ({BASE_PYTHON}) has no pip to install with.\n"
        f"On Debian and Ubuntu: apt install python{VERSION}-venv (or install uv), then try again."
    )


def works(*command: str) -> bool:
    """Whether the command ends well; what it prints is of no interest."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def quietly(command: list[str], lock_file: IO[bytes], **extra: str) -> bool:
    """Run an installer silently; where it fails, show what it said."""
    # The installer keeps the lock open too: should this process be killed, the next start
    # still waits until the installer it left behind has ended.
    keep = () if os.name == "nt" else (lock_file.fileno(),)
    done = subprocess.run(
        command,
        env={**os.environ, **extra},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=keep,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        say(f"$ {' '.join(command)}\n{done.stdout.rstrip()}\n(exit code {done.returncode})")
    return done.returncode == 0


def run(options: argparse.Namespace) -> NoReturn:
    prepare(FAST if options.fast else max(LAN if options.lan else RUN, node_locks(), key=len))
    environment = node_environment(options.data)
    for name in ("host", "port", "dialect", "difficulty"):  # left alone, what is set elsewhere
        value = getattr(options, name)
        if value is not None:
            environment[f"CHAINSITE_{name.upper()}"] = str(value)
    if options.classroom:
        environment.setdefault("CHAINSITE_CLASSROOM", "lan")
    if options.lan:
        environment.setdefault("CHAINSITE_DISCOVERY", "mdns")
    if options.lan or options.classroom:
        environment.setdefault("CHAINSITE_HOST", "0.0.0.0")
    hand_over([str(ROOT / "manage.py"), "runnode"], environment)


def network(options: argparse.Namespace) -> NoReturn:
    prepare(RUN)
    values = {name: value for name, value in vars(options).items() if name != "command"}
    values["data"] = options.data and str(Path(options.data).absolute())
    os.chdir(ROOT)
    hand_over(["-m", "demo", json.dumps(values)], dict(os.environ))


def cluster(options: argparse.Namespace) -> NoReturn:
    prepare(SCALE)
    os.chdir(ROOT)
    hand_over(["-m", "deploy.local", *options.arguments], dict(os.environ))


def node_locks() -> tuple[str, ...]:
    """The locks a node needs that lives where the environment says."""
    return SCALE if os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL") else RUN


def manage(options: argparse.Namespace) -> NoReturn:
    prepare(node_locks())
    hand_over([str(ROOT / "manage.py"), *options.arguments], node_environment(options.data))


def test(options: argparse.Namespace) -> NoReturn:
    prepare(TEST)
    os.chdir(ROOT)
    hand_over(["-m", "pytest", *options.arguments], dict(os.environ))


def check(_options: argparse.Namespace) -> NoReturn:
    prepare(TEST)
    with tempfile.TemporaryDirectory() as data:  # the checks read settings, never a node's data
        steps: dict[str, list[str | Path]] = {
            "ruff check": [PYTHON, "-m", "ruff", "check"],
            "ruff format": [PYTHON, "-m", "ruff", "format", "--check"],
            "mypy": [PYTHON, "-m", "mypy"],
            "lint-imports": [BIN / "lint-imports", "--no-logo"],
            "locale": [PYTHON, "-m", "tests.catalogue"],
            "deployment": [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
            "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
        }
        failed = []
        for name, command in steps.items():
            say(f"== {name}")
            environment = node_environment(data)
            if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
                failed.append(name)
    if failed:
        stop(f"failed: {', '.join(failed)}", 1)
    say("All checks passed.")
    raise SystemExit(0)


def screenshots(options: argparse.Namespace) -> NoReturn:
    prepare(TEST)
    hand_over([str(ROOT / "docs" / "screenshots.py"), *options.names], dict(os.environ))


def measure(options: argparse.Namespace) -> NoReturn:
    prepare(TEST)
    os.chdir(ROOT)
    hand_over(["-m", "bench", *options.arguments], dict(os.environ))


def lock(options: argparse.Namespace) -> NoReturn:
    uv = shutil.which("uv")
    if uv is None:
        stop("remaking the locks needs uv on PATH (only developers do this): pip install uv")
    command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    for name in TEST:  # in this order: each is held to the one before
        files = [f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt"]
        say(f"Locking {files[0]} ...")
        if subprocess.run([*command, *files, *options.uv], cwd=ROOT, check=False).returncode != 0:
            stop(f"{files[2]} was not remade.", 1)
    raise SystemExit(0)


def node_environment(data: str | None) -> dict[str, str]:
    """The process environment with an absolute CHAINSITE_DATA: option, environment, `var`."""
    folder = Path(data or os.environ.get("CHAINSITE_DATA") or ROOT / "var").absolute()
    return {**os.environ, "CHAINSITE_DATA": str(folder)}


def hand_over(arguments: list[str], environment: dict[str, str]) -> NoReturn:
    """Become the environment's Python, so that signals and the exit code are its own."""
    command = [str(PYTHON), *arguments]
    if os.name != "nt":
        os.execve(command[0], command, environment)
    with subprocess.Popen(command, env=environment) as child:
        while child.poll() is None:
            # the console sends Ctrl-C to the child as well: let it end by itself
            with contextlib.suppress(KeyboardInterrupt):
                child.wait()
    raise SystemExit(child.returncode)


def seconds(text: str) -> float:
    """A time; argparse names this function where the text is none."""
    value = float(text)
    if not 0.1 <= value <= 86400:
        raise ValueError
    return value


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev.py", description="Run, test and look after chainsite.", allow_abbrev=False
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    node = commands.add_parser("run", help="start a node; installs what it needs on first use")
    node.add_argument("--host", help="address to listen on (127.0.0.1)")
    node.add_argument("--port", type=int, help="port to listen on (8000)")
    node.add_argument("--data", help="folder of the chain, pool and identity (var)")
    node.add_argument("--dialect", choices=("seed", "dvf", "js"), help="which peers to speak to")
    node.add_argument("--difficulty", type=int, help="leading zeros a proof needs")
    node.add_argument(
        "--classroom",
        action="store_true",
        help="serve the local network; everybody on it may mine and resolve",
    )
    node.add_argument(
        "--fast", action="store_true", help="install the quick search for proofs (LLVM, 170 MB)"
    )
    node.add_argument(
        "--lan",
        action="store_true",
        help="serve the local network, be found on it and find others (multicast DNS)",
    )
    node.set_defaults(command=run)

    several = commands.add_parser("network", help="start several nodes, joined, and watch them")
    several.add_argument(
        "count",
        nargs="?",
        type=int,
        choices=range(2, 10),
        default=3,
        metavar="N",
        help="how many, 2 to 9 (3)",
    )
    several.add_argument("--data", help="folder to keep theirs in (a temporary one)")
    several.add_argument(
        "--dialect", choices=("seed", "dvf", "js"), default="seed", help="which they speak (seed)"
    )
    several.add_argument("--difficulty", type=int, default=3, help="leading zeros of a proof (3)")
    several.add_argument(
        "--mine-every", type=seconds, default=8.0, metavar="SECONDS", help="more or less (8)"
    )
    several.add_argument(
        "--partition", action="store_true", help="cut the network in two now and then, and heal it"
    )
    several.set_defaults(command=network)

    shared = commands.add_parser(
        "cluster", help="one node as several processes: PostgreSQL, Redis, nginx; --help says more"
    )
    shared.set_defaults(command=cluster, arguments=[])

    tests = commands.add_parser("test", help="run the tests; every argument goes to pytest")
    tests.set_defaults(command=test, arguments=[])

    django = commands.add_parser("manage", help="run a command of manage.py")
    django.add_argument("--data", help="folder of the chain, pool and identity (var)")
    django.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND [ARGS]")
    django.set_defaults(command=manage)

    checks = commands.add_parser("check", help="lint, types, imports, locale, settings, migrations")
    checks.set_defaults(command=check)

    images = commands.add_parser("screenshots", help="remake docs/images with Chromium")
    images.add_argument("names", nargs="*", metavar="IMAGE", help="only these")
    images.set_defaults(command=screenshots)

    bench = commands.add_parser("bench", help="measure against the article's node: bench --help")
    bench.set_defaults(command=measure, arguments=[])

    locks = commands.add_parser("lock", help="remake requirements/*.txt (developers; needs uv)")
    locks.add_argument("--upgrade", dest="uv", action="store_const", const=["--upgrade"])
    locks.set_defaults(command=lock, uv=[])

    # argparse would take their options for its own
    for name, command in (("test", test), ("bench", measure), ("cluster", cluster)):
        if arguments[:1] == [name]:
            return argparse.Namespace(command=command, arguments=arguments[1:])
    options = parser.parse_args(arguments)
    if not hasattr(options, "command"):
        parser.print_help()
        raise SystemExit(0)
    return options


def main() -> NoReturn:
    options = parse(sys.argv[1:])
    try:
        options.command(options)
    except KeyboardInterrupt:
        stop("interrupted.", 130)
    raise SystemExit(0)


if __name__ == "__main__":
    main()
