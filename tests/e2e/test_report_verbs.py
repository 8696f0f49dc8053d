"""The report, JUnit XML and tables of the shipped suite, from the command line."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
RUNS = Path(".evalgate/runs/tickets")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    for name in ("suites", "policies"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "evalgate.yaml", folder)
    (folder / ".git").mkdir()
    return folder


def evalgate(project, *arguments, cwd=None):
    environ = {"PATH": os.environ["PATH"], "HOME": str(project), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "evalgate", *arguments],
        cwd=cwd or project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def blocked(project):
    policies = ("--policy", "quantized-model", "--policy", "router-threshold")
    return evalgate(project, "run", "suites/", *policies, "--report", "r.html", "--junit", "j.xml")


def test_run_leaves_a_report_and_junit_and_keeps_its_exit_code(project, blocked):
    assert blocked.returncode == 1, blocked.stderr
    page = (project / "r.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert re.search(r"1 of \d comparisons blocked", page)
    assert "wrote r.html" in blocked.stderr
    root = ET.parse(project / "j.xml").getroot()
    assert "tickets" in [suite.get("name") for suite in root]
    assert {each.get("type") for each in root.iter("failure")} == {"fail"}
    assert root.get("errors") == "0"


def test_the_same_report_twice_is_the_same_file(project, blocked):
    first = (project / "r.html").read_bytes()
    policies = ("--policy", "quantized-model", "--policy", "router-threshold")
    evalgate(project, "run", "suites/", *policies, "--report", "again.html")
    assert (project / "again.html").read_bytes() == first


def test_finished_runs_give_the_report_again_with_their_texts(project, blocked):
    runs = [str(RUNS / f"{name}.run.jsonl") for name in ("production", "router-threshold", "quantized-model")]
    done = evalgate(project, "report", *runs, "-o", "from-runs.html")
    assert done.returncode == 0, done.stderr
    page = (project / "from-runs.html").read_text("utf-8")
    assert "1 of 2 comparisons blocked" in page
    assert "No recordings of these runs were found" not in page


def test_runs_without_their_project_give_a_report_that_says_what_it_lacks(project, blocked, tmp_path):
    runs = [str(project / RUNS / f"{name}.run.jsonl") for name in ("production", "quantized-model")]
    done = evalgate(project, "report", *runs, "-o", "far.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No recordings of these runs were found" in (tmp_path / "far.html").read_text("utf-8")


def test_a_report_against_a_commit_holds_the_texts_of_that_commit(project, tmp_path):
    shutil.copytree(project, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", ".evalgate"))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "as it was"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True, capture_output=True)
    shutil.rmtree(tmp_path / "suites" / "tickets" / "recordings")
    arguments = ("--policy", "router-threshold", "--baseline", "git:HEAD", "--report", "r.html")
    done = evalgate(tmp_path, "run", "suites/tickets", *arguments)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "No recordings of these runs were found" not in page
    without = evalgate(tmp_path, "run", "suites/tickets", *arguments, "--report-texts", "none")
    assert without.returncode == 0, without.stderr
    assert len(page) > 1.3 * len((tmp_path / "r.html").read_text("utf-8"))


def test_a_report_without_texts_is_smaller_and_says_so(project, blocked):
    runs = [str(RUNS / f"{name}.run.jsonl") for name in ("production", "quantized-model")]
    for texts in ("all", "changed", "none"):
        assert (
            evalgate(project, "report", *runs, "-o", f"{texts}.html", "--report-texts", texts).returncode == 0
        )
    sizes = [(project / f"{texts}.html").stat().st_size for texts in ("none", "changed", "all")]
    assert sizes == sorted(sizes)
    assert "--report-texts none" in (project / "none.html").read_text("utf-8")


def test_tables_of_runs_and_checks(project, blocked):
    pytest.importorskip("pandas")
    runs = [str(RUNS / f"{name}.run.jsonl") for name in ("production", "quantized-model")]
    assert evalgate(project, "export", *runs, "-o", "outcomes.csv").returncode == 0
    with (project / "outcomes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 528
    assert {row["policy"] for row in rows} == {"production", "quantized-model"}
    assert evalgate(project, "export", *runs, "-o", "checks.csv", "--table", "checks").returncode == 0
    with (project / "checks.csv").open(newline="") as file:
        assert "fail" in {row["verdict"] for row in csv.DictReader(file)}


def test_a_table_of_an_unknown_format_is_refused_with_the_known_ones(project, blocked):
    done = evalgate(project, "export", str(RUNS / "production.run.jsonl"), "-o", "x.xlsx")
    assert done.returncode == 2
    assert ".parquet or .csv" in done.stderr


def test_a_run_that_cannot_judge_leaves_an_error_in_junit(project):
    done = evalgate(project, "run", "suites/", "--policy", "nobody", "--junit", "error.xml")
    assert done.returncode == 2
    root = ET.parse(project / "error.xml").getroot()
    assert root.get("errors") == "1"
    assert "nobody" in next(root.iter("error")).get("message")


@pytest.mark.parametrize("option", ["--report", "--junit"])
def test_a_file_that_cannot_be_written_stops_before_any_work(project, option):
    done = evalgate(project, "run", "suites/", option, "missing/x")
    assert done.returncode == 2
    assert f"give {option} a file in a folder you may write to" in done.stderr
