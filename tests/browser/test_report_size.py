"""Ten thousand cases stay quick. The margins are wide: benchmarks/report.py prints the real figures."""

import pytest

from tests.synthetic_reports import plain_runs, report_data


@pytest.fixture(scope="module")
def large(written):
    return written("large", lambda: report_data(plain_runs(10_000, broke=400, fixed=100)))


def test_ten_thousand_cases_open_quickly_with_few_elements(open_page, large):
    page = open_page(large).page
    assert page.evaluate("Number(document.documentElement.dataset.ready)") < 5_000
    assert page.evaluate("document.querySelectorAll('*').length") <= 3_000


def test_filtering_and_opening_among_ten_thousand_is_quick(open_page, large):
    page = open_page(large).page
    stroke = """() => {
      const search = document.getElementById('search'), start = performance.now();
      search.value = 't-09';
      search.dispatchEvent(new Event('input'));
      return performance.now() - start;
    }"""
    assert page.evaluate(stroke) < 1_000
    page.click("#case-rows a >> nth=5")
    page.wait_for_selector("#case[open] .path", timeout=3_000)


def test_a_case_open_keeps_the_page_small(open_page, large):
    page = open_page(large, "#case=t-9999").page
    page.wait_for_selector("#case[open] .path")
    assert page.evaluate("document.querySelectorAll('*').length") <= 3_000
