"""The suite of a real model, from the command line: it stands, and the few-shot prompt is turned down."""

import json

from tests.e2e.test_tickets import checks, evalgate, project

__all__ = ["project"]


def test_the_suite_is_judged_from_its_recordings(project):
    done = evalgate(project, "run", "suites/smollm", "--format", "json")
    assert done.returncode == 0, done.stderr
    (comparison,) = json.loads(done.stdout)["comparisons"]
    assert comparison["cases"]["total"] == 224
    assert comparison["calls"]["made"] == 0


def test_the_few_shot_prompt_is_blocked_by_its_cost(project):
    done = evalgate(project, "run", "suites/smollm", "--policy", "few-shot", "--format", "json")
    assert done.returncode == 1, done.stderr
    cost = checks(done, "cost_per_correct")["max_rise"]
    assert cost["verdict"] == "fail"
    assert cost["change"]["low"] > cost["allowance"]
    accuracy = checks(done, "accuracy")["max_drop"]
    assert accuracy["change"]["high"] < 0
