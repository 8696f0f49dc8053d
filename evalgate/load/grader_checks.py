"""What can be wrong with a grader itself, before any case is looked at."""

from collections.abc import Iterator

from evalgate.core.errors import Problem
from evalgate.core.suite_file import (
    ChoiceGrader,
    ContainsGrader,
    GraderFile,
    JudgeGrader,
    RegexGrader,
    SimilarityGrader,
    SuiteFile,
    TextF1Grader,
    ToolCallsGrader,
)
from evalgate.load.case_files.targets import EMPTY_TEXT, RE2_CURE
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.patterns import pattern_error
from evalgate.load.syntax.yaml_text import KeyPath

_TIE = 0.5


def grader_keys(suite: SuiteFile) -> Iterator[tuple[KeyPath, GraderFile]]:
    """Yield every grader of a suite with its key."""
    if suite.grader is not None:
        yield ("grader",), suite.grader
    for index, each in enumerate(suite.graders):
        yield ("graders", index), each


def check_grader(suite: Document[SuiteFile]) -> Iterator[Problem]:
    """Yield what is wrong with the graders themselves."""
    for key, grader in grader_keys(suite.value):
        yield from _grader_problems(suite, key, grader)
        if _gives_shares(grader) and suite.value.correct_at is None:
            message = f"the grader {grader.kind!r} gives scores between 0 and 1, and correct_at is missing"
            yield suite.problem(key, message, "say from which score on an answer is correct: correct_at: 0.8")
    if isinstance(suite.value.grader, JudgeGrader) and suite.value.grader.pairwise:
        correct_at = suite.value.correct_at
        if correct_at is not None and correct_at > _TIE:
            message = f"a pairwise judge gives the baseline itself {_TIE}, so all of it would be wrong"
            cure = f"write correct_at: {_TIE}; a case is then correct when the answer is no worse"
            yield suite.problem(("correct_at",), message, cure)
    if suite.value.grader is not None and suite.value.grader.weight != 1:
        cure = "remove it, or write several graders under graders"
        yield suite.problem(("grader", "weight"), "one grader alone has no weight", cure)


def _grader_problems(suite: Document[SuiteFile], key: KeyPath, grader: GraderFile) -> Iterator[Problem]:
    match grader:
        case ChoiceGrader():
            yield from _label_problems(suite, key, grader)
        case RegexGrader(pattern=str(pattern), ignore_case=ignore_case):
            if error := pattern_error(pattern, ignore_case=ignore_case):
                yield suite.problem((*key, "pattern"), f"not an RE2 pattern: {error}", RE2_CURE)
        case ContainsGrader():
            lists = {"all": grader.all, "any": grader.any, "none": grader.none}
            empty = [(name, texts.index("")) for name, texts in lists.items() if "" in texts]
            yield from (suite.problem((*key, *place), *EMPTY_TEXT) for place in empty)
        case ToolCallsGrader(arguments=arguments):
            for name in arguments:
                if "." not in name:
                    message = f"{name!r} does not say of which tool"
                    cure = f"write tool.{name}, or '*.{name}' for every tool"
                    yield suite.problem((*key, "arguments", name), message, cure, at_key=True)
        case _:
            return


def _label_problems(suite: Document[SuiteFile], key: KeyPath, grader: ChoiceGrader) -> Iterator[Problem]:
    labels, ignore_case = grader.labels, grader.ignore_case
    seen: dict[str, str] = {}
    for index, label in enumerate(labels):
        same = label.strip().casefold() if ignore_case else label.strip()
        if not same:
            yield suite.problem((*key, "labels", index), "the label is empty", "write the label")
        elif (earlier := seen.setdefault(same, label)) != label or labels.index(label) < index:
            message = f"the label {label!r} cannot be told from {earlier!r}"
            yield suite.problem((*key, "labels", index), message, "keep one of the two")


def _gives_shares(grader: GraderFile) -> bool:
    """Tell whether even a good answer seldom scores 1, so that the default of ``correct_at`` misleads."""
    match grader:
        case TextF1Grader() | SimilarityGrader():
            return True
        case JudgeGrader(labels=labels):
            return not labels
        case _:
            return False
