"""Sequential runs: calls are made in parts, and none is made that nothing depends on any more."""

import json

import pytest

from tests.command_line import evalgate
from tests.mail_project import write_mail

SUITE = "policies: policies/mail\ngrader: {kind: exact}\n"
ANSWERS = '''
"""Models that are right, or wrong on the cases whose number one of them gets wrong; each call is noted."""
import re
from pathlib import Path

def answer(request):
    text = request.messages[-1].content
    with Path("calls.txt").open("a") as file:
        file.write(request.model + " " + text + "\\n")
    number = int(re.search("[0-9]+", text)[0])
    return "no" if request.model == "bad" and number % 3 == 0 else "yes"
'''
CASES = 400


@pytest.fixture
def project(tmp_path):
    cases = [{"id": f"m{n}", "input": f"mail {n}", "target": "yes"} for n in range(CASES)]
    models = {"production": "good", "worse": "bad", "same": "other"}
    write_mail(tmp_path, "{accuracy: {max_drop: 5pp}}", SUITE, ANSWERS, cases, models)
    return tmp_path


def calls_of(root):
    file = root / "calls.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return [line.split()[0] for line in lines]


def result(done):
    return json.loads(done.stdout)["comparisons"]


def test_a_large_regression_ends_early_and_says_what_that_saved(project):
    done = evalgate(project, "run", "--mode", "live", "--sequential", "--policy", "worse", "--format", "json")
    assert done.returncode == 1, done.stderr
    (found,) = result(done)
    used = found["sequential"]["cases"]
    assert used <= CASES / 4
    assert found["cases"]["total"] == used
    assert len(calls_of(project)) == 2 * used
    assert found["sequential"] == {
        "cases": used,
        "cases_total": CASES,
        "calls_not_made": 2 * (CASES - used),
        "not_spent_usd": f"{0.01 * 2 * (CASES - used):.6f}",
    }
    assert found["headline"].endswith(f"; decided after {used} of {CASES} cases")

    shown = evalgate(project, "run", "--mode", "live", "--sequential", "--policy", "worse")
    assert "not made, as" in shown.stdout
    assert "looks after" in shown.stdout


def test_each_proposal_ends_at_its_own_look_and_its_run_file_is_judged_alike(project):
    done = evalgate(project, "run", "--mode", "live", "--sequential", "--format", "json")
    assert done.returncode == 1, done.stderr
    found = {each["candidate"]: each for each in result(done)}
    assert found["worse"]["cases"]["total"] < found["same"]["cases"]["total"]
    assert found["same"]["verdict"] == "pass"
    called = calls_of(project)
    assert called.count("bad") == found["worse"]["cases"]["total"]
    assert called.count("good") == called.count("other") == found["same"]["cases"]["total"]

    runs = project / ".evalgate/runs/mail"
    for name in ("worse", "same"):
        again = evalgate(
            project,
            "compare",
            str(runs / "production.run.jsonl"),
            str(runs / f"{name}.run.jsonl"),
            "--format",
            "json",
        )
        (alike,) = result(again)
        for key in ("verdict", "headline", "checks", "cases"):
            assert alike[key] == found[name][key]
    page = evalgate(project, "report", *map(str, sorted(runs.iterdir())), "--output", "r.html")
    assert page.returncode == 0, page.stderr


def test_nothing_is_left_out_where_nothing_is_saved_or_order_matters(project):
    assert evalgate(project, "record", "suites/mail", "--policy", "worse").returncode == 0
    calls_of(project)
    done = evalgate(project, "run", "--mode", "auto", "--sequential", "--policy", "worse", "--format", "json")
    (found,) = result(done)
    assert (found["cases"]["total"], found["sequential"]) == (CASES, None)
    assert "none was missing here" in found["notes"][0]
    assert not calls_of(project)

    suite = project / "suites/mail/suite.yaml"
    suite.write_text(SUITE + "ordered: true\n")
    done = evalgate(project, "run", "--mode", "live", "--sequential", "--policy", "worse", "--format", "json")
    (found,) = result(done)
    assert found["cases"]["total"] == CASES
    assert "it is ordered" in found["notes"][0]


def test_auto_calls_only_what_is_missing_until_it_is_decided(project):
    assert evalgate(project, "record", "suites/mail", "--policy", "same").returncode == 0
    calls_of(project)
    done = evalgate(project, "run", "--mode", "auto", "--sequential", "--policy", "worse", "--format", "json")
    (found,) = result(done)
    called = calls_of(project)
    assert set(called) == {"bad"}
    assert len(called) == found["sequential"]["cases"] < CASES
    assert found["sequential"]["calls_not_made"] == CASES - len(called)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sequential",), "a replay makes none"),
        (("--sequential", "--mode", "live", "--limit", "9"), "only show"),
    ],
)
def test_looks_that_could_not_save_or_decide_are_refused(project, arguments, said):
    done = evalgate(project, "run", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
