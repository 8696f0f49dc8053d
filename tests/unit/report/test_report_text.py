"""The terminal report: what stands where, and that nothing overflows or escapes."""

import re
import unicodedata
from dataclasses import replace

import decisions
import pytest

from evalgate.core.errors import ExitCode
from evalgate.core.verdict import CallCounts, NotSpent
from evalgate.report import text
from evalgate.report.safe_text import columns

ALL = [*decisions.EXAMPLES.values(), decisions.ten_thousand_flips]


@pytest.mark.parametrize("width", [60, 61, 72, 80, 100, 140])
@pytest.mark.parametrize("example", ALL)
def test_no_line_is_wider_than_the_width(example, width):
    lines = text.render(example(), width=width).splitlines()
    assert max(columns(line) for line in lines) <= width


def test_a_width_below_sixty_is_sixty():
    assert text.render(decisions.proven_fail(), width=10) == text.render(decisions.proven_fail(), width=60)


@pytest.mark.parametrize("example", ALL)
def test_colour_adds_escapes_and_nothing_else(example):
    plain = text.render(example())
    colored = text.render(example(), color=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9]*m", "", colored) == plain


@pytest.mark.parametrize("width", [60, 100])
def test_hostile_text_leaves_no_control_bidi_or_zero_width_character(width):
    rendered = text.render(decisions.hostile(), width=width)
    assert {unicodedata.category(char) for char in rendered if char != "\n"}.isdisjoint(
        {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    )
    rendered.encode()


@pytest.mark.parametrize("width", [60, 100])
def test_hostile_text_gives_no_command_to_a_ci_runner(width):
    lines = text.render(decisions.hostile(), width=width).splitlines()
    assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


def test_the_verdict_and_the_deciding_sentence_come_first():
    first = text.render(decisions.proven_fail()).splitlines()[0]
    assert first == "✗ BLOCKED  accuracy fell by at least 4.1 points, budget 1.0"


def test_every_limit_has_a_row_with_sides_interval_budget_and_a_word():
    rows = text.render(decisions.proven_fail()).splitlines()
    assert any(
        all(
            part in row
            for part in ("accuracy", "91.0% → 84.0%", "-7.0 pp (-10.0 to -4.1)", "drop ≤ 1 pp", "✗ fail")
        )
        for row in rows
    )
    assert any("change (90% interval)" in row for row in rows)
    assert any("[billing]" in row and "✗ fail, not gated" in row for row in rows)


def test_an_absolute_limit_shows_the_candidate_s_own_interval():
    rows = text.render(decisions.no_baseline()).splitlines()
    assert any("is 91.2% (88.6 to 93.4)" in row and "≥ 85%" in row for row in rows)
    assert "baseline →" not in "\n".join(rows)


def test_different_levels_are_named_in_the_rows():
    judgement = decisions.judgement(checks=(decisions.check(), decisions.latency_check(level=0.95)))
    rendered = text.render(decisions.decision(judgement))
    assert "change (interval)" in rendered
    assert "(-0.4 to +0.9) at 90%" in rendered
    assert "(-19.0 to -8.1) at 95%" in rendered


def test_what_is_unmeasured_says_why():
    rendered = text.render(decisions.unmeasured())
    assert "$0.00412 → n/a" in rendered
    assert "not measured" in rendered
    assert "no case was answered correctly" in rendered
    assert "the provider did not say how many tokens were billed" in rendered


def test_flips_are_counted_and_the_first_of_each_kind_are_shown():
    rendered = text.render(decisions.ten_thousand_flips())
    assert (
        "6,000 broke, 4,000 fixed, 9,000 right on both sides, 1,000 wrong on both; 20,000 cases" in rendered
    )
    assert "t-00004" in rendered
    assert "t-00005" not in rendered
    assert "and 5,995 more" in rendered
    assert "and 3,995 more" in rendered
    assert "t-06000" in rendered


def test_calls_mode_and_spend_are_told():
    calls = CallCounts(needed=800, reused=780, made=20)
    rendered = text.render(
        decisions.decision(decisions.judgement(calls=calls, mode="auto", spend_usd=0.0213))
    )
    assert "calls: 800 needed, 780 reused, 20 made (auto mode)" in rendered
    assert "spent on this run: $0.0213" in rendered


@pytest.mark.parametrize(
    ("not_spent", "said"),
    [
        (
            NotSpent(100, 400, 600, 1.5),
            "not spent: about $1.50 for 600 calls not made, as 100 of 400 cases decided",
        ),
        (NotSpent(400, 400, 0, 0.0), "not spent: nothing, it took all 400 cases to decide"),
        (None, None),
    ],
)
def test_what_stopping_early_saved_is_told(not_spent, said):
    judgement = replace(decisions.proven_fail().judgements[0], not_spent=not_spent)
    lines = text.render(replace(decisions.proven_fail(), judgements=(judgement,))).splitlines()
    found = [line.strip() for line in lines if "not spent" in line]
    assert found == ([] if said is None else [said])


def test_notes_and_assumptions_stand_once():
    same = "cases are independent"
    decision = decisions.decision(decisions.judgement(notes=(same,)), decisions.judgement(), notes=(same,))
    assert text.render(decision).count(same) == 1


def test_a_note_of_one_of_several_comparisons_names_it():
    first = decisions.judgement(suite="a", notes=("only here", "everywhere"))
    second = decisions.judgement(suite="b", notes=("everywhere",))
    rendered = text.render(decisions.decision(first, second))
    assert "· a, router-threshold: only here" in rendered
    assert "· everywhere" in rendered


def test_slices_do_not_repeat_what_the_whole_assumes_with_other_numbers():
    checks = (
        decisions.check(assumptions=("300 of 400 cases are served alike",)),
        decisions.check(slice="billing", assumptions=("21 of 40 cases are served alike", "few cases")),
        decisions.check(slice="sales", assumptions=("few cases",)),
    )
    rendered = text.render(decisions.decision(decisions.judgement(checks=checks)))
    assert "300 of 400 cases" in rendered
    assert "21 of 40" not in rendered
    assert rendered.count("few cases") == 1
    assert "accuracy [billing]: few cases" in rendered


@pytest.mark.parametrize(
    ("reason", "needed", "shown"),
    [
        ("accuracy is open", None, "? accuracy is open\n"),
        ("accuracy is open", 1300, "? accuracy is open; about 1,300 cases would decide\n"),
        (
            "accuracy is open; 1300 cases would decide it",
            1300,
            "? accuracy is open; 1300 cases would decide it\n",
        ),
        ("the data cannot tell", None, "? accuracy: the data cannot tell\n"),
    ],
)
def test_a_reason_says_once_what_it_is_about_and_how_many_cases_would_decide(reason, needed, shown):
    check = decisions.check(verdict="inconclusive", reason=reason, cases_needed=needed)
    assert shown in text.render(decisions.decision(decisions.judgement(checks=(check,))))


def test_many_suites_begin_with_an_overview_of_all():
    lines = text.render(decisions.many_suites()).splitlines()
    assert lines[0] == "✗ BLOCKED  6 of 12 comparisons blocked"
    overview = lines[2 : lines.index("", 2)]
    assert sum(": production → " in line for line in overview) == 12


def test_a_partial_look_that_gates_nothing_is_not_called_blocked():
    judgement = decisions.judgement(verdict="fail", blocked=False)
    rendered = text.render(replace(decisions.decision(judgement), exit_code=ExitCode.OK))
    assert rendered.startswith("✗ FAIL, NOT GATED  ")
    assert rendered.endswith("exit code 0: nothing blocked\n")


def test_no_limits_are_no_table():
    assert "no limits are set, so nothing was judged" in text.render(
        decisions.decision(decisions.judgement(checks=()))
    )
