"""The page as a whole: its parts in order, equal bytes, a fitting policy, and no text where none may be."""

import base64
import bz2
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import decisions
import pytest
from test_html_blocks import bytes_of

from evalgate.core.numbers import Unmeasured
from evalgate.core.report_data import ReportData
from evalgate.report.html.banner import facts
from evalgate.report.html.page import render
from tests.synthetic_reports import HOSTILE, hostile_data, plain_runs, report_data, run_of, texts_of

OURS = frozenset(
    (
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "a",
        "div",
        "nav",
        "p",
        "main",
        "section",
        "h1",
        "h2",
        "h3",
        "span",
        "svg",
        "path",
        "bdi",
        "dl",
        "dt",
        "dd",
        "ul",
        "li",
        "code",
        "del",
        "ins",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "b",
        "figure",
        "g",
        "text",
        "rect",
        "circle",
        "details",
        "summary",
        "label",
        "input",
        "select",
        "option",
        "button",
        "kbd",
        "dialog",
        "article",
        "footer",
        "script",
        "pre",
        "ol",
    )
)
VOID = frozenset(("meta", "input"))


class Outline(HTMLParser):
    """What a browser would see: elements with attributes, properly nested, and the text outside scripts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.scripts, self.styles, self.text = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            last = self.elements[-1]
            (self.scripts if last[0] == "script" else self.styles).append((last[1], data))
        else:
            self.text.append(data)


def unpacked(outline):
    """Every text that the page holds in packed blocks."""
    return [
        (bz2 if "data-plain" in attributes else gzip)
        .decompress(bytes_of(data, int(attributes["data-bytes"])))
        .decode()
        for attributes, data in outline.scripts
        if attributes.get("type") == "application/octet-stream"
    ]


@pytest.fixture(scope="module")
def hostile():
    return Outline(render(hostile_data()))


def test_the_parts_stand_in_the_order_in_which_a_reader_decides():
    page = render(report_data())
    found = re.findall(r'<section[^>]* id="([a-z]+)"', page)
    parts = ["limits", "flips", "answers", "pareto", "latency", "money", "slices"]
    assert found == ["verdict", *parts, "cases", "how"]
    assert page.startswith('<!doctype html>\n<html lang="en"')
    assert "<title>Blocked: tickets · evalgate</title>" in page


def test_equal_data_give_equal_bytes():
    assert render(report_data()) == render(report_data())


def test_several_comparisons_stand_below_an_overview_each_with_its_parts():
    before, after = plain_runs()
    other = plain_runs(60)
    elsewhere = tuple(run_of(run.results, run.manifest.policy, "orders") for run in other)
    outline = Outline(
        render(report_data((before, after), (before, run_of(before.results, "same")), elsewhere))
    )
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert [each for each in ids if each.endswith("limits")] == ["c0-limits", "c1-limits", "c2-limits"]
    head = next(json.loads(data) for attributes, data in outline.scripts if attributes.get("id") == "eg-head")
    assert [each["after"] for each in head["comparisons"]] == [1, 2, 4]
    assert [each["before"] for each in head["comparisons"]] == [0, 0, 3]
    assert [each["suite"] for each in head["comparisons"]] == [0, 0, 1]


def test_the_policy_names_exactly_our_style_and_script(hostile):
    policy = next(
        a["content"] for n, a in hostile.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    ours = [data for attributes, data in hostile.scripts if "type" not in attributes]
    assert len(ours) == len(hostile.styles) == 1
    for kind, content in (("script", ours[0]), ("style", hostile.styles[0][1])):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "trusted-types 'none'" in policy


def test_the_policy_comes_before_anything_it_rules(hostile):
    assert [name for name, _ in hostile.elements[:4]] == ["html", "head", "meta", "meta"]
    assert hostile.elements[3][1].get("http-equiv") == "Content-Security-Policy"


def test_hostile_texts_make_no_element_no_handler_and_no_address(hostile):
    assert {name for name, _ in hostile.elements} <= OURS
    for _, attributes in hostile.elements:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("style", "src", "srcdoc")
        ]
        assert attributes.get("href", "#").startswith("#")
    assert not re.search(r"@import|url\(", hostile.styles[0][1])


def test_hostile_texts_are_there_to_be_read(hostile):
    text = " ".join(hostile.text)
    assert "<script>window.pwned = 1</script>" in text
    assert "\\u202e" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]", text)


def test_hostile_texts_come_back_out_of_their_blocks_whole(hostile):
    texts = {text for block in unpacked(hostile) for text in _strings(json.loads(block))}
    for text in HOSTILE:
        assert f"{text}!" in texts or text == HOSTILE[3]


def _strings(value):
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _strings(each)
        case dict():
            for key, each in value.items():
                yield key
                yield from _strings(each)


def canary_data(texts):
    before, after = plain_runs(30, broke=2, fixed=0)

    def marked(run):
        results = [
            replace(each, target="canary-target", grade=replace(each.grade, reason="canary-reason"))
            for each in run.results
        ]
        return run_of(results, run.manifest.policy)

    runs = marked(before), marked(after)
    return report_data(runs, texts=texts, calls=texts_of(*runs, prompt="canary-prompt {}"))


def test_without_texts_nothing_that_was_asked_or_said_is_in_the_page():
    page = render(canary_data("none"))
    everything = "\n".join([page, *unpacked(Outline(page))])
    for secret in ("canary", "perhaps, on the whole", "Is t-00"):
        assert secret not in everything
    assert "t-0003" in everything


def test_with_the_texts_of_changed_cases_the_others_are_not_in_the_page():
    blocks = "\n".join(unpacked(Outline(render(canary_data("changed")))))
    assert "canary-prompt t-0001" in blocks
    assert "canary-prompt t-0020" not in blocks
    assert "canary-prompt t-0020" in "\n".join(unpacked(Outline(render(canary_data("all")))))


def test_a_run_alone_and_a_decision_about_nothing_have_a_page_too():
    assert "no baseline" in render(report_data((plain_runs()[0],)))
    empty = report_data()
    nothing = ReportData(replace(empty.decision, judgements=()), (), {}, {}, "all")
    assert "There is nothing to judge." in render(nothing)


def test_a_missing_number_says_why():
    data = report_data()
    first = replace(
        data.comparisons[0], waterfall=Unmeasured("nobody priced it"), exact_p=Unmeasured("no tosses")
    )
    page = render(replace(data, comparisons=(first,)))
    assert "nobody priced it" in page
    assert "no tosses" in page


def test_the_page_without_its_data_is_small():
    page = render(report_data())
    shell = re.sub(r'<script type="application/[^>]*>[^<]*</script>', "", page)
    assert len(shell.encode()) < 120_000


def test_the_banner_tells_what_wrong_answers_and_a_month_cost() -> None:
    (judgement,) = decisions.pass_with_gain().judgements
    page = str(facts(judgement))
    for said in ("Cleanup per request", "Without cleanup", "Per month of 400,000", "$7,499.60 → $6,567.60"):
        assert said in page
