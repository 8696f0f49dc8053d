"""Two gateways, and two builds of an app, compared like any two policies."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.loopback import Loopback, completion, json_reply

ROOT = Path(__file__).parents[2]
POLICY = """
prompt: [{role: user, content: "{{input}}"}]
deployments: {only: {provider: SIDE, model: support, revision: REVISION, price: {reported: true}}}
"""
SUITE = "policies: policies/mail\ngrader: {kind: choice, labels: [billing, shipping]}\n"
BUDGETS = "budgets: {accuracy: {min: 20%}, cost_per_correct: {max_rise: 5%}}\n"


def write(root, providers, revision='"1"'):
    for name in ("suites/mail", "policies/mail", ".git", "app"):
        (root / name).mkdir(parents=True)
    (root / "app/main.py").write_text("answer = 'billing'\n")
    (root / "evalgate.yaml").write_text(providers + BUDGETS)
    (root / "suites/mail/suite.yaml").write_text(SUITE)
    cases = [{"id": f"m{n}", "input": f"mail {n}", "target": "billing"} for n in range(20)]
    (root / "suites/mail/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    for name, side in (("production", "today"), ("proposal", "next")):
        policy = POLICY.replace("SIDE", side).replace("REVISION", revision)
        (root / f"policies/mail/{name}.yaml").write_text(policy)


def run(root, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "evalgate", "run", "--format", "json", *arguments],
        cwd=root,
        env={"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 1, 3), done.stderr
    (comparison,) = json.loads(done.stdout)["comparisons"]
    return comparison


def gateway(usd, retries, *, hit=False):
    headers = {
        "x-litellm-response-cost": usd,
        "x-litellm-model-id": "m7",
        "x-litellm-attempted-retries": retries,
    }
    return json_reply(
        completion("billing"), headers={**headers, **({"x-litellm-cache-key": "k"} if hit else {})}
    )


def test_two_gateways_are_compared_by_what_they_say(tmp_path):
    with Loopback([gateway("0.002", "0")]) as today, Loopback([gateway("0.0", "1", hit=True)]) as after:
        write(
            tmp_path,
            f'providers:\n  today: {{kind: openai, origin: "{today.origin}", gateway: {{}}}}\n'
            f'  next: {{kind: openai, origin: "{after.origin}", gateway: {{}}}}\n',
        )
        live = run(tmp_path, "--mode", "live")
    sides = live["sides"]
    assert sides["baseline"]["cost_per_request_usd"] == "0.002000"
    assert sides["baseline"]["gateway"] == {
        "calls": 20,
        "cache_hit_share": 0.0,
        "retries": 0,
        "fallbacks": None,
        "models": {"m7": 20},
    }
    assert sides["candidate"]["cost_per_request_usd"] == "0.000000"
    assert sides["candidate"]["gateway"]["cache_hit_share"] == 1.0
    assert sides["candidate"]["gateway"]["retries"] == 20


def test_a_gateway_that_does_not_say_what_it_cost_is_unmeasured(tmp_path):
    with Loopback([gateway("0.002", "0")]) as today, Loopback([json_reply(completion("billing"))]) as after:
        write(
            tmp_path,
            f'providers:\n  today: {{kind: openai, origin: "{today.origin}", gateway: {{}}}}\n'
            f'  next: {{kind: openai, origin: "{after.origin}", gateway: {{}}}}\n',
        )
        live = run(tmp_path, "--mode", "live")
    assert "did not say what a call cost" in live["sides"]["candidate"]["cost_per_request_usd"]["unmeasured"]
    check = next(check for check in live["checks"] if check["metric"] == "cost_per_correct")
    assert check["verdict"] == "inconclusive"


def test_two_builds_of_an_app_are_compared(tmp_path):
    old = json_reply({"label": "billing", "usd": 0.01}, headers={"x-build": "old"})
    new = json_reply({"label": "shipping", "usd": 0.001}, headers={"x-build": "new"})
    with Loopback([old]) as today, Loopback([new]) as after:
        app = "{kind: http, origin: ORIGIN, answer: /label, cost_usd: /usd, build_header: x-build}"
        write(
            tmp_path,
            "providers:\n  today: " + app.replace("ORIGIN", today.origin) + "\n"
            "  next: " + app.replace("ORIGIN", after.origin) + "\n",
            revision="{tree: [../../app]}",
        )
        live = run(tmp_path, "--mode", "live")
        assert sorted(after.received[0].json) == ["input"]
    assert live["verdict"] == "fail"
    assert live["cases"]["broke"] == 20
    assert live["sides"]["candidate"]["cost_per_request_usd"] == "0.001000"
