"""Budgets on streams: a quicker start ships; a whole answer, a held one and a stutter are blocked."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loopback import DONE, Loopback, delta, event, stream

ROOT = Path(__file__).parents[2]
PROJECT = """
providers: {gateway: {kind: openai, origin: "http://127.0.0.1:9"}}
budgets:
  ttft_p95: {max_rise: 20%, max: 1500ms}
  tpot_p95: {max_rise: 30%, max: 150ms}
"""
SUITE = "policies: policies/chat\ngrader: {kind: exact}\n"
POLICY = """
params: {{stream: {stream}, max_tokens: 64}}
deployments: {{main: {{provider: gateway, model: {model}, revision: "1", price: {{output_per_1m: 2}}}}}}
response: {{normalize: [{rule}]}}
"""
# Seconds to the first token and for each after it; None is a reply that nobody streamed.
MODELS = {"large": (0.4, 0.02), "small": (0.3, 0.02), "stutters": (0.3, 0.07), "plain": (None, 0.02)}
POLICIES = {
    "production": ("large", "true", "strip"),
    "starts-sooner": ("small", "true", "strip"),
    "rejected/whole": ("large", "false", "strip"),
    "rejected/held": ("small", "true", "strip_code_fences"),
    "rejected/stutters": ("stutters", "true", "strip"),
    "rejected/unstreamed": ("plain", "true", "strip"),
}


def evalgate(root, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "evalgate", *arguments],
        cwd=root,
        env={"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def write(root, cases):
    for name in (".git", "suites/chat/recordings", "policies/chat/rejected"):
        (root / name).mkdir(parents=True)
    (root / "evalgate.yaml").write_text(PROJECT)
    (root / "suites/chat/suite.yaml").write_text(SUITE)
    asked = [{"id": f"q{at}", "input": f"question {at}", "target": "yes"} for at in range(cases)]
    (root / "suites/chat/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in asked))


def recordings():
    session = {"id": "s1", "interleaved": True, "seed": 1, "started_at": "2026-11-01T09:00:00Z"}
    yield {"schema": "evalgate/recordings@1", "sessions": [session]}
    for at in range(200):
        rng = random.Random(at)
        mood, pace = rng.lognormvariate(0, 0.3), rng.lognormvariate(0, 0.1)
        for model, (ttft_s, tpot_s) in MODELS.items():
            attempt = {
                "latency_s": (ttft_s or 0.4) * mood + 50 * tpot_s * pace,
                "usage": {"output_tokens": 51},
            }
            if ttft_s is not None:
                attempt["ttft_s"] = ttft_s * mood
            messages = [{"role": "user", "content": f"question {at}"}]
            request = {"provider": "gateway", "model": model, "revision": "1", "messages": messages}
            yield {
                "request": {**request, "params": {"max_tokens": 64}},
                "session": "s1",
                "attempts": [attempt],
                "response": {"text": "yes"},
            }


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    write(root, 200)
    lines = [json.dumps(line) + "\n" for line in recordings()]
    (root / "suites/chat/recordings/own.jsonl").write_text("".join(lines))
    for name, (model, streams, rule) in POLICIES.items():
        text = POLICY.format(model=model, stream=streams, rule=rule)
        (root / f"policies/chat/{name}.yaml").write_text(text)
    return root


def judged(project, *policy):
    done = evalgate(project, "run", *policy, "--format", "json")
    (found,) = json.loads(done.stdout)["comparisons"]
    return done.returncode, found, {(each["metric"], each["limit"]): each for each in found["checks"]}


def test_a_sooner_first_token_ships(project):
    code, _, checks = judged(project)
    assert code == 0
    assert {each["verdict"] for each in checks.values()} == {"pass"}
    assert checks["ttft_p95", "max_rise"]["change"]["value"] == pytest.approx(-0.25, abs=0.01)
    assert checks["tpot_p95", "max"]["candidate"]["value"] == pytest.approx(0.02 * 1.18, rel=0.05)


@pytest.mark.parametrize(
    ("policy", "metric"), [("whole", "ttft_p95"), ("held", "ttft_p95"), ("stutters", "tpot_p95")]
)
def test_what_users_would_wait_for_is_blocked(project, policy, metric):
    code, found, checks = judged(project, "--policy", policy)
    assert code == 1
    assert checks[metric, "max_rise"]["verdict"] == "fail"
    assert found["cases"]["broke"] == 0


def test_an_answer_that_nobody_streamed_is_unmeasured(project):
    code, _, checks = judged(project, "--policy", "unstreamed")
    assert code == 3
    for each in checks.values():
        assert "not recorded as a stream" in each["candidate"]["unmeasured"]


def test_every_output_tells_it(project):
    done = evalgate(project, "run", "--policy", "stutters", "--report", "report.html")
    assert "P95 per token" in done.stdout
    assert "P95 to first token" in done.stdout
    page = (project / "report.html").read_text()
    for said in ("P95 to first token", "P95 first token", "P95 time per output token"):
        assert said in page
    runs = [f".evalgate/runs/chat/{name}.run.jsonl" for name in ("production", "stutters")]
    again = evalgate(project, "compare", *runs, "--format", "json")
    assert (
        json.loads(again.stdout)["comparisons"][0]["checks"]
        == judged(project, "--policy", "stutters")[1]["checks"]
    )


def test_a_call_that_one_side_streams_is_recorded_as_a_stream(tmp_path):
    pieces = [0.02, delta(role="assistant", content="y"), 0.02, delta(content="es"), delta("stop")]
    usage = event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
    write(tmp_path, 3)
    for name, streams in (("production", "false"), ("streams", "true")):
        text = POLICY.format(model="large", stream=streams, rule="strip")
        (tmp_path / f"policies/chat/{name}.yaml").write_text(text)
    with Loopback([stream([*pieces, usage, DONE])]) as server:
        text = PROJECT.replace("http://127.0.0.1:9", server.origin)
        (tmp_path / "evalgate.yaml").write_text(text)
        done = evalgate(tmp_path, "record", "suites/chat", "--seed", "1")
        assert done.returncode == 0, done.stderr
        assert [each.json["stream"] for each in server.received] == [True] * 3
    (file,) = (tmp_path / "suites/chat/recordings").iterdir()
    calls = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    attempts = [attempt for call in calls for attempt in call["attempts"]]
    assert all(0 < each["ttft_s"] < each["latency_s"] for each in attempts)
