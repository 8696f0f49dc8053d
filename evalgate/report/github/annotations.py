"""The decision as annotations on files of a pull request: at most eight, as GitHub shows no more than ten."""

from collections.abc import Iterator, Mapping, Sequence

from evalgate.core.errors import Problem
from evalgate.core.verdict import Decision
from evalgate.report import wording
from evalgate.report.announced import announcements
from evalgate.report.numbers import count
from evalgate.report.review import workflow_command

MOST = 8


def annotations(decision: Decision, lines: Mapping[str, int]) -> list[str]:
    """Return workflow commands: what blocks, on the line of its file that ``lines`` names, then the rest."""
    return _fitting([*_blocked(decision, lines), *_announced(decision)])


def problem_annotations(problems: Sequence[Problem]) -> list[str]:
    """Return workflow commands for what is wrong in files that people wrote."""
    return _fitting([workflow_command("error", problem) for problem in problems])


def _blocked(decision: Decision, lines: Mapping[str, int]) -> Iterator[str]:
    for judgement in decision.judgements:
        for check in judgement.checks:
            if check.blocked:
                subject = f"{judgement.suite}, {wording.check_words(check).subject}"
                file = judgement.file or None
                line = lines.get(judgement.file) if file else None
                yield workflow_command("error", Problem(check.reason, "", file, line, key=subject))


def _announced(decision: Decision) -> Iterator[str]:
    for text in announcements(decision):
        yield workflow_command("warning", Problem(text))


def _fitting(commands: Sequence[str]) -> list[str]:
    if len(commands) <= MOST:
        return list(commands)
    left = count(len(commands) - MOST + 1, "more finding")
    said = f"and {left}: the step's summary has all"
    level = "error" if commands[MOST - 1].startswith("::error") else "warning"
    return [*commands[: MOST - 1], workflow_command(level, Problem(said))]
