"""Drawings say what the numbers say."""

import re
from dataclasses import replace
from itertools import pairwise

import decisions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.numbers import Estimate
from evalgate.core.report_data import LeverEffect, PolicyPoint, Waterfall
from evalgate.report.html import forest
from evalgate.report.html.axes import Axes
from evalgate.report.html.cases import BROKE, FIXED, default_order, paired_cases
from evalgate.report.html.ecdf import MOST_STEPS, latency_section
from evalgate.report.html.forest import WIDTH, draw, mark_of
from evalgate.report.html.labels import Box
from evalgate.report.html.pareto import pareto_section
from evalgate.report.html.scales import Scale, spanning
from evalgate.report.html.section import Place
from evalgate.report.html.typeset import typeset
from evalgate.report.html.waterfall import waterfall_section
from tests.synthetic_reports import plain_runs, report_data

TOP = Place("", 2)


def zone(drawing):
    x, width = re.search(r'<rect x="([\d.]+)"[^>]*width="([\d.]+)"', drawing).groups()
    return float(x), float(x) + float(width)


def point(drawing):
    circle = re.search(r'<circle cx="([\d.]+)"', drawing)
    return float(circle[1] if circle else re.search(r'd="M([\d.]+) [\d.]+l5.5', drawing)[1])


def whisker_ends(drawing):
    return [float(x) for x in re.search(r"M([\d.]+) 13H([\d.]+)", drawing).groups()]


@pytest.mark.parametrize(
    "scale", [Scale(-2.0, 6.0, 0.0, 100.0), Scale(0.01, 100.0, 100.0, 0.0, logarithmic=True)]
)
def test_a_scale_keeps_the_order_and_the_ends(scale):
    assert scale(scale.low) == scale.start
    assert scale(scale.high) == scale.end
    assert scale(float("inf")) == scale.end
    places = [scale(tick) for tick in scale.ticks()]
    assert places == sorted(places, reverse=scale.start > scale.end)
    assert 3 <= len(places) <= 8


@pytest.mark.parametrize(
    ("values", "logarithmic"), [([1.0, 5.0], False), ([1.0, 50.0], True), ([0.0, 50.0], False), ([], False)]
)
def test_more_than_tenfold_is_drawn_by_magnitude(values, logarithmic):
    scale = spanning(values, 0, 100)
    assert scale.logarithmic == logarithmic
    assert all(0 < scale(value) < 100 for value in values)


def test_a_broken_limit_has_its_whole_whisker_in_the_zone():
    check = decisions.check(
        candidate=decisions.estimate(0.84, 0.8, 0.87),
        change=decisions.estimate(-0.07, -0.1, -0.041),
        verdict="fail",
    )
    drawing = draw(mark_of(check, "bad"))
    left, right = zone(drawing)
    assert left == 0
    assert all(left <= end <= right for end in (*whisker_ends(drawing), point(drawing)))


def test_a_kept_limit_has_its_whole_whisker_outside_the_zone():
    drawing = draw(mark_of(decisions.cost_check(), "good"))
    left, right = zone(drawing)
    assert right == WIDTH
    assert max(*whisker_ends(drawing), point(drawing)) < left


def test_no_change_is_in_the_middle_of_every_relative_row():
    for check in (decisions.check(), decisions.cost_check(), decisions.latency_check()):
        assert f'd="M{WIDTH // 2} 1V25" class="zero"' in draw(mark_of(check, "good"))


def test_an_unbounded_side_ends_in_an_arrow():
    check = decisions.check(change=Estimate(0.0, -0.01, float("inf"), 0.9, "x"))
    assert "L194 13L190 17" in draw(mark_of(check, "unsure"))


def test_a_floor_is_drawn_on_the_candidate_s_own_value():
    check = decisions.check(limit="min", allowance=0.85)
    mark = mark_of(check, "good")
    assert (mark.estimate, mark.limit, mark.forbidden) == (check.candidate, 0.85, "below")
    assert mark.reference == check.baseline.value


def test_what_was_not_measured_has_no_mark():
    unmeasured = decisions.unmeasured().judgements[0].checks[0]
    assert mark_of(unmeasured, "unsure") is None


def test_verdicts_differ_in_shape():
    check = decisions.check()
    shapes = {style: draw(forest.mark_of(check, style)) for style in ("good", "bad", "unsure")}
    assert "circle" in shapes["good"]
    assert "circle" not in shapes["bad"]


def test_a_curve_has_at_most_its_steps_and_ends_at_the_slowest():
    data = report_data(plain_runs(3000)).comparisons[0]
    drawing = latency_section(data, TOP)
    for curve in re.findall(r'<path d="([^"]+)" class="curve (?:base|cand)"></path>', drawing)[:2]:
        assert curve.count("V") <= MOST_STEPS
        assert curve.endswith("V38")  # the top: every request


def test_the_chart_says_its_numbers_to_those_who_cannot_see_it():
    data = report_data().comparisons[0]
    label = re.search(r'role="img" aria-label="([^"]+)"', pareto_section(data, TOP))[1]
    assert "production: accuracy 90.0%" in label
    assert "small: accuracy" in label


def test_a_policy_without_a_cost_per_correct_answer_is_in_the_table_only():
    before, after = plain_runs(40, broke=40, fixed=0)
    drawing = pareto_section(report_data((before, after)).comparisons[0], TOP)
    assert "n/a" in drawing
    assert drawing.count('class="series') == 1


def test_the_bars_of_a_waterfall_add_up():
    data = report_data().comparisons[0]
    page = waterfall_section(data, TOP)
    assert "unit prices" not in page.split("Without effect")[0]
    assert "share per deployment" in page.split("Without effect")[0]
    amounts = [
        float(text.replace("−", "-").replace("$", "").replace("+", ""))
        for text in re.findall(r'data-label="per request">([^<]+)<', page)
    ]
    first, *levers, last = amounts
    assert first + sum(levers) == pytest.approx(last, abs=first * 0.005)


def test_levers_that_this_page_does_not_know_have_their_row_and_their_calls():
    data = report_data().comparisons[0]
    run = data.candidate
    step = replace(run.results[1].outcome.steps[0], role="verify")
    served = [replace(run.results[1], outcome=replace(run.results[1].outcome, steps=(step,)))]
    found = Waterfall(0.01, 0.02, (LeverEffect("verify", 0.004), LeverEffect("hosting", 0.006)), 0.0)
    page = waterfall_section(
        replace(data, waterfall=found, candidate=replace(run, results=tuple(served))), TOP
    )
    assert re.search(r"<bdi>verify</bdi>.*0 → 1 call<.*\+\$0\.00400", page)
    assert re.search(r"<bdi>hosting</bdi></th>.*\+\$0\.00600", page)


def test_a_residual_is_told():
    data = report_data().comparisons[0]
    found = Waterfall(0.01, 0.02, (LeverEffect("retries", 0.004),), 0.006)
    page = waterfall_section(
        type(data)(**{n: getattr(data, n) for n in data.__slots__} | {"waterfall": found}), TOP
    )
    assert re.search(r"residual.*\+\$0\.00600", page, re.DOTALL)


def test_cases_are_ordered_broke_fixed_then_largest_change():
    cases = paired_cases(report_data().comparisons[0])
    kinds = [cases[place].kind for place in default_order(cases)]
    assert kinds[:9] == [BROKE] * 9
    assert kinds[9:11] == [FIXED] * 2
    assert not {BROKE, FIXED} & set(kinds[11:])
    assert sorted(default_order(cases)) == list(range(len(cases)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-6.1 pp (-8.6 to -3.7)", "−6.1 pp (−8.6 to −3.7)"),
        ("-$0.5", "−$0.5"),
        ("t-0003 gpt-5 2026-11-01", "t-0003 gpt-5 2026-11-01"),
        ("fell by -3", "fell by −3"),
    ],
)
def test_a_minus_is_a_minus_and_a_hyphen_stays_one(text, shown):
    assert typeset(text) == shown


@given(
    points=st.lists(st.tuples(st.floats(1e-6, 10), st.floats(0.01, 0.99)), min_size=1, max_size=12),
    length=st.integers(1, 30),
)
def test_names_of_policies_meet_neither_each_other_nor_a_point(points, length):
    data = report_data().comparisons[0]
    made = [
        PolicyPoint(
            f"{number}".rjust(length, "x"),
            Estimate(share, share - 0.005, share + 0.005, 0.9, "x"),
            Estimate(cost, cost * 0.9, cost * 1.1, 0.9, "x"),
        )
        for number, (cost, share) in enumerate(points)
    ]
    page = pareto_section(replace(data, points=tuple(made)), TOP)
    names = [
        Box(float(x) - (8 * len(text) if anchor == "end" else 0), float(y) - 13, 8 * len(text) - 0.1, 17.9)
        for x, y, anchor, text in re.findall(
            r'<text x="([\d.]+)" y="([\d.]+)" class="name other" text-anchor="(\w+)">([^<]+)<', page
        )
    ]
    circles = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', page)
    marks = [Box(float(x) - 5, float(y) - 5, 10, 10) for x, y in circles]
    for place, box in enumerate(names):
        assert box.free(names[:place])
        assert box.free(marks)
    left_out = re.search(r"Without room for a name: ([^<]+)\.<", page)
    assert len(names) + (len(left_out[1].split(", ")) if left_out else 0) == len(made)


@given(low=st.floats(1e-7, 1e3), span=st.floats(1.001, 1e6))
def test_numbers_along_an_axis_do_not_meet(low, span):
    axes = Axes(spanning([low, low * span], 62, 776), Scale(0, 1, 300, 34), "usd", "percent", "x", "y")
    ticks = [
        (float(x), len(text))
        for x, text in re.findall(
            r'<text x="([-\d.]+)" y="320" class="tick" text-anchor="middle">([^<]+)<', axes.draw()
        )
    ]
    assert all(right - left > 7 * (one + two) / 2 for (left, one), (right, two) in pairwise(ticks))
