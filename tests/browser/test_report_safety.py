"""Nothing runs, nothing is asked of the network, nothing is swallowed, whatever the texts hold."""

import pytest

from tests.synthetic_reports import HOSTILE, hostile_data, report_data


def assert_harmless(opened):
    assert opened.requests == []
    assert opened.complaints == []
    assert opened.page.evaluate("window.pwned") is None


def open_every_case(page):
    page.click("#case-rows a >> nth=0")
    for number in range(len(HOSTILE)):
        page.wait_for_function("() => document.querySelectorAll('#case[open] .path').length > 0")
        yield page
        if number + 1 < len(HOSTILE):
            title = page.text_content("#case-title")
            page.click("#case-next")
            page.wait_for_function(
                "old => document.getElementById('case-title').textContent !== old", arg=title
            )


def test_a_plain_report_asks_for_nothing_and_complains_of_nothing(open_page, written):
    opened = open_page(written("plain", report_data))
    opened.page.click("#case-rows a >> nth=0")
    opened.page.wait_for_selector("#case[open] .path")
    assert_harmless(opened)


def test_hostile_texts_do_nothing_anywhere(open_page, written):
    opened = open_page(written("hostile", hostile_data))
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    for page in open_every_case(opened.page):
        page.mouse.move(400, 400)
        assert page.locator("#case-body a, #case-body img, #case-body script, #case-body svg a").count() == 0
    assert_harmless(opened)


def test_hostile_texts_are_shown_as_they_are(open_page, written):
    page = open_page(written("hostile", hostile_data)).page
    seen = ""
    for each in open_every_case(page):
        seen += each.text_content("#case-body")
    for text in HOSTILE[:9]:
        assert text in seen
    for escape in (
        r"\u202e",
        r"\u2066",
        r"\u200b",
        r"\ufeff",
        r"\U000e0041",
        r"\x1b",
        r"\x07",
        r"\x00",
        r"\u2028",
    ):
        assert escape in seen
    assert r"\ud800" in seen or "\ufffd" in seen
    assert "👩‍👩‍👧" in seen


def test_a_megabyte_on_one_line_is_cut_and_can_be_had(open_page, written):
    page = open_page(written("hostile", hostile_data), f"#case={len(HOSTILE) - 1} {'x' * 60}").page
    page.wait_for_selector("#case[open] .path")
    assert page.locator("#case-body").evaluate("each => each.textContent.length") < 200_000
    page.click("#case-body button >> text=Show all 1,000,000 characters >> nth=0")
    assert page.locator("#case-body").evaluate("each => each.textContent.length") > 1_000_000


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.innerHTML = '<b>x</b>'",
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.pwned = 1'}))",
        "document.body.setAttribute('style', 'color: red')",
        "fetch('http://127.0.0.1:9/')",
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))",
    ],
)
def test_even_a_slip_of_ours_would_be_inert(open_page, written, attempt):
    opened = open_page(written("plain", report_data))
    page = opened.page
    page.evaluate(
        "() => { window.seen = []; addEventListener('securitypolicyviolation', e => seen.push(e.type)); }"
    )
    page.evaluate(
        f"async () => {{ try {{ await ({attempt}) }} catch (error) {{ window.thrown = String(error) }} }}"
    )
    page.wait_for_function("() => window.seen.length > 0 || window.thrown !== undefined")
    assert page.evaluate("window.pwned") is None
    assert opened.requests == [] or all("127.0.0.1:9" in url for url in opened.requests)
