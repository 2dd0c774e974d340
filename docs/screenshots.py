"""Make the images of the README: `python3 dev.py screenshots [IMAGE …]`.

Two nodes with sample data, of which one changes over to the other's longer chain, and the system's
Chromium to look at them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from tests.processes import NodeProcess  # noqa: E402  # found from here only

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PEOPLE = ("alice", "밥", "carol", "다은", "erin", "frank", "6b4f1c2d3e4f5a6b7c8d9e0f1a2b851e")
NAMES = ("chromium", "chromium-browser", "google-chrome")

# Name: page, screen, theme, language.
IMAGES = {
    "dashboard": ("/", WIDE, "light", "en"),
    "dashboard-dark": ("/", WIDE, "dark", "en"),
    "dashboard-korean": ("/", WIDE, "light", "ko"),
    "dashboard-phone-light": ("/", PHONE, "light", "en"),
    "dashboard-phone-dark": ("/", PHONE, "dark", "en"),
    "block-light": ("/block/4", WIDE, "light", "en"),
    "block-dark": ("/block/4", WIDE, "dark", "en"),
    "block-phone-light": ("/block/4", PHONE, "light", "en"),
    "block-phone-dark": ("/block/4", PHONE, "dark", "en"),
    "forks-light": ("/forks", WIDE, "light", "en"),
    "forks-dark": ("/forks", WIDE, "dark", "en"),
    "forks-phone-light": ("/forks", PHONE, "light", "en"),
    "forks-phone-dark": ("/forks", PHONE, "dark", "en"),
    "kiosk-dark": ("/kiosk", {"width": 1600, "height": 900}, "dark", "en"),
}


def send(node: NodeProcess, at: int) -> None:
    sender, recipient = PEOPLE[at % len(PEOPLE)], PEOPLE[(at * 3 + 1) % len(PEOPLE)]
    values = {"sender": sender, "recipient": recipient, "amount": (at * 371) % 2900 + 5}
    node.post("/transactions/new", values)


def meet(one: NodeProcess, other: NodeProcess) -> None:
    one.post("/nodes/register", {"nodes": [other.url]})
    one.get("/nodes/resolve")


def live_through(one: NodeProcess, other: NodeProcess) -> None:
    """Both share a beginning; then each mines alone, and the one takes the other's longer chain."""
    for at in range(4):
        for number in range(at % 3 + 1):
            send(other, at * 3 + number)
        other.get("/mine")
    meet(one, other)
    for at in range(2):
        send(one, 20 + at)
        one.get("/mine")
    for at in range(3):
        send(other, 30 + at)
        other.get("/mine")
    one.get("/nodes/resolve")
    for at in range(3):
        send(one, 40 + at)
        one.get("/mine")
    for at in range(5):
        send(one, 50 + at)


def take(browser: Browser, node: NodeProcess, name: str) -> None:
    path, screen, theme, language = IMAGES[name]
    page = browser.new_page(
        viewport=screen,
        color_scheme=theme,
        locale=language,
        reduced_motion="reduce",
    )
    page.goto(node.url + path)
    page.wait_for_selector("#connection[data-state=live]")
    page.wait_for_timeout(600)  # charts and checks are drawn
    page.screenshot(path=DOCS / "images" / f"{name}.png")
    page.close()


def main(names: list[str]) -> None:
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        sys.exit(f"This needs one of {', '.join(NAMES)}.")
    (DOCS / "images").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        nodes = [NodeProcess(Path(folder, name), difficulty=3) for name in ("one", "other")]
        try:
            live_through(*nodes)
            with sync_playwright() as playwright:
                arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
                browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
                for name in names or IMAGES:
                    take(browser, nodes[0], name)
                browser.close()
        finally:
            for node in nodes:
                node.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
