"""What people say about answers that a judge graded."""

from typing import Annotated

from pydantic import Field

from evalgate.core.digest import sha256_of
from evalgate.core.outcome import Answer
from evalgate.core.written import Written


class HumanLabel(Written):
    """One person's verdict on one answer to one case (a line of ``labels.jsonl``).

    ``answer`` is :func:`answer_digest` of what was served, so that a label outlives the run it was given on
    and never speaks about another answer.
    """

    case: Annotated[str, Field(min_length=1)]
    answer: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    correct: bool
    by: Annotated[str, Field(min_length=1)]


def answer_digest(answer: Answer) -> str:
    """Return the name of an answer in ``labels.jsonl``: SHA-256 of its text and tool calls."""
    calls = [{"name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
    return sha256_of({"text": answer.text, "tool_calls": calls})
