"""A model in fewer bits, from the command line to the exit code: one format ships, one flips too much."""

import json

import pytest

from tests.e2e.test_tickets import checks, evalgate, project  # noqa: F401  project is a fixture


def judged(project, policy, *suite):  # noqa: F811
    suite = suite or ("suites/quantized-tickets",)
    done = evalgate(project, "run", *suite, "--policy", policy, "--format", "json")
    (comparison,) = json.loads(done.stdout)["comparisons"]
    return done, comparison


def test_eight_bits_ship_with_every_limit_proven(project):  # noqa: F811
    done, comparison = judged(project, "int8")
    assert done.returncode == 0, done.stderr
    assert comparison["verdict"] == "pass"
    flips = checks(done, "flip_rate")["max"]
    assert (flips["verdict"], flips["method"], flips["candidate"]["value"]) == ("pass", "exact", 0)
    assert flips["candidate"]["high"] < flips["allowance"]
    assert checks(done, "cost_per_correct")["max_rise"]["change"]["high"] < -0.4
    assert "deployments.strong.quantization: fp16 → int8" in comparison["policy_diff"]
    assert comparison["answers"]["requantized"]


def test_four_bits_are_as_right_and_are_blocked_for_their_flips(project):  # noqa: F811
    done, comparison = judged(project, "int4")
    assert done.returncode == 1, done.stderr
    assert checks(done, "accuracy")["max_drop"]["verdict"] == "pass"
    flips = checks(done, "flip_rate")["max"]
    assert (flips["verdict"], flips["blocked"]) == ("fail", True)
    assert flips["candidate"]["low"] > flips["allowance"]
    cases = comparison["cases"]
    assert cases["broke"] + cases["fixed"] == round(flips["candidate"]["value"] * flips["n"])
    assert comparison["answers"]["changed"]["value"] > flips["candidate"]["value"]


def test_the_report_says_what_became_of_the_answers_and_which_slice_recovers_least(project):  # noqa: F811
    arguments = ("run", "suites/tickets", "--policy", "quantized-model", "--report", "report.html")
    done = evalgate(project, *arguments)
    answers = done.stdout.split("\n  answers\n")[1].split("\n\n")
    assert "flipped" in answers[0]
    first = answers[1].splitlines()[3]
    assert first.split()[:2] == ["intent", "technical"]
    page = (project / "report.html").read_text(encoding="utf-8")
    assert "strong, as it is → int3: input $2.50 → $0.600" in page
    assert page.index("<bdi>intent technical (88 cases)</bdi>") < page.index("<bdi>difficulty hard")
    _, comparison = judged(project, "quantized-model", "suites/tickets")
    whole, worst, *_ = comparison["answers"]["recovery"]
    assert whole["key"] is None
    assert (worst["slice"], worst["n"]) == ("technical", 88)
    assert worst["recovery"]["high"] < whole["recovery"]["low"]


def test_a_quantized_model_is_another_model_to_the_recordings(project):  # noqa: F811
    policy = project / "policies" / "quantized-tickets" / "int8.yaml"
    policy.write_text(policy.read_text().replace("quantization: int8", "quantization: int8-awq"))
    done = evalgate(project, "run", "suites/quantized-tickets")
    assert done.returncode == 4
    assert "528 of 528 answers" in done.stderr
    assert "int8" in done.stderr


@pytest.mark.parametrize(
    ("budget", "told"),
    [("{max: 2}", "2 has no unit"), ("{max_drop: 1pp}", "max_rise"), ("{max: 120%}", "all cases")],
)
def test_a_budget_for_flips_that_cannot_be_meant_is_refused(project, budget, told):  # noqa: F811
    suite = project / "suites" / "quantized-tickets" / "suite.yaml"
    suite.write_text(suite.read_text().replace("{max: 1%}", budget))
    done = evalgate(project, "run", "suites/quantized-tickets")
    assert done.returncode == 2
    assert "flip_rate" in done.stderr
    assert told in done.stderr


def test_power_says_what_it_takes_to_show_that_formats_hold(project):  # noqa: F811
    done = evalgate(project, "power", "suites/quantized-tickets")
    assert done.returncode == 0, done.stderr
    assert "format_failure_rate, for 1 pp: 299 cases" in done.stdout
