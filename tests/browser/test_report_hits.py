"""False cache hits can be found in the report, and say what they did."""

from dataclasses import replace

import pytest

from evalgate.core.outcome import CacheTrace, Hit
from tests.synthetic_reports import plain_runs, report_data


def with_hits():
    before, after = plain_runs(40)
    kinds = ["merged", "stale", "right"]
    results = []
    for index, each in enumerate(after.results):
        if index >= len(kinds):
            results.append(each)
            continue
        near = 0.93 if index == 0 else None
        trace = CacheTrace("abc", True, after.results[9].outcome.case_id, f"q{index}", near)
        outcome = replace(each.outcome, cache=trace, steps=())
        results.append(replace(each, outcome=outcome, hit=Hit(kinds[index], ("q9", f"q{index}"))))
    return report_data((before, replace(after, results=tuple(results))))


@pytest.fixture
def opened(open_page, written):
    return open_page(written("hits", with_hits))


def test_false_hits_are_filtered_and_told_apart(opened):
    page = opened.page
    page.select_option("#pick-path", "false")
    assert page.text_content("#case-count") == "1 to 2 of 2 cases"
    told = []
    for index in range(2):
        page.click(f"#case-rows tr a >> nth={index}")
        page.wait_for_selector("text=false hit")
        told.append(page.text_content(".path >> text=/Cache hit/ >> xpath=.."))
        page.keyboard.press("Escape")
    said = " ".join(told)
    assert "false hit: another question's answer" in said
    assert "cosine 0.93" in said
    assert "false hit: right when it was stored" in said
    assert opened.complaints == []
