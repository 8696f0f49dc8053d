"""A small project with recordings, for the verbs that look at it without calling anybody."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from evalgate.core.calls import Attempt, Call, Response, Usage
from evalgate.core.run import Session
from evalgate.load.project import load_project
from evalgate.serving.requests import request_for
from evalgate.store.writer import write_calls

PROJECT = """\
suites: [suites]
providers:
  far: {kind: openai, origin: "https://models.example.org", key_env: FAR_KEY}
budgets:
  accuracy: {max_drop: 60pp}
"""
SUITE = """\
policies: policies/mail
grader: {kind: choice, labels: [loans, rooms]}
"""
POLICY = """\
prompt:
  - {role: system, content: "Which desk?"}
  - {role: user, content: "{{input}}"}
params: {temperature: 0, max_tokens: 10}
deployments:
  weak:   {provider: far, model: small, revision: "1", price: {input_per_1m: 1, output_per_1m: 2}}
  strong: {provider: far, model: large, revision: "1", price: {input_per_1m: 10, output_per_1m: 20}}
router: {kind: column, column: need, threshold: 0.5, strong: strong, weak: weak}
reliability: {num_retries: 1, fallbacks: {weak: [strong]}}
"""
CASES = [
    {"id": "m-1", "input": "Can I renew it?", "target": "loans", "vars": {"need": 0.1}},
    {"id": "m-2", "input": "Is the hall free?", "target": "rooms", "vars": {"need": 0.4}},
    {"id": "m-3", "input": "I was fined", "target": "loans", "vars": {"need": 0.6}},
    {"id": "m-4", "input": "Who has the key?", "target": "rooms", "vars": {"need": 0.9}},
]
ANSWER = Attempt(0.2, usage=Usage(input_tokens=1000, output_tokens=100), billing="billed")


class Mail:
    """The files of the project at ``root``; :meth:`record` writes what a server would have said."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / ".git").mkdir()
        self.write("evalgate.yaml", PROJECT)
        self.write("suites/mail/suite.yaml", SUITE)
        self.cases(*CASES)
        self.write("policies/mail/production.yaml", POLICY)
        self.write("policies/mail/threshold.yaml", POLICY.replace("0.5", "0.3"))

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def cases(self, *cases: dict[str, object]) -> None:
        self.write("suites/mail/cases.jsonl", "".join(json.dumps(case) + "\n" for case in cases))

    def record(self, alias: str, *ids: str, attempts: tuple[Attempt, ...] = (ANSWER,)) -> Path:
        """Record what production's deployment ``alias`` answered to the cases ``ids``, in its own session."""
        suite = load_project(self.root).suites[0]
        deployment = suite.baseline.deployments[alias]
        folder = self.root / "suites/mail/recordings"
        session = Session(f"s{len(list(folder.glob('*')))}", "2026-11-01T00:00:00Z", interleaved=True, seed=1)
        response = None if attempts[-1].error else Response("loans")
        calls = [
            Call(request_for(case, deployment, 0), attempts, response, session.id, False)
            for case in suite.cases
            if case.id in ids
        ]
        write_calls(folder / f"{session.id}.jsonl", session, calls, "a test")
        return folder / f"{session.id}.jsonl"

    def record_all(self) -> None:
        self.record("weak", "m-1", "m-2")
        self.record("strong", "m-2", "m-3", "m-4")


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mail:
    monkeypatch.chdir(tmp_path)
    for variable in ("FAR_KEY", "NO_COLOR", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(variable, raising=False)
    return Mail(tmp_path)


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in this process may make a socket, not even one that goes nowhere."""

    def refused(*_arguments: object, **_named: object) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "socketpair", refused)


@pytest.fixture
def evalgate(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; return exit code, stdout and stderr."""
    from evalgate.cli.main import main

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        return code, *capsys.readouterr()

    return run
