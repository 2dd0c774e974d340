"""What every page has around it: its head, its icon, its colours."""

from __future__ import annotations

import html
import math
import re
from pathlib import Path

import pytest
from django.test import Client

from ledger.node.mempool import Submission

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


def head_of(path: str, **headers: str) -> dict[str, str]:
    """What the head says of the page: its metas by name or property, title, canonical address."""
    answer = Client(headers={"Accept": "text/html", **headers}).get(path)
    text = answer.content.decode().split("<body>")[0]
    said = {}
    for tag in re.findall(r"<meta [^>]*>", text):
        for key in re.findall(r'(?:name|property)="([^"]+)"', tag):
            said[key] = html.unescape(re.search(r'content="([^"]*)"', tag)[1])
    said["title"] = html.unescape(re.search(r"<title>(.*?)</title>", text, re.DOTALL)[1])
    said["canonical"] = html.unescape(re.search(r'rel="canonical" href="([^"]*)"', text)[1])
    return said


def test_the_head_says_where_the_page_is_and_what_it_is_about(node):
    head = head_of("/?as=html")

    assert head["canonical"] == head["og:url"] == "http://testserver/"
    assert head["title"] == head["og:title"] == "#1 · chainsite"
    assert head["description"] == head["og:description"]
    assert 'href="/favicon.svg"' in Client().get("/").content.decode()


def test_what_is_shared_says_what_it_is_about_in_the_readers_language(node):
    submission = Submission('<b>"alice"</b>', "bob", 1200)
    uid = node.writer.submit_batched(node.door.accept, submission).result().uid
    hostile = "/address/%3Cb%3E%22alice%22%3C%2Fb%3E"
    paths = ["/", "/blocks", "/block/1", f"/tx/{uid}", hostile, "/pool", "/forks", "/peers"]
    paths += ["/charts", "/search", "/nowhere"]
    heads = {path: head_of(path) for path in paths}

    assert len({head["description"] for head in heads.values()}) == len(paths)
    for path, head in heads.items():
        assert head["og:title"] == head["title"]
        assert head["og:url"] == head["canonical"]
        korean = head_of(path, **{"Accept-Language": "ko"})
        assert re.search("[가-힣]", korean["og:description"]), path
        assert (korean["og:locale"], head["og:locale"]) == ("ko_KR", "en_GB")
    assert heads["/block/1"]["description"].startswith("Block 1: 0 transactions, ")
    assert heads[f"/tx/{uid}"]["og:description"] == (
        'From <b>"alice"</b> to bob: 1,200. Now: pending.'
    )
    assert heads[hostile]["og:title"] == '<b>"alice"</b> · chainsite'


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/blocks?below=9&as=html", "/blocks?below=9"),
        ("/address?name=..", "/address?name=.."),
        ("/address/a%3Fb%23c%25", "/address/a%3Fb%23c%25"),
        ("/address/%EB%B0%A5", "/address/%EB%B0%A5"),
    ],
)
def test_the_canonical_address_leads_to_the_page(node, path, canonical):
    assert head_of(path)["canonical"] == f"http://testserver{canonical}"


@pytest.mark.parametrize(("theme", "name"), [(0, "light"), (1, "dark")])
def test_the_browsers_own_bar_has_the_papers_colour(node, theme, name):
    text = Client().get("/").content.decode()
    tag = re.search(rf'<meta name="theme-color" data-theme="{name}"[^>]*>', text)[0]
    assert f'media="(prefers-color-scheme: {name})"' in tag

    def encoded(channel: float) -> int:
        low = channel <= 0.0031308
        return round(255 * (12.92 * channel if low else 1.055 * channel ** (1 / 2.4) - 0.055))

    wanted = [encoded(channel) for channel in colour("paper", theme)]
    found = bytes.fromhex(re.search(r"#([0-9a-f]{6})", tag)[1])
    assert all(abs(one - other) <= 1 for one, other in zip(wanted, found, strict=True))


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
