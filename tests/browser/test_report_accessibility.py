"""axe-core finds nothing wrong, in light and dark, on the page, in a case, with filters in use."""

from dataclasses import replace

import pytest

from evalgate.core.prompt_cache import CachedTokens, PromptCacheUse
from evalgate.core.prompt_cache_file import PromptCacheFile
from tests.synthetic_reports import hostile_data, plain_runs, report_data, run_of

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async rules => {
  const found = await axe.run(document, {runOnly: {type: 'tag', values: rules}});
  const said = each => each.nodes.slice(0, 3).map(node => `${node.target} ${node.failureSummary}`);
  return found.violations.map(each => `${each.id}: ${said(each)}`);
}"""


def several():
    before, after = plain_runs()
    other = run_of(after.results, "another")
    return report_data((before, after), (before, other))


def cached():
    """Both runs as if half of each cost were a prompt cache's, found cold."""
    runs = []
    for run in plain_runs():
        results = []
        for each in run.results:
            usd = each.cost.total_usd
            tokens = CachedTokens(0, 500, usd), CachedTokens(500, 0, usd / 2)
            results.append(replace(each, prompt_cache=PromptCacheUse(1000, *tokens, recorded_tokens=100)))
        manifest = replace(run.manifest, prompt_caches={"strong": PromptCacheFile()})
        runs.append(replace(run, manifest=manifest, results=tuple(results)))
    return report_data(tuple(runs))


REPORTS = {
    "cached": cached,
    "plain": report_data,
    "several": several,
    "alone": lambda: report_data((plain_runs()[0],)),
    "hostile": hostile_data,
}


def violations(page, axe):
    page.evaluate(axe)
    return page.evaluate(RUN, RULES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", REPORTS)
def test_the_page_has_no_violation(open_page, written, axe, name, scheme):
    opened = open_page(written(name, REPORTS[name]), color_scheme=scheme)
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert violations(opened.page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_an_open_case_has_no_violation(open_page, written, axe, name, scheme):
    opened = open_page(written(name, REPORTS[name]), color_scheme=scheme)
    opened.page.click("#case-rows a >> nth=0")
    opened.page.wait_for_selector("#case[open] .path")
    assert violations(opened.page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_filters_in_use_have_no_violation(open_page, written, axe, scheme):
    page = open_page(written("plain", report_data), color_scheme=scheme).page
    page.select_option("#pick-kind", "broke")
    page.click("#case-head [data-sort=usd]")
    assert violations(page, axe) == []
    page.fill("#search", "nothing matches this")
    assert violations(page, axe) == []


def test_the_list_of_keys_has_no_violation(open_page, written, axe):
    page = open_page(written("plain", report_data)).page
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    assert violations(page, axe) == []


def test_a_narrow_page_has_no_violation_and_does_not_scroll_sideways(open_page, written, axe):
    opened = open_page(written("hostile", hostile_data), viewport={"width": 320, "height": 700})
    assert violations(opened.page, axe) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 320
