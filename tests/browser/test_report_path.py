"""The path of a case says what a lever did to it: the number format, what could not be read, what waited."""

from dataclasses import replace

import pytest

from evalgate.core.outcome import Answer, CacheTrace
from tests.synthetic_reports import plain_runs, report_data


def with_levers():
    before, after = plain_runs(40)
    results = list(after.results)
    first = results[0]
    cut = replace(first.outcome, result=Answer("cut o", finish_reason="length"))
    results[0] = replace(first, outcome=cut, grade=replace(first.grade, readable=False))
    waited = CacheTrace("abc", True, results[9].outcome.case_id, "q1", waited_s=0.25)
    results[1] = replace(results[1], outcome=replace(results[1].outcome, cache=waited, steps=()))
    aliases = {step.deployment for each in results for step in each.outcome.steps}
    summary = tuple(f"deployments.{alias}.quantization: int4" for alias in sorted(aliases))
    manifest = replace(after.manifest, policy_summary=summary)
    return report_data((before, replace(after, manifest=manifest, results=tuple(results))))


@pytest.fixture
def opened(open_page, written):
    return open_page(written("levers", with_levers))


def path_of(page, case_id):
    page.goto(page.url.partition("#")[0] + f"#case={case_id}")
    page.wait_for_selector("#case[open] .path")
    return page.text_content("#case")


def test_the_format_the_unreadable_answer_and_the_wait_stand_in_the_case(opened):
    run = with_levers().comparisons[0].candidate
    first, second = (each.outcome.case_id for each in run.results[:2])
    said = path_of(opened.page, first)
    assert said.count(", int4") == 1
    assert "cannot be read" in said
    assert "cut off by its limit of tokens" in said
    opened.page.keyboard.press("Escape")
    assert "waited 0.250 s for the one on its way" in path_of(opened.page, second)
    opened.page.keyboard.press("Escape")
    opened.page.select_option("#pick-kind", "unread")
    assert opened.page.text_content("#case-count") == "1 to 1 of 1 cases"
    assert opened.complaints == []


def amid_outages():
    before, after = plain_runs(40)
    results = list(after.results)
    first = results[0].outcome.steps[0]
    met = replace(first.attempts[0], error="server_error", status=503, usage=None, fault_at_s=61.5)
    results[0] = replace(
        results[0],
        outcome=replace(
            results[0].outcome,
            steps=(replace(first, attempts=(met, *first.attempts)), replace(first, role="hedge", lost=True)),
            skipped=("weak",),
        ),
    )
    manifest = replace(after.manifest, faults=1)
    return report_data((before, replace(after, manifest=manifest, results=tuple(results))))


def test_faults_hedges_and_who_was_left_alone_stand_in_the_case(open_page, written):
    opened = open_page(written("outages", amid_outages))
    case_id = amid_outages().comparisons[0].candidate.results[0].outcome.case_id
    said = path_of(opened.page, case_id)
    for part in (
        "Left alone: weak, which cools down after failures",
        "attempt 1: failed, server_error (503)",
        "met a fault at 61.5 s of the cases' clock",
        "Beside it, a second call to",
        "another call answered first; what was sent is paid for",
    ):
        assert part in said
    opened.page.keyboard.press("Escape")
    assert "met a fault" in opened.page.text_content("#pick-path")
    assert "What became of attempts" in opened.page.content()
    assert opened.complaints == []
