import pytest

from evalgate.core.cases import Case
from evalgate.core.clock import case_times
from evalgate.core.errors import BadInput


def times(*ats):
    return case_times([Case(id=str(index), input="x", at=at) for index, at in enumerate(ats)])


def test_cases_without_times_are_a_second_apart():
    assert times(None, None, None) == (0.0, 1.0, 2.0)
    assert case_times([]) == ()


def test_seconds_are_taken_as_they_are():
    assert times(5, 5.5, None, 60) == (5, 5.5, 6.5, 60)


def test_timestamps_count_from_the_first():
    assert times("2026-11-01T09:30:00Z", "2026-11-01T10:30:01+01:00", "2026-11-01 09:31", None) == (
        0,
        1,
        60,
        61,
    )


def test_a_filled_in_time_never_passes_the_next_stated_one():
    assert times(10, None, None, 10.5, None) == (10, 10.5, 10.5, 10.5, 11.5)
    assert times(None, None, 0.5) == (0, 0.5, 0.5)


def test_every_unreadable_time_is_named():
    with pytest.raises(BadInput) as raised:
        times("yesterday", "2026-11-01T09:30:00Z", "12")
    assert [problem.key for problem in raised.value.problems] == ["at", "at"]
    assert "case '0': 'yesterday' is not a time" in str(raised.value)
    assert "ISO 8601" in str(raised.value)


def test_seconds_and_timestamps_do_not_mix():
    with pytest.raises(BadInput, match="case '0' has a timestamp and case '2' has seconds"):
        times("2026-11-01T09:30:00Z", None, 3)


def test_a_clock_that_runs_back_is_bad_input():
    with pytest.raises(BadInput, match=r"case '2' is at 4\.0, before case '0' above it at 5\.0"):
        times(5, None, 4)
