"""Every grader has a page, and every example on it is loaded, run, and gives the grade it promises."""

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from evalgate.core.calls import Attempt, Call, Request, Response
from evalgate.core.messages import ToolCall
from evalgate.core.outcome import Answer, Grade, Outcome
from evalgate.core.suite import Suite
from evalgate.core.suite_file import GraderFile
from evalgate.core.vectors import pack
from evalgate.grading.needs import suite_judging
from evalgate.load.project import load_project

DOCS = Path(__file__).parents[3] / "docs"
PAGES = sorted((DOCS / "graders").glob("*.md"))
BLOCK = re.compile(r"^(`{3,})(yaml|json|python)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
PROJECT = 'providers: {openai: {kind: openai, origin: "http://127.0.0.1:9"}}\n'
POLICY = 'use: main\ndeployments: {main: {provider: openai, model: small, revision: "1"}}\n'


@dataclass(frozen=True)
class Example:
    page: str
    grader: str
    code: str
    given: dict[str, Any] | None


def examples() -> Iterator[Example]:
    """Yield each grader of each page with the case that follows it."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = [*BLOCK.finditer(text), None]
        code = next((block[3] for block in blocks if block is not None and block[2] == "python"), "")
        for block, *rest in zip(blocks, blocks[1:], [*blocks[2:], None], strict=False):
            if block is None or block[2] != "yaml":
                continue
            given = next((each for each in rest if each is not None and each[2] != "python"), None)
            is_case = given is not None and given[2] == "json"
            yield Example(
                page.stem,
                block[3],
                code,
                json.loads(given[3]) if is_case and given else None,
            )


EXAMPLES = list(examples())


def load(example: Example, root: Path) -> Suite:
    (root / ".git").mkdir()
    (root / "suites/s").mkdir(parents=True)
    (root / "policies/p").mkdir(parents=True)
    (root / "evalgate.yaml").write_text(PROJECT)
    (root / "policies/p/production.yaml").write_text(POLICY)
    (root / "suites/s/suite.yaml").write_text(f"policies: policies/p\n{example.grader}")
    case = (example.given or {}).get("case", {"id": "c", "input": "?", "target": "x"})
    (root / "suites/s/cases.jsonl").write_text(json.dumps(case) + "\n")
    if named := re.search(r'"my_pkg\.(\w+):', example.grader):
        (root / "my_pkg").mkdir()
        (root / "my_pkg/__init__.py").write_text("")
        (root / f"my_pkg/{named[1]}.py").write_text(textwrap.dedent(example.code))
    (suite,) = load_project(root).suites
    return suite


def replied(request: Request, text: str) -> Call:
    said = Response(None, vector=pack(json.loads(text))) if request.kind == "embed" else Response(text)
    return Call(request, (Attempt(0.1),), said, "s", replayed=True)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each.page}-{EXAMPLES.index(each)}")
def test_the_example_gives_the_grade_it_promises(example: Example, tmp_path: Path) -> None:
    suite = load(example, tmp_path)
    if example.given is None:
        return
    given, case = example.given, suite.cases[0]
    called = tuple(ToolCall(each["name"], each["arguments"]) for each in given.get("tool_calls", ()))
    outcome = Outcome("c", 0, Answer(given.get("answer", ""), called), "main", 0.1, ())
    other = Answer(given["other"]) if "other" in given else None
    judging = suite_judging(suite)
    requests = judging.requests(case, outcome, other)
    calls = {
        request.digest: replied(request, text)
        for request, text in zip(requests, given.get("replies", ()), strict=True)
    }
    found = judging.grade(case, outcome, calls, other)
    assert isinstance(found, Grade)
    promised = {"label": None, **given["grade"]}
    assert {"score": found.score, "correct": found.correct, "reason": found.reason, "label": found.label} == (
        promised | {"score": pytest.approx(promised["score"])}
    )


MODELS = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(get_args(GraderFile)[0])
}


def test_every_grader_has_a_page_that_the_index_leads_to() -> None:
    with_examples = {each.page for each in EXAMPLES if each.given is not None}
    index = (DOCS / "graders.md").read_text(encoding="utf-8")
    assert MODELS.keys() <= with_examples
    assert all(f"(graders/{page.name})" in index for page in PAGES)


@pytest.mark.parametrize("kind", MODELS)
def test_pages_explain_every_key_of_their_grader(kind: str) -> None:
    text = (DOCS / "graders" / f"{kind}.md").read_text(encoding="utf-8")
    names = [field.alias or name for name, field in MODELS[kind].model_fields.items()]
    assert [name for name in names if name not in text and name != "weight"] == []
