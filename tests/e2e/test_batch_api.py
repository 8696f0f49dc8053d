"""Recording through a batch API: handed in once, waited for, fetched later where somebody did not wait."""

import json
import re

import pytest

from tests.command_line import evalgate
from tests.loopback import Loopback, completion, json_reply, reply, status

CREATED, TOOK_S = 1_790_000_000, 420
KEY = "sk-loopback-canary-0123456789"
PROJECT = """
providers: {gateway: {kind: openai, origin: "ORIGIN", key_env: MAIL_KEY}}
budgets: {accuracy: {min: 80%}, turnaround: {max: 1h}}
"""
POLICY = """
params: {max_tokens: 4}
deployments:
  nightly:
    provider: gateway
    model: small
    revision: "1"
    price: {input_per_1m: 10, output_per_1m: 20}
    batch: {price_factor: 0.5, completion_window: 24h}
"""


class Server:
    """A server with a batch API. ``looks`` are what it says of a batch when asked, the last one for ever."""

    def __init__(self, *looks):
        self.looks = list(looks)
        self.lines = []

    def __call__(self, received):
        if received.path == "/v1/files":
            assert b'name="purpose"' in received.body
            found = [line for line in received.body.splitlines() if line.startswith(b"{")]
            self.lines = [json.loads(line) for line in found]
            return json_reply({"id": "file-in"})
        if received.path == "/v1/batches":
            assert received.json["input_file_id"] == "file-in"
            assert received.json["completion_window"] == "24h"
            return json_reply({"id": "batch-1", "status": "validating", "created_at": CREATED})
        if received.path == "/v1/batches/batch-1":
            look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
            return status(503) if look == "down" else json_reply(self.said(look))
        if received.path == "/v1/files/file-out/content":
            return reply(200, b"".join(map(self.answer, self.lines[2:])))
        if received.path == "/v1/files/file-errors/content":
            return reply(200, self.failed(self.lines[0]) + self.expired(self.lines[1]))
        return status(404)

    def said(self, look):
        body = {"id": "batch-1", "status": look, "created_at": CREATED}
        if look == "failed":
            return {**body, "errors": {"data": [{"message": "line 3 is no request"}]}}
        done = {
            "completed_at": CREATED + TOOK_S,
            "output_file_id": "file-out",
            "error_file_id": "file-errors",
        }
        return body | done if look == "completed" else body

    def answer(self, line):
        body = completion("billing", usage={"prompt_tokens": 100, "completion_tokens": 1})
        return self.line(line, {"response": {"status_code": 200, "body": body}})

    def failed(self, line):
        body = {"error": {"message": "bad", "type": "invalid_request_error"}}
        return self.line(line, {"response": {"status_code": 400, "body": body}})

    def expired(self, line):
        return self.line(line, {"response": None, "error": {"code": "batch_expired"}})

    def line(self, asked, more):
        return json.dumps({"custom_id": asked["custom_id"], **more}).encode() + b"\n"


def project(root, origin, policy=POLICY):
    for name in (".git", "suites/mail", "policies/mail"):
        (root / name).mkdir(parents=True)
    (root / "evalgate.yaml").write_text(PROJECT.replace("ORIGIN", origin))
    (root / "suites/mail/suite.yaml").write_text("policies: policies/mail\ngrader: {kind: exact}\n")
    cases = [{"id": f"m{at}", "input": f"mail {at}", "target": "billing"} for at in range(50)]
    (root / "suites/mail/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    (root / "policies/mail/production.yaml").write_text(policy)


def record(root, *more):
    return evalgate(root, "record", "suites/mail", "--batch", *more, MAIL_KEY=KEY)


def test_a_batch_is_recorded_and_its_turnaround_judged(tmp_path):
    served = Server("in_progress", "completed")
    with Loopback(served) as server:
        project(tmp_path, server.origin)
        done = record(tmp_path)
        assert done.returncode == 0, done.stderr
        assert {each.headers["authorization"] for each in server.received} == {f"Bearer {KEY}"}
        asked = len(server.received)
        again = record(tmp_path)
        assert "50 calls needed, 50 already recorded, 0 made" in again.stdout
        assert len(server.received) == asked
    assert "50 calls needed, 0 already recorded, 50 answered by batches (2 of them failed)" in done.stdout
    assert "0 made" in done.stdout
    assert served.lines[0]["url"] == "/v1/chat/completions"
    assert served.lines[0]["body"]["model"] == "small"
    (file,) = (tmp_path / "suites/mail/recordings").iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert sorted(line["attempts"][0]["turnaround_s"] for line in lines) == [TOOK_S] * 49 + [86400]
    assert KEY not in file.read_text()

    judged = evalgate(tmp_path, "run", "--format", "json")
    (found,) = json.loads(judged.stdout)["comparisons"]
    checks = {each["metric"]: each for each in found["checks"]}
    assert checks["turnaround"]["method"] == "order_statistic"
    assert checks["turnaround"]["candidate"]["low"] == TOOK_S
    assert found["cases"]["failed"] == 2
    cost = float(found["sides"]["candidate"]["cost_per_request_usd"])
    assert cost == pytest.approx(0.5 * 48 / 50 * (100 * 10 + 20) / 1e6)


def test_who_does_not_wait_fetches_it_later_and_pays_once(tmp_path):
    served = Server("in_progress", "down", "completed")
    with Loopback(served) as server:
        project(tmp_path, server.origin)
        broken = record(tmp_path)
        assert broken.returncode == 4, broken.stderr
        assert not (tmp_path / "suites/mail/recordings").exists()
        done = record(tmp_path)
        assert done.returncode == 0, done.stderr
        handed_in = [each.path for each in server.received if each.method == "POST"]
    assert handed_in == ["/v1/files", "/v1/batches"]
    assert "50 answered by batches" in done.stdout
    assert not list((tmp_path / ".evalgate/batches/mail").iterdir())


def test_a_batch_that_the_server_cannot_read_says_why(tmp_path):
    with Loopback(Server("failed")) as server:
        project(tmp_path, server.origin)
        done = record(tmp_path)
    assert done.returncode == 4
    assert "could not read the batch batch-1: line 3 is no request" in done.stderr


def test_a_cap_is_held_before_anything_is_handed_in(tmp_path):
    with Loopback(Server("completed")) as server:
        project(tmp_path, server.origin)
        done = record(tmp_path, "--max-spend", "0.0001")
        assert server.received == []
    assert done.returncode == 5, done.stderr
    assert "nothing was handed in" in done.stderr


def test_another_kind_of_provider_is_told(tmp_path):
    project(tmp_path, "http://127.0.0.1:9")
    text = (tmp_path / "evalgate.yaml").read_text()
    app = 'gateway: {kind: function, path: "models:answer"}'
    (tmp_path / "evalgate.yaml").write_text(re.sub(r"gateway: \{.*?\}", app, text))
    (tmp_path / "models.py").write_text("def answer(asked): return 'billing'\n")
    done = record(tmp_path)
    assert done.returncode == 2
    assert "provider 'gateway' is not of kind openai" in done.stderr
