"""The curve of the shipped router's threshold agrees with gating its points one by one."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from evalgate.cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    for name in ("suites/tickets", "policies/tickets"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "evalgate.yaml", folder)
    (folder / ".git").mkdir()
    return folder


@pytest.fixture
def sweep(project, monkeypatch, capsys):
    monkeypatch.chdir(project)

    def run(*arguments: str) -> str:
        assert main(["sweep", "-q", "--suite", "suites/tickets", *arguments]) == 0
        return capsys.readouterr().out

    return run


def test_a_point_has_the_numbers_that_the_gate_has_for_the_same_policy(sweep, capsys):
    found = json.loads(sweep("router-threshold", "router.threshold=0.2..0.4:3", "--format", "json"))
    (curve,) = found["sweeps"]
    stands = next(point for point in curve["points"] if point["in_policy"])
    assert stands["values"] == [0.3]
    assert main(["run", "suites/tickets", "--format", "json", "-q"]) == 0
    (gated,) = json.loads(capsys.readouterr().out)["comparisons"]
    for metric in ("accuracy", "latency_p95", "cost_per_correct"):
        check = next(each for each in gated["checks"] if each["metric"] == metric)
        side = {name: float(check["candidate"][name]) for name in ("value", "low", "high")}
        point = {name: stands["metrics"][metric][name] for name in side}
        assert point == pytest.approx(side, rel=1e-6)


def test_thresholds_measured_one_by_one_give_the_same_curve(sweep):
    """With a second key every point is a replay of its own; at one retry or two nothing differs here."""
    quick = json.loads(sweep("production", "router.threshold=0.1..0.5:5", "--format", "json"))
    slow = json.loads(
        sweep(
            "production", "router.threshold=0.1..0.5:5", "reliability.num_retries=1..2:2", "--format", "json"
        )
    )
    by_value = {point["values"][0]: point for point in quick["sweeps"][0]["points"]}
    for point in slow["sweeps"][0]["points"]:
        alone = by_value[point["values"][0]]
        assert point["strong_share"] == pytest.approx(alone["strong_share"])
        for metric, found in alone["metrics"].items():
            assert point["metrics"][metric]["value"] == pytest.approx(found["value"])
            assert point["metrics"][metric]["low"] == pytest.approx(found["low"])
            assert point["metrics"][metric]["high"] == pytest.approx(found["high"])


def test_text_says_where_the_policy_stands_and_that_a_sweep_proves_nothing(sweep):
    text = sweep("production", "router.threshold=0.1..0.5:5")
    assert text.startswith(
        "tickets: production, router.threshold 0.1 to 0.5; 528 cases, 6 points from recordings"
    )
    assert "> 0.24 84.8% 85.8% $0.000163 0.721 ms" in " ".join(text.split())
    assert "is no proof" in text


def test_a_sweep_of_a_proposal_says_where_production_stands(sweep):
    text = sweep("router-threshold", "router.threshold=0.2..0.4:3")
    rows = {words[1]: words[0] for line in text.splitlines() if len(words := line.split()) > 2}
    assert (rows["0.24"], rows["0.3"]) == ("=", ">")
    assert text.count(" 0.3 ") == 1
    assert "= as production is" in " ".join(text.split())
    assert "as production is" not in sweep("production", "router.threshold=0.2..0.4:3")


def test_csv_has_a_row_a_point_and_every_interval(sweep):
    rows = list(
        csv.DictReader(io.StringIO(sweep("production", "router.threshold=0..1:11", "--format", "csv")))
    )
    assert len(rows) == 12
    assert {row["in_policy"] for row in rows} == {"True", "False"}
    for row in rows:
        assert float(row["accuracy_low"]) <= float(row["accuracy"]) <= float(row["accuracy_high"])


def test_the_page_draws_a_curve_a_metric(sweep, tmp_path):
    page = tmp_path / "sweep.html"
    sweep("production", "router.threshold=0..1:11", "--report", str(page))
    html = page.read_text()
    assert html.count('class="chart"') == 6
    assert "script-src" in html
    assert "What router.threshold does" in html


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["production", "router=0..1"], "is no range; write one like router.threshold=0.1..0.9"),
        (["production", "router.threshold=1..0"], "write the lower end first"),
        (["production", "router.threshold=0..1:1"], "a curve needs two or more"),
        (["production", "a.b=0..1", "a.c=0..1", "a.d=0..1"], "3 keys are too many"),
        (["production", "router.threshold=0..1:20000"], "ask for 10,000 at most"),
        (["production", "router.treshold=0..1"], "did you mean 'router.threshold'?"),
        (
            ["production", "reliability.num_retries=0.5..2"],
            "write whole numbers, as in reliability.num_retries=0..2",
        ),
        (["nobody", "router.threshold=0..1"], "there is no such policy"),
    ],
)
def test_what_cannot_be_swept_says_why(project, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(project)
    assert main(["sweep", "-q", *arguments]) == 2
    assert said in capsys.readouterr().err
