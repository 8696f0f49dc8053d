"""Everything evalgate refuses to do, and the exit code each refusal has.

EvalgateError
├── BadInput            2   a file or the command line is wrong; carries every problem found
├── CannotJudge         4   the gate could not judge (this is not "the gate said no")
│   ├── MissingRecordings
│   ├── ProviderRefused
│   ├── GraderCrash
│   └── RunsNotComparable
├── SpendCapReached     5
└── Interrupted         130
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process tells the shell; documented in README.md and docs/cli.md."""

    OK = 0
    BLOCKED = 1
    BAD_INPUT = 2
    BLOCKED_UNPROVEN = 3
    CANNOT_JUDGE = 4
    SPEND_CAP = 5
    BUG = 70
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file a person wrote: where, what, and how to mend it."""

    message: str
    cure: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        subject = ": ".join(part for part in (place, self.key) if part)
        sentence = f"{subject}: {self.message}" if subject else self.message
        return f"{sentence}\n    {self.cure}" if self.cure else sentence


class EvalgateError(Exception):
    """A refusal that is explained to the user in a sentence; anything else is a bug in evalgate."""

    exit_code: ClassVar[ExitCode]


class BadInput(EvalgateError):
    """Files or arguments that cannot be used; lists every problem, not only the first."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class CannotJudge(EvalgateError):
    """The evidence for a verdict could not be obtained; never confused with a failed gate."""

    exit_code = ExitCode.CANNOT_JUDGE


class MissingRecordings(CannotJudge):
    """Replay needed calls that nobody has recorded."""


class ProviderRefused(CannotJudge):
    """A provider cannot be used at all: no key, bad key, unknown model, unreachable origin."""


class GraderCrash(CannotJudge):
    """A grader raised: a bug in the ruler, which must never count as a wrong answer."""


class RunsNotComparable(CannotJudge):
    """Two runs do not cover the same cases of the same suite."""


class SpendCapReached(EvalgateError):
    """The spending cap was reached; finished work is kept and the same command continues."""

    exit_code = ExitCode.SPEND_CAP


class Interrupted(EvalgateError):
    """Somebody asked to stop; finished work is kept and the same command continues."""

    exit_code = ExitCode.INTERRUPTED
