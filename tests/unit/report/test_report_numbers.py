"""Numbers for readers: units, digits, and no number that says something false."""

from math import inf

import decisions
import pytest

from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Estimate
from evalgate.report import numbers
from evalgate.report.html.axes import tick_text
from evalgate.report.numbers import metric_kind


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.91, "91.0%"),
        (1.0, "100.0%"),
        (0.99996, "99.996%"),
        (0.9996, "99.96%"),
        (0.0, "0.0%"),
        (0.0001, "0.01%"),
        (-0.3034, "-30.3%"),
        (-0.00001, "-0.001%"),
        (12.5, "1,250.0%"),
    ],
)
def test_percent_never_rounds_to_all_or_nothing(share, shown):
    assert numbers.percent(share) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "$0"),
        (0.00412, "$0.00412"),
        (0.0000123, "$0.0000123"),
        (1e-9, "$0.00000000100"),
        (0.9996, "$1.00"),
        (1.5, "$1.50"),
        (1234567.891, "$1,234,567.89"),
        (-0.25, "-$0.250"),
    ],
)
def test_usd_has_significant_digits_and_no_exponent(amount, shown):
    assert numbers.usd(amount) == shown


@pytest.mark.parametrize(
    ("duration_s", "shown"),
    [
        (0, "0 s"),
        (2.314, "2.31 s"),
        (0.1, "0.100 s"),
        (0.0421, "42.1 ms"),
        (0.0000421, "0.0421 ms"),
        (125.4, "125 s"),
    ],
)
def test_seconds_become_milliseconds_when_short(duration_s, shown):
    assert numbers.seconds(duration_s) == shown


@pytest.mark.parametrize(
    ("kind", "first", "second", "shown"),
    [
        ("percent", 0.91, 0.84, ("91.0%", "84.0%")),
        ("percent", 0.91041, 0.91042, ("91.041%", "91.042%")),
        ("usd", 0.0041201, 0.0041204, ("$0.0041201", "$0.0041204")),
        ("seconds", 2.0, 2.0, ("2.00 s", "2.00 s")),
    ],
)
def test_two_sides_that_differ_look_different(kind, first, second, shown):
    assert numbers.pair(kind, first, second) == shown


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ((-0.07, -0.10, -0.041), "-7.0 pp (-10.0 to -4.1)"),
        ((0.0025, -0.0041, 0.0092), "+0.2 pp (-0.4 to +0.9)"),
        ((0.0, -0.0004, 0.0006), "0.00 pp (-0.04 to +0.06)"),
        ((0.02, -inf, 0.05), "+2.0 pp (at most +5.0)"),
        ((0.02, -0.01, inf), "+2.0 pp (at least -1.0)"),
        ((0.02, -inf, inf), "+2.0 pp (unbounded)"),
    ],
)
def test_intervals_stand_beside_the_estimate(ends, shown):
    value, low, high = ends
    estimate = Estimate(value=value, low=low, high=high, level=0.9, method="tango")
    assert numbers.with_interval(estimate, "points", signed=True) == shown


@pytest.mark.parametrize(
    ("check", "shown"),
    [
        (decisions.check(), "drop ≤ 1 pp"),
        (decisions.check(limit="min", allowance=0.85), "≥ 85%"),
        (decisions.cost_check(), "rise ≤ 5%"),
        (decisions.cost_check(limit="max", scale="absolute", allowance=0.01), "≤ $0.01"),
        (decisions.cost_check(limit="max", scale="absolute", allowance=20.0), "≤ $20"),
        (decisions.latency_check(limit="max", scale="absolute", allowance=2.5), "≤ 2.5 s"),
        (decisions.latency_check(allowance=0.1), "rise ≤ 10%"),
    ],
)
def test_budgets_read_as_they_were_written(check, shown):
    assert numbers.allowance(check) == shown


def test_every_kind_of_number_can_stand_on_an_axis():
    for metric in METRICS:
        assert "25" in tick_text(metric_kind(metric), 0.25)
