"""What a page shows, read as a person would."""

from __future__ import annotations

from playwright.sync_api import Page, expect

LIVE = "#connection[data-state=live]"


def wait_until_live(page: Page) -> None:
    page.wait_for_selector(LIVE)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def blocks(page: Page) -> list[int]:
    """The indexes in the thread, in its order."""
    texts = page.locator("#chain .block h3").all_text_contents()
    return [int(text.replace(",", "")) for text in texts]


def transactions(page: Page) -> list[tuple[str, ...]]:
    """Sender, recipient, amount and state, newest first."""
    cells = page.locator("#transactions tr").evaluate_all(
        "rows => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))"
    )
    return [tuple(text.strip() for text in row) for row in cells]


def news(page: Page) -> list[str]:
    """What the node did, newest first, without the times."""
    return [" ".join(text.split()) for text in page.locator("#news li p").all_text_contents()]


def news_numbers(page: Page) -> list[int]:
    return page.eval_on_selector_all("#news li", "rows => rows.map((row) => +row.dataset.seq)")


def tip(page: Page) -> int:
    return int(page.locator("#cards [data-slot=index]").inner_text().replace(",", ""))


def pool(page: Page) -> int:
    return int(page.locator("#cards [data-slot=pool]").inner_text().replace(",", ""))


def wait_for_tip(page: Page, index: int) -> None:
    expect(page.locator("#cards [data-slot=index]")).to_have_text(f"{index:,}")


def wait_for_pool(page: Page, count: int) -> None:
    expect(page.locator("#cards [data-slot=pool]")).to_have_text(f"{count:,}")


SHOWN = """
() => [...document.querySelectorAll("main [data-slot]:not(time), footer [data-slot]")].map((slot) =>
  [slot.dataset.slot, slot.textContent.trim(), slot.title, slot.dataset.state ?? ""])
"""


def everything(page: Page) -> dict[str, object]:
    """All that is shown, but for times, which go on."""
    return {
        "title": page.title(),
        "blocks": blocks(page),
        "dots": page.locator("#dots i").count(),
        "transactions": transactions(page),
        "numbers": news_numbers(page),
        "mining": page.locator("#mining").inner_text(),
        "slots": page.evaluate(SHOWN),
    }
