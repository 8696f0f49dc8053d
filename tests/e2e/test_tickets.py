"""The product as a new user meets it: the shipped suite, from the command line to the exit code."""

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
    """A copy of the shipped project, so that runs and recordings never land in the repository."""
    for name in ("suites", "policies"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "evalgate.yaml", tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


def evalgate(project, *arguments, before=()):
    environ = {"PATH": os.environ["PATH"], "HOME": str(project), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*before, sys.executable, "-m", "evalgate", *arguments],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def checks(done, metric):
    result = json.loads(done.stdout)
    return {
        check["limit"]: check
        for check in result["comparisons"][0]["checks"]
        if (check["metric"], check["slice"]) == (metric, None)
    }


def test_the_open_proposal_ships(project):
    done = evalgate(project, "run", "suites/tickets", "--format", "json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [each["candidate"] for each in result["comparisons"]] == ["router-threshold"]
    cost = checks(done, "cost_per_correct")["max_rise"]
    assert cost["verdict"] == "pass"
    assert cost["change"]["high"] < 0
    accuracy = checks(done, "accuracy")["max_drop"]
    assert accuracy["verdict"] == "pass"
    assert accuracy["n"] >= 400
    assert result["comparisons"][0]["calls"]["made"] == 0


def test_the_quantized_model_is_blocked_by_a_proven_fall_of_accuracy(project):
    done = evalgate(project, "run", "suites/tickets", "--policy", "quantized-model", "--format", "json")
    assert done.returncode == 1, done.stderr
    accuracy = checks(done, "accuracy")["max_drop"]
    assert accuracy["verdict"] == "fail"
    assert accuracy["change"]["high"] < -accuracy["allowance"]
    assert checks(done, "cost_per_correct")["max_rise"]["change"]["high"] < 0
    assert checks(done, "latency_p95")["max_rise"]["change"]["value"] < 0


@pytest.mark.parametrize("format_name", ["text", "json", "markdown"])
def test_two_replays_are_byte_identical(project, format_name):
    arguments = ("run", "suites/tickets", "--policy", "router-threshold", "--policy", "quantized-model")
    first = evalgate(project, *arguments, "--format", format_name)
    runs = {path: path.read_bytes() for path in project.rglob("*.run.jsonl")}
    second = evalgate(project, *arguments, "--format", format_name)
    assert (first.returncode, first.stdout) == (second.returncode, second.stdout)
    assert len(runs) == 3
    assert runs == {path: path.read_bytes() for path in project.rglob("*.run.jsonl")}


def test_compare_on_the_run_files_decides_the_same(project):
    ran = evalgate(project, "run", "suites/tickets", "--policy", "quantized-model", "--format", "json")
    runs = project / ".evalgate" / "runs" / "tickets"
    compared = evalgate(
        project,
        "compare",
        str(runs / "production.run.jsonl"),
        str(runs / "quantized-model.run.jsonl"),
        "--format",
        "json",
    )
    assert compared.returncode == ran.returncode == 1, compared.stderr
    of_run, of_compare = (json.loads(done.stdout)["comparisons"][0] for done in (ran, compared))
    for key in ("verdict", "blocked", "headline", "checks", "cases", "policy_diff"):
        assert of_run.get(key) == of_compare.get(key)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare (util-linux) is not installed")
def test_replay_works_without_any_network_interface(project):
    probe = subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"], check=False)
    if probe.returncode:
        pytest.skip("this machine does not allow new network namespaces")
    done = evalgate(
        project, "run", "suites/tickets", before=("unshare", "--user", "--map-root-user", "--net")
    )
    assert done.returncode == 0, done.stderr


def test_live_mode_works_offline_and_finds_the_same_answers(project):
    replayed = evalgate(project, "run", "suites/tickets", "--format", "json")
    live = evalgate(project, "run", "suites/tickets", "--mode", "live", "--format", "json")
    assert live.returncode in (0, 3), live.stderr
    of_replay, of_live = (json.loads(done.stdout)["comparisons"][0] for done in (replayed, live))
    assert of_replay["cases"] == of_live["cases"]
    assert of_live["calls"]["made"] == of_live["calls"]["needed"] > 500
    assert not list((project / "suites").rglob("*.part"))


def test_auto_makes_only_the_missing_calls(project):
    recordings = project / "suites" / "tickets" / "recordings"
    shutil.rmtree(recordings)
    recordings.mkdir()
    missing = evalgate(project, "run", "suites/tickets")
    assert missing.returncode == 4
    assert "evalgate record" in missing.stderr
    assert "t-0001" in missing.stderr
    recorded = evalgate(project, "record", "suites/tickets", "--policy", "router-threshold", "--seed", "1")
    assert recorded.returncode == 0, recorded.stderr
    assert len(list(recordings.iterdir())) == 1
    replayed = evalgate(project, "run", "suites/tickets")
    assert replayed.returncode == 0, replayed.stderr
    auto = evalgate(
        project, "run", "suites/tickets", "--mode", "auto", "--policy", "quantized-model", "--format", "json"
    )
    calls = json.loads(auto.stdout)["comparisons"][0]["calls"]
    assert 0 < calls["made"] < calls["needed"]
    assert calls["reused"] + calls["made"] == calls["needed"]
    again = evalgate(project, "run", "suites/tickets", "--policy", "quantized-model", "--format", "json")
    assert json.loads(again.stdout)["comparisons"][0]["calls"]["made"] == 0


def test_a_part_of_the_suite_shows_and_never_gates(project):
    done = evalgate(project, "run", "suites/tickets", "--policy", "quantized-model", "--limit", "40")
    assert done.returncode == 0, done.stderr
    assert "nothing was gated" in done.stdout
    one = evalgate(project, "run", "suites/tickets", "--case", "t-0001")
    assert one.returncode == 0, one.stderr
    wrong = evalgate(project, "run", "suites/tickets", "--case", "t-9999")
    assert wrong.returncode == 2
    assert "t-9999" in wrong.stderr


def test_a_router_that_saves_at_the_cost_of_accuracy_is_blocked(project):
    done = evalgate(project, "run", "suites/tickets", "--policy", "weak-mostly", "--format", "json")
    assert done.returncode == 3, done.stderr
    (comparison,) = json.loads(done.stdout)["comparisons"]
    assert comparison["shares"]["strong"] < 0.05
    accuracy = checks(done, "accuracy")["max_drop"]
    assert (accuracy["verdict"], accuracy["blocked"]) == ("inconclusive", True)
    assert accuracy["change"]["value"] < -accuracy["allowance"]
    assert checks(done, "cost_per_correct")["max_rise"]["change"]["high"] < -0.8
