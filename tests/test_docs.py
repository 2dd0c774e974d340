"""What the documents say exists, exists; what exists, they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import get_resolver

from chainsite import configuration
from ledger.api import urls as api_urls
from ledger.live import consumers
from ledger.node import events

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text()
INSTRUMENTS = (PROJECT / "docs" / "instruments.md").read_text()
SETTINGS = (PROJECT / "docs" / "settings.md").read_text()


def test_the_table_of_settings_is_the_one_they_make() -> None:
    assert configuration.as_markdown() == SETTINGS, "listsettings --markdown > docs/settings.md"


def test_the_readme_leads_to_the_table_of_settings() -> None:
    assert "(docs/settings.md)" in README


@pytest.mark.parametrize(
    "document",
    [PROJECT / "README.md", *sorted(PROJECT.glob("docs/*.md"))],
    ids=lambda path: path.name,
)
def test_no_document_names_a_setting_that_there_is_not(document: Path) -> None:
    named = set(re.findall(r"\bCHAINSITE_[A-Z_]*[A-Z]\b", document.read_text()))
    known = {setting.name for setting in configuration.SETTINGS}
    assert {name for name in named if not name.startswith("CHAINSITE_TEST_")} <= known


@pytest.mark.parametrize(
    "command",
    sorted(
        path.stem
        for app in ("chainsite", "ledger")
        for path in (PROJECT / app / "management" / "commands").glob("*.py")
        if path.stem != "__init__"
    ),
)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert re.search(rf"\| `{command}[ `\[]", README)


@pytest.mark.parametrize("kind", events.KINDS)
def test_every_event_is_in_the_readme(kind: str) -> None:
    assert f"`{kind}`" in README


@pytest.mark.parametrize(
    "path", [pattern.pattern.regex.pattern for pattern in api_urls.urlpatterns]
)
def test_every_endpoint_is_in_the_readme(path: str) -> None:
    plain = "/" + path.removeprefix("^").removesuffix("/?$").removesuffix(r"\Z")
    assert re.search(rf"`(GET|POST) {re.escape(plain)}(\?\S+)?`", README)


def test_the_sockets_path_and_close_code_are_in_the_readme() -> None:
    assert "`/ws/`" in README
    assert str(consumers.TOO_SLOW) in README


def test_every_system_check_is_in_the_document_on_instruments() -> None:
    source = (PROJECT / "chainsite" / "checks.py").read_text()
    ids = re.findall(r'id="(chainsite\.\w+)"', source)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"`(chainsite\.[A-Z]\d+)`", INSTRUMENTS)) == set(ids)


def test_every_file_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (PROJECT / target).exists(), target


def test_every_url_has_a_name() -> None:
    unnamed = [
        pattern
        for resolver in get_resolver().url_patterns
        if getattr(resolver, "app_name", None) != "admin"  # Django's own
        for pattern in getattr(resolver, "url_patterns", [resolver])
        if pattern.name is None
    ]
    assert unnamed == []


@pytest.mark.parametrize(
    "line", ["run", "test", "manage", "check", "lock", "network", "bench", "cluster"]
)
def test_every_subcommand_of_dev_py_is_in_a_document(line: str) -> None:
    documents = README + (PROJECT / "CHANGELOG.md").read_text()
    assert re.search(rf"dev\.py [^\n]*\b{line}\b|`{line}`", documents)
