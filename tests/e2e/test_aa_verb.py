"""A policy against itself: its noise is measured, recorded, and known to `power` afterwards."""

import json
import re

import pytest

from tests.command_line import evalgate
from tests.loopback import Loopback, answer, delayed
from tests.mail_project import write_mail

# Every fifth answer is wrong, whatever was asked: with 64 cases each trial has its own wrong ones.
ANSWERS = '''
"""A model with a will of its own."""
from itertools import count
NUMBERS = count()

def answer(request):
    return "no" if next(NUMBERS) % 5 == 0 else "yes"
'''


@pytest.fixture
def project(tmp_path):
    cases = [{"id": f"m{n}", "input": f"mail {n}", "target": "yes"} for n in range(64)]
    budgets = "{accuracy: {max_drop: 5pp}, cost_per_correct: {max_rise: 20%}}"
    suite = "policies: policies/mail\ngrader: {kind: exact}\n"
    write_mail(tmp_path, budgets, suite, ANSWERS, cases, {"production": "noisy"})
    return tmp_path


def test_trials_are_called_once_recorded_and_known_to_power(project):
    missing = evalgate(project, "aa", "suites/mail")
    assert missing.returncode == 4
    assert "128 of 128 answers need calls that are not recorded" in missing.stderr
    assert "`evalgate aa suites/mail --mode auto`" in missing.stderr

    made = evalgate(project, "aa", "suites/mail", "--mode", "auto")
    assert made.returncode == 0, made.stderr
    assert "production against itself, 2 trials of 64 cases" in made.stdout
    assert "128 calls made for this, spent $1.28" in made.stdout

    again = evalgate(project, "aa", "suites/mail", "--format", "json")
    document = json.loads(again.stdout)
    (suite,) = document["suites"]
    assert document["schema"] == "evalgate/aa@1"
    assert (suite["calls_made"], suite["spend_usd"]) == (0, "0.000000")
    (pair,) = suite["pairs"]
    (accuracy,) = [each for each in pair["metrics"] if each["metric"] == "accuracy"]
    both = accuracy["before"]["value"] + accuracy["after"]["value"]
    assert both / 2 == pytest.approx(0.8, abs=0.01)
    rate = suite["flip_rate"]
    assert 0 < rate["low"] < rate["value"] < rate["high"] < 0.6
    assert {"pass", "fail", "inconclusive"} > {pair["verdict"]}
    (budget, _) = suite["budgets"]
    assert budget["metric"] == "accuracy"
    assert budget["inconclusive"] > 0.5

    power = evalgate(project, "power", "suites/mail", "--format", "json")
    (told,) = json.loads(power.stdout)["suites"]
    assert (told["basis"], told["flip_rate"]) == ("repeats", rate["value"])
    assert told["basis_text"] == "2 recorded trials of production"


def test_a_policy_without_noise_passes_against_itself_for_nothing(project):
    (project / "answers.py").write_text('def answer(request):\n    return "yes"\n')
    done = evalgate(project, "aa", "suites/mail", "--policy", "production", "--trials", "3", "--mode", "live")
    assert done.returncode == 0, done.stderr
    assert "flip rate: 0.0% (0.0 to" in done.stdout
    assert "trial 0 → trial 1" in done.stdout
    assert "trial 1 → trial 2" in done.stdout
    assert "the gate says of it" in done.stdout
    assert "cost_per_correct, for 20%: unknown: it did not differ at all" in done.stdout


def test_no_more_calls_are_in_flight_than_a_person_says(project):
    with Loopback([delayed(0.02, answer("yes"))]) as server:
        config = project / "evalgate.yaml"
        provider = f"{{kind: openai, origin: '{server.origin}'}}"
        config.write_text(re.sub(r"\{kind: function[^}]*\}", provider, config.read_text()))
        made = evalgate(project, "aa", "suites/mail", "--mode", "auto", "--concurrency", "2")
        assert made.returncode == 0, made.stderr
        assert (len(server.received), server.connections) == (128, 2)
