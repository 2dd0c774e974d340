"""Theme, language, pause, and the projector's page."""

from __future__ import annotations

from playwright.sync_api import expect

from .reading import blocks, tip, transactions, wait_for_pool, wait_for_tip, wait_until_live


def paper(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_theme_follows_the_system_until_one_is_chosen_and_is_kept(visit, shared_node):
    page = visit(shared_node, color_scheme="dark").page
    dark = paper(page)
    button = page.locator("#theme")
    expect(button).to_have_attribute("aria-label", "Theme: as the system")
    button.click()
    expect(button).to_have_attribute("aria-label", "Theme: light")
    light = paper(page)
    assert light != dark
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert paper(page) == light

    page.keyboard.press("t")
    expect(button).to_have_attribute("aria-label", "Theme: dark")
    assert paper(page) == dark
    page.keyboard.press("t")
    page.emulate_media(color_scheme="light")
    assert paper(page) == light


def test_the_chosen_theme_is_there_before_anything_is_painted(visit, shared_node):
    seen = visit(shared_node, color_scheme="light")
    seen.expect("ERR_FAILED")
    page = seen.page
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.route("**/site.js", lambda route: route.abort())  # modules come later, or never
    page.goto(shared_node.url + "/", wait_until="commit")
    page.wait_for_selector("main", state="attached")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_language_is_switched_on_the_page_one_is_on(visit, shared_node):
    page = visit(shared_node, path="/search?q=nothing+here", locale="en-GB").page
    page.click("text=한국어")
    page.wait_for_selector("html[lang=ko]")
    assert page.url == shared_node.url + "/search?q=nothing+here"
    page.goto(shared_node.url + "/")
    wait_until_live(page)
    expect(page.locator("#connection")).to_contain_text("실시간")
    page.click(".preferences >> text=English")
    page.wait_for_selector("html[lang=en]")


def test_rows_that_arrive_on_a_korean_page_are_korean(visit, shared_node):
    page = visit(shared_node, locale="ko-KR").page
    wait_until_live(page)
    values = {"sender": "alice", "recipient": "밥", "amount": 1200}
    shared_node.post("/transactions/new", values)
    expect(page.locator("#transactions .state").first).to_have_text("대기 중")
    mined = shared_node.get("/mine").json()["index"]
    expect(page.locator("#transactions .state").first).to_have_text(f"블록 {mined}에 담김")
    expect(page.locator("#news li").first).to_contain_text(f"채굴 블록 {mined}")


def send(node, name):
    node.post("/transactions/new", {"sender": name, "recipient": "r", "amount": 1})


def test_a_paused_feed_counts_what_is_new_and_catches_up(visit, shared_node):
    shared_node.get("/mine")
    page = visit(shared_node).page
    wait_until_live(page)
    before = transactions(page)
    page.click("#pause")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    for name in ("one", "two"):
        send(shared_node, name)
    wait_for_pool(page, 2)
    expect(page.locator("#held")).to_have_text("2 new")
    assert transactions(page)[0][:3] == before[0][:3]

    mined = shared_node.get("/mine").json()["index"]
    wait_for_tip(page, mined)
    page.keyboard.press("p")
    expect(page.locator("#held")).to_be_empty()
    expect(page.locator("#pause")).to_have_text("Pause")
    assert [row[0] for row in transactions(page)[:2]] == ["two", "one"]
    assert {row[3] for row in transactions(page)[:2]} == {f"in block {mined}"}


def test_rows_are_held_while_the_pointer_rests_on_their_list(visit, shared_node):
    page = visit(shared_node).page
    wait_until_live(page)
    send(shared_node, "before")
    expect(page.locator("#transactions tr").first).to_contain_text("before")
    page.hover("#transactions tr >> nth=0")
    send(shared_node, "held")
    expect(page.locator("#held")).to_contain_text("1 new")
    expect(page.locator("#transactions tr").first).to_contain_text("before")
    page.mouse.move(5, 5)
    expect(page.locator("#transactions tr").first).to_contain_text("held")


def test_rows_and_blocks_lead_to_their_pages(visit, shared_node):
    page = visit(shared_node).page
    wait_until_live(page)
    odd = "a/b ?#%.. 밥"
    send(shared_node, odd)
    expect(page.locator("#transactions tr").first).to_contain_text("a/b")
    arrived = page.eval_on_selector_all(
        "#transactions tr:first-child a", "all => all.map((a) => a.href)"
    )
    page.reload()
    served = page.eval_on_selector_all(
        "#transactions tr:first-child a", "all => all.map((a) => a.href)"
    )
    assert arrived == served
    for address in served:
        assert page.goto(address).status == 200
    page.goto(shared_node.url + "/")
    page.click("#chain .block:nth-last-child(2)")
    page.wait_for_url("**/block/*")


def test_the_projectors_page_goes_on_live_without_controls(visit, shared_node):
    page = visit(shared_node, path="/kiosk", viewport={"width": 1920, "height": 1080}).page
    wait_until_live(page)
    before = tip(page)
    send(shared_node, "wall")
    expect(page.locator("#transactions tr").first).to_contain_text("wall")
    shared_node.get("/mine")
    wait_for_tip(page, before + 1)
    assert blocks(page)[-1] == before + 1
    assert page.locator("button:visible, input:visible").count() == 0
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    expect(page).to_have_title(f"#{before + 1} · chainsite")
