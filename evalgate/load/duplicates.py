"""Cases that ask the same thing under different names."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from evalgate.core.cases import Case
from evalgate.core.digest import canonical_json
from evalgate.core.errors import Problem
from evalgate.core.messages import message_json
from evalgate.core.suite import Suite
from evalgate.load.project import Gathered
from evalgate.load.syntax.suggest import said

_MOST_TOLD = 20
_CURE = "keep one of them, or give them the same `group`: counted twice, one question decides for two"


def same_questions(suite: Suite, gathered: Gathered) -> Iterator[Problem]:
    """Yield each question that several cases of a suite ask, with the same variables.

    White space at the ends and letter case do not make another question. In an ordered suite a question
    that comes again is what a cache is tested with, and cases of one group are known to belong together.
    """
    if suite.ordered:
        return
    asked: defaultdict[str, list[Case]] = defaultdict(list)
    for case in suite.cases:
        asked[_question(case)].append(case)
    repeated = [cases for cases in asked.values() if len({each.group or each.id for each in cases}) > 1]
    if not repeated:
        return
    file = _cases_file(suite, gathered)
    lines = _lines(file) if file is not None else {}
    shown = gathered.findings.shown(file if file is not None else suite.folder / "suite.yaml")
    for cases in repeated[:_MOST_TOLD]:
        names = said(repr(each.id) for each in cases)
        message = f"{len(cases)} cases ask the same question: {names}"
        yield Problem(message, _CURE, shown, lines.get(cases[1].id))
    if len(repeated) > _MOST_TOLD:
        message = f"{len(repeated) - _MOST_TOLD} more questions are asked by several cases"
        yield Problem(message, _CURE, shown)


def _question(case: Case) -> str:
    if case.messages is None:
        asked: object = (case.input or "").strip().casefold()
    else:
        asked = [message_json(message) for message in case.messages]
    return canonical_json([asked, case.vars])


def _cases_file(suite: Suite, gathered: Gathered) -> Path | None:
    """Return the suite's file of cases, where it is one that a line number leads into."""
    written = next(
        (document.value.cases for document, _ in gathered.suites if document.path.parent == suite.folder), ""
    )
    file = suite.folder / str(written)
    return file if file.suffix == ".jsonl" and file.is_file() else None


def _lines(file: Path) -> dict[str, int]:
    with file.open(encoding="utf-8-sig") as lines:
        return {json.loads(line)["id"]: number for number, line in enumerate(lines, 1) if line.strip()}
