"""A small project on disk that loads without a problem, for tests to break one thing at a time."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalgate.core.errors import BadInput, Problem
from evalgate.core.suite import Project
from evalgate.load.project import load_project

PROJECT = """\
suites: [suites]
providers:
  local: {kind: openai, origin: "http://127.0.0.1:8080"}
budgets:
  accuracy: {max_drop: 1pp, min: 85%}
  latency_p95: {max_rise: 10%, max: 2500ms, on_inconclusive: warn}
"""
SUITE = """\
policies: policies/tickets
grader: {kind: choice, labels: [billing, shipping]}
"""
POLICY = """\
description: What serves today
prompt:
  - {role: user, content: "Which team? {{input}}"}
params: {temperature: 0}
deployments:
  weak:   {provider: local, model: small, revision: "1"}
  strong: {provider: local, model: large, revision: "1"}
router: {kind: column, column: need, threshold: 0.5, strong: strong, weak: weak}
reliability: {fallbacks: {weak: [strong]}}
"""
CASES = [
    {"id": "t-1", "input": "Where is my parcel?", "target": "shipping", "vars": {"need": 0.2}},
    {"id": "t-2", "input": "I paid twice", "target": "billing", "vars": {"need": 0.9}},
]


class Files:
    """The files of one project; ``start`` is where commands are typed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.start = root
        (root / ".git").mkdir()
        self.write("evalgate.yaml", PROJECT)
        self.write("suites/tickets/suite.yaml", SUITE)
        self.cases(*CASES)
        self.write("policies/tickets/production.yaml", POLICY)
        self.write("policies/tickets/threshold.yaml", POLICY.replace("0.5", "0.7"))

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def cases(self, *cases: dict[str, object], suite: str = "tickets") -> Path:
        lines = "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases)
        return self.write(f"suites/{suite}/cases.jsonl", lines)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def production(self, old: str, new: str) -> None:
        self.edit("policies/tickets/production.yaml", old, new)

    def suite(self, old: str, new: str) -> None:
        self.edit("suites/tickets/suite.yaml", old, new)

    def load(self, *suites: str, policies: tuple[str, ...] = (), baseline: str | None = None) -> Project:
        return load_project(self.start, suites, policies, baseline, calling=True)

    def problems(
        self, *suites: str, policies: tuple[str, ...] = (), baseline: str | None = None
    ) -> list[Problem]:
        with pytest.raises(BadInput) as caught:
            self.load(*suites, policies=policies, baseline=baseline)
        assert caught.value.exit_code == 2
        return list(caught.value.problems)

    def said(self, *suites: str, policies: tuple[str, ...] = (), baseline: str | None = None) -> str:
        found = self.problems(*suites, policies=policies, baseline=baseline)
        return "\n".join(map(str, found))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def refusal() -> Callable[[Callable[[], object]], str]:
    def said(load: Callable[[], object]) -> str:
        with pytest.raises(BadInput) as caught:
            load()
        return str(caught.value)

    return said
