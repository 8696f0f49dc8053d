"""The most that a case can cost: known where its calls carry limits, and said where they do not."""

from dataclasses import replace

from evalgate.core.numbers import Unmeasured
from evalgate.load.project import load_project
from evalgate.pipeline.spending.case_cap import cap_note, case_cap
from evalgate.pricing.prices import resolve_prices
from tests.synthetic_runs import Served, run_of


def capped(project):
    (suite,) = project.suites
    policy = suite.baseline
    return case_cap(suite, policy, resolve_prices(policy.deployments.values(), {}, None))


def manifest(policy, cap):
    return replace(run_of([Served("a")]).manifest, policy=policy, case_cap_usd=cap)


def test_every_call_a_case_may_come_to_is_billed_at_its_limit(mail):
    cap = capped(load_project(mail.root))
    # Two attempts of weak and two of strong, its fallback: 10 tokens out each, and under 1,000 bytes in.
    out = 2 * 10 * (2 + 20) / 1e6
    assert out < cap < out + 2 * 1000 * (1 + 10) / 1e6


def test_an_answer_of_any_length_has_no_cap(mail):
    policy = (mail.root / "policies/mail/production.yaml").read_text()
    mail.write("policies/mail/production.yaml", policy.replace(", max_tokens: 10", ""))
    cap = capped(load_project(mail.root))
    assert isinstance(cap, Unmeasured)
    assert "no max_tokens" in cap.reason


def test_the_note_says_what_caps_and_what_does_not():
    unknown = Unmeasured("params of 'm' have no max_tokens, so an answer may be of any length")
    (note,) = cap_note(manifest("before", 0.25), manifest("after", unknown))
    assert "$0.250 under before" in note
    assert "nothing known caps it under after (params of 'm' have no max_tokens" in note
    assert cap_note(manifest("before", None)) == ()
