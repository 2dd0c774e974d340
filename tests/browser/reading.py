"""What a page shows, read as a person would."""

from __future__ import annotations

from playwright.sync_api import Page, expect

LIVE = "#connection[data-state=live]"


def wait_until_live(page: Page) -> None:
    page.wait_for_selector(LIVE)


def blocks(page: Page) -> list[int]:
    """The indexes in the thread, in its order."""
    texts = page.locator("#chain .block h3").all_text_contents()
    return [int(text.replace(",", "")) for text in texts]


def transactions(page: Page) -> list[tuple[str, ...]]:
    """Sender, recipient, amount and state, newest first."""
    rows = page.locator("#transactions tr")
    cells = [rows.nth(at).locator("td").all_text_contents() for at in range(rows.count())]
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


def everything(page: Page) -> dict[str, object]:
    """All that is shown, but for times, which go on."""
    return {
        "title": page.title(),
        "blocks": [
            list(page.locator("#chain .block").nth(at).locator(part).all_text_contents())
            for at in range(page.locator("#chain .block").count())
            for part in ("h3", ".hash", ".count", ".from")
        ],
        "titles": page.eval_on_selector_all(
            "#chain [title], #transactions [title]", "all => all.map((one) => one.title)"
        ),
        "next": " ".join(page.locator("#next").inner_text().split()),
        "dots": page.locator("#dots i").count(),
        "cards": page.locator("#cards [data-slot]:not(time)").all_text_contents(),
        "transactions": transactions(page),
        "news": news(page),
        "numbers": news_numbers(page),
        "mining": " ".join(page.locator("#mining").inner_text().split()),
        "footer": page.locator("footer").inner_text(),
    }
