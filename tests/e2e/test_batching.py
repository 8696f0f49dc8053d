"""Half the price for what nobody waits for: a backfill ships, a late one or a hidden slowdown does not."""

import json
import random

import pytest

from tests.command_line import evalgate

PROJECT = """
providers: {app: {kind: function, path: "models:answer"}}
budgets: {accuracy: {max_drop: 2pp}, cost_per_correct: {max_rise: 5%}, latency_p95: {max_rise: 20%, max: 4s}}
"""
DEADLINE = "budgets: {turnaround: {max: 24h}}\n"
SUITE = "policies: policies/mail\ngrader: {kind: exact}\n"
LIVE = '{provider: app, model: large, revision: "1", price: {input_per_1m: 10, per_request: 0.001}}'
SLOW = '{provider: app, model: slow, revision: "1", price: {input_per_1m: 10, per_request: 0.001}}'
BATCH = f"{LIVE[:-1]}, batch: {{price_factor: 0.5, completion_window: WINDOW}}}}"
ROUTED = "router: {kind: column, column: urgent, threshold: 0.5, strong: live, weak: nightly}"
POLICIES = {
    "production": f"deployments: {{live: {LIVE}}}",
    "backfill": f"deployments: {{live: {LIVE}, nightly: {BATCH}}}\n{ROUTED}".replace("WINDOW", "24h"),
    "rejected/late": f"deployments: {{live: {LIVE}, nightly: {BATCH}}}\n{ROUTED}".replace("WINDOW", "48h"),
    "rejected/hides-it": f"deployments: {{live: {SLOW}, nightly: {BATCH}}}\n{ROUTED}".replace("WINDOW", "1h"),
    "rejected/everything": f"deployments: {{nightly: {BATCH}}}".replace("WINDOW", "90min"),
}


def recordings():
    session = {"id": "s1", "interleaved": True, "seed": 1, "started_at": "2026-11-01T09:00:00Z"}
    yield {"schema": "evalgate/recordings@1", "sessions": [session]}
    for at in range(240):
        mood = random.Random(at).lognormvariate(0, 0.3)
        for model, times in (("large", 1.0), ("slow", 1.6)):
            messages = [{"role": "user", "content": f"mail {at}"}]
            yield {
                "kind": "function",
                "request": {
                    "provider": "app",
                    "model": model,
                    "revision": "1",
                    "messages": messages,
                    "params": {},
                },
                "session": "s1",
                "attempts": [{"latency_s": times * mood, "usage": {"input_tokens": 300, "output_tokens": 1}}],
                "response": {"text": "yes"},
            }


def project_in(root, suite):
    for name in (".git", "suites/mail/recordings", "policies/mail/rejected"):
        (root / name).mkdir(parents=True)
    (root / "models.py").write_text("def answer(asked):\n    raise AssertionError('nobody may be asked')\n")
    (root / "evalgate.yaml").write_text(PROJECT)
    (root / "suites/mail/suite.yaml").write_text(suite)
    cases = [
        {"id": f"m{at}", "input": f"mail {at}", "target": "yes", "vars": {"urgent": at % 2}}
        for at in range(240)
    ]
    (root / "suites/mail/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    lines = [json.dumps(line) + "\n" for line in recordings()]
    (root / "suites/mail/recordings/own.jsonl").write_text("".join(lines))
    for name, text in POLICIES.items():
        (root / f"policies/mail/{name}.yaml").write_text(f"{text}\n")
    return root


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return project_in(tmp_path_factory.mktemp("project"), SUITE + DEADLINE)


def judged(project, *policy):
    done = evalgate(project, "run", *policy, "--format", "json")
    (found,) = json.loads(done.stdout)["comparisons"]
    return done.returncode, found, {(each["metric"], each["limit"]): each for each in found["checks"]}


def test_a_backfill_ships_and_the_p95_is_that_of_who_waits(project):
    code, found, checks = judged(project)
    assert code == 0
    assert {each["verdict"] for each in checks.values()} == {"pass"}
    assert checks["cost_per_correct", "max_rise"]["change"]["value"] == pytest.approx(-0.25)
    p95 = checks["latency_p95", "max_rise"]
    assert (p95["n"], p95["change"]["value"]) == (120, 0)
    assert "120 of 240 cases are left out, as a batch API serves them on a side" in p95["assumptions"]
    assert checks["turnaround", "max"]["candidate"] == {"value": 86400, "low": 86400, "high": 86400}
    assert found["sides"]["candidate"]["batch"] == {"share": 0.5, "window_s": 86400}
    assert "batch" not in found["sides"]["baseline"]


def test_an_answer_after_the_deadline_is_blocked(project):
    code, found, checks = judged(project, "--policy", "late")
    assert code == 1
    assert checks["turnaround", "max"]["verdict"] == "fail"
    assert "batch turnaround is at least 48 h, maximum 24 h" in found["headline"]


def test_slow_cases_moved_into_a_batch_do_not_hide_a_slowdown(project):
    code, _, checks = judged(project, "--policy", "hides-it")
    assert code == 1
    assert checks["latency_p95", "max_rise"]["verdict"] == "fail"
    assert checks["latency_p95", "max_rise"]["change"]["value"] == pytest.approx(0.6)


def test_where_nobody_waits_the_limits_on_waits_have_nothing_to_say(project):
    code, _, checks = judged(project, "--policy", "everything")
    assert code == 0
    assert "so nobody waits" in checks["latency_p95", "max"]["reason"]
    assert "unmeasured" in checks["latency_p95", "max"]["candidate"]
    assert checks["cost_per_correct", "max_rise"]["change"]["value"] == pytest.approx(-0.5)


def test_without_a_deadline_it_is_not_decided(tmp_path):
    code, _, checks = judged(project_in(tmp_path, SUITE))
    assert code == 3
    for limit in ("max_rise", "max"):
        assert (
            "120 cases are answered within hours, and no budget limits that"
            in checks["latency_p95", limit]["reason"]
        )


def test_every_output_tells_it(project):
    done = evalgate(project, "run", "--policy", "late", "--report", "report.html")
    for said in ("batch turnaround", "48.0 h", "served by a batch", "≤ 24 h"):
        assert said in done.stdout
    page = (project / "report.html").read_text()
    for said in ("batch turnaround", "unit prices"):
        assert said in page
    runs = [f".evalgate/runs/mail/{name}.run.jsonl" for name in ("production", "late")]
    again = evalgate(project, "compare", *runs, "--format", "json")
    checks = json.loads(again.stdout)["comparisons"][0]["checks"]
    assert checks == judged(project, "--policy", "late")[1]["checks"]


def test_under_load_a_batch_asks_nothing_of_the_quota(project):
    done = evalgate(project, "load", "backfill", "--rps", "20", "--format", "json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["loads"]
    before, after = (found[side]["deployments"] for side in ("baseline", "candidate"))
    asked = {each["station"]: each["requests"] for each in after}
    assert asked["nightly"] == 0
    assert asked["live"] == pytest.approx(before[0]["requests"] / 2, rel=0.1)


COLLECTED = {
    "production": "",
    "collects": ", microbatch: {window: 50ms, max_size: 8}",
    "rejected/dawdles": ", microbatch: {window: 900ms, max_size: 64}",
    "rejected/alone": ", microbatch: {window: 900ms, max_size: 1}",
}
TRAFFIC = """traffic: {rps: 8, burstiness: 1}
budgets: {latency_p95: {max_rise: 15%}, throughput: {min: 12rps}, latency_p95_under_load: {max_rise: 20%}}
"""


@pytest.fixture(scope="module")
def collecting(tmp_path_factory):
    root = project_in(tmp_path_factory.mktemp("collecting"), SUITE + TRAFFIC)
    for file in (root / "policies/mail").rglob("*.yaml"):
        file.unlink()
    for name, more in COLLECTED.items():
        live = f"{LIVE[:-1]}, limits: {{rpm: 600}}{more}}}"
        (root / f"policies/mail/{name}.yaml").write_text(f"deployments: {{live: {live}}}\n")
    return root


def test_a_short_window_carries_more_traffic_and_ships(collecting):
    code, _, checks = judged(collecting)
    assert code == 0
    assert checks["throughput", "min"]["baseline"]["value"] == pytest.approx(9, rel=0.05)
    assert checks["throughput", "min"]["candidate"]["value"] > 12
    latency = checks["latency_p95", "max_rise"]
    assert latency["change"]["value"] == pytest.approx(0.05 / latency["baseline"]["value"])
    assert any("the whole micro-batching window (50 ms)" in each for each in latency["assumptions"])


def test_a_long_window_is_blocked(collecting):
    code, _, checks = judged(collecting, "--policy", "dawdles")
    assert code == 1
    assert checks["latency_p95", "max_rise"]["verdict"] == "fail"


def test_a_call_for_one_request_waits_for_nobody(collecting):
    _, _, checks = judged(collecting, "--policy", "alone")
    assert checks["latency_p95", "max_rise"]["method"] == "identical"
    assert checks["latency_p95_under_load", "max_rise"]["change"] == {"value": 0, "low": 0, "high": 0}


def test_load_shows_calls_and_the_requests_in_one(collecting):
    done = evalgate(collecting, "load", "collects")
    assert "requests a call" in done.stdout
    (found,) = json.loads(evalgate(collecting, "load", "collects", "--format", "json").stdout)["loads"]
    (station,) = found["candidate"]["deployments"]
    assert station["per_call"] == pytest.approx(1 + 8 * 0.05, rel=0.05)
    assert station["requests"] == pytest.approx(found["requests"] / station["per_call"], rel=0.05)


def test_a_limit_that_nothing_waits_for_does_not_apply(project):
    rows = evalgate(project, "run", "--policy", "everything").stdout.splitlines()
    (row, _) = [line for line in rows if line.lstrip().startswith("P95 latency")][:2]
    assert "does not apply" in row
    assert "✓ pass" in row
