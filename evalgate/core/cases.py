"""Golden questions, as a person writes them (one JSON object a line)."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from evalgate.core.messages import Message
from evalgate.core.suite_file import Tolerance
from evalgate.core.written import Written


class Case(Written):
    """One golden question.

    Either ``input`` or ``messages`` asks it. ``vars`` holds any columns: prompt variables, recorded router
    scores. ``group`` marks dependent cases (a cluster for statistics); ``same_answer`` marks cases that may
    share a cached answer; ``near_miss_of`` names a case that reads alike and must never share its answer;
    ``at`` is seconds on the cases' clock. A case without ``target`` is not graded.
    """

    id: Annotated[str, Field(min_length=1)]
    input: str | None = None
    messages: tuple[Message, ...] | None = None
    target: Any = None
    vars: dict[str, Any] = {}
    slices: dict[str, str] = {}
    group: str | None = None
    same_answer: str | None = None
    near_miss_of: str | None = None
    at: Annotated[float, Field(allow_inf_nan=False)] | str | None = None
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0

    @model_validator(mode="after")
    def _asked_once(self) -> "Case":
        if (self.input is None) == (self.messages is None):
            raise ValueError("a case has either input or messages")
        if self.messages is not None and not self.messages:
            raise ValueError("messages is empty: a conversation has at least one turn")
        return self


def question_text(case: Case) -> str:
    """Return what the user asks: the case's ``input``, or the last user message that has text, or ``""``."""
    if case.messages is None:
        return case.input or ""
    for message in reversed(case.messages):
        if message.role == "user" and message.content:
            return message.content
    return ""


class ExpectedCall(Written):
    """One tool call in the ``target`` of a case; without ``arguments`` any will do.

    ``any_of`` holds further values that are as good for an argument, ``ignore`` arguments that do not count.
    """

    name: Annotated[str, Field(min_length=1)]
    arguments: dict[str, Any] | None = None
    any_of: dict[str, list[Any]] = {}
    ignore: list[str] = []
    tolerance: dict[str, Tolerance] = {}
