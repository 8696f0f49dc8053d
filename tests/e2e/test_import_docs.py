"""docs/import.md, done as it says: every file written, every command run, in order."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
STEP = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def section(title):
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def follow(tmp_path):
    """Does what a section of the page says and returns what each of its scripts printed."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "evalgate").write_text(f'#!/bin/sh\nexec {sys.executable} -m evalgate "$@"\n')
    (folder / "evalgate").chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    environ = {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def run(script):
        return subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def follow(title):
        printed = []
        for name, language, content in STEP.findall(section(title)):
            if language == "bash":
                done = run(content)
                assert done.returncode == 0, done.stderr
                printed.append(done)
            else:
                assert name, content
                file = tmp_path / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content, encoding="utf-8")
        return printed

    follow.root, follow.run = tmp_path, run
    return follow


def test_two_logs_of_chat_completions_are_compared(follow):
    (done,) = follow("A log of chat completions")
    assert "capitals: 3 calls, 1 of them failed, written to suites/capitals/recordings/" in done.stderr
    assert "3 new cases, 0 already in the suite" in done.stderr
    assert "0 new cases, 3 already in the suite" in done.stderr
    assert "2 files, 2 sessions, 6 recordings: every line is whole and every digest is right" in done.stdout
    result = json.loads(follow.run("evalgate run --format json").stdout)
    (compared,) = result["comparisons"]
    assert (compared["baseline"], compared["candidate"]) == ("production", "small")
    assert compared["cases"] == {
        "total": 3,
        "both_right": 2,
        "both_wrong": 0,
        "fixed": 1,
        "broke": 0,
        "failed": 1,
    }
    measured = {check["metric"]: check["candidate"].get("value") for check in compared["checks"]}
    assert measured["accuracy"] == 1
    assert float(measured["cost_per_correct"]) == pytest.approx((3 * 18 * 0.15 + 6 * 0.6) / 1e6 / 3)
    assert measured["latency_geomean"] == pytest.approx((0.21 * 0.25 * 0.27) ** (1 / 3))


def test_spend_logs_become_cases_with_cost_and_latency(follow):
    (done,) = follow("The spend logs of a LiteLLM proxy")
    assert "3 calls, 1 of them failed" in done.stderr
    assert "passed over 1 line: answered by the proxy's own cache" in done.stderr
    assert "passed over 1 line: other than --where asks for" in done.stderr
    cases = [
        json.loads(line) for line in (follow.root / "suites/support/cases.jsonl").read_text().splitlines()
    ]
    assert [(case["input"], case["target"], case["slices"]) for case in cases] == [
        ("I was charged twice", "billing", {"team": "eu"}),
        ("Where is my parcel?", "shipping", {"team": "us"}),
        ("My card was declined", "billing", {"team": "us"}),
    ]
    (file,) = (follow.root / "suites/support/recordings").glob("*.jsonl")
    header, *lines = map(json.loads, file.read_text().splitlines())
    (session,) = header["sessions"]
    assert (session["interleaved"], session["started_at"]) == (False, "2026-10-01T09:00:00.120000Z")
    (first,), (second,), (third,) = (line["attempts"] for line in lines)
    assert (first["latency_s"], first["ttft_s"], first["reported_cost_usd"]) == (0.79, 0.48, 0.000185)
    assert first["usage"] == {"input_tokens": 70, "output_tokens": 1}
    assert "ttft_s" not in second
    assert (third["error"], third["status"]) == ("rate_limit", 429)
    assert not {"usage", "reported_cost_usd"} & third.keys()


def test_the_same_log_twice_is_refused(follow):
    follow("The spend logs of a LiteLLM proxy")
    script = next(
        content for _, language, content in STEP.findall(section("The spend.*?")) if language == "bash"
    )
    done = follow.run(
        script.replace("> policies", "> other-policies").replace(
            "mkdir -p policies", "mkdir -p other-policies"
        )
    )
    assert done.returncode == 2
    assert "this log was imported already, as session " in done.stderr
    assert len(list((follow.root / "suites/support/recordings").iterdir())) == 1


def test_every_key_is_explained():
    from evalgate.load.log_columns import CALL_KEYS, CASE_KEYS

    told = section("Keys")
    assert [key for key in (*CALL_KEYS, *CASE_KEYS) if f"`{key}`" not in told] == []
