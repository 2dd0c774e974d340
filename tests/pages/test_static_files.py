"""Styles, scripts and the mark come with the right types, under the same rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "static"
TYPES = {
    ".css": 'text/css; charset="utf-8"',
    ".js": 'text/javascript; charset="utf-8"',
    ".svg": "image/svg+xml",
}
FILES = sorted(
    str(path.relative_to(STATIC)) for path in STATIC.rglob("*.*") if "vendor" not in path.parts
)


@pytest.mark.parametrize("name", FILES)
def test_a_static_file_has_its_type(browser, name):
    response = browser.ask("get", f"/static/{name}")

    assert response.status_code == 200
    assert response["Content-Type"] == TYPES[Path(name).suffix]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "script-src 'self'" in response["Content-Security-Policy"]


def test_all_that_the_page_names_is_there(browser):
    page = browser.get()
    named = re.findall(r'"/static/([^"]+)"', page.text)

    assert len(named) >= 6
    assert set(named) <= set(FILES)


def test_scripts_import_only_each_other():
    for path in (STATIC / "js").glob("*.js"):
        for name in re.findall(r'from "([^"]+)"', path.read_text()):
            assert name.startswith(("./", "../vendor/"))
            assert (path.parent / name).is_file(), f"{path.name} imports {name}"


def test_no_script_reads_text_as_markup_or_as_code():
    forbidden = r"innerHTML|outerHTML|AdjacentHTML|document\.write|\beval\(|Function\(|\.style\b"
    for path in (STATIC / "js").glob("*.js"):
        assert not re.search(forbidden, path.read_text()), path.name


def test_no_style_asks_another_host():
    for path in (STATIC / "css").glob("*.css"):
        assert not re.search(r"url\(|@import|//[a-z]", path.read_text()), path.name


@pytest.mark.parametrize("path", ["/static/", "/static/../manage.py", "/static/%2e%2e/manage.py"])
def test_nothing_else_is_served_from_there(browser, path):
    assert (browser.ask("get", path)).status_code == 404
