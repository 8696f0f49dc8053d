"""Does every case's target fit the grader of its suite?"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from pydantic import ValidationError

from evalgate.core.cases import Case, ExpectedCall
from evalgate.core.errors import Problem
from evalgate.core.suite_file import (
    ChoiceGrader,
    ContainsGrader,
    GraderFile,
    NumberGrader,
    RegexGrader,
    SimilarityGrader,
    TextF1Grader,
    ToolCallsGrader,
)
from evalgate.load.case_files.cases import CaseFile
from evalgate.load.syntax.documents import adapter_of
from evalgate.load.syntax.patterns import pattern_error
from evalgate.load.syntax.suggest import did_you_mean

_Fault = tuple[str, str] | None
RE2_CURE = "RE2 has no look-around and no back-references: https://github.com/google/re2/wiki/Syntax"
EMPTY_TEXT = ("an empty text stands in every answer", "write the text, or remove it")


def check_targets(cases: CaseFile, graders: Sequence[GraderFile]) -> Iterator[Problem]:
    """Yield each case whose target a grader cannot use; a case without target is not graded."""
    faults = [fault for fault in map(_fault_finder, graders) if fault is not None]
    if not faults:
        return
    for index, case in enumerate(cases.cases):
        if case.target is None:
            continue
        for fault in faults:
            if found := fault(case):
                yield cases.problem(index, f"case {case.id!r}: {found[0]}", found[1], "target")


def _fault_finder(grader: GraderFile) -> Callable[[Case], _Fault] | None:
    match grader:
        case ChoiceGrader(labels=labels):
            known = frozenset(labels)
            return lambda case: _choice_fault(case.target, known, labels)
        case RegexGrader(pattern=None, ignore_case=ignore_case):
            return lambda case: _pattern_fault(case.target, ignore_case=ignore_case)
        case TextF1Grader() | SimilarityGrader():
            return lambda case: _texts_fault(case.target, grader.kind)
        case ContainsGrader() if grader.all or grader.any or grader.none:
            return None
        case NumberGrader() | ContainsGrader() | ToolCallsGrader():
            fault = _FAULTS[type(grader)]
            return lambda case: fault(case.target)
        case _:
            return None


def _contains_fault(target: object) -> _Fault:
    cure = 'write a text, a list of texts, or {"all": […], "any": […], "none": […]}'
    match target:
        case bool():
            lists: list[object] = [None]
        case str() | int() | float():
            lists = [[target]]
        case list():
            lists = [target]
        case dict() if target and target.keys() <= {"all", "any", "none"}:
            lists = list(target.values())
        case _:
            lists = [None]
    texts: list[object] = []
    for each in lists:
        if not isinstance(each, list):
            return f"the target {target!r} does not say what an answer must contain", cure
        texts += each
    if not texts:
        return "the target asks for no text at all", cure
    if any(isinstance(each, list | dict) or each is None for each in texts):
        return f"the target {target!r} holds something that is not text", cure
    return EMPTY_TEXT if "" in texts else None


def _texts_fault(target: object, kind: str) -> _Fault:
    listed = target if isinstance(target, list) else [target]
    if listed and all(isinstance(each, str) and each.strip() for each in listed):
        return None
    found = f"the target {target!r} is not text, and the grader is `{kind}`"
    return found, "write a text, or a list of texts of which any is right"


def _calls_fault(target: object) -> _Fault:
    written = [target] if isinstance(target, dict) else target
    cure = 'write a list like [{"name": "get_weather", "arguments": {"city": "Paris"}}]; [] expects no call'
    try:
        adapter_of(list[ExpectedCall]).validate_python(written)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        told = f"target.{place}: {first['msg'].lower()}" if place else "it is no list"
        return f"the target is not a list of tool calls ({told})", cure
    return None


def _choice_fault(target: object, known: frozenset[str], labels: list[str]) -> _Fault:
    if not isinstance(target, str):
        return f"the target {target!r} is not text, and the grader is `choice`", "write one of the labels"
    if target in known:
        return None
    return f"the target {target!r} is not among the grader's labels", did_you_mean(
        target, labels, "the labels are"
    )


def _number_fault(target: object) -> _Fault:
    cure = "write the target as a number, as in 12.5"
    if isinstance(target, bool) or not isinstance(target, int | float | str):
        return f"the target {target!r} is not a number, and the grader is `number`", cure
    if isinstance(target, float) and not -float("inf") < target < float("inf"):
        return f"the target {target} is not a finite number", cure
    # Which texts are numbers ("1,234.5", "12 %") grading knows; one without a digit is none.
    if isinstance(target, str) and not any(character.isdecimal() for character in target):
        return f"the target {target!r} is not a number, and the grader is `number`", cure
    return None


def _pattern_fault(target: object, *, ignore_case: bool) -> _Fault:
    if not isinstance(target, str):
        return (
            f"the target {target!r} is not a pattern, and the grader is `regex`",
            "write an RE2 pattern as text",
        )
    error = pattern_error(target, ignore_case=ignore_case)
    return (f"the target is not an RE2 pattern: {error}", RE2_CURE) if error else None


_FAULTS: Mapping[type, Callable[[object], _Fault]] = {
    NumberGrader: _number_fault,
    ContainsGrader: _contains_fault,
    ToolCallsGrader: _calls_fault,
}
