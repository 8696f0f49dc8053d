"""What the shipped suite can see, from the command line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    for name in ("suites", "policies"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "evalgate.yaml", tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


def power(project, *arguments, verb="power"):
    environ = {"PATH": os.environ["PATH"], "HOME": str(project), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "evalgate", verb, *arguments],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_power_rests_on_the_recorded_comparison_and_writes_nothing(project):
    done = power(project, "suites/tickets", "--budget", "accuracy=1pp", "--format", "json")
    assert done.returncode == 0, done.stderr
    (suite,) = json.loads(done.stdout)["suites"]
    assert (suite["cases"], suite["basis"]) == (528, "comparison")
    (row,) = [each for each in suite["budgets"] if each["metric"] == "accuracy"]
    assert row["allowance"] == 0.01
    assert row["cases"] >= 299
    assert 0 <= row["inconclusive"] <= 1
    assert 0 < suite["resolves"]["accuracy"] < 0.1
    assert not (project / ".evalgate").exists()


def test_power_without_recordings_says_that_it_assumes(project):
    shutil.rmtree(project / "suites" / "tickets" / "recordings")
    done = power(project)
    assert done.returncode == 0, done.stderr
    assert "5.0% of answers flip (an assumption" in done.stdout
    assert "accuracy, for 2 pp: 819 cases" in done.stdout
    assert "cost_per_correct: unknown" in done.stdout


@pytest.mark.parametrize("written", ["accuracy=2", "accuracy=2%", "speed=1%", "accuracy=0pp"])
def test_a_budget_that_is_none_is_refused(project, written):
    done = power(project, "--budget", written)
    assert done.returncode == 2
    assert "is no budget" in done.stderr


@pytest.mark.parametrize("verb", ["check", "plan"])
def test_budgets_that_recordings_show_to_stay_open_are_warned_of(project, verb):
    done = power(project, verb=verb)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "cost_per_correct max_rise 5% stays inconclusive" in said
    assert "the suite has 528 cases, and about 1,899 would do" in said
