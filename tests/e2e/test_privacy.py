"""What is written: never a key, and of a suite without texts nothing that was asked or answered."""

import gzip
import json
import re
from pathlib import Path

import pytest

from tests.command_line import evalgate as command_line
from tests.loopback import Loopback, answer, completion, json_reply, status

ROOT = Path(__file__).parents[2]
KEY = "sk-evalgate-canary-0123456789"
ASKED, SAID = "zebra-question", "zebra-answer"
POLICY = """
prompt: [{role: user, content: "{{input}}"}]
deployments: {only: {provider: gateway, model: m, revision: "1", price: {per_request: 0.001}}}
reliability: {num_retries: 1, backoff_s: 0.001}
"""


def write(root, origin, suite="", project=""):
    for name in ("suites/mail", "policies/mail", ".git"):
        (root / name).mkdir(parents=True)
    (root / "evalgate.yaml").write_text(
        f'providers: {{gateway: {{kind: openai, origin: "{origin}", key_env: MAIL_KEY}}}}\n'
        f"budgets: {{accuracy: {{min: 20%}}}}\n{project}"
    )
    (root / "suites/mail/suite.yaml").write_text(
        "policies: policies/mail\ngrader: {kind: contains, ignore_case: true}\n" + suite
    )
    cases = [
        {"id": f"m{n}", "input": f"{ASKED} {n}", "target": SAID, "slices": {"channel": "web"}}
        for n in range(12)
    ]
    (root / "suites/mail/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    (root / "policies/mail/production.yaml").write_text(POLICY)
    (root / "policies/mail/proposal.yaml").write_text(POLICY.replace("{{input}}", "Q: {{input}}"))


def evalgate(root, *arguments, **environ):
    return command_line(root, *arguments, **{"MAIL_KEY": KEY} | environ)


def written(root, done):
    """Every byte that the program wrote: to the terminal and to files that nobody wrote before."""
    parts = [done.stdout.encode(), done.stderr.encode()]
    for path in root.rglob("*"):
        if path.is_file() and (
            ".evalgate" in path.parts or "recordings" in path.parts or path.suffix in {".html", ".xml"}
        ):
            raw = path.read_bytes()
            parts.append(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    return b"\n".join(parts)


NONE = {"suite": "texts: none\n"}
DIGEST_KEY = {"EVALGATE_DIGEST_KEY": "0123456789abcdef0123456789abcdef"}


def test_of_a_suite_without_texts_nothing_asked_or_answered_is_written(tmp_path):
    script = [status(500, f"cannot: {ASKED}"), answer(f"so: {SAID}"), answer("no")]
    with Loopback(script) as server:
        write(tmp_path, server.origin, **NONE)
        done = evalgate(
            tmp_path,
            "run",
            "--mode",
            "live",
            "--format",
            "json",
            "--report",
            "r.html",
            "--junit",
            "j.xml",
            **DIGEST_KEY,
        )
        assert done.returncode in (0, 1, 3), done.stderr
        assert ASKED in server.received[0].body.decode()
    (comparison,) = json.loads(done.stdout)["comparisons"]
    assert comparison["cases"]["total"] == 12
    everything = written(tmp_path, done)
    assert len(everything) > 10_000
    assert ASKED.encode() not in everything
    assert SAID.encode() not in everything
    assert KEY.encode() not in everything
    # What is left can still be judged: grades stand in the runs.
    runs = sorted((tmp_path / ".evalgate").rglob("*.run.jsonl"))
    again = evalgate(tmp_path, "compare", *map(str, runs), "--format", "json")
    (replayed,) = json.loads(again.stdout)["comparisons"]
    assert replayed["cases"] == comparison["cases"]


def test_digests_of_such_a_suite_tell_nothing_without_the_key(tmp_path):
    digests = []
    for name, key in (("a", DIGEST_KEY), ("b", {"EVALGATE_DIGEST_KEY": "f" * 32})):
        with Loopback([answer(SAID)]) as server:
            write(tmp_path / name, server.origin, **NONE)
            assert evalgate(tmp_path / name, "record", "--policy", "proposal", **key).returncode == 0
        (file,) = (tmp_path / name / "suites/mail/recordings").iterdir()
        digests.append(set(re.findall(r'"digest":"([0-9a-f]{64})"', file.read_text())))
    assert len(digests[0]) == len(digests[1]) == 24
    assert not digests[0] & digests[1]


def test_without_a_key_for_digests_such_a_suite_is_refused(tmp_path):
    with Loopback([answer(SAID)]) as server:
        write(tmp_path, server.origin, **NONE)
        done = evalgate(tmp_path, "run", "--mode", "live")
        assert server.received == []
    assert done.returncode == 2
    assert "suites/mail/suite.yaml: texts: no text may be kept" in done.stderr
    assert "EVALGATE_DIGEST_KEY is not set" in done.stderr


def test_a_judge_elsewhere_would_take_the_texts_along(tmp_path):
    with Loopback([answer(SAID)]) as server:
        write(tmp_path, server.origin, **NONE)
    (tmp_path / "evalgate.yaml").write_text(
        'providers: {gateway: {kind: openai, origin: "http://127.0.0.1:9"}, '
        'far: {kind: openai, origin: "https://far.example"}}'
    )
    (tmp_path / "suites/mail/suite.yaml").write_text(
        "policies: policies/mail\ntexts: none\n"
        'grader: {kind: judge, rubric: "Right?", score: [1, 5], '
        "deployment: {provider: far, model: j-2026-01-01}}\n"
    )
    done = evalgate(tmp_path, "check")
    assert done.returncode == 2
    assert (
        "texts: none keeps texts on this machine, and provider 'far' is not on it"
        in done.stdout + done.stderr
    )


@pytest.mark.parametrize(
    ("secret", "kind"),
    [
        (KEY, "the value of a configured key"),
        ("ghp_" + "a1" * 20, "a token of GitHub"),
        ("AKIA" + "ABCDEFGH12345678", "a key of AWS"),
        ("-----BEGIN PRIVATE KEY-----", "a private key"),
    ],
)
def test_a_secret_in_a_question_is_refused_where_it_stands(tmp_path, secret, kind):
    with Loopback([answer(SAID)]) as server:
        write(tmp_path, server.origin)
        cases = tmp_path / "suites/mail/cases.jsonl"
        leak = {"id": "leak", "input": f"my key {secret}", "target": "x"}
        cases.write_text(f"{cases.read_text()}{json.dumps(leak)}\n")
        done = evalgate(tmp_path, "record", "--policy", "proposal")
        assert not any(secret in each.body.decode() for each in server.received)
    assert done.returncode == 4
    assert f"suites/mail/cases.jsonl:13: holds {kind}" in done.stderr
    assert secret.encode() not in written(tmp_path, done)


def test_a_secret_in_an_answer_is_refused_until_it_is_declared_none(tmp_path):
    secret = "sk-proj-0000aaaa1111bbbb2222"
    with Loopback([json_reply(completion(f"use {secret}"))]) as server:
        write(tmp_path, server.origin)
        done = evalgate(tmp_path, "record", "--policy", "proposal")
        assert done.returncode == 4
        assert secret.encode() not in written(tmp_path, done)
        allowed = re.search(r"allow_findings: \[([0-9a-f]{12})\]", done.stderr)[0]
        with (tmp_path / "evalgate.yaml").open("a") as file:
            file.write(f"{allowed}\n")
        assert evalgate(tmp_path, "record", "--policy", "proposal").returncode == 0


def test_a_secret_in_a_recording_from_elsewhere_gets_into_no_report(tmp_path):
    with Loopback([answer(SAID)]) as server:
        write(tmp_path, server.origin)
        assert evalgate(tmp_path, "record").returncode == 0
    (file,) = (tmp_path / "suites/mail/recordings").iterdir()
    secret = "hf_" + "Ab1" * 12
    file.write_text(file.read_text().replace(SAID, f"{SAID} {secret}"))
    done = evalgate(tmp_path, "run", "--report", "r.html")
    assert done.returncode == 4
    assert "holds a token of Hugging Face" in done.stderr
    assert not (tmp_path / "r.html").exists()
    assert evalgate(tmp_path, "run", "--report", "r.html", "--report-texts", "none").returncode in (0, 1, 3)
