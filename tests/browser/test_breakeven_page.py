"""The page of a break-even: hostile names, light and dark, wide and narrow, nothing asked of the network."""

import pytest

from evalgate.core.breakeven import AtTimes, Breakeven, Fleet, MonthlyCost, SideCost
from evalgate.core.numbers import Estimate
from evalgate.report.html.breakeven_page import render
from evalgate.scoring.crossings import crossings
from tests.browser.test_report_accessibility import violations

HOSTILE = "<img src=x onerror=alert(1)>\u202e"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    fleet = Fleet("own", 100.0, 6e8, 0.5, 1825.0, 365.0, 1)
    policy, against = MonthlyCost(HOSTILE, 0.0, (fleet,)), MonthlyCost("production", 0.00045)
    right = Estimate(0.99, 0.98, 1.0, 0.9, "tango")
    sides = [
        SideCost(each, right, Estimate(0.0004, 0.0003, 0.0005, 0.9, "fieller")) for each in (policy, against)
    ]
    found = crossings(policy, against)
    wins, stays = (Estimate(at, 0.9 * at, 1.1 * at, 0.9, "bootstrap") for at in found.wins("policy"))
    times = tuple(
        AtTimes(at, (("own", 0.5 * at),), crossings(policy.filled(at), against)) for at in (0.5, 2.0)
    )
    whole = Breakeven(HOSTILE, 240, *sides, found, wins, stays, times, 400_000, 0.0)
    file = tmp_path_factory.mktemp("breakeven") / "page.html"
    file.write_text(render([whole], [1_000_000]))
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_the_page_has_no_violation_and_does_not_scroll_sideways(open_page, page, axe, scheme, width):
    opened = open_page(page, wait=False, color_scheme=scheme, viewport={"width": width, "height": 900})
    assert violations(opened.page, axe) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    assert [url for url in opened.requests if not url.startswith("file:")] == []
    assert opened.complaints == []


def test_both_charts_and_every_month_stand_on_it(open_page, page):
    opened = open_page(page, wait=False)
    assert opened.page.locator("svg[role=img]").count() == 2
    rows = opened.page.locator("tbody tr").all_inner_texts()
    assert any("the suite's" in row for row in rows)
    assert any("asked" in row for row in rows)
    assert sum("break-even" in row for row in rows) >= 1
    assert opened.page.locator("img").count() == 0
