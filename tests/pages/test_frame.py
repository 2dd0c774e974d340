"""What every page has around it: its head, its icon, its colours."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from django.test import Client

STATIC = Path(__file__).resolve().parents[2] / "static"
TOKENS = (STATIC / "css" / "tokens.css").read_text()

TEXT = [
    *(
        (ink, ground)
        for ink in ("ink", "soft", "thread-ink", "accent")
        for ground in ("paper", "sheet")
    ),
    *(
        (state, ground)
        for state in ("good", "wait", "bad", "back")
        for ground in ("sheet", f"{state}-wash")
    ),
    ("accent-ink", "accent"),
    ("accent-ink", "accent-hover"),
]
SHAPES = [
    ("line-strong", "sheet"),
    ("line-strong", "paper"),
    ("accent", "paper"),
    ("thread", "sheet"),
]


def colour(token: str, theme: int) -> tuple[float, float, float]:
    """The token's linear sRGB in a theme: 0 is light, 1 dark."""
    found = re.search(rf"--{token}: light-dark\((oklch\([^)]*\)), (oklch\([^)]*\))\)", TOKENS)
    assert found, f"--{token} does not say both its colours"
    lightness, chroma, hue = re.findall(r"[\d.]+", found[theme + 1])[:3]
    angle = math.radians(float(hue))
    a, b = float(chroma) * math.cos(angle), float(chroma) * math.sin(angle)
    big = float(lightness) / 100
    l, m, s = (  # noqa: E741  # the names of the cone responses
        (big + x * a + y * b) ** 3
        for x, y in ((0.3963, 0.2158), (-0.1056, -0.0639), (-0.0895, -1.2915))
    )
    channels = (
        4.0767 * l - 3.3077 * m + 0.2310 * s,
        -1.2684 * l + 2.6098 * m - 0.3413 * s,
        -0.0042 * l - 0.7034 * m + 1.7076 * s,
    )
    return tuple(min(1, max(0, channel)) for channel in channels)


def contrast(one: str, other: str, theme: int) -> float:
    light, dark = sorted(
        (
            sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), colour(token, theme), strict=True))
            for token in (one, other)
        ),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read(ink, ground, theme):
    assert contrast(ink, ground, theme) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_what_can_be_pressed_or_typed_into_has_an_edge(shape, ground, theme):
    if (shape, theme) == ("thread", 0):
        pytest.skip("the thread is ornament: its blocks have words")
    assert contrast(shape, ground, theme) >= 3


def test_no_other_sheet_brings_colours_of_its_own():
    """A colour that is no token would not follow the theme."""
    for sheet in (STATIC / "css").glob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
        own = re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s,)])|\brgba?\(|\bhsl\(", text)
        assert set(own) <= {"#fff"}, sheet.name  # the ground of a QR code


def test_the_head_says_where_the_page_is_and_what_it_is_about(node):
    text = Client().get("/?as=html").content.decode()

    assert '<link rel="canonical" href="http://testserver/">' in text
    assert "<title>#1 · chainsite</title>" in text
    assert 'property="og:description"' in text
    assert 'href="/favicon.svg"' in text


def test_every_page_that_is_linked_has_a_title_of_its_own(node):
    client = Client()
    pages = ["/", "/blocks", "/pool", "/forks", "/peers", "/charts", "/search", "/block/1"]
    titles = []
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        titles += re.findall(r"<title>(.*?)</title>", answer.content.decode().split("<body>")[0])
    assert len(titles) == len(set(titles)) == len(pages), titles


def test_the_icon_is_the_networks(node, ledger_db):
    icon = Client().get("/favicon.svg")

    assert icon["Content-Type"] == "image/svg+xml"
    assert "max-age" in icon["Cache-Control"]
    assert re.search(rb"hsl\(\d+ 62% 52%\)", icon.content)


def test_a_page_brings_the_cookie_for_its_forms_and_keeps_the_one_there_is(node):
    client = Client()
    client.get("/blocks")
    first = client.cookies["csrftoken"].value
    client.get("/pool")

    assert client.cookies["csrftoken"].value == first


def test_the_projectors_page_has_nothing_to_press(node):
    text = Client().get("/kiosk").content.decode()

    assert "<form" not in text
    assert "<nav" not in text
    assert 'id="transactions"' in text
