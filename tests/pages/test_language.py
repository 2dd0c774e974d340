"""Everything a page says can be said in Korean, and what the protocol says never is."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import pytest
from django.test import Client
from django.utils import translation

from ledger import faults, wording
from ledger.consensus import policy
from tests import catalogue

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((PROJECT / "templates").rglob("*.html"))
KOREAN = {"Accept-Language": "ko", "Accept": "text/html"}
FORM = "application/x-www-form-urlencoded"
# Not words: names, code, and what is the same in every language.
SAME = re.compile(
    r"chainsite|SHA-256\(|curl|Python|JavaScript|GitHub|JSON|CSV|QR|Esc|한국어|English|ms|n"
    r"|[A-Za-z_./-]*/[A-Za-z_./-]*|[A-Z]{1,5}"
)


class Visible(HTMLParser):
    """The text of a template outside of its tags, and of the attributes that are read out."""

    SILENT: ClassVar = {"script", "style", "code", "pre", "kbd", "svg"}
    READ: ClassVar = {"aria-label", "title", "placeholder", "alt"}

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag, attributes):
        self.silent += tag in self.SILENT
        self.found += [value for name, value in attributes if name in self.READ and value]

    def handle_endtag(self, tag):
        self.silent -= tag in self.SILENT and self.silent > 0

    def handle_data(self, data):
        if not self.silent:
            self.found.append(data)


def untranslated(template: str) -> list[str]:
    template = re.sub(r"{#.*?#}|{% comment.*?endcomment %}", "", template, flags=re.DOTALL)
    template = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", template, flags=re.DOTALL)
    template = re.sub(r"{%.*?%}|{{.*?}}", "", template, flags=re.DOTALL)
    reader = Visible()
    reader.feed(template)
    words = re.findall(r"[^\W\d_][\w'.()/-]*", " ".join(reader.found))
    return [word for word in words if not SAME.fullmatch(word.strip(".,"))]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_says_anything_in_one_language_only(path):
    assert untranslated(path.read_text()) == []


def test_that_search_finds_what_it_is_for():
    assert untranslated('<p title="Hello">{% translate "x" %} there</p>') == ["Hello", "there"]


def test_the_catalogue_is_whole_and_compiled():
    assert catalogue.faults() == []


@pytest.mark.parametrize("key", sorted(wording.WORDS))
def test_every_word_of_the_scripts_is_in_the_catalogue(key):
    english = wording.WORDS[key]
    korean = catalogue.read_po()[english]
    assert sorted(re.findall(r"{\w+}", korean)) == sorted(re.findall(r"{\w+}", english))


def test_a_page_in_korean_speaks_korean_scripts_included(node):
    text = Client(headers=KOREAN).get("/").content.decode()

    assert '<html lang="ko">' in text
    assert "최근 거래" in text
    assert "대기 풀" in text
    assert "Latest transactions" not in text
    assert r"\ub300\uae30 \uc911" in text or '"state-pending": "대기 중"' in text


@pytest.mark.parametrize(
    "page", ["/", "/blocks", "/pool", "/forks", "/peers", "/charts", "/search"]
)
def test_no_korean_page_has_english_sentences(node, page):
    text = Client(headers=KOREAN).get(page).content.decode()
    reader = Visible()
    reader.feed(text.split("<body>")[1])
    english = re.findall(r"(?:[A-Za-z]{2,} ){3,}[a-z]+", " ".join(reader.found))
    assert english == []


def test_choosing_a_language_keeps_the_page_and_its_query(node):
    client = Client()
    client.get("/")
    answer = client.post("/language", "language=ko&next=/blocks%3Fbefore%3D9", content_type=FORM)

    assert (answer.status_code, answer["Location"]) == (303, "/blocks?before=9")
    assert '<html lang="ko">' in client.get("/blocks").content.decode()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_choosing_a_language_leads_nowhere_else(node, target):
    answer = Client().post("/language", {"language": "ko", "next": target}, content_type=FORM)
    assert answer["Location"] == "/"


def test_errors_beside_the_fields_are_translated_and_the_endpoints_words_are_not(node):
    client = Client(headers=KOREAN)
    page = client.post("/transactions", "sender=&recipient=b&amount=x", content_type=FORM)
    assert "비워 둘 수 없습니다" in page.content.decode()
    assert "정수여야 합니다" in page.content.decode()

    values = {"sender": "", "recipient": "b", "amount": "x"}
    answer = client.post("/transactions/new", values, content_type="application/json")
    assert answer.content == b"sender must not be empty; amount must be an integer"


@pytest.mark.parametrize(
    "value", ["", 5, "x" * 300, "a\x00b", "\ud800", 1.5, -1, 2**70, "0"], ids=repr
)
def test_every_fault_of_the_policy_has_its_korean(value):
    found = {policy.name_fault(value), policy.amount_fault(value)} - {""}
    with translation.override("ko"):
        for fault in found:
            assert re.search("[가-힣]", faults.said(fault)), fault
    for fault in found:
        assert faults.said(fault) == fault


def test_what_is_not_known_stays_as_it_was_said():
    with translation.override("ko"):
        assert faults.said("something else") == "something else"


@pytest.mark.parametrize(
    ("count", "text"), [(1, "거래 1건"), (2, "거래 2건"), (1200, "거래 1,200건")]
)
def test_korean_counts_alike_whatever_the_number(count, text):
    with translation.override("ko"):
        assert wording.counted(count, "transaction") == text
