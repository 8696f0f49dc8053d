"""What people say about answers that a judge graded."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from evalgate.core.digest import sha256_of
from evalgate.core.outcome import Answer
from evalgate.core.written import Written


class HumanLabel(Written):
    """One person's verdict on one answer to one case (a line of ``labels.jsonl``).

    ``answer`` names what was served by its digest, so that a label outlives the run it was given on and never
    speaks about another answer. ``question`` and ``said`` are for people who read the file.
    """

    case: Annotated[str, Field(min_length=1)]
    answer: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    correct: bool
    by: Annotated[str, Field(min_length=1)]
    question: str | None = None
    said: str | None = None


@dataclass(frozen=True, slots=True)
class JudgeStatus:
    """What stands behind grades that a model gave.

    ``labelled`` of the ``differing`` cases (whose two answers are not the same) have both answers labelled
    by people. ``validated`` says that these correct accuracy, ``because`` why they do not.
    """

    labelled: int
    differing: int
    validated: bool
    because: str = ""


def answer_digest(answer: Answer) -> str:
    """Return the name of an answer in ``labels.jsonl``: SHA-256 of its text and tool calls."""
    calls = [{"name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
    return sha256_of({"text": answer.text, "tool_calls": calls})
