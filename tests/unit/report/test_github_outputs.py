"""One Decision, many surfaces: they agree, they fit, and what is hostile in them is harmless."""

import re
from xml.etree import ElementTree as ET

import pytest

from evalgate.core.errors import (
    BadInput,
    CannotJudge,
    ExitCode,
    GraderCrash,
    MissingRecordings,
    Problem,
    ProviderRefused,
    RunsNotComparable,
    SpendCapReached,
)
from evalgate.core.verdict import Decision
from evalgate.gate.decide import decide, nothing_changed
from evalgate.report import json, junit, markdown, text, wording
from evalgate.report.github.annotations import MOST, annotations, problem_annotations
from evalgate.report.github.comment import (
    MOST_CHARACTERS,
    comment_title,
    error_comment,
    is_worth_a_comment,
    marker,
    render,
)
from evalgate.report.github.outputs import error_outputs, outputs
from evalgate.report.github.summary import error_summary
from tests.unit.report import decisions

EMOJI = "👩‍👩‍👧‍👦🏳️‍🌈" * 20
FAILED = decisions.check(
    verdict="fail", blocked=True, reason="accuracy fell by at least 4.1 points, budget 1.0"
)
OPEN = decisions.check(verdict="inconclusive", blocked=True, reason="cannot tell; blocked")


def one(verdict, *checks, **changed):
    blocked = any(check.blocked for check in checks)
    return decide([decisions.judgement(verdict=verdict, blocked=blocked, checks=checks, **changed)])


TABLE = {
    "pass": (one("pass", decisions.check()), 0, "pass", "✓ evalgate: pass"),
    "nothing changed": (nothing_changed(["no file"]), 0, "pass", "✓ evalgate: pass"),
    "blocked, proven": (one("fail", FAILED), 1, "fail", "✗ evalgate: blocked"),
    "blocked, not proven": (one("inconclusive", OPEN), 3, "inconclusive", "✗ evalgate: blocked"),
    "allowed, not proven": (
        one("inconclusive", decisions.check(verdict="inconclusive")),
        0,
        "inconclusive",
        "? evalgate: inconclusive, not blocked",
    ),
    "failed and only shown": (
        one("fail", decisions.check(verdict="fail", on_inconclusive="warn")),
        0,
        "fail",
        "✗ evalgate: fail, not gated",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_every_surface_of_a_decision_agrees(name):
    decision, code, verdict, title = TABLE[name]
    assert int(decision.exit_code) == code
    said = outputs(decision)
    assert (said["verdict"], said["exit-code"]) == (verdict, str(code))
    assert said["blocked"] == str(code != 0).lower()
    assert title in comment_title(decision)
    assert markdown.render(decision).startswith(f"## {title}")
    assert text.render(decision).startswith(title.partition(" evalgate")[0])
    assert f'"exit_code": {code}' in json.render(decision)
    tests = ET.fromstring(junit.render(decision))
    assert (int(tests.get("failures")) > 0) == (code != 0)
    assert bool(annotations(decision, {})) == (code != 0)
    assert (code == 0) or is_worth_a_comment(decision)


ERRORS = {
    BadInput([Problem("no such file", "create it", "a.yaml", 3)]): 2,
    CannotJudge("no"): 4,
    MissingRecordings("no"): 4,
    ProviderRefused("no"): 4,
    GraderCrash("no"): 4,
    RunsNotComparable("no"): 4,
    SpendCapReached("no"): 5,
    ValueError("sk-canary"): 70,
    KeyboardInterrupt(): 130,
}


@pytest.mark.parametrize(("error", "code"), ERRORS.items(), ids=lambda each: type(each).__name__)
def test_every_surface_of_an_error_agrees(error, code):
    said = error_outputs(ExitCode(code))
    assert said == {"verdict": "error", "blocked": "true", "exit-code": str(code)}
    for shown in (error_summary(error, ExitCode(code)), error_comment(error, ExitCode(code), "gate")):
        assert "✗ evalgate: " in shown
        assert f"Exit code {code}." in shown
        assert "no verdict on the change" in shown
        # A bug's own words may quote anything.
        assert "sk-canary" not in shown
        assert "blocked" not in shown.lower()


def test_the_codes_of_the_table_are_all_there_are():
    assert {code for _, code, *_ in TABLE.values()} | set(ERRORS.values()) == {int(code) for code in ExitCode}


# Size


def huge(slices=500):
    name = f"suite-{EMOJI}"
    many = tuple(
        decisions.check(slice=f"{EMOJI}{index}", verdict="fail", blocked=True, reason=f"{EMOJI} fell")
        for index in range(slices)
    )
    judgement = decisions.judgement(
        suite=name,
        candidate=EMOJI,
        baseline=EMOJI,
        verdict="fail",
        blocked=True,
        headline=EMOJI * 10,
        checks=many,
        flips=decisions.flips(6000, 4000),
        owners=(EMOJI,) * 50,
    )
    return decide([judgement])


def with_announcements(decision, number=500):
    told = tuple(f"{EMOJI} {index}" for index in range(number))
    return Decision(decision.verdict, decision.blocked, decision.exit_code, decision.judgements, (), told)


@pytest.mark.parametrize(
    "decision",
    [
        huge(),
        with_announcements(huge()),
        decide([huge(3).judgements[0]] * 80),
        decisions.ten_thousand_flips(),
        decisions.many_suites(400),
    ],
    ids=["slices", "announcements", "comparisons", "flips", "suites"],
)
def test_everything_fits(decision):
    comment = render(decision, "gate", "https://github.example/run")
    assert len(comment) <= MOST_CHARACTERS
    # GitHub counts what it stores; a wide character may be two of its units.
    assert len(comment.encode("utf-16-le")) // 2 <= 65_536
    assert len(markdown.render(decision).encode()) <= 900_000
    assert len(annotations(decision, {})) <= MOST <= 10


def test_a_usual_comment_is_short():
    for decision in (decisions.proven_fail(), decisions.pass_with_gain(), decisions.ten_thousand_flips()):
        assert len(render(decision, "gate", "https://github.example/run")) <= 3_000


def test_what_is_left_out_is_counted():
    [*_, last] = annotations(huge(), {})
    assert "and 493 more findings: the step's summary has all" in last
    assert "more limits, all in the summary" in render(huge(), "gate")
    assert len(problem_annotations([Problem(f"wrong {index}") for index in range(100)])) == MOST


# Hostile text


def test_hostile_names_are_harmless_in_a_comment():
    body = render(decisions.hostile(), "gate")
    told = with_announcements(decisions.hostile(), 1)
    for shown in (body, render(told, "gate")):
        outside = re.sub(r"<code>.*?</code>|`[^`]*`", "", shown)
        assert "<script" not in shown
        assert "![" not in outside
        assert "@octocat" not in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert shown.count("<!--") == 1
        assert not [line for line in shown.split("\n") if line.lstrip().startswith("::")]


def test_no_answer_stands_in_a_comment():
    flips = decisions.flips(3, 4)
    shown = render(decisions.proven_fail(), "gate")
    for flip in flips:
        assert flip.case_id not in shown


@pytest.mark.parametrize("name", ["a --> b", "<b>", "x" * 500, "ä/ö\n", ""])
def test_a_marker_is_one_comment_whatever_the_name(name):
    made = marker(name)
    assert made.count("-->") == 1
    assert made.endswith(" -->")
    assert "\n" not in made
    assert len(made) < 120


def test_an_annotation_stands_on_the_line_that_changed():
    made = decide([decisions.judgement(verdict="fail", blocked=True, checks=(FAILED,), file="p/a,b.yaml")])
    [command] = annotations(made, {"p/a,b.yaml": 7})
    assert command == (
        "::error file=p/a%2Cb.yaml,line=7,title=evalgate%3A tickets%2C accuracy::"
        "accuracy fell by at least 4.1 points, budget 1.0"
    )


def test_the_worst_of_several_changes_is_the_output():
    other = decisions.judgement(suite="other", blocked=True, checks=(FAILED, decisions.cost_check()))
    two = decide([decisions.judgement(), other])
    said = outputs(two)
    assert said["accuracy-change"] == "0.0025"
    assert said["cost-per-correct-change"] == "-0.3034"
    assert wording.outcome_word(two) == "BLOCKED"
