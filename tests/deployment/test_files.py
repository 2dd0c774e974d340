"""The files in `deploy/`, held to the settings, commands and programs there are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

from chainsite import configuration
from deploy.local import PROJECT, TEMPLATE, Missing, Topology
from ledger.management.commands.runnode import Command

DEPLOY = PROJECT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NODES = {name: one for name, one in SERVICES.items() if one.get("image") == "chainsite"}
ROLES = {name: one["environment"]["CHAINSITE_ROLE"] for name, one in NODES.items()}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KNOWN = {setting.name: setting for setting in configuration.SETTINGS}


def filled_in(value: str) -> str:
    """What compose makes of it, with nothing in its environment but a password."""
    return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", lambda m: m[3] if m[2] == "-" else "pw", value)


def assert_are_settings(values: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
        KNOWN[name].value()


def unit(path: Path) -> RawConfigParser:
    parsed = RawConfigParser(strict=False, delimiters="=")
    parsed.optionxform = str
    parsed.read(path)
    return parsed


def missing(what: str) -> None:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not installed")


class TestCompose:
    def test_a_node_is_two_web_processes_and_a_worker_with_a_standby(self) -> None:
        assert sorted(ROLES.values()) == ["web", "web", "worker", "worker"]

    @pytest.mark.parametrize("name", NODES)
    def test_what_it_sets_are_settings(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        values = {key: filled_in(value) for key, value in NODES[name]["environment"].items()}
        assert_are_settings(values, monkeypatch)
        assert values["DATABASE_URL"].split("@")[1] == "postgresql/chainsite"
        assert values["REDIS_URL"] == "redis://redis:6379/0"
        assert {"postgresql", "redis"} <= set(SERVICES)

    def test_they_share_the_folder_with_the_secret_key(self) -> None:
        dockerfile = (DEPLOY / "Dockerfile").read_text()
        assert "CHAINSITE_DATA=/data" in dockerfile
        assert all("data:/data" in one["volumes"] for one in NODES.values())

    def test_the_proxy_knows_the_web_processes_and_they_believe_it(self) -> None:
        proxy = SERVICES["nginx"]
        webs = [
            name for name, one in NODES.items() if one["environment"]["CHAINSITE_ROLE"] == "web"
        ]
        servers = "".join(f"server {name}:8000; " for name in webs).strip()
        assert proxy["environment"]["WEB_SERVERS"] == servers
        address = proxy["networks"]["node"]["ipv4_address"]
        for one in NODES.values():
            assert one["environment"]["CHAINSITE_TRUSTED_PROXIES"] == address
        assert set(re.findall(r"\$\{(\w+)\}", TEMPLATE.read_text())) == set(proxy["environment"])

    def test_what_the_image_copies_is_there(self) -> None:
        lines = (DEPLOY / "Dockerfile").read_text().splitlines()
        copied = [line.split()[1] for line in lines if line.startswith("COPY ")]
        assert all((PROJECT / name).exists() for name in copied)
        assert {"manage.py", "chainsite", "ledger", "templates", "static", "locale"} < set(copied)
        assert "requirements/scale.txt" in copied


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
class TestUnits:
    def test_it_starts_a_command_there_is(self, path: Path) -> None:
        words = unit(path)["Service"]["ExecStart"].split()
        assert words[1:3] == ["manage.py", "runnode"]
        parser = Command().create_parser("manage.py", "runnode")
        options = parser.parse_args([word.replace("%i", "8001") for word in words[3:]])
        assert options.role in path.name
        assert options.port == 8001

    def test_its_settings_are_settings(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = Path(unit(path)["Service"]["EnvironmentFile"]).name
        lines = (DEPLOY / "systemd" / file).read_text().splitlines()
        values = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        assert_are_settings(values, monkeypatch)
        assert values["CHAINSITE_DATA"] == f"/var/lib/{unit(path)['Service']['StateDirectory']}"

    def test_it_has_no_more_than_it_needs(self, path: Path) -> None:
        service = unit(path)["Service"]
        assert service["User"] not in ("", "root")
        assert service["CapabilityBoundingSet"] == ""
        for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices"):
            assert service[name] == "yes"
        assert service["ProtectSystem"] == "strict"
        assert service["Restart"] == "always"

    def test_systemd_understands_it(self, path: Path, tmp_path: Path) -> None:
        program = shutil.which("systemd-analyze")
        if program is None:
            pytest.skip("systemd is not installed")
        text = path.read_text().replace("/opt/chainsite/.venv/bin/python", "/bin/true")
        (tmp_path / path.name).write_text(text)
        done = subprocess.run(
            [program, "verify", str(tmp_path / path.name)],
            capture_output=True,
            text=True,
            check=False,
        )
        told = [line for line in done.stderr.splitlines() if path.stem in line]
        assert told == []


class TestNginx:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Iterator[Path]:
        yield tmp_path

    def test_it_takes_the_configuration(self, folder: Path) -> None:
        topology = Topology(folder, webs=0, workers=0, port=8080)
        try:
            part = topology._nginx()
        except Missing as error:
            missing(str(error))
        site = Template(TEMPLATE.read_text()).safe_substitute(
            LISTEN="127.0.0.1:8080", WEB_SERVERS="server 127.0.0.1:8001; server 127.0.0.1:8002;"
        )
        (folder / "chainsite.conf").write_text(site)
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        command = [str(program), "-t", "-e", "stderr", "-c", str(folder / "nginx.conf")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert part.port == 8080

    def test_what_acts_on_get_is_never_sent_twice(self) -> None:
        text = TEMPLATE.read_text()
        (block,) = re.findall(
            r"location ~ \^/\(mine\|nodes/resolve\)/\?\$ \{(.*?)\n    \}", text, re.S
        )
        assert "proxy_next_upstream off;" in block

    def test_what_a_visitor_says_of_itself_does_not_come_through(self) -> None:
        text = TEMPLATE.read_text()
        assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
        assert "proxy_add_x_forwarded_for" not in text
        # A block with a header of its own would lose those of the server.
        assert text.count("proxy_set_header") == len(
            re.findall(r"^    proxy_set_header", text, re.M)
        )
