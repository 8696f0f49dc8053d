"""A suite behind an OpenAI-compatible server: recorded with its failures, judged with the server gone."""

import gzip
import json
from pathlib import Path

from tests.command_line import evalgate as command_line
from tests.loopback import Loopback, answer, status

ROOT = Path(__file__).parents[2]
POLICY = """
prompt: [{role: system, content: "One of: billing, shipping."}, {role: user, content: "{{input}}"}]
params: {temperature: 0, max_tokens: 4}
deployments:
  weak:   {provider: gateway, model: small, revision: "1", price: {input_per_1m: 1, output_per_1m: 2}}
  strong: {provider: gateway, model: large, revision: "1", price: {input_per_1m: 10, output_per_1m: 20}}
router: {kind: column, column: need, threshold: THRESHOLD, strong: strong, weak: weak}
reliability: {num_retries: 1, backoff_s: 0.001, request_timeout_s: 10, fallbacks: {strong: [weak]}}
"""
SUITE = """
policies: policies/mail
grader: {kind: choice, labels: [billing, shipping]}
"""
PROJECT = """
providers: {gateway: {kind: openai, origin: "ORIGIN", key_env: MAIL_KEY}}
budgets: {accuracy: {min: 20%}, cost_per_correct: {max: 1usd}}
"""
KEY = "sk-loopback-canary-0123456789"


def write(root, origin):
    for name in ("suites/mail", "policies/mail", ".git"):
        (root / name).mkdir(parents=True)
    (root / "evalgate.yaml").write_text(PROJECT.replace("ORIGIN", origin))
    (root / "suites/mail/suite.yaml").write_text(SUITE)
    cases = [
        {"id": f"m{n}", "input": f"mail {n}", "target": "billing", "vars": {"need": n / 10}}
        for n in range(10)
    ]
    (root / "suites/mail/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    (root / "policies/mail/production.yaml").write_text(POLICY.replace("THRESHOLD", "0.5"))
    (root / "policies/mail/fewer-strong.yaml").write_text(POLICY.replace("THRESHOLD", "0.7"))


def evalgate(root, *arguments, **environ):
    return command_line(root, *arguments, **{"MAIL_KEY": KEY} | environ)


def test_recorded_through_a_failing_server_and_judged_without_it(tmp_path):
    with Loopback(
        [status(503), answer("billing"), status(400), answer("shipping"), answer("billing")]
    ) as server:
        write(tmp_path, server.origin)
        recorded = evalgate(tmp_path, "record", "suites/mail", "--seed", "3")
        asked = len(server.received)
    assert recorded.returncode == 0, recorded.stderr
    assert all(each.headers["authorization"] == f"Bearer {KEY}" for each in server.received)
    (file,) = (tmp_path / "suites/mail/recordings").iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    attempts = [attempt for line in lines for attempt in line["attempts"]]
    assert len(attempts) == asked
    assert {"server_error", "bad_request"} <= {attempt.get("error") for attempt in attempts}

    judged = evalgate(tmp_path, "run", "--format", "json")
    assert judged.returncode == 0, judged.stderr
    (comparison,) = json.loads(judged.stdout)["comparisons"]
    assert comparison["cases"]["total"] == 10
    assert comparison["calls"]["made"] == 0
    assert comparison["sides"]["baseline"]["retries"] + comparison["sides"]["candidate"]["retries"] > 0
    everything = recorded.stdout + recorded.stderr + judged.stdout + judged.stderr
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in everything
    assert KEY.encode() not in written

    file.with_suffix(".jsonl.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    assert evalgate(tmp_path, "run", "--format", "json").stdout == judged.stdout
