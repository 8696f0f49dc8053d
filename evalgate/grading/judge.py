"""The ``judge`` grader: another model grades the answer by a rubric."""

from collections.abc import Mapping

from evalgate.core.calls import Call, Request
from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, Failure, Grade, Outcome
from evalgate.core.suite import Grader
from evalgate.core.suite_file import JudgeGrader
from evalgate.grading.asking import deployment_of
from evalgate.grading.excerpt import excerpt
from evalgate.grading.json_answer import stated_json
from evalgate.grading.judge_error import JudgeError, response_to, why_failed
from evalgate.grading.judge_prompt import judge_messages, pair_messages

_TIE = 0.5
_LONGEST = 300


class _Unusable(Exception):
    """A reply that is not a grade, with why."""


def judge_requests(
    case: Case, answer: Answer, grader: Grader, spec: JudgeGrader, other: Answer | Failure | None
) -> tuple[Request, ...]:
    """Return the calls that grading ``answer`` needs: one, or for a pair one in each order, or none."""
    deployment = deployment_of(grader)
    if not spec.pairwise:
        return (deployment.request(judge_messages(case, answer, spec)),)
    if not isinstance(other, Answer) or _alike(answer, other):
        return ()
    return (
        deployment.request(pair_messages(case, answer, other, spec)),
        deployment.request(pair_messages(case, other, answer, spec)),
    )


def grade_by_judge(
    case: Case,
    outcome: Outcome,
    requests: tuple[Request, ...],
    spec: JudgeGrader,
    calls: Mapping[str, Call],
    other: Answer | Failure | None,
) -> Grade | JudgeError:
    """Return the judge's grade of an Answer; ``correct`` is left to the suite's ``correct_at``.

    A pair is asked about in both orders, because judges prefer a place, and the two verdicts are averaged:
    1 for the better answer, 0.5 for a tie, 0 for the worse one.

    Raises:
        MissingRecordings: a call is not among ``calls``.

    """
    if not requests:
        return _uncontested(other)
    replies: list[Grade] = []
    for request in requests:
        response = response_to(request, calls)
        text = None if response is None else response.text
        if text is None:
            return JudgeError(case.id, outcome.trial, why_failed(request, calls))
        try:
            replies.append(_pair_grade(text) if spec.pairwise else _grade(text, spec))
        except _Unusable as unusable:
            return JudgeError(case.id, outcome.trial, f"{unusable} in the judge's reply {excerpt(text)}")
    if not spec.pairwise:
        return replies[0]
    straight, swapped = replies
    score = (straight.score + 1 - swapped.score) / 2
    return Grade(score, correct=False, reason=f"{straight.reason}; swapped: {swapped.reason}")


def _uncontested(other: Answer | Failure | None) -> Grade:
    if isinstance(other, Failure):
        return Grade(1.0, correct=False, reason="the baseline gave no answer")
    same = "equals the baseline's answer" if other is not None else "is the baseline's answer"
    return Grade(_TIE, correct=False, reason=same)


def _alike(answer: Answer, other: Answer) -> bool:
    def made(one: Answer) -> list[tuple[str, str]]:
        return [(call.name, call.arguments) for call in one.tool_calls]

    return answer.text == other.text and made(answer) == made(other)


def _grade(text: str, spec: JudgeGrader) -> Grade:
    reply, reason = _reply(text)
    if spec.score is not None:
        low, high = spec.score
        given = reply.get("score")
        if isinstance(given, bool) or not isinstance(given, int | float) or given != given // 1:
            raise _Unusable("no whole number as score")
        if not low <= given <= high:
            raise _Unusable(f"a score outside {low} to {high}")
        return Grade(
            (given - low) / (high - low), correct=False, reason=f"judged {given:g} of {high}{reason}"
        )
    label = _label(reply, spec.labels)
    return Grade(float(label in spec.correct), correct=False, reason=f"judged {label!r}{reason}", label=label)


def _pair_grade(text: str) -> Grade:
    reply, reason = _reply(text)
    label = _label(reply, ["first", "second", "tie"])
    score = {"first": 1.0, "second": 0.0}.get(label, _TIE)
    return Grade(
        score, correct=False, reason=f"{label} preferred{reason}" if label != "tie" else f"a tie{reason}"
    )


def _reply(text: str) -> tuple[dict[str, object], str]:
    """Read a reply strictly: an object elsewhere in it may be the answer's own, quoted by the judge."""
    reply = stated_json(text)
    if not isinstance(reply, dict):
        raise _Unusable("no JSON object alone")
    reason = reply.get("reason", "")
    if not isinstance(reason, str):
        raise _Unusable("a reason that is no text")
    told = " ".join(reason.split())
    return reply, f": {told[:_LONGEST]}" if told else ""


def _label(reply: dict[str, object], labels: list[str]) -> str:
    given = reply.get("label")
    if not isinstance(given, str) or given.strip() not in labels:
        raise _Unusable("no known label")
    return given.strip()
