"""What people said about answers, from a suite's ``labels.jsonl``."""

from collections.abc import Collection, Iterator
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.core.labels import HumanLabel
from evalgate.core.suite import Suite
from evalgate.load.case_files.cases import capped
from evalgate.load.syntax.documents import parse_json, read_bytes, validate

LABELS = "labels.jsonl"
_CURE = "`evalgate judge-check --to-label FILE` writes lines to fill in"

_Lines = list[tuple[int, HumanLabel]]


def read_labels(path: Path, shown: str, case_ids: Collection[str]) -> tuple[HumanLabel, ...]:
    """Return the labels of a suite with these cases; none where there is no such file.

    Raises:
        BadInput: with the problems of all lines (the first 50 and how many more).

    """
    if not path.is_file():
        return ()
    found: _Lines = []
    problems: list[Problem] = []
    for number, line in enumerate(read_bytes(path, shown, _CURE).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            text = line.decode()
            found.append((number, validate(parse_json(text, shown, number), HumanLabel, shown)))
        except UnicodeDecodeError:
            problems.append(Problem("the line is not UTF-8 text", "save the file as UTF-8", shown, number))
        except BadInput as bad:
            problems.extend(bad.problems)
    problems += [*_unknown_cases(found, shown, case_ids), *_said_twice(found, shown)]
    if problems:
        raise BadInput(capped(problems, shown))
    return tuple(label for _, label in found)


def new_labels(known: Suite, found: Suite | None) -> tuple[HumanLabel, ...]:
    """Return what ``found`` says of answers that ``known`` does not: a new answer has no old label."""
    said = {(label.case, label.answer) for label in known.labels}
    cases = {case.id for case in known.cases}
    labels = () if found is None else found.labels
    return tuple(each for each in labels if each.case in cases and (each.case, each.answer) not in said)


def _unknown_cases(found: _Lines, shown: str, case_ids: Collection[str]) -> Iterator[Problem]:
    for number, label in found:
        if label.case not in case_ids:
            cure = "remove the line, or give the case the id that it has in the suite"
            yield Problem(f"the suite has no case {label.case!r}", cure, shown, number, None, "case")


def _said_twice(found: _Lines, shown: str) -> Iterator[Problem]:
    first: dict[tuple[str, str, str], int] = {}
    for number, label in found:
        earlier = first.setdefault((label.case, label.answer, label.by), number)
        if earlier != number:
            message = f"{label.by!r} labelled this answer in line {earlier} already"
            yield Problem(message, "keep one of the lines", shown, number, None, "by")
