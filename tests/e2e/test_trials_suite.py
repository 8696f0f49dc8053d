"""A rule over the trials of a case, from record to verdict."""

import json

import pytest

from tests.e2e.test_judge_suite import evalgate, write
from tests.loopback import Loopback, answer

SUITE = """
policies: policies/mail
grader: {kind: exact}
trials: 5
trials_pass: RULE
budgets: {accuracy: {min: 1%}}
"""


def flaky(replies):
    """One answer in five is wrong, whoever asks and in whatever order."""
    turns = iter(replies * 100)
    return lambda _: answer(next(turns))


@pytest.mark.parametrize(("rule", "counts"), [("4 of 5", 1.0), ("5 of 5", 0.0), ("pass^2", 0.6)])
def test_what_the_trials_show_is_what_the_case_counts(tmp_path, rule, counts):
    with Loopback(flaky(["no", "yes", "yes", "yes", "yes"])) as answers:
        write(tmp_path, answers.origin, answers.origin)
        (tmp_path / "policies/mail/cheaper.yaml").unlink()
        (tmp_path / "suites/mail/suite.yaml").write_text(SUITE.replace("RULE", rule))
        (tmp_path / "suites/mail/cases.jsonl").write_text('{"id": "a", "input": "?", "target": "yes"}\n')
        assert evalgate(tmp_path, "record", "--seed", "1").returncode == 0
        assert len(answers.received) == 5
    shown = json.loads(evalgate(tmp_path, "run", "--format", "json").stdout)
    (comparison,) = shown["comparisons"]
    (check,) = comparison["checks"]
    assert check["candidate"]["value"] == pytest.approx(counts)
    assert check["trials"] == 5
    # The finished run tells the same.
    (run,) = (tmp_path / ".evalgate").rglob("*.run.jsonl")
    exported = evalgate(tmp_path, "report", str(run), "--output", "r.html")
    assert exported.returncode == 0, exported.stderr
