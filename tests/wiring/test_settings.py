"""Settings: declared once, read where they are declared, and clear about what they cannot be."""

from __future__ import annotations

import ast
import io
import re
from functools import cache
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from chainsite import checks, configuration
from chainsite.kinds import Setting
from ledger.node.network import addresses
from tests.processes import PROJECT, manage_py

NAMES = {setting.name for setting in configuration.SETTINGS}
CODE = [
    *(path for app in ("chainsite", "ledger") for path in (PROJECT / app).rglob("*.py")),
    PROJECT / "manage.py",
    PROJECT / "dev.py",
]


@cache
def walk(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def values_taken(path: Path) -> set[str]:
    """What a module takes from the declarations: X of `configuration.X.value()`."""
    return {
        call.func.value.attr
        for call in walk(path)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "value"
        and isinstance(call.func.value, ast.Attribute)
    }


def test_every_setting_that_is_declared_is_read() -> None:
    declared = {name for name, value in vars(configuration).items() if isinstance(value, Setting)}
    assert values_taken(PROJECT / "chainsite" / "settings.py") == declared - {"VENV"}
    assert '"CHAINSITE_VENV"' in (PROJECT / "dev.py").read_text()


URLS = ("DATABASE_URL", "REDIS_URL")  # others know them by these names


def test_a_setting_is_named_after_its_declaration() -> None:
    for name, value in vars(configuration).items():
        if isinstance(value, Setting) and name not in URLS:
            assert value.name == configuration.PREFIX + name


def test_what_settings_say_of_the_node_is_read_by_someone() -> None:
    text = "".join(path.read_text() for path in CODE if path.name != "settings.py")
    for name in re.findall(r"^(NODE_\w+) =", (PROJECT / "chainsite/settings.py").read_text(), re.M):
        assert f"settings.{name}" in text, name


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_setting_is_named_that_is_not_declared(path: Path) -> None:
    if "CHAINSITE_" not in path.read_text():
        return
    named = {
        name
        for constant in walk(path)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
        for name in re.findall(r"\bCHAINSITE_[A-Z_]*[A-Z]\b", constant.value)
    }
    assert named <= NAMES


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_nobody_else_reads_the_environment(path: Path) -> None:
    if path.name in ("configuration.py", "kinds.py", "dev.py"):
        return
    if not re.search("environ|getenv", path.read_text()):
        return
    read = set()
    for node in walk(path):
        assert not (isinstance(node, ast.Import) and any(n.name == "environ" for n in node.names))
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            read.add(ast.unparse(node.slice))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.environ.get", "os.getenv"):
            read.add(ast.unparse(node.args[0]))
    # What Django's settings are called; and the child process that searches is given a path.
    assert read <= {"'DJANGO_SETTINGS_MODULE'", "'PYTHONPATH'"}


def test_the_policies_for_peers_are_those_the_node_knows() -> None:
    assert all(configuration.PEER_POLICY.parse(name) == name for name in addresses.POLICIES)
    assert "loopback, private, any" in configuration.PEER_POLICY.kind


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DATABASE_URL", "mysql://me@here/chain", "must be the address of a PostgreSQL database"),
        ("DATABASE_URL", "postgresql://me@here", "must be the address of a PostgreSQL database"),
        ("CHAINSITE_PEERS", "many", "must be a whole number, 1 or more, and it is 'many'."),
        ("CHAINSITE_PEERS", "0", "must be a whole number, 1 or more"),
        ("CHAINSITE_POOL_BYTES", "-1", "must be a whole number"),
        ("CHAINSITE_DIFFICULTY", "17", "must be a whole number, 0 to 16"),
        ("CHAINSITE_PORT", "65536", "must be a whole number, 0 to 65535"),
        ("CHAINSITE_PEER_DEADLINE", "nan", "must be a number of seconds above 0"),
        ("CHAINSITE_PEER_DEADLINE", "inf", "must be a number of seconds above 0"),
        ("CHAINSITE_PEER_DEADLINE", "0", "must be a number of seconds above 0"),
        ("CHAINSITE_DIALECT", "sed", "must be one of seed, dvf, js"),
        ("CHAINSITE_DEBUG", "ture", "must be on or off"),
        ("CHAINSITE_LOG_LEVEL", "loud\n\x1b[2J", r"and it is 'loud\n\x1b[2J'"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    setting = next(s for s in configuration.SETTINGS if s.name == name)
    with pytest.raises(ImproperlyConfigured) as refused:
        setting.value()
    assert str(refused.value).startswith(name)
    assert reason in str(refused.value)
    with pytest.raises(ImproperlyConfigured, match=re.escape(str(refused.value))):
        configuration.check()


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("CHAINSITE_DEBUG", "Yes", True),
        ("CHAINSITE_DEBUG", "0", False),
        ("CHAINSITE_DIFFICULTY", "0", 0),
        ("CHAINSITE_DIFFICULTY", "", None),
        ("CHAINSITE_PEERS", " 12 ", 12),
        ("CHAINSITE_PEER_DEADLINE", "1.5", 1.5),
        ("CHAINSITE_ALLOWED_HOSTS", "one.lan, two.lan,", ["one.lan", "two.lan"]),
    ],
)
def test_values_come_with_their_type(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, meant: object
) -> None:
    monkeypatch.setenv(name, value)
    setting = next(s for s in configuration.SETTINGS if s.name == name)
    assert setting.value() == meant
    assert type(setting.value()) is type(meant)


def test_manage_py_names_every_bad_value_at_once_and_ends() -> None:
    done = manage_py("runnode", CHAINSITE_PEERS="many", CHAINSITE_DIALECT="sed")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "manage.py: CHAINSITE_DIALECT must be one of seed, dvf, js, and it is 'sed'.",
        "manage.py: CHAINSITE_PEERS must be a whole number, 1 or more, and it is 'many'.",
    ]


def test_a_name_that_is_no_setting_is_a_warning_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHAINSITE_PERRS", "3")
    monkeypatch.setenv("CHAINSITE_TEST_SEED", "7")
    (warning,) = checks.unknown_settings()
    assert "CHAINSITE_PERRS" in warning.msg
    assert "CHAINSITE_PEERS?" in str(warning.hint)


def test_the_list_says_what_is_in_force_and_where_it_came_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHAINSITE_PEERS", "12")
    out = io.StringIO()
    call_command("listsettings", stdout=out)
    lines = out.getvalue().splitlines()
    assert {line.split()[0] for line in lines if not line.startswith(" ")} == NAMES
    given = lines.index("CHAINSITE_PEERS = 12")
    assert lines[given + 1].strip() == (
        "from the environment; the default is 64; a whole number, 1 or more"
    )
    assert lines[given + 2].strip() == "How many peers are kept."
    assert "the default" in lines[lines.index("CHAINSITE_DEBUG = off") + 1]
