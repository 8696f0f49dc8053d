"""The shipped suite under traffic: the verb, the budgets, and what people get wrong."""

import json
import shutil
from pathlib import Path

import pytest

from evalgate.cli.main import main

ROOT = Path(__file__).parents[2]
PRICE = "    price: {input_per_1m: 2.50, output_per_1m: 10.00}"


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in ("suites/tickets", "policies/tickets"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "evalgate.yaml", tmp_path)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def limit(project: Path, written: str) -> None:
    """Give the strong deployment of both policies a limit or a service time."""
    for name in ("production", "router-threshold"):
        file = project / "policies/tickets" / f"{name}.yaml"
        file.write_text(file.read_text().replace(PRICE, f"{PRICE}\n    {written}"))


def suite(project: Path, lines: str, budgets: str = "") -> None:
    file = project / "suites/tickets/suite.yaml"
    file.write_text(file.read_text().replace("budgets:\n", f"{lines}\nbudgets:\n{budgets}"))


def load(capsys, *arguments: str) -> dict[str, object]:
    assert main(["load", "-q", "router-threshold", "--format", "json", *arguments]) == 0
    (found,) = json.loads(capsys.readouterr().out)["loads"]
    return found


def test_fewer_calls_to_a_crowded_model_wait_less_and_carry_more(project, capsys):
    limit(project, "limits: {max_concurrency: 2}")
    suite(project, "traffic: {rps: 3000}")
    found = load(capsys, "--p95-within", "0.005")
    assert found["p95_change"]["high"] < 0
    assert found["throughput_change"]["low"] > 0
    strong = found["candidate"]["deployments"][1]
    assert (strong["station"], strong["binds"]) == ("strong", "concurrency")
    assert 0.2 < strong["utilisation"] < 0.4
    assert found["candidate"]["curve"][-1]["p95_s"] is None


def test_both_budgets_are_judged_and_block(project, capsys):
    limit(project, "limits: {max_concurrency: 1}")
    suite(
        project,
        "traffic: {rps: 1500}",
        "  latency_p95_under_load: {max_rise: 10%}\n  throughput: {max_drop: 5%, min: 9000rps}\n",
    )
    assert main(["run", "-q", "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["comparisons"]
    checks = {(each["metric"], each["limit"]): each for each in found["checks"]}
    assert checks["latency_p95_under_load", "max_rise"]["verdict"] == "pass"
    assert checks["throughput", "max_drop"]["verdict"] == "pass"
    assert checks["throughput", "min"]["verdict"] == "fail"
    assert checks["throughput", "min"]["unit"] == "rps"
    assert "throughput is at most" in checks["throughput", "min"]["reason"]
    assert any("simulated: 1500 requests/s" in said for said in checks["throughput", "min"]["assumptions"])


def test_a_full_deployment_leaves_the_wait_undecided(project, capsys):
    limit(project, "limits: {rpm: 60000}")
    suite(project, "traffic: {rps: 1500}", "  latency_p95_under_load: {max_rise: 10%}\n")
    assert main(["run", "-q", "--format", "json"]) == 3
    (found,) = json.loads(capsys.readouterr().out)["comparisons"]
    check = next(each for each in found["checks"] if each["metric"] == "latency_p95_under_load")
    assert check["verdict"] == "inconclusive"
    assert "production uses 128% of 'strong' (rpm)" in check["reason"]


def test_an_engine_is_simulated_from_its_levels_and_a_trace(project, capsys):
    level = "{{concurrency: {}, ttft_s: {}, tpot_s: {}, input_tokens: 100, output_tokens: 20}}"
    levels = [level.format(*each) for each in ((1, 0.02, 0.004), (8, 0.03, 0.006), (32, 0.06, 0.012))]
    limit(project, f"service_time: {{max_running: 16, levels: [{', '.join(levels)}]}}")
    rows = "\n".join(f"{at * 0.05},120,{10 + at % 7}" for at in range(300))
    (project / "suites/tickets/arrivals.csv").write_text(f"arrival_s,input_tokens,output_tokens\n{rows}\n")
    suite(project, "traffic: {trace: arrivals.csv}")
    found = load(capsys)
    assert found["trace"] is True
    assert found["requests"] == 300
    assert found["rps"] == pytest.approx(20)
    assert found["baseline"]["deployments"][1]["binds"] == "engine"


def test_the_page_draws_latency_over_rate_and_the_queue(project, capsys):
    limit(project, "limits: {max_concurrency: 1}")
    suite(project, "traffic: {rps: 1500}")
    assert main(["load", "-q", "router-threshold", "--report", "load.html"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith(
        "tickets: production → router-threshold at 1,500 rps, burstiness 2; 20 times 20,000"
    )
    html = (project / "load.html").read_text()
    assert html.count('class="chart"') == 2
    assert "requests waiting" in html


def test_without_traffic_the_cure_is_named(project, capsys):
    assert main(["load", "-q", "router-threshold"]) == 2
    assert "add traffic: {rps: 20} to suite.yaml, or give --rps 20" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("traffic: {burstiness: 2}", "nothing says how many requests come"),
        ("traffic: {rps: -1}", "traffic.rps"),
        ("traffic: {trace: none.csv}", "none.csv"),
        ("traffic: {trace: bad.csv}", "this row is no request"),
        ("traffic: {trace: one.csv}", "two requests at different moments"),
        ("traffic: {trace: some.csv}", "1 rows have no token counts and others have"),
    ],
)
def test_traffic_that_makes_no_sense_says_where(project, capsys, lines, said):
    folder = project / "suites/tickets"
    (folder / "bad.csv").write_text("arrival_s\n0\nsoon\n")
    (folder / "one.csv").write_text("arrival_s\n5\n5\n")
    (folder / "some.csv").write_text("arrival_s,input_tokens,output_tokens\n0,5,5\n1,,\n")
    suite(project, lines)
    assert main(["load", "-q", "router-threshold"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "suites/tickets/" in err


def test_levels_of_too_few_concurrencies_are_refused(project, capsys):
    level = "{concurrency: 1, ttft_s: 0.02, tpot_s: 0.004, input_tokens: 100, output_tokens: 20}"
    limit(project, f"service_time: {{max_running: 16, levels: [{level}, {level}, {level}]}}")
    assert main(["load", "-q", "router-threshold", "--rps", "5"]) == 2
    err = capsys.readouterr().err
    assert "the levels are of 1 different concurrencies" in err
    assert "measure at 3 or more" in err
