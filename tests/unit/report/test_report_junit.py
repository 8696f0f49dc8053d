"""JUnit XML: a suite a golden suite, a test a limit, and nothing that a reader of XML would trip over."""

from xml.etree import ElementTree as ET

import decisions
import pytest

from evalgate.report import junit
from tests.synthetic_reports import HOSTILE


def parsed(decision):
    return ET.fromstring(junit.render(decision))


@pytest.mark.parametrize("example", decisions.EXAMPLES.values(), ids=decisions.EXAMPLES)
def test_every_decision_is_well_formed_and_counts_its_tests(example):
    decision = example()
    root = parsed(decision)
    tests = list(root.iter("testcase"))
    assert int(root.get("tests")) == len(tests) == sum(len(each.checks) for each in decision.judgements)
    assert int(root.get("failures")) == len(list(root.iter("failure")))
    assert int(root.get("skipped")) == len(list(root.iter("skipped")))
    assert [suite.get("tests") for suite in root] == [str(len(list(s.iter("testcase")))) for s in root]


def test_a_blocked_limit_is_a_failure_of_the_type_of_its_verdict():
    assert [each.get("type") for each in parsed(decisions.proven_fail()).iter("failure")] == [
        "fail",
        "inconclusive",
    ]
    (failure,) = parsed(decisions.inconclusive_blocked()).iter("failure")
    assert failure.get("type") == "inconclusive"
    assert "1800 cases would decide it" in failure.get("message")


def test_what_is_not_proven_and_does_not_block_is_skipped_with_its_reason():
    (skipped,) = parsed(decisions.proven_fail()).iter("skipped")
    assert skipped.get("message").startswith("fail, not blocked: accuracy in slice 'billing'")
    unsure = decisions.decision(
        decisions.judgement(checks=(decisions.check(verdict="inconclusive", reason="too few"),))
    )
    assert [each.get("message") for each in parsed(unsure).iter("skipped")] == [
        "inconclusive, not blocked: too few"
    ]


def test_candidates_of_one_suite_share_its_suite():
    several = decisions.decision(
        decisions.judgement(), decisions.judgement(candidate="other"), decisions.judgement(suite="orders")
    )
    root = parsed(several)
    assert [suite.get("name") for suite in root] == ["tickets", "orders"]
    assert [test.get("classname") for test in root[0].iter("testcase")] == [
        *["tickets.router-threshold"] * 3,
        *["tickets.other"] * 3,
    ]
    assert next(root[0].iter("testcase")).get("name") == "accuracy: drop ≤ 1 pp"


def test_where_the_money_goes_stands_in_properties():
    (suite,) = parsed(decisions.pass_with_gain())
    assert suite[0].tag == "properties", "the format wants them first"
    told = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert told["router-threshold: per month of 400,000"] == "$7,499.60 → $6,567.60"
    assert told["router-threshold: cost per request"] == "$0.00375 → $0.00262"
    assert told["router-threshold: without cleanup"] == "$0.00412 → $0.00288"
    (alone,) = parsed(decisions.decision(decisions.judgement(baseline=None)))
    assert "→" not in next(alone.iter("property")).get("value")


def test_a_run_that_came_to_nothing_is_an_error():
    root = ET.fromstring(junit.render_error("MissingRecordings", "3 calls are missing\n::error::x"))
    assert (root.get("errors"), root.get("failures")) == ("1", "0")
    (error,) = root.iter("error")
    assert error.get("type") == "MissingRecordings"
    assert error.get("message") == "3 calls are missing"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    short = text[:3000]
    bad = decisions.check(slice=short, reason=short, verdict="fail", blocked=True)
    made = decisions.decision(decisions.judgement(suite=short, candidate=short, checks=(bad,)))
    for document in (junit.render(made), junit.render_error(short, short)):
        root = ET.fromstring(document)
        assert {each.tag for each in root.iter()} <= {
            "testsuites",
            "testsuite",
            "properties",
            "property",
            "testcase",
            "failure",
            "error",
        }
        assert not [line for line in document.split("\n") if line.lstrip().startswith("::")]
    assert document.encode()


def test_equal_decisions_give_equal_bytes():
    assert junit.render(decisions.proven_fail()) == junit.render(decisions.proven_fail())
