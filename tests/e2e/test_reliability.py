"""A suite with outages: who falls back and cools down ships, who gives up sooner is blocked."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from tests.command_line import evalgate

PROJECT = """
providers:
  one: {kind: openai, origin: "http://127.0.0.1:9"}
  two: {kind: openai, origin: "http://127.0.0.1:9"}
budgets:
  accuracy: {max_drop: 2pp}
  cost_per_correct: {max_rise: 10%}
  latency_p95: {max_rise: 20%}
  failure_rate: {max_rise: 1pp}
"""
SUITE = """
policies: policies/faq
grader: {kind: exact}
traffic: {faults: outages.csv}
"""
OUTAGES = """at,until,deployment,provider,status,latency_s,retry_after_s,share
50,80,strong,,503,0.2,,
120,130,,one,connection,0.05,,
150,290,strong,,429,0.1,0.5,0.3
"""
DEPLOYMENTS = """
deployments:
  strong: {provider: one, model: large, revision: "1", price: {input_per_1m: 10}}
  weak:   {provider: two, model: small, revision: "1", price: {input_per_1m: 1}}
use: strong
"""
RELIABILITY = {
    "production": "{num_retries: 1, request_timeout_s: 5}",
    "fall-back-and-cool-down": (
        "{num_retries: 1, request_timeout_s: 5, fallbacks: {strong: [weak]}, allowed_fails: 4, "
        "cooldown_time_s: 20}"
    ),
    "rejected/never-retry": "{request_timeout_s: 5}",
    "rejected/impatient": "{request_timeout_s: 0.9}",
    "rejected/hedge": "{num_retries: 1, request_timeout_s: 5, hedge_after_s: 0.8, hedge_on: next, "
    "fallbacks: {strong: [weak]}}",
    "rejected/hedge-alike": "{num_retries: 1, request_timeout_s: 5, hedge_after_s: 0.8}",
}


def call(case, model, latency_s, answer, sample=0):
    return {
        "kind": "chat",
        "request": {
            "provider": {"large": "one", "small": "two"}[model],
            "model": model,
            "revision": "1",
            "messages": [{"role": "user", "content": case["input"]}],
            "params": {},
        },
        "sample": sample,
        "session": "s1",
        "attempts": [{"latency_s": latency_s, "usage": {"input_tokens": 100, "output_tokens": 5}}],
        "response": {"text": answer},
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    for name in (".git", "suites/faq/recordings", "policies/faq/rejected"):
        (root / name).mkdir(parents=True)
    (root / "evalgate.yaml").write_text(PROJECT)
    (root / "suites/faq/suite.yaml").write_text(SUITE)
    (root / "suites/faq/outages.csv").write_text(OUTAGES)
    rng = random.Random(1)
    cases = [{"id": f"q{at:03}", "input": f"question {at}", "target": "yes"} for at in range(300)]
    (root / "suites/faq/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    session = {"id": "s1", "interleaved": True, "seed": 1, "started_at": "2026-11-01T00:00:00Z"}
    lines = [{"schema": "evalgate/recordings@1", "made_by": "a test", "sessions": [session]}]
    for case in cases:
        slow = rng.random() < 0.12
        lines.append(call(case, "large", 1.5 if slow else 0.4 + 0.2 * rng.random(), "yes"))
        lines.append(call(case, "small", 0.2 + 0.1 * rng.random(), "yes" if rng.random() < 0.9 else "no"))
    (root / "suites/faq/recordings/all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name, rules in RELIABILITY.items():
        (root / f"policies/faq/{name}.yaml").write_text(f"{DEPLOYMENTS}reliability: {rules}\n")
    return root


def compared(project, *policies):
    named = [option for name in policies for option in ("--policy", name)]
    done = evalgate(project, "run", "-q", *named, "--format", "json")
    (found,) = json.loads(done.stdout)["comparisons"]
    checks = {check["metric"]: check for check in found["checks"]}
    return done, found, checks


def test_falling_back_and_leaving_alone_who_fails_ships(project):
    done, found, checks = compared(project)
    assert done.returncode == 0, done.stdout
    assert {metric: check["verdict"] for metric, check in checks.items()} == dict.fromkeys(checks, "pass")
    assert checks["failure_rate"]["change"]["high"] < 0
    assert checks["failure_rate"]["candidate"]["value"] == 0
    assert any("3 faults of the suite's traffic" in each for each in checks["failure_rate"]["assumptions"])
    before, after = (found["sides"][side]["reliability"] for side in ("baseline", "candidate"))
    assert after["skipped"] > 20
    assert after["faulted"] < before["faulted"]
    assert (before["hedges"], after["hedges"]) == (0, 0)


def test_never_trying_again_is_blocked_by_the_failure_rate(project):
    done, _found, checks = compared(project, "never-retry")
    assert done.returncode == 1, done.stdout
    assert checks["failure_rate"]["verdict"] == "fail"
    assert "failure rate rose by at least" in checks["failure_rate"]["reason"]
    assert checks["failure_rate"]["losses"] > checks["failure_rate"]["gains"]


def test_giving_up_too_soon_is_blocked_and_its_answers_are_paid_for(project):
    done, found, checks = compared(project, "impatient")
    assert done.returncode == 1, done.stdout
    assert checks["failure_rate"]["verdict"] == "fail"
    assert checks["failure_rate"]["losses"] > 30
    assert float(found["sides"]["candidate"]["reliability"]["wasted_usd"]) > 0


def test_a_hedge_cuts_the_tail_and_costs_both_calls(project):
    _done, found, checks = compared(project, "hedge")
    side = found["sides"]["candidate"]["reliability"]
    assert side["hedges"] > side["hedges_won"] > 30
    assert float(side["wasted_usd"]) > 0
    assert checks["latency_p95"]["change"]["high"] < 0
    assert checks["cost_per_correct"]["verdict"] == "pass"


def test_a_second_draw_that_nobody_recorded_is_missing(project):
    done = evalgate(project, "run", "-q", "--policy", "hedge-alike")
    assert done.returncode == 4
    assert "need calls that are not recorded" in done.stderr


def test_the_text_and_the_report_tell_it(project):
    done = evalgate(project, "run", "--report", "report.html", "-q")

    for label in (
        "attempts per request",
        "attempts into faults",
        "left alone to cool down",
    ):
        assert label in done.stdout
    assert "failure rate" in done.stdout
    page = (project / "report.html").read_text()
    assert "failure rate" in page
    assert "left alone to cool down" in page


def test_plan_and_check_know_that_faults_need_no_calls(project):
    done = evalgate(project, "plan", "suites/faq", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert evalgate(project, "check").returncode == 0


MODELS = '''
import asyncio


async def answer(asked):
    """Slow on every fifth question, when it is asked for the first time."""
    slow = int(asked.input.split()[1]) % 5 == 0 and asked.sample == 0
    await asyncio.sleep(0.3 if slow else 0.01)
    return f"draw {asked.sample}"
'''


def test_a_live_hedge_is_sent_while_the_first_call_is_under_way(tmp_path):
    for name in (".git", "suites/faq", "policies/faq"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "evalgate.yaml").write_text('providers: {app: {kind: function, path: "models:answer"}}\n')
    (tmp_path / "suites/faq/suite.yaml").write_text("policies: policies/faq\ngrader: {kind: exact}\n")
    cases = [{"id": f"q{at}", "input": f"question {at}", "target": "draw 0"} for at in range(10)]
    (tmp_path / "suites/faq/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    (tmp_path / "policies/faq/production.yaml").write_text(
        'deployments: {only: {provider: app, model: m, revision: "1", price: {per_request: 0.01}}}\n'
        "reliability: {hedge_after_s: 0.1}\n"
    )
    done = evalgate(tmp_path, "record", "suites/faq", "-q")
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "suites/faq/recordings").iterdir()
    calls = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert sorted(call["sample"] for call in calls) == [0] * 10 + [1000] * 2
    done = evalgate(tmp_path, "run", "-q", "--format", "json")
    (found,) = json.loads(done.stdout)["comparisons"]
    side = found["sides"]["candidate"]["reliability"]
    assert (side["hedges"], side["hedges_won"]) == (2, 2)
    assert side["attempts_per_request"] == 1.2
    assert float(side["wasted_usd"]) == pytest.approx(0.01 * 2 / 10)


GIT = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
FAILING = '''
def answer(asked):
    """The main model is down from the fourth question to the ninth."""
    if asked.model == "main" and 3 <= int(asked.input.split()[1]) <= 8:
        raise RuntimeError("down")
    return asked.model
'''


def small_project(root: Path, reliability: str, traffic: str = "") -> None:
    for name in (".git", "suites/faq", "policies/faq"):
        (root / name).mkdir(parents=True)
    (root / "models.py").write_text(FAILING)
    (root / "evalgate.yaml").write_text('providers: {app: {kind: function, path: "models:answer"}}\n')
    (root / "suites/faq/suite.yaml").write_text(f"policies: policies/faq\ngrader: {{kind: exact}}\n{traffic}")
    cases = [{"id": f"q{at:02}", "input": f"question {at}", "target": "main"} for at in range(16)]
    (root / "suites/faq/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    deployments = "\n".join(
        f'  {name}: {{provider: app, model: {name}, revision: "1", price: {{per_request: 0.01}}}}'
        for name in ("main", "spare")
    )
    (root / "policies/faq/production.yaml").write_text(
        f"deployments:\n{deployments}\nuse: main\nreliability: {reliability}\n"
    )


def recorded(root: Path) -> list[tuple[str, int]]:
    (file,) = (root / "suites/faq/recordings").iterdir()
    calls = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    said = [(call["request"]["model"], call["request"]["messages"][-1]["content"]) for call in calls]
    return sorted((model, int(text.split()[1])) for model, text in said)


def alone(root: Path) -> dict[str, object]:
    done = evalgate(root, "run", "-q", "--format", "json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["comparisons"]
    return found["sides"]["candidate"]


def test_calls_are_made_as_cooldown_has_them_made(tmp_path):
    small_project(tmp_path, "{fallbacks: {main: [spare]}, allowed_fails: 1, cooldown_time_s: 3.5}")
    done = evalgate(tmp_path, "record", "suites/faq", "-q")
    assert done.returncode == 0, done.stderr
    # Questions 3 and 4 fail, 5, 6 and 7 leave it alone, 8 fails once more and is allowed to.
    main = [at for model, at in recorded(tmp_path) if model == "main"]
    assert main == [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15]
    side = alone(tmp_path)
    assert (side["reliability"]["skipped"], side["fallbacks"], side["failures"]) == (3, 6, 0)


def test_what_meets_only_faults_is_not_called(tmp_path):
    faults = "traffic: {faults: [{at: 9.5, until: 12.5, deployment: main, status: 503, latency_s: 0.1}]}\n"
    small_project(tmp_path, "{backoff_s: 0}", faults)
    done = evalgate(tmp_path, "record", "suites/faq", "-q")
    assert done.returncode == 0, done.stderr
    assert [at for _, at in recorded(tmp_path)] == [*range(10), 13, 14, 15]
    side = alone(tmp_path)
    assert (side["failures"], side["reliability"]["faulted"]) == (6 + 3, 3)


def test_faults_that_nobody_meets_are_told(tmp_path):
    faults = "traffic: {faults: [{at: 100, until: 200, deployment: main, status: 503, latency_s: 0.1}]}\n"
    small_project(tmp_path, "{fallbacks: {main: [spare]}}", faults)
    assert evalgate(tmp_path, "record", "suites/faq", "-q").returncode == 0
    assert "no attempt met a fault of the suite's traffic" in " ".join(
        evalgate(tmp_path, "run", "-q").stdout.split()
    )


def test_a_proposal_cools_down_on_the_clock_of_a_commit_s_suite(tmp_path):
    small_project(tmp_path, "{fallbacks: {main: [spare]}}")
    (tmp_path / ".git").rmdir()
    production = (tmp_path / "policies/faq/production.yaml").read_text()
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "suite"]):
        subprocess.run(["git", *GIT, *command], cwd=tmp_path, check=True)
    (tmp_path / "policies/faq/rest.yaml").write_text(
        production.replace("[spare]}", "[spare]}, allowed_fails: 1, cooldown_time_s: 3.5")
    )
    done = evalgate(tmp_path, "record", "suites/faq", "-q")
    assert done.returncode == 0, done.stderr
    done = evalgate(tmp_path, "run", "-q", "--baseline", "git:HEAD", "--format", "json")
    (found,) = json.loads(done.stdout)["comparisons"]
    assert found["sides"]["candidate"]["reliability"]["skipped"] == 3
    assert found["sides"]["candidate"]["failures"] == 0
