"""The topology of compose.yaml on this machine, without containers.

    python3 dev.py cluster

starts PostgreSQL, Redis and nginx from the system's packages, each in a folder of its own, and
around them web processes and workers of one node. Kill any of them and look what happens. The
tests run this very topology. Standard library only: it starts processes and waits for them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Final, Protocol

PROJECT: Final = Path(__file__).resolve().parent.parent
TEMPLATE: Final = PROJECT / "deploy" / "nginx" / "chainsite.conf.template"
PATIENCE: Final = 120.0  # seconds for a part to answer
_HERE: Final = "127.0.0.1"

_NGINX: Final = """
daemon off;
$user
pid $folder/nginx.pid;
worker_processes 1;
error_log $folder/nginx.log warn;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    include $folder/chainsite.conf;
}
"""


class Missing(Exception):
    """A program that the topology needs is not installed."""


class Running(Protocol):
    """A process, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def send_signal(self, sig: int, /) -> None: ...

    def wait(self, timeout: float | None = None, /) -> int: ...


Launch = Callable[[Sequence[str], dict[str, str], Path], Running]
"""Starts `manage.py` with these arguments and environment; what it prints goes to the file."""


@dataclass
class Part:
    """One of the processes: how it is started, and when it is ready."""

    name: str
    launch: Callable[[], Running]
    is_ready: Callable[[], bool]
    port: int = 0
    process: Running | None = None
    stop_with: signal.Signals = signal.SIGTERM

    @property
    def url(self) -> str:
        return f"http://{_HERE}:{self.port}"

    def start(self) -> None:
        self.process = self.launch()

    def wait_until_ready(self, patience: float = PATIENCE) -> None:
        """Raises `RuntimeError` where it ends, or is not ready in time."""
        deadline = time.monotonic() + patience
        while not self.is_ready():
            if not self.runs:
                raise RuntimeError(f"{self.name} ended before it was ready")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not ready after {patience:.0f} seconds")
            time.sleep(0.05)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        """Ask it to end, and insist after a while. Idempotent."""
        if self.process is None or not self.runs:
            return
        self.signal(signal.SIGCONT)
        self.signal(self.stop_with)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Topology:
    """Parts by name: `web-1` …, `worker-1` …, `nginx`, and `redis` and `postgresql` if asked for.

    `folder` must be short: sockets' paths are. `environment` goes to all processes of the node.
    """

    folder: Path
    webs: int = 2
    workers: int = 2
    database: str = "postgresql"
    has_redis: bool = True
    port: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    launch: Launch | None = None
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.parts["nginx"].url

    @property
    def node_environment(self) -> dict[str, str]:
        """What all processes of the node have, and commands beside them need."""
        values = {
            **os.environ,
            "CHAINSITE_DATA": str(self.folder / "data"),
            "CHAINSITE_TRUSTED_PROXIES": _HERE,
            "CHAINSITE_PUBLIC_ADDRESS": f"{_HERE}:{self.port}",
        }
        if self.has_redis:
            values["REDIS_URL"] = f"unix://{self.folder}/redis.sock"
        if self.database == "postgresql":
            values["DATABASE_URL"] = f"postgresql://chainsite@/postgres?host={self.folder}"
        return values | self.environment

    def start(self) -> None:
        """Start all parts and wait until visitors are served. Raises `Missing`."""
        self.folder.chmod(0o755)
        self.port = self.port or _free_port()
        if self.database == "postgresql":
            self._begin(self._postgresql())
        if self.has_redis:
            self._begin(self._redis())
        nodes = [self._node("worker", n) for n in range(1, self.workers + 1)]
        nodes += [self._node("web", n) for n in range(1, self.webs + 1)]
        for part in nodes:
            self.parts[part.name] = part
            part.start()
        self._begin(self._nginx())
        for part in nodes:
            part.wait_until_ready()

    def token(self) -> str:
        """A new access token: it lets a program do what the operator may."""
        return self.manage("token", "create", "local").split()[-1]

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` beside the node; what it printed."""
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        done = subprocess.run(
            command, env=self.node_environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def close(self) -> None:
        """Stop all parts, the node's first. Idempotent."""
        for part in sorted(self.parts.values(), key=lambda part: not part.name.startswith("w")):
            part.stop()

    def _begin(self, part: Part) -> None:
        self.parts[part.name] = part
        part.start()
        part.wait_until_ready()

    def _node(self, role: str, number: int) -> Part:
        name, port = f"{role}-{number}", _free_port()
        arguments = ["runnode", "--role", role, "--host", _HERE, "--port", str(port)]
        log = self.folder / f"{name}.log"

        def launch() -> Running:
            return (self.launch or _manage_py)(arguments, self.node_environment, log)

        return Part(name, launch, lambda: _answers(f"http://{_HERE}:{port}/readyz"), port)

    def _redis(self) -> Part:
        program, socket_file = _program("redis-server"), self.folder / "redis.sock"
        command = [program, "--port", "0", "--unixsocket", str(socket_file)]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]

        def launch() -> Running:
            return _start(command, self.folder / "redis.log")

        return Part("redis", launch, lambda: _accepts(socket_file))

    def _nginx(self) -> Part:
        program = _program("nginx", "/usr/sbin")
        webs = [part for part in self.parts.values() if part.name.startswith("web-")]
        servers = "\n    ".join(
            f"server {_HERE}:{part.port} max_fails=1 fail_timeout=1s;" for part in webs
        )
        words = {"LISTEN": f"{_HERE}:{self.port}", "WEB_SERVERS": servers}
        site = Template(TEMPLATE.read_text()).safe_substitute(words)
        (self.folder / "chainsite.conf").write_text(site)
        user = "user root;" if os.geteuid() == 0 else ""
        main = Template(_NGINX).substitute(user=user, folder=self.folder)
        (self.folder / "nginx.conf").write_text(main)
        command = [program, "-e", f"{self.folder}/nginx.log", "-c", f"{self.folder}/nginx.conf"]

        def launch() -> Running:
            return _start(command, self.folder / "nginx.out")

        return Part("nginx", launch, lambda: _accepts((_HERE, self.port)), self.port)

    def _postgresql(self) -> Part:
        newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
        data = self.folder / "postgresql"
        user = "postgres" if os.geteuid() == 0 else None  # it does not run as root
        if not data.exists():
            data.mkdir(mode=0o700)
            if user:
                shutil.chown(data, user)
                shutil.chown(self.folder, user)
            command = [_program("initdb", *map(str, newest)), "-D", str(data), "-U", "chainsite"]
            command += ["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
            subprocess.run(command, user=user, cwd=data, check=True, stdout=subprocess.DEVNULL)
        command = [_program("postgres", *map(str, newest)), "-D", str(data)]
        command += ["-c", "listen_addresses=", "-k", str(self.folder)]

        def launch() -> Running:
            return _start(command, self.folder / "postgresql.log", user)

        # Its own fast shutdown: the polite one waits for whoever is connected.
        ready = self.folder / ".s.PGSQL.5432"
        return Part("postgresql", launch, lambda: _accepts(ready), stop_with=signal.SIGINT)


def _start(
    command: Sequence[str],
    log: Path,
    user: str | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            user=user,
            env=environment,
            start_new_session=True,  # Ctrl-C at the terminal is for us alone
        )


def _manage_py(
    arguments: Sequence[str], environment: dict[str, str], log: Path
) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
    return _start(command, log, environment=environment)


def _program(name: str, *folders: str) -> str:
    path = os.pathsep.join([*folders, os.environ.get("PATH", "")])
    if found := shutil.which(name, path=path):
        return found
    raise Missing(f"{name} is not installed (apt-get install redis-server nginx-light postgresql)")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_HERE, 0))
        port: int = one.getsockname()[1]
        return port


def _accepts(address: Path | tuple[str, int]) -> bool:
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family) as one, contextlib.suppress(OSError):
        one.connect(str(address) if isinstance(address, Path) else address)
        return True
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def _folder(given: str | None) -> Iterator[Path]:
    if given:
        path = Path(given).resolve()
        path.mkdir(parents=True, exist_ok=True)
        yield path
        return
    path = Path(tempfile.mkdtemp(prefix="chainsite-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="dev.py cluster", description="Several processes of one node, with all they need."
    )
    parser.add_argument("--web", type=int, default=2, help="web processes (2)")
    parser.add_argument("--workers", type=int, default=2, help="workers; all but one stand by (2)")
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--no-redis", action="store_true", help="they look by the clock alone")
    parser.add_argument("--port", type=int, default=8080, help="where visitors come in (8080)")
    parser.add_argument("--data", help="a folder that stays; a temporary one by default")
    options = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with _folder(options.data) as folder:
        topology = Topology(
            folder,
            webs=options.web,
            workers=options.workers,
            database=options.database,
            has_redis=not options.no_redis,
            port=options.port,
        )
        try:
            topology.start()
            print(f"{topology.url}/ is served; what they write is in {folder}/*.log")
            for part in topology.parts.values():
                assert part.process is not None
                where = part.url if part.port else ""
                print(f"  {part.name:<12} {part.process.pid:>7}  {where}")
            print("Mining needs a token, since a proxy's visitors may be anybody:")
            print(f"  curl -H 'Authorization: Bearer {topology.token()}' {topology.url}/mine")
            print("Ctrl-C stops it all.", flush=True)
            stopping.wait()
        except (Missing, RuntimeError) as error:
            sys.exit(str(error))
        finally:
            topology.close()


if __name__ == "__main__":
    main()
