"""Laws of the whole way from case to decision, on small projects that hypothesis writes."""

import hashlib
import json
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalgate.core.errors import MissingRecordings
from evalgate.core.outcome import Answer, Failure
from evalgate.pipeline.project.settings import RecordSettings, RunSettings
from evalgate.pipeline.record import record
from evalgate.pipeline.run import run
from evalgate.store.runs import read_run

PROJECT = """
providers: {laws: {kind: function, path: "tests.property.law_models:answer"}}
budgets:
  accuracy: {max_drop: 2pp}
  cost_per_correct: {max_rise: 5%}
  latency_p95: {max_rise: 10%}
on_inconclusive: block
"""
SUITE = """
policies: policies/laws
grader: {kind: choice, labels: ["yes", "no"]}
"""
POLICY = """
description: DESCRIPTION
params: {temperature: 0}
deployments:
  weak:   {provider: laws, model: weak, revision: "1", price: {input_per_1m: 1, output_per_1m: 1}}
  strong: {provider: laws, model: strong, revision: "1", price: {input_per_1m: STRONG, output_per_1m: 9}}
router: {kind: column, column: need, threshold: THRESHOLD, strong: strong, weak: weak, decide_s: DECIDE}
reliability:
  {num_retries: RETRIES, backoff_s: 0.0001, request_timeout_s: TIMEOUT, fallbacks: FALLBACKS}
"""
DEFAULTS = {
    "DESCRIPTION": "a policy",
    "STRONG": "5",
    "THRESHOLD": "0.5",
    "DECIDE": "0",
    "RETRIES": "1",
    "TIMEOUT": "30",
    "FALLBACKS": "{strong: [weak]}",
}
TEXTS = st.text("abcdefgh xyz", min_size=1, max_size=12)
QUESTIONS = st.lists(
    st.tuples(
        st.builds(
            "{} {}".format,
            TEXTS,
            st.sampled_from(["", "break strong", "break weak", "break strong break weak"]),
        ),
        st.sampled_from(["yes", "no"]),
        st.integers(0, 10).map(lambda tenth: tenth / 10),
    ),
    min_size=1,
    max_size=12,
)
THRESHOLDS = st.integers(0, 10).map(lambda tenth: tenth / 10)


class Quiet:
    """Progress that nobody watches."""

    def start(self, label, total):
        pass

    def advance(self, n=1):
        pass

    def done(self):
        pass


def policy(**changes):
    text = POLICY
    for name, value in {**DEFAULTS, **changes}.items():
        text = text.replace(name, str(value))
    return text


@contextmanager
def project(questions, candidate):
    """A project of these questions, whose production and candidate differ as told."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "suites/laws").mkdir(parents=True)
        (root / "policies/laws").mkdir(parents=True)
        (root / "evalgate.yaml").write_text(PROJECT)
        (root / "suites/laws/suite.yaml").write_text(SUITE)
        cases = [
            {"id": f"c{number}", "input": text, "target": target, "vars": {"need": need}}
            for number, (text, target, need) in enumerate(questions)
        ]
        (root / "suites/laws/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
        (root / "policies/laws/production.yaml").write_text(policy())
        (root / "policies/laws/candidate.yaml").write_text(candidate)
        yield root


def gate(root, mode="replay", **more):
    return run(RunSettings(root, mode=mode, **more), Quiet())


def results(root, name):
    return read_run(root / f".evalgate/runs/laws/{name}.run.jsonl").results


def digest(model, text):
    """The digest of a call, written out by hand: RFC 8785 of these texts needs no more than sorted keys."""
    asked = {
        "kind": "function",
        "messages": [{"content": text, "role": "user"}],
        "model": model,
        "params": {"temperature": 0},
        "provider": "laws",
        "quantization": None,
        "revision": "1",
        "sample": 0,
        "trial": 0,
        "v": 1,
    }
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def needed(questions, threshold):
    """The calls that a policy needs, worked out without evalgate."""
    calls = set()
    for text, _, need in questions:
        strong = need >= threshold
        calls.add(digest("strong" if strong else "weak", text))
        if strong and "break strong" in text:
            calls.add(digest("weak", text))
    return calls


def recorded(root):
    lines = [
        json.loads(line)
        for file in root.rglob("recordings/**/*.jsonl")
        for line in file.read_text().splitlines()[1:]
    ]
    return {line["digest"] for line in lines} | in_store(root / ".evalgate/store.sqlite3")


def in_store(file):
    if not file.exists():
        return set()
    with closing(sqlite3.connect(file)) as store:
        return {digest.hex() for (digest,) in store.execute("SELECT digest FROM calls")}


@settings(max_examples=15, deadline=None)
@given(QUESTIONS)
def test_a_policy_against_itself_changes_nothing(questions):
    with project(questions, policy(DESCRIPTION="the same under another name")) as root:
        record(RecordSettings(root, seed=1), Quiet())
        decision = gate(root)
    (judgement,) = decision.judgements
    assert (decision.verdict, decision.blocked) == ("pass", False)
    assert not judgement.flips
    assert all((c.change.low, c.change.value, c.change.high) == (0, 0, 0) for c in judgement.checks)


@settings(max_examples=20, deadline=None)
@given(QUESTIONS, THRESHOLDS)
def test_a_candidate_calls_exactly_what_the_baseline_did_not(questions, threshold):
    with project(questions, policy(THRESHOLD=threshold)) as root:
        (root / "policies/laws/candidate.yaml").rename(root / "later.yaml")
        record(RecordSettings(root, seed=1), Quiet())
        assert recorded(root) == needed(questions, 0.5)
        (root / "later.yaml").rename(root / "policies/laws/candidate.yaml")
        new = needed(questions, threshold) - needed(questions, 0.5)
        if new:
            with pytest.raises(MissingRecordings):
                gate(root)
        (judgement,) = gate(root, "auto").judgements
        assert judgement.calls.made == len(new)
        assert recorded(root) == needed(questions, 0.5) | new
        assert gate(root).judgements[0].calls.made == 0


@settings(max_examples=15, deadline=None)
@given(QUESTIONS, st.sampled_from(["{}", "{strong: [weak]}"]))
def test_every_case_has_one_outcome_however_much_fails(questions, fallbacks):
    with project(questions, policy(FALLBACKS=fallbacks)) as root:
        gate(root, "live")
        served = results(root, "candidate")
    assert [each.outcome.case_id for each in served] == [f"c{number}" for number in range(len(questions))]
    for each, (text, _, need) in zip(served, questions, strict=True):
        broken = "break weak" in text
        if need >= 0.5:
            broken = "break strong" in text and (fallbacks == "{}" or broken)
        assert isinstance(each.outcome.result, Failure if broken else Answer)
        assert not (broken and each.grade.correct)


@settings(max_examples=15, deadline=None)
@given(QUESTIONS, THRESHOLDS)
def test_a_replay_by_the_recorded_rules_gives_the_recorded_outcomes(questions, threshold):
    with project(questions, policy(THRESHOLD=threshold)) as root:
        gate(root, "live")
        live = {name: results(root, name) for name in ("production", "candidate")}
        gate(root)
        assert {name: results(root, name) for name in live} == live


@settings(max_examples=15, deadline=None)
@given(
    QUESTIONS,
    st.fixed_dictionaries(
        {},
        optional={
            "DESCRIPTION": st.just("other words"),
            "STRONG": st.integers(1, 50),
            "DECIDE": st.sampled_from(["0.5", "2"]),
            "TIMEOUT": st.sampled_from(["20", "60"]),
            "RETRIES": st.just(0),
        },
    ),
)
def test_what_does_not_go_out_needs_no_new_call(questions, changes):
    with project(questions, policy(**changes)) as root:
        (root / "policies/laws/candidate.yaml").rename(root / "later.yaml")
        record(RecordSettings(root, seed=1), Quiet())
        (root / "later.yaml").rename(root / "policies/laws/candidate.yaml")
        assert gate(root).judgements[0].calls.made == 0
