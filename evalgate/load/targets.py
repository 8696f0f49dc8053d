"""Does every case's target fit the grader of its suite?"""

from collections.abc import Callable, Iterator

from evalgate.core.cases import Case
from evalgate.core.errors import Problem
from evalgate.core.suite_file import (
    ChoiceGrader,
    ExactGrader,
    FunctionGrader,
    GraderFile,
    NumberGrader,
    RegexGrader,
    SuiteFile,
)
from evalgate.load.cases import CaseFile
from evalgate.load.documents import Document
from evalgate.load.patterns import pattern_error
from evalgate.load.suggest import did_you_mean

_Fault = tuple[str, str] | None
RE2_CURE = "RE2 has no look-around and no back-references: https://github.com/google/re2/wiki/Syntax"


def check_grader(suite: Document[SuiteFile]) -> Iterator[Problem]:
    """Yield what is wrong with the grader itself."""
    match suite.value.grader:
        case ChoiceGrader(labels=labels, ignore_case=ignore_case):
            seen: dict[str, str] = {}
            for index, label in enumerate(labels):
                same = label.strip().casefold() if ignore_case else label.strip()
                if not same:
                    yield suite.problem(("grader", "labels", index), "the label is empty", "write the label")
                elif (earlier := seen.setdefault(same, label)) != label or labels.index(label) < index:
                    message = f"the label {label!r} cannot be told from {earlier!r}"
                    yield suite.problem(("grader", "labels", index), message, "keep one of the two")
        case RegexGrader(pattern=str(pattern), ignore_case=ignore_case):
            if error := pattern_error(pattern, ignore_case=ignore_case):
                yield suite.problem(("grader", "pattern"), f"not an RE2 pattern: {error}", RE2_CURE)
        case ExactGrader() | NumberGrader() | RegexGrader() | FunctionGrader():
            return


def check_targets(cases: CaseFile, grader: GraderFile) -> Iterator[Problem]:
    """Yield each case whose target the grader cannot use; a case without target is not graded."""
    fault = _fault_finder(grader)
    if fault is None:
        return
    for index, case in enumerate(cases.cases):
        if case.target is not None and (found := fault(case)):
            yield cases.problem(index, f"case {case.id!r}: {found[0]}", found[1], "target")


def _fault_finder(grader: GraderFile) -> Callable[[Case], _Fault] | None:
    match grader:
        case ChoiceGrader(labels=labels):
            known = frozenset(labels)
            return lambda case: _choice_fault(case.target, known, labels)
        case NumberGrader():
            return lambda case: _number_fault(case.target)
        case RegexGrader(pattern=None, ignore_case=ignore_case):
            return lambda case: _pattern_fault(case.target, ignore_case=ignore_case)
        case ExactGrader() | RegexGrader() | FunctionGrader():
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
