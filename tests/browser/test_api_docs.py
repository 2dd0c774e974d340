"""The API's page in a browser: its examples run there, and links open what they lead to."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.api.v1 import examples

from .test_accessibility import broken_on_any_screen

RUN = "(text) => new (async () => {}).constructor(text)()"


def test_what_is_pasted_into_the_console_runs(visit, shared_node):
    page_text = examples.live_through(shared_node)
    seen = visit(shared_node, path="/api/docs")
    seen.expect("status of 404")  # there is no reorganisation to show
    said = []
    seen.page.on("console", lambda message: said.append(message.text))
    for one in examples.of(page_text):
        if one.language == "JavaScript":
            examples.settle(shared_node)
            before = len(said)
            seen.page.evaluate(RUN, one.text)
            assert len(said) > before, one.operation


def test_a_link_opens_what_it_leads_to(visit, shared_node):
    page = visit(shared_node, path="/api/docs#get-blocks").page
    expect(page.locator("#get-blocks")).to_have_attribute("open", "")
    page.locator("#get-blocks").get_by_role("link", name="Blocks").click()
    expect(page.locator("#shape-Blocks")).to_have_attribute("open", "")
    expect(page.locator("#shape-Blocks")).to_be_in_viewport()
    page.get_by_role("link", name="Problems", exact=True).click()
    expect(page.locator("#problems")).to_be_in_viewport()


def test_an_example_is_copied_and_its_tabs_need_no_script(visit, shared_node):
    page = visit(shared_node, path="/api/docs#post-transactions", java_script_enabled=False).page
    operation = page.locator("#post-transactions")
    operation.locator("summary").click()
    expect(operation.locator("pre").first).to_be_visible()
    operation.get_by_text("Python", exact=True).click()
    expect(operation.locator("pre").nth(1)).to_contain_text("requests.post")


def test_nothing_on_it_breaks_a_rule_of_access_when_all_is_unfolded(visit, shared_node):
    page = visit(shared_node, path="/api/docs").page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert broken_on_any_screen(page) == {}
