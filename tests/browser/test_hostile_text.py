"""Names that would be markup, script or disorder are shown as the text they are."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.live.wire import write_refusals

from .reading import wait_for_pool, wait_until_live

NAMES = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)' x='",
    "</bdi></td></tr></table><h1>owned</h1>",
    "</template><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<!-- comment --!><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>click</a>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<style>*{display:none}</style>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<base href=http://evil.example/>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<form action=http://evil.example/><button>Mine block</button></form>",
    "<object data=http://evil.example/x>",
    "{{ 7*7 }}{% now 'Y' %}${7*7}#{7*7}",
    "&lt;script&gt;alert(1)&lt;/script&gt;&amp;",
    "javascript:alert(1)//\\u003cscript\\u003ealert(1)",
    "\u202eevil\u202c\u2066\u2067 right to left \u200f\u061c",
    "\u2028</script>\u2029<script>alert(1)</script>",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324A\u0341\u0346\u0300L\u0302GO",
    "\ufeff\u200b\u200d\u2060 invisible",
    "$& $1 $` {n} {source} %s {0}",
    "long " * 51,
]


def _send(node, names):
    for name in names:
        answer = node.post("/transactions/new", {"sender": name, "recipient": name, "amount": 1})
        assert answer.status_code == 201, answer.text


def _names_shown(page):
    return page.eval_on_selector_all(
        "#transactions tr",
        "rows => rows.map((row) => [...row.querySelectorAll('bdi')].map("
        "(name) => [name.textContent, name.title, name.childElementCount]))",
    )


def _assert_shown(page, names):
    assert _names_shown(page)[: len(names)] == [
        [[name, name, 0], [name, name, 0]] for name in reversed(names)
    ]
    assert page.locator("h1").all_text_contents() == ["The chain of this node"]
    assert page.get_by_role("button", name="Mine block").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_they_arrive_as_text_and_are_served_as_text(visit, shared_node):
    """Both ways: filled in by the page's scripts, and rendered by the server."""
    node = shared_node
    node.get("/mine")  # what others left in the pool
    live = visit(node)
    wait_until_live(live.page)
    fresh = visit(node, viewport={"width": 360, "height": 800})
    for start in range(0, len(NAMES), 12):
        names = NAMES[start : start + 12]
        _send(node, names)
        wait_for_pool(live.page, len(names))
        fresh.open()
        _assert_shown(live.page, names)
        _assert_shown(fresh.page, names)
        node.get("/mine")
        wait_for_pool(live.page, 0)


def test_what_is_typed_into_the_form_comes_back_as_text(visit, shared_node):
    seen = visit(shared_node, java_script_enabled=False)
    seen.expect("status of 422")  # the browser logs each answer that is not good
    page = seen.page
    for name in NAMES[:12]:
        page.fill("#sender", name)
        page.fill("#recipient", name)
        page.fill("#amount", name)
        page.click("text=Add to the pool")
        assert page.input_value("#sender") == name
        assert page.input_value("#amount") == name
        expect(page.locator("#amount-error")).to_have_text("must be an integer")


def test_what_a_peer_is_refused_for_is_shown_as_text(visit, shared_node):
    """A reason may quote what the peer sent."""
    node = shared_node
    live = visit(node)
    wait_until_live(live.page)
    for start in range(0, len(NAMES), 17):
        names = NAMES[start : start + 17]
        write_refusals(node, names)
        reasons = live.page.locator("#news .why")
        expect(reasons.first).to_have_text(names[-1], use_inner_text=False)
        fresh = visit(node)
        for page in (live.page, fresh.page):
            found = page.locator("#news .why").all_text_contents()[: len(names)]
            assert found == list(reversed(names))
            assert page.locator("#news .why *").count() == 0
